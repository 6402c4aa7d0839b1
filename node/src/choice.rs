//! Which outputs a payment spends, and the transaction that comes of it. Pure: the same holdings give the same payment.

use plasma_core::{Address, Amount, EXPIRY_NEVER, Genesis, Input, Kind, Payment, Position, Transaction};

/// An output that can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Where it was born.
    pub position: Position,
    /// What it holds.
    pub amount: Amount,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What all coins together hold.
    pub has: Amount,
    /// What is asked for, with the fee.
    pub needs: Amount,
}

/// Who pays, in what, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The owner of all inputs.
    pub from: Address,
    /// What is moved.
    pub asset: Address,
    /// Who is paid for it, and how much.
    pub fee: Option<Payment>,
}

impl Terms {
    /// Those of a chain.
    #[must_use]
    pub fn of(genesis: &Genesis, from: Address, asset: Address) -> Self {
        let fee = genesis.fee(asset);
        Self {
            from,
            asset,
            fee: fee.map(|(owner, amount)| Payment { owner, amount }),
        }
    }
}

/// A payment of these sums, with the change back.
///
/// # Errors
/// [`Shortage`]; where `has` covers `needs`, it takes more outputs than one payment can spend.
pub fn payment(terms: &Terms, coins: &[Coin], payments: &[Payment]) -> Result<Transaction, Shortage> {
    let outgoing = payments.iter().chain(&terms.fee).copied();
    let needs = sum(outgoing.clone().map(|payment| payment.amount));
    let has = sum(coins.iter().map(|coin| coin.amount));
    let shortage = Shortage { has, needs };
    let chosen = choose(coins, needs).ok_or(shortage)?;
    let spent = sum(chosen.iter().map(|coin| coin.amount));
    let change = Payment {
        owner: terms.from,
        amount: spent.saturating_sub(needs),
    };
    let mut outputs: Vec<Payment> = payments.to_vec();
    outputs.extend((!change.amount.is_zero()).then_some(change));
    outputs.extend(terms.fee);
    Ok(transfer(terms.asset, &chosen, outputs))
}

/// One output of the smallest ones, up to as many as a payment can spend; `None` when there is nothing to gain.
#[must_use]
pub fn consolidation(terms: &Terms, coins: &[Coin], most: usize) -> Option<Transaction> {
    let chosen = ascending(coins);
    let chosen = chosen.get(..most.min(INPUTS_MAX).min(chosen.len()))?;
    let fee = terms.fee.map_or(Amount::ZERO, |fee| fee.amount);
    let rest = sum(chosen.iter().map(|coin| coin.amount)).checked_sub(fee)?;
    if chosen.len() < 2 || rest.is_zero() {
        return None;
    }
    let mut outputs = vec![Payment {
        owner: terms.from,
        amount: rest,
    }];
    outputs.extend(terms.fee);
    Some(transfer(terms.asset, chosen, outputs))
}

/// Payments to oneself, side by side, that bring a sum into fewer outputs: the largest coins that hold it, four into one. None
/// when there is nothing to gain.
#[must_use]
pub fn merges(terms: &Terms, coins: &[Coin], needs: Amount, most: usize) -> Vec<Transaction> {
    let ascending = ascending(coins);
    let (mut chosen, mut held) = (Vec::new(), Amount::ZERO);
    // Each payment costs a fee, so a coin more for every four.
    for coin in ascending.iter().rev().take(most.saturating_mul(INPUTS_MAX)) {
        let payments = Amount::from(chosen.len() / INPUTS_MAX + 1);
        let fees = terms
            .fee
            .map_or(Amount::ZERO, |fee| fee.amount.saturating_mul(payments));
        if held >= needs.saturating_add(fees) {
            break;
        }
        chosen.push(*coin);
        held = held.saturating_add(coin.amount);
    }
    let groups = chosen.chunks(INPUTS_MAX);
    groups
        .filter_map(|group| consolidation(terms, group, INPUTS_MAX))
        .collect()
}

/// The smallest single coin that is enough, else the largest ones; `None` when four are not enough.
fn choose(coins: &[Coin], needs: Amount) -> Option<Vec<Coin>> {
    let ascending = ascending(coins);
    if let Some(single) = ascending.iter().find(|coin| coin.amount >= needs) {
        return Some(vec![*single]);
    }
    let mut chosen = Vec::new();
    let mut held = Amount::ZERO;
    for coin in ascending.iter().rev().take(INPUTS_MAX) {
        chosen.push(*coin);
        held = held.saturating_add(coin.amount);
        if held >= needs {
            return Some(chosen);
        }
    }
    None
}

fn ascending(coins: &[Coin]) -> Vec<Coin> {
    let mut coins = coins.to_vec();
    coins.sort_by_key(|coin| (coin.amount, coin.position));
    coins
}

