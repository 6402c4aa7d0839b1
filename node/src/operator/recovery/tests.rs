//! Which blocks of a log matter most.

use plasma_consensus::{Container, Statement};
use plasma_core::{Bitmap, Hash, OperatorIndex, SecretKey, Signature};

use super::*;

fn block(number: u8) -> BlockId {
    BlockId(Hash([number; 32]))
}

fn signature() -> Signature {
    SecretKey::from_seed(&[1; 32]).sign(&Hash([2; 32]))
}

fn container(view: u64, parent: u64, number: u8) -> Container {
    Container {
        view: View(view),
        parent: View(parent),
        block: block(number),
    }
}

fn certified(epoch: u64, statement: Statement) -> Certified {
    Certified {
        epoch: Epoch(epoch),
        statement,
        signers: Bitmap::default(),
        signature: signature(),
    }
}

fn notarized(view: u64, parent: u64, number: u8) -> Record {
    let statement = Statement::Notarize(container(view, parent, number));
    Record::Consensus(Logs::Certificate(certified(0, statement)))
}

fn finalized(epoch: u64, view: u64, number: u8) -> Record {
    let statement = Statement::Finalize {
        view: View(view),
        block: block(number),
    };
    Record::Consensus(Logs::Floor(certified(epoch, statement)))
}

fn voted(view: u64, parent: u64, number: u8) -> Record {
    Record::Consensus(Logs::Vote(Vote {
        epoch: Epoch(0),
        signer: OperatorIndex(0),
        statement: Statement::Notarize(container(view, parent, number)),
        signature: signature(),
    }))
}

#[test]
fn what_stands_on_the_way_to_the_highest_notarized_view_comes_first_and_what_was_voted_for_last() {
    let log = vec![
        finalized(0, 1, 1),
        voted(3, 1, 3),
        notarized(3, 1, 3),
        // Another way that the highest one skips.
        voted(4, 1, 4),
        notarized(4, 1, 4),
        notarized(6, 3, 6),
        voted(8, 4, 8),
        notarized(7, 7, 7),
        voted(7, 6, 5),
    ];
    let mut logged = Logged::of(log);
    assert_eq!(logged.tops(Epoch(0)).standing, BTreeSet::from([7, 8].map(block)));
    logged.engine.retain(|record| record.view() != View(7));
    assert_eq!(
        logged.tops(Epoch(0)).standing,
        BTreeSet::from([3, 6, 8].map(block))
    );
    assert!(logged.tops(Epoch(1)).standing.is_empty(), "of another epoch");
}

#[test]
fn the_newest_finalization_of_each_epoch_that_may_run_again_is_filed() {
    let finals = [(0, 9, 1), (0, 5, 2), (1, 3, 3), (1, 4, 4), (2, 1, 5)];
    let log = finals.map(|(epoch, view, number)| finalized(epoch, view, number));
    let logged = Logged::of(log.to_vec());
    let found = |running| {
        let finals = logged.tops(Epoch(running)).finals;
        let found = finals
            .iter()
            .map(|certificate| (certificate.at(), certificate.block));
        found.collect::<Vec<_>>()
    };
    let of = |epoch, view, number| ((Epoch(epoch), View(view)), block(number));
    assert_eq!(found(0), [of(0, 9, 1), of(1, 4, 4), of(2, 1, 5)]);
    assert_eq!(found(1), [of(1, 4, 4), of(2, 1, 5)]);
}
