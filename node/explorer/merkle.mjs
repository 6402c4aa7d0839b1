// The one tree shape of the ledger (protocol.md section 3).

import { bigEndian, concat, fromHex, toHex } from './bytes.mjs';
import { keccak } from './keccak.mjs';

/** The partner of a last node without one: keccak("plasma/pad"). */
export const PAD = toHex(keccak(new TextEncoder().encode('plasma/pad')));

/** The root that a leaf and its proof lead to, in a tree of `count` leaves. All hashes are hex. */
export function rootOf({ leaf, index, count, proof }) {
  if (!(index < count)) throw new RangeError(`there is no leaf ${index} among ${count}`);
  if (proof.length !== depth(count)) throw new RangeError(`a proof among ${count} has ${depth(count)} hashes, not ${proof.length}`);
  let at = index;
  return proof.reduce((node, sibling) => {
    const pair = at % 2 === 0 ? [node, sibling] : [sibling, node];
    at = Math.floor(at / 2);
    return parentOf(...pair);
  }, leaf);
}

/** The node above two. */
export function parentOf(left, right) {
  return toHex(keccak(concat(fromHex(left), fromHex(right))));
}

/** Leaf of a transaction: its bytes with the signature. */
export function transactionLeaf(bytes) {
  return toHex(keccak(concat([0x00], bytes)));
}

/** Leaf of a block in the history. */
export function historyLeaf({ height, transactionCount, transactionsRoot, l1Height }) {
  const fields = [bigEndian(height, 4), bigEndian(transactionCount, 4), fromHex(transactionsRoot), bigEndian(l1Height, 8)];
  return toHex(keccak(concat([0x01], ...fields)));
}

function depth(count) {
  return Math.ceil(Math.log2(count));
}
