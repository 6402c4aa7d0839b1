//! Who owns what, from calls to Ethereum and submitted payments alone. Shares nothing with the ledger of the operators.

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{
    Address, Amount, ExitId, Header, Height, Kind, L1Height, Position, SignedTransaction, TransactionId,
};

use super::{facts::Fact, flights::Flight};

/// An output as the model has it.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Coin {
    pub(in crate::sim) owner: Address,
    pub(in crate::sim) amount: Amount,
    pub(in crate::sim) state: Lot,
    /// Open exits of it.
    pub(in crate::sim) locks: u32,
}

/// What became of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Lot {
    Free,
    Spent,
    Exited,
}

/// The ledger as it must be.
#[derive(Debug, Default)]
pub(in crate::sim) struct Model {
    pub(in crate::sim) coins: BTreeMap<Position, Coin>,
    /// Where each transaction is.
    pub(in crate::sim) decided: BTreeMap<TransactionId, (Height, u32)>,
    /// Open exits: the output, and whether this exit locked it.
    exits: BTreeMap<ExitId, (Position, bool)>,
    /// Open exits in flight.
    pub(super) flights: BTreeMap<ExitId, Flight>,
    /// Deposits that were funded, in order.
    funded: u64,
    funds: BTreeMap<u64, Position>,
    /// The youngest block that the spender of an output names.
    spenders: BTreeMap<Position, Height>,
    /// Nothing above this height counts on Ethereum.
    pub(super) halted: Option<Height>,
    /// All that came in and is funded, and all that went out.
    inflow: Amount,
    pub(super) outflow: Amount,
    /// What payments that are in no block brought to Ethereum and nobody claimed there.
    pub(super) unclaimed: Amount,
    /// The highest origin.
    origin: L1Height,
}

/// What broke, in words.
pub(in crate::sim) type Wrong = String;

impl Model {
    pub(in crate::sim) fn new(origin: L1Height) -> Self {
        Self {
            origin,
            ..Self::default()
        }
    }

    /// Whether a block that counts funds a deposit.
    pub(in crate::sim) fn is_funded(&self, number: u64, last_valid: Height) -> bool {
        self.funds
            .get(&number)
            .is_some_and(|fund| fund.block <= last_valid)
    }

    /// Whether what spent an output names one above the halt: then it was never paid, and nobody can show that it was.
    pub(in crate::sim) fn is_spent_by_nothing(&self, position: &Position, last_valid: Height) -> bool {
        self.spenders
            .get(position)
            .is_some_and(|youngest| *youngest > last_valid)
    }

    /// A deposit went back to its owner: no block that counts has it.
    fn take_back(&mut self, number: u64, touched: &mut BTreeSet<Position>) -> Result<(), Wrong> {
        if self.is_funded(number, self.halted.unwrap_or(Height(u32::MAX))) {
            return Err(format!("deposit {number} went back, and it is in a block"));
        }
        let fund = self.funds.get(&number).copied();
        if let Some((position, coin)) = fund.and_then(|at| Some((at, self.coins.get_mut(&at)?))) {
            touched.insert(position);
            if coin.state == Lot::Free {
                coin.state = Lot::Exited;
            }
            self.outflow += coin.amount;
        }
        Ok(())
    }

    /// How many deposits are in blocks.
    pub(in crate::sim) fn funded(&self) -> u64 {
        self.funded
    }

    pub(in crate::sim) fn origin(&self) -> L1Height {
        self.origin
    }

