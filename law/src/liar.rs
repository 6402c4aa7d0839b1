//! A lying quorum: it takes the block that an honest leader would propose, breaks something, and certifies it.
//!
//! Every class of lie is one entry of [`CLASSES`], with what we mean it to be. Classes are tried in turn, so none stays
//! away by bad luck.

mod content;
mod funds;
mod headers;
mod spends;

use std::collections::BTreeSet;

use plasma_core::{
    AuthenticTransaction, Hash, Header, Kind, L1Event, OutputRecord, Position, SignedTransaction, SigningKey,
    Transaction, merkle,
};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    books::authentic,
    chain::leaves,
    payments::{self, Held},
    verdict::{self, Answer, Verdict},
    world::World,
};

/// What a lie is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meaning {
    /// A rule that decides who owns what is broken: some proof must halt the chain.
    Owns,
    /// Another rule is broken: the ledger refuses, and no proof may succeed.
    Free,
    /// Nothing is broken.
    Harmless,
}

/// A way to lie.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) meaning: Meaning,
    /// Changes the body, and what follows from it in the header is put right.
    body: Option<fn(&mut Lie<'_>) -> Option<()>>,
    /// Changes the finished header.
    header: Option<fn(&mut Header, &mut Lie<'_>) -> Option<()>>,
}

impl Class {
    /// Whether the header stays one that fits the body.
    pub(crate) fn is_about_body(&self) -> bool {
        self.body.is_some()
    }
}

const fn body(name: &'static str, meaning: Meaning, change: fn(&mut Lie<'_>) -> Option<()>) -> Class {
    Class {
        name,
        meaning,
        body: Some(change),
        header: None,
    }
}

const fn header(
    name: &'static str,
    meaning: Meaning,
    change: fn(&mut Header, &mut Lie<'_>) -> Option<()>,
) -> Class {
    Class {
        name,
        meaning,
        body: None,
        header: Some(change),
    }
}

/// Every class. A new rule of the ledger gets its line here.
pub(crate) const CLASSES: &[Class] = &[
    body("valid block", Meaning::Harmless, |_| Some(())),
    body("kind byte unknown", Meaning::Owns, content::kind),
    body("counts not of the kind", Meaning::Owns, content::counts),
    body("length not of the counts", Meaning::Owns, content::length),
    body("output of amount zero", Meaning::Owns, content::amount_zero),
    body("output of owner zero", Meaning::Owns, content::owner_zero),
    body("input twice in one transaction", Meaning::Owns, content::repeated),
    body("sums differ", Meaning::Owns, content::sums),
    body("sum overflows", Meaning::Owns, content::overflow),
    body("legacy kind moves a token", Meaning::Owns, content::legacy_asset),
    body("legacy kind expires", Meaning::Owns, content::legacy_expiry),
    body(
        "legacy kind where there are none",
        Meaning::Owns,
        content::legacy_kind,
    ),
    body("legacy input of a far output", Meaning::Owns, content::legacy_far),
    body("fund off its template", Meaning::Owns, content::fund_template),
    body("fund is signed", Meaning::Owns, content::fund_signed),
    body("recovery byte", Meaning::Owns, content::recovery_byte),
    body("r or s out of range", Meaning::Owns, content::range),
    body("s in the upper half", Meaning::Owns, content::high_s),
    body(
        "signature of nobody or a stranger",
        Meaning::Owns,
        content::garbled,
    ),
    body("signed by a stranger", Meaning::Owns, content::stranger),
    body("signed for another deployment", Meaning::Owns, content::elsewhere),
    body("expired", Meaning::Owns, content::expired),
    body("output spent before", Meaning::Owns, spends::spent),
    body("transaction included again", Meaning::Owns, spends::again),
    body("output spent twice in the block", Meaning::Owns, spends::twice),
    body("input states another amount", Meaning::Owns, spends::amount),
    body("input of another asset", Meaning::Owns, spends::asset),
    body("input of another owner", Meaning::Owns, spends::foreign),
    body("input of its own block", Meaning::Owns, spends::own_block),
    body("input of a later block", Meaning::Owns, spends::later_block),
    body("input of block zero", Meaning::Owns, spends::block_zero),
    body(
        "input of an absent transaction",
        Meaning::Owns,
        spends::absent_transaction,
    ),
    body("input of an absent output", Meaning::Owns, spends::absent_output),
    body("output that an exit paid", Meaning::Owns, spends::exited),
    body(
        "output of a deposit that went back",
        Meaning::Owns,
        spends::reclaimed,
    ),
    body("fund of no deposit", Meaning::Owns, funds::absent),
    body("fund before its deposit", Meaning::Owns, funds::early),
    body("fund with another owner", Meaning::Owns, funds::owner),
    body("fund with another amount", Meaning::Owns, funds::amount),
    body("fund with another asset", Meaning::Owns, funds::asset),
    body("deposit funded again", Meaning::Owns, funds::double),
    body("deposit funded twice in the block", Meaning::Owns, funds::twice),
    body("output under an open exit", Meaning::Free, spends::locked),
    body(
        "output that this block's events touch",
        Meaning::Free,
        spends::touched,
    ),
    body("fund in its place with a change", Meaning::Owns, funds::changed),
    body("deposit left out", Meaning::Free, funds::omitted),
    body("fund behind the payments", Meaning::Free, funds::behind),
    body("forced payment left out", Meaning::Free, funds::unforced),
    body("no fee", Meaning::Free, spends::no_fee),
    body("too many transactions", Meaning::Free, spends::too_many),
    body("too many bytes", Meaning::Free, spends::too_long),
    header("height skipped", Meaning::Free, headers::height),
    header("another parent", Meaning::Free, headers::parent),
    header("clock stands still", Meaning::Free, headers::timestamp),
    header("origin goes back", Meaning::Free, headers::origin_back),
    header("origin is another block", Meaning::Free, headers::origin_changed),
    header("transaction count", Meaning::Free, headers::count),
    header("transactions root", Meaning::Free, headers::transactions_root),
    header("history root", Meaning::Free, headers::history_root),
    header("output commitment", Meaning::Free, headers::commitment),
    body("payments in another order", Meaning::Harmless, spends::reordered),
    body("payment left out", Meaning::Harmless, spends::left_out),
    body("one more payment", Meaning::Harmless, spends::one_more),
    body(
        "expires at this very height",
        Meaning::Harmless,
        spends::just_in_time,
    ),
];

/// A block in the making, and what the liar knows.
pub(crate) struct Lie<'a> {
    pub(crate) world: &'a World,
    pub(crate) rng: &'a mut ChaCha8Rng,
    /// Events of (the head's origin, this block's).
    pub(crate) events: Vec<L1Event>,
    /// What lies in the block.
    pub(crate) body: Vec<Vec<u8>>,
    /// How many of them L1 demands at the front.
    pub(crate) derived: usize,
    /// Every output as this block's events leave it.
    pub(crate) outputs: Vec<Held>,
    /// What those events touch.
    pub(crate) touched: BTreeSet<Position>,
    header: Header,
}

