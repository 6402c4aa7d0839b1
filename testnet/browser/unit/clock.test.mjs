// The two clocks, by what an operator tells of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ethereumNow, now, setClock, setEthereumClock } from '../../../node/explorer/clock.mjs';

const AT_MS = Date.parse('2026-01-02T03:04:05Z');
const text = (ms) => new Date(ms).toISOString();

/** A browser whose clocks a test sets: the time of day, and what has passed. */
function browser(t) {
  let passedMs = 1_000;
  t.mock.timers.enable({ apis: ['Date'], now: AT_MS });
  t.mock.method(performance, 'now', () => passedMs);
  const pass = (ms) => {
    passedMs += ms;
    t.mock.timers.tick(ms);
  };
  return { pass };
}

test('the_operators_clock_is_what_its_status_shows', (t) => {
  const { pass } = browser(t);
  setClock(text(AT_MS + 7_000), { askedMs: AT_MS - 100, answeredMs: AT_MS + 100 });
  pass(2_000);
  assert.equal(now(), AT_MS + 9_000);
  assert.equal(ethereumNow(), now(), 'no block of Ethereum was seen');
  setEthereumClock(null);
  assert.equal(ethereumNow(), now());
});

test('ethereums_clock_is_its_newest_blocks_and_goes_on', (t) => {
  const { pass } = browser(t);
  setEthereumClock(text(AT_MS - 3_600_000));
  pass(4_000);
  setEthereumClock(text(AT_MS - 3_600_000));
  assert.equal(ethereumNow(), AT_MS - 3_596_000, 'the same block again is no news');
  t.mock.timers.setTime(AT_MS + 86_400_000);
  setClock(text(AT_MS + 99_000), { askedMs: AT_MS, answeredMs: AT_MS });
  assert.equal(ethereumNow(), AT_MS - 3_596_000, 'nobody else’s clock moves it');
});

test('a_block_that_is_seen_late_does_not_set_ethereums_clock_back_and_many_do', (t) => {
  const { pass } = browser(t);
  setEthereumClock(text(AT_MS));
  assert.equal(ethereumNow(), AT_MS);
  for (let slot = 1; slot <= 4; slot += 1) {
    pass(12_000);
    setEthereumClock(text(AT_MS + slot * 12_000 - 3_000));
    assert.equal(ethereumNow(), AT_MS + slot * 12_000, 'seen three seconds later than the first');
  }
  pass(12_000);
  setEthereumClock(text(AT_MS + 5 * 12_000 - 3_000));
  assert.equal(ethereumNow(), AT_MS + 5 * 12_000 - 3_000, 'the first is long ago');
  setEthereumClock(text(AT_MS + 3_600_000));
  assert.equal(ethereumNow(), AT_MS + 3_600_000, 'a jump is followed at once');
});
