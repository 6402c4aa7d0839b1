// How amounts, hashes, times and durations are written. Pure: amounts come as decimal texts and never become floats.

export const ETH = '0x0000000000000000000000000000000000000000';

const WEI_DIGITS = 18;
const GWEI_DIGITS = 9;
const SHOWN_DECIMALS = 6;
const THIN_SPACE = '\u202f';

/** Digits in groups of three. */
export function grouped(digits) {
  return String(digits).replace(/\B(?=(\d{3})+$)/g, THIN_SPACE);
}

/**
 * An amount for people: { text, unit, exact }. ETH has at most six decimals, an ellipsis where more were left out, and goes
 * down to gwei and wei; of a token only its smallest units are known.
 */
export function amount(units, asset) {
  const sign = units.startsWith('-') ? '−' : '';
  const digits = units.replace('-', '');
  if (asset.toLowerCase() !== ETH) return { text: sign + grouped(digits), unit: 'units', exact: `${sign}${grouped(digits)} units` };
  const exact = `${sign}${grouped(digits)} wei`;
  const scaled = (places, unit) => ({ text: sign + decimal(digits, places), unit, exact });
  if (digits === '0' || digits.length > WEI_DIGITS - SHOWN_DECIMALS) return scaled(WEI_DIGITS, 'ETH');
  return digits.length > GWEI_DIGITS - SHOWN_DECIMALS ? scaled(GWEI_DIGITS, 'gwei') : scaled(0, 'wei');
}

function decimal(digits, places) {
  const padded = digits.padStart(places + 1, '0');
  const whole = grouped(padded.slice(0, padded.length - places));
  const fraction = padded.slice(padded.length - places).replace(/0+$/, '');
  if (places === 0 || fraction === '') return whole;
  const shown = fraction.slice(0, SHOWN_DECIMALS);
  return `${whole}.${shown}${fraction.length > SHOWN_DECIMALS ? '…' : ''}`;
}

/** The two ends of a hash, an address or a key. */
export function short(text) {
  return text.length > 14 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text;
}

/** Local time of day, with the date unless it is today's. */
export function localTime(ms, todayMs) {
  const [time, today] = [new Date(ms), new Date(todayMs)];
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const isToday = time.toDateString() === today.toDateString();
  return isToday ? clock : `${time.toLocaleDateString([], { year: 'numeric', month: 'short', day: 'numeric' })}, ${clock}`;
}

/** The same instant in UTC, to the millisecond. */
export function utc(ms) {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

/** A span in its largest two units; below a minute in seconds, below a second in milliseconds. */
export function duration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** How long ago, on a clock that shows `nowMs`. */
export function ago(ms, nowMs) {
  const past = nowMs - ms;
  return past < 1_000 ? 'just now' : `${duration(Math.floor(past / 1_000) * 1_000)} ago`;
}

/** How long until, or that it is due. */
export function until(ms, nowMs) {
  return ms <= nowMs ? 'due now' : `in ${duration(Math.ceil((ms - nowMs) / 1_000) * 1_000)}`;
}

/** A count with its noun. */
export function count(number, noun, plural = `${noun}s`) {
  return `${grouped(number)} ${number === 1 ? noun : plural}`;
}
