//! From nothing to a federation on paper: keys, contracts, the genesis document, one folder per operator.
//!
//! Operators' keys are random and lie in files that only the owner may read, as they would in earnest. What is fixed here
//! is chosen for a laptop: see the constants.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use plasma_core::genesis::{Genesis, GenesisMember};
use plasma_core::{Address, Amount, Domain, L1Block, bls, keccak};
use plasma_node::bridge::account::Account;
use plasma_node::bridge::contracts::{Contracts, Parameters};
use plasma_node::bridge::deploy::{NewMember, Site};
use plasma_node::bridge::direct;
use plasma_node::bridge::rpc::Rpc;
use plasma_node::config::{Config, FederationFile, Size, Span};
use plasma_node::keystore::{OperatorKeys, Secret};
use rand::RngCore as _;

use crate::account::User;
use crate::anvil::CHAIN_ID;
use crate::cluster::Place;
use crate::contract::{Contract, number};
use crate::ether::eth;
use crate::folder::Folder;
use crate::l1::L1;
use crate::ports::Ports;
use crate::testnet::Plan;
use crate::token::TestToken;
use crate::wires::Ends;

/// A deployed federation whose operators have not started.
#[derive(Debug)]
pub struct Deployment {
    /// Its contracts.
    pub contracts: Contracts,
    /// Its genesis.
    pub genesis: Genesis,
    /// One place per operator.
    pub places: Vec<Place>,
    /// Every operator's account on Ethereum.
    pub accounts: Vec<Account>,
    /// The token that the vault takes beside ETH.
    pub token: TestToken,
    /// What all operators' settings have in common.
    pub common: Config,
}

/// An operator that may join a later committee: furnished, with an account on Ethereum, not started.
#[derive(Debug)]
pub struct Newcomer {
    /// Where it lives.
    pub place: Place,
    /// What a document says of it.
    pub member: GenesisMember,
}

/// Makes the operator of a number that no other has.
///
/// # Errors
/// When Ethereum refuses, or a file cannot be written.
pub async fn invite(
    index: usize,
    (genesis, common): (&Genesis, &Config),
    l1: &L1,
    folder: &Folder,
) -> Result<Newcomer> {
    let seat = Seat::take(&mut Ports::new(), false)?;
    fund(l1, seat.ethereum()?).await?;
    Ok(Newcomer {
        place: seat.furnish(index, genesis, common, folder)?,
        member: seat.member(&genesis.domain())?,
    })
}

/// Keys of one operator with its two ports.
#[derive(Debug)]
struct Seat {
    keys: OperatorKeys,
    p2p_port: u16,
    /// The port in its address, when that is the end of a wire.
    wire_port: Option<u16>,
    api_port: u16,
}

/// Makes keys, deploys a token and the contracts, posts every operator's bond and writes every operator's folder.
///
/// # Errors
/// When Ethereum refuses, or a file cannot be written.
pub async fn deploy(
    plan: &Plan,
    l1: &L1,
    rpc: &Rpc,
    folder: &Folder,
    ports: &mut Ports,
) -> Result<Deployment> {
    let seats: Vec<Seat> = (0..plan.operators)
        .map(|_| Seat::take(ports, plan.wired))
        .collect::<Result<_>>()?;
    let deployer = Account::new(&random_secret(), CHAIN_ID)?;
    fund(l1, deployer.address()).await?;
    for seat in &seats {
        fund(l1, seat.ethereum()?).await?;
    }
    let token = TestToken::deploy(rpc, &deployer).await?;
    let site = Site::choose(rpc, &deployer).await?;
    let members = seats
        .iter()
        .map(|seat| seat.member(&site.domain()))
        .collect::<Result<Vec<_>>>()?;
    let joining: Vec<NewMember> = members.iter().map(joining).collect();
    let listed = [token.address];
    let deployed = site
        .deploy(rpc, &deployer, &parameters(members.len()), &joining, &listed)
        .await?;
    let contracts = deployed.contracts;
    let accounts = seats.iter().map(Seat::account).collect::<Result<Vec<_>>>()?;
    let users = (0..plan.accounts).map(User::at).collect::<Result<Vec<_>>>()?;
    endow(rpc, &contracts, &accounts, &deployer, &token, &users).await?;
    let genesis = genesis(&contracts, deployed.block, members);
    genesis.validate().context("the genesis that we made ourselves")?;
    let mut common = Config::default();
    common.l1.rpc_url = l1.url().to_owned();
    common.storage = plan.storage.clone();
    common.consensus.pace = plan.pace.map_or(common.consensus.pace, Span);
    let places = seats
        .iter()
        .enumerate()
        .map(|(index, seat)| seat.furnish(index, &genesis, &common, folder));
    let places = places.collect::<Result<_>>()?;
    Ok(Deployment {
        contracts,
        genesis,
        places,
        accounts,
        token,
        common,
    })
}

