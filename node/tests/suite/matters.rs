//! Whose duty it is to answer a claim on Ethereum, and when it is nobody's.

use plasma_core::{
    DepositNumber, ExitId, Hash, Height, L1Event, L1Height, Millis, OperatorIndex, Position, SigningKey,
    Spender,
};
use plasma_node::{
    operator::{
        effect::Effect,
        event::Event,
        guardian::{Duties, Guardian},
        matters::{Matter, Notice},
        report::{AnchorSeen, Concern},
    },
    storage::{Read as _, Storage as _},
};

use super::{
    cast::{genesis, user},
    world::World,
};

const SILENCE_S: u64 = 100;
const GRACE_S: u64 = 10;
const DEPLOYED_S: u64 = 1_000;
const TAKEOVER_MS: u64 = 1_000;

/// Operator 1 of four.
fn guardian() -> Guardian {
    let duties = Duties::of(&genesis(), (SILENCE_S, GRACE_S)).of_committee(None, Some(OperatorIndex(1)));
    Guardian::new(duties, None, DEPLOYED_S, Millis(0))
}

fn answers(guardian: &mut Guardian, at: u64) -> Vec<Matter> {
    let due = guardian.due(Millis(at)).into_iter();
    due.filter_map(|effect| match effect {
        Effect::Answer(matter) => Some(matter),
        _ => None,
    })
    .collect()
}

fn exit(number: u8) -> ExitId {
    let mut id = [0; 32];
    id[31] = number;
    ExitId(Hash(id))
}

#[test]
fn a_matter_is_the_duty_of_its_operator_first_and_of_the_next_by_takeover() {
    let mut guardian = guardian();
    for number in 0..4 {
        guardian.matters().open(Millis(0), Matter::InFlight(exit(number)));
    }
    let matter = |number| Matter::InFlight(exit(number));
    assert_eq!(answers(&mut guardian, 0), [matter(1)], "ours");
    assert_eq!(
        answers(&mut guardian, TAKEOVER_MS),
        [matter(0)],
        "of the one before us"
    );
    assert_eq!(answers(&mut guardian, 2 * TAKEOVER_MS), [matter(3)]);
    assert_eq!(answers(&mut guardian, 3 * TAKEOVER_MS), [matter(2)]);
    assert_eq!(
        answers(&mut guardian, 4 * TAKEOVER_MS),
        [matter(1)],
        "everybody had a turn"
    );
}

#[test]
fn something_new_begins_the_rota_again_and_an_answer_lets_it_rest() {
    let mut guardian = guardian();
    let matter = Matter::InFlight(exit(1));
    guardian.on_notice(Millis(0), &Notice::Stirred(matter));
    assert_eq!(answers(&mut guardian, 0), [matter]);
    assert_eq!(answers(&mut guardian, 500), []);
    guardian.on_notice(Millis(500), &Notice::Stirred(matter));
    assert_eq!(answers(&mut guardian, 500), [matter], "something new was claimed");
    guardian.on_notice(Millis(500), &Notice::Stirred(matter));
    guardian.on_notice(Millis(501), &Notice::Settled(matter));
    assert_eq!(answers(&mut guardian, 4_400), [], "it has its answer");
    assert_eq!(
        answers(&mut guardian, 4_501),
        [matter],
        "which Ethereum may have forgotten"
    );
    guardian.on_notice(Millis(4_600), &Notice::Over(matter));
    assert_eq!(answers(&mut guardian, 60_000), []);
}

#[test]
fn an_exit_that_ended_needs_no_answer() {
    let mut guardian = guardian();
    for matter in [Matter::InFlight(exit(1)), Matter::Challenge(exit(1))] {
        guardian.on_notice(Millis(0), &Notice::Stirred(matter));
    }
    guardian.on_exit_settled(Millis(0), &exit(1));
    assert_eq!(
        answers(&mut guardian, 3_000),
        [],
        "it may come back by a reorganisation"
    );
    assert_eq!(answers(&mut guardian, 4_000).len(), 2);
    guardian.on_exit_ended(&exit(1));
    assert_eq!(answers(&mut guardian, 60_000), []);
}

