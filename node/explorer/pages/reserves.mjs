// Whether the vault on Ethereum holds what the ledger owes, asset by asset.

import { h, put } from '../dom.mjs';
import { amountOf, assetOf, badge, blockLink, heading, note, panel, table } from '../parts.mjs';

const AGAIN_MS = 5_000;

export const title = () => 'Reserves';

export async function show(stage) {
  const place = h('div', {});
  put(
    stage.root,
    heading('Reserves'),
    panel('Vault on Ethereum against the ledger', place),
    note('Difference is what the vault holds less all outputs, those that open exits lock among them. Zero is right: a payment moves nothing on Ethereum, a deposit and an exit move both sides.'),
  );
  const load = async () => put(place, reservesOf(await stage.ask('/v1/stats')));
  await load();
  const again = stage.trigger(AGAIN_MS, load);
  return (kind) => {
    if (kind === 'status') again();
  };
}

function reservesOf({ height, assets, open_exits: openExits, l1_height: l1Height }) {
  const scope = [`As of block `, blockLink(height), l1Height === undefined || l1Height === null ? '' : ` and Ethereum block ${l1Height}`, `; open exits: ${openExits}.`];
  if (assets.length === 0) return [note('Nothing was deposited yet.'), h('p', {}, scope)];
  return [assetsTable(assets), h('p', {}, scope)];
}

function assetsTable(assets) {
  return table({
    label: 'Reserves per asset',
    columns: [
      { head: 'Asset', cell: ({ asset }) => assetOf(asset) },
      { head: 'Owed: all outputs', kind: 'number', cell: owedOf },
      { head: 'Held by the vault', kind: 'number', cell: ({ locked_on_l1: held, asset }) => (typeof held === 'string' ? amountOf(held, asset) : absence(held)) },
      { head: 'Difference', kind: 'number', cell: differenceOf },
    ],
    rows: assets,
  });
}

// Two amounts in one cell: beside what the vault holds, three of a token would not fit a narrow window.
function owedOf({ unspent_total: owed, exiting_total: exiting, asset }) {
  return [amountOf(owed, asset), exiting !== '0' && h('div', { class: 'from' }, 'of these exiting ', amountOf(exiting, asset))];
}

function differenceOf({ difference, asset }) {
  if (typeof difference !== 'string') return absence(difference);
  if (difference === '0') return badge('covered exactly', 'good');
  return h('span', { class: 'difference' }, badge(difference.startsWith('-') ? 'short' : 'more than owed', difference.startsWith('-') ? 'bad' : 'warn'), ' ', amountOf(difference, asset));
}

// A null says that Ethereum could not be asked, an absent member that the version does not.
function absence(value) {
  return value === null ? 'Ethereum cannot be asked now' : 'not offered by this operator';
}
