//! Operators with folders of their own on one test chain, and the papers between them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use plasma_core::{Address, Domain, Epoch, GenesisMember, SecretKey, View};
use plasma_node::{
    bridge::{
        Anchor, Contracts, L1 as _,
        account::{Account, Call},
        direct,
        ethereum::Ethereum,
    },
    change::{Found, Motion, clerk::Clerk, papers},
    config::{
        FederationFile,
        committee::{CommitteeFile, Successor},
    },
    directory::Roster,
    keystore::Secret,
};
use serde_json::Value;

use super::super::{
    anvil::CHAIN_ID, bridge_anvil::block, bridge_committees::certificate, deployment::parameters,
    settings::plasma, stage::Stage,
};

/// The operators of the first three epochs, by the number of their keys.
pub(super) const COMMITTEES: [&[u8]; 3] = [&[1, 2, 3, 4], &[2, 3, 4, 21], &[3, 4, 21, 22, 23]];

/// The test chain with everybody on it.
pub(super) struct People {
    pub(super) stage: Stage,
    ethereum: Ethereum,
}

/// The voting key of an operator.
pub(super) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// The Ethereum account of an operator.
pub(super) fn account(number: u8) -> Account {
    Account::new(&Secret::new([number; 32]), CHAIN_ID).unwrap()
}

/// An operator as a document names it.
pub(super) fn member(number: u8, domain: &Domain) -> GenesisMember {
    let (key, operator) = (key(number), account(number).address());
    GenesisMember {
        operator,
        key: key.public(),
        possession: key.sign(&domain.possession(&operator, &key.public())),
        peer_id: vec![number; 38],
        addresses: vec![format!("/ip4/10.0.0.{number}/tcp/27400")],
    }
}

/// A committee of some operators.
pub(in super::super) fn successor(
    domain: &Domain,
    (epoch, sequence): (u64, u64),
    numbers: &[u8],
) -> Successor {
    let members = numbers.iter().map(|number| member(*number, domain));
    Successor {
        sequence,
        roster: Roster::new(Epoch(epoch), members.collect()).unwrap(),
    }
}

/// Lines of some operators, with places.
pub(super) fn signed(motion: &Motion, numbers: &[u8]) -> Vec<Found> {
    let lines = numbers.iter().map(|number| Found {
        place: format!("{number}.sig:1"),
        line: motion.pledge(&key(*number)).unwrap(),
    });
    lines.collect()
}

/// What a command showed, when it ended with this code and said these words.
pub(super) fn expect(output: &Output, code: i32, words: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{said}{shown}");
    for word in words {
        assert!(
            said.contains(word) || shown.contains(word),
            "{word:?} in {said}{shown}"
        );
    }
    shown.into_owned()
}

impl People {
    pub(super) async fn gather(name: &str) -> Self {
        let stage = Stage::set(name).await;
        let ethereum = stage.connect().await.unwrap();
        let people = Self { stage, ethereum };
        for number in [2, 3, 4, 21, 22, 23] {
            people.stage.anvil.funded(number).await;
        }
        for number in [1, 2, 3, 4, 21, 22, 23] {
            people.furnish(number);
        }
        people
    }

    pub(super) fn domain(&self) -> Domain {
        self.stage.federation.genesis.domain()
    }

    pub(super) fn contracts(&self) -> Contracts {
        *self.stage.contracts()
    }

    pub(super) async fn clerk(&self) -> Clerk {
        let urls = std::slice::from_ref(&self.stage.anvil.url);
        let genesis = &self.stage.federation.genesis;
        Clerk::connect(urls, genesis, Duration::from_millis(20))
            .await
            .unwrap()
    }

    /// The committee of an epoch as its document says it.
    pub(super) fn successor(&self, epoch: u64, sequence: u64) -> Successor {
        let numbers = COMMITTEES[usize::try_from(epoch).unwrap()];
        successor(&self.domain(), (epoch, sequence), numbers)
    }

    pub(super) fn roster(&self, epoch: u64) -> Roster {
        match epoch {
            0 => Roster::new(Epoch(0), self.stage.federation.genesis.members.clone()).unwrap(),
            _ => self.successor(epoch, 1).roster,
        }
    }

    /// What the committee before signs about a committee.
    pub(super) fn change(&self, successor: Successor) -> Motion {
        let before = self.roster(successor.roster.committee.epoch().0 - 1).committee;
        Motion::change(successor, before, self.domain()).unwrap()
    }

