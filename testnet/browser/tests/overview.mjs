// What the overview must show, against a made-up operator. One function, one sentence.

import assert from 'node:assert/strict';

export async function the_tip_rises_without_reloading(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  await visit.shows('#pulse', 'live');
  const { height } = operator.seal();
  await visit.shows('#home-tip', String(height));
  await visit.shows('#tip', String(height));
  await visit.shows('main tbody tr:first-child', String(height));
}

export async function the_tip_rises_where_streams_are_refused(bench) {
  const operator = await bench.operator();
  operator.isStreamRefused = true;
  const visit = await bench.visit(operator.url, { expected: ['/v1/events'] });
  await visit.to('#/');
  await visit.shows('#pulse', 'polling');
  const { height } = operator.seal();
  await visit.shows('#home-tip', String(height));
  await visit.shows('main tbody tr:first-child', String(height));
}

export async function the_tip_rises_where_streams_are_cut_off(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { expected: ['/v1/events'] });
  await visit.page.route('**/v1/events**', (route) => route.abort());
  await visit.to('#/');
  await visit.shows('#pulse', 'polling');
  const { height } = operator.seal();
  await visit.shows('#home-tip', String(height));
}

export async function transactions_that_are_not_here_yet_are_not_denied(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  let release;
  const held = new Promise((done) => (release = done));
  await visit.page.route('**/transactions?**', async (route) => held.then(() => route.continue()));
  await visit.to('#/');
  const part = '.columns section:last-child';
  await visit.shows(part, 'Looking…');
  release();
  await visit.page.waitForSelector(`${part} tbody tr`);
}

export async function blocks_of_the_overview_are_anchored_while_one_looks(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  await visit.shows('#pulse', 'live');
  const rows = (state) => visit.page.locator('main td:last-child .badge', { hasText: state });
  await rows('committed').first().waitFor();
  const { length } = operator.chain.anchors;
  while (operator.chain.anchors.length === length) operator.seal(0);
  const { height } = operator.chain.anchors.at(-1);
  await visit.until((tip) => [...document.querySelectorAll('main tr')].filter((row) => row.textContent.includes('committed')).every((row) => Number(row.querySelector('a').textContent) > tip), height);
}

export async function the_strip_says_who_signs_and_marks_only_who_never_does(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  await visit.shows('.legend', 'delta');
  const newest = () => [...operator.chain.blocks].reverse().slice(0, 60).filter(({ signers }) => signers.length > 0);
  const share = (index) => `signed ${newest().filter(({ signers }) => signers.includes(index)).length} of ${newest().length}`;
  for (const index of [0, 1, 2, 3]) await visit.shows(`.legend li:nth-child(${index + 1})`, share(index));
  assert.equal(await visit.page.locator('.legend .missed').count(), 0);
  operator.chain.away = 2;
  while (newest().some(({ signers }) => signers.includes(2))) operator.seal(0);
  await visit.shows('.legend li:nth-child(3) .missed', `signed none of ${newest().length}`);
  assert.equal(await visit.page.locator('.legend .missed').count(), 1);
  await bench.shot(visit, 'light-away');
}

export async function what_comes_back_to_the_payer_is_not_paid(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  const [payment, change] = operator.chain.firstTransfer.outputs;
  const lines = (id) => visit.page.locator(`main tr:has(a[href="#/tx/${id}"]) td:last-child > div`);
  const newest = [...operator.chain.transactions.values()].at(-1);
  await lines(newest.id).first().waitFor();
  assert.equal(await lines(newest.id).count(), 1);
  assert.equal(await lines(newest.id).locator('.copy').getAttribute('data-copy'), newest.outputs[0].amount);
  assert.equal(await lines(newest.id).locator('a').getAttribute('title'), newest.outputs[0].owner);
  await visit.to(`#/tx/${operator.chain.firstTransfer.id}`);
  await visit.page.waitForSelector(`.flow-side:last-child li:nth-child(2) a[title="${change.owner}"]`);
  await visit.shows('.flow-side:last-child li:nth-child(2)', 'back to ');
  assert.equal(await visit.page.locator('.flow-side:last-child li:nth-child(1) a').first().getAttribute('title'), payment.owner);
}

export async function the_overview_shows_what_is_kept_where_bodies_are_pruned(bench) {
  const operator = await bench.operator();
  const part = '.columns section:last-child';
  const withTransactions = operator.chain.blocks.filter(({ transactions }) => transactions.length > 0);
  operator.horizon = withTransactions.at(-1).height;
  const visit = await bench.visit(operator.url, { expected: ['/transactions'] });
  await visit.to('#/');
  for (const { id } of withTransactions.at(-1).transactions) await visit.page.waitForSelector(`${part} a[href="#/tx/${id}"]`);
  assert.equal(await visit.page.locator(`${part} tbody tr`).count(), withTransactions.at(-1).transactions.length);
  operator.horizon = Number.MAX_SAFE_INTEGER;
  const other = await bench.visit(operator.url, { expected: ['/transactions'] });
  await other.to('#/');
  await other.shows(part, 'keeps the transactions of these blocks no more');
  await bench.shot(other, 'light-pruned');
}

export async function transactions_come_also_when_the_first_question_had_no_answer(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { expected: ['/transactions'] });
  let isCut = true;
  await visit.page.route('**/transactions?**', (route) => (isCut ? route.abort() : route.continue()));
  await visit.to('#/');
  const part = '.columns section:last-child';
  await visit.shows(part, 'Looking…');
  isCut = false;
  await visit.page.waitForSelector(`${part} tbody tr`);
}
