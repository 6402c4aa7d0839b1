//! Transactions that are offered, from the read that they need to the verdict that a client hears.

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{AuthenticTransaction, Height, Millis, Reads, TransactionRejected, ledger};

use super::{
    Operator,
    effect::{Effect, Purpose},
    event::{Offered, Source},
    mempool::Admission,
    report::{Accepted, Known, Rejected},
};

/// Most batches of offered transactions whose reads are under way. The runtime answers a read before it takes the next
/// event, so this is reached only by a broken shell.
const OFFERS_MAX: usize = 1_024;

impl<S: OperatorKey> Operator<S> {
    /// What gossip brought counts once, however often it is offered here.
    pub(super) fn count_heard(&mut self, offered: &[Offered]) {
        let heard = offered.iter().filter(|one| one.source == Source::Gossip).count();
        self.handing.gossiped.heard += u64::try_from(heard).unwrap_or(u64::MAX);
    }

    /// Verified transactions are read for, then checked.
    pub(super) fn on_offered(&mut self, offered: Vec<Offered>, effects: &mut Vec<Effect>) {
        for one in &offered {
            self.on_authentic(&one.transaction);
        }
        if self.offers.len() >= OFFERS_MAX {
            effects.extend(
                offered
                    .iter()
                    .filter_map(|one| reply(one.source, Err(Rejected::Overloaded))),
            );
            return;
        }
        let wanted = ledger::wanted(offered.iter().map(|one| one.transaction.transaction()), &[]);
        let number = self.next_offer;
        self.next_offer += 1;
        self.offers.insert(number, offered);
        effects.push(Effect::Read {
            purpose: Purpose::Admit(number),
            wanted,
        });
    }

    pub(super) fn on_admit(&mut self, now: Millis, offer: u64, reads: &Reads, effects: &mut Vec<Effect>) {
        for Offered { transaction, source } in self.offers.remove(&offer).unwrap_or_default() {
            let bytes = transaction.signed().encode();
            let is_early = source == Source::Gossip && self.is_early(&transaction);
            let result = self.admit(now, transaction.clone(), source, reads);
            if self.mempool.find_leaf(&transaction.leaf()).is_none() {
                // Another operator may have taken it, and propose it: it was refused here, or waits here under another signature.
                self.pins.keep(transaction.clone());
            }
            if let Err(Rejected::Rule(TransactionRejected::InputNotEarlier { .. })) = &result
                && is_early
            {
                self.handing.keep(transaction);
            }
            let is_news = matches!(
                result,
                Ok(Accepted {
                    known: Known::New,
                    ..
                })
            );
            if is_news && source == Source::Gossip {
                self.handing.gossiped.new += 1;
            } else if is_news {
                effects.push(Effect::Gossip(bytes.into()));
            }
            effects.extend(reply(source, result));
        }
    }

    fn admit(
        &mut self,
        now: Millis,
        transaction: AuthenticTransaction,
        source: Source,
        reads: &Reads,
    ) -> Result<Accepted, Rejected> {
        let id = transaction.id();
        let decided = self.chain.decided();
        if let Some(last_valid) = self.halted() {
            return Err(Rejected::Halted(last_valid));
        }
        if self.mempool.find(&id).is_some() {
            return Ok(Accepted {
                id,
                known: Known::Pending,
            });
        }
        let next = decided.header.height.next().unwrap_or(Height(u32::MAX));
        ledger::check_transaction(&transaction, next, reads, &self.rules)?;
        match self.mempool.offer(now, transaction, source != Source::Gossip) {
            Admission::Added => Ok(Accepted {
                id,
                known: Known::New,
            }),
            Admission::Known => Ok(Accepted {
                id,
                known: Known::Pending,
            }),
            Admission::Conflict { input, by } => Err(Rejected::Conflict { input, by }),
            Admission::Full => Err(Rejected::Full(self.mempool.len())),
        }
    }
}

fn reply(source: Source, result: Result<Accepted, Rejected>) -> Option<Effect> {
    match source {
        Source::Client(ticket) => Some(Effect::Reply { ticket, result }),
        Source::Gossip => None,
    }
}
