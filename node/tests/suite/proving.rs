//! Finalizations that come to an operator whose engine does not judge them.

use plasma_consensus::Message;
use plasma_core::{Certificate, Epoch, View};
use plasma_node::{
    directory::Directory,
    intake,
    operator::{
        effect::Effect,
        event::{Event, Finding, Proven},
    },
    runtime::{
        finds::finds,
        verify::{Job, Pool, Rules, Verified},
    },
    storage::{Read as _, Storage as _},
};

use super::{
    cast::committee,
    federation::funded,
    world::{World, name},
};

/// The operator without a seat.
const OBSERVER: usize = 4;

/// A federation with a block, a finalization that its observer has not heard of, and one that nobody signed.
fn observed() -> (World, Certificate, Certificate) {
    let (mut world, ..) = funded();
    let reader = world.nodes[0].storage.reader();
    let found = reader
        .certificate_covering(plasma_core::Height(1))
        .expect("reads");
    let (_, genuine) = found.expect("certified");
    let false_one = Certificate {
        view: View(99),
        ..genuine.clone()
    };
    world.add();
    (world, genuine, false_one)
}

/// What the observer does about an event.
fn handle(world: &mut World, event: Event) -> Vec<Effect> {
    let now = world.now;
    let operator = world.nodes[OBSERVER].operator.as_mut().expect("runs");
    operator.handle(now, event)
}

fn hear(world: &mut World, from: usize, certificate: &Certificate) -> Vec<Effect> {
    let event = Event::Consensus {
        from: name(from),
        message: Box::new(Message::Certified(certificate.clone().into())),
        block: None,
    };
    handle(world, event)
}

/// Whose finalization is to be proven.
fn proves(effects: &[Effect]) -> Option<usize> {
    effects.iter().find_map(|effect| match effect {
        Effect::Prove { from, .. } => (0..OBSERVER).find(|place| name(*place) == *from),
        _ => None,
    })
}

fn is_behind(world: &World) -> bool {
    let operator = world.nodes[OBSERVER].operator.as_ref().expect("runs");
    operator.status().behind
}

#[test]
fn a_finalization_is_proven_before_it_is_believed_and_a_false_one_costs_its_sender() {
    let (mut world, genuine, false_one) = observed();
    assert_eq!(proves(&hear(&mut world, 1, &false_one)), Some(1));
    assert_eq!(proves(&hear(&mut world, 2, &genuine)), None, "one at a time");
    assert!(!is_behind(&world), "nothing is believed unproven");
    let checks = world.checks(OBSERVER);
    let proven = intake::finalization(name(1), Box::new(false_one), &checks);
    let effects = handle(&mut world, Event::Proven(proven));
    let penalized: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Penalize { peer, .. } => Some(*peer),
            _ => None,
        })
        .collect();
    assert_eq!(penalized, [name(1)]);
    assert_eq!(proves(&effects), Some(2), "the next one's turn");
    assert!(!is_behind(&world));
    // Whom the pool had no time for is not to blame.
    let unknown = Proven {
        from: name(2),
        certificate: Box::new(genuine.clone()),
        finding: Finding::Unknown,
    };
    let effects = handle(&mut world, Event::Proven(unknown));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Penalize { .. }))
    );
    assert!(!is_behind(&world));
    assert_eq!(proves(&hear(&mut world, 3, &genuine)), Some(3));
    let proven = intake::finalization(name(3), Box::new(genuine.clone()), &checks);
    handle(&mut world, Event::Proven(proven));
    assert!(is_behind(&world), "a block is final that it lacks");
    assert_eq!(proves(&hear(&mut world, 0, &genuine)), None, "it is known");
}

/// Views that have nothing new propose the tip again.
#[test]
fn a_decided_block_that_is_final_once_more_leaves_nobody_behind() {
    let (mut world, genuine, _) = observed();
    let proven = |certificate| {
        Event::Proven(Proven {
            from: name(1),
            certificate: Box::new(certificate),
            finding: Finding::Genuine,
        })
    };
    world.handle(OBSERVER, proven(genuine.clone()));
    assert!(is_behind(&world));
    let height = plasma_core::Height(1);
    world.run_until("the observer has the block", 10_000, |world| {
        world.heights()[OBSERVER] == Some(height)
    });
    assert!(!is_behind(&world));
    let again = Certificate {
        view: View(genuine.view.0 + 7),
        ..genuine
    };
    world.handle(OBSERVER, proven(again));
    assert!(!is_behind(&world));
}

/// An announced committee can be replaced, and an honest member's finalization would look false then.
#[test]
fn a_finalization_of_a_committee_to_come_is_not_looked_at_before_its_activation() {
    let (mut world, genuine, _) = observed();
    let next = committee(1, &[3, 2, 1, 0]);
    let (epoch, hash) = (Epoch(1), next.hash());
    let of_next = Certificate { epoch, ..genuine };
    handle(&mut world, Event::Committee(next.into()));
    assert_eq!(proves(&hear(&mut world, 1, &of_next)), None);
    handle(&mut world, Event::Activated { epoch, hash });
    assert_eq!(proves(&hear(&mut world, 1, &of_next)), Some(1));
}

#[test]
fn the_pool_tells_genuine_finalizations_from_false_ones() {
    let (world, genuine, false_one) = observed();
    let (found, mut finds) = finds(8);
    let rules = Rules {
        domain: world.genesis.domain(),
        directory: Directory::new(&world.genesis).expect("a committee"),
        block_bytes_max: 1 << 20,
    };
    let pool = Pool::start(rules, 1, &found);
    for (certificate, expected) in [(genuine, Finding::Genuine), (false_one, Finding::False)] {
        let certificate = Box::new(certificate);
        let from = name(1);
        pool.submit(Job::Finalization { from, certificate })
            .expect("has room");
        let told = finds.urgent.blocking_recv();
        assert!(
            matches!(&told, Some(Verified::Finalization(proven)) if proven.finding == expected && proven.from == name(1)),
            "{told:?}"
        );
    }
}
