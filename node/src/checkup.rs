//! Asks each member of a committee how it is, as any client can: is there an address, does somebody answer, is it who the
//! document names, does it serve our chain, how far is it, what time does it think it is. What is wrong is said with what to do.
//!
//! Needs no running operator of our own. Every step has a deadline and all members are asked at once, so that the whole takes at
//! most [`MEMBER_PATIENCE`]. What a member says of itself is its word alone.

use std::{collections::BTreeSet, time::Duration};

use plasma_core::{Genesis, GenesisMember, Hash};
use plasma_network::{Client, ConnectError, Multiaddr, RequestError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout};

use crate::{
    api::{
        client_protocol::{Request, split_answer},
        text,
        view::{NetworkView, StatusView},
    },
    base58,
    operator::DRIFT_MS,
    runtime::start::genesis8,
};

/// What all members must agree with.
#[derive(Clone, Debug)]
pub struct Expected {
    genesis: Hash,
    version: u16,
    genesis8: String,
}

/// One thing that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One of a few words for programs.
    pub code: &'static str,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub hint: &'static str,
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// Who it must be.
    pub peer_id: String,
    /// Whether it answers as who it must be, for our chain. What else is found does not change that.
    pub reached: bool,
    /// The address that led to it.
    pub address: Option<String>,
    /// What it says of itself.
    pub says: Option<Says>,
    /// All that is wrong.
    pub findings: Vec<Finding>,
}

/// What a member says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Says {
    /// Its genesis.
    pub genesis: String,
    /// The protocol that it speaks.
    pub protocol_version: u16,
    /// Its software.
    pub version: String,
    /// `running`, or why not.
    pub state: String,
    /// The newest height that it decided.
    pub height: u32,
    /// The epoch it is in.
    pub epoch: u64,
    /// Its view.
    pub view: u64,
    /// Its seat in that epoch's committee.
    pub seat: Option<u16>,
    /// The seats that it is connected to.
    pub connected: Vec<u16>,
    /// How far its clock is ahead of ours, if it tells; half of the journey is not known better.
    pub clock_ahead_ms: Option<i64>,
    /// How long the question and its answer took.
    pub journey_ms: u64,
    /// Why it is not ready, in its own words.
    pub blockers: Vec<String>,
}

