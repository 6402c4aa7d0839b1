//! Property 2, second half: ids, digests, roots and positions of random content are the same on both sides.
//!
//! A case is one thing of one kind.

use ethers_core::types::U256;
use plasma_core::{
    Address, Amount, BlockId, DepositNumber, Epoch, Hash, Header, Height, L1Height, Millis, Position,
    PublicKey, Transaction, View, history, merkle,
};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    bindings::law,
    ethereum::{Ethereum, Outcome, call},
    forms::{h160, u256},
    site::Site,
};

type Side<'a> = (&'a Site, &'a mut Ethereum, &'a mut ChaCha8Rng);

/// A kind of thing and how it is compared.
type Comparison = (&'static str, fn(Side<'_>) -> Result<(), String>);

/// Every kind.
pub(crate) const THINGS: [Comparison; 11] = [
    ("notarize digest", notarize),
    ("nullify digest", nullify),
    ("finalize digest", finalize),
    ("committee digest", committee),
    ("possession digest", possession),
    ("status digest", status),
    ("admission digest", admission),
    ("header", header),
    ("fund id", fund_id),
    ("position", position),
    ("tree", tree),
];

/// One thing of a kind.
pub(crate) fn case(
    site: &Site,
    ethereum: &mut Ethereum,
    rng: &mut ChaCha8Rng,
    kind: usize,
) -> Result<&'static str, String> {
    let (name, compare) = THINGS[kind % THINGS.len()];
    compare((site, ethereum, rng)).map_err(|said| format!("{name}: {said}"))?;
    Ok(name)
}

fn same(here: Hash, there: [u8; 32]) -> Result<(), String> {
    if here.0 == there {
        Ok(())
    } else {
        Err(format!("{here} here and {} there", Hash(there)))
    }
}

/// The fields of a statement.
struct Statement {
    tag: u8,
    epoch: u64,
    view: u64,
    parent: u64,
    id: Hash,
}

fn there(site: &Site, ethereum: &mut Ethereum, said: &Statement) -> [u8; 32] {
    let arguments = law::StatementCall {
        federation: h160(site.contracts.federation),
        tag: said.tag,
        epoch: said.epoch,
        view_number: said.view,
        parent_view: said.parent,
        id: said.id.0,
    };
    ethereum.ask(site.law, arguments)
}

fn number(rng: &mut ChaCha8Rng) -> u64 {
    rng.random::<u64>() >> rng.random_range(0..64u32)
}

fn hash(rng: &mut ChaCha8Rng) -> Hash {
    Hash(rng.random())
}

fn address(rng: &mut ChaCha8Rng) -> Address {
    Address(rng.random())
}

