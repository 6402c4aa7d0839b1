// What the explorer must do, against a made-up operator. One function, one sentence.

import assert from 'node:assert/strict';

import { NARROW } from '../browser.mjs';
import { faint } from '../contrast.mjs';
import { TOKEN, USERS, noise } from '../mock/chain.mjs';
import { HOSTILE, WHALE, WHALE_OUTPUTS } from '../mock/documents.mjs';

const PAGE_ROWS = 100;

function everyRoute(operator) {
  return {
    overview: '#/',
    blocks: '#/blocks',
    block: '#/block/57',
    transaction: `#/tx/${operator.chain.firstTransfer.id}`,
    address: `#/address/${USERS[1]}`,
    output: '#/output/1:2:0',
    federation: '#/federation',
    reserves: '#/reserves',
    exits: '#/exits',
    alerts: '#/alerts',
    api: '#/api',
    missing: '#/nothing/here',
  };
}

const ALERT = { id: 'a1', kind: 'unchallenged_exit', severity: 'critical', text: 'Exit 7 of a spent output was not challenged.', height: 12, operator: 1 };

export async function every_page_opens_without_a_word_on_the_console(bench) {
  const operator = await bench.operator();
  operator.raise(ALERT);
  const visit = await bench.visit(operator.url);
  for (const [name, route] of Object.entries(everyRoute(operator))) {
    await visit.to(route);
    assert.equal(await visit.page.locator('.problem').count(), 0, name);
    assert.equal(await visit.page.locator('main h1').count(), 1, name);
  }
}

async function no_text_is_faint(bench, colorScheme) {
  const operator = await bench.operator();
  operator.raise(ALERT);
  const visit = await bench.visit(operator.url, { colorScheme });
  for (const [name, route] of Object.entries(everyRoute(operator))) {
    await visit.to(route);
    assert.deepEqual(await faint(visit.page), [], name);
    await bench.shot(visit, `${colorScheme}-${name}`);
  }
}

export const every_text_stands_out_in_the_light = (bench) => no_text_is_faint(bench, 'light');
export const every_text_stands_out_in_the_dark = (bench) => no_text_is_faint(bench, 'dark');

export async function no_page_scrolls_sideways_on_a_phone(bench) {
  const operator = await bench.operator();
  operator.raise(ALERT);
  const visit = await bench.visit(operator.url, { viewport: NARROW });
  for (const [name, route] of Object.entries(everyRoute(operator))) {
    await visit.to(route);
    const width = await visit.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= NARROW.width, `${name} is ${width} wide`);
    await bench.shot(visit, `phone-${name}`);
  }
}

export async function the_way_to_every_page_is_seen_on_a_phone(bench) {
  const operator = await bench.operator();
  operator.raise(ALERT);
  const visit = await bench.visit(operator.url, { viewport: NARROW });
  await visit.to('#/exits');
  await visit.shows('#alarm', '1 critical');
  const [inner, ...ends] = await visit.page.evaluate(() => [document.querySelector('#pages'), ...document.querySelectorAll('#pages a')].map((one) => one.getBoundingClientRect().right));
  assert.equal(ends.length, 7);
  assert.ok(Math.max(...ends) <= inner, `${ends} in ${inner}`);
}

export async function the_switch_turns_light_into_dark_and_is_remembered(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { colorScheme: 'light' });
  const paper = () => visit.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await visit.to('#/');
  const light = await paper();
  await visit.page.click('#theme');
  const dark = await paper();
  assert.notEqual(light, dark);
  await visit.page.reload();
  await visit.stands();
  assert.equal(await paper(), dark);
}

export async function search_finds_blocks_hashes_addresses_and_outputs(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  const transaction = operator.chain.firstTransfer.id;
  const wanted = {
    57: '#/block/57',
    [operator.chain.blocks[31].id]: '#/block/31',
    [transaction]: `#/tx/${transaction}`,
    [USERS[0]]: `#/address/${USERS[0]}`,
    '1:2:0': '#/output/1:2:0',
  };
  for (const [text, hash] of Object.entries(wanted)) {
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type(text);
    await visit.page.keyboard.press('Enter');
    await visit.until((expected) => location.hash === expected, hash);
    await visit.stands();
    assert.equal(await visit.page.locator('.problem').count(), 0, text);
  }
}

export async function garbage_finds_nothing_and_says_so(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { expected: ['/v1/search', '/v1/blocks/999999999'] });
  await visit.to('#/');
  for (const garbage of ['<img src=x onerror=alert(1)>', 'no such thing', `0x${'5'.repeat(64)}`, '%00☃']) {
    await visit.page.fill('#search-text', garbage);
    await visit.page.press('#search-text', 'Enter');
    await visit.shows('#search-answer', 'Nothing found');
  }
  await visit.page.fill('#search-text', '999999999');
  await visit.page.press('#search-text', 'Enter');
  await visit.shows('main', 'Nothing found');
}

