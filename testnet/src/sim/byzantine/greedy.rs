//! A leader that pays with what the very events of its block set free: the ledger keeps clients off such outputs until the
//! next block.

use plasma_consensus::Proposal;
use plasma_core::{
    AuthenticTransaction, Block, Header, L1Block, L1Event, SignedTransaction, State,
    ledger::{self, NewBlock},
};
use plasma_node::{
    intake::Proof as _,
    storage::{Read as _, Storage as _},
};

use crate::sim::{
    clients::{Clients, NEVER},
    ethereum::lock,
    oracle::model::Lot,
    world::World,
};

impl World {
    /// The block with such payments in it, as the ledger would make it; by hand when the ledger would not.
    pub(super) fn greedy(&mut self, index: usize, proposal: &Proposal, bytes: &[u8]) -> Option<Block> {
        let mut block = Block::decode(bytes, bytes.len()).ok()?;
        let header = block.header;
        let saved = self.hosts[index].saved();
        if saved.state.id != header.parent || header.id() != proposal.container.block {
            return None;
        }
        let events = self.events_between(&saved.state.header, &header);
        let payments = self.freed(index, &events);
        let first = payments.first()?.clone();
        let made = self.with_payments(index, &saved.state, &block, payments);
        if made.is_some() {
            return made;
        }
        block.transactions.push(first);
        super::root(&mut block.header, &block.transactions);
        Some(block)
    }

    /// The block as the ledger makes it with these payments before the others; none when it does not take the first of them.
    pub(super) fn with_payments(
        &self,
        index: usize,
        above: &State,
        block: &Block,
        payments: Vec<SignedTransaction>,
    ) -> Option<Block> {
        let header = block.header;
        let first = payments.first()?.id();
        let events = self.events_between(&above.header, &header);
        let candidates = payments.into_iter().chain(block.transactions.iter().cloned());
        let candidates: Vec<AuthenticTransaction> = candidates
            .filter_map(|signed| self.proof.authenticate(signed).ok())
            .collect();
        let reader = self.hosts[index].storage.reader();
        let contents = candidates.iter().map(AuthenticTransaction::transaction);
        let reads = reader.reads(&ledger::wanted(contents, &events)).ok()?;
        let choice = NewBlock {
            origin: L1Block {
                height: header.l1_height,
                hash: header.l1_hash,
                timestamp_s: 0,
            },
            timestamp_ms: header.timestamp_ms,
            candidates,
        };
        let (made, ..) = ledger::build(above, choice, &events, &reads, &self.site.genesis.params()).ok()?;
        let has_it = made.transactions.iter().any(|one| one.id() == first);
        has_it.then(|| Block {
            header: made.header,
            transactions: made.transactions.iter().map(|one| one.signed().clone()).collect(),
        })
    }

    fn events_between(&self, below: &Header, header: &Header) -> Vec<L1Event> {
        let chain = lock(&self.chain);
        let blocks = chain.blocks.iter().filter(|mined| {
            let height = mined.observed.link.block.height;
            height > below.l1_height && height <= header.l1_height
        });
        blocks.flat_map(|mined| mined.observed.events.clone()).collect()
    }

    /// Payments of thieves with outputs that exits locked which end in these events.
    fn freed(&mut self, index: usize, events: &[L1Event]) -> Vec<SignedTransaction> {
        let reader = self.hosts[index].storage.reader();
        let mut found = Vec::new();
        for event in events {
            let (L1Event::ExitEnded { id, .. } | L1Event::InFlightExitEnded { id, .. }) = event else {
                continue;
            };
            let Ok(Some(open)) = reader.exit(id) else { continue };
            for position in open.positions() {
                let Some(coin) = self.oracle.model.coins.get(&position) else {
                    continue;
                };
                let key = self.site.users.iter().position(|key| key.address() == coin.owner);
                let Some(thief) = key.filter(|user| coin.state == Lot::Free && Clients::is_thief(*user))
                else {
                    continue;
                };
                let amount = coin.amount;
                found.push(self.pay_oneself(thief, (position, amount), NEVER));
            }
        }
        found
    }
}
