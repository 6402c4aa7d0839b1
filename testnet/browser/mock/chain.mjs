// A made-up federation whose hashes are real: blocks, payments, certificates and anchors as the documents show them.
// Signatures are noise, which the page does not check.

import { bigEndian, concat, fromHex, toHex } from '../../../node/explorer/bytes.mjs';
import { ETH } from '../../../node/explorer/format.mjs';
import { keccak } from '../../../node/explorer/keccak.mjs';
import { PAD, historyLeaf, transactionLeaf } from '../../../node/explorer/merkle.mjs';
import { proofOf, rootOfAll } from './tree.mjs';

const KINDS = { fund: 4, transfer: 5 };
const ETHER = 10n ** 18n;
const ANCHOR_EVERY = 8;
const NEVER = 0xffffffff;

/** A hash of a name: the mock's keys, addresses and noise. */
export const noise = (name) => toHex(keccak(new TextEncoder().encode(name)));
/** An address with its checksum. */
export const address = (name) => checksummed(`0x${noise(name).slice(-40)}`);
export const USERS = Array.from({ length: 6 }, (_, at) => address(`user ${at}`));
export const TOKEN = address('token');

export class Chain {
  blocks = [];
  transactions = new Map();
  outputs = new Map();
  anchors = [];
  /** Who signs nothing any more. */
  away;
  #leaves = [];

  constructor({ startMs, l1Height = 1_000 }) {
    this.l1Height = l1Height;
    this.#append([], startMs, noise('genesis document'));
    const funds = USERS.flatMap((owner, user) => [this.#fund(owner, ETH, 2 * user, 100n * ETHER), this.#fund(owner, TOKEN, 2 * user + 1, 5_000_000n)]);
    this.#append(funds, startMs + 400);
  }

  get tip() {
    return this.blocks.at(-1);
  }

  get firstTransfer() {
    return [...this.transactions.values()].find(({ kind }) => kind === 'transfer');
  }

  /** Decides a block of so many payments, and the next one with it where it has no certificate of its own. */
  seal(payments, timestampMs) {
    const spendable = [...this.outputs.values()].filter((output) => output.status === 'unspent' && BigInt(output.amount) > 1_000n);
    const chosen = spendable.slice(Math.max(0, spendable.length - payments)).map((output) => this.#transfer(output));
    this.#append(chosen, timestampMs);
    if (this.tip.height % ANCHOR_EVERY === 0) this.#anchor();
    if (this.tip.signers.length === 0) this.seal(payments, timestampMs + 1);
  }

  anchorOver(height) {
    return this.anchors.find((anchor) => anchor.height >= height);
  }

  finalizedHeight() {
    return this.anchors.at(-2)?.height ?? 0;
  }

  certificateOver(height) {
    const certified = this.blocks.slice(height).find((block) => block.signers.length > 0);
    if (!certified) return undefined;
    const { signers } = certified;
    const signature = concat(...[1, 2, 3].map((part) => fromHex(noise(`signature ${certified.height} ${part}`))));
    const bitmap = new Uint8Array(13);
    for (const index of signers) bitmap[index >> 3] |= 1 << (index % 8);
    const place = [bigEndian(0, 8), bigEndian(certified.height, 8), fromHex(certified.id)];
    return {
      height: certified.height,
      block: certified.id,
      epoch: 0,
      view: certified.height,
      signers,
      quorum: 3,
      signature: toHex(signature),
      header: certified.header,
      raw: toHex(concat(...place, bitmap, signature)),
    };
  }

  proof(transaction) {
    const block = this.blocks[transaction.height];
    const certificate = this.certificateOver(block.height);
    const leaves = block.transactions.map((one) => transactionLeaf(fromHex(one.raw)));
    const transactionProof = proofOf(leaves, transaction.index);
    const historyProof = proofOf(this.#leaves.slice(0, certificate.height + 1), block.height);
    const hashes = (proof) => [bigEndian(proof.length, 1), ...proof.map(fromHex)];
    const raw = concat(
      fromHex(transaction.raw),
      bigEndian(transaction.index, 4),
      ...hashes(transactionProof),
      bigEndian(block.height, 4),
      bigEndian(block.transactions.length, 4),
      fromHex(block.transactionsRoot),
      bigEndian(block.l1Height, 8),
      ...hashes(historyProof),
      fromHex(certificate.header),
      fromHex(certificate.raw),
    );
    return {
      id: transaction.id,
      transaction: transaction.raw,
      index: transaction.index,
      transaction_proof: transactionProof,
      height: block.height,
      transaction_count: block.transactions.length,
      transactions_root: block.transactionsRoot,
      l1_height: block.l1Height,
      history_proof: historyProof,
      certificate,
      raw: toHex(raw),
    };
  }

  #fund(owner, asset, deposit, amount) {
    return encoded({ kind: 'fund', asset, deposit, inputs: [{ output: `0:0:0`, amount: amount.toString(), packed: deposit }], outputs: [{ owner, amount: amount.toString() }] });
  }

  #transfer({ output, owner, asset, amount }) {
    const paid = BigInt(amount) / 3n + 1n;
    const other = USERS[(USERS.indexOf(owner) + 1) % USERS.length];
    const outputs = [
      { owner: other, amount: paid.toString() },
      { owner, amount: (BigInt(amount) - paid).toString() },
    ];
    return encoded({ kind: 'transfer', asset, inputs: [{ output, amount }], outputs });
  }

  #append(contents, timestampMs, parent = this.tip?.id) {
    const height = this.blocks.length;
    const transactions = contents.map((content, index) => ({ ...content, height, index }));
    const transactionsRoot = rootOfAll(transactions.map((one) => transactionLeaf(fromHex(one.raw))));
    const block = { height, parent, timestampMs, transactions, transactionsRoot, l1Height: this.l1Height + height, l1Hash: noise(`l1 ${height}`), outputCommitment: noise(`outputs ${height}`) };
    this.#leaves.push(historyLeaf({ height, transactionCount: transactions.length, transactionsRoot: transactions.length ? transactionsRoot : PAD, l1Height: block.l1Height }));
    block.historyRoot = rootOfAll(this.#leaves);
    block.header = toHex(headerOf(block));
    block.id = toHex(keccak(fromHex(block.header)));
    block.leader = height % 4;
    block.signers = signersOf(height, this.away);
    this.blocks.push(block);
    for (const transaction of transactions) this.#apply(transaction);
  }

  #apply(transaction) {
    const { height, index, id, asset } = transaction;
    this.transactions.set(id, transaction);
    transaction.inputs.forEach(({ output }, input) => {
      const spent = this.outputs.get(output);
      if (spent) Object.assign(spent, { status: 'spent', spent_by: { height, index, input, id } });
    });
    transaction.outputs.forEach((payment, at) => {
      payment.output = `${height}:${index}:${at}`;
      const packed = (BigInt(height) << 40n) | (BigInt(index) << 8n) | BigInt(at);
      this.outputs.set(payment.output, { output: payment.output, index: packed.toString(), status: 'unspent', owner: payment.owner, asset, amount: payment.amount, created_by: id });
    });
  }

  #anchor() {
    const { height, historyRoot, l1Height, timestampMs } = this.tip;
    const previous = this.anchors.at(-1)?.height ?? 0;
    this.anchors.push({ number: this.anchors.length + 1, previous, height, history_root: historyRoot, l1_height: l1Height, time_s: Math.floor(timestampMs / 1_000) });
  }
}

