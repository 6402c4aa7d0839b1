//! The effects of L1 events, one function per line of the table in `docs/protocol.md` section 5.

use super::{Broken, TransactionRejected, draft::Draft, payment};
use crate::planted::planted;
use crate::{
    Amount, AuthenticTransaction, DepositFate, DepositNumber, ExitId, Fate, L1Event, OpenExit, OutputRecord,
    Position, SignedTransaction, Transaction, TransactionId,
    delta::{in_flight, in_flight_of_nothing},
};

impl Draft<'_> {
    /// Applies every event and returns the transactions that L1 puts at the front of the body: deposits first, then
    /// those that in-flight exits force in.
    pub(super) fn enact(&mut self, events: &[L1Event]) -> Result<Vec<AuthenticTransaction>, Broken> {
        let mut derived = Vec::new();
        for event in events {
            if let L1Event::Deposited {
                number,
                owner,
                asset,
                amount,
            } = event
                && !self.is_known(*number)?
            {
                let more = Amount::from(u8::from(planted("ledger: deposits fund a wei more")));
                let fund = AuthenticTransaction::fund(Transaction::fund(
                    *number,
                    *owner,
                    *asset,
                    amount.saturating_add(more),
                ));
                self.fund(*number, &fund)?;
                derived.push(fund);
            }
        }
        for event in events {
            derived.extend(self.enact_one(event)?);
        }
        Ok(derived)
    }

    fn enact_one(&mut self, event: &L1Event) -> Result<Option<AuthenticTransaction>, Broken> {
        match event {
            L1Event::Deposited { .. } => {}
            L1Event::DepositReclaimed { number } => self.on_deposit_reclaimed(*number)?,
            L1Event::ExitStarted { id, position, owner } => {
                if self.exit(id)?.is_none() {
                    let locked = self.lock(*position)?;
                    let exit = OpenExit::Standard {
                        position: *position,
                        owner: *owner,
                        locked,
                    };
                    self.exits.insert(*id, Some(exit));
                }
            }
            L1Event::ExitEnded { id, position, paid } => self.on_exit_ended(*id, *position, *paid)?,
            L1Event::InFlightExitStarted { id, transaction } => {
                return self.on_in_flight_started(*id, transaction);
            }
            L1Event::InFlightPiggybacked { id, output } => self.on_piggybacked(*id, *output)?,
            L1Event::InFlightExitEnded {
                id,
                paid_outputs,
                consumed_inputs,
            } => {
                self.on_in_flight_ended(*id, *paid_outputs, *consumed_inputs)?;
            }
            // A later proof may only lower it; the epochs only grow.
            L1Event::Halted { last_valid } => {
                self.halted = Some(self.halted.map_or(*last_valid, |known| known.min(*last_valid)));
            }
            L1Event::CommitteeActivated { epoch } => self.epoch = self.epoch.max(*epoch),
        }
        Ok(None)
    }

    fn is_known(&self, number: DepositNumber) -> Result<bool, Broken> {
        self.deposit(number).map(|fate| fate.is_some())
    }

    fn deposit(&self, number: DepositNumber) -> Result<Option<DepositFate>, Broken> {
        match self.deposits.get(&number) {
            Some(fate) => Ok(Some(*fate)),
            None => self
                .reads
                .deposits
                .get(&number)
                .copied()
                .ok_or(Broken::DepositNotRead { number }),
        }
    }

    fn exit(&self, id: &ExitId) -> Result<Option<OpenExit>, Broken> {
        match self.exits.get(id) {
            Some(exit) => Ok(exit.clone()),
            None => self
                .reads
                .exits
                .get(id)
                .cloned()
                .ok_or(Broken::ExitNotRead { id: *id }),
        }
    }

    fn fund(&mut self, number: DepositNumber, fund: &AuthenticTransaction) -> Result<(), Broken> {
        let position = Position {
            block: self.height,
            transaction: self.next_index(),
            output: 0,
        };
        self.include(fund).map_err(|_| Broken::NotRead { position })?;
        self.deposits.insert(number, DepositFate::Funded(position));
        Ok(())
    }

    fn on_deposit_reclaimed(&mut self, number: DepositNumber) -> Result<(), Broken> {
        if let Some(DepositFate::Funded(position)) = self.deposit(number)?
            && !planted("ledger: deposits that went back stay")
        {
            self.remove(position, Fate::Reclaimed)?;
        }
        self.deposits.insert(number, DepositFate::Reclaimed);
        Ok(())
    }

    fn on_exit_ended(&mut self, id: ExitId, position: Position, paid: bool) -> Result<(), Broken> {
        if let Some(OpenExit::Standard {
            position: own,
            locked,
            ..
        }) = self.exit(&id)?
        {
            if locked && !planted("ledger: ended exits keep their locks") {
                self.release(own)?;
            }
            self.exits.insert(id, None);
        }
        if paid {
            self.remove(position, Fate::Exited(id))
        } else {
            Ok(())
        }
    }

    /// Includes the transaction if it is valid now: this is how a censored user forces a payment in.
    fn on_in_flight_started(
        &mut self,
        id: ExitId,
        bytes: &[u8],
    ) -> Result<Option<AuthenticTransaction>, Broken> {
        if self.exit(&id)?.is_some() {
            return Ok(None);
        }
        let Ok(signed) = SignedTransaction::decode(bytes) else {
            self.exits.insert(id, Some(in_flight_of_nothing()));
            return Ok(None);
        };
        let mut exit = in_flight(&signed.transaction);
        let forced = self.force(signed)?;
        if let OpenExit::InFlight {
            transaction,
            included,
            inputs,
            locked_inputs,
            ..
        } = &mut exit
        {
            *included = self.find(*transaction, inputs)?;
            for (index, position) in inputs.iter().enumerate() {
                let is_repeated = inputs.iter().take(index).any(|earlier| earlier == position);
                if !is_repeated && self.lock(*position)? {
                    *locked_inputs |= bit(index);
                }
            }
        }
        self.exits.insert(id, Some(exit));
        Ok(forced)
    }

    /// The transaction, included, if it is valid now.
    fn force(&mut self, signed: SignedTransaction) -> Result<Option<AuthenticTransaction>, Broken> {
        let Ok(transaction) = signed.authenticate(&self.params.domain) else {
            return Ok(None);
        };
        if planted("ledger: nothing is forced in") {
            return Ok(None);
        }
        let verdict = payment::check(&transaction, self.height, self.params, |position| {
            self.output(position)
        })
        .and_then(|()| self.include(&transaction));
        match verdict {
            Ok(()) => Ok(Some(transaction)),
            Err(TransactionRejected::NotRead { position }) => Err(Broken::NotRead { position }),
            Err(_) => Ok(None),
        }
    }

    /// Where a transaction stands in the ledger: it is the one that spent its own inputs.
    fn find(&self, id: TransactionId, inputs: &[Position]) -> Result<Option<(crate::Height, u32)>, Broken> {
        for input in inputs {
            let Some(OutputRecord {
                fate: Fate::Spent(by),
                ..
            }) = self.fact(input)?
            else {
                continue;
            };
            let first = Position {
                block: by.height,
                transaction: by.transaction,
                output: 0,
            };
            if self
                .fact(&first)?
                .is_some_and(|record| record.output.transaction == id)
                && !planted("ledger: finds no payment in flight")
            {
                return Ok(Some((by.height, by.transaction)));
            }
        }
        Ok(None)
    }

    fn on_piggybacked(&mut self, id: ExitId, output: u8) -> Result<(), Broken> {
        let Some(mut exit) = self.exit(&id)? else {
            return Ok(());
        };
        let found = exit.created_at(output);
        let Some(position) = found.filter(|_| !planted("ledger: claims in flight lock nothing")) else {
            return Ok(());
        };
        if let OpenExit::InFlight { locked_outputs, .. } = &mut exit
            && *locked_outputs & bit(output.into()) == 0
            && self.lock(position)?
        {
            *locked_outputs |= bit(output.into());
            self.exits.insert(id, Some(exit));
        }
        Ok(())
    }

    fn on_in_flight_ended(&mut self, id: ExitId, paid: u8, consumed: u8) -> Result<(), Broken> {
        let Some(exit) = self.exit(&id)? else {
            return Ok(());
        };
        let OpenExit::InFlight {
            inputs,
            outputs,
            locked_inputs,
            locked_outputs,
            ..
        } = &exit
        else {
            return Ok(());
        };
        // Paying one output consumes every input: the transaction counts as done.
        let consumed = if paid == 0 { consumed } else { u8::MAX };
        for (index, position) in inputs.iter().enumerate() {
            self.end(
                *position,
                locked_inputs & bit(index) != 0,
                consumed & bit(index) != 0,
                id,
            )?;
        }
        for (index, output) in (0..*outputs).enumerate() {
            if let Some(position) = exit.created_at(output) {
                self.end(
                    position,
                    locked_outputs & bit(index) != 0,
                    paid & bit(index) != 0,
                    id,
                )?;
            }
        }
        self.exits.insert(id, None);
        Ok(())
    }

    fn end(
        &mut self,
        position: Position,
        is_locked: bool,
        is_removed: bool,
        id: ExitId,
    ) -> Result<(), Broken> {
        if is_locked && !planted("ledger: ended flights keep their locks") {
            self.release(position)?;
        }
        if is_removed {
            self.remove(position, Fate::Exited(id))
        } else {
            Ok(())
        }
    }

    /// Counts one more lock on an output that exists; `false` when it does not.
    fn lock(&mut self, position: Position) -> Result<bool, Broken> {
        let found = self
            .fact(&position)?
            .filter(|_| !planted("ledger: exits lock nothing"));
        let Some(mut record) = found.filter(OutputRecord::is_unspent) else {
            return Ok(false);
        };
        record.output.locks = record
            .output
            .locks
            .checked_add(1)
            .ok_or(Broken::Locks { position })?;
        self.touch(position, record);
        Ok(true)
    }

    /// Counts one lock less; the output may be gone meanwhile.
    fn release(&mut self, position: Position) -> Result<(), Broken> {
        let mut record = self.fact(&position)?.ok_or(Broken::Locks { position })?;
        record.output.locks = record
            .output
            .locks
            .checked_sub(1)
            .ok_or(Broken::Locks { position })?;
        self.touch(position, record);
        Ok(())
    }

    /// Takes an output out of the ledger, if it still exists.
    fn remove(&mut self, position: Position, fate: Fate) -> Result<(), Broken> {
        let found = self
            .fact(&position)?
            .filter(|_| !planted("ledger: paid exits leave the output"));
        if let Some(record) = found.filter(OutputRecord::is_unspent) {
            self.touch(position, OutputRecord { fate, ..record });
        }
        Ok(())
    }
}

/// Bit `index` of a byte; no bit above the eighth.
fn bit(index: usize) -> u8 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1u8.checked_shl(index))
        .unwrap_or(0)
}
