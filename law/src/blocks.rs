//! Property 1: a node accepts a block exactly when no fraud proof succeeds against it.
//!
//! A case is one block: proposed, perhaps broken, certified by a quorum, anchored in the EVM, judged by the ledger, and
//! tried by a watcher with every proof that it can build.

use plasma_contracts_abi::vault;
use plasma_core::{Header, Millis, merkle};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    chain::{Decided, leaves},
    ethereum::call,
    game::{self, bond},
    liar::{CLASSES, Class, Lie, Meaning, Told},
    site::RECLAIM_WINDOW,
    verdict::Answer,
    watcher::{self, Success, Zeal},
    world::World,
};

/// What a case showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Names of what it was: the class, or two.
    pub(crate) classes: Vec<&'static str>,
    /// Proofs that were tried.
    pub(crate) tried: usize,
    /// Proofs that succeeded.
    pub(crate) proofs: Vec<&'static str>,
    /// The reason of the ledger: with `own ` or `free ` in front.
    pub(crate) reason: Option<String>,
}

/// Classes that need more than one block; they follow the others in the turn.
const STORIES: [(&str, bool); 2] = [
    ("fund too late", false),
    ("fund after the deposit went back", true),
];

/// Kinds that need something rare: events on the way, or outputs that have left.
pub(crate) const RARE: [&str; 10] = [
    "output of a deposit that went back",
    "output that an exit paid",
    "output under an open exit",
    "output that this block's events touch",
    "transaction included again",
    "forced payment left out",
    "fund behind the payments",
    "deposit funded twice in the block",
    "too many bytes",
    "payments in another order",
];

/// The kind of a name.
pub(crate) fn kind_of(name: &str) -> Option<usize> {
    kinds().iter().position(|kind| *kind == name)
}

/// How many kinds of case there are.
pub(crate) const KINDS: usize = CLASSES.len() + STORIES.len();

/// Names of all kinds, in their turn.
pub(crate) fn kinds() -> Vec<&'static str> {
    CLASSES
        .iter()
        .map(|class| class.name)
        .chain(STORIES.iter().map(|(name, _)| *name))
        .collect()
}

/// One case of a kind; `None` when this world offers nothing for it.
pub(crate) fn case(world: &World, rng: &mut ChaCha8Rng, kind: usize) -> Option<Result<Seen, String>> {
    let mut fork = world.clone();
    if let Some((name, went_back)) = kind
        .checked_sub(CLASSES.len())
        .and_then(|story| STORIES.get(story))
    {
        return Some(late(fork, rng, name, *went_back));
    }
    stir(&mut fork, rng);
    let mut classes = vec![CLASSES.get(kind)?];
    // A header that lies about the body leaves nothing to prove, so only what bodies say is mixed.
    if rng.random_bool(0.1) && classes[0].is_about_body() {
        classes.extend(CLASSES.choose(rng).filter(|class| class.is_about_body()));
    }
    let told = match Lie::new(&fork, rng).tell(&classes) {
        Some(told) => told,
        // The second may find nothing to lie about, or nothing more.
        None => {
            classes.truncate(1);
            Lie::new(&fork, rng).tell(&classes)?
        }
    };
    let zeal = if rng.random_bool(0.02) {
        Zeal::All
    } else {
        Zeal::Indexed
    };
    Some(examine(fork, rng, &classes, told, zeal))
}

/// Events on the way: some that the origin reaches, and at times a deposit that it does not.
fn stir(fork: &mut World, rng: &mut ChaCha8Rng) {
    if rng.random_bool(0.6) {
        game::stir(fork, rng);
        fork.ethereum.advance(1);
    }
    if rng.random_bool(0.3) {
        game::deposit_eth(fork, rng);
    }
}