/// Every operator posts the bond of its seat, and every test user gets tokens: all in one Ethereum block.
async fn endow(
    rpc: &Rpc,
    contracts: &Contracts,
    operators: &[Account],
    deployer: &Account,
    token: &TestToken,
    users: &[User],
) -> Result<()> {
    let mut sent = Vec::new();
    let bond = parameters(operators.len()).operator_bond;
    for (seat, operator) in (0u64..).zip(operators) {
        let seat = [number(EPOCH), number(seat)];
        let call = Contract::federation(contracts).call("postBond", &seat, bond)?;
        let hash = direct::submit(rpc, operator, &call).await?;
        sent.push((call.label, hash));
    }
    for user in users {
        let call = token.mint_call(user.address(), eth(TOKENS))?;
        let hash = direct::submit(rpc, deployer, &call).await?;
        sent.push((call.label, hash));
    }
    let waits = sent.iter().map(|(label, hash)| direct::mined(rpc, label, *hash));
    let receipts = try_join_all(waits).await?;
    for (receipt, (label, _)) in receipts.iter().zip(&sent) {
        anyhow::ensure!(receipt.succeeded, "{label} reverted");
    }
    Ok(())
}

/// What the contract registers of a member.
#[must_use]
pub fn joining(member: &GenesisMember) -> NewMember {
    let peer = keccak(&[&member.peer_id]);
    NewMember {
        operator: member.operator,
        key: member.key,
        possession: member.possession,
        peer,
    }
}

/// What the contracts of a testnet fix for ever.
///
/// Everything is in seconds of Ethereum's clock and as short as the contract's own inequalities allow beside `SILENCE_S`:
/// window ≥ 5/4 silence + grace, exit period ≥ 2 (window + silence + 2 grace + reclaim window), and a committee's delay longer
/// than the longest exit, which takes two periods. A reclaim can be challenged until each of the operators had its turn.
#[must_use]
pub fn parameters(operators: usize) -> Parameters {
    let takeovers = u64::from(TAKEOVER_SECONDS).saturating_mul(u64::try_from(operators).unwrap_or(u64::MAX));
    let reclaim_window_s = RECLAIM_WINDOW_S.max(takeovers.saturating_add(CONFIRMATIONS.into()));
    let window = SILENCE_S + SILENCE_S / 4 + GRACE_S;
    let exit_period_s = 2 * (window + SILENCE_S + 2 * GRACE_S + reclaim_window_s);
    Parameters {
        exit_period_s,
        exit_bond: eth(1) / Amount::from(10),
        origin_window: window,
        l1_block_time_s: 1,
        silence_s: SILENCE_S,
        grace_s: GRACE_S,
        legacy_transactions: false,
        operator_bond: eth(1),
        committee_delay_s: 2 * exit_period_s + 1,
        reclaim_window_s,
    }
}

fn genesis(contracts: &Contracts, deployment: L1Block, members: Vec<GenesisMember>) -> Genesis {
    Genesis {
        version: Genesis::VERSION,
        chain_id: CHAIN_ID,
        contract: contracts.federation,
        deployment,
        name: "testnet".into(),
        confirmations: CONFIRMATIONS,
        origin_lag: ORIGIN_LAG,
        max_block_transactions: BLOCK_TRANSACTIONS_MAX,
        max_block_bytes: BLOCK_BYTES_MAX,
        max_l1_events: L1_EVENTS_MAX,
        anchor_blocks: ANCHOR_BLOCKS,
        anchor_seconds: ANCHOR_SECONDS,
        takeover_seconds: TAKEOVER_SECONDS,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: parameters(members.len()).legacy_transactions,
        members,
    }
}

impl Seat {
    fn take(ports: &mut Ports, is_wired: bool) -> Result<Self> {
        let keys = OperatorKeys {
            bls: random_bls(),
            peer: random_secret(),
            ethereum: random_secret(),
        };
        Ok(Self {
            keys,
            p2p_port: ports.free()?,
            wire_port: is_wired.then(|| ports.free()).transpose()?,
            api_port: ports.free()?,
        })
    }

    fn account(&self) -> Result<Account> {
        Ok(Account::new(&self.keys.ethereum, CHAIN_ID)?)
    }

    fn ethereum(&self) -> Result<Address> {
        Ok(self.account()?.address())
    }

    fn member(&self, domain: &Domain) -> Result<GenesisMember> {
        let operator = self.ethereum()?;
        let secret = bls::SecretKey::from_bytes(self.keys.bls.expose())
            .ok_or_else(|| anyhow!("a BLS key out of range"))?;
        let key = secret.public();
        Ok(GenesisMember {
            operator,
            key,
            possession: secret.sign(&domain.possession(&operator, &key)),
            peer_id: self.keys.peer_id().to_bytes(),
            addresses: vec![self.multiaddress()],
        })
    }

