//! What is judged about epochs, from outside: decided blocks, votes and certificates.

use std::collections::BTreeSet;

use plasma_consensus::{Message, Vote};
use plasma_core::{Certificate, Epoch, Header, Height};
use plasma_node::storage::{Read as _, Storage as _};

use crate::sim::{scheme::is_certified, world::World};

/// A request may wait for twelve seconds for each of two liars.
const YOUNG_MS: u64 = 30_000;

/// What was seen of operators.
#[derive(Debug, Default)]
pub(in crate::sim) struct Seen {
    /// Who is in a certificate of which epoch.
    signed: BTreeSet<(Epoch, usize)>,
    /// Who decided an epoch's last block by a certificate of its own, in which life: it can tell others.
    enders: BTreeSet<(Epoch, usize, u64)>,
    /// The newest block that anybody decided long ago, and blocks since, with their moments.
    heights: Vec<(u64, Height)>,
}

impl World {
    /// Every epoch begins at the block that sealed the one before, at every honest operator.
    pub(super) fn check_epoch(&mut self, index: usize, epoch: Epoch, height: Height) {
        let expected = self.oracle.epoch_of(Height(height.0 + 1));
        if epoch != expected {
            let what = format!(
                "operator {index} is in epoch {} at height {height}, it is {}",
                epoch.0, expected.0
            );
            self.oracle.report("epochs", what);
        }
    }

    /// A block was decided with a certificate of its own.
    pub(in crate::sim) fn check_certificate(
        &mut self,
        index: usize,
        header: &Header,
        certificate: &Certificate,
    ) {
        let expected = self.oracle.epoch_of(header.height);
        let committee = self.line.of(expected);
        let is_good = committee.is_some_and(|committee| {
            certificate.block == header.id() && is_certified(committee, &self.site.domain, certificate)
        });
        if !is_good {
            let what = format!(
                "operator {index} decides {} of epoch {} by a certificate of epoch {}",
                header.height, expected.0, certificate.epoch.0
            );
            return self.oracle.report("certificates", what);
        }
        let operators: Vec<usize> = certificate
            .signers
            .iter()
            .filter_map(|seat| self.line.operator(expected, seat))
            .collect();
        let signed = operators.into_iter().map(|one| (expected, one));
        self.seen.signed.extend(signed);
        let is_last = self.oracle.epoch_of(Height(header.height.0 + 1)) > expected;
        if is_last && self.line.seat(expected, index).is_some() {
            let life = self.hosts[index].life;
            self.seen.enders.insert((expected, index, life));
        }
    }

    /// An honest operator votes in its own seat, and in no epoch that has not begun where it stands.
    pub(in crate::sim) fn check_vote(&mut self, index: usize, vote: &Vote) {
        let is_own = self.line.seat(vote.epoch, index) == Some(vote.signer);
        if !is_own {
            let what = format!(
                "operator {index} votes as {} of epoch {}",
                vote.signer, vote.epoch.0
            );
            return self.oracle.report("seats", what);
        }
        let tip = self.oracle.tip(index);
        let begun = self.oracle.epoch_of(Height(tip.0 + 1));
        if vote.epoch > begun {
            let what = format!("operator {index} votes in epoch {} at {tip}", vote.epoch.0);
            self.oracle.report("epochs", what);
        }
    }

    /// Certificates that honest operators hand on are signed by the committee of their epoch.
    pub(in crate::sim) fn check_certified(&mut self, index: usize, message: &Message) {
        let Message::Certified(certified) = message else {
            return;
        };
        let Some(certificate) = certified.finalization() else {
            return;
        };
        let committee = self.line.of(certificate.epoch);
        let is_good =
            committee.is_some_and(|committee| is_certified(committee, &self.site.domain, &certificate));
        if !is_good {
            let what = format!(
                "operator {index} hands on a certificate of epoch {} that its committee did not sign",
                certificate.epoch.0
            );
            self.oracle.report("certificates", what);
        } else {
            self.oracle.final_by_certificate.insert(certificate.block);
        }
    }

