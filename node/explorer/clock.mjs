// Two clocks as far as this browser can tell: the operator's, which is its own, moved by what the last status showed; and
// Ethereum's, of whose time the operator tells that of the newest anchor.

let skewMs = 0;
let anchorNumber;
let aheadMs = 0;

/** Milliseconds since 1970 on the operator's clock. */
export function now() {
  return Date.now() + skewMs;
}

/** The same on Ethereum's, or a little less: it goes with the operator's, and ahead of it where an anchor was mined later than that. */
export function ethereumNow() {
  return now() + aheadMs;
}

/** Takes the clock of a status that was asked and answered at these times of ours. */
export function setClock(text, { askedMs, answeredMs }) {
  const shown = Date.parse(text);
  if (Number.isFinite(shown)) skewMs = shown - (askedMs + answeredMs) / 2;
}

/** Takes the newest anchor of a status, when it is first seen: later it only is older. */
export function setEthereumClock(anchor) {
  if (!anchor || anchor.number === anchorNumber) return;
  anchorNumber = anchor.number;
  aheadMs = Math.max(0, anchor.time_s * 1_000 - now());
}
