//! The duty to accuse, road by road, as a value.

use bytes::Bytes;
use plasma_consensus::Record as Vote;
use plasma_core::{
    Bitmap, BlockId, Certificate, Epoch, Hash, Header, Height, L1Event, L1Height, Millis, OperatorIndex,
    Peer, View, bls, history::Frontier, merkle,
};
use plasma_node::{
    operator::{
        accuser::Accuser,
        case::{Case, Fault, Rotten, body_leaf, is_body_of},
        effect::{Effect, Record},
        event::{Event, Segment},
        report::AnchorSeen,
        sync::Sync,
    },
    runtime::log::{read_record, write_record},
};

use crate::suite::{
    cast::{genesis, peer, secret},
    world::World,
};

const REST_MS: u64 = 4_000;
const NOW: Millis = Millis(1_000_000);

fn certificate(block: BlockId, view: u64) -> Certificate {
    let (epoch, view) = (Epoch(0), View(view));
    let digest = genesis().domain().finalize(epoch, view, block);
    let signatures: Vec<_> = (0..3).map(|index| secret(index).sign(&digest)).collect();
    let signers: Bitmap = (0..3).map(OperatorIndex).collect();
    Certificate {
        epoch,
        view,
        block,
        signers,
        signature: bls::aggregate(&signatures).expect("three"),
    }
}

/// A header that follows another, over a body.
fn above(parent: &Header, body: &[Bytes]) -> Header {
    let leaves: Vec<Hash> = body.iter().map(|entry| body_leaf(entry)).collect();
    Header {
        height: parent.height.next().expect("small"),
        transaction_count: u32::try_from(body.len()).expect("small"),
        parent: parent.id(),
        transactions_root: merkle::root(&leaves),
        timestamp_ms: parent.timestamp_ms.plus(1),
        ..*parent
    }
}

fn case() -> Case {
    let body = vec![Bytes::from_static(b"no transaction"), Bytes::new()];
    let header = above(&genesis().state().header, &body);
    Case {
        header,
        certificate: certificate(header.id(), 1),
        body,
        fault: Fault::Unsound { index: 0 },
        above: Vec::new(),
    }
}

fn anchor(number: u64, height: u32) -> AnchorSeen {
    AnchorSeen {
        number,
        height: Height(height),
        history_root: Hash::ZERO,
        l1_height: L1Height(1),
        time_s: 7,
    }
}

/// The history below the case's block.
fn below() -> Frontier {
    genesis().state().history
}

/// An anchor of the newest of these headers above the case's block.
fn anchor_of(number: u64, headers: &[Header]) -> AnchorSeen {
    let mut history = below();
    for header in std::iter::once(&case().header).chain(headers) {
        history.append(header.leaf());
    }
    AnchorSeen {
        history_root: history.root(),
        ..anchor(
            number,
            case().header.height.0 + u32::try_from(headers.len()).expect("few"),
        )
    }
}

fn asked(effects: &[Effect]) -> (Peer, Height) {
    match effects {
        [Effect::RequestBlocks { from, after, .. }] => (*from, *after),
        other => panic!("{other:?}"),
    }
}

fn with_peers() -> Sync {
    let mut sync = Sync::default();
    (0..3).for_each(|number| sync.on_peer_up(peer(number)));
    sync
}

fn is_proof(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::ProveFraud(_)])
}

