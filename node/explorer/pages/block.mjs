// One block: its header, who certified it, its anchor, its transactions.

import { h, put } from '../dom.mjs';
import { count, grouped } from '../format.mjs';
import { pager } from '../pager.mjs';
import { agoOf, badge, blockLink, fields, heading, memberName, note, panel, paymentsOf, timeOf, transactionLink, whole } from '../parts.mjs';
import { toBlock } from '../router.mjs';
import { verifyHeader } from '../verify.mjs';

const AGAIN_MS = 2_000;

export const title = (name) => `Block ${name}`;

export async function show(stage, name) {
  const path = `/v1/blocks/${encodeURIComponent(name)}`;
  let block = await stage.ask(path);
  const head = h('div', {});
  const list = transactionsOf(stage, block);
  const draw = () => put(head, headOf(block, stage.facts));
  put(stage.root, heading('Block', grouped(block.height)), neighbours(block), head, panel('Transactions', block.transaction_count > 0 ? list.node : note('This block has none.')), downloads(block));
  draw();
  if (block.transaction_count > 0) await list.load();

  const again = stage.trigger(AGAIN_MS, async () => {
    block = await stage.ask(`/v1/blocks/${block.height}`);
    draw();
  });
  return (kind) => {
    const isOpen = !block.anchor || !block.certificate;
    if (kind === 'block.anchored' || (kind === 'status' && isOpen)) again();
  };
}

function headOf(block, facts) {
  const check = verifyHeader(block);
  return [
    block.void && h('p', { class: 'problem' }, 'Ethereum halted the chain below this block: it does not count.'),
    panel(
      'Header',
      fields({
        Id: whole(block.id, 'the id'),
        Checked: [badge(check.ok ? 'id recomputed in this browser' : 'the header does not lead to this id', check.ok ? 'good' : 'bad'), !check.ok && ` ${check.says}`],
        Time: [timeOf(block.timestamp_ms), ' (', agoOf(block.timestamp_ms), ')'],
        Transactions: grouped(block.transaction_count),
        Parent: h('a', { class: 'mono', href: toBlock(block.parent) }, block.parent),
        'Transactions root': whole(block.transactions_root, 'the root'),
        'History root': whole(block.history_root, 'the root'),
        'Output commitment': whole(block.output_commitment, 'the commitment'),
        'Ethereum block': [grouped(block.l1_height), ' ', h('span', { class: 'mono' }, block.l1_hash)],
      }),
    ),
    h('div', { class: 'columns' }, panel('Certificate', certificateOf(block, facts)), panel('Anchor on Ethereum', anchorOf(block.anchor))),
  ];
}

function certificateOf({ height, certificate }, facts) {
  if (!certificate) return note('None: genesis needs no certificate.');
  const { signers, quorum } = certificate;
  const missing = facts.members.filter(({ index }) => !signers.includes(index));
  return fields({
    Certifies: certificate.height === height ? 'this block' : ['block ', blockLink(certificate.height), ', whose history covers this one'],
    'Signed by': [signers.map((index) => [memberName(index, facts), ' ']), quorum && `(${quorum} needed)`],
    Missing: missing.length > 0 ? missing.map(({ index }) => [memberName(index, facts), ' ']) : 'nobody',
    'Epoch and view': `${certificate.epoch}, ${certificate.view}`,
    Signature: whole(certificate.signature, 'the signature'),
  });
}

function anchorOf(anchor) {
  if (!anchor) return note('Not yet: the newest anchor is below this block.');
  return fields({
    Number: String(anchor.number),
    Covers: ['up to block ', blockLink(anchor.height)],
    Mined: [timeOf(anchor.time_s * 1_000), ' (', agoOf(anchor.time_s * 1_000), ')'],
    'History root': whole(anchor.history_root, 'the root'),
  });
}

function neighbours({ height }) {
  return h(
    'p',
    { class: 'neighbours' },
    height > 0 && h('a', { rel: 'prev', href: toBlock(height - 1) }, `← ${height - 1}`),
    h('a', { rel: 'next', href: toBlock(height + 1) }, `${height + 1} →`),
  );
}

function transactionsOf(stage, block) {
  return pager(stage, {
    path: `/v1/blocks/${block.height}/transactions`,
    label: `Transactions of block ${block.height}`,
    empty: 'This block has none.',
    columns: [
      { head: 'Transaction', cell: ({ id }) => transactionLink(id) },
      { head: 'Place', kind: 'number', cell: (transaction) => transaction.block?.index },
      { head: 'Kind', cell: ({ kind }) => kind },
      { head: 'Spends', cell: ({ inputs, deposit }) => (deposit === undefined ? count(inputs.length, 'output') : `deposit ${deposit}`) },
      { head: 'Pays', cell: ({ outputs, asset }) => paymentsOf(outputs, asset) },
    ],
  });
}

function downloads({ height, id }) {
  return h(
    'p',
    { class: 'downloads' },
    h('a', { href: `/v1/blocks/${height}` }, 'This block as JSON'),
    h('a', { href: `/v1/blocks/${height}/raw`, download: `block-${height}-${id.slice(2, 10)}.bin` }, 'Header and transactions as bytes'),
  );
}