    /// An operator that does not know the coming committee has not come to the end of the epoch, long after the calm: then
    /// nobody who could tell it of the last block is connected with it.
    pub(super) fn check_laggard(&mut self, index: usize, ended: Epoch) {
        let enders = self.seen.enders.iter().filter(|(epoch, other, life)| {
            let host = &self.hosts[*other];
            let is_there = host.is_up() && host.life == *life && self.network.is_up[index][*other];
            *epoch == ended && is_there && self.scenario.is_honest(*other)
        });
        let tellers = enders.count();
        let has_seat = self.line.seat(ended, index).is_some();
        if has_seat && tellers > 0 && self.hosts[index].is_up() && self.scenario.is_honest(index) {
            let what = format!(
                "operator {index} does not hear of the end of epoch {} from {tellers} that know it",
                ended.0
            );
            self.oracle.report("laggards", what);
        }
    }

    /// Remembers when a height was decided first.
    pub(in crate::sim) fn see_height(&mut self, height: Height) {
        if self.seen.heights.last().is_none_or(|(_, known)| *known < height) {
            self.seen.heights.push((self.now, height));
        }
    }

    /// Whether all that is missing somewhere are blocks that are young: an idle chain goes on too, and who has no seat
    /// hears of a block when it asks, perhaps a liar first.
    pub(in crate::sim) fn lacks_young_only(&self) -> bool {
        let old = self.seen.heights.iter().rev();
        let mut old = old.filter(|(at, _)| at + YOUNG_MS <= self.now);
        let old = old.next().map_or(Height(0), |(_, height)| *height);
        let is_judged = |index: &usize| self.scenario.is_honest(*index) && self.is_inside(*index);
        let statuses = (0..self.hosts.len()).filter(is_judged).map(|index| {
            let operator = self.hosts[index].operator.as_ref();
            operator.map(plasma_node::operator::Operator::status)
        });
        let mut statuses = statuses;
        self.unsucceeded().is_none()
            && !self.clients.pending.values().any(|pending| pending.is_honest)
            && statuses.all(|status| status.is_some_and(|it| it.height >= old && it.mempool == 0))
    }

    /// An honest newcomer with a seat in the last epoch whose votes are in no certificate.
    pub(in crate::sim) fn unseen(&self) -> Option<usize> {
        let epoch = self.oracle.epoch_of(Height(self.oracle.height().0 + 1));
        let first = self.hosts.len() - self.fresh();
        (first..self.hosts.len()).find(|index| {
            self.line.seat(epoch, *index).is_some() && !self.seen.signed.contains(&(epoch, *index))
        })
    }

    fn fresh(&self) -> usize {
        self.hosts.len() - usize::from(self.scenario.n)
    }

    /// At the end: no vote for a block of another epoch, no certificate of one in storage.
    pub(in crate::sim) fn check_epochs(&mut self) {
        if self.succession.is_empty() {
            return;
        }
        if let Some(wrong) = self.oracle.strange_vote() {
            return self.oracle.report("epochs", wrong);
        }
        let top = self.oracle.height();
        let running = self.oracle.epoch_of(Height(top.0 + 1));
        let is_judged =
            |index: &usize| self.scenario.is_honest(*index) && self.line.is_inside(running, *index);
        let mut wrong = None;
        for index in (0..self.hosts.len()).filter(is_judged) {
            let reader = self.hosts[index].storage.reader();
            for height in (1..=top.0).map(Height) {
                let found = reader.certificate_covering(height).ok().flatten();
                let Some((at, certificate)) = found else {
                    continue;
                };
                let expected = self.oracle.epoch_of(at);
                let committee = self.line.of(expected);
                if !committee.is_some_and(|one| is_certified(one, &self.site.domain, &certificate)) {
                    wrong = Some(format!(
                        "operator {index} keeps a certificate of epoch {} for {at}, which is of epoch {}",
                        certificate.epoch.0, expected.0
                    ));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.oracle.report("certificates", wrong);
        }
    }
}
