// One payment: where its money came from and went, how far it got, and what this browser can prove about it.

import { fromHex } from '../bytes.mjs';
import { flow } from '../chart.mjs';
import { copyButton } from '../copy.mjs';
import { h, put } from '../dom.mjs';
import { fatesOf } from '../fates.mjs';
import { addressLink, amountOf, assetOf, badge, blockLink, failure, fields, heading, memberName, outputLink, panel, timeOf, whole } from '../parts.mjs';
import { payerOf } from '../payments.mjs';
import { signatureTask, verifyReceipt } from '../verify.mjs';

const LEVELS = ['accepted', 'committed', 'anchored', 'finalized'];
const AGAIN_MS = 2_000;

export const title = () => 'Transaction';
export const topics = (id) => [`tx:${id}`];

export async function show(stage, id) {
  const path = `/v1/transactions/${encodeURIComponent(id)}`;
  let transaction = await stage.ask(path);
  const [way, state, content, receipt] = Array.from({ length: 4 }, () => h('div', {}));
  const draw = () => {
    put(state, timeline(transaction));
    put(content, contentOf(transaction, stage.facts));
  };
  put(stage.root, heading('Transaction'), h('p', { class: 'subject' }, whole(transaction.id, 'the id')), panel('Money', way), panel('State', state), content, panel('Receipt', receipt), downloads(transaction));
  draw();
  put(way, wayOf(transaction, {}));
  put(receipt, receiptOf(stage, () => transaction));

  const again = stage.trigger(AGAIN_MS, async () => {
    const before = transaction.state;
    transaction = await stage.ask(path);
    if (transaction.state !== before) draw();
    if (before === 'accepted' && transaction.state !== before) await drawWay();
  });
  const drawWay = async () => put(way, wayOf(transaction, await fates(stage, transaction)));
  await drawWay();
  return (kind) => {
    const isOpen = transaction.state !== 'finalized' && transaction.state !== 'void';
    if (isOpen && ['status', 'transaction.committed', 'block.anchored', 'block.finalized'].includes(kind)) again();
  };
}

/** What became of its outputs, and who owned its inputs. */
function fates(stage, { inputs, outputs }) {
  return fatesOf(stage, [inputs[0]?.output, ...outputs.map(({ output }) => output)].filter(Boolean));
}

function wayOf(transaction, fate) {
  const { inputs, outputs, asset, deposit } = transaction;
  const from = inputs.length > 0 ? inputs : [{ amount: outputs[0].amount }];
  const payer = payerOf(transaction, fate);
  return h(
    'div',
    { class: 'flow', role: 'group', 'aria-label': 'Inputs on the left, outputs on the right' },
    h('ol', { class: 'flow-side' }, from.map((input) => h('li', {}, input.output ? inputOf(input, asset, payer) : `deposit ${deposit}`))),
    flow(from.map(({ amount }) => amount), outputs.map(({ amount }) => amount)),
    h('ol', { class: 'flow-side' }, outputs.map((output) => h('li', {}, paymentOf(output, { asset, payer, fate: fate[output.output] })))),
  );
}

function inputOf({ output, amount }, asset, payer) {
  return [h('div', {}, amountOf(amount, asset)), h('div', { class: 'from' }, outputLink(output), payer && [' of ', addressLink(payer)])];
}

function paymentOf({ output, owner, amount }, { asset, payer, fate }) {
  return [
    h('div', {}, amountOf(amount, asset)),
    h('div', { class: 'from' }, owner === payer ? 'back to ' : 'to ', addressLink(owner), output && [' as ', outputLink(output)], fate && [' ', badge(fate.status, fate.status === 'unspent' ? 'good' : 'quiet')]),
  ];
}