/// A finished block and what an honest operator says about it.
pub(crate) struct Told {
    pub(crate) header: Header,
    pub(crate) body: Vec<Vec<u8>>,
    pub(crate) verdict: Verdict,
}

impl Told {
    /// What L1 must make of it.
    pub(crate) fn answer(&self, world: &World) -> Answer {
        self.verdict.answer(world, &self.header, &self.body)
    }
}

impl<'a> Lie<'a> {
    /// The honest block that the world would decide now: a copy of it is what the liar starts from.
    pub(crate) fn new(world: &'a World, rng: &'a mut ChaCha8Rng) -> Self {
        let newest = world.ethereum.newest();
        let head = world.head();
        let stays = rng.random_bool(0.15);
        let mut origin = newest;
        if stays {
            (origin.height, origin.hash) = (head.l1_height, head.l1_hash);
        }
        let events = world.events_to(origin.height);
        let (_, bare) = world.books.build(world.choice(origin, &[]), &events);
        let candidates = payments::some(&world.site, &world.books, rng, 4);
        let (block, _) = world.books.build(world.choice(origin, &candidates), &events);
        let mut outputs = world.books.outputs.clone();
        outputs.extend(bare.outputs.iter().map(|(position, record)| (*position, *record)));
        let height = block.header.height;
        outputs.retain(|position, _| position.block < height);
        let touched = bare.outputs.keys().copied().collect();
        let body = block
            .transactions
            .iter()
            .map(|one| one.signed().encode())
            .collect();
        let derived = bare.transactions.len();
        let outputs = outputs.into_iter().collect();
        Self {
            world,
            rng,
            events,
            body,
            derived,
            outputs,
            touched,
            header: block.header,
        }
    }

    /// Tells the lie; `None` when this world has nothing to lie about in that way.
    pub(crate) fn tell(mut self, classes: &[&Class]) -> Option<Told> {
        for change in classes.iter().filter_map(|class| class.body) {
            change(&mut self)?;
        }
        let mut header = self.sealed();
        let mut judged = verdict::judge(self.world, &header, &self.body, &self.events);
        // A liar who wants to be believed computes the commitment like everybody else.
        if let Some(expected) = judged.commitment() {
            header.output_commitment = expected;
            judged = verdict::judge(self.world, &header, &self.body, &self.events);
        }
        let fitting = header;
        for change in classes.iter().filter_map(|class| class.header) {
            change(&mut header, &mut self)?;
        }
        if header != fitting {
            judged = verdict::judge(self.world, &header, &self.body, &self.events);
        }
        Some(Told {
            header,
            body: self.body,
            verdict: judged,
        })
    }

