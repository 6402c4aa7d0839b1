// The browser's own checks against the vectors that Rust and Solidity share, and against a real federation's receipt.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { fromHex, toHex } from '../../../node/explorer/bytes.mjs';
import { keccak } from '../../../node/explorer/keccak.mjs';
import { PAD, historyLeaf, rootOf, transactionLeaf } from '../../../node/explorer/merkle.mjs';
import { decodeCertificate, decodeHeader, decodeTransaction } from '../../../node/explorer/receipt.mjs';
import { finalizeDigest, signatureTask, verifyHeader, verifyReceipt } from '../../../node/explorer/verify.mjs';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const vectors = read('../../../core/tests/vectors/protocol.json');
const real = read('../vectors/receipt.json');
const rows = (table) => table[Object.keys(table)[0]].map((_, row) => Object.fromEntries(Object.keys(table).map((name) => [name, table[name][row]])));
const hashes = (joined) => joined.slice(2).match(/.{64}/g)?.map((hash) => `0x${hash}`) ?? [];

test('keccak_is_that_of_ethereum_around_the_edge_of_a_block', () => {
  const known = {
    0: 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
    135: '34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446',
    136: 'a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e',
    137: 'd869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39',
  };
  for (const [length, hash] of Object.entries(known)) {
    assert.equal(toHex(keccak(new Uint8Array(Number(length)).fill(0x61))), `0x${hash}`, `${length} letters a`);
  }
});

test('trees_lead_to_the_roots_of_core', () => {
  assert.equal(PAD, vectors.pad);
  for (const { leaf, index, count, proof, root } of [...rows(vectors.merkle), ...rows(vectors.history.proofs)]) {
    assert.equal(rootOf({ leaf, index, count, proof: hashes(proof) }), root, `${index} of ${count}`);
  }
});

test('a_proof_of_another_length_or_place_is_refused', () => {
  const { leaf, count, proof } = rows(vectors.merkle).find((row) => row.count === 5);
  assert.throws(() => rootOf({ leaf, index: 0, count, proof: hashes(proof).slice(1) }), RangeError);
  assert.throws(() => rootOf({ leaf, index: count, count, proof: hashes(proof) }), RangeError);
});

test('leaves_of_the_history_are_those_of_core', () => {
  for (const row of rows(vectors.history.leaves)) {
    const block = { height: row.height, transactionCount: row.transaction_count, transactionsRoot: row.transactions_root, l1Height: row.l1_height };
    assert.equal(historyLeaf(block), row.leaf);
  }
});

test('transactions_decode_to_their_id_and_leaf', () => {
  for (const { name, bytes, id, leaf } of rows(vectors.transactions)) {
    assert.equal(decodeTransaction(fromHex(bytes)).id, id, name);
    assert.equal(transactionLeaf(fromHex(bytes)), leaf, name);
  }
});

test('bytes_without_the_form_of_a_transaction_are_refused', () => {
  const isForm = ({ error }) => /unknown kind|bytes where|has not/.test(error);
  for (const { name, bytes } of rows(vectors.malformed).filter(isForm)) {
    assert.throws(() => decodeTransaction(fromHex(bytes)), RangeError, name);
  }
});

test('headers_decode_to_their_id_and_fields', () => {
  for (const row of rows(vectors.headers)) {
    const header = decodeHeader(fromHex(row.bytes));
    assert.deepEqual([header.id, header.height, header.historyRoot, header.l1Height, header.timestampMs], [row.id, row.height, row.history_root, Number(row.l1_height), Number(row.timestamp_ms)]);
  }
});

test('the_digest_is_what_operators_sign', () => {
  const { digests } = vectors.bls;
  const place = { chainId: vectors.domain.chain_id, contract: vectors.domain.contract };
  assert.equal(finalizeDigest({ ...place, epoch: digests.epoch, view: digests.view, block: digests.block }), digests.finalize);
  for (const row of rows(vectors.bls.certificates).filter((one) => one.valid)) {
    const certificate = decodeCertificate(fromHex(row.bytes));
    assert.equal(certificate.block, row.block, row.name);
    assert.equal(finalizeDigest({ ...place, ...certificate }), row.digest, row.name);
  }
});

const wholeCheck = (change = () => {}) => {
  const { proof, transaction, network } = structuredClone(real);
  change({ proof, transaction });
  return verifyReceipt({ proof, shown: transaction, committee: network.committee });
};
const failed = (checks) => checks.filter((one) => !one.ok).map((one) => one.name);

test('a_real_receipt_passes_every_check', () => {
  const checks = wholeCheck();
  assert.deepEqual(failed(checks), []);
  assert.equal(checks.length, 8);
});

test('every_changed_byte_of_a_receipt_is_found', () => {
  const bytes = fromHex(real.proof.raw);
  for (let at = 0; at < bytes.length; at += 1) {
    const checks = wholeCheck(({ proof }) => {
      const changed = bytes.slice();
      changed[at] ^= 1;
      proof.raw = toHex(changed);
    });
    assert.notDeepEqual(failed(checks), [], `byte ${at}`);
  }
});

test('a_page_that_shows_another_amount_is_found', () => {
  const checks = wholeCheck(({ transaction }) => {
    transaction.outputs[0].amount += '0';
  });
  assert.deepEqual(failed(checks), ['This page shows that content']);
});

test('a_document_that_differs_from_its_bytes_is_found', () => {
  const checks = wholeCheck(({ proof }) => {
    proof.history_proof[0] = proof.transactions_root;
  });
  assert.deepEqual(failed(checks), ['The document says what the bytes say']);
});

test('too_few_signers_and_strangers_are_no_quorum', () => {
  const { proof, transaction, network } = real;
  const check = (committee) => failed(verifyReceipt({ proof, shown: transaction, committee }));
  const stranger = { index: 9 };
  assert.deepEqual(check([...network.committee, stranger, stranger, stranger]), ['A quorum is named in it']);
  assert.deepEqual(check(network.committee.slice(0, 3)), ['A quorum is named in it']);
});

test('a_block_is_what_its_header_says', () => {
  assert.equal(verifyHeader(real.block).ok, true);
  assert.match(verifyHeader({ ...real.block, l1_height: 1 }).says, /l1Height/);
});

test('a_signature_task_names_the_keys_of_the_signers', () => {
  const { proof, network } = real;
  const task = signatureTask({ certificate: proof.certificate, network, committee: network.committee });
  assert.deepEqual(task.public_keys, [1, 2, 3].map((index) => network.committee[index].bls_public_key));
});
