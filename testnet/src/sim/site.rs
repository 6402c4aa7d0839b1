//! A federation deployed on the simulated Ethereum from the bytecode that everybody deploys; made once per size and process,
//! every run begins with a copy.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use plasma_core::{
    Address, Amount, Bitmap, Certificate, Committee, Domain, Genesis, GenesisMember, Hash, L1Block,
    SecretKey, SigningKey, bls::Signature, keccak,
};
use plasma_law::{
    ethereum::{CHAIN_ID, Ethereum, Outcome},
    quorum,
};
use plasma_node::bridge::{
    Contracts,
    contracts::Parameters,
    deploy::{NewMember, Site as Place},
};

use super::peers::peer_id;

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

/// Everything about a deployment that does not change.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) contracts: Contracts,
    pub(super) domain: Domain,
    pub(super) genesis: Genesis,
    pub(super) committee: Committee,
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
        let secrets: Vec<SecretKey> = (0..n).map(secret).collect();
        let members: Vec<NewMember> = (0..n)
            .zip(&secrets)
            .map(|(index, key)| member(&domain, index, key))
            .collect();
        let creations = place
            .creations(&parameters(), &members, &[])
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
        let genesis = genesis(&domain, ethereum.newest(), &members);
        let committee = genesis.committee().expect("distinct members");
        Self {
            contracts: *place.contracts(),
            domain,
            genesis,
            committee,
            users,
            ethereum,
            secrets,
            sums: Mutex::default(),
        }
    }

    /// What these signers sign together, for real.
    pub(super) fn sign(&self, signers: &Bitmap, digest: &Hash) -> Signature {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let key = sums.entry(signers.to_u128()).or_insert_with(|| {
            let chosen = signers
                .iter()
                .filter_map(|index| self.secrets.get(usize::from(index.0)));
            quorum::sum(chosen)
        });
        key.sign(digest)
    }

    /// The same certificate with a real signature, if the mock one verifies.
    pub(super) fn signed_for_real(&self, certificate: &Certificate) -> Option<Certificate> {
        super::proof::is_certified(&self.committee, &self.domain, certificate).then(|| Certificate {
            signature: self.sign(&certificate.signers, &certificate.digest(&self.domain)),
            ..certificate.clone()
        })
    }

    /// The Ethereum account of an operator.
    pub(super) fn account(&self, index: usize) -> Address {
        self.genesis.members[index].operator
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
    SecretKey::from_seed(&keccak(&[b"simulated operator", &index.to_be_bytes()]).0)
}

fn member(domain: &Domain, index: u16, key: &SecretKey) -> NewMember {
    let [high, low] = index.to_be_bytes();
    let mut operator = Address([0xa0; 20]);
    [operator.0[18], operator.0[19]] = [high, low];
    NewMember {
        operator,
        key: key.public(),
        possession: key.sign(&domain.possession(&operator, &key.public())),
        peer: keccak(&[&peer_id(index)]),
    }
}

fn genesis(domain: &Domain, deployment: L1Block, members: &[NewMember]) -> Genesis {
    let members = (0u16..).zip(members).map(|(index, member)| GenesisMember {
        operator: member.operator,
        key: member.key,
        possession: member.possession,
        peer_id: peer_id(index),
        addresses: Vec::new(),
    });
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
        members: members.collect(),
    }
}