/// After a halt the ledger takes no payment, and Ethereum no anchor.
pub(crate) fn halted(world: &World, rng: &mut ChaCha8Rng) -> Option<Result<Seen, String>> {
    let mut fork = world.clone();
    let mut lie = Lie::new(&fork, rng);
    let (transaction, key) = lie.transfer()?;
    lie.push_signed(transaction, key)?;
    let told = lie.tell(&[])?;
    let answer = told.answer(&fork);
    if answer != Answer::Unprovable("Halted") {
        return Some(Err(format!("a payment after the halt: {:?}", told.verdict)));
    }
    fork.chain.blocks.push(Decided::new(told.header, told.body));
    if fork.anchor(0) {
        return Some(Err("a block is anchored after the halt".into()));
    }
    Some(Ok(Seen {
        classes: vec!["payment after the halt"],
        reason: Some("free Halted".into()),
        ..Seen::default()
    }))
}

fn examine(
    mut fork: World,
    rng: &mut ChaCha8Rng,
    classes: &[&Class],
    told: Told,
    zeal: Zeal,
) -> Result<Seen, String> {
    let height = fork.chain.top() + 1;
    let answer = told.answer(&fork);
    let mut seen = Seen {
        classes: classes.iter().map(|class| class.name).collect(),
        ..Seen::default()
    };
    seen.reason = match &answer {
        Answer::Stands => None,
        Answer::Provable(reason) => Some(format!("own {reason}")),
        Answer::Unprovable(reason) => Some(format!("free {reason}")),
    };
    if let [class] = classes {
        meant(class, &answer).map_err(|said| format!("{said}: {:?}", told.verdict))?;
    }
    let is_header_odd = fork.ethereum.newest().height.0 < told.header.l1_height.0
        || matches!(answer, Answer::Unprovable("OriginBackwards" | "OriginChanged"));
    fork.chain.blocks.push(Decided::new(told.header, told.body));
    let tail = rng.random_range(0..3u8).max(u8::from(is_header_odd));
    for _ in 0..tail {
        follow(&mut fork, Vec::new());
    }
    if !fork.anchor(rng.random_range(0..8)) {
        return Err(format!(
            "a certified header of height {} is not anchored: {:?}",
            fork.chain.top(),
            told.verdict
        ));
    }
    let (tried, successes) = watcher::watch(&mut fork, rng, zeal);
    seen.tried = tried;
    seen.proofs = successes.iter().map(|success| success.proof).collect();
    match answer {
        Answer::Stands if !successes.is_empty() => {
            return Err(format!(
                "the ledger takes the block, and {:?} succeed",
                seen.proofs
            ));
        }
        Answer::Provable(reason) if successes.is_empty() => {
            return Err(format!(
                "the ledger refuses ({reason}: {:?}) and none of {tried} proofs succeeds",
                told.verdict
            ));
        }
        Answer::Unprovable(reason) if classes.len() == 1 && !successes.is_empty() => {
            return Err(format!(
                "{reason} should have no proof, and {:?} succeed",
                seen.proofs
            ));
        }
        _ => {}
    }
    halts(&mut fork, &successes, height)?;
    Ok(seen)
}

/// Every proof halts right below the block, also when its signers are accused.
fn halts(fork: &mut World, successes: &[Success], height: u32) -> Result<(), String> {
    if let Some(wrong) = successes
        .iter()
        .find(|success| success.last_valid.0 + 1 != height)
    {
        let (proof, last) = (wrong.proof, wrong.last_valid);
        return Err(format!(
            "block {height} is the invalid one, and {proof} says that {last} is the last valid one"
        ));
    }
    let Some(first) = successes.first() else {
        return Ok(());
    };
    watcher::accuse(fork, first).map_err(|reason| {
        format!(
            "{} convicts nobody: {}",
            first.proof,
            revm::primitives::hex::encode(reason)
        )
    })
}

