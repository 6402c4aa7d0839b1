// Two clocks as far as this browser can tell, and neither is its own: the operator's, of which each status shows the time, and
// Ethereum's, of which it shows the time of the newest block.

/** So many of Ethereum's blocks are compared: a minute of them. */
const BLOCKS_COMPARED = 5;

let skewMs = 0;
let ethereumTime;
let leads = [];

/** Milliseconds since 1970 on the operator's clock. */
export function now() {
  return Date.now() + skewMs;
}

/**
 * The same on Ethereum's, or a little less: it goes on since the newest block was seen, by what has passed and by nobody's time of
 * day. The operator's until a block was seen.
 */
export function ethereumNow() {
  return leads.length > 0 ? performance.now() + Math.max(...leads) : now();
}

/** Takes the clock of a status that was asked and answered at these times of ours. */
export function setClock(text, { askedMs, answeredMs }) {
  const shown = Date.parse(text);
  if (Number.isFinite(shown)) skewMs = shown - (askedMs + answeredMs) / 2;
}

/** Takes the time of Ethereum's newest block. One that is seen late shows too little, so the earliest seen of the last few counts. */
export function setEthereumClock(text) {
  const shown = Date.parse(text);
  if (!Number.isFinite(shown) || text === ethereumTime) return;
  ethereumTime = text;
  leads = [shown - performance.now(), ...leads].slice(0, BLOCKS_COMPARED);
}