// Every fifth block waits for the certificate of the next. A certificate has those who were first: all of them at every seventh,
// else one comes too late, and it is the one that is away where one is.
function signersOf(height, away) {
  if (height === 0 || height % 5 === 4) return [];
  const late = away ?? (height % 7 === 3 ? undefined : (height * 3) % 4);
  return [0, 1, 2, 3].filter((index) => index !== late);
}

function headerOf(block) {
  return concat(
    bigEndian(block.height, 4),
    bigEndian(block.transactions.length, 4),
    fromHex(block.parent),
    fromHex(block.transactionsRoot),
    fromHex(block.historyRoot),
    fromHex(block.outputCommitment),
    bigEndian(block.l1Height, 8),
    fromHex(block.l1Hash),
    bigEndian(block.timestampMs, 8),
  );
}

function encoded({ kind, asset, deposit, inputs, outputs }) {
  const positions = inputs.map(({ output, amount, packed }) => {
    const [block, transaction, place] = output.split(':');
    // A fund's input is (0, 0, 0) with its deposit's number as the amount.
    return concat(bigEndian(block, 4), bigEndian(transaction, 4), bigEndian(place, 1), bigEndian(packed ?? amount, 32));
  });
  const payments = outputs.map(({ owner, amount }) => concat(fromHex(owner), bigEndian(amount, 32)));
  const content = concat([KINDS[kind], inputs.length, outputs.length], fromHex(asset), bigEndian(NEVER, 4), ...positions, ...payments);
  const signature = kind === 'fund' ? new Uint8Array(65) : concat(keccak(content), keccak(keccak(content)), [27]);
  return { id: toHex(keccak(content)), raw: toHex(concat(content, signature)), kind, asset, deposit, inputs: kind === 'fund' ? [] : inputs, outputs };
}

function checksummed(text) {
  const hash = noise(text.slice(2));
  return `0x${[...text.slice(2)].map((digit, at) => (Number.parseInt(hash[2 + at], 16) > 7 ? digit.toUpperCase() : digit)).join('')}`;
}
