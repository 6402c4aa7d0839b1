//! The judge: sees what honest members say and decide, and shares no code with the engine.
//!
//! Byzantine members are taken to vote for everything, so a quorum counts as reached as soon as the honest votes
//! and all Byzantine members suffice: a violation shows before anybody assembles the certificate.

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Certified, Container, Evidence, Record, Statement, Vote};
use plasma_core::{BlockId, Certificate, View};

use super::{blocks::Blocks, marks::Marks};

/// An invariant that broke; the number is that of `simulation.md` section 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

/// Everything said and decided so far.
#[derive(Debug)]
pub(crate) struct Oracle {
    n: u16,
    /// Who lies, one bit each.
    liars: u128,
    /// Signers by statement.
    votes: BTreeMap<Statement, u128>,
    /// What honest members said by (member, view), over all their lives.
    said: BTreeMap<(u16, View), Vec<Statement>>,
    /// What is in the synced log of each member.
    durable: BTreeSet<(u16, Statement)>,
    notarized: BTreeMap<View, Container>,
    nullified: BTreeSet<View>,
    finalized: BTreeMap<View, BlockId>,
    /// The one history: block by height.
    history: Vec<BlockId>,
    floors: BTreeMap<u16, View>,
    certificates: BTreeSet<(View, bool)>,
    /// How a view ended first for whom: by its notarization, by its nullification.
    ends: BTreeMap<View, [u128; 2]>,
    /// Checks that a test of broken rules leaves out, to show that the others suffice.
    pub(crate) is_deaf_to_members: bool,
    pub(crate) violation: Option<Violation>,
}

impl Oracle {
    pub(crate) fn new(n: u16, liars: u128) -> Self {
        Self {
            n,
            liars,
            votes: BTreeMap::new(),
            said: BTreeMap::new(),
            durable: BTreeSet::new(),
            notarized: BTreeMap::new(),
            nullified: BTreeSet::new(),
            finalized: BTreeMap::new(),
            history: vec![Blocks::genesis()],
            floors: BTreeMap::new(),
            certificates: BTreeSet::new(),
            ends: BTreeMap::new(),
            is_deaf_to_members: false,
            violation: None,
        }
    }

