//! The logs of a block, believed only when they are all there.
//!
//! A header promises two things of the logs below it. Its bloom says for certain that an address emitted nothing, and that
//! costs no further call. Where it does not say so, all receipts of the block are asked for, and they must make up the
//! header's `receiptsRoot`: an answer that leaves out a log, a receipt or the order of them makes another root. A bloom
//! alone proves no log missing: on a busy chain most of its bits are set whoever emitted.
//!
//! Source: the Ethereum yellow paper, section 4.3 (bloom, receipts) and appendix D (trie).

use ethers_core::{
    abi::ethereum_types::BloomInput,
    types::{Bloom, Bytes, H160, H256, U64, U256},
    utils::rlp::{self, RlpStream},
};
use plasma_core::{Address, Hash, keccak};
use serde::Deserialize;
use serde_json::json;

use super::{cursor::Link, decode::Log, error::L1Error, rpc::Rpc};

/// A block and what its header promises of its logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The block and its parent.
    pub link: Link,
    /// Every emitter and every topic is in it.
    pub bloom: Bloom,
    /// The root of the trie of its receipts.
    pub receipts_root: Hash,
}

/// A receipt as far as its root covers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    #[serde(default, rename = "type")]
    kind: U64,
    status: U64,
    cumulative_gas_used: U256,
    logs_bloom: Bloom,
    logs: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
struct Entry {
    address: H160,
    topics: Vec<H256>,
    data: Bytes,
}

impl Sealed {
    /// Whether one of these may have emitted a log in the block; `false` is certain.
    #[must_use]
    pub fn may_name(&self, emitters: &[Address]) -> bool {
        let is_in = |emitter: &Address| self.bloom.contains_input(BloomInput::Raw(&emitter.0));
        emitters.iter().any(is_in)
    }
}

impl Rpc {
    /// All logs that some contracts emitted in these very blocks, each list in log order.
    ///
    /// # Errors
    /// As [`Rpc::all_receipts`].
    pub async fn complete_logs(
        &self,
        blocks: &[Sealed],
        emitters: &[Address],
    ) -> Result<Vec<Vec<Log>>, L1Error> {
        let mut found = vec![Vec::new(); blocks.len()];
        let (asked, logs): (Vec<&Sealed>, Vec<&mut Vec<Log>>) = blocks
            .iter()
            .zip(&mut found)
            .filter(|(block, _)| block.may_name(emitters))
            .unzip();
        let mut logs = logs.into_iter();
        for few in asked.chunks(AT_ONCE) {
            for (receipts, logs) in self.all_receipts(few).await?.into_iter().zip(&mut logs) {
                let entries = receipts.into_iter().flat_map(|receipt| receipt.logs).map(log);
                logs.extend(entries.filter(|log| emitters.contains(&log.address)));
            }
        }
        Ok(found)
    }

    /// All receipts of some blocks.
    ///
    /// # Errors
    /// [`L1Error::Inconsistent`] when they are not those of the header; [`L1Error::UnknownBlock`]; [`L1Error`] of the
    /// endpoint.
    pub async fn all_receipts(&self, blocks: &[&Sealed]) -> Result<Vec<Vec<Receipt>>, L1Error> {
        let hashes = blocks.iter().map(|block| block.link.block.hash);
        let params = hashes.map(|hash| json!([hash.to_string()])).collect();
        let answers = self.batch(RECEIPTS, params).await?;
        let mut all = Vec::with_capacity(blocks.len());
        for (block, answer) in blocks.iter().zip(answers) {
            let height = block.link.block.height;
            let receipts: Option<Vec<Receipt>> = self.parse(RECEIPTS, answer?)?;
            let receipts = receipts.ok_or(L1Error::UnknownBlock(height))?;
            if root(&receipts) != block.receipts_root {
                let reason = format!(
                    "the {} receipts that it shows do not make up the receipts root of the header, so a log may be missing",
                    receipts.len()
                );
                return Err(L1Error::Inconsistent { height, reason });
            }
            all.push(receipts);
        }
        Ok(all)
    }
}

/// The root that a header promises for these receipts.
#[must_use]
pub fn root(receipts: &[Receipt]) -> Hash {
    let mut leaves: Vec<(Vec<u8>, Vec<u8>)> = receipts
        .iter()
        .enumerate()
        .map(|(place, receipt)| (nibbles(&rlp::encode(&place)), encoded(receipt)))
        .collect();
    leaves.sort();
    keccak(&[&node(&leaves, 0)])
}

/// The bytes of a receipt in the trie (EIP-2718).
fn encoded(receipt: &Receipt) -> Vec<u8> {
    let mut out = RlpStream::new_list(4);
    out.append(&receipt.status);
    out.append(&receipt.cumulative_gas_used);
    out.append(&receipt.logs_bloom);
    out.begin_list(receipt.logs.len());
    for entry in &receipt.logs {
        out.begin_list(3).append(&entry.address);
        out.append_list::<H256, _>(&entry.topics);
        out.append(&entry.data.to_vec());
    }
    let kind = u8::try_from(receipt.kind.as_u64()).ok().filter(|kind| *kind != 0);
    kind.into_iter().chain(out.out()).collect()
}