impl Expected {
    /// By a federation's document.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        let hash = genesis.hash();
        Self {
            genesis: hash,
            version: genesis.version,
            genesis8: genesis8(&hash),
        }
    }

    /// Asks all these members at once. `now_ms` is our clock.
    pub async fn ask_all(&self, members: &[GenesisMember], now_ms: impl Fn() -> u64 + Copy) -> Vec<Checkup> {
        let asked = members.iter().map(|member| self.ask(member, now_ms));
        let mut all = futures::future::join_all(asked).await;
        strangers_to_each_other(&mut all);
        all
    }

    /// Asks one member.
    pub async fn ask(&self, member: &GenesisMember, now_ms: impl Fn() -> u64) -> Checkup {
        let mut checkup = Checkup {
            peer_id: base58::encode(&member.peer_id),
            reached: false,
            address: None,
            says: None,
            findings: Vec::new(),
        };
        if timeout(MEMBER_PATIENCE, self.try_all(member, &mut checkup, &now_ms))
            .await
            .is_err()
        {
            let text = format!("no result within {} seconds", MEMBER_PATIENCE.as_secs());
            checkup
                .findings
                .push(finding("not-reachable", text, NOT_REACHABLE));
        }
        checkup
    }

    /// Its addresses in their order, until one leads to it.
    async fn try_all(&self, member: &GenesisMember, checkup: &mut Checkup, now_ms: &impl Fn() -> u64) {
        if member.addresses.is_empty() {
            let text = "the committee's document names no address of it".to_owned();
            checkup.findings.push(finding("no-address", text, NO_ADDRESS));
        }
        for address in &member.addresses {
            match self.connect(address, &checkup.peer_id).await {
                Err(found) => checkup.findings.push(found),
                Ok(client) => {
                    checkup.address = Some(address.clone());
                    match self.question(&client, now_ms).await {
                        Err(found) => checkup.findings.push(found),
                        Ok(says) => {
                            let wrong = self.wrong_with(&says);
                            checkup.reached = wrong.is_none();
                            checkup.findings.extend(wrong.into_iter().chain(clock(&says)));
                            checkup.says = Some(says);
                        }
                    }
                    return;
                }
            }
        }
    }

    async fn connect(&self, address: &str, peer_id: &str) -> Result<Client, Finding> {
        let whole = if address.contains("/p2p/") {
            address.to_owned()
        } else {
            format!("{address}/p2p/{peer_id}")
        };
        let parsed: Multiaddr = whole.parse().map_err(|error| {
            finding(
                "bad-address",
                format!("{address:?} is no address: {error}"),
                NO_ADDRESS,
            )
        })?;
        resolve(address).await?;
        let connected = timeout(CONNECT_PATIENCE, Client::connect(parsed, &self.genesis8)).await;
        let connected = connected.map_err(|_| {
            let text = format!(
                "{address} does not answer within {} seconds",
                CONNECT_PATIENCE.as_secs()
            );
            finding("not-reachable", text, NOT_REACHABLE)
        })?;
        connected.map_err(|error| match error {
            ConnectError::OtherPeer { found, .. } => {
                let text = format!("{address} is answered by {found}, not by {peer_id}");
                finding("other-identity", text, OTHER_IDENTITY)
            }
            error => finding("not-reachable", error.to_string(), NOT_REACHABLE),
        })
    }

    async fn question(&self, client: &Client, now_ms: &impl Fn() -> u64) -> Result<Says, Finding> {
        let network: NetworkView = answer(client, "/v1/network").await?;
        let (asked_ms, began) = (now_ms(), Instant::now());
        let status: StatusView = answer(client, "/v1/status").await?;
        let journey_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let theirs = status.clock.as_deref().and_then(text::timestamp_ms);
        let middle = i128::from(asked_ms) + i128::from(journey_ms / 2);
        let ahead = theirs.and_then(|theirs| i64::try_from(i128::from(theirs) - middle).ok());
        Ok(Says {
            genesis: network.genesis_hash.0.to_string(),
            protocol_version: network.protocol_version,
            version: plain(&status.version),
            state: plain(&status.state),
            height: status.height,
            epoch: status.consensus.epoch,
            view: status.consensus.view,
            seat: status.operator,
            connected: status.peers.members,
            clock_ahead_ms: ahead,
            journey_ms,
            blockers: status
                .blockers
                .into_iter()
                .take(BLOCKERS_MAX)
                .map(|blocker| plain(&format!("{}: {}", blocker.code, blocker.text)))
                .collect(),
        })
    }

    /// Why it is not one of us, if it is not.
    fn wrong_with(&self, says: &Says) -> Option<Finding> {
        if says.genesis != self.genesis.to_string() {
            let text = format!(
                "it serves the chain with genesis {}, ours is {}",
                says.genesis, self.genesis
            );
            return Some(finding("other-chain", text, OTHER_CHAIN));
        }
        (says.protocol_version != self.version).then(|| {
            let text = format!(
                "it speaks version {}, we speak {}",
                says.protocol_version, self.version
            );
            finding("other-version", text, OTHER_VERSION)
        })
    }
}

/// Members that we reach and that do not reach each other.
fn strangers_to_each_other(all: &mut [Checkup]) {
    let seats: Vec<(u64, u16)> = all.iter().filter_map(Checkup::seat).collect();
    for checkup in all {
        let (Some(own), Some(says)) = (checkup.seat(), &checkup.says) else {
            continue;
        };
        let connected: BTreeSet<u16> = says.connected.iter().copied().collect();
        let missing = seats
            .iter()
            .filter(|seat| seat.0 == own.0 && **seat != own && !connected.contains(&seat.1));
        let missing: Vec<String> = missing.map(|seat| seat.1.to_string()).collect();
        if !missing.is_empty() {
            let text = format!(
                "it has no connection to seats {}, which are up",
                missing.join(", ")
            );
            checkup
                .findings
                .push(finding("not-connected", text, NOT_CONNECTED));
        }
    }
}

impl Checkup {
    /// Epoch and seat of a member that was reached.
    fn seat(&self) -> Option<(u64, u16)> {
        let says = self.says.as_ref().filter(|_| self.reached)?;
        Some((says.epoch, says.seat?))
    }
}

