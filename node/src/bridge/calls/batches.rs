//! The calls that take many outputs out at once, and that sell exits. Pure.

use std::collections::BTreeMap;

use ethers_contract::EthCall;
use ethers_core::{
    abi::AbiEncode,
    types::{H160, U256},
};
use plasma_contracts_abi::exit_game;
use plasma_core::{Address, Amount, ExitId, Hash};

use crate::bridge::{
    account::Call,
    contracts::Contracts,
    convert::{self, Inclusion},
};

/// As many outputs as one batch takes: `BATCH_MAX` of the exit game.
pub const BATCH_OUTPUTS_MAX: u32 = 16;

/// Outputs of one transaction that leave with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The transaction, and where it lies in anchored history.
    pub inclusion: Inclusion,
    /// Bit i: output i leaves.
    pub outputs: u8,
}

/// What the holder of an exit asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// An exit of one output, or the place of a batch.
    pub exit: ExitId,
    /// What it would pay now.
    pub amount: Amount,
    /// What the buyer pays, in wei.
    pub price: Amount,
    /// Who may buy; zero for anybody.
    pub buyer: Address,
    /// The last second of L1 in which it counts.
    pub deadline_s: u64,
    /// The exit's own sequence; one more for an offer by a call.
    pub sequence: u64,
}

/// Why outputs cannot leave together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No output, or more than a batch takes.
    #[error("{0} outputs, where a batch takes 1 to {BATCH_OUTPUTS_MAX}")]
    Outputs(u32),
    /// Two anchors cover them first.
    #[error("anchors {0} and {1} cover them first")]
    Anchors(u32, u32),
    /// One transaction is named twice.
    #[error("the transaction at {0}:{1} is named twice")]
    Twice(u32, u32),
    /// So many bonds are no amount.
    #[error("the bonds of all are no amount")]
    Bonds,
}

impl Contracts {
    /// Opens exits of many outputs of one owner and one asset; the sender must be that owner. `bond` is the exit bond of
    /// [`super::contracts::Parameters`], and each output costs one. The exits are numbered in the order of positions.
    ///
    /// # Errors
    /// [`BatchError`] when no single proof can hold them.
    pub fn start_exits_call(&self, leaving: &[Leaving], bond: Amount) -> Result<Call, BatchError> {
        let outputs = leaving.iter().map(|one| one.outputs.count_ones()).sum();
        if outputs == 0 || outputs > BATCH_OUTPUTS_MAX {
            return Err(BatchError::Outputs(outputs));
        }
        let value = bond.checked_mul(Amount::from(outputs)).ok_or(BatchError::Bonds)?;
        let arguments = exit_game::StartExitsCall {
            proof: batch(leaving)?,
        };
        Ok(self.exit_game_call(value, &arguments))
    }

    /// Offers an exit that the sender holds. Every offer before is void.
    #[must_use]
    pub fn offer_exit_call(&self, offer: &Offer) -> Call {
        let arguments = exit_game::OfferExitCall { offer: terms(offer) };
        self.exit_game_call(Amount::ZERO, &arguments)
    }

    /// Buys an exit for its price. `signature` is the holder's, r ‖ s ‖ v; empty for an offer by a call.
    #[must_use]
    pub fn buy_exit_call(&self, offer: &Offer, signature: &[u8]) -> Call {
        let arguments = exit_game::BuyExitCall {
            offer: terms(offer),
            signature: signature.to_vec().into(),
        };
        self.exit_game_call(offer.price, &arguments)
    }

    fn exit_game_call<C: EthCall + AbiEncode + Clone>(&self, value: Amount, arguments: &C) -> Call {
        Call {
            label: format!("ExitGame.{}", C::function_name()),
            to: Some(self.exit_game),
            value,
            data: arguments.clone().encode(),
        }
    }
}

/// One proof for all: blocks in the order of heights, transactions in that of their places.
fn batch(leaving: &[Leaving]) -> Result<exit_game::BatchProof, BatchError> {
    let mut blocks: BTreeMap<u32, BTreeMap<u32, &Leaving>> = BTreeMap::new();
    let mut anchor = None;
    for one in leaving {
        let (height, index) = (one.inclusion.receipt.height.0, one.inclusion.receipt.index);
        let found = *anchor.get_or_insert(one.inclusion.anchor);
        if found != one.inclusion.anchor {
            return Err(BatchError::Anchors(found.number, one.inclusion.anchor.number));
        }
        if blocks.entry(height).or_default().insert(index, one).is_some() {
            return Err(BatchError::Twice(height, index));
        }
    }
    let anchor = anchor.ok_or(BatchError::Outputs(0))?;
    let history = blocks.iter().filter_map(|(height, transactions)| {
        let (_, first) = transactions.first_key_value()?;
        Some((*height, first.inclusion.receipt.history_proof.as_slice()))
    });
    Ok(exit_game::BatchProof {
        history_paths: join(history.collect()),
        blocks: blocks.values().filter_map(block).collect(),
        anchor: convert::anchor(&anchor),
    })
}

