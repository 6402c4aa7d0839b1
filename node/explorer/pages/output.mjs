// One output: where it was born, what became of it, and what an exit of it on Ethereum needs.

import { copyButton } from '../copy.mjs';
import { h, put } from '../dom.mjs';
import { amountOf, assetOf, badge, blockLink, failure, fields, heading, panel, transactionLink, whole } from '../parts.mjs';
import { toAddress } from '../router.mjs';

const TONES = { unspent: 'good', exiting: 'warn', exited: 'warn', reclaimed: 'warn' };
const AGAIN_MS = 2_000;

export const title = (position) => `Output ${position}`;

export async function show(stage, position) {
  const path = `/v1/outputs/${encodeURIComponent(position)}`;
  let output = await stage.ask(path);
  const fate = h('div', {});
  const draw = () => put(fate, fateOf(output));
  put(stage.root, heading('Output', output.output), fate, panel('Exit to Ethereum', exitPart(stage, path)));
  draw();

  const again = stage.trigger(AGAIN_MS, async () => {
    output = await stage.ask(path);
    draw();
  });
  return (kind) => {
    const isOpen = output.status === 'unspent' || output.status === 'exiting';
    if (isOpen && (kind === 'block.committed' || kind === 'status')) again();
  };
}

function fateOf(output) {
  const { spent_by: spender } = output;
  return panel(
    'What it is',
    fields({
      Amount: amountOf(output.amount, output.asset),
      Asset: assetOf(output.asset),
      Owner: h('span', { class: 'whole' }, h('a', { class: 'mono', href: toAddress(output.owner) }, output.owner), copyButton(output.owner, 'the owner')),
      Status: badge(output.status, TONES[output.status]),
      'Created by': transactionLink(output.created_by),
      'Spent by': spender && [spender.id ? transactionLink(spender.id) : 'a pruned transaction', ' in block ', blockLink(spender.height), `, place ${spender.index}, input ${spender.input}`],
      Exit: output.exit && h('span', { class: 'mono' }, output.exit),
      'Packed position': whole(output.index, 'the number'),
    }),
  );
}

function exitPart(stage, path) {
  const outcome = h('div', { role: 'status', id: 'exit-data' });
  const askData = async () => {
    try {
      put(outcome, exitData(await stage.ask(`${path}/exit-data`)));
    } catch (error) {
      if (!stage.isClosed) put(outcome, failure(error));
    }
  };
  return [
    h('p', {}, 'Its owner can take it to Ethereum without the operators. What the contract asks for can be copied here, and kept before it is needed.'),
    h('p', { class: 'actions' }, h('button', { type: 'button', id: 'show-exit-data', click: askData }, 'Show exit data')),
    outcome,
  ];
}

function exitData(data) {
  return fields({
    'Under anchor': `${data.anchor.number}, up to block ${data.anchor.height}`,
    Call: data.calldata && ['ExitGame.startExit, ', `${(data.calldata.length - 2) / 2} bytes `, copyButton(data.calldata, 'the call’s data')],
    'All of it': ['JSON ', copyButton(JSON.stringify(data, null, 2), 'exit data as JSON')],
    'Transaction proof': `${data.transaction_proof.length} hashes`,
    'History proof': `${data.history_proof.length} hashes`,
  });
}
