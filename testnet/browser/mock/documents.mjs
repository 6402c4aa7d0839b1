// The documents that the mock answers with, in the shapes of docs/api.md.

import { ETH } from '../../../node/explorer/format.mjs';
import { TOKEN, USERS, address, noise } from './chain.mjs';

const iso = (ms) => new Date(ms).toISOString();
const SLOT_MS = 12_000;
const slotOf = (ms) => Math.floor(ms / SLOT_MS) * SLOT_MS;
const BOND = '100000000000000000';
/** An owner of more outputs than fit a page. */
export const WHALE = address('whale');
export const WHALE_OUTPUTS = 10_000;
/** A name that must stay a name. */
export const HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>';
const NAMES = ['anchorage', HOSTILE, null, 'delta'];

export function summary(chain, block) {
  const own = block.signers.length > 0;
  return {
    height: block.height,
    id: block.id,
    time: iso(block.timestampMs),
    timestamp_ms: block.timestampMs,
    transaction_count: block.transactions.length,
    leader: own ? block.leader : null,
    signers: block.signers,
    quorum: own ? 3 : null,
    view: own ? block.height : null,
    epoch: own ? 0 : null,
    certified_at: chain.certificateOver(block.height)?.height ?? null,
    anchor: chain.anchorOver(block.height)?.number ?? null,
    void: false,
  };
}

export function blockView(chain, block) {
  return {
    height: block.height,
    id: block.id,
    parent: block.parent,
    transaction_count: block.transactions.length,
    transactions_root: block.transactionsRoot,
    history_root: block.historyRoot,
    output_commitment: block.outputCommitment,
    l1_height: block.l1Height,
    l1_hash: block.l1Hash,
    time: iso(block.timestampMs),
    timestamp_ms: block.timestampMs,
    header: block.header,
    certificate: chain.certificateOver(block.height),
    anchor: chain.anchorOver(block.height),
    void: false,
  };
}

export function transactionView(chain, transaction) {
  const block = chain.blocks[transaction.height];
  const anchor = chain.anchorOver(block.height);
  const isFinal = block.height <= chain.finalizedHeight();
  return {
    id: transaction.id,
    state: isFinal ? 'finalized' : anchor ? 'anchored' : 'committed',
    kind: transaction.kind,
    asset: transaction.asset,
    inputs: transaction.inputs,
    outputs: transaction.outputs,
    deposit: transaction.deposit,
    block: { height: block.height, id: block.id, index: transaction.index },
    certificate: chain.certificateOver(block.height),
    anchor,
    times: { committed: iso(block.timestampMs), anchored: anchor && iso(anchor.time_s * 1_000) },
    raw: transaction.raw,
  };
}

export function network(members) {
  const contract = address('federation');
  return {
    name: 'harbour',
    genesis_hash: noise('genesis document'),
    protocol_version: 1,
    l1_chain_id: 31_337,
    contract,
    confirmations: 12,
    fees: [],
    legacy_transactions: false,
    eip712_domain: { name: 'Plasma', version: '1', chainId: 31_337, verifyingContract: contract },
    committee: members.map(({ index, operator, bls_public_key: key, peer_id: peer, addresses }) => ({ index, operator, bls_public_key: key, peer_id: peer, addresses })),
    quorum: 3,
    faults: 1,
    epoch: 0,
  };
}

/** Who signs, by all certificates of the chain. */
export function members(connected, chain) {
  const certified = chain.blocks.filter(({ signers }) => signers.length > 0);
  const signedBy = (index) => certified.filter(({ signers }) => signers.includes(index));
  return NAMES.map((name, index) => ({
    index,
    name,
    operator: address(`operator ${index}`),
    bls_public_key: (noise(`key ${index} a`) + noise(`key ${index} b`).slice(2)).slice(0, 98),
    peer_id: `12D3KooW${noise(`peer ${index}`).slice(2, 46)}`,
    addresses: [`/dns4/operator-${index}.example/tcp/27400`],
    connected: connected.includes(index),
    last_signed_height: signedBy(index).at(-1)?.height ?? null,
    missed: certified.length - signedBy(index).length,
    of: certified.length,
  }));
}

export function status(chain, { connected, blockers, ethereumAheadMs }) {
  const { tip } = chain;
  const anchor = chain.anchors.at(-1);
  return {
    name: NAMES[0],
    state: 'running',
    ready: blockers.length === 0,
    version: '0.1.0',
    operator: 0,
    height: tip.height,
    block: tip.id,
    output_commitment: tip.outputCommitment,
    time: iso(tip.timestampMs),
    clock: iso(Date.now()),
    consensus: { epoch: 0, view: tip.height + 1, leader: (tip.height + 1) % 4, final_view: tip.height, working: false },
    l1: { origin: tip.l1Height, confirmed: tip.l1Height, time: iso(slotOf(Date.now() + ethereumAheadMs)), last_anchor: anchor, unanchored: tip.height - (anchor?.height ?? 0) },
    peers: { members: connected.filter((index) => index !== 0), committee: 4, quorum: 3 },
    mempool: 3,
    traffic: {},
    blockers,
  };
}

export function stats(chain) {
  const assets = [ETH, TOKEN].map((asset) => {
    const owed = [...chain.outputs.values()].filter((output) => output.asset === asset && output.status !== 'spent').reduce((sum, output) => sum + BigInt(output.amount), 0n);
    const difference = asset === ETH ? 0n : -25n;
    return { asset, unspent_total: owed.toString(), exiting_total: '0', locked_on_l1: (owed + difference).toString(), difference: difference.toString() };
  });
  return { height: chain.tip.height, assets, open_exits: 2, l1_height: chain.tip.l1Height };
}