fn block(transactions: &BTreeMap<u32, &Leaving>) -> Option<exit_game::LeavingBlock> {
    let (_, first) = transactions.first_key_value()?;
    let receipt = &first.inclusion.receipt;
    let paths = transactions
        .iter()
        .map(|(index, one)| (*index, one.inclusion.receipt.transaction_proof.as_slice()));
    Some(exit_game::LeavingBlock {
        height: receipt.height.0,
        transaction_count: receipt.transaction_count,
        transactions_root: receipt.transactions_root.0,
        l_1_height: receipt.l1_height.0,
        transaction_paths: join(paths.collect()),
        transactions: transactions
            .iter()
            .map(|(index, one)| exit_game::Leaving {
                index: *index,
                outputs: one.outputs,
                transaction: one.inclusion.receipt.transaction.encode().into(),
            })
            .collect(),
    })
}

/// The siblings that the leaves of several paths of one tree do not give each other: what `MultiProof.sol` reads.
/// Indices rise.
fn join(mut nodes: Vec<(u32, &[Hash])>) -> Vec<[u8; 32]> {
    let levels = nodes.first().map_or(0, |(_, path)| path.len());
    let mut siblings = Vec::new();
    for level in 0..levels {
        let mut above = Vec::with_capacity(nodes.len());
        let mut known = nodes.into_iter().peekable();
        while let Some((index, path)) = known.next() {
            // Indices rise, so the next one is this one with its last bit set only where both are a pair.
            if known.next_if(|(next, _)| *next == index | 1).is_none() {
                siblings.extend(path.get(level).map(|hash| hash.0));
            }
            above.push((index >> 1, path));
        }
        nodes = above;
    }
    siblings
}

fn terms(offer: &Offer) -> exit_game::Offer {
    exit_game::Offer {
        exit: U256::from_big_endian(&offer.exit.0.0),
        amount: convert::to_u256(offer.amount),
        price: convert::to_u256(offer.price),
        buyer: H160(offer.buyer.0),
        deadline: offer.deadline_s,
        sequence: offer.sequence,
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{Hash, keccak, merkle};

    use super::join;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|number| keccak(&[&[number]])).collect()
    }

    /// What the contract does with the siblings; `None` when they are too few or too many.
    fn root(mut nodes: Vec<(u32, Hash)>, count: u8, siblings: &[[u8; 32]]) -> Option<Hash> {
        let mut rest = siblings.iter();
        let mut width = count;
        while width > 1 {
            let mut above = Vec::new();
            let mut known = nodes.into_iter().peekable();
            while let Some((index, node)) = known.next() {
                let pair = known.next_if(|(next, _)| *next == index | 1);
                let other = match pair {
                    Some((_, other)) => other,
                    None => Hash(*rest.next()?),
                };
                let (left, right) = if index % 2 == 0 {
                    (node, other)
                } else {
                    (other, node)
                };
                above.push((index / 2, keccak(&[&left.0, &right.0])));
            }
            nodes = above;
            width = width.div_ceil(2);
        }
        let (_, found) = nodes.first()?;
        rest.next().is_none().then_some(*found)
    }

    #[test]
    fn joined_paths_of_any_leaves_lead_to_the_root_and_none_is_left() {
        for count in 1..=8_u8 {
            let leaves = leaves(count);
            for set in 1..1_u32 << count {
                let chosen: Vec<u32> = (0..u32::from(count)).filter(|bit| set >> bit & 1 == 1).collect();
                let at = |index: &u32| usize::try_from(*index).unwrap();
                let paths: Vec<_> = chosen
                    .iter()
                    .map(|index| merkle::proof(&leaves, at(index)))
                    .collect();
                let known = chosen
                    .iter()
                    .copied()
                    .zip(paths.iter().map(Vec::as_slice))
                    .collect();
                let nodes = chosen.iter().map(|index| (*index, leaves[at(index)])).collect();
                assert_eq!(
                    root(nodes, count, &join(known)),
                    Some(merkle::root(&leaves)),
                    "{chosen:?} of {count}"
                );
            }
        }
    }

    #[test]
    fn joined_paths_of_one_leaf_are_its_path() {
        let leaves = leaves(7);
        for index in 0..7_u32 {
            let path = merkle::proof(&leaves, usize::try_from(index).unwrap());
            let siblings: Vec<_> = path.iter().map(|hash| hash.0).collect();
            assert_eq!(join(vec![(index, &path)]), siblings);
        }
    }
}
