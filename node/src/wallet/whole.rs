//! Everything that an account has leaves at once: which outputs those are, and which stay behind, each with the reason.
//!
//! What operators list is not all that there is: one that lists nothing, or calls all of it spent, must not keep anybody
//! in. So what the wallet itself keeps receipts of counts as well, and nothing stays behind without a word.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use plasma_core::{Address, Amount, Position, TransactionId};

use super::{
    Purse, WalletError,
    amount::show,
    book::Fate,
    exit::Help,
    ledger::Holding,
    purse::{Ethereum, Person},
    together::GAS_ONE,
    told::Told,
};

/// An output that stays behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub output: Position,
    /// Why, and what can be done about it.
    pub why: String,
}

/// What leaves of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Outputs that can leave, the oldest first.
    pub outputs: Vec<Position>,
    /// Those that stay behind. What is spent, or on its way and told of, is none of them.
    pub left: Vec<Left>,
}

/// What becomes of an output.
enum Stance {
    Leaves,
    /// It is spent, or on its way and told of.
    Gone,
    Stays(String),
}

/// What an output is worth.
struct Worth {
    output: Position,
    asset: Address,
    amount: Amount,
}

impl<P: Person> Purse<P> {
    /// All of an account that can leave. Of ETH nothing below `least`, or, where nothing is said, what the gas of leaving
    /// costs; and no more than the account has bonds for, the largest first.
    ///
    /// # Errors
    /// [`WalletError::Client`] when operators are asked and none lists anything.
    pub async fn everything(
        &mut self,
        owner: Address,
        help: Help,
        least: Option<Amount>,
    ) -> Result<Wish, WalletError> {
        let ethereum = self.caught_up().await?;
        let holdings = match help {
            Help::Operators => self.holdings(owner).await?,
            Help::Nobody => Vec::new(),
        };
        let listed: BTreeMap<Position, &Holding> =
            holdings.iter().map(|one| (one.output.output.0, one)).collect();
        let begun: BTreeSet<Position> = self.unfinished_exits(owner).into_iter().collect();
        let (kept, mut left) = self.kept(owner)?;
        let all: BTreeSet<Position> = listed.keys().chain(&begun).chain(&kept).copied().collect();
        let (mut free, mut open) = (Vec::new(), Vec::new());
        for output in all.into_iter().filter(|output| !begun.contains(output)) {
            match self.own_stance(owner, output) {
                None if self.claimed_in(output, owner).await.is_some() => {}
                None => open.push(output),
                Some(Stance::Stays(why)) => left.push(Left { output, why }),
                Some(_) => {}
            }
        }
        let mut told = match help {
            Help::Operators => self.told_of(&open).await?,
            Help::Nobody => BTreeMap::new(),
        };
        for output in open {
            let told = told.remove(&output).unwrap_or(Told::Nothing);
            match stance(output, listed.get(&output).copied(), told) {
                Stance::Leaves => free.extend(self.worth(output)),
                Stance::Gone => {}
                Stance::Stays(why) => left.push(Left { output, why }),
            }
        }
        let gas = Amount::from(ethereum.rpc.fees().await?.max_wei).saturating_mul(Amount::from(GAS_ONE));
        let most = self.bonds_held(&ethereum, owner, gas).await?;
        let (mut outputs, dear) = sieve(free, least.unwrap_or(gas), most);
        left.extend(dear);
        left.sort_by_key(|left| left.output);
        outputs.extend(begun);
        outputs.sort_unstable();
        Ok(Wish { outputs, left })
    }

    /// Outputs of an account of which receipts are kept; damaged ones stay behind.
    pub(super) fn kept(&self, owner: Address) -> Result<(Vec<Position>, Vec<Left>), WalletError> {
        let (mut kept, mut left) = (Vec::new(), Vec::new());
        for output in self.receipts.positions()? {
            match self.receipts.output(output) {
                Ok(Some(receipt)) => {
                    let payments = &receipt.transaction.transaction.outputs;
                    let payment = payments.get(usize::from(output.output));
                    kept.extend(
                        payment
                            .is_some_and(|payment| payment.owner == owner)
                            .then_some(output),
                    );
                }
                Ok(None) => {}
                Err(error) => left.push(Left {
                    output,
                    why: error.to_string(),
                }),
            }
        }
        Ok((kept, left))
    }

    /// What becomes of an output of which the wallet's own journal tells.
    fn own_stance(&self, owner: Address, output: Position) -> Option<Stance> {
        if self.exit_of(output).is_some() {
            return Some(Stance::Gone);
        }
        let by = self.book().spender(output)?;
        Some(self.held_by(owner, by).map_or(Stance::Gone, Stance::Stays))
    }

    /// Why what a payment of this wallet spends stays behind; `None` when it is on its way and told of.
    pub(super) fn held_by(&self, owner: Address, by: TransactionId) -> Option<String> {
        let payment = self.book().payment(by);
        let is_decided = payment.is_some_and(|one| one.fate == Fate::Decided);
        let is_gone = is_decided || self.flight_of(owner, by).is_some();
        (!is_gone).then(|| {
            format!(
                "payment {by} of this wallet spends it and is not decided; where nobody decides it: plasma wallet exit \
                 payment {by}"
            )
        })
    }