    /// Reports a broken invariant; the first one counts.
    pub(crate) fn object(&mut self, invariant: &'static str, what: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { invariant, what });
        }
    }

    fn quorum(&self) -> u32 {
        u32::from(self.n - (self.n - 1) / 3)
    }

    /// A record of an honest member reached its disk. A vote counts from here on: its maker will never deny it.
    pub(crate) fn on_durable(&mut self, member: u16, record: &Record, blocks: &Blocks, marks: &mut Marks) {
        match record {
            Record::Vote(vote) => self.on_cast(member, vote.statement, blocks),
            Record::Certificate(certified) => {
                let view = certified.statement.view();
                let is_notarization = matches!(certified.statement, Statement::Notarize(_));
                self.certificates.insert((view, is_notarization));
                self.on_end(member, view, is_notarization);
                if self.certificates.contains(&(view, !is_notarization)) {
                    marks.hit("view both notarized and nullified");
                }
            }
            _ => {}
        }
    }

    fn on_end(&mut self, member: u16, view: View, is_notarization: bool) {
        let ends = self.ends.entry(view).or_default();
        if (ends[0] | ends[1]) >> member & 1 == 0 {
            ends[usize::from(!is_notarization)] |= 1 << member;
        }
    }

    /// The longest row of views that ended in two ways, neither of them for a quorum.
    pub(crate) fn halved_in_a_row(&self) -> u64 {
        let is_halved = |ends: &[u128; 2]| {
            ends.iter()
                .all(|side| *side > 0 && side.count_ones() < self.quorum())
        };
        let (mut row, mut longest, mut before) = (0, 0, View(0));
        for (view, _) in self.ends.iter().filter(|(_, ends)| is_halved(ends)) {
            row = if view.0 == before.0 + 1 { row + 1 } else { 1 };
            (longest, before) = (row.max(longest), *view);
        }
        longest
    }

    fn on_cast(&mut self, member: u16, statement: Statement, blocks: &Blocks) {
        self.durable.insert((member, statement));
        if !self.is_deaf_to_members {
            self.check_member(member, statement);
        }
        self.said
            .entry((member, statement.view()))
            .or_default()
            .push(statement);
        *self.votes.entry(statement).or_default() |= 1 << member;
        self.on_reached(statement, blocks);
    }

    /// An honest member sends a vote, first or again.
    pub(crate) fn on_vote(&mut self, member: u16, vote: &Vote) {
        if vote.signer.0 != member {
            self.object("S5", format!("{member} sends a vote of {:?}", vote.signer));
        }
        if !self.durable.contains(&(member, vote.statement)) {
            self.object(
                "S6",
                format!("{member} sends {:?} before it is durable", vote.statement),
            );
        }
    }

    fn check_member(&mut self, member: u16, statement: Statement) {
        let said = self
            .said
            .get(&(member, statement.view()))
            .cloned()
            .unwrap_or_default();
        for earlier in said {
            let conflict = match (earlier, statement) {
                (Statement::Notarize(a), Statement::Notarize(b)) => a != b,
                (Statement::Finalize { block: a, .. }, Statement::Finalize { block: b, .. }) => a != b,
                (Statement::Nullify { .. }, Statement::Finalize { .. })
                | (Statement::Finalize { .. }, Statement::Nullify { .. }) => true,
                _ => false,
            };
            if conflict {
                self.object("S5", format!("{member} says {earlier:?} and {statement:?}"));
            }
        }
    }

    fn is_reached(&self, statement: &Statement) -> bool {
        let honest = self.votes.get(statement).copied().unwrap_or_default() & !self.liars;
        honest > 0 && honest.count_ones() + self.liars.count_ones() >= self.quorum()
    }

    /// From now on a member may say anything, about every view.
    pub(crate) fn corrupt(&mut self, member: u16, blocks: &Blocks) {
        self.liars |= 1 << member;
        // In the order of the kinds: what is final needs its notarizations known.
        let statements: Vec<Statement> = self.votes.keys().copied().collect();
        for statement in statements {
            self.on_reached(statement, blocks);
        }
    }

    fn on_reached(&mut self, statement: Statement, blocks: &Blocks) {
        if !self.is_reached(&statement) {
            return;
        }
        let view = statement.view();
        match statement {
            Statement::Notarize(container) => {
                let first = *self.notarized.entry(view).or_insert(container);
                if first != container {
                    self.object("S2", format!("{first:?} and {container:?} are notarized"));
                }
            }
            Statement::Nullify { .. } => {
                self.nullified.insert(view);
            }
            Statement::Finalize { block, .. } => {
                if self.finalized.insert(view, block).is_none() {
                    self.check_ancestry(view, block, blocks);
                    self.extend_history(view, block, blocks);
                }
            }
        }
        if self.finalized.contains_key(&view) && self.nullified.contains(&view) {
            self.object("S3", format!("{view:?} is finalized and nullified"));
        }
    }

    /// S4: a finalized container and all its ancestors are notarized, what they skip is nullified.
    fn check_ancestry(&mut self, view: View, block: BlockId, blocks: &Blocks) {
        let (mut at, mut expected) = (view, block);
        while at.0 > 0 {
            let Some(container) = self.notarized.get(&at).copied() else {
                return self.object(
                    "S4",
                    format!("{at:?} is an ancestor of final {view:?} and not notarized"),
                );
            };
            if container.block != expected {
                let what = format!(
                    "{at:?} notarized {:?}, its heir needs {expected:?}",
                    container.block
                );
                return self.object("S4", what);
            }
            let skipped = (container.parent.0 + 1..at.0).find(|view| !self.nullified.contains(&View(*view)));
            if let Some(skipped) = skipped {
                return self.object(
                    "S4",
                    format!("{at:?} skips view {skipped}, which is not nullified"),
                );
            }
            let parent = match self.notarized.get(&container.parent) {
                Some(parent) => parent.block,
                None => Blocks::genesis(),
            };
            expected = if parent == container.block {
                container.block
            } else {
                blocks.block(container.block).parent
            };
            at = container.parent;
            if self.finalized.contains_key(&at) {
                return;
            }
        }
        if expected != Blocks::genesis() {
            self.object("S4", format!("final {view:?} does not descend from genesis"));
        }
    }

    /// S1: whatever becomes final extends the one history or lies on it.
    fn extend_history(&mut self, view: View, block: BlockId, blocks: &Blocks) {
        if !blocks.block(block).is_valid {
            self.object("S7", format!("{block:?}, final in {view:?}, breaks a rule"));
        }
        let mut path = Vec::new();
        let mut at = block;
        loop {
            let height = usize::try_from(blocks.block(at).height).expect("fits");
            match self.history.get(height) {
                Some(known) if *known == at => break,
                Some(known) => {
                    let known = *known;
                    return self.object("S1", format!("{at:?} and {known:?} are final at height {height}"));
                }
                None => path.push(at),
            }
            at = blocks.block(at).parent;
        }
        self.history.extend(path.into_iter().rev());
    }

    /// An honest member reports finality; `from` is its last final block, `path` what it reported, if it knew.
    pub(crate) fn on_final(
        &mut self,
        member: u16,
        certificate: &Certificate,
        path: Option<(BlockId, &[(View, BlockId)])>,
        blocks: &Blocks,
    ) {
        let view = certificate.view;
        let certified = Certified::from(certificate.clone());
        self.check_certificate(member, &certified);
        if self.finalized.get(&view) != Some(&certificate.block) {
            self.object(
                "S1",
                format!("{member} holds {view:?} final with a block nobody finalized"),
            );
        }
        let floor = self.floors.entry(member).or_default();
        if *floor >= view {
            let floor = *floor;
            self.object(
                "S1",
                format!("floor of {member} moves from {floor:?} to {view:?}"),
            );
        } else {
            *floor = view;
        }
        let Some((mut tip, path)) = path else { return };
        for (proposed, block) in path {
            if blocks.block(*block).parent != tip || *proposed > view {
                self.object(
                    "S10",
                    format!("path of {member} to {view:?} has a gap before {block:?}"),
                );
            }
            tip = *block;
        }
        if tip != certificate.block {
            self.object(
                "S10",
                format!("path of {member} ends in {tip:?}, not in {:?}", certificate.block),
            );
        }
    }

    /// S9: every honest signer of a certificate said it.
    fn check_certificate(&mut self, member: u16, certified: &Certified) {
        let said = self.votes.get(&certified.statement).copied().unwrap_or_default();
        let honest = !self.liars;
        let bits = certified.signers.to_u128();
        if bits.count_ones() < self.quorum() || bits & honest & !said != 0 {
            self.object(
                "S9",
                format!(
                    "{member} holds a certificate of {:?} that is none",
                    certified.statement
                ),
            );
        }
    }

    /// A restarted member begins at what it stored.
    pub(crate) fn on_restart(&mut self, member: u16, floor: View) {
        self.floors.insert(member, floor);
    }

    /// S13: only Byzantine members are accused.
    pub(crate) fn on_evidence(&mut self, evidence: &Evidence) {
        let offender = evidence.offender().0;
        if self.liars >> offender & 1 == 0 && !self.is_deaf_to_members {
            self.object("S13", format!("evidence against honest {offender}: {evidence:?}"));
        }
    }

    /// The newest final view.
    pub(crate) fn newest_final(&self) -> View {
        self.finalized
            .last_key_value()
            .map(|(view, _)| *view)
            .unwrap_or_default()
    }

    /// The last block of the one history.
    pub(crate) fn tip(&self) -> BlockId {
        *self.history.last().expect("begins with genesis")
    }

    /// How many blocks are final.
    pub(crate) fn final_height(&self) -> usize {
        self.history.len() - 1
    }
}
