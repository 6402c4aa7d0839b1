// What a transaction pays, which is less than what it creates: the change goes back. One transaction moves one asset, and all
// that it spends has one owner (docs/protocol.md section 2).

/** Who spends, by what is known of outputs; nothing for a deposit, and where its first input is not known. */
export function payerOf({ inputs }, fates) {
  return fates[inputs[0]?.output]?.owner;
}

/** Outputs that go to others than the payer. Where there are none, somebody sorts what they have: then all of them. */
export function paid(outputs, payer) {
  const toOthers = outputs.filter(({ owner }) => owner !== payer);
  return toOthers.length > 0 ? toOthers : outputs;
}