    /// The header that fits the body.
    fn sealed(&self) -> Header {
        let leaves = leaves(&self.body);
        let count = u32::try_from(leaves.len()).expect("few");
        let root = merkle::root(&leaves);
        let mut header = Header {
            transaction_count: count,
            transactions_root: root,
            ..self.header
        };
        let leaf = plasma_core::history::leaf(header.height, count, root, header.l1_height);
        header.history_root = self.world.chain.root_with(leaf);
        header.output_commitment = Hash::ZERO;
        header
    }

    /// This block's height.
    pub(crate) fn height(&self) -> u32 {
        self.header.height.0
    }

    /// This block's L1 origin.
    pub(crate) fn origin(&self) -> u64 {
        self.header.l1_height.0
    }

    /// Puts bytes somewhere among the clients' transactions.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> Option<()> {
        let place = self.rng.random_range(self.derived..=self.body.len());
        self.body.insert(place, bytes);
        Some(())
    }

    /// Clients' transactions of the body, decoded, with their places.
    pub(crate) fn clients(&self) -> Vec<(usize, AuthenticTransaction)> {
        let read =
            |(place, bytes): (usize, &Vec<u8>)| Some((place, authentic(bytes, &self.world.books.params)?));
        self.body
            .iter()
            .enumerate()
            .skip(self.derived)
            .filter_map(read)
            .collect()
    }

    /// Outputs that nothing hinders from being spent here, and no transaction of the body spends.
    pub(crate) fn free(&self) -> Vec<Held> {
        let used: BTreeSet<Position> = self.used();
        let is_free = |(position, record): &&Held| {
            record.is_unspent()
                && record.output.locks == 0
                && !self.touched.contains(position)
                && !used.contains(position)
        };
        self.outputs.iter().filter(is_free).copied().collect()
    }

    /// Outputs with a condition.
    pub(crate) fn outputs_that(&self, is_meant: impl Fn(&OutputRecord) -> bool) -> Vec<Held> {
        self.outputs
            .iter()
            .filter(|(_, record)| is_meant(record))
            .copied()
            .collect()
    }

    /// One free output, or a few of one owner and asset.
    pub(crate) fn some_free(&mut self) -> Option<Vec<Held>> {
        let free = self.free();
        let first = *free.choose(self.rng)?;
        let alike = |held: &&Held| {
            held.0 != first.0
                && held.1.output.owner == first.1.output.owner
                && held.1.output.asset == first.1.output.asset
        };
        let more = self.rng.random_range(0..3);
        Some(
            std::iter::once(first)
                .chain(free.iter().filter(alike).take(more).copied())
                .collect(),
        )
    }

    /// A valid transfer of free outputs, not yet signed, and the key that should.
    pub(crate) fn transfer(&mut self) -> Option<(Transaction, &'a SigningKey)> {
        let held = self.some_free()?;
        self.transfer_of(&held)
    }

    /// A transfer of these outputs that is right in itself.
    pub(crate) fn transfer_of(&mut self, held: &[Held]) -> Option<(Transaction, &'a SigningKey)> {
        let key = self.world.site.key_of(held.first()?.1.output.owner)?;
        Some((payments::transfer(&self.world.site, self.rng, held)?, key))
    }

    /// Signs and puts a transaction into the body.
    pub(crate) fn push_signed(&mut self, transaction: Transaction, key: &SigningKey) -> Option<()> {
        let bytes = payments::sign(&self.world.site.domain, key, transaction);
        self.push(bytes)
    }

    /// A valid transfer with one change, signed after it.
    pub(crate) fn push_changed(&mut self, change: impl FnOnce(&mut Transaction) -> Option<()>) -> Option<()> {
        let (mut transaction, key) = self.transfer()?;
        change(&mut transaction)?;
        self.push_signed(transaction, key)
    }

    fn used(&self) -> BTreeSet<Position> {
        let decoded = self
            .body
            .iter()
            .filter_map(|bytes| SignedTransaction::decode(bytes).ok());
        decoded
            .filter(|signed| signed.transaction.kind != Kind::Fund)
            .flat_map(|signed| signed.transaction.inputs)
            .map(|input| input.position)
            .collect()
    }
}
