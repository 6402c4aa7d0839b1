//! A deployed federation of four with its vault, games and fraud proofs, from the bytecode that everybody deploys.
//!
//! Windows are nearly as short as the constructor allows. Every spend of a paid output that is anchored after the payout is
//! convicted (docs/contracts.md).

use std::{path::Path, sync::Arc};

use plasma_core::{
    Address, Amount, Certificate, Domain, Epoch, Header, L1Block, OperatorIndex, SecretKey, SigningKey, View,
    keccak,
};
use plasma_node::bridge::{
    Contracts,
    account::Call,
    contracts::Parameters,
    deploy::{NewMember, Site as Place},
};

use crate::{
    artifact,
    bindings::law,
    ethereum::{CHAIN_ID, Ethereum, Outcome, call},
    forms::{h160, u256},
};

/// Operators of the committee: the smallest that survives a liar.
const OPERATORS: u16 = 4;
/// People who pay each other.
pub(crate) const USERS: u8 = 5;
/// What an exit, and every claim and reclaim, holds.
pub(crate) const BOND: u64 = 1_000;
/// The shortest exit, seconds; L1 has a block every second.
pub(crate) const PERIOD: u64 = 80;
/// What an anchor may lag behind the one before, seconds: silence and twice the grace.
pub(crate) const ANCHOR_EVERY_MAX: u64 = SILENCE + 2 * GRACE;
/// How old an anchor's origin may be, L1 blocks.
pub(crate) const ORIGIN_WINDOW: u64 = 13;
/// How long a reclaim can be challenged, seconds.
pub(crate) const RECLAIM_WINDOW: u64 = 5;
/// Time without an anchor after which anybody may say so, and what is left to the federation then, seconds.
pub(crate) const SILENCE: u64 = 9;
pub(crate) const GRACE: u64 = 1;

/// Somebody without any part in it, who has enough for a bond.
pub(crate) const ANYBODY: Address = Address([0x55; 20]);

/// Sets of operators that decide: all, and each quorum.
const QUORUMS: [u16; 5] = [0b1111, 0b0111, 0b1011, 0b1101, 0b1110];

/// Everything about a deployment that does not change; shared by all forks.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where the contracts stand.
    pub(crate) contracts: Contracts,
    /// What signatures are about.
    pub(crate) domain: Domain,
    /// The harness's own contract.
    pub(crate) law: Address,
    /// A token that the vault lists.
    pub(crate) token: Address,
    /// Whether split and merge are transactions here.
    pub(crate) legacy: bool,
    /// The first origin.
    pub(crate) deployment: L1Block,
    /// The people, by number.
    pub(crate) users: Vec<SigningKey>,
    /// For each of `QUORUMS` the sum of its keys: one signature stands for the aggregate.
    quorums: Vec<(u16, SecretKey)>,
}

impl Site {
    /// Deploys everything on a chain of its own. `out` names a folder of forge whose code replaces the committed one.
    pub(crate) fn deploy(legacy: bool, out: Option<&Path>) -> (Arc<Self>, Ethereum) {
        let mut ethereum = Ethereum::new(1_000_000, 1_700_000_000);
        let deployer = Address([0xde; 20]);
        ethereum.enrich(deployer);
        let helpers = Place::of(deployer, 0, CHAIN_ID);
        create(
            &mut ethereum,
            deployer,
            artifact::code(out, "Tokens.sol", "Plain"),
        );
        create(&mut ethereum, deployer, artifact::code(out, "Law.sol", "Law"));
        let (token, law) = (helpers.contracts().federation, helpers.contracts().exit_game);
        let place = Place::of(deployer, 2, CHAIN_ID);
        let secrets: Vec<SecretKey> = (0..OPERATORS).map(secret).collect();
        let members: Vec<NewMember> = (0..OPERATORS)
            .zip(&secrets)
            .map(|(index, key)| member(&place, index, key))
            .collect();
        let creations = place
            .creations(&parameters(legacy), &members, &[token])
            .expect("keys are points");
        for creation in creations {
            let code = replaced(out, &creation.call);
            create(&mut ethereum, deployer, code);
        }
        ethereum.enrich(ANYBODY);
        let users: Vec<SigningKey> = (1..=USERS).map(user).collect();
        ethereum.advance(1);
        let deployment = ethereum.newest();
        let contracts = *place.contracts();
        for user in &users {
            endow(&mut ethereum, token, contracts.vault, user.address());
        }
        let quorums = QUORUMS.iter().map(|set| (*set, sum(*set, &secrets))).collect();
        let site = Self {
            contracts,
            domain: place.domain(),
            law,
            token,
            legacy,
            deployment,
            users,
            quorums,
        };
        (Arc::new(site), ethereum)
    }