#[test]
fn only_a_federation_that_can_never_anchor_again_is_halted() {
    let last_s = DEPLOYED_S + SILENCE_S + 2 * GRACE_S;
    let mut guardian = guardian();
    guardian.on_l1_time(Millis(0), last_s);
    assert_eq!(
        answers(&mut guardian, 60_000),
        [],
        "an anchor would still be taken"
    );
    guardian.on_l1_time(Millis(60_000), last_s + 1);
    assert_eq!(answers(&mut guardian, 120_000), [Matter::Silence]);
    guardian.on_halted();
    guardian.on_l1_time(Millis(120_000), last_s + 2);
    assert_eq!(answers(&mut guardian, 240_000), [], "it is halted");
}

#[test]
fn an_anchor_ends_the_silence() {
    let mut guardian = guardian();
    guardian.on_l1_time(Millis(0), DEPLOYED_S + SILENCE_S + 2 * GRACE_S + 1);
    let anchor = AnchorSeen {
        number: 1,
        height: Height(1),
        history_root: Hash::ZERO,
        l1_height: L1Height(1),
        time_s: DEPLOYED_S + SILENCE_S,
    };
    guardian.on_anchored(Millis(1), anchor);
    assert_eq!(answers(&mut guardian, 60_000), []);
}

fn funded() -> (World, SigningKey, SigningKey, Position) {
    let (mut world, alice, bob) = (World::new(), user(1), user(2));
    world.run_for(500);
    world.deposit(0, &alice, 1_000);
    world.run_until("the deposit is credited everywhere", 5_000, |world| {
        world.all_hold(&alice, 1_000)
    });
    let (position, _) = world.holdings(0, &alice)[0];
    (world, alice, bob, position)
}

fn asked(world: &World, node: usize, matter: Matter) -> bool {
    let duties = world.nodes[node].duties.iter();
    duties
        .filter(|duty| matches!(duty, Effect::Answer(found) if *found == matter))
        .count()
        > 0
}

fn anybody(world: &World, matter: Matter) -> bool {
    (0..4).any(|node| asked(world, node, matter))
}

fn notice(world: &mut World, notice: &Notice) {
    for node in 0..4 {
        let last = u64::MAX - 10 - u64::try_from(node).expect("small");
        let event = Event::Noticed(notice.clone());
        world.queue.insert((world.now, last), (node, event));
    }
    world.run_for(300);
}

fn forget(world: &mut World) {
    for node in &mut world.nodes {
        node.duties.clear();
    }
}

#[test]
fn the_reclaim_of_a_funded_deposit_is_a_duty_until_it_is_over() {
    let (mut world, ..) = funded();
    let matter = Matter::Reclaim(DepositNumber(0));
    notice(&mut world, &Notice::ReclaimStarted(DepositNumber(0)));
    assert!(
        asked(&world, 0, matter),
        "the deposit's number names the operator"
    );
    assert!(!asked(&world, 1, matter));
    world.run_for(4_000);
    assert!((0..4).all(|node| asked(&world, node, matter)), "nobody answered");
    notice(&mut world, &Notice::Over(matter));
    forget(&mut world);
    world.run_for(10_000);
    assert!(!anybody(&world, matter));
}

#[test]
fn the_reclaim_of_an_unfunded_deposit_is_a_duty_from_the_block_that_funds_it_on() {
    let (mut world, alice, ..) = funded();
    let matter = Matter::Reclaim(DepositNumber(1));
    notice(&mut world, &Notice::ReclaimStarted(DepositNumber(1)));
    world.run_for(6_000);
    assert!(!anybody(&world, matter), "its owner is right");
    world.deposit(1, &alice, 5);
    world.run_until("it is funded", 5_000, |world| world.all_hold(&alice, 1_005));
    world.run_for(5_000);
    assert!(anybody(&world, matter));
}

