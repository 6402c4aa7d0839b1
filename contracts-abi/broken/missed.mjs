// Tests of whole properties that must fail while a rule is off, and with what: their attackers win nothing that could
// be counted, so their twins are their failures.

/** `because` is what forge says of the failure. */
export const missed = [
  { rule: "SidesEqual", test: "testFuzz_validChains_cannotBeConvicted", because: /^Differs\(/ },
  { rule: "FundsSpendNothing", test: "testFuzz_validChains_cannotBeConvicted", because: /^Differs\(/ },
  { rule: "BadAmount", test: "test_brokenInputs_areConvictedOfEachRule", because: /^Differs\(/ },
  { rule: "Malformed", test: "test_brokenForms_areConvictedOfEachRule", because: /^Differs\(/ },
  { rule: "HashTag", test: "test_certificates_convinceExactlyWhereTheFileSaysSo", because: /^NotTrue\(/ },
];