    /// A finalize certificate by some quorum, whatever the header says.
    pub(crate) fn certify(&self, header: &Header, choice: usize) -> Certificate {
        let (set, key) = &self.quorums[choice % self.quorums.len()];
        let mut signers = plasma_core::Bitmap::default();
        for index in (0..OPERATORS).filter(|index| set >> index & 1 == 1) {
            signers.insert(OperatorIndex(index));
        }
        let (epoch, view, block) = (Epoch(0), View(9), header.id());
        let signature = key.sign(&self.domain.finalize(epoch, view, block));
        Certificate {
            epoch,
            view,
            block,
            signers,
            signature,
        }
    }

    /// The key of a user.
    pub(crate) fn key_of(&self, owner: Address) -> Option<&SigningKey> {
        self.users.iter().find(|key| key.address() == owner)
    }
}

fn parameters(legacy_transactions: bool) -> Parameters {
    Parameters {
        exit_period_s: PERIOD,
        exit_bond: Amount::from(BOND),
        origin_window: ORIGIN_WINDOW,
        l1_block_time_s: 1,
        silence_s: SILENCE,
        grace_s: GRACE,
        legacy_transactions,
        operator_bond: Amount::from(1_000_000u64),
        committee_delay_s: 2 * PERIOD + 1,
        reclaim_window_s: RECLAIM_WINDOW,
    }
}

fn create(ethereum: &mut Ethereum, deployer: Address, data: Vec<u8>) {
    let call = Call {
        label: String::new(),
        to: None,
        value: Amount::ZERO,
        data,
    };
    match ethereum.send(deployer, &call) {
        Outcome::Done { .. } => {}
        Outcome::Refused(reason) => {
            panic!("a constructor refuses: {}", revm::primitives::hex::encode(reason))
        }
    }
}

/// ETH and tokens for a user, and leave for the vault to take them.
fn endow(ethereum: &mut Ethereum, token: Address, vault: Address, user: Address) {
    ethereum.enrich(user);
    let amount = u256(Amount::from(u128::MAX));
    let (owner, spender) = (h160(user), h160(vault));
    let minted = call(token, Amount::ZERO, law::MintCall { owner, amount });
    let allowed = call(token, Amount::ZERO, law::ApproveCall { spender, amount });
    for call in [minted, allowed] {
        let done = ethereum.send(user, &call).logs().is_some();
        assert!(done, "the token gives and lets take");
    }
}

/// The same arguments behind other code: what a broken copy of a contract is tried with.
fn replaced(out: Option<&Path>, creation: &Call) -> Vec<u8> {
    use plasma_contracts_abi::{
        exit_game::EXITGAME_BYTECODE, federation::FEDERATION_BYTECODE, fraud_proofs::FRAUDPROOFS_BYTECODE,
        vault::VAULT_BYTECODE,
    };
    let (name, committed) = match creation.label.trim_start_matches("deployment of ") {
        "Federation" => ("Federation", &FEDERATION_BYTECODE),
        "ExitGame" => ("ExitGame", &EXITGAME_BYTECODE),
        "Vault" => ("Vault", &VAULT_BYTECODE),
        _ => ("FraudProofs", &FRAUDPROOFS_BYTECODE),
    };
    let (code, arguments) = creation.data.split_at(committed.len());
    let code = artifact::replacement(out, &format!("{name}.sol"), name).unwrap_or_else(|| code.to_vec());
    [&code, arguments].concat()
}

fn secret(index: u16) -> SecretKey {
    SecretKey::from_seed(&keccak(&[b"operator", &index.to_be_bytes()]).0)
}

fn user(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).expect("a small scalar")
}

fn member(place: &Place, index: u16, key: &SecretKey) -> NewMember {
    let [high, low] = index.to_be_bytes();
    let mut operator = Address([0xa0; 20]);
    [operator.0[18], operator.0[19]] = [high, low];
    let possession = key.sign(&place.domain().possession(&operator, &key.public()));
    let peer = keccak(&[b"peer", &index.to_be_bytes()]);
    NewMember {
        operator,
        key: key.public(),
        possession,
        peer,
    }
}

fn sum(set: u16, secrets: &[SecretKey]) -> SecretKey {
    let signers = (0u16..).zip(secrets).filter(|(index, _)| set >> index & 1 == 1);
    plasma_law::quorum::sum(signers.map(|(_, key)| key))
}
