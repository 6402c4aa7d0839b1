// An operator that answers as docs/api.md says, over a made-up chain, and does at a test's word what a real one does rarely:
// fall silent, lose its peers, raise alerts, refuse streams, lie in a proof.

import { createServer } from 'node:http';

import { Chain, noise } from './chain.mjs';
import * as documents from './documents.mjs';
import { servePage } from './page.mjs';

const BLOCKS = 90;
const BLOCK_MS = 700;
const LIMIT = 50;
const PRUNED = Symbol('pruned');

export class Operator {
  connected = [0, 1, 2, 3];
  blockers = [];
  alerts = [];
  /** How far Ethereum's clock is before everybody's. */
  ethereumAheadMs = 0;
  /** The first height whose transactions are kept. */
  horizon = 0;
  isTampering = false;
  isStreamRefused = false;
  #streams = new Set();
  #server;
  #port = 0;

  constructor() {
    const startMs = Date.now() - BLOCKS * BLOCK_MS;
    this.chain = new Chain({ startMs });
    for (let at = 2; at < BLOCKS; at = this.chain.tip.height + 1) this.chain.seal((at * 7) % 4, startMs + at * BLOCK_MS + ((at * 37) % 250));
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Answers from now on; the second time at the same port. */
  listen() {
    this.#server = createServer((request, response) => this.#on(request, response));
    return new Promise((done) => {
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#port = this.#server.address().port;
        done();
      });
    });
  }

  /** Answers nothing any more, not on open connections either. */
  close() {
    this.#streams.clear();
    return new Promise((done) => {
      this.#server.close(done);
      this.#server.closeAllConnections();
    });
  }

  /** Decides the next block, or two, and tells it. */
  seal(payments = 2) {
    const before = { height: this.chain.tip.height, anchors: this.chain.anchors.length };
    this.chain.seal(payments, Date.now());
    for (const block of this.chain.blocks.slice(before.height + 1)) this.emit('block.committed', documents.summary(this.chain, block));
    for (const anchor of this.chain.anchors.slice(before.anchors)) this.emit('block.anchored', anchor);
    return this.chain.tip;
  }

  emit(event, content) {
    for (const stream of this.#streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(content)}\n\n`);
  }

  raise(alert) {
    this.alerts.unshift({ cleared: null, raised: new Date().toISOString(), ...alert });
    this.emit('alert.raised', this.alerts[0]);
  }

  clear(id) {
    const alert = this.alerts.find((one) => one.id === id);
    alert.cleared = new Date().toISOString();
    this.emit('alert.cleared', alert);
  }

  async #on(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    if (pathname === '/v1/events') return this.#stream(response);
    if (await servePage(pathname, response)) return undefined;
    const [status, content] = this.#answer(decodeURIComponent(pathname), searchParams);
    const type = content instanceof Uint8Array ? 'application/octet-stream' : status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache' });
    response.end(content instanceof Uint8Array ? content : JSON.stringify(content));
    return undefined;
  }

  #stream(response) {
    if (this.isStreamRefused) {
      response.writeHead(403, { 'content-type': 'text/plain' });
      response.end('streams are blocked here');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.write('retry: 500\n\n: keep-alive\n\n');
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  #answer(path, query) {
    const { chain } = this;
    for (const [pattern, answer] of this.#routes(chain, query)) {
      const found = pattern.exec(path);
      if (!found) continue;
      const content = answer(...found.slice(1));
      if (content === PRUNED) return problem(410, 'pruned', 'the transactions of this block are not kept here any more');
      return content === undefined ? problem(404, 'not-found', `this operator knows no ${found[1]}`) : [200, content];
    }
    return problem(404, 'not-found', 'there is no such path');
  }

  #routes(chain, query) {
    const members = () => documents.members(this.connected, chain);
    const page = (items) => paged(items, query, chain.tip.height);
    const of = (name) => this.#block(name);
    const transaction = (id) => chain.transactions.get(id.toLowerCase());
    return [
      [/^\/v1\/status$/, () => documents.status(chain, this)],
      [/^\/v1\/network$/, () => documents.network(members())],
      [/^\/v1\/federation$/, () => ({ epoch: 0, quorum: 3, faults: 1, height: chain.tip.height, operator: 0, members: members() })],
      [/^\/v1\/stats$/, () => documents.stats(chain)],
      [/^\/v1\/blocks$/, () => page([...chain.blocks].reverse().map((block) => documents.summary(chain, block)))],
      [/^\/v1\/blocks\/([^/]+)$/, (name) => of(name) && documents.blockView(chain, of(name))],
      [/^\/v1\/blocks\/([^/]+)\/raw$/, (name) => of(name) && Buffer.from(of(name).header.slice(2) + of(name).transactions.map(({ raw }) => raw.slice(2)).join(''), 'hex')],
      [/^\/v1\/blocks\/([^/]+)\/transactions$/, (name) => of(name) && (this.#isPruned(of(name)) ? PRUNED : page(of(name).transactions.map((one) => documents.transactionView(chain, one))))],
      [/^\/v1\/transactions\/([^/]+)$/, (id) => transaction(id) && documents.transactionView(chain, transaction(id))],
      [/^\/v1\/transactions\/([^/]+)\/proof$/, (id) => transaction(id) && this.#proof(transaction(id))],
      [/^\/v1\/addresses\/([^/]+)$/, (owner) => ({ address: owner, balances: documents.balances(chain, owner), height: chain.tip.height })],
      [/^\/v1\/addresses\/([^/]+)\/outputs$/, (owner) => page(this.#outputsOf(owner))],
      [/^\/v1\/addresses\/([^/]+)\/transactions$/, (owner) => page(documents.history(chain, owner).filter((item) => directed(item, query.get('direction'))))],
      [/^\/v1\/outputs$/, () => ({ items: query.get('ids').split(',').map((output) => chain.outputs.get(output) ?? { output, status: 'unknown' }), height: chain.tip.height })],
      [/^\/v1\/outputs\/([^/]+)$/, (position) => chain.outputs.get(position)],
      [/^\/v1\/outputs\/([^/]+)\/exit-data$/, (position) => this.#exitData(position)],
      [/^\/v1\/outputs\/([^/]+)\/challenge-data$/, (position) => this.#challengeData(position)],
      [/^\/v1\/exits$/, () => page(documents.exits(Date.now()))],
      [/^\/v1\/deposits$/, () => page(documents.deposits(chain))],
      [/^\/v1\/alerts$/, () => page(this.alerts.filter((alert) => query.get('active') !== 'true' || alert.cleared === null))],
      [/^\/v1\/search$/, () => this.#search(query.get('q'))],
      [/^\/openapi\.json$/, () => documents.openapi],
    ];
  }

  #block(name) {
    return name === 'latest' ? this.chain.tip : (this.chain.blocks[name] ?? this.chain.blocks.find((block) => block.id === name));
  }

  #isPruned({ height }) {
    return height < this.horizon;
  }

  #outputsOf(owner) {
    if (owner === documents.WHALE) return documents.whaleOutputs;
    return [...this.chain.outputs.values()].filter((output) => output.owner === owner && output.status === 'unspent');
  }

  #exitData(position) {
    const output = this.chain.outputs.get(position);
    const transaction = output && this.chain.transactions.get(output.created_by);
    const anchor = output && this.chain.anchorOver(transaction.height);
    if (!anchor) return undefined;
    const { certificate: _, raw: __, id: ___, ...proof } = this.chain.proof(transaction);
    return { output, output_index: Number(position.split(':')[2]), ...proof, anchor, calldata: `0x282995a3${noise('calldata').slice(2)}` };
  }

  #challengeData(position) {
    const output = this.chain.outputs.get(position);
    const spender = [...this.chain.transactions.values()].find(({ inputs }) => inputs.some((input) => input.output === position));
    if (!output || !spender) return undefined;
    const input = spender.inputs.findIndex((one) => one.output === position);
    return { output, exit: '41538374868278621028243970633760769', spender: spender.raw, input, calldata: `0x5a4d0b7c${noise('challenge').slice(2)}` };
  }

  // The lie: a hash of the path is another one.
  #proof(transaction) {
    const proof = this.chain.proof(transaction);
    if (!this.isTampering) return proof;
    const last = proof.transaction_proof.length > 0 ? proof.transaction_proof.at(-1) : proof.history_proof.at(-1);
    return { ...proof, raw: proof.raw.replace(last.slice(2), noise('a lie').slice(2)) };
  }

  #search(text) {
    if (this.chain.transactions.has(text)) return { kind: 'transaction', path: `/v1/transactions/${text}`, page: `#/tx/${text}` };
    const block = this.chain.blocks.find((one) => one.id === text);
    return block && { kind: 'block', path: `/v1/blocks/${block.height}`, page: `#/block/${block.height}` };
  }
}

function directed({ kind, received, sent }, direction) {
  const is = { in: received !== '0', out: sent !== '0', deposit: kind === 'deposit', exit: kind === 'exit' };
  return direction ? is[direction] : true;
}

function paged(items, query, height) {
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? LIMIT);
  const isLast = from + limit >= items.length;
  return { items: items.slice(from, from + limit), next_cursor: isLast ? null : String(from + limit), height };
}

function problem(status, code, detail) {
  return [status, { type: `urn:plasma:problem:${code}`, title: 'Not found', status, code, detail, retryable: false }];
}
