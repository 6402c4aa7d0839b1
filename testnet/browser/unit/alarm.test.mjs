// What is shown of alerts on every page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { after, signOf, weighed } from '../../../node/explorer/alarm.mjs';

const alert = (id, kind, severity) => ({ id, kind, severity });
const LATE = alert('1', 'unchallenged_exit', 'critical');
const STALLED = alert('2', 'l1_stalled', 'warning');
const LONELY = alert('3', 'no_quorum', 'critical');
const ids = (alerts) => alerts.map(({ id }) => id);

test('the heaviest come first, and what a blocker tells is not told twice', () => {
  assert.deepEqual(ids(weighed([STALLED, LATE, LONELY], [])), ['1', '3', '2']);
  assert.deepEqual(ids(weighed([STALLED, LATE, LONELY], [{ code: 'no-quorum' }, { code: 'catching-up' }])), ['1', '2']);
  assert.deepEqual(weighed([], [{ code: 'halted' }]), []);
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
