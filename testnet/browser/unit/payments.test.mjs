// What a transaction is said to pay.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { paid, payerOf } from '../../../node/explorer/payments.mjs';

const to = (owner, amount) => ({ owner, amount });
const FATES = { '1:0:0': { owner: 'anna' } };

test('what_goes_back_to_the_payer_is_no_payment', () => {
  const payment = to('bert', '3');
  const several = [to('bert', '3'), to('carl', '2'), to('bert', '1')];
  assert.deepEqual(paid([payment, to('anna', '4')], 'anna'), [payment]);
  assert.deepEqual(paid([to('anna', '4'), payment], 'anna'), [payment]);
  assert.deepEqual(paid([...several, to('anna', '1')], 'anna'), several);
});

test('who_pays_only_themselves_shows_all_of_it', () => {
  assert.deepEqual(paid([to('anna', '7')], 'anna'), [to('anna', '7')]);
  assert.deepEqual(paid([to('anna', '3'), to('anna', '4')], 'anna'), [to('anna', '3'), to('anna', '4')]);
});

test('of_a_deposit_and_of_an_unknown_payer_nothing_is_left_out', () => {
  const outputs = [to('anna', '3'), to('bert', '4')];
  assert.equal(payerOf({ inputs: [{ output: '1:0:0' }, { output: '2:0:0' }] }, FATES), 'anna');
  assert.equal(payerOf({ inputs: [{ output: '9:0:0' }] }, FATES), undefined);
  assert.equal(payerOf({ inputs: [] }, FATES), undefined);
  assert.deepEqual(paid(outputs, undefined), outputs);
});
