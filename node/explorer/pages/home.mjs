// The overview: how the federation runs now.

import { NotOffered, Problem, pathOf } from '../api.mjs';
import { sparkline } from '../chart.mjs';
import { now } from '../clock.mjs';
import { h, put, renew } from '../dom.mjs';
import { fatesOf } from '../fates.mjs';
import { count, duration, grouped } from '../format.mjs';
import { agoOf, badge, blockLink, failure, leaderColour, memberName, note, panel, paymentsOf, table, transactionLink } from '../parts.mjs';
import { paid, payerOf } from '../payments.mjs';
import { NEWEST, SILENT_FROM, anchored, merged, perSecond, signedBy, spacing } from '../rates.mjs';
import { toBlock } from '../router.mjs';

const BLOCKS_HELD = 300;
const BLOCKS_NEWER = 100;
const ROWS = 12;
/** Newest blocks that are asked for their transactions at once. */
const BODIES_ASKED = 6;
const PACE = { stepMs: 2_000, steps: 60 };
const DRAW_MS = 250;
const ASK_MS = 2_000;

export const title = () => 'Overview';

export async function show(stage) {
  const { facts } = stage;
  const part = (name) => h('div', { class: name });
  const [figures, strip, blocksPart, transactionsPart] = ['figures', 'strip', 'latest', 'latest'].map(part);
  let [blocks, transactions, seenHeight, isLooking, status] = [[], [], 0, true, undefined];

  put(
    stage.root,
    h('h1', { class: 'hidden', tabindex: '-1' }, 'Overview'),
    figures,
    panel('Leaders and signers of the newest blocks', strip),
    h('div', { class: 'columns' }, panel('Latest blocks', blocksPart), panel('Latest transactions', transactionsPart)),
  );

  const draw = stage.trigger(DRAW_MS, () => {
    put(figures, figuresOf({ blocks, status }));
    if (blocks.length === 0) return;
    const newest = blocks.slice(0, NEWEST);
    put(strip, stripOf(newest, facts), legendOf(newest, facts));
    renew(blocksPart, blocksTable(blocks.slice(0, ROWS), facts), h('p', {}, h('a', { href: '#/blocks' }, 'All blocks')));
    renew(transactionsPart, transactions.length > 0 ? transactionsTable(transactions) : note(blocks.some(hasTransactions) ? withoutTransactions(isLooking) : 'No transactions in these blocks.'));
  });

  const askBlocks = stage.trigger(ASK_MS, async () => {
    const limit = blocks.length === 0 ? BLOCKS_HELD : BLOCKS_NEWER;
    await take((await stage.ask(pathOf('/v1/blocks', { limit }))).items);
  });

  const askTransactions = stage.trigger(ASK_MS, async () => {
    const fresh = blocks.filter((block) => hasTransactions(block) && block.height > seenHeight).slice(0, BODIES_ASKED);
    if (fresh.length === 0) return;
    const bodies = await Promise.all(fresh.map(({ height }) => transactionsOf(stage, height)));
    const came = bodies.flat().slice(0, ROWS);
    const fates = await fatesOf(stage, came.flatMap(({ inputs }) => inputs.slice(0, 1).map(({ output }) => output)));
    [seenHeight, isLooking] = [fresh[0].height, false];
    transactions = [...came.map((one) => ({ ...one, payer: payerOf(one, fates) })), ...transactions].slice(0, ROWS);
    draw();
  });

  async function take(came) {
    blocks = merged(blocks, came, BLOCKS_HELD);
    draw();
    await askTransactions();
  }

  status = await stage.ask('/v1/status');
  try {
    blocks = (await stage.ask(pathOf('/v1/blocks', { limit: BLOCKS_HELD }))).items;
  } catch (error) {
    if (!(error instanceof NotOffered)) throw error;
    for (const place of [strip, blocksPart, transactionsPart]) put(place, failure(error));
  }
  draw();
  askTransactions();
  stage.every(PACE.stepMs, draw);

  return (kind, content) => {
    if (kind === 'status') {
      status = content;
      if (blocks.length > 0 && status.height > blocks[0].height) askBlocks();
      if (isLooking) askTransactions();
      draw();
    }
    if (kind === 'block.anchored') take(anchored(blocks, content));
    if (kind === 'block.committed' && blocks.length > 0) {
      if (content.height > blocks[0].height + 1) askBlocks();
      take([content]);
    }
  };
}

/** The newest transactions of a block; none where the operator keeps them no more. */
async function transactionsOf(stage, height) {
  try {
    return (await stage.ask(pathOf(`/v1/blocks/${height}/transactions`, { limit: ROWS }))).items;
  } catch (error) {
    if (error instanceof Problem && error.code === 'pruned') return [];
    throw error;
  }
}

