// The frame around the pages: shows the page of the address, and hands on to it what happens at the operator.

import { Unreachable } from './api.mjs';
import { Banner } from './banner.mjs';
import * as copying from './copy.mjs';
import { put } from './dom.mjs';
import { Facts } from './facts.mjs';
import * as keys from './keys.mjs';
import { Live } from './live.mjs';
import { failure, heading, tick } from './parts.mjs';
import { routeOf } from './router.mjs';
import { searchBy } from './search.mjs';
import { Stage } from './stage.mjs';
import { switchBy } from './theme.mjs';
import * as address from './pages/address.mjs';
import * as alerts from './pages/alerts.mjs';
import * as api from './pages/api.mjs';
import * as block from './pages/block.mjs';
import * as blocks from './pages/blocks.mjs';
import * as exits from './pages/exits.mjs';
import * as federation from './pages/federation.mjs';
import * as home from './pages/home.mjs';
import * as missing from './pages/missing.mjs';
import * as output from './pages/output.mjs';
import * as reserves from './pages/reserves.mjs';
import * as transaction from './pages/transaction.mjs';

const PAGES = { address, alerts, api, block, blocks, exits, federation, home, missing, output, reserves, transaction };
const TICK_MS = 1_000;

const at = (id) => document.getElementById(id);
const main = at('main');
const facts = new Facts();
const banner = new Banner(at('banner'), at('alarm'));
const live = new Live(deliver);
let shown = { stage: undefined, on: undefined };
let tip = 0;

/** Shows the page of the address; a page that was left hears nothing any more. */
async function show() {
  const { page, argument } = routeOf(location.hash);
  shown.stage?.close();
  const stage = new Stage({ root: main, facts, live });
  const isFirst = shown.stage === undefined;
  shown = { stage, on: undefined };
  mark(page);
  live.follow(PAGES[page].topics?.(argument) ?? []);
  main.setAttribute('aria-busy', 'true');
  try {
    await facts.load();
    if (stage.isClosed) return;
    at('network-name').textContent = facts.network.name;
    shown.on = await PAGES[page].show(stage, argument);
  } catch (error) {
    if (stage.isClosed) return;
    put(main, heading(PAGES[page].title(argument)), failure(error));
    if (error instanceof Unreachable) shown.on = showAgain;
  }
  if (stage.isClosed) return;
  main.removeAttribute('aria-busy');
  document.title = `${PAGES[page].title(argument)} – Plasma`;
  // Who searches again meanwhile goes on typing.
  const isTyping = document.activeElement === at('search-text');
  if (!isFirst && !isTyping) main.querySelector('h1')?.focus();
}

/** A page that found no operator is shown once there is one. */
function showAgain(kind) {
  if (kind === 'status') show();
}

function deliver(kind, content) {
  banner.on(kind, content);
  if (kind === 'status') onStatus(content);
  if (kind === 'block.committed') setTip(content.height);
  setPulse(kind);
  shown.on?.(kind, content);
}

function onStatus(status) {
  setTip(status.height);
  if (facts.network && facts.network.epoch !== status.consensus.epoch) facts.forget();
}

function setTip(height) {
  tip = Math.max(tip, height);
  at('tip').textContent = String(tip);
}

function setPulse(kind) {
  const state = kind === 'silent' ? 'silent' : live.isStreaming ? 'live' : 'polling';
  at('pulse').dataset.state = state;
  at('pulse-state').textContent = state === 'silent' ? 'no answer' : state;
}

function mark(page) {
  const of = { block: 'blocks', home: '' };
  const target = `#/${of[page] ?? page}`;
  for (const link of at('pages').children) {
    if (link.getAttribute('href') === target) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

addEventListener('hashchange', show);
at('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
searchBy(at('search'), at('search-answer'));
switchBy(at('theme'));
copying.listen(at('spoken'));
keys.listen(at('search-text'));
setInterval(tick, TICK_MS);
show();
