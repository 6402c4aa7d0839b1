//! Operators on storages that are older than their log, or that keep few bodies.

use plasma_core::{Height, Position, SigningKey};
use plasma_node::storage::{
    Keep, Read, Storage,
    archive::{self, Scope},
    bulk::{self, Stopped},
    check::{Certificates, Expected, verify},
    memory::MemoryStorage,
};

use super::{
    super::{cast::user, world::World},
    Scratch, quiet,
};

/// Alice's output and what it holds, in a world that goes on.
struct Scene {
    world: World,
    alice: SigningKey,
    bob: SigningKey,
    position: Position,
    held: u64,
    paid: u64,
}

impl Scene {
    fn new() -> Self {
        let (mut world, alice, bob) = (World::new(), user(1), user(2));
        world.run_for(500);
        world.deposit(0, &alice, 1_000);
        world.run_until("the deposit is credited everywhere", 5_000, |world| {
            world.all_hold(&alice, 1_000)
        });
        let (position, _) = world.holdings(0, &alice)[0];
        Self {
            world,
            alice,
            bob,
            position,
            held: 1_000,
            paid: 0,
        }
    }

    /// Payments of 10, each in a block of its own.
    fn pay(&mut self, times: u64) {
        for _ in 0..times {
            let payment = self
                .world
                .pay(&self.alice, (self.position, self.held), &self.bob, 10);
            let id = payment.id();
            self.world.submit(0, self.paid, payment);
            let decided = |world: &World| world.nodes[0].storage.reader().transaction(&id).expect("reads");
            self.world
                .run_until("the payment is decided", 20_000, |world| decided(world).is_some());
            let (block, transaction) = decided(&self.world).expect("decided");
            self.position = Position {
                block,
                transaction,
                output: 1,
            };
            (self.held, self.paid) = (self.held - 10, self.paid + 10);
        }
    }

    fn everybody_has_it(&mut self) {
        let (bob, paid) = (self.bob.clone(), self.paid);
        self.world
            .run_until("everybody has it", 20_000, |world| world.all_hold(&bob, paid));
        self.world.check_agreement();
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            genesis: &self.world.genesis,
            key: plasma_node::folder::Identity::new(
                self.world.genesis.hash(),
                &self.world.genesis.members[3].key,
            )
            .key,
            later: &[],
        }
    }
}

#[test]
fn operator_with_an_older_storage_beside_its_newer_log_catches_up_and_votes() {
    for scope in [Scope::Full, Scope::State] {
        let mut scene = Scene::new();
        scene.pay(3);
        scene.everybody_has_it();
        let scratch = Scratch::new("restored");
        let file = scratch.path().join("backup.plasma");
        let reader = Storage::reader(&scene.world.nodes[3].storage);
        archive::write(&reader, &file, scope, &mut quiet).unwrap();
        scene.pay(6);
        scene.everybody_has_it();

        // Its log was shortened meanwhile: votes and bodies of the blocks above the backup are gone from it.
        let node = &mut scene.world.nodes[3];
        let (tip, _) = node.storage.reader().tip().unwrap();
        let operator = node.operator.as_ref().expect("runs");
        let before = node.log.len();
        node.log.retain(|record| operator.needs(record, tip));
        assert!(node.log.len() < before);
        scene.world.kill(3);
        let mut restored = MemoryStorage::empty();
        bulk::import(&file, &mut restored, &scene.expected(), &mut quiet).unwrap();
        assert!(restored.reader().tip().unwrap().0 < tip);
        scene.world.nodes[3].storage = restored;
        scene.world.start(3);
        scene.everybody_has_it();
        // A quorum needs its vote now.
        scene.world.kill(1);
        scene.pay(2);
        let mine = Storage::reader(&scene.world.nodes[3].storage);
        verify(&mine, &scene.expected(), Certificates::Newest, &mut quiet).unwrap();
        assert_eq!(mine.horizon().unwrap() > Height(0), scope == Scope::State);
    }
}

#[test]
fn late_operator_passes_over_those_that_prune_and_catches_up_from_one_that_keeps_all() {
    let mut scene = Scene::new();
    for pruning in [0, 1] {
        let node = &mut scene.world.nodes[pruning];
        node.storage = node.storage.clone().keeping(Keep::Newest(1));
    }
    scene.world.kill(3);
    scene.pay(8);
    for pruning in [0, 1] {
        let reader = scene.world.nodes[pruning].storage.reader();
        assert!(reader.horizon().unwrap() > Height(4));
    }
    scene.world.start(3);
    scene.everybody_has_it();
    assert_eq!(
        scene.world.nodes[3].storage.source().horizon().unwrap(),
        Height(0)
    );
}