    pub(super) fn readiness(&self, successor: Successor) -> Motion {
        Motion::readiness(successor, self.domain())
    }

    /// Where an operator works.
    pub(super) fn office(&self, number: u8) -> PathBuf {
        self.stage.folder.path().join(format!("operator-{number}"))
    }

    fn furnish(&self, number: u8) {
        let folder = self.office(number);
        fs::create_dir_all(folder.join("keys")).unwrap();
        let keys = [("bls", key(number).to_bytes()), ("ethereum", [number; 32])];
        for (name, bytes) in keys {
            let file = folder.join(format!("keys/{name}.key"));
            Secret::new(bytes).write(&file).unwrap();
        }
        let settings = format!(
            "[l1]\nrpc_url = {:?}\npoll_interval = \"50ms\"\n",
            self.stage.anvil.url
        );
        fs::write(folder.join("plasma.toml"), settings).unwrap();
        let federation = FederationFile::print(&self.stage.federation.genesis);
        fs::write(folder.join("federation.toml"), federation).unwrap();
    }

    /// Runs `plasma committee` in an operator's folder.
    pub(super) fn run(&self, number: u8, arguments: &[&str]) -> Output {
        plasma(&[&["committee"], arguments].concat(), &self.office(number))
    }

    /// The same for the document that it shows.
    pub(super) fn shown(&self, number: u8, arguments: &[&str]) -> Value {
        let output = self.run(number, &[arguments, &["--json"]].concat());
        serde_json::from_str(&expect(&output, 0, &[])).unwrap()
    }

    /// A paper that goes from hand to hand.
    pub(super) fn paper(&self, name: &str, text: &str) -> String {
        let path = self.stage.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The document of a committee.
    pub(super) fn document(&self, name: &str, successor: &Successor) -> String {
        self.paper(name, &CommitteeFile::print(successor))
    }

    /// Some operators sign with a command; gives the files.
    pub(super) fn sign(&self, command: &str, document: &str, numbers: &[u8]) -> Vec<String> {
        let signed = numbers.iter().map(|number| {
            let line = expect(&self.run(*number, &[command, document]), 0, &[]);
            assert_eq!(line.lines().count(), 1, "{line}");
            self.paper(&format!("{number}-{command}.sig"), &line)
        });
        signed.collect()
    }

    /// What `plasma committee install` does to an operator's folder.
    pub(super) fn install(&self, number: u8, epoch: u64, document: &str) {
        let place = papers::place(&self.office(number).join("data"), Epoch(epoch));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(Path::new(document), place).unwrap();
    }

    /// The committee of an epoch anchors the newest block.
    pub(super) async fn anchor(&mut self, epoch: u64) {
        let head = self.stage.anvil.rpc.newest().await.unwrap().height;
        let origin = block(&self.stage.anvil, head).await;
        self.stage.anvil.mine(1).await;
        let header = self.stage.federation.seal(Vec::new(), &origin);
        let view = u64::from(header.height.0);
        let digest = self.domain().finalize(Epoch(epoch), View(view), header.id());
        let numbers = COMMITTEES[usize::try_from(epoch).unwrap()];
        let keys: Vec<SecretKey> = numbers.iter().map(|number| key(*number)).collect();
        let all: Vec<u16> = (0..).take(keys.len()).collect();
        let certificate = certificate(&keys, (Epoch(epoch), view), (header.id().0, &digest), &all);
        let anchor = Anchor { header, certificate };
        self.ethereum.anchor(&anchor).await.unwrap();
    }

    /// The delay of committees passes, and the committee of an epoch goes on anchoring.
    pub(super) async fn wait(&mut self, epoch: u64) {
        let rules = parameters();
        let step_s = rules.silence_s;
        // The delay may begin with the first of these anchors, and what is left of a step belongs to it too.
        for _ in 0..rules.committee_delay_s / step_s + 2 {
            self.stage.anvil.advance(step_s).await;
            self.anchor(epoch).await;
        }
    }

    /// A transaction around the commands.
    pub(super) async fn sends(&self, call: &Call) {
        let rpc = &self.stage.anvil.rpc;
        direct::transact(rpc, &self.stage.alice, call).await.unwrap();
    }

    pub(super) async fn balance(&self, address: Address) -> u128 {
        let balance = self.stage.anvil.rpc.balance(address).await.unwrap();
        u128::try_from(balance).unwrap()
    }
}
