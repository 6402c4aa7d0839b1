//! What the ledger answers to claims on Ethereum, as the runtime's desk does it: ask what Ethereum holds now, build the
//! proof out of the operator's storage, send what is missing. Done by another is done.

use plasma_contracts_abi::{federation, in_flight_exits, vault};
use plasma_core::{DepositNumber, ExitId, Height, SignedTransaction};
use plasma_node::{
    answers::Archive,
    bridge::{
        account::Call,
        convert,
        games::{Claim, InFlightExit},
    },
    intake::Proof as _,
    operator::{
        event::Event,
        matters::{Matter, Notice},
    },
    runtime::l1::answer_call,
    storage::{Read as _, Storage as _, StorageError},
};

use crate::sim::{ethereum::lock, host::Arrival, site::EXIT_PERIOD_S, world::World};

impl World {
    /// The calls that answer a matter.
    pub(super) fn answer(&mut self, index: usize, matter: Matter) -> Vec<Call> {
        match matter {
            Matter::Reclaim(number) => self.answer_reclaim(index, number),
            Matter::InFlight(exit) => self.answer_flight(index, exit),
            Matter::Challenge(exit) => self.answer_challenge(index, exit),
            Matter::Silence => self.announce_end(index),
        }
    }

    fn answer_reclaim(&mut self, index: usize, number: DepositNumber) -> Vec<Call> {
        let contracts = self.site.contracts;
        let asked = vault::ReclaimsCall { number: number.0 };
        let payable_at: u64 = lock(&self.chain).now().ask(contracts.vault, asked);
        if payable_at == 0 {
            self.notice(index, Notice::Over(Matter::Reclaim(number)));
            return Vec::new();
        }
        let fund = self.look_up(index, |archive| archive.fund(number)).flatten();
        fund.map(|fund| contracts.challenge_reclaim_call(number, &fund))
            .into_iter()
            .collect()
    }

    fn answer_flight(&mut self, index: usize, exit: ExitId) -> Vec<Call> {
        let contracts = self.site.contracts;
        let Some((open, claims, now_s)) = self.flight(&exit) else {
            let is_open = self.hosts[index].storage.reader().exit(&exit);
            let matter = Matter::InFlight(exit);
            self.notice(
                index,
                if matches!(is_open, Ok(Some(_))) {
                    Notice::Settled(matter)
                } else {
                    Notice::Over(matter)
                },
            );
            return Vec::new();
        };
        let bytes = self.hosts[index].books.docket.payment(&exit);
        let signed = bytes.and_then(|bytes| SignedTransaction::decode(&bytes).ok());
        let Some(payment) = signed.and_then(|signed| self.proof.authenticate(signed).ok()) else {
            return Vec::new();
        };
        let is_first_half = now_s < open.begun_s.saturating_add(EXIT_PERIOD_S / 2);
        let found = self.look_up(index, |archive| {
            let found = archive.in_flight(&payment, &open, &claims, is_first_half)?;
            Ok((archive.pending(&payment)?, found))
        });
        let Some((Some(pending), found)) = found else {
            return Vec::new();
        };
        let calls = found
            .iter()
            .filter_map(|answer| answer_call(&contracts, &exit, &pending, answer).ok());
        calls.collect()
    }

    /// An in-flight exit as Ethereum holds it, with its provisional claims, and Ethereum's time.
    fn flight(&self, exit: &ExitId) -> Option<(InFlightExit, Vec<Claim>, u64)> {
        let place = self.site.contracts.in_flight;
        let mut chain = lock(&self.chain);
        let id = convert::exit_id(exit);
        let found: in_flight_exits::InFlightExit =
            chain.now().ask(place, in_flight_exits::InFlightExitsCall { id });
        let open = InFlightExit::read(&found)?;
        let mut claims = Vec::new();
        for slot in open.claimed_slots() {
            let asked = in_flight_exits::ClaimsCall { id, slot };
            claims.push(Claim::read(slot, &chain.now().ask(place, asked)));
        }
        let now_s = chain.head().observed.link.block.timestamp_s;
        Some((open, claims, now_s))
    }

    fn answer_challenge(&mut self, index: usize, exit: ExitId) -> Vec<Call> {
        let Some(told) = self.hosts[index].books.docket.challenge(&exit) else {
            self.notice(index, Notice::Over(Matter::Challenge(exit)));
            return Vec::new();
        };
        let truth = self.look_up(index, |archive| archive.rebuttal(&[told])).flatten();
        let contracts = self.site.contracts;
        truth
            .map(|truth| contracts.rebut_challenge_call(&exit, &truth))
            .into_iter()
            .collect()
    }

    /// The federation is over: somebody says so, and after the grace halts it.
    fn announce_end(&mut self, index: usize) -> Vec<Call> {
        let contracts = self.site.contracts;
        if self.last_valid() < UNLIMITED {
            self.notice(index, Notice::Over(Matter::Silence));
            return Vec::new();
        }
        let mut chain = lock(&self.chain);
        let notice: federation::SilenceNotice = chain
            .now()
            .ask(contracts.federation, federation::SilenceNoticeCall);
        let latest: federation::Latest = chain.now().ask(contracts.federation, federation::LatestCall);
        let now_s = chain.head().observed.link.block.timestamp_s;
        if notice.halt_from == 0 || notice.number != latest.number {
            vec![contracts.announce_silence_call()]
        } else if now_s > notice.halt_from {
            vec![contracts.halt_if_silent_call()]
        } else {
            Vec::new()
        }
    }

    /// The highest height that counts on Ethereum.
    pub(in crate::sim) fn last_valid(&self) -> Height {
        let federation = self.site.contracts.federation;
        Height(lock(&self.chain).now().ask(federation, federation::LastValidCall))
    }

    /// Asks an operator's storage and book of anchors; what cannot be shown now is asked again.
    fn look_up<T>(
        &self,
        index: usize,
        question: impl FnOnce(&Archive<'_, plasma_node::storage::memory::MemoryReader>) -> Result<T, StorageError>,
    ) -> Option<T> {
        let host = &self.hosts[index];
        let reader = host.storage.reader();
        question(&Archive {
            reader: &reader,
            anchors: &host.books.anchors,
            anchored: self.anchored(),
            last_valid: self.last_valid(),
        })
        .ok()
    }

    fn notice(&mut self, index: usize, notice: Notice) {
        let event = Arrival::Event(Event::Noticed(notice));
        self.hosts[index].inbox.push_back(event);
        self.turn_soon(index);
    }
}

/// `lastValid` until the federation halts.
pub(in crate::sim) const UNLIMITED: Height = Height(u32::MAX);