export function balances(chain, owner) {
  if (owner === WHALE) return [{ asset: ETH, available: '10000000000000000', exiting: '0', total: '10000000000000000', outputs: WHALE_OUTPUTS }];
  const own = [...chain.outputs.values()].filter((output) => output.owner === owner && output.status === 'unspent');
  return [ETH, TOKEN].map((asset) => {
    const of = own.filter((output) => output.asset === asset);
    const sum = of.reduce((total, output) => total + BigInt(output.amount), 0n).toString();
    return { asset, available: sum, exiting: '0', total: sum, outputs: of.length };
  });
}

function whaleOutput(at) {
  const packed = (9n << 40n) | (BigInt(at) << 8n);
  return { output: `9:${at}:0`, index: packed.toString(), status: at % 50 === 7 ? 'exiting' : 'unspent', owner: WHALE, asset: ETH, amount: '1000000000000', created_by: `0x${at.toString(16).padStart(64, '0')}` };
}

/** As much of a list as a page needs: made when it is cut. */
export const whaleOutputs = {
  length: WHALE_OUTPUTS,
  slice: (from, to) => Array.from({ length: Math.min(to, WHALE_OUTPUTS) - from }, (_, at) => whaleOutput(from + at)),
};

export function history(chain, owner) {
  const items = [...chain.transactions.values()].reverse().map((transaction) => {
    const block = chain.blocks[transaction.height];
    const received = transaction.outputs.filter((payment) => payment.owner === owner);
    const gone = transaction.inputs.filter(({ output }) => chain.outputs.get(output)?.owner === owner);
    if (received.length + gone.length === 0) return undefined;
    const sum = (list) => list.reduce((total, one) => total + BigInt(one.amount), 0n).toString();
    return {
      height: block.height,
      time: iso(block.timestampMs),
      index: transaction.index,
      id: transaction.id,
      kind: transaction.kind === 'fund' ? 'deposit' : 'payment',
      asset: transaction.asset,
      received: sum(received),
      sent: sum(gone),
      outputs: received.map(({ output }) => output),
      inputs: gone.map(({ output }) => output),
      deposit: transaction.deposit,
      void: false,
    };
  });
  return items.filter(Boolean);
}

export function exits(nowMs) {
  const one = (id, position, locked, challenged, inMs) => ({
    id,
    kind: 'standard',
    outputs: [position],
    owner: USERS[2],
    locked,
    ethereum: { started_at: iso(nowMs - 60_000), exitable_at: iso(nowMs + inMs), bond: BOND, challenged, amount: '100000000000000000000', asset: ETH },
  });
  const spent = one('41538374868278621028243970633760769', '1:2:0', false, true, 95_000);
  const { owner: _, ...flying } = one('41538374868278621028243970633760770', '1:3:0', false, false, 1_900_000);
  const flight = { ...flying, kind: 'in-flight', outputs: ['1:3:0', '9:0:0', '9:0:1'] };
  return [one('41538374868278621028243970633760768', '1:4:0', true, false, 630_000), spent, flight];
}

export function deposits(chain) {
  const credited = [...chain.transactions.values()].filter((one) => one.kind === 'fund');
  const known = credited.map((one) => ({ number: one.deposit, status: 'credited', owner: one.outputs[0].owner, asset: one.asset, amount: one.outputs[0].amount, output: one.outputs[0].output }));
  const coming = { number: known.length, status: 'confirming', owner: USERS[0], asset: ETH, amount: '2500000000000000000', confirmations: 4, needed: 12 };
  return [coming, ...known.reverse()];
}

export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Plasma operator', version: '0.1.0', description: 'What one operator answers. Amounts are decimal texts.' },
  paths: {
    '/v1/status': { get: { tags: ['Operator'], summary: 'The operator as it sees itself', responses: { 200: { description: 'Its state', content: { 'application/json': { schema: { $ref: '#/components/schemas/Status' } } } } } } },
    '/v1/outputs/{position}/exit-data': { get: { tags: ['Outputs'], summary: 'What an exit takes', responses: { 200: { description: 'All of it', content: { 'application/json': { schema: { $ref: '#/components/schemas/Data' } } } } } } },
    '/v1/blocks': {
      get: {
        tags: ['Blocks'],
        summary: 'Blocks, newest first',
        parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer' }, description: '1 to 500' }, { $ref: '#/components/parameters/Cursor' }],
        responses: { 200: { description: 'A page' }, 400: { description: 'A problem' } },
      },
    },
    '/v1/transactions': { post: { tags: ['Transactions'], summary: 'Take this transaction', requestBody: { content: { 'application/json': { schema: { type: 'object', required: ['tx'], properties: { tx: { type: 'string', description: '<b>hex</b>' } } } } } }, responses: { 201: { description: 'It got there' } } } },
  },
  components: {
    parameters: { Cursor: { name: 'cursor', in: 'query', schema: { type: 'string' } } },
    schemas: {
      Data: { description: 'Joined', allOf: [{ $ref: '#/components/schemas/Status' }, { type: 'object', required: ['calldata'], properties: { calldata: { type: 'string', description: 'Of the call' } } }] },
      Status: { type: 'object', required: ['height'], properties: { height: { type: 'integer', description: 'Last decided height' }, peers: { type: 'object', properties: { quorum: { type: 'integer' } } } } },
    },
  },
};
