//! What bad votes cost: halving finds who sent them, and who sent them waits outside for a while.

use std::cell::Cell;

use plasma_consensus::{Effect, Engine, Input, Message, Proposal, Schedule, Start, Statement, Vote};
use plasma_core::{Epoch, Millis, OperatorIndex, View, keccak};

use crate::{
    bench::{
        Bench, CONFIG, Counting, N, VALID, block, certified_by, container, finalize, genesis, leader,
        notarize, nullify, vote,
    },
    sim::{
        byzantine::domain,
        crypto::{Mock, shifted},
        world::committee,
    },
};

/// A committee around one engine, member 0; a view lasts one second.
struct Hall<'a> {
    engine: Engine<Counting<'a>>,
    checks: (&'a Cell<usize>, &'a Cell<usize>),
    n: u16,
    now: u64,
    parent: (u64, String),
}

impl<'a> Hall<'a> {
    fn new(n: u16, singles: &'a Cell<usize>, aggregates: &'a Cell<usize>) -> Self {
        let me = OperatorIndex(0);
        let start = Start {
            config: CONFIG,
            committee: committee(n),
            domain: domain(),
            me,
            scheme: Counting::new(Mock { me }, singles, aggregates),
            leaders: keccak(&[b"bench"]),
            floor: genesis(),
            now: Millis(0),
        };
        let mut hall = Self {
            engine: Engine::recover(start, &[]).0,
            checks: (singles, aggregates),
            n,
            now: 0,
            parent: (0, "genesis".to_owned()),
        };
        for peer in 1..n {
            hall.input(Input::PeerUp(OperatorIndex(peer)));
        }
        hall
    }

    fn quorum(&self) -> u16 {
        self.n - (self.n - 1) / 3
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        self.engine.step(Millis(self.now), input)
    }

    fn hear(&mut self, from: u16, message: Message) -> Vec<Effect> {
        let from = OperatorIndex(from);
        self.input(Input::Message { from, message })
    }

    /// Everybody votes, liars first and badly.
    fn votes(&mut self, statement: Statement, is_liar: &impl Fn(u16) -> bool) {
        let (liars, honest): (Vec<u16>, Vec<u16>) = (1..self.n).partition(|member| is_liar(*member));
        for member in liars {
            self.hear(member, Message::Vote(bad(member, statement)));
        }
        for member in honest {
            self.hear(member, Message::Vote(vote(member, statement)));
        }
    }

    /// One view; mine are nullified by the others.
    fn view(&mut self, is_liar: impl Fn(u16) -> bool) {
        self.now += 1_000;
        let view = self.engine.view().0;
        let leader = Schedule::new(&keccak(&[b"bench"]), usize::from(self.n))
            .leader(View(view))
            .0;
        if leader == 0 {
            let signers: Vec<u16> = (1..=self.quorum()).collect();
            self.hear(1, Message::Certified(certified_by(&signers, nullify(view))));
            assert_eq!(self.engine.view(), View(view + 1));
            return;
        }
        let name = format!("b{view}");
        let (parent, below) = self.parent.clone();
        let statement = notarize(view, parent, &name);
        let signed = if is_liar(leader) {
            bad(leader, statement)
        } else {
            vote(leader, statement)
        };
        let proposal = Proposal {
            epoch: Epoch(0),
            container: container(view, parent, &name),
            signature: signed.signature,
            parent: None,
            nullifications: Vec::new(),
        };
        self.hear(leader, Message::Proposal(Box::new(proposal)));
        self.input(Input::Verdict {
            block: block(&name),
            parent: block(&below),
            verdict: VALID,
        });
        self.votes(statement, &is_liar);
        self.votes(finalize(view, &name), &is_liar);
        assert_eq!(
            (self.engine.view(), self.engine.floor().view),
            (View(view + 1), View(view))
        );
        self.parent = (view, name);
    }

    fn checks(&self) -> usize {
        self.checks.0.get() + self.checks.1.get()
    }
}

/// A vote that does not verify, and does not cancel out with another one's.
fn bad(member: u16, statement: Statement) -> Vote {
    let mut bad = vote(member, statement);
    bad.signature = shifted(&bad.signature, 1 << (member + 1));
    bad
}

/// Verifications of a run in which these members lie in these views.
fn cost(n: u16, views: u64, lies: impl Fn(u64, u16) -> bool) -> usize {
    let (singles, aggregates) = (Cell::new(0), Cell::new(0));
    let mut hall = Hall::new(n, &singles, &aggregates);
    for view in 1..=views {
        hall.view(|member| lies(view, member));
    }
    hall.checks()
}

#[test]
fn without_liars_a_certificate_costs_one_verification() {
    let views = 62;
    let mine = views / 31;
    let happy = cost(31, views, |_, _| false);
    assert_eq!(happy, usize::try_from(2 * (views - mine) + mine).expect("fits"));
}

/// Linear search would cost 21, and again in every view.
#[test]
fn one_bad_vote_is_found_by_halving_wherever_it_comes_in() {
    let (quorum, levels) = (21usize, 5);
    for liar in 1..31 {
        let (singles, aggregates) = (Cell::new(0), Cell::new(0));
        let mut hall = Hall::new(31, &singles, &aggregates);
        let statement = notarize(1, 0, "a");
        for member in 1..31u16 {
            let vote = if member == liar {
                bad(member, statement)
            } else {
                vote(member, statement)
            };
            hall.hear(member, Message::Vote(vote));
        }
        assert_eq!(hall.engine.view(), View(2), "liar {liar}");
        // Found among the first quorum, or never looked at. When it is in the second half every time, each first half
        // proves it, and nothing else is looked at.
        let most = match usize::from(liar) {
            last if last == quorum => 2 + levels,
            inside if inside < quorum => 2 + 2 * levels,
            _ => 1,
        };
        assert!(
            hall.checks() <= most,
            "liar {liar}: {} verifications",
            hall.checks()
        );
    }
}

