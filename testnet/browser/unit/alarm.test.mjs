// What is shown of alerts on every page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { after, signOf, told } from '../../../node/explorer/alarm.mjs';

const alert = (id, kind, severity) => ({ id, kind, severity });
const LATE = alert('1', 'unchallenged_exit', 'critical');
const STALLED = alert('2', 'l1_stalled', 'warning');
const LONELY = alert('3', 'no_quorum', 'critical');
const ids = (alerts) => alerts.map(({ id }) => id);
const blocker = (code) => ({ code, text: 'it is so', hint: 'do this' });
const lines = (alerts, codes) => told(alerts, codes.map(blocker)).map(({ severity, title }) => `${severity} ${title}`);

test('the_worst_comes_first_and_what_a_blocker_tells_is_not_told_twice', () => {
  assert.deepEqual(lines([STALLED, LATE, LONELY], []), ['critical unchallenged exit', 'critical no quorum', 'warning l1 stalled']);
  assert.deepEqual(lines([STALLED, LATE, LONELY], ['catching-up', 'no-quorum']), ['critical no-quorum', 'critical unchallenged exit', 'warning catching-up', 'warning l1 stalled']);
  assert.equal(told(Array.from({ length: 9 }, (_, at) => ({ ...LATE, id: String(at) })), []).length, 3);
});

test('a_blocker_is_as_bad_as_the_alert_of_the_same_matter', () => {
  assert.deepEqual(lines([LONELY], ['no-quorum']), ['critical no-quorum']);
  assert.deepEqual(lines([STALLED], ['no-quorum']), ['warning no-quorum', 'warning l1 stalled']);
});

test('events bring alerts and take them away, each once', () => {
  const raised = after([STALLED], 'alert.raised', LATE);
  assert.deepEqual(ids(raised), ['1', '2']);
  assert.deepEqual(ids(after(raised, 'alert.raised', LATE)), ['1', '2']);
  assert.deepEqual(ids(after(raised, 'alert.cleared', LATE)), ['2']);
  assert.deepEqual(ids(after([], 'alert.cleared', LATE)), []);
});

test('only critical ones are a sign', () => {
  assert.equal(signOf([STALLED]), '');
  assert.equal(signOf([STALLED, LATE, LONELY]), '2 critical');
});
