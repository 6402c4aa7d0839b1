//! Two votes that contradict each other: found, written down, brought to Ethereum, and not forgotten in a crash.

use std::sync::Arc;

use plasma_consensus::{Bls, Evidence, Message, Statement, Vote};
use plasma_core::{
    Bitmap, BlockId, Committee, Epoch, GenesisMember, Hash, Height, Millis, OperatorIndex, View,
    bls::SecretKey,
};
use plasma_node::{
    operator::{
        Operator,
        effect::{Effect, Record},
        event::Event,
        guardian::{Duties, Guardian},
        matters::Notice,
        report::Concern,
    },
    runtime::log::{RecordError, read_record, write_record},
};

use super::{
    cast::{genesis, peer, secret},
    world::World,
};

const LIAR: OperatorIndex = OperatorIndex(0);
/// The operator behind the liar, whose duty it is first.
const FINDER: usize = 1;

fn vote(key: &SecretKey, epoch: Epoch, statement: Statement) -> Vote {
    Vote {
        epoch,
        signer: LIAR,
        statement,
        signature: key.sign(&statement.digest(&genesis().domain(), epoch)),
    }
}

/// What no operator says twice of one view: that it brought nothing, and that it decided this.
fn votes(key: &SecretKey, view: View) -> [Vote; 2] {
    votes_of(Epoch(0), key, view)
}

fn votes_of(epoch: Epoch, key: &SecretKey, view: View) -> [Vote; 2] {
    let block = BlockId(Hash([1; 32]));
    [Statement::Nullify { view }, Statement::Finalize { view, block }].map(|said| vote(key, epoch, said))
}

fn evidence([first, second]: [Vote; 2]) -> Evidence {
    let scheme = Bls::new(secret(1), genesis().committee().expect("a committee"));
    Evidence::new(first, second, &scheme, &genesis().domain()).expect("a contradiction")
}

fn convicted() -> Notice {
    Notice::Convicted(Epoch(0), Bitmap::from_iter([LIAR]))
}

/// A world that stands in a view, before anything is decided.
fn world() -> World {
    let mut world = World::new();
    world.lies = true;
    world.run_for(500);
    world
}

fn finder(world: &mut World) -> &mut Operator<Bls> {
    world.nodes[FINDER].operator.as_mut().expect("it runs")
}

/// The finder hears two votes of the liar, of a view that nobody has come to.
fn hear(world: &mut World, ahead: u64) -> (Vec<Effect>, [Vote; 2]) {
    let view = View(finder(world).status().view.0 + ahead);
    let (said, now) = (votes(&secret(LIAR.0), view), world.now);
    let mut effects = Vec::new();
    for vote in &said {
        let event = Event::Consensus {
            from: peer(LIAR.0),
            message: Box::new(Message::Vote(vote.clone())),
            block: None,
        };
        effects.extend(finder(world).handle(now, event));
    }
    (effects, said)
}

fn accusations(world: &World) -> Vec<Evidence> {
    let duties = world.nodes[FINDER].duties.iter();
    duties
        .filter_map(|duty| match duty {
            Effect::Convict(evidence) => Some(Evidence::clone(evidence)),
            _ => None,
        })
        .collect()
}

fn keep(world: &mut World, effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Persist(record) = effect {
            world.nodes[FINDER].log.push(record);
        }
    }
}

#[test]
fn two_votes_that_contradict_are_in_the_log_before_anybody_is_accused() {
    let mut world = world();
    let (effects, said) = hear(&mut world, 1);
    let place = |wanted: &dyn Fn(&Effect) -> bool| effects.iter().position(wanted);
    let written =
        place(&|effect| matches!(effect, Effect::Persist(Record::Contradiction(votes)) if **votes == said));
    let shown =
        place(&|effect| matches!(effect, Effect::Convict(found) if **found == evidence(said.clone())));
    let (written, shown) = (written.expect("written"), shown.expect("shown"));
    assert!(written < shown, "{effects:?}");

    // The same seat has nothing more to lose by another view, so the log does not grow.
    let (effects, _) = hear(&mut world, 0);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Accuse(_))));
    let again = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Persist(Record::Contradiction(_))));
    assert!(!again, "{effects:?}");
}

#[test]
fn an_operator_that_crashed_between_finding_and_proving_proves_it_after_its_restart() {
    let mut world = world();
    let (effects, said) = hear(&mut world, 1);
    keep(&mut world, effects);
    world.nodes[FINDER].duties.clear();
    world.cut_power(FINDER);
    world.start(FINDER);
    assert_eq!(accusations(&world), [evidence(said)]);
}

