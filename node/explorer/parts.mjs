// The small parts that pages are made of.

import { NotOffered, Problem, Unreachable } from './api.mjs';
import { ethereumNow, now } from './clock.mjs';
import { copyButton } from './copy.mjs';
import { h } from './dom.mjs';
import { ETH, ago, amount, localTime, short, until, utc } from './format.mjs';
import { toAddress, toBlock, toOutput, toTransaction } from './router.mjs';

/** A page's heading, with what it is about. */
export function heading(title, about) {
  return h('h1', { tabindex: '-1' }, title, about && ' ', about && h('span', { class: 'about' }, about));
}

/** A titled part of a page. */
export function panel(title, ...content) {
  return h('section', { class: 'panel' }, h('h2', {}, title), content);
}

/** Names with their values; what has no value is left out. */
export function fields(entries) {
  const shown = Object.entries(entries).filter(([, value]) => value !== undefined && value !== null);
  return h('dl', { class: 'fields' }, shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** A word with a tone: good, warn, bad or quiet. */
export function badge(text, tone = 'quiet') {
  return h('span', { class: 'badge', 'data-tone': tone }, text);
}

/** A sentence where content would be. */
export function note(...text) {
  return h('p', { class: 'note' }, text);
}

/** What an error of this operator means for who looks at the page; an error of ours is thrown again. */
export function failure(error) {
  if (error instanceof NotOffered) return note('Not offered by this operator. ', h('span', { class: 'mono' }, error.path.split('?')[0]));
  if (error instanceof Unreachable) return note('This operator does not answer; the page comes back when it does.');
  if (!(error instanceof Problem)) throw error;
  const title = error.code === 'not-found' ? 'Nothing found' : error.title;
  return h('div', { class: 'problem' }, h('strong', {}, title), h('p', {}, error.message), error.hint && h('p', {}, error.hint));
}

/** A whole hash or key, with a copy button. */
export function whole(text, what = 'it') {
  return h('span', { class: 'whole' }, h('span', { class: 'mono' }, text), copyButton(text, what));
}

export function blockLink(height) {
  return h('a', { class: 'mono', href: toBlock(height) }, String(height));
}

export function transactionLink(id) {
  return h('a', { class: 'mono', href: toTransaction(id), title: id }, short(id));
}

export function addressLink(address) {
  return h('a', { class: 'mono', href: toAddress(address), title: address }, short(address));
}

export function outputLink(position) {
  return h('a', { class: 'mono', href: toOutput(position) }, position);
}

/** ETH, or a token's address. */
export function assetOf(asset) {
  return asset === ETH ? 'ETH' : h('span', { class: 'mono', title: asset }, short(asset));
}

/** An amount for people, its smallest units on hover and by the button. */
export function amountOf(units, asset) {
  const { text, unit, exact } = amount(units, asset);
  const of = asset === ETH ? unit : h('span', { title: asset }, `${unit} of ${short(asset)}`);
  return h('span', { class: 'amount' }, h('span', { class: 'number', title: exact }, text), ' ', h('span', { class: 'unit' }, of), copyButton(units, 'all digits'));
}

/** Payments one below the other; what goes to the payer goes back. */
export function paymentsOf(outputs, asset, payer) {
  return outputs.map(({ owner, amount: units }) => h('div', {}, amountOf(units, asset), ' ', h('span', { class: 'to' }, owner === payer ? 'back to ' : 'to ', addressLink(owner))));
}

/** Local time, UTC on hover. */
export function timeOf(ms) {
  return h('time', { datetime: new Date(ms).toISOString(), title: utc(ms) }, localTime(ms, now()));
}

/** How long ago; kept up by [`tick`]. */
export function agoOf(ms) {
  return h('time', { datetime: new Date(ms).toISOString(), title: utc(ms), 'data-ago': ms }, ago(ms, now()));
}

/** How long until, on Ethereum's clock; kept up by [`tick`]. */
export function untilOf(ms) {
  return h('time', { datetime: new Date(ms).toISOString(), title: utc(ms), 'data-until': ms }, until(ms, ethereumNow()));
}

/** Sets all spans of time in the document anew. */
export function tick() {
  for (const time of document.querySelectorAll('[data-ago]')) renew(time, ago(Number(time.dataset.ago), now()));
  for (const time of document.querySelectorAll('[data-until]')) renew(time, until(Number(time.dataset.until), ethereumNow()));
}

function renew(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A member's name with its colour; names are free text of other people. */
export function memberName(index, facts) {
  return h('span', { class: 'member', vars: { '--leader': leaderColour(index) } }, h('bdi', {}, facts.nameOf(index)));
}

/** The colour of a leader: hues that lie far apart for neighbours. */
export function leaderColour(index) {
  return `hsl(${Math.round(195 + index * 137.508) % 360} 52% 52%)`;
}

/** A table of these rows; on a narrow screen each row becomes a card. */
export function table({ label, columns, rows }) {
  return h(
    'table',
    { role: 'table' },
    h('caption', { class: 'hidden' }, label),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map((column) => h('th', { scope: 'col', role: 'columnheader', class: column.kind }, column.head)))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => tableRow(columns, row))),
  );
}

function tableRow(columns, row) {
  return h('tr', { role: 'row' }, columns.map((column) => h('td', { role: 'cell', class: column.kind, 'data-head': column.head }, column.cell(row) ?? '–')));
}
