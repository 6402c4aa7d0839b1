//! Documents of committees whose announcement was replaced.

use plasma_core::{Committees, CommitteesError, Epoch, Hash};
use plasma_node::{
    bridge::L1Error,
    config::committee::Successor,
    directory::{Directory, Roster},
    runtime::registry::{EntryError, Roll, enter_kept, is_late, recognise},
};

use super::{chain::genesis, changing::people::successor};

/// What Ethereum says: the newest committee, its hash, and what waits.
struct Says {
    active: (u64, Hash),
    announced: Option<Hash>,
}

impl Roll for Says {
    async fn active(&self) -> Result<Epoch, L1Error> {
        Ok(Epoch(self.active.0))
    }

    async fn hash_of(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        let (active, hash) = self.active;
        (epoch == Epoch(active))
            .then_some(hash)
            .ok_or(L1Error::NotActivated(epoch.0))
    }

    async fn announced(&self) -> Result<Option<Hash>, L1Error> {
        Ok(self.announced)
    }
}

/// Two documents of epoch 1, of which the second replaced the first.
fn two() -> (Directory, [Successor; 2]) {
    let genesis = genesis();
    let documents = [(1, [21, 22, 23, 24]), (2, [21, 22, 23, 25])]
        .map(|(sequence, numbers)| successor(&genesis.domain(), (1, sequence), &numbers));
    (Directory::new(&genesis).unwrap(), documents)
}

fn known(directory: &Directory) -> Option<Hash> {
    directory
        .roster(Epoch(1))
        .map(|roster: std::sync::Arc<Roster>| roster.committee.hash())
}

#[test]
fn what_ethereum_activates_drives_out_what_was_announced_before() {
    let (directory, [replaced, right]) = two();
    let hash = right.roster.committee.hash();
    directory.enter(replaced.roster.clone()).unwrap();
    assert!(
        !directory.activate(Epoch(1), replaced.roster.committee.hash()),
        "it is the one"
    );
    assert!(known(&directory).is_some());
    assert!(directory.activate(Epoch(1), hash));
    assert_eq!(known(&directory), None);
    assert_eq!(directory.committees().next_epoch(), Epoch(1), "it is missing");
    assert_eq!(
        directory.enter(replaced.roster),
        Err(CommitteesError::NotActivated(Epoch(1))),
        "and does not come again"
    );
    assert_eq!(directory.enter(right.roster), Ok(true));
    assert_eq!(known(&directory), Some(hash));
    assert_eq!(directory.committees().activated(Epoch(1)), Some(hash));
}

#[test]
fn what_follows_a_committee_that_was_not_activated_goes_with_it() {
    let genesis = genesis();
    let [first, second] =
        [1, 2].map(|epoch| successor(&genesis.domain(), (epoch, epoch), &[21, 22, 23, 24]).roster);
    let mut committees: Committees = Directory::new(&genesis).unwrap().committees();
    committees.install(first.committee).unwrap();
    committees.install(second.committee).unwrap();
    assert!(committees.activate(Epoch(1), Hash([9; 32])));
    assert_eq!(committees.next_epoch(), Epoch(1));
    assert!(!committees.activate(Epoch(0), Hash([9; 32])), "the genesis stays");
    assert!(committees.of(Epoch(0)).is_some());
}

#[test]
fn a_document_is_late_only_when_its_epoch_has_begun_with_another_one() {
    let (directory, [replaced, right]) = two();
    assert!(!is_late(&directory, Epoch(1), &right.roster), "none is known");
    directory.enter(replaced.roster.clone()).unwrap();
    assert!(!is_late(&directory, Epoch(0), &right.roster), "there is time");
    assert!(!is_late(&directory, Epoch(1), &replaced.roster), "it is the one");
    assert!(is_late(&directory, Epoch(1), &right.roster));
}

#[tokio::test]
async fn a_kept_document_whose_announcement_was_replaced_is_not_entered() {
    let (directory, [replaced, right]) = two();
    let hash = right.roster.committee.hash();
    let says = Says {
        active: (1, hash),
        announced: None,
    };
    let refused = recognise(&says, &replaced.roster).await;
    assert!(matches!(refused, Err(EntryError::Other { known, .. }) if known == hash));
    enter_kept(&says, &directory, &[replaced], Epoch(0))
        .await
        .unwrap();
    assert_eq!(known(&directory), None);
    enter_kept(&says, &directory, &[right], Epoch(1)).await.unwrap();
    assert_eq!(known(&directory), Some(hash));
}

/// What such an endpoint calls announced may have been replaced before it was activated.
#[tokio::test]
async fn an_endpoint_behind_the_running_epoch_is_waited_for() {
    let (directory, [replaced, _]) = two();
    let says = Says {
        active: (0, Hash::ZERO),
        announced: Some(replaced.roster.committee.hash()),
    };
    let kept = [replaced];
    let asked = enter_kept(&says, &directory, &kept, Epoch(1)).await;
    assert!(matches!(asked, Err(error @ L1Error::NotActivated(1)) if error.is_transient()));
    assert_eq!(known(&directory), None);
    enter_kept(&says, &directory, &kept, Epoch(0)).await.unwrap();
    assert!(known(&directory).is_some());
}
