// One output: where it was born, what became of it, and what an exit of it on Ethereum needs, or what ends a dishonest one.

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
  const [fate, way] = [h('div', {}), h('div', {})];
  let shown;
  // The way is set anew with the status only: what somebody asked for there stays.
  const draw = () => {
    put(fate, fateOf(output));
    if (shown !== output.status) put(way, WAYS[output.status]?.(stage, path));
    shown = output.status;
  };
  put(stage.root, heading('Output', output.output), fate, way);
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

/** What can be done with one on Ethereum. One that exits, or has left, goes there no second time. */
const WAYS = { unspent: exitPanel, spent: challengePanel };

function exitPanel(stage, path) {
  return panel(
    'Exit to Ethereum',
    h('p', {}, 'Its owner can take it to Ethereum without the operators. What the contract asks for can be copied here, and kept before it is needed.'),
    ...onDemand(stage, { id: 'exit-data', button: 'Show exit data', path: `${path}/exit-data`, show: exitData }),
  );
}

function challengePanel(stage, path) {
  return panel(
    'Challenge an exit',
    h('p', {}, 'It was spent, so an exit of it is dishonest. The operators challenge one; anybody can, and gets its bond.'),
    ...onDemand(stage, { id: 'challenge-data', button: 'Show challenge data', path: `${path}/challenge-data`, show: challengeData }),
  );
}

/** A button, and what is asked when it is pressed. */
function onDemand(stage, { id, button, path, show: shown }) {
  const outcome = h('div', { role: 'status', id });
  const press = async () => {
    try {
      put(outcome, shown(await stage.ask(path)));
    } catch (error) {
      if (!stage.isClosed) put(outcome, failure(error));
    }
  };
  return [h('p', { class: 'actions' }, h('button', { type: 'button', id: `show-${id}`, click: press }, button)), outcome];
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

function challengeData(data) {
  return fields({
    Exit: data.exit ? h('span', { class: 'mono' }, data.exit) : 'none is open',
    Call: data.calldata && ['ExitGame, ', `${(data.calldata.length - 2) / 2} bytes `, copyButton(data.calldata, 'the call’s data')],
    'Spent by': [`input ${data.input} of `, `${(data.spender.length - 2) / 2} bytes `, copyButton(data.spender, 'the spending transaction')],
    'Under anchor': data.included ? `${data.included.anchor.number}, up to block ${data.included.anchor.height}` : 'not yet',
    'All of it': ['JSON ', copyButton(JSON.stringify(data, null, 2), 'challenge data as JSON')],
  });
}
