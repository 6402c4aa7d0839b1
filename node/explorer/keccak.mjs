// keccak-256 as Ethereum uses it (padding 0x01), one message at a time.
// Source: keccak.team/keccak_specs_summary.html. A lane of 64 bits is two words, the low one first.

const RATE_BYTES = 136;
const ROUNDS = 24;
const ROUND_CONSTANTS = roundConstants();

/** The hash of some bytes, as 32 bytes. */
export function keccak(bytes) {
  const padded = new Uint8Array(Math.floor(bytes.length / RATE_BYTES) * RATE_BYTES + RATE_BYTES);
  padded.set(bytes);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const state = new Int32Array(50);
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += RATE_BYTES) {
    for (let word = 0; word < RATE_BYTES / 4; word += 1) state[word] ^= view.getInt32(at + 4 * word, true);
    permute(state);
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (let word = 0; word < 8; word += 1) hash.setInt32(4 * word, state[word], true);
  return new Uint8Array(hash.buffer);
}

function permute(state) {
  for (let round = 0; round < ROUNDS; round += 1) {
    theta(state);
    rhoAndPi(state);
    chi(state);
    state[0] ^= ROUND_CONSTANTS[2 * round];
    state[1] ^= ROUND_CONSTANTS[2 * round + 1];
  }
}

const PARITY = new Int32Array(10);

function theta(state) {
  for (let x = 0; x < 10; x += 1) PARITY[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
  for (let x = 0; x < 10; x += 2) {
    const [left, right] = [(x + 8) % 10, (x + 2) % 10];
    const low = PARITY[left] ^ ((PARITY[right] << 1) | (PARITY[right + 1] >>> 31));
    const high = PARITY[left + 1] ^ ((PARITY[right + 1] << 1) | (PARITY[right] >>> 31));
    for (let lane = x; lane < 50; lane += 10) {
      state[lane] ^= low;
      state[lane + 1] ^= high;
    }
  }
}

// Walks the one cycle of pi and turns each lane by the next triangular number.
function rhoAndPi(state) {
  let [x, y, low, high] = [1, 0, state[2], state[3]];
  for (let step = 1; step <= ROUNDS; step += 1) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    const lane = 2 * (x + 5 * y);
    const bits = ((step * (step + 1)) / 2) % 64;
    if (bits >= 32) [low, high] = [high, low];
    const turn = bits % 32;
    const back = 31 - turn;
    const turned = [(low << turn) | (high >>> 1 >>> back), (high << turn) | (low >>> 1 >>> back)];
    [low, high] = [state[lane], state[lane + 1]];
    [state[lane], state[lane + 1]] = turned;
  }
}

const ROW = new Int32Array(10);

function chi(state) {
  for (let row = 0; row < 50; row += 10) {
    for (let x = 0; x < 10; x += 1) ROW[x] = state[row + x];
    for (let x = 0; x < 10; x += 1) state[row + x] = ROW[x] ^ (~ROW[(x + 2) % 10] & ROW[(x + 4) % 10]);
  }
}

// The bits of a shift register over x^8 + x^6 + x^5 + x^4 + 1, at the places 2^j - 1.
function roundConstants() {
  const constants = new Int32Array(2 * ROUNDS);
  let register = 1;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let j = 0; j <= 6; j += 1) {
      const bit = (1 << j) - 1;
      if (register & 1) constants[2 * round + (bit >> 5)] |= 1 << (bit % 32);
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
  }
  return constants;
}
