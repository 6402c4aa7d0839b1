//! Which outputs leave together: as few calls as the contract allows. Pure.

use plasma_core::{Address, Amount, Position};

use crate::bridge::{
    calls::batches::{BATCH_OUTPUTS_MAX, Leaving},
    convert::Inclusion,
};

/// An output on its way out.
#[derive(Clone, Debug)]
pub(super) struct Exiting {
    pub(super) output: Position,
    pub(super) asset: Address,
    pub(super) amount: Amount,
    pub(super) inclusion: Inclusion,
}

/// One group for each call: a batch is of one asset and of blocks that one anchor covers first.
pub(super) fn groups(mut free: Vec<Exiting>) -> Vec<Vec<Exiting>> {
    let most = usize::try_from(BATCH_OUTPUTS_MAX).unwrap_or(1);
    free.sort_by_key(|one| (key(one), one.output));
    let mut groups: Vec<Vec<Exiting>> = Vec::new();
    for one in free {
        let joins = |other: &Exiting| fits(other) && fits(&one) && key(other) == key(&one);
        match groups.last_mut() {
            Some(group) if group.len() < most && group.iter().all(joins) => group.push(one),
            _ => groups.push(vec![one]),
        }
    }
    groups
}

/// The outputs of a group, transaction by transaction.
pub(super) fn batch(group: &[Exiting]) -> Vec<Leaving> {
    let mut batch: Vec<Leaving> = Vec::new();
    for one in group {
        let bit = 1u8 << one.output.output;
        let receipt = &one.inclusion.receipt;
        let same = batch.iter_mut().find(|leaving| {
            let other = &leaving.inclusion.receipt;
            (other.height, other.index) == (receipt.height, receipt.index)
        });
        match same {
            Some(leaving) => leaving.outputs |= bit,
            None => batch.push(Leaving {
                inclusion: one.inclusion.clone(),
                outputs: bit,
            }),
        }
    }
    batch
}

/// Gas that the calls take at most.
pub(super) fn gas(groups: &[Vec<Exiting>]) -> u64 {
    let gas = groups.iter().map(|group| match u64::try_from(group.len()) {
        Ok(0 | 1) | Err(_) => GAS_ONE,
        Ok(outputs) => GAS_FIRST + GAS_FURTHER * (outputs - 1),
    });
    gas.sum()
}

fn key(one: &Exiting) -> (Address, u32) {
    (one.asset, one.inclusion.anchor.number)
}

/// A batch counts in 128 bits.
fn fits(one: &Exiting) -> bool {
    one.amount <= Amount::from(u128::MAX)
}

/// Gas of `startExit`, of the first output of `startExits`, and of a further one that shares nothing with it
/// (`docs/contracts.md`).
pub(super) const GAS_ONE: u64 = 151_000;
const GAS_FIRST: u64 = 206_000;
const GAS_FURTHER: u64 = 62_000;

#[cfg(test)]
mod tests {
    use plasma_core::{
        Bitmap, BlockId, Certificate, DepositNumber, Epoch, Hash, Header, Height, L1Height, Receipt,
        SecretKey, Transaction, View,
    };

    use super::*;
    use crate::bridge::Anchored;

    const TOKEN: Address = Address([7; 20]);

    /// An output of ETH in a block of its own under an anchor.
    fn exiting(block: u32, anchor: u32) -> Exiting {
        let certificate = Certificate {
            epoch: Epoch(0),
            view: View(1),
            block: BlockId(Hash([1; 32])),
            signers: Bitmap::default(),
            signature: SecretKey::from_seed(&[1; 32]).sign(&Hash([1; 32])),
        };
        let receipt = Receipt {
            transaction: Transaction::fund(
                DepositNumber(u64::from(block)),
                Address([1; 20]),
                Address::ZERO,
                Amount::from(5),
            )
            .unsigned(),
            index: 0,
            transaction_proof: Vec::new(),
            height: Height(block),
            transaction_count: 1,
            transactions_root: Hash::ZERO,
            l1_height: L1Height(1),
            history_proof: Vec::new(),
            header: Header::default(),
            certificate,
        };
        let anchor = Anchored {
            number: anchor,
            previous: Height(0),
            height: Height(u32::MAX),
            history_root: Hash::ZERO,
            l1_height: L1Height(1),
            time_s: 1,
        };
        Exiting {
            output: Position {
                block: Height(block),
                transaction: 0,
                output: 0,
            },
            asset: Address::ZERO,
            amount: Amount::from(5),
            inclusion: Inclusion { receipt, anchor },
        }
    }

    fn sizes(free: Vec<Exiting>) -> Vec<usize> {
        groups(free).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_is_of_sixteen_outputs_of_one_asset_under_one_anchor() {
        let many =
            |anchor: u32, blocks: std::ops::Range<u32>| blocks.map(move |block| exiting(block, anchor));
        assert_eq!(sizes(many(1, 0..33).collect()), [16, 16, 1]);
        // In any order.
        assert_eq!(sizes(many(2, 5..9).chain(many(1, 0..3)).collect()), [3, 4]);
        let mut mixed: Vec<Exiting> = many(1, 0..4).collect();
        for one in mixed.iter_mut().step_by(2) {
            one.asset = TOKEN;
        }
        let groups = groups(mixed);
        assert!(
            groups
                .iter()
                .all(|group| group.len() == 2 && group[0].asset == group[1].asset)
        );
    }

    #[test]
    fn what_a_batch_cannot_count_leaves_by_itself() {
        let mut free: Vec<Exiting> = (0..4).map(|block| exiting(block, 1)).collect();
        free[1].amount = Amount::from(u128::MAX);
        free[2].amount = Amount::from(u128::MAX) + Amount::from(1);
        assert_eq!(sizes(free), [2, 1, 1]);
    }

    #[test]
    fn outputs_of_one_transaction_are_bits_of_one_entry() {
        let mut second = exiting(3, 1);
        second.output.output = 3;
        let batch = batch(&[exiting(3, 1), second, exiting(4, 1)]);
        let bits: Vec<u8> = batch.iter().map(|leaving| leaving.outputs).collect();
        assert_eq!(bits, [0b1001, 1]);
    }

    #[test]
    fn a_batch_costs_less_gas_than_its_exits_one_by_one() {
        let alone = gas(&[vec![exiting(1, 1)], vec![exiting(2, 1)]]);
        let together = gas(&[vec![exiting(1, 1), exiting(2, 1)]]);
        assert!(together < alone, "{together} and {alone}");
    }
}
