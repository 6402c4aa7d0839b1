// The operator's clock, as far as this browser can tell: its own, moved by what the last status showed.

let skewMs = 0;

/** Milliseconds since 1970 on the operator's clock. */
export function now() {
  return Date.now() + skewMs;
}

/** Takes the clock of a status that was asked and answered at these times of ours. */
export function setClock(text, { askedMs, answeredMs }) {
  const shown = Date.parse(text);
  if (Number.isFinite(shown)) skewMs = shown - (askedMs + answeredMs) / 2;
}
