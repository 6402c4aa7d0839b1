// Bytes, their hex, and a reader that never reads past the end.

/** The bytes of `0x…`. */
export function fromHex(text) {
  if (typeof text !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new RangeError('not 0x and pairs of hex digits');
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** `0x` and lower-case hex. */
export function toHex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** One after the other. */
export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A number as big-endian bytes. */
export function bigEndian(number, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(number);
  for (let at = size - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError(`${number} does not fit ${size} bytes`);
  return bytes;
}

/** Reads fields one after the other; too short or too long is an error. */
export class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  take(size) {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new RangeError(`ends ${end - this.#bytes.length} bytes too early`);
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }

  big(size) {
    return this.take(size).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }

  number(size) {
    return Number(this.big(size));
  }

  hex(size) {
    return toHex(this.take(size));
  }

  end() {
    const rest = this.#bytes.length - this.#at;
    if (rest > 0) throw new RangeError(`${rest} bytes too many`);
  }
}