#[test]
fn the_in_flight_exit_of_a_double_spend_is_a_duty_also_after_a_restart_until_it_ended() {
    let (mut world, alice, bob, position) = funded();
    let paid = world.pay(&alice, (position, 1_000), &bob, 1_000);
    let other = world.pay(&alice, (position, 1_000), &alice, 999);
    world.submit(0, 1, paid);
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&bob, 1_000)
    });
    let (id, matter) = (exit(2), Matter::InFlight(exit(2)));
    world.mine(vec![L1Event::InFlightExitStarted {
        id,
        transaction: other.encode(),
    }]);
    world.run_until("somebody answers", 10_000, |world| anybody(world, matter));
    forget(&mut world);
    world.kill(3);
    world.start(3);
    world.run_until("the restarted one answers too", 10_000, |world| {
        asked(world, 3, matter)
    });
    world.mine(vec![L1Event::InFlightExitEnded {
        id,
        paid_outputs: 0,
        consumed_inputs: 0,
    }]);
    world.run_for(3_000);
    forget(&mut world);
    world.run_for(10_000);
    assert!(!anybody(&world, matter));
}

/// Its input is locked by another exit, so that it is not included; nothing was spent.
#[test]
fn an_in_flight_exit_of_which_the_ledger_knows_nothing_is_nobodys_duty_until_something_is_claimed() {
    let (mut world, alice, bob, position) = funded();
    world.mine(vec![L1Event::ExitStarted {
        id: exit(1),
        position,
        owner: alice.address(),
    }]);
    let payment = world.pay(&alice, (position, 1_000), &bob, 1_000);
    let matter = Matter::InFlight(exit(2));
    world.mine(vec![L1Event::InFlightExitStarted {
        id: exit(2),
        transaction: payment.encode(),
    }]);
    world.run_until("both are decided", 10_000, |world| {
        let reader = world.nodes[0].storage.reader();
        reader.exits().expect("reads").len() == 2
    });
    world.run_for(6_000);
    assert!(!anybody(&world, matter));
    notice(&mut world, &Notice::Stirred(matter));
    assert!(anybody(&world, matter));
}

#[test]
fn the_in_flight_exit_of_an_included_payment_is_watched() {
    let (mut world, alice, bob, position) = funded();
    let paid = world.pay(&alice, (position, 1_000), &bob, 1_000);
    let matter = Matter::InFlight(exit(2));
    world.mine(vec![L1Event::InFlightExitStarted {
        id: exit(2),
        transaction: paid.encode(),
    }]);
    world.run_until("the ledger includes it, and somebody looks", 10_000, |world| {
        world.all_hold(&bob, 1_000) && anybody(world, matter)
    });
}

#[test]
fn an_exit_that_nobody_challenges_is_late_when_everybody_had_a_turn() {
    let mut guardian = guardian();
    let spender = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let output = Position {
        block: Height(1),
        transaction: 0,
        output: 0,
    };
    guardian.on_dishonest_exit(Millis(0), exit(1), (output, spender));
    let is_late = |guardian: &mut Guardian, at: u64| {
        guardian.due(Millis(at));
        let concerns: Vec<Concern> = guardian.concerns().collect();
        let [
            Concern::DishonestExit {
                exit: id, is_late, ..
            },
        ] = concerns[..]
        else {
            panic!("{concerns:?}")
        };
        assert_eq!(id, exit(1));
        is_late
    };
    let round = 4 * TAKEOVER_MS;
    assert!(!is_late(&mut guardian, round - 1));
    assert!(is_late(&mut guardian, round));
    guardian.on_exit_settled(Millis(round), &exit(1));
    assert!(
        !is_late(&mut guardian, 3 * round),
        "it waits for its confirmation"
    );
    assert!(
        is_late(&mut guardian, round + 3_600_000),
        "a reorganisation took the challenge away"
    );
    guardian.on_exit_ended(&exit(1));
    assert_eq!(guardian.concerns().count(), 0);
}