    /// Takes a decided block: what Ethereum said above the last origin, then the payments.
    pub(in crate::sim) fn decide(
        &mut self,
        header: &Header,
        body: &[SignedTransaction],
        facts: &[Fact],
        signer: impl Fn(&SignedTransaction) -> Option<Address>,
    ) -> Result<(), Wrong> {
        let height = header.height;
        self.origin = header.l1_height;
        let deposits: Vec<(u64, Address, Amount)> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Deposited {
                    number,
                    owner,
                    amount,
                } => Some((*number, *owner, *amount)),
                _ => None,
            })
            .collect();
        let mut touched = BTreeSet::new();
        for (place, (number, owner, amount)) in (0u32..).zip(&deposits) {
            self.fund(height, place, body, (*number, *owner, *amount))?;
        }
        let mut derived = deposits.len();
        for fact in facts {
            if let Fact::FlightStarted { id, bytes } = fact {
                let forced = self.take_off(header.height, (derived, body), (*id, bytes), &signer)?;
                derived += usize::from(forced);
            }
            self.exit(fact, &mut touched)?;
            self.fly(fact, &mut touched)?;
            match fact {
                Fact::Reclaimed { number } => self.take_back(*number, &mut touched)?,
                Fact::Halted { last_valid } => {
                    self.halted = Some(self.halted.unwrap_or(*last_valid).min(*last_valid));
                }
                _ => {}
            }
        }
        if self.halted.is_some() && body.len() > derived {
            return Err("it pays, and the chain is halted".to_owned());
        }
        for (place, signed) in (0u32..).zip(body).skip(derived) {
            let owner = signer(signed).ok_or_else(|| format!("{height}/{place}: nobody submitted it"))?;
            self.pay(height, place, signed, owner, &touched)
                .map_err(|wrong| format!("{height}/{place}: {wrong}"))?;
        }
        self.conserve()
    }

    fn fund(
        &mut self,
        height: Height,
        place: u32,
        body: &[SignedTransaction],
        (number, owner, amount): (u64, Address, Amount),
    ) -> Result<(), Wrong> {
        if number != self.funded {
            return Err(format!("deposit {number} follows {} deposits", self.funded));
        }
        let index = usize::try_from(place).expect("small");
        let found = body.get(index).map(|signed| &signed.transaction);
        let is_fund = found.is_some_and(|content| {
            content.kind == Kind::Fund
                && content.inputs.first().map(|input| input.amount) == Some(Amount::from(number))
                && matches!(content.outputs.as_slice(), [one] if one.owner == owner && one.amount == amount)
        });
        if !is_fund {
            return Err(format!("{height}/{place} does not fund deposit {number}"));
        }
        self.funded += 1;
        self.inflow += amount;
        self.put((height, place, 0), owner, amount);
        let fund = Position {
            block: height,
            transaction: place,
            output: 0,
        };
        self.funds.insert(number, fund);
        Ok(())
    }

    fn put(&mut self, (block, transaction, output): (Height, u32, u8), owner: Address, amount: Amount) {
        let position = Position {
            block,
            transaction,
            output,
        };
        let coin = Coin {
            owner,
            amount,
            state: Lot::Free,
            locks: 0,
        };
        self.coins.insert(position, coin);
    }

    fn exit(&mut self, fact: &Fact, touched: &mut BTreeSet<Position>) -> Result<(), Wrong> {
        match fact {
            Fact::ExitStarted { id, position } => {
                let position = Position::unpack(*position).ok_or("an exit of no position")?;
                let coin = self.coins.get_mut(&position).ok_or("an exit of no output")?;
                let locked = coin.state == Lot::Free;
                if locked {
                    coin.locks += 1;
                }
                touched.insert(position);
                self.exits.insert(*id, (position, locked));
            }
            Fact::ExitEnded { id, position, paid } => {
                let position = Position::unpack(*position).ok_or("the end of an exit of no position")?;
                let (known, locked) = self.exits.remove(id).ok_or("the end of no exit")?;
                let is_void = self
                    .halted
                    .is_some_and(|last_valid| self.is_spent_by_nothing(&position, last_valid));
                let coin = self
                    .coins
                    .get_mut(&position)
                    .ok_or("the end of an exit of no output")?;
                if known != position {
                    return Err(format!("exit {id:?} is of {known} and ends with {position}"));
                }
                coin.locks -= u32::from(locked);
                touched.insert(position);
                if *paid {
                    match coin.state {
                        Lot::Free => coin.state = Lot::Exited,
                        Lot::Spent if is_void => {}
                        state => return Err(format!("the vault paid for {position}, which is {state:?}")),
                    }
                    self.outflow += coin.amount;
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn pay(
        &mut self,
        height: Height,
        place: u32,
        signed: &SignedTransaction,
        owner: Address,
        touched: &BTreeSet<Position>,
    ) -> Result<(), Wrong> {
        let content = &signed.transaction;
        if content.expiry < height {
            return Err("it is expired".to_owned());
        }
        let youngest = content.inputs.iter().map(|input| input.position.block).max();
        let mut brought = Amount::ZERO;
        for input in &content.inputs {
            self.spenders.insert(input.position, youngest.unwrap_or_default());
            let position = input.position;
            let coin = self
                .coins
                .get_mut(&position)
                .ok_or_else(|| format!("{position} does not exist"))?;
            if position.block >= height {
                return Err(format!("{position} is not earlier"));
            }
            if coin.state != Lot::Free || coin.locks > 0 || touched.contains(&position) {
                return Err(format!(
                    "{position} is {:?} with {} locks",
                    coin.state, coin.locks
                ));
            }
            if coin.owner != owner || coin.amount != input.amount {
                return Err(format!("{position} is another's, or holds another amount"));
            }
            coin.state = Lot::Spent;
            brought += coin.amount;
        }
        let paid: Amount = content.outputs.iter().map(|payment| payment.amount).sum();
        if paid != brought {
            return Err(format!("it brings {brought} and pays {paid}"));
        }
        for (output, payment) in (0u8..).zip(&content.outputs) {
            self.put((height, place, output), payment.owner, payment.amount);
        }
        self.decided.insert(signed.id(), (height, place));
        Ok(())
    }

    /// To the wei: what came in is there or went out.
    fn conserve(&self) -> Result<(), Wrong> {
        let held: Amount = self
            .coins
            .values()
            .filter(|coin| coin.state == Lot::Free)
            .map(|coin| coin.amount)
            .sum();
        let (inflow, outflow) = (self.inflow, self.outflow + self.unclaimed);
        // After a halt money leaves that blocks moved which do not count.
        if held + outflow == inflow || self.halted.is_some() {
            Ok(())
        } else {
            Err(format!("{inflow} came in, {outflow} went out, {held} is there"))
        }
    }
}
