//! Duties as calls, as the runtime's desk makes them: what Ethereum shows done is left, proofs come out of the operator's
//! own storage and book of anchors. Mock signatures are signed again for real, if they verify.

mod answers;

use std::sync::Arc;

use plasma_consensus::{Evidence, scheme::Verifier as _};
use plasma_core::{Certificate, ExitId, Header, Height, Spender};
use plasma_node::{
    answers::Archive,
    bridge::{Anchor, account::Call},
    operator::effect::Effect,
    runtime::l1::contradiction,
    storage::Storage as _,
};

use super::{ethereum::lock, scheme::Mock, world::World};

impl World {
    /// Does what an operator asked for.
    pub(super) fn do_duty(&mut self, index: usize, effect: Effect) {
        if !self.hosts[index].is_up() || lock(&self.hosts[index].eye.sight).is_silent {
            return;
        }
        let calls: Vec<Call> = match effect {
            Effect::Anchor { header, certificate } => self.anchor(header, &certificate).into_iter().collect(),
            Effect::Challenge { exit, spender } => self.challenge(index, exit, spender),
            Effect::Answer(matter) => self.answer(index, matter),
            Effect::Convict(evidence) => self.convict(&evidence).into_iter().collect(),
            // A case takes a quorum that lies, and never so many do.
            _ => Vec::new(),
        };
        for call in calls {
            let label = call.label.clone();
            self.note(&[b"duty", label.as_bytes()], || {
                format!("operator {index} sends {label}")
            });
            lock(&self.chain).send(self.site.account(index), call);
        }
    }

    /// The height of the newest anchor on Ethereum.
    pub(super) fn anchored(&self) -> Height {
        let chain = lock(&self.chain);
        let anchors = chain
            .blocks
            .iter()
            .rev()
            .flat_map(|mined| mined.observed.anchors.iter().rev());
        anchors.map(|anchor| anchor.height).next().unwrap_or_default()
    }

    fn anchor(&mut self, header: Header, certificate: &Certificate) -> Option<Call> {
        if self.anchored() >= header.height || self.is_cut_off() {
            return None;
        }
        let epoch = self.oracle.epoch_of(header.height);
        let committee = self.line.of(epoch);
        let certificate = committee.and_then(|one| self.site.signed_for_real(one, certificate));
        let Some(certificate) = certificate else {
            self.oracle.report(
                "certificates",
                format!("the anchor of {} has no quorum", header.height),
            );
            return None;
        };
        self.marks.hit("an anchor");
        self.site
            .contracts
            .anchor_call(&Anchor { header, certificate })
            .ok()
    }

    fn challenge(&mut self, index: usize, exit: ExitId, spender: Spender) -> Vec<Call> {
        let host = &self.hosts[index];
        let reader = host.storage.reader();
        let archive = Archive {
            reader: &reader,
            anchors: &host.books.anchors,
            anchored: self.anchored(),
            last_valid: self.last_valid(),
        };
        let Ok(Some(proof)) = archive.spend(exit, spender) else {
            return Vec::new();
        };
        self.marks.hit("a challenge");
        let contracts = self.site.contracts;
        let challenge = contracts.challenge_call(&proof);
        if proof.inputs.is_empty() {
            return vec![challenge];
        }
        self.marks.hit("inputs were shown");
        vec![
            contracts.show_inputs_call(&proof.spender, &proof.inputs),
            challenge,
        ]
    }

    fn convict(&mut self, evidence: &Evidence) -> Option<Call> {
        let epoch = evidence.votes().0.epoch;
        let committee = Arc::clone(self.line.of(epoch)?);
        let offender = self.line.operator(epoch, evidence.offender())?;
        if self.scenario.is_honest(offender) {
            self.oracle
                .report("accusations", format!("honest operator {offender} is convicted"));
        }
        let mut proof = contradiction(evidence);
        let (one, other) = evidence.votes();
        let verifier = Mock::of(0, &committee);
        let site = Arc::clone(&self.site);
        for (statement, vote) in [(&mut proof.one, one), (&mut proof.other, other)] {
            let digest = vote.statement.digest(&site.domain, vote.epoch);
            if !verifier.verify_one(vote.signer, &digest, &vote.signature) {
                self.oracle
                    .report("accusations", format!("a vote of {offender} that nobody signed"));
                return None;
            }
            statement.signature = site.sign(&committee, &statement.signers, &digest);
        }
        self.marks.hit("a conviction");
        self.oracle.convicted.insert(offender);
        site.contracts.contradiction_call(&proof).ok()
    }
}
