// The two ways over the border: deposits that come in, exits that go out.

import { h, put } from '../dom.mjs';
import { short } from '../format.mjs';
import { pager } from '../pager.mjs';
import { addressLink, amountOf, badge, heading, note, outputLink, panel, timeOf, untilOf } from '../parts.mjs';

const AGAIN_MS = 3_000;

export const title = () => 'Deposits and exits';

export async function show(stage) {
  const exits = pager(stage, { path: '/v1/exits', label: 'Open exits', empty: 'No exit is open.', columns: EXIT_COLUMNS });
  const deposits = pager(stage, { path: '/v1/deposits', label: 'Deposits', empty: 'No deposit was made yet.', columns: DEPOSIT_COLUMNS });
  put(stage.root, heading('Deposits and exits'), panel('Exits', exits.node, note('An exit may be paid out as soon as a block of Ethereum shows the time named here. The countdown goes on from the newest block’s.')), panel('Deposits', deposits.node));
  await Promise.all([exits.load(), deposits.load()]);

  const again = stage.trigger(AGAIN_MS, () => Promise.all([exits.load(), deposits.load()]));
  return (kind) => {
    const isNews = ['reset', 'exit.started', 'exit.changed', 'exit.ended', 'deposit.credited', 'block.anchored'].includes(kind);
    if (isNews || (kind === 'status' && !stage.live.isStreaming)) again();
  };
}

const EXIT_COLUMNS = [
  { head: 'Exit', cell: ({ id }) => h('span', { class: 'mono', title: id }, short(id)) },
  { head: 'Kind', cell: ({ kind }) => kind },
  { head: 'Outputs', cell: ({ outputs }) => outputs.map((position) => [outputLink(position), ' ']) },
  { head: 'Owner', cell: ({ owner }) => owner && addressLink(owner) },
  { head: 'Amount', kind: 'number', cell: ({ ethereum }) => ethereum && amountOf(ethereum.amount, ethereum.asset) },
  { head: 'State', cell: exitState },
  { head: 'Paid out', cell: ({ ethereum }) => ethereum && [untilOf(Date.parse(ethereum.exitable_at)), h('div', { class: 'from' }, timeOf(Date.parse(ethereum.exitable_at)))] },
];

function exitState({ kind, locked, ethereum }) {
  if (ethereum?.challenged) return badge('challenged', 'warn');
  // One in flight holds nothing until somebody claims an output of it.
  if (kind === 'in-flight' && ethereum) return ethereum.amount === '0' ? badge('nothing claimed') : badge('waiting', 'good');
  return locked ? badge('waiting', 'good') : badge('spent before: will be challenged', 'bad');
}

const DEPOSIT_COLUMNS = [
  { head: 'Deposit', cell: ({ number }) => String(number) },
  { head: 'Status', cell: depositState },
  { head: 'Owner', cell: ({ owner }) => owner && addressLink(owner) },
  { head: 'Amount', kind: 'number', cell: ({ amount, asset }) => amount && amountOf(amount, asset) },
  { head: 'Output', cell: ({ output }) => output && outputLink(output) },
];

function depositState({ status, confirmations, needed }) {
  const tones = { credited: 'good', reclaimed: 'warn' };
  const progress = status === 'confirming' && needed !== undefined ? ` ${confirmations ?? 0} of ${needed}` : '';
  return badge(`${status}${progress}`, tones[status]);
}