#[test]
fn all_liars_at_once_cost_less_than_two_looks_at_every_vote() {
    let (singles, aggregates) = (Cell::new(0), Cell::new(0));
    let mut hall = Hall::new(31, &singles, &aggregates);
    hall.view(|member| member > 20);
    // Twice the quorum for the hunt, one more for each of the two certificates.
    assert!(hall.checks() <= 2 * 21 + 2, "{}", hall.checks());
    let before = hall.checks();
    hall.view(|member| member > 20);
    assert_eq!(hall.checks() - before, 2, "in the next view they wait outside");
}

/// C18: f members that lie whenever they can, together or one after the other, at most double the work.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are worth reading")]
fn blame_costs_at_most_twice_the_happy_path() {
    let (n, faults, views) = (13u16, 4u16, 300);
    let happy = cost(n, views, |_, _| false);
    let together = cost(n, views, |_, member| member >= n - faults);
    // Each begins in a view of its own, so each hunt finds one liar.
    let in_turn = cost(n, views, |view, member| {
        member >= n - faults && view > u64::from(2 * (n - member))
    });
    println!(
        "n {n}, {views} views: {happy} verifications without liars, {together} with {faults} together, {in_turn} in turn"
    );
    assert!(together > happy && in_turn > happy, "somebody lied");
    assert!(
        together <= 2 * happy && in_turn <= 2 * happy,
        "{happy} {together} {in_turn}"
    );
}

#[test]
fn a_liar_that_mends_its_key_counts_again_without_a_new_message() {
    let mut bench = Bench::follower();
    let others: Vec<u16> = (0..N)
        .filter(|member| *member != bench.me && *member != leader(1))
        .collect();
    let (liar, honest) = (others[0], others[1]);
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let said = bench.hear(liar, Message::Vote(bad(liar, notarize(1, 0, "a"))));
    assert_eq!(said, [format!("penalize {liar} BadVote")]);
    // The leader is gone: only the mended member makes a quorum.
    bench.work();
    bench.vote(honest, nullify(1));
    bench.vote(liar, nullify(1));
    bench.wait(9_999);
    assert_eq!(bench.view(), 1, "it is not counted yet");
    let woken = bench
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Timer(Millis(10_000))));
    assert!(woken, "{:?}", bench.effects);
    bench.wait(1);
    assert_eq!(bench.view(), 2);
}

/// There is a false certificate for every view, and each look at one is a pairing in the loop that counts the votes.
#[test]
fn of_a_thousand_false_certificates_one_is_looked_at() {
    let (singles, aggregates) = (Cell::new(0), Cell::new(0));
    let mut bench = Bench::counting(0, &singles, &aggregates);
    let (liar, honest) = (bench.peers()[0], bench.peers()[1]);
    let signers: Vec<u16> = (1..N).collect();
    let genuine = |view| certified_by(&signers, nullify(view));
    let said: Vec<String> = (1..=1_000)
        .flat_map(|view| {
            let mut forged = genuine(view);
            forged.signature = shifted(&forged.signature, 1);
            bench.hear(liar, Message::Certified(forged))
        })
        .collect();
    assert_eq!(said, [format!("penalize {liar} BadCertificate")]);
    assert_eq!((singles.get(), aggregates.get()), (0, 1));
    bench.hear(liar, Message::Certified(genuine(1)));
    assert_eq!(bench.view(), 1, "nor at a genuine one");
    bench.hear(honest, Message::Certified(genuine(1)));
    assert_eq!(bench.view(), 2, "which the others have too");
    bench.wait(10_000);
    let view = bench.view();
    bench.hear(liar, Message::Certified(genuine(view)));
    assert_eq!(bench.view(), view + 1, "after a while it is believed again");
}

#[test]
fn a_doubted_members_contradiction_is_evidence_all_the_same() {
    let mut bench = Bench::follower();
    let others: Vec<u16> = (0..N)
        .filter(|member| *member != bench.me && *member != leader(1))
        .collect();
    let liar = others[0];
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.hear(liar, Message::Vote(bad(liar, notarize(1, 0, "a"))));
    bench.vote(liar, nullify(1));
    assert_eq!(bench.vote(liar, finalize(1, "a")), [format!("evidence {liar}")]);
}

/// Votes that lie in opposite directions pass together and count together; the certificate is as good as any.
#[test]
fn two_lies_that_cancel_out_make_a_genuine_certificate() {
    let mut bench = Bench::follower();
    let [a, b, c] = [bench.peers()[0], bench.peers()[1], bench.peers()[2]];
    let lie = |member, difference: u64| {
        let mut lie = vote(member, nullify(1));
        lie.signature = shifted(&lie.signature, difference);
        Message::Vote(lie)
    };
    bench.hear(a, lie(a, 5));
    bench.hear(b, lie(b, 5u64.wrapping_neg()));
    bench.hear(c, Message::Vote(vote(c, nullify(1))));
    assert_eq!(bench.view(), 2);
    let claim = bench.engine.claim().expect("a nullification");
    let is_signer = |member: &u16| claim.signers.contains(OperatorIndex(*member));
    assert!(is_signer(&a) && is_signer(&b), "both lies are in it");
    let absent = (0..N)
        .find(|member| !is_signer(member))
        .expect("a quorum is not all");
    let mut other = Bench::new(absent);
    other.hear(a, Message::Certified(claim));
    assert_eq!(other.view(), 2, "it convinces whoever checks it");
}
