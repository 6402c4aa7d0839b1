// What people read: amounts, spans of time, pace, and the way from an address to a page.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';

import { ETH, ago, amount, duration, grouped, short, until } from '../../../node/explorer/format.mjs';
import { anchored, merged, perSecond, signedBy, spacing } from '../../../node/explorer/rates.mjs';
import { routeOf, toAddress, toBlock, toOutput, toTransaction } from '../../../node/explorer/router.mjs';

const EXPLORER = new URL('../../../node/explorer/', import.meta.url);
const SIZE_MAX = 200 * 1024;
const TOKEN = `0x${'70'.repeat(20)}`;
const plain = (text) => text.replaceAll('\u202f', ' ');

test('ether_is_exact_to_six_decimals_and_says_when_more_follow', () => {
  const shown = {
    0: '0 ETH',
    1: '1 wei',
    999: '999 wei',
    1000: '0.000001 gwei',
    1234567: '0.001234… gwei',
    1000000000000: '0.000001 ETH',
    1500000000000000000: '1.5 ETH',
    '1234567890123456789012': '1 234.567890… ETH',
    '-25': '−25 wei',
    '-2000000000000000000': '−2 ETH',
  };
  for (const [wei, text] of Object.entries(shown)) {
    const { text: digits, unit } = amount(String(wei), ETH);
    assert.equal(plain(`${digits} ${unit}`), text, wei);
  }
});

test('every_wei_stands_in_the_exact_amount', () => {
  const most = (2n ** 256n - 1n).toString();
  assert.equal(plain(amount(most, ETH).exact).replaceAll(' ', '').replace('wei', ''), most);
  assert.equal(plain(amount('5000000', TOKEN).exact), '5 000 000 units');
});

test('digits_stand_in_groups_of_three', () => {
  assert.deepEqual(['1', '123', '1234', 1234567].map((digits) => plain(grouped(digits))), ['1', '123', '1 234', '1 234 567']);
  assert.equal(short(TOKEN), '0x707070…7070');
});

test('spans_show_their_largest_two_units', () => {
  const spans = { 80: '80 ms', 1_500: '1.5 s', 6_000: '6 s', 59_000: '59 s', 60_000: '1 min', 95_000: '1 min 35 s', 3_600_000: '1 h', 90_061_000: '1 d 1 h' };
  for (const [ms, text] of Object.entries(spans)) assert.equal(duration(Number(ms)), text);
  assert.deepEqual([ago(1_000, 1_500), ago(1_000, 8_700)], ['just now', '7 s ago']);
  assert.deepEqual([until(1_000, 1_000), until(8_700, 1_000)], ['due now', 'in 8 s']);
});

const block = (height, timestampMs, transactions = 1) => ({ height, timestamp_ms: timestampMs, transaction_count: transactions });

test('pace_counts_each_block_once_and_in_its_step', () => {
  const blocks = [block(3, 9_900, 4), block(2, 8_100, 2), block(1, 1_000, 50)];
  assert.deepEqual(perSecond(blocks, { nowMs: 10_000, stepMs: 1_000, steps: 3 }), [0, 2, 4]);
  assert.deepEqual(merged(blocks, [block(4, 9_950), block(3, 9_900, 4)], 3).map(({ height }) => height), [4, 3, 2]);
});

test('spacing_is_between_neighbours_only', () => {
  assert.deepEqual(spacing([block(5, 1_000), block(4, 700), block(3, 600), block(1, 0)]), { p50: 100, p99: 300 });
  assert.equal(spacing([block(1, 0)]), undefined);
});

test('an_anchor_covers_the_blocks_up_to_its_own_that_had_none', () => {
  const of = (height, anchor) => ({ height, anchor });
  assert.deepEqual(anchored([of(9, null), of(8, null), of(7, null), of(6, 1)], { number: 2, height: 8 }), [of(9, null), of(8, 2), of(7, 2), of(6, 1)]);
});

test('who_signed_is_counted_over_certificates_of_the_running_committee', () => {
  const own = (signers) => ({ leader: 1, signers });
  const blocks = [own([0, 1, 3]), { leader: null, signers: [] }, own([0, 1, 2]), { leader: null, signers: [0, 1] }];
  assert.deepEqual([0, 2, 4].map((index) => signedBy(blocks, index)), [{ signed: 2, of: 2 }, { signed: 1, of: 2 }, { signed: 0, of: 2 }]);
});

test('every_address_of_a_page_leads_to_it', () => {
  const routes = [
    ['', 'home'],
    ['#/', 'home'],
    [toBlock(12), 'block', '12'],
    [toTransaction('0xab'), 'transaction', '0xab'],
    [toAddress(TOKEN), 'address', TOKEN],
    [toOutput('1:2:0'), 'output', '1:2:0'],
    ['#/federation', 'federation'],
    ['#/block/%E0%A4%A', 'block', '%E0%A4%A'],
    ['#/nothing', 'missing', '/nothing'],
    [toBlock('a/b'), 'block', 'a/b'],
  ];
  for (const [hash, page, argument] of routes) assert.deepEqual(routeOf(hash), { page, argument }, hash);
});

const files = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(new URL(`${entry.name}/`, folder)) : [new URL(entry.name, folder)]));

test('the_page_is_small_and_brings_all_that_it_needs', () => {
  const all = files(EXPLORER);
  const size = all.reduce((sum, file) => sum + statSync(file).size, 0);
  assert.ok(size < SIZE_MAX, `${size} bytes`);
  for (const file of all) {
    const text = readFileSync(file, 'utf8');
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/.test(text), `${file} makes HTML of text`);
    assert.ok(!/(src|href)="(https?:)?\/\//.test(text), `${file} asks another host`);
  }
  const index = readFileSync(new URL('index.html', EXPLORER), 'utf8');
  assert.ok(!/<style|style="|<script(?![^>]*src=)|\son\w+=/.test(index), 'inline script or style');
});
