// The two clocks, by what an operator tells of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ethereumNow, now, setClock, setEthereumClock } from '../../../node/explorer/clock.mjs';

const AT_MS = Date.parse('2026-01-02T03:04:05Z');
const anchor = (number, fromNowMs) => ({ number, time_s: (AT_MS + fromNowMs) / 1_000 });

test('ethereums_clock_is_ahead_by_as_much_as_the_newest_anchor_was', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: AT_MS });
  setEthereumClock(null);
  setEthereumClock(anchor(1, -60_000));
  assert.equal(ethereumNow(), AT_MS);
  setEthereumClock(anchor(2, 3_600_000));
  t.mock.timers.tick(5_000);
  setEthereumClock(anchor(2, 3_600_000));
  assert.equal(ethereumNow(), AT_MS + 3_605_000);
  setEthereumClock(anchor(3, 4_000));
  assert.equal(ethereumNow(), now());
});

test('ethereums_clock_goes_with_the_operators', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: AT_MS });
  setClock(new Date(AT_MS + 7_000).toISOString(), { askedMs: AT_MS - 100, answeredMs: AT_MS + 100 });
  setEthereumClock(anchor(4, 5_000));
  assert.deepEqual([now(), ethereumNow()], [AT_MS + 7_000, AT_MS + 7_000]);
});