#[test]
fn an_uncovered_block_is_anchored_then_proven_and_both_are_asked_again() {
    let (mut accuser, mut sync) = (Accuser::default(), with_peers());
    assert!(
        accuser.due(NOW, REST_MS, &mut sync, &below()).is_empty(),
        "nobody is accused of nothing"
    );
    accuser.open(case(), Some(anchor(1, 0)));
    let is_anchor = |effects: &[Effect]| {
        matches!(effects, [Effect::Anchor { header, certificate }]
            if *header == case().header && certificate.block == header.id())
    };
    assert!(is_anchor(&accuser.due(NOW, REST_MS, &mut sync, &below())));
    assert!(
        accuser
            .due(NOW.plus(REST_MS - 1), REST_MS, &mut sync, &below())
            .is_empty()
    );
    assert!(is_anchor(&accuser.due(
        NOW.plus(REST_MS),
        REST_MS,
        &mut sync,
        &below()
    )));
    accuser.on_anchored(anchor(2, 1));
    assert!(is_proof(&accuser.due(
        NOW.plus(REST_MS + 1),
        REST_MS,
        &mut sync,
        &below()
    )));
    assert!(
        accuser
            .due(NOW.plus(REST_MS + 2), REST_MS, &mut sync, &below())
            .is_empty()
    );
    assert!(is_proof(&accuser.due(
        NOW.plus(2 * REST_MS + 1),
        REST_MS,
        &mut sync,
        &below()
    )));
    // A reorganisation takes the anchor: it is our duty once more.
    accuser.on_anchor_lost(anchor(2, 1), Some(anchor(1, 0)));
    assert!(is_anchor(&accuser.due(
        NOW.plus(2 * REST_MS + 2),
        REST_MS,
        &mut sync,
        &below()
    )));
}

