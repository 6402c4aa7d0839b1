// All blocks, newest first.

import { put } from '../dom.mjs';
import { grouped } from '../format.mjs';
import { pager } from '../pager.mjs';
import { badge, blockLink, heading, memberName, panel, timeOf } from '../parts.mjs';

export const title = () => 'Blocks';

export async function show(stage) {
  const { facts } = stage;
  const list = pager(stage, {
    path: '/v1/blocks',
    label: 'Blocks, newest first',
    empty: 'There is no block yet.',
    columns: [
      { head: 'Block', cell: ({ height }) => blockLink(height) },
      { head: 'Time', cell: ({ timestamp_ms }) => timeOf(timestamp_ms) },
      { head: 'Transactions', kind: 'number', cell: ({ transaction_count }) => grouped(transaction_count) },
      { head: 'Leader', cell: ({ leader }) => (leader === null ? undefined : memberName(leader, facts)) },
      { head: 'Signed by', cell: (block) => signersOf(block, facts) },
      { head: 'Anchor', kind: 'number', cell: ({ anchor }) => anchor },
      { head: 'State', cell: stateOf },
    ],
  });
  put(stage.root, heading('Blocks'), panel('Newest first', list.node));
  await list.load();
}

function signersOf({ leader, signers, certified_at: certifiedAt }, facts) {
  if (leader !== null) return `${signers.length} of ${facts.members.length}`;
  return certifiedAt === null ? undefined : ['with ', blockLink(certifiedAt)];
}

function stateOf(block) {
  if (block.void) return badge('void', 'bad');
  return block.anchor === null ? badge('committed') : badge('anchored', 'good');
}