fn transfer(asset: Address, coins: &[Coin], outputs: Vec<Payment>) -> Transaction {
    let input = |coin: &Coin| Input {
        position: coin.position,
        amount: coin.amount,
    };
    Transaction {
        kind: Kind::Transfer,
        asset,
        // It is signed once and sent until it is decided: what expires would have to be signed again, and might pay twice.
        expiry: EXPIRY_NEVER,
        inputs: coins.iter().map(input).collect(),
        outputs,
    }
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, Amount::saturating_add)
}

/// Inputs of a transfer (`docs/protocol.md` section 2).
pub const INPUTS_MAX: usize = 4;
/// Outputs of a transfer.
pub const OUTPUTS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use plasma_core::Height;

    use super::*;

    const FROM: Address = Address([1; 20]);
    const TO: Address = Address([2; 20]);

    fn coin(block: u32, amount: u64) -> Coin {
        Coin {
            position: Position {
                block: Height(block),
                transaction: 0,
                output: 0,
            },
            amount: Amount::from(amount),
        }
    }

    fn pay(amount: u64) -> Payment {
        Payment {
            owner: TO,
            amount: Amount::from(amount),
        }
    }

    fn terms(fee: Option<u64>) -> Terms {
        Terms {
            from: FROM,
            asset: Address::ZERO,
            fee: fee.map(|amount| Payment {
                owner: Address([9; 20]),
                amount: Amount::from(amount),
            }),
        }
    }

    fn inputs(transaction: &Transaction) -> Vec<u64> {
        let amounts = transaction.inputs.iter().map(|input| input.amount);
        amounts.map(|amount| amount.to::<u64>()).collect()
    }

    #[test]
    fn the_smallest_output_that_is_enough_is_spent_and_the_change_returns() {
        let coins = [coin(1, 50), coin(2, 9), coin(3, 10)];
        let made = payment(&terms(None), &coins, &[pay(8)]).unwrap();
        assert_eq!(inputs(&made), [9]);
        assert_eq!(
            made.outputs,
            [
                pay(8),
                Payment {
                    owner: FROM,
                    amount: Amount::from(1)
                }
            ]
        );
        let exact = payment(&terms(None), &coins, &[pay(10)]).unwrap();
        assert_eq!((inputs(&exact), exact.outputs.len()), (vec![10], 1));
    }

    #[test]
    fn several_outputs_are_spent_from_the_largest_on_and_the_fee_is_paid() {
        let coins = [coin(1, 3), coin(2, 2), coin(3, 5)];
        let made = payment(&terms(Some(1)), &coins, &[pay(6)]).unwrap();
        assert_eq!(inputs(&made), [5, 3]);
        let amounts: Vec<u64> = made.outputs.iter().map(|one| one.amount.to()).collect();
        assert_eq!(amounts, [6, 1, 1], "paid, change, fee");
        assert_eq!(made.check(), Ok(()));
    }

    #[test]
    fn what_is_missing_is_told() {
        let coins = [coin(1, 3), coin(2, 2)];
        let short = payment(&terms(Some(1)), &coins, &[pay(5)]).unwrap_err();
        assert_eq!((short.has, short.needs), (Amount::from(5), Amount::from(6)));
        let many: Vec<Coin> = (1..=5).map(|block| coin(block, 1)).collect();
        let spread = payment(&terms(None), &many, &[pay(5)]).unwrap_err();
        assert!(spread.has >= spread.needs, "it is there, in too many outputs");
    }

    #[test]
    fn a_consolidation_takes_the_smallest_and_needs_two() {
        let coins: Vec<Coin> = (1..=5).map(|block| coin(block, block.into())).collect();
        let made = consolidation(&terms(None), &coins, 9).unwrap();
        assert_eq!(inputs(&made), [1, 2, 3, 4]);
        assert_eq!(made.outputs[0].amount, Amount::from(10));
        assert_eq!(
            inputs(&consolidation(&terms(None), &coins, 3).unwrap()),
            [1, 2, 3]
        );
        assert!(consolidation(&terms(None), &coins[..1], 4).is_none());
        assert!(
            consolidation(&terms(Some(3)), &coins[..2], 4).is_none(),
            "the fee takes all"
        );
    }

    #[test]
    fn a_sum_in_many_outputs_is_brought_into_a_quarter_of_them() {
        let coins: Vec<Coin> = (1..=20).map(|block| coin(block, 1)).collect();
        let made = merges(&terms(None), &coins, Amount::from(9), 64);
        let sizes: Vec<usize> = made.iter().map(|one| one.inputs.len()).collect();
        assert_eq!(sizes, [4, 4], "the ninth alone has nothing to gain");
        assert!(merges(&terms(None), &coins[..1], Amount::from(9), 64).is_empty());
        assert_eq!(
            merges(&terms(None), &coins, Amount::from(20), 2).len(),
            2,
            "no more than asked for"
        );
        let costly = merges(&terms(Some(1)), &coins, Amount::from(6), 64);
        let spent: usize = costly.iter().map(|one| one.inputs.len()).sum();
        assert_eq!(spent, 8, "two fees beside the sum");
        assert!(costly.iter().all(|one| one.check() == Ok(())));
    }
}
