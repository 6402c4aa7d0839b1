//! A wallet's folder of which a part is lost or older than the rest.

use std::{fs, time::Duration};

use plasma_core::{Address, Amount};
use plasma_node::{
    api::text::{AddressText, AmountText},
    client::Witness,
    wallet::{
        Purse, WalletError,
        book::Intent,
        exit::Help,
        journal::JournalError,
        purse::{Ways, folder_of},
    },
};

use super::{
    super::{
        chain::{Chain, genesis, user},
        doors::Doors,
        duties::court::Court,
        scratch::Scratch,
    },
    Script,
    holder::{Agreed, asking, keep, patience},
    owned, paid, pay, purse,
};

#[tokio::test]
async fn a_journal_that_is_gone_while_its_payments_are_here_stops_the_wallet() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-lost");
    let intent = pay(&[30], Some("invoice 7"));
    let mut first = purse(folder.path(), &[&doors.base]);
    paid(&mut chain, &mut first, &intent).await.unwrap();
    drop(first);
    let own = folder_of(folder.path(), &genesis());
    let (journal, head) = (own.join("journal"), own.join("journal.head"));
    let whole = fs::read(&journal).unwrap();
    let open = || {
        let ways = Ways {
            operators: None,
            witness: Witness::new(&genesis()).unwrap(),
            ethereum: None,
        };
        Purse::open(folder.path(), genesis(), ways, Script::default()).map(drop)
    };
    let lost = || {
        let error = open().unwrap_err();
        assert!(
            matches!(error, WalletError::Journal(JournalError::Lost { .. })),
            "{error}"
        );
        assert_eq!(error.code(), 4);
    };
    let end = whole.iter().rposition(|byte| *byte == b'{').unwrap();
    let line = whole[..end].iter().rposition(|byte| *byte == b'\n').unwrap();
    for cut in [&whole[..=line], &[]] {
        fs::write(&journal, cut).unwrap();
        lost();
    }
    fs::remove_file(&journal).unwrap();
    lost();
    // As wallets were before they kept a head.
    fs::remove_file(&head).unwrap();
    lost();
    fs::write(&journal, []).unwrap();
    lost();
    fs::write(&journal, &whole).unwrap();
    open().unwrap();
    assert!(head.exists(), "it has one from now on");
}

#[tokio::test]
async fn an_older_journal_among_newer_receipts_stops_the_wallet_and_says_what_to_do() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-older");
    let mut first = purse(folder.path(), &[&doors.base]);
    let done = paid(&mut chain, &mut first, &pay(&[10], None)).await.unwrap();
    first.end(done.action).unwrap();
    drop(first);
    let own = folder_of(folder.path(), &genesis());
    let files = ["journal", "journal.head"].map(|name| own.join(name));
    let older = files.each_ref().map(|file| fs::read(file).unwrap());
    let mut second = purse(folder.path(), &[&doors.base]);
    let done = paid(&mut chain, &mut second, &pay(&[20], Some("invoice 7")))
        .await
        .unwrap();
    let id = done.payments[0].id;
    drop(second);
    files
        .iter()
        .zip(&older)
        .for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    let ways = || Ways {
        operators: None,
        witness: Witness::new(&genesis()).unwrap(),
        ethereum: None,
    };
    let error = Purse::open(folder.path(), genesis(), ways(), Script::default())
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(error, WalletError::Journal(JournalError::Lost { .. })),
        "{error}"
    );
    let words = error.to_string();
    let said = [
        id.to_string(),
        format!("move {} away", own.display()),
        "plasma wallet history".into(),
    ];
    assert!(said.iter().all(|said| words.contains(said)), "{words}");
    // What it says leads somewhere.
    fs::rename(&own, folder.path().join("kept")).unwrap();
    let mut anew = purse(folder.path(), &[&doors.base]);
    let holdings = anew.holdings(user(1).address()).await.unwrap();
    assert!(holdings.len() == 1 && holdings[0].is_free());
    paid(&mut chain, &mut anew, &pay(&[5], None)).await.unwrap();
    assert_eq!(owned(&chain, &user(2)), Amount::from(35));
}

#[tokio::test]
async fn an_older_copy_of_everything_says_what_was_paid_before_it_pays_again() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let (folder, copy) = (Scratch::new("wallet-newer"), Scratch::new("wallet-copied"));
    let intent = pay(&[20], Some("invoice 7"));
    for folder in [&folder, &copy] {
        let mut looking = purse(folder.path(), &[&doors.base]);
        looking.holdings(user(1).address()).await.unwrap();
    }
    let mut newer = purse(folder.path(), &[&doors.base]);
    let done = paid(&mut chain, &mut newer, &intent).await.unwrap();
    let mut older = purse(copy.path(), &[&doors.base]);
    let error = paid(&mut chain, &mut older, &intent).await.unwrap_err();
    let words = format!("payment {} pays", done.payments[0].id);
    assert!(error.code() == 9 && error.to_string().contains(&words), "{error}");
    assert_eq!(owned(&chain, &user(2)), Amount::from(20));
    drop(older);
    // It was told, and is meant.
    let mut older = purse(copy.path(), &[&doors.base]);
    paid(&mut chain, &mut older, &intent).await.unwrap();
    assert_eq!(owned(&chain, &user(2)), Amount::from(40));
    // What was spent elsewhere and pays something else holds up nobody.
    let other = paid(&mut chain, &mut newer, &pay(&[30], None)).await.unwrap();
    newer.end(other.action).unwrap();
    assert_eq!(owned(&chain, &user(2)), Amount::from(70));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_says_that_the_account_did_what_the_journal_does_not_know() {
    let mut court = Court::set("wallet-strange").await;
    let coin = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-strange-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    keep(&court, folder.path(), coin);
    let doors = Doors::of(court.door()).await;
    let person = (&court.stage.bob_key, &agreed);
    let mut bobs = asking(&court.stage, folder.path(), person, &[&doors])
        .await
        .with_patience(patience(Duration::from_millis(200)));
    bobs.exit(bob, &[coin], Help::Nobody).await.unwrap();
    let own = AddressText(bob);
    let intent = |amount: u64| Intent::Deposit {
        from: own,
        owner: own,
        asset: AddressText(Address::ZERO),
        amount: AmountText(Amount::from(amount)),
        id: None,
    };
    for (amount, strange) in [(5, false), (6, true)] {
        if strange {
            let call = court.contracts().deposit_call(Amount::from(1));
            court.send(&court.stage.bob, &call).await.unwrap();
        }
        let error = bobs.deposit(&intent(amount)).await.unwrap_err();
        assert!(matches!(error, WalletError::Waiting(_)), "{error}");
        let said = agreed.borrow().last().unwrap().clone();
        let words = "made 1 Ethereum transactions of which this wallet knows nothing";
        assert_eq!(said.contains(words), strange, "{said}");
    }
}