function timeline(transaction) {
  const reached = LEVELS.indexOf(transaction.state);
  const { block, anchor } = transaction;
  const times = { anchored: anchor && new Date(anchor.time_s * 1_000).toISOString(), ...transaction.times };
  const detail = {
    committed: block && ['block ', blockLink(block.height), `, place ${block.index}`],
    anchored: anchor && `anchor ${anchor.number}`,
  };
  const levels = LEVELS.map((level, at) => {
    const is = transaction.state === 'void' ? 'void' : at <= reached ? 'reached' : 'ahead';
    const time = times[level] && timeOf(Date.parse(times[level]));
    return h('li', { 'data-is': is }, h('strong', {}, level), h('span', {}, is === 'reached' ? [time, time && detail[level] && ' · ', detail[level]] : ''));
  });
  return [
    transaction.state === 'void' && h('p', { class: 'problem' }, 'Void: Ethereum halted the chain below the block of this payment. It does not count.'),
    h('ol', { class: 'timeline', 'aria-label': `State: ${transaction.state}`, 'data-state': transaction.state }, levels),
  ];
}

function contentOf({ kind, asset, expiry, deposit, certificate }, facts) {
  return panel(
    'Content',
    fields({
      Kind: kind,
      Asset: assetOf(asset),
      Expiry: expiry === undefined ? 'never' : ['block ', blockLink(expiry)],
      Deposit: deposit === undefined ? undefined : String(deposit),
      'Certified by': certificate && [certificate.signers.map((index) => [memberName(index, facts), ' ']), ' in block ', blockLink(certificate.height)],
    }),
  );
}

function receiptOf(stage, current) {
  const outcome = h('div', { role: 'status', id: 'verdict' });
  const withProof = (act) => async () => {
    try {
      const { id } = current();
      act(await stage.ask(`/v1/transactions/${id}/proof`));
    } catch (error) {
      if (!stage.isClosed) put(outcome, failure(error));
    }
  };
  const verify = withProof((proof) => put(outcome, verdict({ proof, shown: current(), facts: stage.facts })));
  return [
    h('p', {}, 'A receipt holds the payment and the path from it to a header that the operators signed. Keep it: it needs nobody’s word.'),
    h('p', { class: 'actions' }, h('button', { type: 'button', id: 'verify', click: verify }, 'Verify in this browser'), h('button', { type: 'button', id: 'save-receipt', click: withProof(save) }, 'Download the receipt')),
    outcome,
  ];
}

function verdict({ proof, shown, facts }) {
  const checks = verifyReceipt({ proof, shown, committee: facts.members });
  const wrong = checks.filter(({ ok }) => !ok).length;
  return [
    h('p', { class: wrong === 0 ? 'verdict good' : 'verdict bad' }, wrong === 0 ? 'Every hash is right, recomputed here.' : `Do not trust this: ${wrong} of ${checks.length} checks failed.`),
    h('ol', { class: 'checks' }, checks.map(({ name, ok, says }) => h('li', { 'data-ok': ok ? 'yes' : 'no' }, h('strong', {}, name), ' ', h('span', { class: 'mono' }, says)))),
    signatureNote({ proof, facts }),
  ];
}

function signatureNote({ proof, facts }) {
  const task = signatureTask({ certificate: proof.certificate, network: facts.network, committee: facts.members });
  return h(
    'div',
    { class: 'aside' },
    h('p', {}, h('strong', {}, 'Not checked here: the signatures.'), ' This browser checked hashes only, neither the owner’s signature nor the aggregate BLS signature of the operators, and the committee is the one that this operator names.'),
    h('p', {}, 'Offline, any BLS12-381 library does it: add up the public keys, which you compare with those that the Federation contract holds on Ethereum, and verify the signature over the message with this suite. Once the payment is anchored, the contract itself has checked a signature over a header that covers it.'),
    h('p', {}, h('span', { class: 'mono' }, task.message), ' ', copyButton(JSON.stringify(task, null, 2), 'message, keys and signature'), ' message, keys and signature'),
  );
}

function save(proof) {
  const address = URL.createObjectURL(new Blob([fromHex(proof.raw)], { type: 'application/octet-stream' }));
  h('a', { href: address, download: `receipt-${proof.id.slice(2, 18)}.bin` }).click();
  URL.revokeObjectURL(address);
}

function downloads({ id, raw, block }) {
  return h(
    'p',
    { class: 'downloads' },
    h('a', { href: `/v1/transactions/${id}` }, 'This transaction as JSON'),
    block && h('a', { href: `/v1/transactions/${id}/proof` }, 'Its receipt as JSON'),
    h('span', {}, 'Its bytes ', copyButton(raw, 'the bytes')),
  );
}
