// What a run of blocks says about pace. Blocks are BlockSummary, newest first.

/** How many blocks are the newest: what a member did in them it does now. */
export const NEWEST = 60;
/** Who signed none of fewer certificates may have been unlucky. */
export const SILENT_FROM = 10;

/** Joins newer blocks with those held, newest first, each height once, at most `most`. */
export function merged(held, came, most) {
  const byHeight = new Map(held.map((block) => [block.height, block]));
  for (const block of came) byHeight.set(block.height, block);
  return [...byHeight.values()].sort((one, other) => other.height - one.height).slice(0, most);
}

/** These blocks when an anchor covers those up to its height. */
export function anchored(blocks, anchor) {
  return blocks.map((block) => (block.anchor === null && block.height <= anchor.height ? { ...block, anchor: anchor.number } : block));
}

/** Transactions per second in equal steps that end now, oldest first; nothing before the oldest block that is held. */
export function perSecond(blocks, { nowMs, stepMs, steps }) {
  const sums = new Array(steps).fill(0);
  for (const block of blocks) {
    const step = steps - 1 - Math.floor(Math.max(0, nowMs - block.timestamp_ms) / stepMs);
    if (step >= 0) sums[step] += block.transaction_count;
  }
  return sums.map((sum) => (sum * 1_000) / stepMs);
}

/** Times between neighbouring blocks: { p50, p99 } in milliseconds, or nothing below two blocks. */
export function spacing(blocks) {
  const gaps = [];
  for (let at = 1; at < blocks.length; at += 1) {
    if (blocks[at - 1].height === blocks[at].height + 1) gaps.push(blocks[at - 1].timestamp_ms - blocks[at].timestamp_ms);
  }
  if (gaps.length === 0) return undefined;
  gaps.sort((one, other) => one - other);
  return { p50: percentile(gaps, 0.5), p99: percentile(gaps, 0.99) };
}

/** How many of these blocks' own certificates a member signed: { signed, of }; those of a committee that has passed do not count. */
export function signedBy(blocks, index) {
  const certified = blocks.filter(({ leader }) => leader !== null);
  return { signed: certified.filter(({ signers }) => signers.includes(index)).length, of: certified.length };
}

/**
 * Whether a member, as `/v1/federation` shows it at this height, signs nothing any more: it is away, or too late every time. That
 * it missed some says nothing. A certificate is there as soon as a quorum signed, so in a healthy committee whoever is slowest
 * misses many, and one that was away for an hour has them on its account for long after it came back.
 */
export function isSilent({ last_signed_height: last, of }, height) {
  return of >= SILENT_FROM && (last === null || height - last >= NEWEST);
}

function percentile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}