export async function a_name_that_is_markup_stays_a_name(bench) {
  const operator = await bench.operator();
  operator.raise({ ...ALERT, text: HOSTILE });
  const visit = await bench.visit(operator.url);
  for (const route of ['#/federation', '#/', '#/alerts', '#/api']) {
    await visit.to(route);
    assert.equal(await visit.page.locator('main script, main img, #banner img').count(), 0, route);
    assert.match(await visit.page.title(), /Plasma$/);
  }
  await visit.to('#/federation');
  await visit.shows('main table', HOSTILE);
}

export async function a_dead_operator_shows_as_offline_within_ten_seconds(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/federation');
  await visit.shows('#quorum-says', '4 online');
  operator.connected = [0, 1, 3];
  const row = () => [...document.querySelectorAll('main tbody tr')].find((one) => one.textContent.includes('operator 2'))?.textContent.includes('offline');
  await visit.until(row, undefined, 10_000);
  await visit.shows('#quorum-says', '3 online');
}

export async function a_blocker_raises_the_banner_and_clears_it(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/reserves');
  operator.blockers = [{ code: 'no-quorum', text: '2 of 4 members connected, 3 needed', hint: 'look at the connections' }];
  await visit.shows('#banner', 'no-quorum');
  operator.blockers = [];
  await visit.until(() => document.querySelector('#banner').childElementCount === 0);
}

export async function an_alert_raises_the_banner_and_clears_it(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/alerts');
  await visit.shows('#pulse', 'live');
  operator.raise(ALERT);
  await visit.shows('#banner', ALERT.text);
  await visit.shows('main table', ALERT.text);
  operator.clear(ALERT.id);
  await visit.until(() => document.querySelector('#banner').childElementCount === 0);
}

export async function critical_alerts_are_a_sign_on_every_page_and_come_first(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/');
  await visit.shows('#pulse', 'live');
  operator.raise(ALERT);
  for (const id of ['b1', 'b2', 'b3', 'b4']) operator.raise({ ...ALERT, id, severity: 'warning', kind: 'equivocation', text: `Warning ${id}.` });
  await visit.shows('#banner p:first-child', ALERT.text);
  for (const [name, route] of Object.entries(everyRoute(operator))) {
    await visit.to(route);
    await visit.shows('#alarm', '1 critical');
    await visit.shows('#banner p:first-child', ALERT.text);
    assert.equal(await visit.page.locator('#banner p').count(), 3, name);
  }
  operator.clear(ALERT.id);
  await visit.until(() => document.querySelector('#alarm').textContent === '' && document.querySelector('#banner p').textContent.includes('Warning'));
}

export async function what_a_blocker_says_no_alert_repeats(bench) {
  const operator = await bench.operator();
  operator.blockers = [{ code: 'no-quorum', text: '2 of 4 members connected, 3 needed', hint: 'look at the connections' }];
  operator.raise({ ...ALERT, kind: 'no_quorum', text: '2 of 4 members in reach' });
  const visit = await bench.visit(operator.url);
  await visit.to('#/reserves');
  await visit.shows('#alarm', '1 critical');
  await visit.page.waitForSelector('#banner p[data-severity=critical]:has-text("no-quorum")');
  assert.equal(await visit.page.locator('#banner p').count(), 1);
  await bench.shot(visit, 'light-no-quorum');
}

export async function a_silent_operator_is_told_and_the_page_comes_back_with_it(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { expected: [operator.url] });
  await visit.to('#/');
  await operator.close();
  await visit.shows('#banner', 'does not answer');
  await visit.page.click('#pages a[href="#/reserves"]');
  await visit.shows('main', 'does not answer');
  await operator.listen();
  await visit.shows('main table', 'covered exactly');
  await visit.until(() => document.querySelector('#banner').childElementCount === 0);
}

export async function ten_thousand_outputs_are_read_to_the_end_in_constant_memory(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to(`#/address/${WHALE}`);
  const seen = await visit.page.evaluate(turnToTheEnd);
  assert.equal(seen.outputs, WHALE_OUTPUTS);
  assert.equal(seen.rowsMost, PAGE_ROWS);
  await visit.page.locator('button:text-is("Previous")').first().click();
  await visit.page.waitForSelector(`main tbody a[href="#/output/9:${WHALE_OUTPUTS - 2 * PAGE_ROWS}:0"]`);
}