/// The class and the ledger mean the same.
fn meant(class: &Class, answer: &Answer) -> Result<(), String> {
    let is_right = match (class.meaning, answer) {
        (Meaning::Owns, Answer::Provable(_)) | (Meaning::Free, Answer::Unprovable(_)) => true,
        (Meaning::Harmless, Answer::Stands) => true,
        // The two classes of two answers; see `verdict`.
        (Meaning::Free, Answer::Provable(reason)) => reason == "InputExiting, paid since",
        (Meaning::Owns, Answer::Unprovable(reason)) => {
            *reason == "InputGone, reclaimed since the anchor before"
        }
        _ => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(format!(
            "\"{}\" is meant to be {:?} and the ledger says {answer:?}",
            class.name, class.meaning
        ))
    }
}

/// One more certified block of this body on top of whatever is there.
fn follow(fork: &mut World, body: Vec<Vec<u8>>) {
    let last = fork.chain.blocks.last().expect("there is a genesis block").header;
    let newest = fork.ethereum.newest();
    let leaves = leaves(&body);
    let mut header = Header {
        height: plasma_core::Height(fork.chain.top() + 1),
        transaction_count: u32::try_from(leaves.len()).expect("few"),
        parent: last.id(),
        transactions_root: merkle::root(&leaves),
        l1_height: newest.height,
        l1_hash: newest.hash,
        timestamp_ms: Millis(last.timestamp_ms.0 + 1),
        ..last
    };
    let leaf = plasma_core::history::leaf(
        header.height,
        header.transaction_count,
        header.transactions_root,
        header.l1_height,
    );
    header.history_root = fork.chain.root_with(leaf);
    fork.chain.blocks.push(Decided::new(header, body));
}

/// A deposit is left out, which nothing proves, and funded behind the next anchor, which something must.
fn late(mut fork: World, rng: &mut ChaCha8Rng, name: &'static str, went_back: bool) -> Result<Seen, String> {
    let number: u64 = fork
        .ethereum
        .ask(fork.site.contracts.vault, vault::DepositCountCall);
    game::deposit_eth(&mut fork, rng);
    fork.ethereum.advance(1);
    let record: vault::Deposit = fork
        .ethereum
        .ask(fork.site.contracts.vault, vault::DepositsCall { number });
    let owner = plasma_core::Address(record.owner.0);
    follow(&mut fork, Vec::new());
    let mut seen = Seen {
        classes: vec![name],
        ..Seen::default()
    };
    if !fork.anchor(0) {
        return Err("a block without a deposit is not anchored".into());
    }
    let (_, successes) = watcher::watch(&mut fork, rng, Zeal::Indexed);
    if !successes.is_empty() {
        return Err(format!(
            "an omitted deposit should have no proof, and {} succeeds",
            successes[0].proof
        ));
    }
    if went_back {
        let place = fork.site.contracts.vault;
        let started = fork.send(owner, &call(place, bond(), vault::StartReclaimCall { number }));
        fork.ethereum.advance(RECLAIM_WINDOW);
        let ended = fork.send(
            owner,
            &call(
                place,
                plasma_core::Amount::ZERO,
                vault::FinalizeReclaimCall { number },
            ),
        );
        if started.is_err() || ended.is_err() {
            return Err("a deposit that was left out does not go back".into());
        }
        fork.ethereum.advance(1);
    }
    let amount = plasma_node::bridge::convert::from_u256(record.amount);
    let number = plasma_core::DepositNumber(number);
    let fund = plasma_core::Transaction::fund(number, owner, plasma_core::Address::ZERO, amount);
    follow(&mut fork, vec![fund.unsigned().encode()]);
    let height = fork.chain.top();
    if !fork.anchor(0) {
        return Err("a late fund is not anchored".into());
    }
    let (tried, successes) = watcher::watch(&mut fork, rng, Zeal::Indexed);
    (seen.tried, seen.proofs) = (tried, successes.iter().map(|success| success.proof).collect());
    let has = |proof: &str| seen.proofs.contains(&proof);
    if !has("proveLateFund") || went_back != has("proveBadFund") {
        return Err(format!("a late fund is proven by {:?}", seen.proofs));
    }
    halts(&mut fork, &successes, height)?;
    Ok(seen)
}
