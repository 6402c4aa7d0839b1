//! A shell that was given the document of an announcement which another one replaced.

use std::sync::Arc;

use plasma_core::{Epoch, OperatorIndex};
use plasma_node::{directory::Roster, operator::report::Status};

use super::{
    Address, Alone, ConfirmedBlock, DepositNumber, Event, GenesisMember, Hash, Height, L1Block, L1Event,
    L1Height, PATIENCE, SecretKey, network, timeout, users,
};

/// Ourselves and others whom nobody runs.
fn roster(alone: &Alone, others: &[u8]) -> Roster {
    let domain = alone.genesis.domain();
    let strangers = others.iter().map(|number| {
        let (key, operator) = (SecretKey::from_seed(&[*number; 32]), Address([*number; 20]));
        GenesisMember {
            operator,
            key: key.public(),
            possession: key.sign(&domain.possession(&operator, &key.public())),
            peer_id: network::peer_id(&[*number; 32]).to_bytes(),
            addresses: Vec::new(),
        }
    });
    let members = alone.genesis.members.iter().cloned().chain(strangers);
    Roster::new(Epoch(1), members.collect()).expect("a committee")
}

impl Alone {
    /// What `plasma committee install` does once Ethereum has said that it knows the document.
    async fn install(&self, roster: Roster) {
        let committee = Arc::clone(&roster.committee);
        self.directory.enter(roster).expect("the next");
        assert!(self.handle.enter(committee).await);
    }

    async fn status(&self, what: impl Fn(&Status) -> bool) -> Arc<Status> {
        let mut status = self.handle.watch();
        let reached = status.wait_for(|status| what(status));
        Arc::clone(&timeout(PATIENCE, reached).await.expect("in time").expect("runs"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_takes_no_seat_in_a_committee_that_was_not_activated_and_its_own_once_it_has_the_document() {
    let alone = Alone::start().await;
    let (replaced, right) = (roster(&alone, &[11, 12, 13]), roster(&alone, &[]));
    alone.deposit(&users(1)).await;
    alone.install(replaced).await;
    let (epoch, hash) = (Epoch(1), right.committee.hash());
    let block = L1Block {
        height: L1Height(3),
        hash: Hash([3; 32]),
        timestamp_s: 1_700_000_024,
    };
    let events = vec![L1Event::CommitteeActivated { epoch }];
    let confirmed = Event::L1Confirmed(vec![ConfirmedBlock { block, events }]);
    for event in [Event::Activated { epoch, hash }, confirmed] {
        alone.ethereum.send(event).await.expect("runs");
    }
    let begun = alone.status(|status| status.epoch == epoch).await;
    assert_eq!((begun.operator, &begun.committee), (None, &None));
    assert!(
        alone.directory.roster(epoch).is_none(),
        "nobody's certificate counts"
    );
    alone.install(right).await;
    let seated = alone.status(|status| status.operator.is_some()).await;
    assert_eq!(seated.operator, Some(OperatorIndex(0)));
    let block = L1Block {
        height: L1Height(4),
        hash: Hash([4; 32]),
        timestamp_s: 1_700_000_036,
    };
    let events = vec![L1Event::DepositReclaimed {
        number: DepositNumber(9),
    }];
    let height = Height(seated.height.0 + 1);
    let confirmed = Event::L1Confirmed(vec![ConfirmedBlock { block, events }]);
    alone.ethereum.send(confirmed).await.expect("runs");
    alone.height(height).await;
}
