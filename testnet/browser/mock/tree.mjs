// The making side of the ledger's tree: the page only checks.

import { PAD, parentOf } from '../../../node/explorer/merkle.mjs';

/** The root over some leaves. */
export function rootOfAll(leaves) {
  return levelsOf(leaves).at(-1)[0] ?? PAD;
}

/** The proof of one of them. */
export function proofOf(leaves, index) {
  return levelsOf(leaves)
    .slice(0, -1)
    .map((level, depth) => level[(index >> depth) ^ 1] ?? PAD);
}

// A history grows at its end: most parents were made before.
const parents = new Map();

function parent(left, right) {
  const pair = left + right;
  if (!parents.has(pair)) parents.set(pair, parentOf(left, right));
  return parents.get(pair);
}

function levelsOf(leaves) {
  const levels = [leaves];
  while (levels.at(-1).length > 1) {
    const below = levels.at(-1);
    const above = [];
    for (let at = 0; at < below.length; at += 2) above.push(parent(below[at], below[at + 1] ?? PAD));
    levels.push(above);
  }
  return levels;
}
