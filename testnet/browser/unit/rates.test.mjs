// What certificates say of a member.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NEWEST, SILENT_FROM, isSilent } from '../../../node/explorer/rates.mjs';

test('who_signs_nothing_any_more_is_silent_and_who_misses_much_is_not', () => {
  const height = 5_000;
  const seen = (last_signed_height, of) => isSilent({ last_signed_height, of }, height);
  assert.equal(seen(height - NEWEST + 1, 1_000), false, 'the slowest of a healthy committee');
  assert.equal(seen(height - NEWEST, 1_000), true);
  assert.equal(seen(null, 1_000), true);
  assert.equal(seen(null, SILENT_FROM - 1), false, 'too few to tell, as after a change of the committee');
  assert.equal(seen(height, 1_000), false, 'it came back');
});