function withoutTransactions(isLooking) {
  return isLooking ? 'Looking…' : 'This operator keeps the transactions of these blocks no more.';
}

function figuresOf({ blocks, status }) {
  const pace = perSecond(blocks, { nowMs: now(), ...PACE });
  const mean = pace.reduce((sum, one) => sum + one, 0) / pace.length;
  const gaps = spacing(blocks);
  const isOffered = blocks.length > 0;
  const span = duration(PACE.stepMs * PACE.steps);
  const tip = Math.max(status.height, blocks[0]?.height ?? 0);
  const tipMs = blocks[0]?.timestamp_ms ?? Date.parse(status.time);
  return [
    figure('Newest block', h('a', { href: toBlock(tip), id: 'home-tip' }, grouped(tip)), agoOf(tipMs)),
    figure(
      'Transactions a second',
      isOffered ? mean.toFixed(mean < 10 ? 1 : 0) : '–',
      isOffered ? [`mean of ${span}`, sparkline(pace, `Transactions a second over ${span}, at most ${Math.max(...pace)}`)] : 'not offered by this operator',
    ),
    figure('Time between blocks', gaps ? duration(gaps.p50) : '–', isOffered ? gaps && `half within this, 99 % within ${duration(gaps.p99)}` : 'not offered by this operator'),
    figure('Not yet on Ethereum', count(status.l1.unanchored, 'block'), anchorOf(status.l1.last_anchor)),
    figure('Waiting', count(status.mempool, 'payment'), quorumOf(status.peers)),
  ];
}

function figure(name, value, ...more) {
  return h('div', { class: 'figure' }, h('h2', {}, name), h('p', { class: 'value' }, value), h('p', { class: 'more' }, more));
}

function anchorOf(anchor) {
  return anchor ? [`anchor ${anchor.number}, mined `, agoOf(anchor.time_s * 1_000)] : 'no anchor yet';
}

function quorumOf({ members, committee, quorum }) {
  return `${members.length + 1} of ${committee} operators in reach, ${quorum} needed`;
}

function stripOf(blocks, facts) {
  return h('div', { class: 'squares' }, blocks.map((block) => square(block, facts)));
}

function square(block, facts) {
  const says = `Block ${block.height}, ${count(block.transaction_count, 'transaction')}, ${certificateOf(block, facts)}`;
  return h('a', {
    href: toBlock(block.height),
    class: 'square',
    tabindex: '-1',
    title: says,
    'aria-label': says,
    'data-certified': block.leader === null ? 'no' : 'yes',
    vars: block.leader === null ? undefined : { '--leader': leaderColour(block.leader) },
  });
}

function certificateOf(block, facts) {
  if (block.leader === null) return block.certified_at === null ? 'not certified' : `covered by the certificate of block ${block.certified_at}`;
  return `led by ${facts.nameOf(block.leader)}, signed by ${block.signers.length} of ${facts.members.length}`;
}

// A certificate is there as soon as a quorum signed: that one lacks somebody says nothing, that all lack the same one does.
function legendOf(blocks, facts) {
  return h(
    'ul',
    { class: 'legend' },
    facts.members.map(({ index }) => h('li', {}, memberName(index, facts), shareOf(signedBy(blocks, index)))),
    h('li', {}, h('span', { class: 'square', 'data-certified': 'no' }), 'covered by a later certificate'),
  );
}

function shareOf({ signed, of }) {
  const isAbsent = signed === 0 && of >= SILENT_FROM;
  return h('span', { class: isAbsent ? 'missed' : '' }, `signed ${isAbsent ? 'none' : signed} of ${of}`);
}

function hasTransactions(block) {
  return block.transaction_count > 0;
}

function blocksTable(blocks, facts) {
  return table({
    label: 'Latest blocks',
    columns: [
      { head: 'Block', cell: (block) => blockLink(block.height) },
      { head: 'Age', cell: (block) => agoOf(block.timestamp_ms) },
      { head: 'Transactions', kind: 'number', cell: (block) => grouped(block.transaction_count) },
      { head: 'Leader', cell: (block) => (block.leader === null ? undefined : memberName(block.leader, facts)) },
      { head: 'State', cell: blockState },
    ],
    rows: blocks,
  });
}

function blockState(block) {
  if (block.void) return badge('void', 'bad');
  return block.anchor === null ? badge('committed') : badge('anchored', 'good');
}

function transactionsTable(transactions) {
  return table({
    label: 'Latest transactions',
    columns: [
      { head: 'Transaction', cell: ({ id }) => transactionLink(id) },
      { head: 'Kind', cell: ({ kind }) => kind },
      { head: 'Pays', cell: ({ outputs, asset, payer }) => paymentsOf(paid(outputs, payer), asset, payer) },
    ],
    rows: transactions,
  });
}
