//! Exits: out of the ledger to Ethereum, with operators or without any, by as few calls as the contract allows.

use plasma_core::{Address, Amount, ExitId, Position, TransactionId};

use super::{
    Purse, WalletError,
    amount::show,
    book::Intent,
    error::Lack,
    purse::{Ethereum, Person},
    standing::exits_in,
    steps::Step,
    together::{self, Exiting},
    told::Told,
    whole::Left,
    words,
};
use crate::{
    api::text::{AddressText, HashText, PositionText},
    bridge::L1Error,
};

/// What leaves with an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Going {
    /// An output.
    Output(Position),
    /// What is claimed of a payment.
    Payment(TransactionId),
}

/// An exit that this wallet started, or joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Its number in the journal.
    pub action: usize,
    /// The contract's id.
    pub exit: ExitId,
    /// What leaves with it.
    pub what: Going,
    /// From this second of Ethereum's clock on it can be paid.
    pub due_s: u64,
}

/// What came of a wish to leave.
#[derive(Debug, Default)]
pub struct Started {
    /// What leaves, the oldest output first.
    pub leaving: Vec<Leaving>,
    /// Those that do not leave, each with the reason.
    pub left: Vec<Left>,
    /// Why the last of them does not.
    pub failure: Option<WalletError>,
}

impl Started {
    /// Outputs that could not leave together.
    fn stay(&mut self, group: &[Exiting], error: WalletError) {
        let why = error.to_string();
        self.left.extend(group.iter().map(|one| Left {
            output: one.output,
            why: why.clone(),
        }));
        self.failure = Some(error);
    }

    fn stays(&mut self, output: Position, error: WalletError) {
        let why = error.to_string();
        self.left.push(Left { output, why });
        self.failure = Some(error);
    }
}

/// Whose help an exit is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Operators are asked for what is missing.
    Operators,
    /// Nobody is asked: what the wallet keeps, and Ethereum.
    Nobody,
}

impl<P: Person> Purse<P> {
    /// Starts the exits of outputs: those of one asset under one anchor leave by one call, sixteen at most.
    ///
    /// # Errors
    /// What concerns all of them; why single ones do not leave stands in [`Started`]. With the same outputs it goes on where
    /// it stopped.
    pub async fn exit(
        &mut self,
        from: Address,
        outputs: &[Position],
        help: Help,
    ) -> Result<Started, WalletError> {
        let ethereum = self.caught_up().await?;
        let mut started = Started::default();
        let mut fresh = Vec::new();
        for output in outputs {
            match self.book().exit_of(*output) {
                Some((action, exit)) => started
                    .leaving
                    .push(leaving(action, exit, Going::Output(*output))),
                None => fresh.push(*output),
            }
        }
        if fresh.is_empty() {
            return Ok(started);
        }
        if help == Help::Operators {
            self.holdings(from).await?;
        }
        for signed in self.signed_calls(from, &fresh)? {
            fresh.retain(|output| !signed.contains(output));
            let group = self.exiting(&ethereum, from, &signed, help, &mut started).await?;
            // A call that was signed is of all its outputs.
            if group.len() == signed.len() {
                self.start(&ethereum, from, &group, &mut started).await;
            }
        }
        let mut doubts = Vec::new();
        if help == Help::Operators {
            fresh = self.unspent(fresh, &mut started, &mut doubts).await?;
        }
        let free = self.exiting(&ethereum, from, &fresh, help, &mut started).await?;
        let groups = together::groups(free);
        if !groups.is_empty() {
            self.agree_to_leave(&ethereum, from, &groups, doubts).await?;
        }
        for group in groups {
            self.start(&ethereum, from, &group, &mut started).await;
        }
        started.leaving.sort_by_key(|leaving| leaving.what);
        Ok(started)
    }

    /// The exit of an output that this wallet started.
    #[must_use]
    pub fn exit_of(&self, output: Position) -> Option<ExitId> {
        self.book().exit_of(output).map(|(_, exit)| exit)
    }

    /// Outputs whose exit was begun and not told of.
    #[must_use]
    pub fn unfinished_exits(&self, owner: Address) -> Vec<Position> {
        let unfinished = self.book().actions().filter_map(|(_, action)| {
            let is_own = action.intent.leaver() == Some(owner);
            (is_own && !action.is_ended).then(|| action.intent.exiting())
        });
        unfinished.flatten().collect()
    }