    fn multiaddress(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.wire_port.unwrap_or(self.p2p_port))
    }

    fn furnish(&self, index: usize, genesis: &Genesis, common: &Config, folder: &Folder) -> Result<Place> {
        let name = format!("operator-{index}");
        let home = folder.sub(&name)?;
        let keys = folder.sub(&format!("{name}/keys"))?;
        self.keys.write(&keys)?;
        write(&home.join("federation.toml"), &FederationFile::print(genesis))?;
        let config = home.join("plasma.toml");
        write(
            &config,
            &toml::to_string(&self.config(&name, common)).context("the configuration as TOML")?,
        )?;
        let p2p = format!("{}/p2p/{}", self.multiaddress(), self.keys.peer_id());
        Ok(Place {
            log: home.join("log"),
            folder: home,
            config,
            api_port: self.api_port,
            p2p,
            wire: self.wire_port.map(|outer| Ends {
                outer,
                inner: self.p2p_port,
            }),
        })
    }

    fn config(&self, name: &str, common: &Config) -> Config {
        let mut config = Config {
            name: name.to_owned(),
            ..common.clone()
        };
        config.p2p.listen = vec![format!("/ip4/127.0.0.1/tcp/{}", self.p2p_port)];
        config.http.listen = ([127, 0, 0, 1], self.api_port).into();
        config.l1.poll_interval = Span(L1_POLL);
        config.consensus.delta = Span(DELTA);
        config
    }
}

async fn fund(l1: &L1, account: Address) -> Result<()> {
    l1.set_balance(
        ethers_core::types::H160(account.0),
        ethers_core::types::U256::exp10(21),
    )
    .await
}

fn random_secret() -> Secret {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(bytes)
}

/// A BLS key is a number below the group's order: derived from a random seed, so that it always is one.
fn random_bls() -> Secret {
    Secret::new(bls::SecretKey::from_seed(random_secret().expose()).to_bytes())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Seconds of Ethereum's clock without an anchor after which anybody may announce silence. An idle federation anchors every
/// quarter of it; a demo that turns the clock forward must leave an anchor in between.
pub const SILENCE_S: u64 = 60;
/// Seconds to save committed blocks after an announcement.
pub const GRACE_S: u64 = 60;
/// Seconds at least to show that a deposit was credited before who made it gets it back.
const RECLAIM_WINDOW_S: u64 = 30;
/// The committee of a new federation.
const EPOCH: u64 = 0;
/// Whole tokens that every test user finds on Ethereum.
pub const TOKENS: u64 = 1_000;
/// A block on top is enough where nobody reorganises.
const CONFIRMATIONS: u32 = 1;
/// Thirty seconds of blocks: an operator that was killed and restarted has read them within one.
const ORIGIN_LAG: u32 = 30;
/// With ten blocks a second, far above what two cores can verify.
const BLOCK_TRANSACTIONS_MAX: u32 = 2_000;
/// Room for that many transfers of two outputs, twice over.
const BLOCK_BYTES_MAX: u32 = 1_048_576;
/// Deposits and exits of one Ethereum block of 30 million gas.
const L1_EVENTS_MAX: u32 = 1_000;
/// Blocks come ten a second under load: an anchor every ten seconds at most.
const ANCHOR_BLOCKS: u32 = 100;
/// Anchors within a few seconds, so that nobody waits long to see one.
const ANCHOR_SECONDS: u32 = 2;
/// Three Ethereum blocks for the operator on duty before the next one steps in.
const TAKEOVER_SECONDS: u32 = 4;
/// Four looks per Ethereum block.
const L1_POLL: Duration = Duration::from_millis(250);
/// Between processes on one machine a message takes no time, but four operators share two cores.
const DELTA: Duration = Duration::from_millis(300);
/// A testnet's whole ledger fits.
pub const CACHE: Size = Size(32 * 1024 * 1024);

#[cfg(test)]
mod tests {
    use plasma_node::bridge::rota;

    use super::*;

    #[test]
    fn the_parameters_are_ones_that_the_contract_takes() {
        for operators in [4, 7, 8, 100] {
            let rules = parameters(operators);
            let window = rules.origin_window * rules.l1_block_time_s;
            assert!(rules.origin_window <= 8_191);
            assert!(window >= rules.silence_s + rules.silence_s / 4 + rules.grace_s);
            let known = window + rules.silence_s + 2 * rules.grace_s + rules.reclaim_window_s;
            assert!(2 * known <= rules.exit_period_s);
            assert!(2 * rules.exit_period_s < rules.committee_delay_s);
        }
    }

    #[test]
    fn every_operator_of_any_testnet_has_its_turn_in_time() {
        let nowhere = Address([1; 20]);
        let contracts = Contracts {
            federation: nowhere,
            vault: nowhere,
            exit_game: nowhere,
            in_flight: nowhere,
            fraud_proofs: nowhere,
        };
        for operators in 4..=100 {
            let member = GenesisMember {
                operator: nowhere,
                key: bls::PublicKey([0; 48]),
                possession: bls::Signature([0; 96]),
                peer_id: Vec::new(),
                addresses: Vec::new(),
            };
            let genesis = genesis(&contracts, L1Block::default(), vec![member; operators]);
            assert_eq!(rota::check(&genesis, &parameters(operators)), Ok(()));
        }
    }

    #[test]
    fn random_bls_keys_are_keys_and_differ() {
        let [one, other] = [random_bls(), random_bls()];
        assert!(bls::SecretKey::from_bytes(one.expose()).is_some());
        assert_ne!(one.expose(), other.expose());
    }
}
