// What this browser can check by itself about a payment and a block. It trusts keccak and nothing that was said.
//
// A check is { name, ok, says }. The aggregate signature is not checked here: `signatureTask` holds what a BLS
// library needs for it (protocol.md section 7).

import { bigEndian, concat, fromHex, toHex } from './bytes.mjs';
import { keccak } from './keccak.mjs';
import { historyLeaf, rootOf, transactionLeaf } from './merkle.mjs';
import { decodeHeader, decodeReceipt } from './receipt.mjs';

const FINALIZE_TAG = 3;
const SIGNATURE_SUITE = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_';

/** Every step from the payment that the page shows to the header that the operators signed. */
export function verifyReceipt({ proof, shown, committee }) {
  const checks = [];
  const step = (name, check) => {
    const outcome = outcomeOf(check);
    checks.push({ name, ...outcome });
    return outcome.ok;
  };
  let receipt;
  const isReadable = step('The receipt is whole', () => {
    const bytes = fromHex(proof.raw);
    receipt = decodeReceipt(bytes);
    return says(true, `${bytes.length} bytes, every one with a meaning`);
  });
  if (!isReadable) return checks;
  step('The document says what the bytes say', () => sameFields(documentOf(proof), fieldsOf(receipt)));
  step('The id is the hash of the content', () => same(receipt.transaction.id, shown.id));
  step('This page shows that content', () => sameFields(contentOf(shown), contentOf(receipt.transaction)));
  step('The payment is in its block', () => {
    const leaf = transactionLeaf(receipt.transaction.bytes);
    const root = rootOf({ leaf, index: receipt.index, count: receipt.transactionCount, proof: receipt.transactionProof });
    return same(root, receipt.transactionsRoot, `place ${receipt.index} of ${receipt.transactionCount}`);
  });
  step('The block is in the signed history', () => {
    const count = receipt.header.height + 1;
    const root = rootOf({ leaf: historyLeaf(receipt), index: receipt.height, count, proof: receipt.historyProof });
    return same(root, receipt.header.historyRoot, `height ${receipt.height} below header ${receipt.header.height}`);
  });
  step('The certificate is about that header', () => same(receipt.header.id, receipt.certificate.block));
  step('A quorum is named in it', () => quorumOf(receipt.certificate.signers, committee));
  return checks;
}

/** Whether a block's id and fields are those of its header's bytes. */
export function verifyHeader(block) {
  return outcomeOf(() => {
    const header = decodeHeader(fromHex(block.header));
    const shown = {
      id: block.id,
      height: block.height,
      transactionCount: block.transaction_count,
      parent: block.parent,
      transactionsRoot: block.transactions_root,
      historyRoot: block.history_root,
      outputCommitment: block.output_commitment,
      l1Height: block.l1_height,
      l1Hash: block.l1_hash,
      timestampMs: block.timestamp_ms,
    };
    return sameFields(shown, header);
  });
}

/** The digest that a certificate's operators signed, as 0x hex. */
export function finalizeDigest({ chainId, contract, epoch, view, block }) {
  const place = [bigEndian(chainId, 32), fromHex(contract), bigEndian(epoch, 8), bigEndian(view, 8), bigEndian(0, 8)];
  return toHex(keccak(concat([FINALIZE_TAG], ...place, fromHex(block))));
}

/** All that a BLS library needs to check a certificate offline. */
export function signatureTask({ certificate, network, committee }) {
  const keyOf = (index) => committee.find((member) => member.index === index)?.bls_public_key ?? null;
  return {
    suite: SIGNATURE_SUITE,
    message: finalizeDigest({
      chainId: network.l1_chain_id,
      contract: network.contract,
      epoch: certificate.epoch,
      view: certificate.view,
      block: certificate.block,
    }),
    public_keys: certificate.signers.map(keyOf),
    signature: certificate.signature,
  };
}

function outcomeOf(check) {
  try {
    return check();
  } catch (error) {
    return says(false, error.message);
  }
}

function says(ok, text) {
  return { ok, says: text };
}

function same(found, expected, where = '') {
  const is = String(found).toLowerCase() === String(expected).toLowerCase();
  return says(is, is ? [found, where].filter(Boolean).join(', ') : `computed ${found}, stated ${expected}`);
}

function sameFields(stated, computed) {
  const wrong = Object.keys(stated).filter((name) => !isEqual(stated[name], computed[name]));
  return wrong.length === 0 ? says(true, 'every field') : says(false, `differs: ${wrong.join(', ')}`);
}

function isEqual(one, other) {
  return JSON.stringify(one)?.toLowerCase() === JSON.stringify(other)?.toLowerCase();
}

function contentOf({ kind, asset, expiry, inputs, outputs }) {
  // A fund names its deposit in place of an output, and the API shows no input for it.
  const spent = kind === 'fund' ? [] : inputs.map(({ output, amount }) => [output, amount]);
  return { kind, asset, expiry, inputs: spent, outputs: outputs.map(({ owner, amount }) => [owner, amount]) };
}

function documentOf(proof) {
  return {
    id: proof.id,
    transaction: proof.transaction,
    index: proof.index,
    transactionProof: proof.transaction_proof,
    height: proof.height,
    transactionCount: proof.transaction_count,
    transactionsRoot: proof.transactions_root,
    l1Height: proof.l1_height,
    historyProof: proof.history_proof,
    certified: proof.certificate.block,
    epoch: proof.certificate.epoch,
    view: proof.certificate.view,
    signers: proof.certificate.signers,
    signature: proof.certificate.signature,
    header: decodeHeader(fromHex(proof.certificate.header)).id,
  };
}

function fieldsOf(receipt) {
  return {
    ...receipt,
    id: receipt.transaction.id,
    transaction: toHex(receipt.transaction.bytes),
    certified: receipt.certificate.block,
    epoch: receipt.certificate.epoch,
    view: receipt.certificate.view,
    signers: receipt.certificate.signers,
    signature: receipt.certificate.signature,
    header: receipt.header.id,
  };
}

function quorumOf(signers, committee) {
  const needed = committee.length - Math.floor((committee.length - 1) / 3);
  const strangers = signers.filter((index) => !committee.some((member) => member.index === index));
  if (strangers.length > 0) return says(false, `no members: ${strangers.join(', ')}`);
  return says(signers.length >= needed, `${signers.length} of ${committee.length} named, ${needed} needed`);
}
