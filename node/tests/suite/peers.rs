//! `plasma debug peers` over real sockets: members that are well, down, silent, somebody else, on another chain, or late.

use std::{collections::BTreeMap, fs, process::Output};

use plasma_core::{Address, Epoch, Genesis, GenesisMember, OperatorIndex};
use plasma_network::{self as network, Event};
use plasma_node::{
    api::client_protocol::Counter,
    config::FederationFile,
    runtime::{start::genesis8, timers::Bend},
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{
    chain::{Chain, genesis as four, secret},
    settings::{Folder, home, plasma},
};

/// Seven, so that five must sign and two may be wrong.
const MEMBERS: u8 = 7;

fn transport(index: u8) -> [u8; 32] {
    [index + 100; 32]
}

fn genesis() -> Genesis {
    let mut genesis = four();
    let domain = genesis.domain();
    let member = |index: u8| {
        let (key, operator) = (secret(index), Address([index + 1; 20]));
        GenesisMember {
            operator,
            key: key.public(),
            possession: key.sign(&domain.possession(&operator, &key.public())),
            peer_id: network::peer_id(&transport(index)).to_bytes(),
            addresses: Vec::new(),
        }
    };
    genesis.members = (0..MEMBERS).map(member).collect();
    genesis
}

/// Where a member can be dialled, which is known before its chain is; what is behind it comes later.
struct Place {
    address: String,
    listener: TcpListener,
}

impl Place {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = format!("/ip4/127.0.0.1/tcp/{port}");
        Self { address, listener }
    }

    /// Whoever comes speaks with what listens there.
    fn lead_to(self, port: u16) {
        tokio::spawn(async move {
            while let Ok((mut from, _)) = self.listener.accept().await {
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    // Either side may hang up.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
    }
}

/// One operator's doors.
struct Standing {
    port: u16,
    chain: Chain,
    bend: Bend,
    _network: network::Handle,
}

impl Standing {
    /// Under the name of a transport's secret, answering as the operator of `seat`.
    async fn start(secret: [u8; 32], seat: u16, genesis: &Genesis, genesis8: &str) -> Self {
        let (network, mut events) = network::start(network::Config {
            secret,
            genesis8: genesis8.to_owned(),
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            peers: Vec::new(),
            limits: network::Limits::default(),
        })
        .unwrap();
        let address = loop {
            if let Event::Listening(address) = events.recv().await.unwrap() {
                break address.to_string();
            }
        };
        let chain = Chain::new(genesis.clone());
        chain.say(|status| {
            status.operator = Some(OperatorIndex(seat));
            let others = (0..u16::from(MEMBERS)).filter(|other| *other != seat);
            status.peers = others.map(OperatorIndex).collect();
        });
        let bend = Bend::default();
        let door = chain.door.clone().behind(chain.handle.clone().bent(bend.clone()));
        let counter = Counter::new(door);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::ClientRequest { bytes, reply, .. } = event {
                    reply.send(counter.answer(&bytes).await).unwrap();
                }
            }
        });
        Self {
            port: address.rsplit('/').next().unwrap().parse().unwrap(),
            chain,
            bend,
            _network: network,
        }
    }
}

/// The whole federation as its members' people know it; nobody runs yet.
struct Federation {
    genesis: Genesis,
    folder: Folder,
    places: BTreeMap<u8, Place>,
}

impl Federation {
    /// `change` may write other addresses.
    async fn found(name: &str, change: impl FnOnce(&mut Genesis)) -> Self {
        let (mut genesis, mut places) = (genesis(), BTreeMap::new());
        for index in 0..MEMBERS {
            let place = Place::new().await;
            genesis.members[usize::from(index)].addresses = vec![place.address.clone()];
            places.insert(index, place);
        }
        change(&mut genesis);
        let folder = home(name).0;
        fs::write(folder.0.join("federation.toml"), FederationFile::print(&genesis)).unwrap();
        Self {
            genesis,
            folder,
            places,
        }
    }

    fn genesis8(&self) -> String {
        genesis8(&self.genesis.hash())
    }

    /// Starts a member where it can be dialled.
    async fn run(&mut self, index: u8) -> Standing {
        let genesis8 = self.genesis8();
        let standing = Standing::start(transport(index), u16::from(index), &self.genesis, &genesis8).await;
        self.lead(index, &standing);
        standing
    }

    fn lead(&mut self, index: u8, to: &Standing) {
        self.places.remove(&index).unwrap().lead_to(to.port);
    }

    /// How the command ends, with its document where it gives one.
    async fn ask(&self, arguments: &'static [&'static str]) -> Output {
        let folder = self.folder.0.clone();
        let asked =
            tokio::task::spawn_blocking(move || plasma(&[&["debug", "peers"], arguments].concat(), &folder));
        asked.await.unwrap()
    }
}

/// The members in a document.
fn read(output: &Output) -> (Value, Vec<Value>) {
    let view: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let members = view["members"].as_array().unwrap().clone();
    (view, members)
}

