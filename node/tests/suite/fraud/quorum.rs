//! Three of four operators lie about a deposit: the whole road of the fourth, from the deposit to the halt.

use plasma_core::{Address, Amount, Broken, DepositNumber, Height, Kind, L1Event, SignedTransaction};
use plasma_node::{
    operator::{
        case::{Case, Fault},
        effect::{Effect, Record},
    },
    storage::{Read as _, Storage as _},
};

use crate::suite::{cast::user, world::World};

/// The one that reads Ethereum truly.
pub(super) const HONEST: usize = 3;

pub(crate) fn deposited(number: u64, amount: u64) -> L1Event {
    L1Event::Deposited {
        number: DepositNumber(number),
        owner: user(1).address(),
        asset: Address::ZERO,
        amount: Amount::from(amount),
    }
}

/// A block of one honest deposit, then one that three operators take for twice what it is.
fn lied() -> World {
    let mut world = World::new();
    world.run_for(500);
    world.mine(vec![deposited(0, 1_000)]);
    world.run_until("the deposit is credited everywhere", 5_000, |world| {
        world.all_hold(&user(1), 1_000)
    });
    world.lies = true;
    world.mine_for(vec![deposited(1, 1_332)], &[0, 1, 2]);
    world.confirm(HONEST, vec![deposited(1, 666)]);
    world
}

pub(super) fn shown(world: &World) -> Option<Case> {
    world.nodes[HONEST]
        .duties
        .iter()
        .rev()
        .find_map(|duty| match duty {
            Effect::ProveFraud(case) => Some(Case::clone(case)),
            _ => None,
        })
}

fn tip(world: &World, node: usize) -> Height {
    world.nodes[node].storage.reader().tip().expect("reads").0
}

#[test]
fn one_honest_operator_stops_anchors_the_forged_block_and_accuses_until_ethereum_halts() {
    let mut world = lied();
    let valid = tip(&world, HONEST);
    world.run_until("the honest one accuses", 10_000, |world| shown(world).is_some());
    let case = shown(&world).expect("a case");
    assert_eq!((Some(case.height()), tip(&world, HONEST)), (valid.next(), valid));
    let Fault::Rule(Broken::Derived { index, .. }) = case.fault else {
        panic!("{:?}", case.fault)
    };
    let place = usize::try_from(index).expect("small");
    let forged = SignedTransaction::decode(&case.body[place]).expect("a transaction");
    assert_eq!(
        (forged.transaction.kind, forged.transaction.outputs[0].amount),
        (Kind::Fund, Amount::from(1_332u64))
    );
    assert!(
        case.certificate
            .verify(&world.genesis.domain(), &world.genesis.committee().expect("one"))
            .is_ok()
    );
    assert!(
        !case.certificate.signers.contains(plasma_core::OperatorIndex(3)),
        "it did not sign"
    );
    assert!(
        (0..HONEST).all(|liar| tip(&world, liar) > valid),
        "the liars go on"
    );

    // It goes on accusing while Ethereum shows nothing, also after a crash.
    world.nodes[HONEST].duties.clear();
    world.kill(HONEST);
    let votes = world.nodes[HONEST]
        .log
        .iter()
        .filter(|one| matches!(one, Record::Consensus(_)))
        .count();
    world.start(HONEST);
    world.run_until("it accuses again", 10_000, |world| shown(world).is_some());
    assert_eq!(shown(&world).expect("a case").header, case.header);
    let now = world.nodes[HONEST]
        .log
        .iter()
        .filter(|one| matches!(one, Record::Consensus(_)))
        .count();
    assert_eq!(votes, now, "it signs nothing any more");
    assert_eq!(tip(&world, HONEST), valid);

    world.mine(vec![L1Event::Halted { last_valid: valid }]);
    world.run_for(1_000);
    world.nodes[HONEST].duties.clear();
    world.run_for(20_000);
    assert!(shown(&world).is_none(), "Ethereum has judged");
    let status = world.nodes[HONEST].operator.as_ref().expect("it runs").status();
    assert_eq!(status.halted, Some(valid));
    assert!(
        status
            .stopped
            .expect("it stays stopped")
            .contains("halted the chain")
    );
    let of_liar = world.nodes[0].operator.as_ref().expect("it runs").status();
    assert_eq!(of_liar.halted, Some(valid), "who lied hears it too");
}

#[test]
fn a_power_cut_that_took_valid_blocks_takes_no_case() {
    let mut world = World::new();
    world.make_storage_lazy();
    world.run_for(500);
    world.mine(vec![deposited(0, 1_000)]);
    world.run_until("the deposit is credited everywhere", 5_000, |world| {
        world.all_hold(&user(1), 1_000)
    });
    let valid = tip(&world, HONEST);
    world.lies = true;
    world.mine_for(vec![deposited(1, 1_332)], &[0, 1, 2]);
    world.confirm(HONEST, vec![deposited(1, 666)]);
    world.run_until("the honest one accuses", 10_000, |world| shown(world).is_some());
    world.nodes[HONEST].duties.clear();
    // Nobody is left who could hand out what was lost.
    (0..HONEST).for_each(|liar| world.kill(liar));
    world.cut_power(HONEST);
    assert_eq!(tip(&world, HONEST), Height(0), "storage lost the valid block");
    world.start(HONEST);
    world.run_until("it accuses again", 10_000, |world| shown(world).is_some());
    assert_eq!(tip(&world, HONEST), valid, "and has it again from its log");
}