fn notarize((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let said = Statement {
        tag: 1,
        epoch: number(rng),
        view: number(rng),
        parent: number(rng),
        id: hash(rng),
    };
    let here = site.domain.notarize(
        Epoch(said.epoch),
        View(said.view),
        View(said.parent),
        BlockId(said.id),
    );
    same(here, there(site, ethereum, &said))
}

fn nullify((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let said = Statement {
        tag: 2,
        epoch: number(rng),
        view: number(rng),
        parent: 0,
        id: Hash::ZERO,
    };
    same(
        site.domain.nullify(Epoch(said.epoch), View(said.view)),
        there(site, ethereum, &said),
    )
}

fn finalize((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let said = Statement {
        tag: 3,
        epoch: number(rng),
        view: number(rng),
        parent: 0,
        id: hash(rng),
    };
    let here = site
        .domain
        .finalize(Epoch(said.epoch), View(said.view), BlockId(said.id));
    same(here, there(site, ethereum, &said))
}

fn committee((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let said = Statement {
        tag: 4,
        epoch: number(rng),
        view: number(rng),
        parent: 0,
        id: hash(rng),
    };
    same(
        site.domain
            .committee_change(Epoch(said.epoch), said.view, said.id),
        there(site, ethereum, &said),
    )
}

fn possession((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let mut key = [0; 48];
    rng.fill(&mut key[..]);
    let operator = address(rng);
    let arguments = law::PossessionCall {
        federation: h160(site.contracts.federation),
        operator: h160(operator),
        compressed_key: key.to_vec().into(),
    };
    let there: [u8; 32] = ethereum.ask(site.law, arguments);
    same(site.domain.possession(&operator, &PublicKey(key)), there)
}

fn status((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let said = Statement {
        tag: 6,
        epoch: number(rng),
        view: 0,
        parent: 0,
        id: hash(rng),
    };
    same(
        site.domain.status(Epoch(said.epoch), said.id),
        there(site, ethereum, &said),
    )
}

fn admission((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let token = address(rng);
    let mut id = [0; 32];
    id[12..].copy_from_slice(&token.0);
    let said = Statement {
        tag: 7,
        epoch: number(rng),
        view: number(rng),
        parent: 0,
        id: Hash(id),
    };
    same(
        site.domain.token_admission(Epoch(said.epoch), said.view, &token),
        there(site, ethereum, &said),
    )
}

fn header((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let header = Header {
        height: Height(rng.random()),
        transaction_count: rng.random(),
        parent: BlockId(hash(rng)),
        transactions_root: hash(rng),
        history_root: hash(rng),
        output_commitment: hash(rng),
        l1_height: L1Height(number(rng)),
        l1_hash: hash(rng),
        timestamp_ms: Millis(number(rng)),
    };
    let bytes = header.encode().to_vec().into();
    let (id, height, root, l1_height, l1_hash): ([u8; 32], u32, [u8; 32], u64, [u8; 32]) =
        ethereum.ask(site.law, law::HeaderCall { bytes });
    same(header.id().0, id)?;
    same(header.history_root, root)?;
    same(header.l1_hash, l1_hash)?;
    let fields = height == header.height.0 && l1_height == header.l1_height.0;
    if fields && Header::decode(&header.encode()) == Some(header) {
        Ok(())
    } else {
        Err("its fields".into())
    }
}

fn fund_id((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let (number, owner, asset, amount) = (
        number(rng),
        address(rng),
        address(rng),
        Amount::from_be_bytes(rng.random::<[u8; 32]>()),
    );
    let arguments = law::FundIdCall {
        number,
        owner: h160(owner),
        asset: h160(asset),
        amount: u256(amount),
    };
    let there: [u8; 32] = ethereum.ask(site.law, arguments);
    same(
        Transaction::fund(DepositNumber(number), owner, asset, amount)
            .id()
            .0,
        there,
    )
}

fn position((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let made = Position {
        block: Height(rng.random()),
        transaction: rng.random(),
        output: rng.random(),
    };
    let arguments = law::PositionCall {
        height: made.block.0,
        transaction: made.transaction,
        output: made.output,
    };
    let (packed, height, transaction, output): (u128, u32, u32, u8) = ethereum.ask(site.law, arguments);
    let read = Position {
        block: Height(height),
        transaction,
        output,
    };
    let same = packed == made.pack() && read == made && Position::unpack(packed) == Some(made);
    if same {
        Ok(())
    } else {
        Err(format!("{made} is {packed} there"))
    }
}

/// A proof of a tree of any size, at times with one thing changed: both sides take it or neither does.
fn tree((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let size = rng.random_range(1..40u32);
    let leaves: Vec<Hash> = (0..size).map(|_| hash(rng)).collect();
    let (mut index, mut count) = (rng.random_range(0..size), size);
    let mut path = merkle::proof(&leaves, crate::chain::index(index));
    let leaf = leaves[crate::chain::index(index)];
    let root = merkle::root(&leaves);
    match rng.random_range(0..8) {
        0 => index = rng.random_range(0..64),
        1 => count = rng.random_range(0..64),
        2 => path.push(merkle::PAD),
        3 => drop(path.pop()),
        4 if !path.is_empty() => path[0] = hash(rng),
        _ => {}
    }
    let here = merkle::verify(leaf, index, count, &path, root);
    let arguments = law::RootCall {
        leaf: leaf.0,
        index: U256::from(index),
        count: U256::from(count),
        path: path.iter().map(|hash| hash.0).collect(),
    };
    let there = match ethereum.peek(Address::ZERO, &call(site.law, Amount::ZERO, arguments)) {
        Outcome::Done { output, .. } => output == root.0,
        Outcome::Refused(_) => false,
    };
    if here != there {
        return Err(format!(
            "index {index} of {count} with {} siblings: {here} here, {there} there",
            path.len()
        ));
    }
    history_leaf((site, ethereum, rng))
}

fn history_leaf((site, ethereum, rng): Side<'_>) -> Result<(), String> {
    let (height, count, root, l1_height): (u32, u32, Hash, u64) = (0, rng.random(), hash(rng), number(rng));
    let leaf = history::leaf(Height(height), count, root, L1Height(l1_height));
    let inclusion = law::Inclusion {
        height,
        transaction_count: count,
        transactions_root: root.0,
        l_1_height: l1_height,
        ..law::Inclusion::default()
    };
    // A history of one block has its leaf as its root.
    let arguments = law::HistoryLeafCall {
        inclusion,
        top: 0,
        history_root: leaf.0,
    };
    let there: [u8; 32] = ethereum.ask(site.law, arguments);
    same(leaf, there)
}
