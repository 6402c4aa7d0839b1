// What can be asked of the explorer at a real operator. What it does not offer yet its pages say, and break nothing.

import assert from 'node:assert/strict';

import { BETWEEN, NARROW } from '../browser.mjs';
import { faint } from '../contrast.mjs';

const visitOf = (bench, options) => bench.visit(bench.url, options);
const ask = async (bench, path) => (await fetch(new URL(path, bench.url))).json();

async function everyRoute(bench) {
  const payments = (await ask(bench, '/v1/blocks/1/transactions?limit=1')).items;
  const [{ id, outputs }] = payments;
  const fixed = { overview: '#/', blocks: '#/blocks', block: '#/block/1', federation: '#/federation', reserves: '#/reserves', exits: '#/exits', alerts: '#/alerts', api: '#/api' };
  return { ...fixed, transaction: `#/tx/${id}`, address: `#/address/${outputs[0].owner}`, output: `#/output/${outputs[0].output}` };
}

export async function every_page_opens_wide_and_narrow_in_light_and_dark(bench) {
  const routes = await everyRoute(bench);
  for (const options of [{}, { colorScheme: 'dark' }, { viewport: BETWEEN }, { viewport: NARROW }]) {
    const visit = await visitOf(bench, options);
    for (const [name, route] of Object.entries(routes)) {
      await visit.to(route);
      assert.equal(await visit.page.locator('main .problem').count(), 0, name);
      assert.deepEqual(await faint(visit.page), [], name);
      const width = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(width <= 0, `${name} is ${width} too wide`);
      await bench.shot(visit, `real-${Object.values(options).map((value) => value.width ?? value)}${name}`);
    }
  }
}

export async function the_tip_is_the_operators(bench) {
  const visit = await visitOf(bench);
  await visit.to('#/');
  const { height } = await ask(bench, '/v1/status');
  await visit.until((least) => Number(document.querySelector('#tip').textContent) >= least, height);
}

export async function what_happens_comes_as_a_stream(bench) {
  const visit = await visitOf(bench);
  await visit.to('#/');
  await visit.shows('#pulse-state', 'live');
}

export async function receipts_verify_in_the_browser(bench) {
  const visit = await visitOf(bench);
  await visit.to((await everyRoute(bench)).transaction);
  await visit.page.click('#verify');
  await visit.shows('#verdict', 'Every hash is right');
  await bench.shot(visit, 'real-verified');
}

export async function block_headers_lead_to_their_ids(bench) {
  const visit = await visitOf(bench);
  await visit.to('#/block/1');
  await visit.shows('main', 'id recomputed in this browser');
}

export async function exit_data_is_given(bench) {
  const visit = await visitOf(bench);
  const { items } = await ask(bench, `${(await everyRoute(bench)).address.replace('#/address', '/v1/addresses')}/outputs?status=unspent&limit=1`);
  await visit.to(`#/output/${items[0].output}`);
  await visit.page.click('#show-exit-data');
  await visit.shows('#exit-data', 'Under anchor');
}

export async function deposits_and_reserves_are_told(bench) {
  const visit = await visitOf(bench);
  await visit.to('#/exits');
  await visit.shows('main', 'credited');
  await visit.to('#/reserves');
  await visit.shows('main', 'covered exactly');
}

export async function a_federation_that_is_well_has_no_critical_alert(bench) {
  const visit = await visitOf(bench);
  await visit.to('#/alerts');
  await visit.shows('#pulse-state', 'live');
  assert.equal(await visit.text('#alarm'), '');
}

export async function search_by_height_address_and_output_lands(bench) {
  const routes = await everyRoute(bench);
  const visit = await visitOf(bench);
  await visit.to('#/reserves');
  for (const hash of [routes.block, routes.address, routes.output]) {
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type(hash.split('/').at(-1));
    await visit.page.keyboard.press('Enter');
    await visit.until((expected) => location.hash === expected, hash);
    await visit.stands();
  }
}