/** Runs in the page: presses Next as long as it can be pressed, and counts what was shown. */
async function turnToTheEnd() {
  const section = [...document.querySelectorAll('main section')].find((one) => one.querySelector('h2').textContent === 'Outputs');
  const next = [...section.querySelectorAll('button')].find((one) => one.textContent === 'Next');
  const outputs = () => [...section.querySelectorAll('tbody td:first-child a')].map((link) => link.textContent);
  const seen = new Set(outputs());
  let rowsMost = seen.size;
  while (!next.disabled) {
    const turned = new Promise((done) => {
      const observer = new MutationObserver(() => {
        if (section.querySelector('[aria-busy]')) return;
        observer.disconnect();
        done();
      });
      observer.observe(section, { subtree: true, attributes: true, attributeFilter: ['aria-busy'] });
    });
    next.click();
    await turned;
    for (const output of outputs()) seen.add(output);
    rowsMost = Math.max(rowsMost, outputs().length);
  }
  return { outputs: seen.size, rowsMost };
}

export async function a_receipt_is_verified_in_the_browser_and_saved(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  const { id } = operator.chain.firstTransfer;
  await visit.to(`#/tx/${id}`);
  await visit.page.click('#verify');
  await visit.shows('#verdict', 'Every hash is right');
  await visit.shows('#verdict', 'Not checked here: the signatures');
  assert.equal(await visit.page.locator('.checks li[data-ok=no]').count(), 0);
  await bench.shot(visit, 'light-verified');
  const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.click('#save-receipt')]);
  assert.match(download.suggestedFilename(), /^receipt-[0-9a-f]{16}\.bin$/);
}

export async function a_receipt_that_was_tampered_with_is_called_out(bench) {
  const operator = await bench.operator();
  operator.isTampering = true;
  const visit = await bench.visit(operator.url);
  await visit.to(`#/tx/${operator.chain.firstTransfer.id}`);
  await visit.page.click('#verify');
  await visit.shows('#verdict', 'Do not trust this');
  assert.ok((await visit.page.locator('.checks li[data-ok=no]').count()) > 0);
  await bench.shot(visit, 'light-tampered');
}

export async function a_payment_moves_along_its_levels_while_one_looks(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  operator.seal(2);
  const { id } = [...operator.chain.transactions.values()].at(-1);
  await visit.to(`#/tx/${id}`);
  const state = (is) => visit.page.waitForSelector(`.timeline[data-state=${is}]`);
  await state('committed');
  while (!operator.chain.anchorOver(operator.chain.transactions.get(id).height)) operator.seal(0);
  await state('anchored');
}

export async function amounts_show_ether_and_give_every_wei(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { permissions: ['clipboard-read', 'clipboard-write'] });
  await visit.to(`#/tx/${operator.chain.firstTransfer.id}`);
  const amount = visit.page.locator('.flow-side:last-child .amount').first();
  assert.equal(await amount.locator('.number').textContent(), '33.333333…');
  assert.match(await amount.locator('.number').getAttribute('title'), /^33.333.333.333.333.333.334 wei$/);
  await amount.locator('.copy').click();
  await visit.page.waitForSelector('[data-copied=yes]');
  assert.equal(await visit.page.evaluate(() => navigator.clipboard.readText()), '33333333333333333334');
  assert.match(await visit.page.locator('time').first().getAttribute('title'), /UTC$/);
}

export async function exit_data_can_be_copied_from_an_output(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/output/1:2:0');
  await visit.page.click('#show-exit-data');
  const copies = visit.page.locator('#exit-data [data-copy]');
  await copies.nth(1).waitFor();
  assert.equal(JSON.parse(await copies.nth(1).getAttribute('data-copy')).output.output, '1:2:0');
}

export async function challenge_data_can_be_copied_from_a_spent_output(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  const spent = operator.chain.firstTransfer.inputs[0].output;
  await visit.to(`#/output/${spent}`);
  await visit.page.click('#show-challenge-data');
  const copies = visit.page.locator('#challenge-data [data-copy]');
  await copies.nth(2).waitFor();
  assert.equal(JSON.parse(await copies.nth(2).getAttribute('data-copy')).output.output, spent);
}

export async function only_an_unspent_output_is_offered_for_an_exit(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  const ways = () => visit.page.locator('#show-exit-data, #show-challenge-data').evaluateAll((buttons) => buttons.map(({ id }) => id));
  const { output } = operator.chain.firstTransfer.inputs[0];
  await visit.to(`#/output/${output}`);
  assert.deepEqual(await ways(), ['show-challenge-data']);
  await bench.shot(visit, 'light-output-spent');
  for (const status of ['exiting', 'exited', 'reclaimed']) {
    operator.chain.outputs.get('1:2:0').status = status;
    await visit.to('#/blocks');
    await visit.to('#/output/1:2:0');
    await visit.shows('main .badge', status);
    assert.deepEqual(await ways(), [], status);
  }
}

