// What the bytes of a receipt say (protocol.md sections 2, 4, 7 and 11). Decoding is strict: one encoding per value.

import { Reader, toHex } from './bytes.mjs';
import { keccak } from './keccak.mjs';

const KINDS = { 1: 'split', 2: 'merge', 4: 'fund', 5: 'transfer' };
const SIGNATURE_BYTES = 65;
const HEADER_BYTES = 184;
const CERTIFICATE_BYTES = 157;
const BITMAP_BYTES = 13;
const PROOF_HASHES_MAX = 32;
const EXPIRY_NEVER = 0xffffffff;

/** A transaction of exactly these bytes. */
export function decodeTransaction(bytes) {
  const reader = new Reader(bytes);
  const transaction = readTransaction(reader);
  reader.end();
  return transaction;
}

/** A header of exactly 184 bytes, with its id. */
export function decodeHeader(bytes) {
  const reader = new Reader(bytes);
  const header = {
    id: toHex(keccak(bytes)),
    height: reader.number(4),
    transactionCount: reader.number(4),
    parent: reader.hex(32),
    transactionsRoot: reader.hex(32),
    historyRoot: reader.hex(32),
    outputCommitment: reader.hex(32),
    l1Height: reader.number(8),
    l1Hash: reader.hex(32),
    timestampMs: reader.number(8),
  };
  reader.end();
  return header;
}

/** A certificate of exactly 157 bytes. */
export function decodeCertificate(bytes) {
  const reader = new Reader(bytes);
  const certificate = {
    epoch: reader.number(8),
    view: reader.number(8),
    block: reader.hex(32),
    signers: bitsOf(reader.take(BITMAP_BYTES)),
    signature: reader.hex(96),
  };
  reader.end();
  return certificate;
}

/** A whole receipt, nothing behind it. */
export function decodeReceipt(bytes) {
  const reader = new Reader(bytes);
  const receipt = {
    transaction: readTransaction(reader),
    index: reader.number(4),
    transactionProof: readProof(reader),
    height: reader.number(4),
    transactionCount: reader.number(4),
    transactionsRoot: reader.hex(32),
    l1Height: reader.number(8),
    historyProof: readProof(reader),
    header: decodeHeader(reader.take(HEADER_BYTES)),
    certificate: decodeCertificate(reader.take(CERTIFICATE_BYTES)),
  };
  reader.end();
  return receipt;
}

function readTransaction(reader) {
  const head = reader.take(27);
  const fields = new Reader(head);
  const kind = KINDS[fields.number(1)];
  if (!kind) throw new RangeError(`no kind of transaction: ${head[0]}`);
  const counts = { inputs: fields.number(1), outputs: fields.number(1) };
  if (!countsOf(kind, counts)) throw new RangeError(`no ${kind} has ${counts.inputs} inputs and ${counts.outputs} outputs`);
  const asset = fields.hex(20);
  const expiry = fields.number(4);
  const body = reader.take(41 * counts.inputs + 52 * counts.outputs);
  const rest = new Reader(body);
  const content = Uint8Array.of(...head, ...body);
  const signature = reader.take(SIGNATURE_BYTES);
  return {
    id: toHex(keccak(content)),
    bytes: Uint8Array.of(...content, ...signature),
    kind,
    asset,
    expiry: expiry === EXPIRY_NEVER ? undefined : expiry,
    inputs: Array.from({ length: counts.inputs }, () => readInput(rest)),
    outputs: Array.from({ length: counts.outputs }, () => ({ owner: rest.hex(20), amount: rest.big(32).toString() })),
  };
}

function countsOf(kind, { inputs, outputs }) {
  const within = (number, most) => number >= 1 && number <= most;
  switch (kind) {
    case 'transfer':
      return within(inputs, 4) && within(outputs, 4);
    case 'split':
      return inputs === 1 && within(outputs, 3);
    case 'merge':
      return inputs === 2 && outputs === 1;
    default:
      return inputs === 1 && outputs === 1;
  }
}

function readInput(reader) {
  const position = [reader.number(4), reader.number(4), reader.number(1)];
  return { output: position.join(':'), amount: reader.big(32).toString() };
}

function readProof(reader) {
  const length = reader.number(1);
  if (length > PROOF_HASHES_MAX) throw new RangeError(`a proof of ${length} hashes`);
  return Array.from({ length }, () => reader.hex(32));
}

function bitsOf(bitmap) {
  const places = Array.from({ length: 8 * bitmap.length }, (_, place) => place);
  return places.filter((place) => bitmap[place >> 3] & (1 << (place % 8)));
}