/// The node above leaves that share their first `depth` nibbles. No key of a list is the beginning of another, so a branch
/// holds no value.
fn node(leaves: &[(Vec<u8>, Vec<u8>)], depth: usize) -> Vec<u8> {
    let (Some((first, value)), Some((last, _))) = (leaves.first(), leaves.last()) else {
        return rlp::NULL_RLP.to_vec();
    };
    let (first, last) = (&first[depth..], &last[depth..]);
    if leaves.len() == 1 {
        let mut leaf = RlpStream::new_list(2);
        leaf.append(&path(first, LEAF)).append(value);
        return leaf.out().to_vec();
    }
    // They are sorted: what the outermost share all share.
    let shared = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    if shared > 0 {
        let mut extension = RlpStream::new_list(2);
        extension.append(&path(&first[..shared], EXTENSION));
        extension.append_raw(&reference(node(leaves, depth + shared)), 1);
        return extension.out().to_vec();
    }
    let mut branch = RlpStream::new_list(17);
    let mut rest = leaves;
    for nibble in 0..16u8 {
        let (below, others) = rest.split_at(rest.partition_point(|(key, _)| key[depth] <= nibble));
        branch.append_raw(&reference(node(below, depth + 1)), 1);
        rest = others;
    }
    branch.append_empty_data();
    branch.out().to_vec()
}

/// How a node names the one below: a short one is written out.
fn reference(node: Vec<u8>) -> Vec<u8> {
    if node.len() < 32 {
        return node;
    }
    rlp::encode(&H256(keccak(&[&node]).0)).to_vec()
}

/// Nibbles as bytes, behind a mark of what they lead to and of their parity.
fn path(nibbles: &[u8], mark: u8) -> Vec<u8> {
    let (odd, pairs) = nibbles.split_at(nibbles.len() % 2);
    let head = odd.first().map_or(mark << 4, |first| (mark + 1) << 4 | first);
    let pairs = pairs.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
    std::iter::once(head).chain(pairs).collect()
}

fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

fn log(entry: Entry) -> Log {
    Log {
        address: Address(entry.address.0),
        topics: entry.topics.into_iter().map(|topic| Hash(topic.0)).collect(),
        data: entry.data.to_vec(),
    }
}

const RECEIPTS: &str = "eth_getBlockReceipts";
/// Blocks whose receipts are asked for in one batch: those of a busy block are two megabytes.
const AT_ONCE: usize = 8;
const EXTENSION: u8 = 0;
const LEAF: u8 = 2;

#[cfg(test)]
mod tests {
    use super::{Receipt, Sealed, root};
    use crate::bridge::cursor::Link;
    use ethers_core::{abi::ethereum_types::BloomInput, types::Bloom};
    use plasma_core::{Address, Hash, L1Block, L1Height};
    use serde_json::json;

    #[test]
    fn the_root_of_no_receipts_is_the_empty_trie() {
        let empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
        assert_eq!(root(&[]).to_string(), empty);
    }

    #[test]
    fn every_receipt_every_log_and_their_order_are_in_the_root() {
        let log = |byte: u8| json!({"address": format!("0x{}", "11".repeat(20)), "topics": [format!("0x{}", "22".repeat(32))], "data": format!("0x{byte:02x}")});
        let receipts = |logs: &[&[u8]]| -> Hash {
            let receipts: Vec<Receipt> = logs
                .iter()
                .map(|logs| {
                    let logs: Vec<_> = logs.iter().map(|byte| log(*byte)).collect();
                    let receipt = json!({"type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x5208", "logsBloom": format!("0x{}", "00".repeat(256)), "logs": logs});
                    serde_json::from_value(receipt).unwrap()
                })
                .collect();
            root(&receipts)
        };
        let all = receipts(&[&[1, 2], &[3]]);
        let others: [&[&[u8]]; 6] = [
            &[&[1], &[3]],
            &[&[1, 2], &[]],
            &[&[1, 2]],
            &[&[3]],
            &[&[2, 1], &[3]],
            &[&[3], &[1, 2]],
        ];
        for other in others {
            assert_ne!(receipts(other), all, "{other:?}");
        }
        assert_eq!(receipts(&[&[1, 2], &[3]]), all);
    }

    #[test]
    fn a_bloom_without_a_contract_is_certain() {
        let (ours, other) = (Address([1; 20]), Address([2; 20]));
        let mut bloom = Bloom::default();
        bloom.accrue(BloomInput::Raw(&other.0));
        let block = L1Block {
            height: L1Height(1),
            hash: Hash([1; 32]),
            timestamp_s: 1,
        };
        let sealed = Sealed {
            link: Link {
                block,
                parent: Hash([0; 32]),
            },
            bloom,
            receipts_root: Hash([0; 32]),
        };
        assert!(!sealed.may_name(&[ours]));
        assert!(sealed.may_name(&[ours, other]));
    }
}
