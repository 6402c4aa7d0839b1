//! Finalizations that no engine of ours judges: whose signatures are verified next.
//!
//! Who has no seat, or lags an epoch, hears of finalizations all the same. Each is proven outside of the loop before anything
//! follows from it, one at a time: a genuine one mostly makes the others needless, which every member sends too. Of each
//! member the newest waits, so whoever sends false ones takes nobody's place, and is penalized for each.

use std::{collections::BTreeMap, ops::Bound};

use plasma_consensus::{Message, scheme::OperatorKey};
use plasma_core::{Certificate, Peer};

use super::{
    Operator,
    effect::Effect,
    event::{Finding, Proven},
};

/// The finalizations that wait, one of each connected member at most.
#[derive(Debug, Default)]
pub(super) struct Proving {
    waiting: BTreeMap<Peer, Certificate>,
    /// Whether one is being proven.
    is_busy: bool,
    /// Whose was proven last: the next in turn follows.
    last: Option<Peer>,
}

impl Proving {
    /// Files a member's finalization in the place of an older one.
    fn file(&mut self, from: Peer, certificate: Certificate) {
        let known = self.waiting.get(&from);
        if known.is_none_or(|known| known.at() < certificate.at()) {
            self.waiting.insert(from, certificate);
        }
    }

    /// Forgets what a member sent that is no longer connected.
    pub(super) fn on_peer_down(&mut self, peer: Peer) {
        self.waiting.remove(&peer);
    }

    /// The next to be proven among those that still tell something.
    fn next(&mut self, tells: impl Fn(&Certificate) -> bool) -> Option<(Peer, Certificate)> {
        self.waiting.retain(|_, certificate| tells(certificate));
        if self.is_busy {
            return None;
        }
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut turn = self.waiting.range((after, Bound::Unbounded));
        let next = turn.next().or_else(|| self.waiting.iter().next());
        let peer = next.map(|(peer, _)| *peer)?;
        let certificate = self.waiting.remove(&peer)?;
        (self.is_busy, self.last) = (true, Some(peer));
        Some((peer, certificate))
    }
}

impl<S: OperatorKey> Operator<S> {
    /// A message that no engine of ours judges.
    pub(super) fn hear(&mut self, from: Peer, message: &Message) {
        let Message::Certified(certified) = message else {
            return;
        };
        if let Some(certificate) = certified.finalization().filter(|one| self.tells(one)) {
            self.proving.file(from, certificate);
        }
    }

    /// Has the next finalization proven that waits for it.
    pub(super) fn prove(&mut self, effects: &mut Vec<Effect>) {
        let mut proving = std::mem::take(&mut self.proving);
        let next = proving.next(|certificate| self.tells(certificate));
        self.proving = proving;
        effects.extend(next.map(|(from, certificate)| Effect::Prove {
            from,
            certificate: Box::new(certificate),
        }));
    }

    /// A finalization was proven, or could not be.
    pub(super) fn on_proven(&mut self, proven: Proven, effects: &mut Vec<Effect>) {
        let Proven {
            from,
            certificate,
            finding,
        } = proven;
        self.proving.is_busy = false;
        match finding {
            Finding::Genuine => self.chain.on_final(*certificate),
            Finding::False => effects.push(Effect::Penalize {
                peer: from,
                reason: format!(
                    "sent a finalization of view {} that no quorum signed",
                    certificate.view.0
                ),
            }),
            // The others send theirs, and who has no seat asks besides.
            Finding::Unknown => {}
        }
    }

    /// Whether something follows from a finalization, and its signers are certain: what is announced for an epoch to come may
    /// not be what is activated, and then an honest member's certificate would look like a false one.
    fn tells(&self, certificate: &Certificate) -> bool {
        self.chain.is_news(certificate)
            && !self.chain.is_final(&certificate.block)
            && self.epochs.is_certain(certificate.epoch)
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{Bitmap, BlockId, Epoch, Hash, SecretKey, View};

    use super::*;

    fn peer(number: u8) -> Peer {
        Peer(Hash([number; 32]))
    }

    fn certificate(view: u64) -> Certificate {
        Certificate {
            epoch: Epoch(0),
            view: View(view),
            block: BlockId(Hash([1; 32])),
            signers: Bitmap::default(),
            signature: SecretKey::from_seed(&[1; 32]).sign(&Hash([2; 32])),
        }
    }

    fn views(proving: &mut Proving) -> Vec<(Peer, u64)> {
        std::iter::from_fn(|| {
            proving.is_busy = false;
            proving.next(|_| true)
        })
        .map(|(peer, certificate)| (peer, certificate.view.0))
        .collect()
    }

    #[test]
    fn one_is_proven_at_a_time_and_the_members_take_turns() {
        let mut proving = Proving::default();
        for number in [1, 2, 3] {
            proving.file(peer(number), certificate(5));
        }
        assert!(proving.next(|_| true).is_some_and(|(from, _)| from == peer(1)));
        assert!(proving.next(|_| true).is_none(), "one is under way");
        // Who was heard comes last, however much it sends.
        proving.file(peer(1), certificate(9));
        assert_eq!(views(&mut proving), [(peer(2), 5), (peer(3), 5), (peer(1), 9)]);
    }

    #[test]
    fn the_newest_of_each_member_waits_until_it_tells_nothing_or_the_member_is_gone() {
        let mut proving = Proving::default();
        for view in (1..1_000).chain([3]) {
            proving.file(peer(1), certificate(view));
        }
        proving.file(peer(2), certificate(4));
        proving.file(peer(3), certificate(2_000));
        assert_eq!(proving.waiting.len(), 3);
        proving.on_peer_down(peer(3));
        assert!(
            proving
                .next(|one| one.view > View(10))
                .is_some_and(|(from, one)| from == peer(1) && one.view == View(999))
        );
        assert!(views(&mut proving).is_empty(), "the others told nothing");
    }
}