/// The codes of what was found of a member.
fn codes(member: &Value) -> Vec<&str> {
    let findings = member["findings"].as_array().unwrap();
    for found in findings {
        let is_told = ["text", "hint"]
            .iter()
            .all(|part| !found[part].as_str().unwrap().is_empty());
        assert!(is_told, "{found}");
    }
    findings
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_is_asked_and_a_quorum_that_answers_is_enough() {
    // A name that leads nowhere stands before the address that does.
    let name = "/dns4/no-such-name.invalid/tcp/27400".to_owned();
    let misled = |genesis: &mut Genesis| genesis.members[3].addresses.insert(0, name);
    let mut federation = Federation::found("peers-well", misled).await;
    let mut running = Vec::new();
    for index in 0..5 {
        running.push(federation.run(index).await);
    }
    running[4].bend.set(-60_000);
    // Where the sixth listened somebody has another key; at the seventh's, nobody ever speaks.
    let other = Standing::start([77; 32], 5, &federation.genesis, &federation.genesis8()).await;
    federation.lead(5, &other);
    // One sees another one not, and one says what only a liar can say alone.
    running[0].chain.say(|status| {
        status.peers.retain(|peer| *peer != OperatorIndex(1));
    });
    running[2].chain.say(|status| status.epoch = Epoch(9));

    let output = federation.ask(&["--json"]).await;
    let (view, members) = read(&output);
    assert_eq!(output.status.code(), Some(0), "{view}");
    assert_eq!(
        (&view["epoch"], &view["unknown_epoch"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!((&view["quorum"], &view["reached"]), (&json!(5), &json!(5)));
    let reached: Vec<_> = members
        .iter()
        .map(|member| member["reached"].as_bool().unwrap())
        .collect();
    assert_eq!(reached, [true, true, true, true, true, false, false]);
    let found: Vec<_> = members.iter().map(codes).collect();
    let expected: [&[&str]; 7] = [
        &["not-connected"],
        &[],
        &[],
        &["name-unknown"],
        &["clock"],
        &["other-identity"],
        &["not-reachable"],
    ];
    assert_eq!(found, expected);
    let text = |member: usize| members[member]["findings"][0]["text"].as_str().unwrap();
    assert!(text(0).contains("to seats 1,"), "{}", text(0));
    let stranger = network::peer_id(&[77; 32]).to_string();
    assert!(text(5).contains(&stranger), "{}", text(5));
    let ahead = members[4]["says"]["clock_ahead_ms"].as_i64().unwrap();
    assert!((-70_000..-50_000).contains(&ahead), "{ahead}");
    let says = &members[1]["says"];
    assert_eq!(says["genesis"], json!(federation.genesis.hash().to_string()));
    assert_eq!(
        (&says["height"], &says["epoch"], &says["view"]),
        (&json!(0), &json!(0), &json!(1))
    );
    assert_eq!((&says["seat"], &says["state"]), (&json!(1), &json!("running")));
    assert_eq!(
        members[3]["address"],
        json!(federation.genesis.members[3].addresses[1])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_it_fails_and_says_what_each_of_the_others_needs() {
    let nowhere = |genesis: &mut Genesis| genesis.members[3].addresses.clear();
    let mut federation = Federation::found("peers-few", nowhere).await;
    let mut running = Vec::new();
    for index in 0..3 {
        let standing = federation.run(index).await;
        standing.chain.say(|status| status.epoch = Epoch(1));
        running.push(standing);
    }
    // The fifth is down.
    federation.places.remove(&4);
    let mut other = federation.genesis.clone();
    other.name = "another".to_owned();
    // One was started with another federation file; one serves another chain under our name.
    let foreign = Standing::start(transport(5), 5, &other, &genesis8(&other.hash())).await;
    federation.lead(5, &foreign);
    let lying = Standing::start(transport(6), 6, &other, &federation.genesis8()).await;
    federation.lead(6, &lying);

    let output = federation.ask(&["--json"]).await;
    let (view, members) = read(&output);
    assert_eq!(output.status.code(), Some(12), "{view}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("3 of 7 members can be reached, 5 must sign"),
        "{said}"
    );
    assert_eq!((&view["epoch"], &view["unknown_epoch"]), (&json!(0), &json!(1)));
    let found: Vec<_> = members[3..].iter().map(codes).collect();
    let expected = [
        ["no-address"],
        ["not-reachable"],
        ["other-chain"],
        ["other-chain"],
    ];
    assert_eq!(found, expected);
    assert_eq!(members[5]["says"], Value::Null);
    assert_eq!(members[6]["says"]["genesis"], json!(other.hash().to_string()));

    let text = federation.ask(&[]).await;
    assert_eq!(text.status.code(), Some(12));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for words in [
        "-> it was started with another federation.toml",
        "plasma committee install",
        "no quorum",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
}