    /// What calls that were signed and not told of take out, where it is wished for. What was begun and not signed begins
    /// anew, perhaps with others beside it.
    fn signed_calls(
        &mut self,
        from: Address,
        wished: &[Position],
    ) -> Result<Vec<Vec<Position>>, WalletError> {
        let begun = self.book().actions().filter_map(|(number, action)| {
            let outputs = action.intent.exiting();
            let is_wished = outputs.iter().any(|output| wished.contains(output));
            let is_own = action.intent.leaver() == Some(from);
            let is_signed = action.call(START).is_some();
            (is_wished && is_own && !action.is_ended).then_some((number, outputs, is_signed))
        });
        let mut signed = Vec::new();
        for (number, outputs, is_signed) in begun.collect::<Vec<_>>() {
            if is_signed {
                signed.push(outputs);
            } else {
                self.end(number)?;
            }
        }
        Ok(signed)
    }

    /// Those outputs that no receipt proves to be spent. What operators say and do not prove is a doubt, which is shown to
    /// whoever agrees: operators that lie must not keep anybody in.
    async fn unspent(
        &self,
        outputs: Vec<Position>,
        started: &mut Started,
        doubts: &mut Vec<(&'static str, String)>,
    ) -> Result<Vec<Position>, WalletError> {
        let mut unspent = Vec::with_capacity(outputs.len());
        let mut told = self.told_of(&outputs).await?;
        for output in outputs {
            match told.remove(&output).unwrap_or(Told::Nothing) {
                Told::Nothing => {}
                Told::Spent { by, block } => {
                    let words = format!(
                        "output {output} is spent by payment {by} in block {block}, as a receipt proves: its exit would be \
                         challenged, and the bond lost"
                    );
                    started.stays(output, WalletError::Refused(words));
                    continue;
                }
                Told::Unproven(said) => doubts.push((
                    "BUT",
                    format!("operators say of {output}, and do not prove: {said}. Where that is so the bond is lost"),
                )),
            }
            unspent.push(output);
        }
        Ok(unspent)
    }

    /// The outputs that can leave, with where they lie; why others cannot is noted.
    async fn exiting(
        &self,
        ethereum: &Ethereum,
        from: Address,
        outputs: &[Position],
        help: Help,
        started: &mut Started,
    ) -> Result<Vec<Exiting>, WalletError> {
        let mut exiting = Vec::with_capacity(outputs.len());
        for output in outputs {
            match self.one_exiting(ethereum, from, *output, help).await {
                Ok(one) => exiting.push(one),
                Err(
                    error @ (WalletError::Refused(_)
                    | WalletError::Missing(_)
                    | WalletError::Store { .. }
                    | WalletError::L1(_)),
                ) => started.stays(*output, error),
                Err(error) => return Err(error),
            }
        }
        Ok(exiting)
    }

    async fn one_exiting(
        &self,
        ethereum: &Ethereum,
        from: Address,
        output: Position,
        help: Help,
    ) -> Result<Exiting, WalletError> {
        if let Some(by) = self.book().spender(output) {
            return Err(WalletError::Refused(format!(
                "output {output} is spent by payment {by} of this wallet: its exit would be challenged, and the bond lost"
            )));
        }
        if let Some(exit) = self.claimed_in(output, from).await {
            return Err(WalletError::Refused(format!(
                "output {output} leaves already: it is claimed in the exit in flight {}",
                HashText(exit.0)
            )));
        }
        let inclusion = self.place(ethereum, from, output, help).await?;
        let transaction = &inclusion.receipt.transaction.transaction;
        let payment = transaction.outputs.get(usize::from(output.output));
        Ok(Exiting {
            output,
            asset: transaction.asset,
            amount: payment.map_or(Amount::ZERO, |payment| payment.amount),
            inclusion,
        })
    }

    /// Starts the exits of outputs by one call. Where the contract does not take them together, each leaves by itself, so
    /// that one that cannot leave holds no other back.
    async fn start(&mut self, ethereum: &Ethereum, from: Address, group: &[Exiting], started: &mut Started) {
        match self.start_together(ethereum, from, group).await {
            Ok(leaving) => started.leaving.extend(leaving),
            Err(WalletError::L1(L1Error::Reverted { .. })) if group.len() > 1 => {
                for one in group.chunks(1) {
                    match self.start_together(ethereum, from, one).await {
                        Ok(leaving) => started.leaving.extend(leaving),
                        Err(error) => started.stay(one, error),
                    }
                }
            }
            Err(error) => started.stay(group, error),
        }
    }

    async fn start_together(
        &mut self,
        ethereum: &Ethereum,
        from: Address,
        group: &[Exiting],
    ) -> Result<Vec<Leaving>, WalletError> {
        let (contracts, bond) = (&ethereum.contracts, ethereum.parameters.exit_bond);
        let (intent, call) = match group {
            [one] => (
                Intent::Exit {
                    from: from.into(),
                    output: one.output.into(),
                },
                contracts.start_exit_call(&one.inclusion, one.output.output, bond),
            ),
            _ => (
                Intent::Exits {
                    from: from.into(),
                    outputs: group.iter().map(|one| PositionText(one.output)).collect(),
                },
                contracts
                    .start_exits_call(&together::batch(group), bond)
                    .map_err(|error| WalletError::Refused(error.to_string()))?,
            ),
        };
        let action = self.begin(&intent)?;
        let step = Step {
            action,
            name: START,
            from,
            call,
            gas: None,
        };
        let outcome = match self.step(ethereum, &step).await {
            Err(error) => {
                let known = self.book().action(action);
                if known.is_some_and(|action| action.call(START).is_none()) {
                    self.end(action)?;
                }
                return Err(error);
            }
            Ok(outcome) => outcome,
        };
        // They are written down with the call.
        let exits = exits_in(&intent, &outcome);
        if exits.is_empty() {
            let label = step.call.label;
            return Err(WalletError::Refused(format!(
                "{label} was mined and started no exit"
            )));
        }
        let leaves = group.iter().zip(exits);
        Ok(leaves
            .map(|(one, exit)| leaving(action, exit, Going::Output(one.output)))
            .collect())
    }

    async fn agree_to_leave(
        &self,
        ethereum: &Ethereum,
        from: Address,
        groups: &[Vec<Exiting>],
        doubts: Vec<(&str, String)>,
    ) -> Result<(), WalletError> {
        let bond = ethereum.parameters.exit_bond;
        let paid = format!(
            "{} s after the start at the earliest, twice that for young outputs",
            ethereum.parameters.exit_period_s
        );
        let mut lines = vec![("owner", AddressText(from).to_string())];
        let all: Vec<&Exiting> = groups.iter().flatten().collect();
        let shown = |one: &Exiting| format!("{}   {}", one.output, show(one.amount, one.asset));
        lines.extend(all.iter().take(SHOWN_MAX).map(|one| ("output", shown(one))));
        let what = if let [_] = all.as_slice() {
            let bond = show(bond, Address::ZERO);
            lines.push((
                "bond",
                format!("{bond}, back at the end, lost when the output was spent"),
            ));
            "Start an exit on Ethereum".to_owned()
        } else {
            if all.len() > SHOWN_MAX {
                lines.push(("and", format!("{} outputs more", all.len() - SHOWN_MAX)));
            }
            let bonds = bond.saturating_mul(Amount::from(all.len()));
            self.check_ether(ethereum, from, bonds).await?;
            let each = show(bond, Address::ZERO);
            lines.push((
                "bonds",
                format!(
                    "{}, {each} for each output: back at the end, lost when that output was spent",
                    show(bonds, Address::ZERO)
                ),
            ));
            let fees = ethereum.rpc.fees().await?;
            let gas = Amount::from(together::gas(groups));
            lines.push((
                "gas",
                format!(
                    "{} at most for {} Ethereum transactions, as fees are now",
                    show(gas.saturating_mul(Amount::from(fees.max_wei)), Address::ZERO),
                    groups.len()
                ),
            ));
            format!("Start {} exits on Ethereum", all.len())
        };
        lines.push(("paid", paid));
        lines.extend(doubts);
        self.person.agree(&words::ethereum(&what, &lines, &self.genesis))
    }

    /// Nothing is begun that the account cannot pay for.
    pub(super) async fn check_ether(
        &self,
        ethereum: &Ethereum,
        owner: Address,
        needs: Amount,
    ) -> Result<(), WalletError> {
        let has = ethereum.rpc.balance(owner).await?;
        if has >= needs {
            return Ok(());
        }
        Err(WalletError::Funds(Box::new(Lack {
            owner,
            asset: Address::ZERO,
            has,
            needs,
            hint: " on Ethereum for the bonds, and gas beside them",
        })))
    }
}

pub(super) fn leaving(action: usize, exit: ExitId, what: Going) -> Leaving {
    Leaving {
        action,
        exit,
        what,
        due_s: exit.due_s(),
    }
}

const START: &str = "start-exit";
/// A person reads so many; the sums hold for all.
const SHOWN_MAX: usize = 10;