#[test]
fn headers_up_to_a_later_anchor_are_collected_before_anything_is_shown() {
    let (mut accuser, mut sync) = (Accuser::default(), with_peers());
    let second = above(&case().header, &[]);
    let third = above(&second, &[]);
    accuser.open(case(), Some(anchor_of(1, &[second, third])));
    let (first, after) = asked(&accuser.due(NOW, REST_MS, &mut sync, &below()));
    assert_eq!(after, Height(1));
    assert!(
        accuser.due(NOW, REST_MS, &mut sync, &below()).is_empty(),
        "one request at a time"
    );
    sync.on_answer(NOW, first, true);
    accuser.on_headers(first, [case().header, second].iter());
    let (again, after) = asked(&accuser.due(NOW, REST_MS, &mut sync, &below()));
    assert_eq!((again, after), (first, Height(2)), "who gives goes on");
    sync.on_answer(NOW, first, true);
    accuser.on_headers(first, [third].iter());
    let effects = accuser.due(NOW, REST_MS, &mut sync, &below());
    let [Effect::Persist(Record::Case(kept)), Effect::ProveFraud(shown)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(kept.above, [second, third], "what was hard to get is kept");
    assert_eq!(kept, shown);
}

#[test]
fn made_up_headers_cost_their_senders_turn_and_nothing_else() {
    let (mut accuser, mut sync) = (Accuser::default(), with_peers());
    let second = above(&case().header, &[]);
    let third = above(&second, &[]);
    let forged = above(&case().header, &[Bytes::from_static(b"another branch")]);
    let forged = [forged, above(&forged, &[])];
    accuser.open(case(), Some(anchor_of(1, &[second, third])));
    // One makes up all of them, one begins and has no more, one has nothing.
    for headers in [&forged[..], &forged[..1], &[]] {
        let (liar, after) = asked(&accuser.due(NOW, REST_MS, &mut sync, &below()));
        assert_eq!(after, Height(1), "from the certified one on");
        sync.on_answer(NOW, liar, true);
        accuser.on_headers(liar, headers.iter());
        if headers.len() == 1 {
            let (again, after) = asked(&accuser.due(NOW, REST_MS, &mut sync, &below()));
            assert_eq!((again, after), (liar, Height(2)));
            sync.on_answer(NOW, liar, true);
            accuser.on_headers(liar, [third].iter());
        }
    }
    let (honest, after) = asked(&accuser.due(NOW, REST_MS, &mut sync, &below()));
    assert_eq!(after, Height(1));
    // It was not this one's turn.
    accuser.on_headers(peer(9), forged.iter());
    accuser.on_headers(honest, [second, third].iter());
    let effects = accuser.due(NOW, REST_MS, &mut sync, &below());
    let [Effect::Persist(Record::Case(kept)), Effect::ProveFraud(_)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(kept.above, [second, third]);
}

#[test]
fn a_halt_below_the_block_ends_the_duty_and_one_above_does_not() {
    let (mut accuser, mut sync) = (Accuser::default(), with_peers());
    accuser.open(case(), Some(anchor(1, 1)));
    assert!(!accuser.on_halted(Height(1)), "the block itself still counts");
    assert!(is_proof(&accuser.due(NOW, REST_MS, &mut sync, &below())));
    assert!(accuser.on_halted(Height(0)));
    assert!(
        accuser
            .due(NOW.plus(9 * REST_MS), REST_MS, &mut sync, &below())
            .is_empty()
    );
}

#[test]
fn a_case_comes_back_from_the_log_as_it_was() {
    let mut known = case();
    let next = above(&known.header, &[]);
    assert!(known.extend(&next) && !known.extend(&next));
    let written = write_record(&Record::Case(known.clone().into()));
    let Ok(Record::Case(read)) = read_record(&written) else {
        panic!("a case")
    };
    known.fault = Fault::Remembered;
    assert_eq!(*read, known);
    assert!(is_body_of(&read.header, &read.body));
    for length in 0..written.content.len() {
        assert!(Case::decode(&written.content[..length]).is_none(), "{length}");
    }
}

/// An operator alone with peers that send what no operator should sign.
fn rotten(certificate: Option<Certificate>) -> Event {
    let Case { header, body, .. } = case();
    Event::Blocks {
        from: peer(0),
        segment: Some(Box::new(Segment {
            blocks: Vec::new(),
            certificate: None,
            rotten: Some(Rotten {
                header,
                body,
                index: 0,
                above: Vec::new(),
                certificate,
            }),
        })),
    }
}

fn votes(world: &World) -> usize {
    let is_vote = |record: &&Record| matches!(record, Record::Consensus(Vote::Vote(_)));
    world.nodes[3].log.iter().filter(is_vote).count()
}

#[test]
fn bytes_that_are_no_transaction_stop_an_operator_when_a_quorum_signed_them_and_not_before() {
    let mut world = World::new();
    world.lies = true;
    world.run_for(100);
    world.handle(3, rotten(None));
    world.run_for(1_000);
    assert!(world.nodes[3].stops.is_empty(), "nobody signed it");
    world.handle(3, rotten(Some(certificate(case().header.id(), 1))));
    assert_eq!(world.nodes[3].stops.len(), 1);
    assert!(
        world.nodes[3].stops[0].contains("entry 0"),
        "{:?}",
        world.nodes[3].stops
    );
    let kept = world.nodes[3]
        .log
        .iter()
        .any(|record| matches!(record, Record::Case(_)));
    assert!(kept, "the case is in the log");
    let before = votes(&world);
    world.run_until("the proof is asked for", 5_000, |world| {
        world.nodes[3]
            .duties
            .iter()
            .any(|duty| matches!(duty, Effect::ProveFraud(_)))
    });
    let anchored = |duty: &Effect| matches!(duty, Effect::Anchor { header, .. } if *header == case().header);
    assert!(
        world.nodes[3].duties.iter().any(anchored),
        "at exactly this height"
    );
    // A crash forgets everything but log and storage.
    world.kill(3);
    world.nodes[3].duties.clear();
    world.start(3);
    assert_eq!(world.nodes[3].stops.len(), 2, "it says so at its start");
    world.run_until("the proof is asked for again", 5_000, |world| {
        world.nodes[3]
            .duties
            .iter()
            .any(|duty| matches!(duty, Effect::ProveFraud(_)))
    });
    assert_eq!(votes(&world), before, "it signs nothing any more");
    let status = |world: &World| world.nodes[3].operator.as_ref().expect("it runs").status();
    assert!(status(&world).stopped.is_some() && status(&world).halted.is_none());
    world.mine(vec![L1Event::Halted {
        last_valid: Height(0),
    }]);
    world.run_for(100);
    world.nodes[3].duties.clear();
    world.run_for(20_000);
    let more = world.nodes[3]
        .duties
        .iter()
        .filter(|duty| matches!(duty, Effect::ProveFraud(_)));
    assert_eq!(more.count(), 0, "Ethereum has judged");
    let status = status(&world);
    assert_eq!(status.halted, Some(Height(0)));
    assert!(
        status
            .stopped
            .expect("it stays")
            .contains("halted the chain at height 0")
    );
}