export async function an_output_that_is_spent_while_one_looks_is_no_longer_offered(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/output/1:2:0');
  await visit.page.click('#show-exit-data');
  await visit.page.locator('#exit-data [data-copy]').first().waitFor();
  operator.seal(0);
  await visit.page.locator('#exit-data [data-copy]').first().waitFor();
  operator.chain.outputs.get('1:2:0').status = 'spent';
  operator.seal(0);
  await visit.page.waitForSelector('#show-challenge-data');
  assert.equal(await visit.page.locator('#show-exit-data').count(), 0);
}

export async function exits_count_down(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/exits');
  const before = await visit.page.locator('[data-until]').first().textContent();
  assert.match(before, /^in \d+ min/);
  await visit.until((text) => document.querySelector('[data-until]').textContent !== text, before);
  await visit.shows('main', 'challenged');
  await visit.shows('tbody tr:nth-child(3)', 'in-flight');
  await visit.shows('tbody tr:nth-child(3)', 'waiting');
  await visit.shows('main', 'confirming 4 of 12');
}

export async function an_exit_is_due_when_ethereums_clock_says_so(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  operator.ethereumAheadMs = -3_600_000;
  await visit.to('#/exits');
  await visit.shows('[data-until]', 'in 1 h 10 min');
  operator.ethereumAheadMs = 3_600_000;
  await visit.shows('[data-until]', 'due now');
  await bench.shot(visit, 'light-exits-due');
}

export async function only_who_signs_nothing_any_more_is_marked(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/federation');
  const certified = () => operator.chain.blocks.filter(({ signers }) => signers.length > 0);
  const says = (index) => `${certified().filter(({ signers }) => !signers.includes(index)).length} of ${certified().length}`;
  for (const index of [0, 1, 2, 3]) await visit.shows(`tbody tr:nth-child(${index + 1}) td:nth-child(4)`, says(index));
  assert.equal(await visit.page.locator('.missed').count(), 0);
  operator.chain.away = 2;
  const { height } = certified().filter(({ signers }) => signers.includes(2)).at(-1);
  while (operator.chain.tip.height < height + 60) operator.seal(0);
  await visit.shows('tbody tr:nth-child(3) .missed', says(2));
  assert.equal(await visit.page.locator('.missed').count(), 1);
  await bench.shot(visit, 'light-silent');
}

export async function a_shape_that_is_joined_of_others_shows_the_members_of_all(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/api');
  const members = visit.page.locator('.members:has(> li > code:text-is("calldata"))');
  await members.first().waitFor({ state: 'attached' });
  assert.deepEqual(await members.locator('> li > code').allTextContents(), ['height', 'peers', 'calldata']);
  assert.equal(await members.locator('> li').first().textContent(), 'height integer – Last decided height');
}

export async function reserves_show_what_is_short(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/reserves');
  await visit.shows('main tbody tr:nth-child(1)', 'covered exactly');
  await visit.shows('main tbody tr:nth-child(2)', 'short');
  assert.equal(await visit.page.locator(`main [title="${TOKEN}"]`).first().isVisible(), true);
}

export async function the_keyboard_walks_rows_and_blocks(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url);
  await visit.to('#/blocks');
  await visit.page.keyboard.press('ArrowDown');
  await visit.page.keyboard.press('ArrowDown');
  await visit.page.keyboard.press('ArrowUp');
  await visit.page.keyboard.press('ArrowDown');
  await visit.page.keyboard.press('Enter');
  const second = operator.chain.tip.height - 1;
  await visit.until((hash) => location.hash === hash, `#/block/${second}`);
  await visit.stands();
  await visit.shows('h1', String(second));
  await visit.page.keyboard.press('ArrowLeft');
  await visit.until((hash) => location.hash === hash, `#/block/${second - 1}`);
}

export async function an_object_that_is_not_there_is_told_in_the_operators_words(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { expected: ['/v1/'] });
  for (const route of [`#/tx/${noise('nothing')}`, '#/output/9:9:9', '#/block/4711']) {
    await visit.to(route);
    await visit.shows('.problem', 'Nothing found');
  }
}

export async function without_scripts_the_page_names_the_status(bench) {
  const operator = await bench.operator();
  const visit = await bench.visit(operator.url, { javaScriptEnabled: false });
  await visit.page.goto(operator.url);
  assert.equal(await visit.page.locator('noscript a, main a[href="/v1/status"]').first().getAttribute('href'), '/v1/status');
}
