// One address: what it owns, in which outputs, and what happened to it.

import { h, put } from '../dom.mjs';
import { grouped } from '../format.mjs';
import { pager } from '../pager.mjs';
import { amountOf, assetOf, badge, blockLink, heading, note, outputLink, panel, table, timeOf, transactionLink, whole } from '../parts.mjs';

const AGAIN_MS = 3_000;
const CHANGES = ['reset', 'output.created', 'output.spent', 'output.exited', 'output.reclaimed', 'deposit.credited', 'exit.started', 'exit.changed', 'exit.ended', 'transaction.committed'];
const DIRECTIONS = { '': 'everything', in: 'received', out: 'sent', deposit: 'deposits', exit: 'exits' };
const STATUSES = { '': 'all', unspent: 'spendable', exiting: 'exiting' };

export const title = (address) => `Address ${address}`;
export const topics = (address) => [`address:${address}`];

export async function show(stage, address) {
  const path = `/v1/addresses/${encodeURIComponent(address)}`;
  let view = await stage.ask(path);
  const balances = h('div', {});
  const outputs = outputsOf(stage, path);
  const history = historyOf(stage, path);
  const draw = () => put(balances, view.balances.length > 0 ? balancesTable(view.balances) : note('Owns nothing as of block ', blockLink(view.height), '.'));
  put(
    stage.root,
    heading('Address'),
    h('p', { class: 'subject' }, whole(view.address, 'the address')),
    panel('Balance', balances),
    panel('Outputs', choice('Show', STATUSES, (status) => outputs.load({ status })), outputs.node),
    panel('History', choice('Show', DIRECTIONS, (direction) => history.load({ direction })), history.node),
  );
  draw();
  await Promise.all([outputs.load(), history.load()]);

  const again = stage.trigger(AGAIN_MS, async () => {
    view = await stage.ask(path);
    draw();
    await Promise.all([outputs.load(), history.load()]);
  });
  return (kind, content) => {
    const isNews = kind === 'status' && !stage.live.isStreaming && content.height > view.height;
    if (isNews || CHANGES.includes(kind)) again();
  };
}

function balancesTable(balances) {
  return table({
    label: 'Balance per asset',
    columns: [
      { head: 'Asset', cell: ({ asset }) => assetOf(asset) },
      { head: 'Available', kind: 'number', cell: ({ available, asset }) => amountOf(available, asset) },
      { head: 'Exiting', kind: 'number', cell: ({ exiting, asset }) => amountOf(exiting, asset) },
      { head: 'Total', kind: 'number', cell: ({ total, asset }) => amountOf(total, asset) },
      { head: 'Outputs', kind: 'number', cell: ({ outputs }) => grouped(outputs) },
    ],
    rows: balances,
  });
}

function outputsOf(stage, path) {
  return pager(stage, {
    path: `${path}/outputs`,
    label: 'Outputs, oldest first',
    empty: 'No such outputs.',
    columns: [
      { head: 'Output', cell: ({ output }) => outputLink(output) },
      { head: 'Amount', kind: 'number', cell: ({ amount, asset }) => amountOf(amount, asset) },
      { head: 'Status', cell: ({ status }) => badge(status, status === 'unspent' ? 'good' : 'warn') },
      { head: 'Created by', cell: ({ created_by: id }) => transactionLink(id) },
    ],
  });
}

function historyOf(stage, path) {
  return pager(stage, {
    path: `${path}/transactions`,
    label: 'History, newest first',
    empty: 'Nothing of this kind happened.',
    rows: 50,
    columns: [
      { head: 'Transaction', cell: ({ id }) => (id ? transactionLink(id) : 'by Ethereum, or pruned') },
      { head: 'Time', cell: ({ time }) => timeOf(Date.parse(time)) },
      { head: 'Block', cell: ({ height }) => blockLink(height) },
      { head: 'Kind', cell: (item) => [item.kind, item.deposit === undefined ? '' : ` ${item.deposit}`, item.void && [' ', badge('void', 'bad')]] },
      { head: 'Received', kind: 'number', cell: ({ received, asset }) => moved(received, asset) },
      { head: 'Sent', kind: 'number', cell: ({ sent, asset }) => moved(sent, asset) },
    ],
  });
}

function moved(amount, asset) {
  return amount === '0' ? undefined : amountOf(amount, asset);
}

function choice(name, options, change) {
  const select = h('select', { change: () => change(select.value) }, Object.entries(options).map(([value, text]) => h('option', { value }, text)));
  return h('label', { class: 'choice' }, name, ' ', select);
}