#[test]
fn a_conviction_ends_the_accusation_in_memory_and_in_the_log_for_good() {
    let mut world = world();
    let (effects, said) = hear(&mut world, 1);
    keep(&mut world, effects);
    let record = Record::Contradiction(Box::new(said));
    assert!(finder(&mut world).needs(&record, Height(0)));
    let accused = Concern::Contradiction {
        epoch: Epoch(0),
        offender: LIAR,
    };
    assert_eq!(finder(&mut world).status().concerns, [accused]);
    let now = world.now;
    finder(&mut world).handle(now, Event::Noticed(convicted()));
    assert_eq!(finder(&mut world).status().concerns, []);
    assert!(!finder(&mut world).needs(&record, Height(0)));
    let (effects, _) = hear(&mut world, 0);
    assert!(!effects.iter().any(|effect| matches!(
        effect,
        Effect::Convict(_) | Effect::Persist(Record::Contradiction(_))
    )));

    world.nodes[FINDER].duties.clear();
    world.cut_power(FINDER);
    assert!(!world.nodes[FINDER].log.contains(&record));
    world.start(FINDER);
    world.run_for(10_000);
    assert_eq!(accusations(&world), []);
}

#[test]
fn votes_in_the_log_that_their_signer_never_made_accuse_nobody() {
    let mut world = world();
    let forged = votes(&secret(2), View(3));
    world.nodes[FINDER]
        .log
        .push(Record::Contradiction(Box::new(forged)));
    world.kill(FINDER);
    world.start(FINDER);
    world.run_for(10_000);
    assert_eq!(accusations(&world), []);
}

#[test]
fn votes_of_a_committee_that_is_not_known_at_a_start_wait_for_it_in_the_log() {
    let mut world = world();
    let true_ones = votes_of(Epoch(1), &secret(LIAR.0), View(3));
    let forged = votes_of(Epoch(1), &secret(2), View(4));
    let records = [true_ones, forged].map(|said| Record::Contradiction(Box::new(said)));
    world.nodes[FINDER].log.extend(records.clone());
    world.kill(FINDER);
    world.start(FINDER);
    world.run_for(1_000);
    let needs = |world: &mut World| {
        records
            .each_ref()
            .map(|record| finder(world).needs(record, Height(0)))
    };
    assert_eq!(finder(&mut world).status().concerns, []);
    assert_eq!(needs(&mut world), [true, true]);

    let seats = genesis().members.iter().map(GenesisMember::member).collect();
    let committee = Arc::new(Committee::new(Epoch(1), seats).expect("a committee"));
    let now = world.now;
    finder(&mut world).handle(now, Event::Committee(committee));
    let accused = Concern::Contradiction {
        epoch: Epoch(1),
        offender: LIAR,
    };
    assert_eq!(finder(&mut world).status().concerns, [accused]);
    assert_eq!(needs(&mut world), [true, false]);
}

#[test]
fn a_contradiction_comes_back_from_the_log_as_it_was_written() {
    let record = Record::Contradiction(Box::new(votes(&secret(0), View(3))));
    let mut written = write_record(&record);
    assert_eq!(read_record(&written), Ok(record));
    let broken = Err(RecordError::Contradiction);
    written.content.push(0);
    assert_eq!(read_record(&written), broken, "a byte too many");
    written.content.truncate(100);
    assert_eq!(read_record(&written), broken, "torn");
}

#[test]
fn an_operator_that_contradicted_itself_is_accused_once_by_the_next_until_it_is_convicted() {
    let duties = Duties::of(&genesis(), (100, 10)).of_committee(None, Some(OperatorIndex(1)));
    let mut guardian = Guardian::new(duties, None, 1_000, Millis(0));
    let of_view = |view| evidence(votes(&secret(LIAR.0), View(view)));
    assert!(guardian.accuse(Millis(0), &of_view(3)));
    assert!(!guardian.accuse(Millis(0), &of_view(4)));
    let accusations = |guardian: &mut Guardian, at: u64| {
        let due = guardian.due(Millis(at)).into_iter();
        due.filter(|effect| matches!(effect, Effect::Convict(found) if **found == of_view(3)))
            .count()
    };
    assert_eq!(
        accusations(&mut guardian, 0),
        1,
        "the operator behind the liar begins"
    );
    assert_eq!(accusations(&mut guardian, 1_000), 0);
    assert_eq!(accusations(&mut guardian, 4_000), 1, "nobody did it");
    let another = Notice::Convicted(Epoch(1), Bitmap::from_iter([LIAR]));
    guardian.on_notice(Millis(4_001), &another);
    assert_eq!(
        accusations(&mut guardian, 8_000),
        1,
        "a seat of another committee is another bond"
    );
    guardian.on_notice(Millis(8_001), &convicted());
    assert_eq!(accusations(&mut guardian, 60_000), 0);
}