    fn worth(&self, output: Position) -> Option<Worth> {
        let receipt = self.receipts.output(output).ok()??;
        let transaction = receipt.transaction.transaction;
        let payment = transaction.outputs.get(usize::from(output.output))?;
        Some(Worth {
            output,
            asset: transaction.asset,
            amount: payment.amount,
        })
    }

    /// How many bonds an account has, with the gas beside each; one at least, so that who has none is told what it takes.
    async fn bonds_held(
        &self,
        ethereum: &Ethereum,
        owner: Address,
        gas: Amount,
    ) -> Result<usize, WalletError> {
        let each = ethereum.parameters.exit_bond.saturating_add(gas);
        let has = ethereum.rpc.balance(owner).await?;
        let bonds = has.checked_div(each).unwrap_or(Amount::MAX);
        Ok(usize::try_from(bonds.saturating_to::<u64>())
            .unwrap_or(usize::MAX)
            .max(1))
    }
}

/// What becomes of an output that the journal knows nothing of.
fn stance(output: Position, holding: Option<&Holding>, told: Told) -> Stance {
    match (holding, told) {
        (Some(one), _) if !one.is_proven => Stance::Stays("nothing proves it".to_owned()),
        // It leaves already: it is claimed in an exit in flight.
        (Some(one), _) if one.is_reserved => Stance::Gone,
        (_, Told::Spent { .. }) => Stance::Gone,
        (_, Told::Unproven(said)) => Stance::Stays(alone(output, &said)),
        (_, Told::Nothing) => Stance::Leaves,
    }
}

/// What an operator's word alone keeps behind, where many leave; one by one they may.
fn alone(output: Position, said: &str) -> String {
    format!("operators say, and do not prove: {said}. Where that is not so: plasma wallet exit {output}")
}

/// The outputs that are worth it, as many as there are bonds for; and those that stay behind.
fn sieve(free: Vec<Worth>, least: Amount, most: usize) -> (Vec<Position>, Vec<Left>) {
    let left = |one: &Worth, why: String| Left {
        output: one.output,
        why: format!("{}: {why}", show(one.amount, one.asset)),
    };
    let is_dust = |one: &Worth| one.asset.is_zero() && one.amount < least;
    let (dust, mut free): (Vec<Worth>, Vec<Worth>) = free.into_iter().partition(is_dust);
    let least = show(least, Address::ZERO);
    let dust = dust.iter().map(|one| {
        let why =
            format!("less than {least}, as the gas of leaving costs or --min says; --min 0wei takes it too");
        left(one, why)
    });
    free.sort_by_key(|one| (one.asset, std::cmp::Reverse(one.amount), one.output));
    // Nobody knows what one asset is worth in another: the largest of each come first, then the second ones.
    let mut places: BTreeMap<Address, usize> = BTreeMap::new();
    free.sort_by_cached_key(|one| {
        let place = places.entry(one.asset).or_default();
        *place += 1;
        (*place, one.asset)
    });
    let dear = free.split_off(most.min(free.len()));
    let dear = dear.iter().map(|one| {
        let why =
            "the account's ETH on Ethereum holds no bond for it; the same command takes it when it does";
        left(one, why.to_owned())
    });
    let left = dust.chain(dear).collect();
    (free.iter().map(|one| one.output).collect(), left)
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "output {} stays behind: {}", self.output, self.why)
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::Height;

    use super::*;

    const TOKEN: Address = Address([7; 20]);

    fn worth(block: u32, asset: Address, amount: u64) -> Worth {
        Worth {
            output: position(block),
            asset,
            amount: Amount::from(amount),
        }
    }

    fn position(block: u32) -> Position {
        Position {
            block: Height(block),
            transaction: 0,
            output: 0,
        }
    }

    fn blocks(outputs: &[Position]) -> Vec<u32> {
        outputs.iter().map(|output| output.block.0).collect()
    }

    #[test]
    fn the_largest_leave_first_and_dust_stays_behind_with_a_reason() {
        let free = || {
            let mut free: Vec<Worth> = (1..=12).map(|block| worth(block, Address::ZERO, 1)).collect();
            free.extend([
                worth(20, Address::ZERO, 500),
                worth(21, Address::ZERO, 900),
                worth(22, TOKEN, 1),
                worth(23, TOKEN, 3),
            ]);
            free
        };
        let (outputs, left) = sieve(free(), Amount::from(100), 3);
        assert_eq!(blocks(&outputs), [21, 23, 20], "the largest of each asset first");
        assert_eq!(left.len(), 13);
        assert!(left[0].to_string().contains("--min 0wei"), "{}", left[0]);
        assert!(left[12].to_string().contains("no bond"), "{}", left[12]);
        let (outputs, left) = sieve(free(), Amount::ZERO, usize::MAX);
        assert_eq!((outputs.len(), left.len()), (16, 0));
    }
}