/// Whether its blocks come too late or too early for us.
fn clock(says: &Says) -> Option<Finding> {
    let ahead = says.clock_ahead_ms?;
    let doubt = says.journey_ms / 2;
    let apart = ahead.unsigned_abs().saturating_sub(doubt);
    (apart >= DRIFT_MS).then(|| {
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        let text = format!(
            "its clock is {} ms {way} ours (give or take {doubt}); a block {DRIFT_MS} ms ahead is not voted for",
            ahead.unsigned_abs()
        );
        finding("clock", text, CLOCK)
    })
}

/// Looks a name up, where the address has one.
async fn resolve(address: &str) -> Result<(), Finding> {
    let parts: Vec<&str> = address.split('/').collect();
    let ["", "dns" | "dns4" | "dns6", name, "tcp", port, ..] = parts[..] else {
        return Ok(());
    };
    let unknown = |why: String| {
        finding(
            "name-unknown",
            format!("{name:?} does not resolve: {why}"),
            NAME_UNKNOWN,
        )
    };
    let port: u16 = port
        .parse()
        .map_err(|_| unknown(format!("{port:?} is no port")))?;
    let found = timeout(RESOLVE_PATIENCE, tokio::net::lookup_host((name, port))).await;
    let found =
        found.map_err(|_| unknown(format!("no answer within {} seconds", RESOLVE_PATIENCE.as_secs())))?;
    let mut found = found.map_err(|error| unknown(error.to_string()))?;
    found
        .next()
        .map(|_| ())
        .ok_or_else(|| unknown("no address".to_owned()))
}

async fn answer<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Finding> {
    let request = Request::Get(path.to_owned());
    let asked = client.request(request.encode(), ANSWER_PATIENCE).await;
    let bytes = asked.map_err(|error| match error {
        RequestError::OtherChain { .. } => finding("other-chain", error.to_string(), OTHER_CHAIN),
        error => finding(
            "no-answer",
            format!("it is there, and gives no answer: {error}"),
            NO_ANSWER,
        ),
    })?;
    let (status, body) = split_answer(&bytes).unwrap_or((0, &[]));
    let document = (status == OK)
        .then(|| serde_json::from_slice(body).ok())
        .flatten();
    document.ok_or_else(|| {
        let text = format!("it is there, and answers with status {status} what is not read here");
        finding("no-answer", text, NO_ANSWER)
    })
}

/// A stranger's words without what would move a terminal's cursor, and not longer than a sentence.
fn plain(words: &str) -> String {
    let words = words.chars().take(WORDS_MAX);
    words
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

fn finding(code: &'static str, text: String, hint: &'static str) -> Finding {
    Finding { code, text, hint }
}

/// A member's name, its addresses, its handshake and two answers.
pub const MEMBER_PATIENCE: Duration = Duration::from_secs(20);
/// What resolvers take by themselves before they say no.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(5);
/// Far above a handshake around the world.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The same for one answer out of memory.
const ANSWER_PATIENCE: Duration = Duration::from_secs(4);
/// Letters of one of its sentences.
const WORDS_MAX: usize = 300;
/// Blockers of one member: one of each kind.
const BLOCKERS_MAX: usize = 16;
/// The status of an answer that is no problem.
const OK: u16 = 200;

const NO_ADDRESS: &str = "ask its people where it listens: the address stands in federation.toml, whose hash it is part of, or in a \
                          later committee's document. Names that can be pointed elsewhere (/dns4/…) spare the change";
const NAME_UNKNOWN: &str = "mend its entry in DNS, or this machine's resolver; try `getent hosts NAME`";
const NOT_REACHABLE: &str = "is it running, is its p2p.listen that port, does a firewall on either side let TCP through? Its people see \
                             `plasma node start`'s log";
const OTHER_IDENTITY: &str = "another machine has the address, or it was given another p2p key: put back the old key, or install a \
                              document with the new peer id";
const OTHER_CHAIN: &str = "it was started with another federation.toml: compare `plasma federation hash`";
const OTHER_VERSION: &str = "one of the two runs old software: compare `plasma version`";
const NO_ANSWER: &str =
    "it is overloaded or stopping, or something else listens there: ask again, then its people";
const NOT_CONNECTED: &str =
    "its way out is blocked, or it has an old document: compare `addresses`, look at its firewall";
const CLOCK: &str = "start NTP on the machine that is wrong (compare with a third); a running operator follows slowly, by a hundredth";
