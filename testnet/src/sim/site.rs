//! A federation deployed on the simulated Ethereum from the bytecode that everybody deploys; made once per size and process,
//! every run begins with a copy.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use plasma_core::{
    Address, Amount, Bitmap, Certificate, Committee, Domain, Epoch, Genesis, GenesisMember, Hash, L1Block,
    SecretKey, SigningKey, bls::Signature,
};
use plasma_law::{
    ethereum::{CHAIN_ID, Ethereum, Outcome},
    quorum,
};
use plasma_node::{
    bridge::{
        Contracts,
        contracts::Parameters,
        deploy::{NewMember, Site as Place},
    },
    directory::{Directory, Roster},
};

use crate::deploy::joining;

use super::{peers, scheme::is_certified};

/// When a run begins, seconds of Ethereum's clock and of everybody's.
pub(super) const START_S: u64 = 1_800_000_000;
/// People who pay each other; the last ones steal.
pub(super) const USERS: u8 = 8;
/// What an exit holds.
pub(super) const BOND: u64 = 1_000;
/// Time without an anchor after which the federation may be halted, seconds.
pub(super) const SILENCE_S: u64 = 60;
/// What is left to it then.
pub(super) const GRACE_S: u64 = 20;
/// Time in which a reclaim may be answered: every operator has its turn in it.
const RECLAIM_S: u64 = 20;
/// How old an anchor's origin may be, L1 blocks of a second.
const ORIGIN_WINDOW: u64 = 100;
/// The shortest exit period that the contract takes with these.
pub(super) const EXIT_PERIOD_S: u64 = 2 * (ORIGIN_WINDOW + SILENCE_S + 2 * GRACE_S + RECLAIM_S);
/// Block in which everything is deployed.
const FIRST: u64 = 1_000;
/// L1 blocks above an origin.
pub(super) const CONFIRMATIONS: u32 = 2;

/// Operators that have no seat at first.
pub(super) const NEWCOMERS: u16 = 2;

/// Everything about a deployment that does not change.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) contracts: Contracts,
    pub(super) domain: Domain,
    pub(super) genesis: Genesis,
    /// The committee of epoch 0.
    pub(super) first: Roster,
    /// All operators of the world, those without a seat behind.
    pub(super) members: Vec<GenesisMember>,
    pub(super) users: Vec<SigningKey>,
    pub(super) ethereum: Ethereum,
    secrets: Vec<SecretKey>,
    /// Keys of sets of signers, each summed once.
    sums: Mutex<BTreeMap<u128, SecretKey>>,
}

/// The deployments of this process by size.
static SITES: Mutex<BTreeMap<u16, Arc<Site>>> = Mutex::new(BTreeMap::new());

impl Site {
    /// The deployment of a committee of this size.
    pub(super) fn of(n: u16) -> Arc<Self> {
        let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
        let site = sites.entry(n).or_insert_with(|| Arc::new(Self::deploy(n)));
        Arc::clone(site)
    }

    fn deploy(n: u16) -> Self {
        let mut ethereum = Ethereum::new(FIRST, START_S - 10);
        let deployer = Address([0xde; 20]);
        ethereum.enrich(deployer);
        let place = Place::of(deployer, 0, CHAIN_ID);
        let domain = place.domain();
        let secrets: Vec<SecretKey> = (0..n + NEWCOMERS).map(secret).collect();
        let members: Vec<GenesisMember> = (0..)
            .zip(&secrets)
            .map(|(index, key)| member(&domain, index, key))
            .collect();
        let seats: Vec<NewMember> = members.iter().take(usize::from(n)).map(joining).collect();
        let creations = place
            .creations(&parameters(), &seats, &[])
            .expect("keys are points of the curve");
        for creation in creations {
            let outcome = ethereum.send(deployer, &creation.call);
            assert!(
                matches!(outcome, Outcome::Done { .. }),
                "a constructor refuses: {outcome:?}"
            );
        }
        let users: Vec<SigningKey> = (1..=USERS)
            .map(|number| SigningKey::from_bytes(&[number; 32]).expect("a small scalar"))
            .collect();
        let rich = users.iter().map(SigningKey::address);
        for account in rich.chain(members.iter().map(|member| member.operator)) {
            ethereum.enrich(account);
        }
        ethereum.seal(START_S);
        let seated = members.iter().take(usize::from(n)).cloned().collect();
        let genesis = genesis(&domain, ethereum.newest(), seated);
        let first = Roster::new(Epoch(0), genesis.members.clone()).expect("distinct members");
        Self {
            contracts: *place.contracts(),
            domain,
            genesis,
            first,
            members,
            users,
            ethereum,
            secrets,
            sums: Mutex::default(),
        }
    }

    /// What these members of a committee sign together, for real.
    pub(super) fn sign(&self, committee: &Committee, signers: &Bitmap, digest: &Hash) -> Signature {
        let seats = signers.iter().filter_map(|seat| committee.member(seat));
        let signing: Vec<usize> = seats.map(peers::operator).collect();
        let set = signing.iter().fold(0, |set, index| set | 1 << index);
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let key = sums.entry(set).or_insert_with(|| {
            let chosen = signing.iter().filter_map(|index| self.secrets.get(*index));
            quorum::sum(chosen)
        });
        key.sign(digest)
    }

    /// The same certificate with a real signature, if the mock one verifies.
    pub(super) fn signed_for_real(
        &self,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Option<Certificate> {
        is_certified(committee, &self.domain, certificate).then(|| Certificate {
            signature: self.sign(committee, &certificate.signers, &certificate.digest(&self.domain)),
            ..certificate.clone()
        })
    }

    /// What an operator knows of committees before it looks into its folder.
    pub(super) fn directory(&self) -> Directory {
        Directory::of(self.first.clone()).expect("that of epoch 0")
    }

    /// The Ethereum account of an operator.
    pub(super) fn account(&self, index: usize) -> Address {
        self.members[index].operator
    }
}

fn parameters() -> Parameters {
    Parameters {
        exit_period_s: EXIT_PERIOD_S,
        exit_bond: Amount::from(BOND),
        origin_window: ORIGIN_WINDOW,
        l1_block_time_s: 1,
        silence_s: SILENCE_S,
        grace_s: GRACE_S,
        legacy_transactions: false,
        operator_bond: Amount::from(1_000_000u64),
        committee_delay_s: 2 * EXIT_PERIOD_S + 1,
        reclaim_window_s: RECLAIM_S,
    }
}

fn secret(index: u16) -> SecretKey {
    SecretKey::from_seed(&plasma_core::keccak(&[b"simulated operator", &index.to_be_bytes()]).0)
}

fn member(domain: &Domain, index: u16, key: &SecretKey) -> GenesisMember {
    let operator = peers::account(index);
    GenesisMember {
        operator,
        key: key.public(),
        possession: key.sign(&domain.possession(&operator, &key.public())),
        peer_id: peers::peer_id(index),
        addresses: Vec::new(),
    }
}

fn genesis(domain: &Domain, deployment: L1Block, members: Vec<GenesisMember>) -> Genesis {
    Genesis {
        version: Genesis::VERSION,
        chain_id: domain.chain_id,
        contract: domain.contract,
        deployment,
        name: "simulated".to_owned(),
        confirmations: CONFIRMATIONS,
        origin_lag: 64,
        max_block_transactions: 50,
        max_block_bytes: 1 << 20,
        max_l1_events: 4,
        anchor_blocks: 10,
        anchor_seconds: 5,
        takeover_seconds: 2,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: false,
        members,
    }
}
