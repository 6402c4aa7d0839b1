//! Settings, federation files and the commands around them: what is wrong is said with its place.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use plasma_core::{Address, Amount, Epoch, Genesis, OperatorIndex, SecretKey, SigningKey};
use plasma_node::{
    cli::{Start, StartError},
    config::{Config, ConfigError, FederationError, FederationFile, KeepBlocks, Override},
    keystore::Secret,
};

use super::chain::{genesis, secret};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("plasma.toml", text, &[])
}

fn overridden(text: &str, key: &str, value: &str) -> Result<Config, ConfigError> {
    let entry = Override {
        source: format!("PLASMA_{key}"),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    Config::parse("plasma.toml", text, &[entry])
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = parse("name = \"a\"\n\n[http]\nlisten = \"127.0.0.1:0\"\nport = 1\n").unwrap_err();
    assert!(
        matches!(
            error,
            ConfigError::File {
                line: 5,
                column: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("port") && error.to_string().contains("plasma.toml, line 5"),
        "{error}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_line() {
    let cases = [
        ("name = 1", 1),
        ("[consensus]\ndelta = 500", 2),
        ("[consensus]\ndelta = \"500\"", 2),
        ("[mempool]\nmax_bytes = \"12MB\"", 2),
        ("[http]\nlisten = \"localhost\"", 2),
        ("[storage]\nbackend = \"tape\"", 2),
        ("[storage]\nkeep_blocks = \"some\"", 2),
        ("[storage]\nkeep_blocks = -1", 2),
        ("name = ", 1),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(
            matches!(error, ConfigError::File { line, .. } if line == expected),
            "{text}: {error}"
        );
    }
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_key() {
    let cases = [
        ("config_version = 2", "config_version"),
        ("name = \"\"", "name"),
        (
            "[federation]\nexpected_hash = \"0x12\"",
            "federation.expected_hash",
        ),
        ("[p2p]\nlisten = []", "p2p.listen"),
        ("[consensus]\ndelta = \"0ms\"", "consensus.delta"),
        ("[consensus]\nalpha_percent = 100", "consensus.alpha_percent"),
        ("[consensus]\ncap = 0", "consensus.cap"),
        ("[mempool]\nmax_transactions = 0", "mempool.max_transactions"),
        ("[l1]\nrpc_url = \"127.0.0.1:8545\"", "l1.rpc_url"),
        ("[l1]\npoll_interval = \"0s\"", "l1.poll_interval"),
        ("[http]\nmax_connections = 0", "http.max_connections"),
        ("[http]\nmax_connections = 65537", "http.max_connections"),
        ("[http]\nmax_per_address = 0", "http.max_per_address"),
        ("[http]\nmax_per_address = 65537", "http.max_per_address"),
        ("[p2p]\nmax_clients = 65537", "p2p.max_clients"),
        ("[mempool]\nmax_bytes = \"4095KiB\"", "mempool.max_bytes"),
        ("[storage]\ncache = \"1023KiB\"", "storage.cache"),
        ("[storage]\nkeep_blocks = 999", "storage.keep_blocks"),
        ("[storage]\nsnapshots_kept = 0", "storage.snapshots_kept"),
        ("[storage]\npath = \".\"", "storage.path"),
        ("[storage]\npath = \"\"", "storage.path"),
        ("[storage]\npath = \"log/db\"", "storage.path"),
        ("[storage]\npath = \"db/../committees\"", "storage.path"),
        ("[storage]\npath = \"../..\"", "storage.path"),
        ("[p2p]\nlisten = [\"/ip4/foo\"]", "p2p.listen"),
        ("[log]\nfilter = \"!!=\"", "log.filter"),
        ("[consensus]\ndelta = \"99h\"", "consensus.delta"),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(
            matches!(error, ConfigError::Value { key, .. } if key == expected),
            "{text}: {error}"
        );
    }
}

#[test]
fn the_least_and_the_most_of_a_setting_are_taken_and_an_operator_may_let_no_client_in() {
    for text in [
        "[http]\nmax_connections = 65536\n[p2p]\nmax_clients = 65536",
        "[mempool]\nmax_bytes = \"4MiB\"\n[storage]\ncache = \"1MiB\"",
        "[p2p]\nmax_clients = 0",
    ] {
        parse(text).unwrap();
    }
}

#[test]
fn the_storage_engine_tells_of_its_merges_only_where_it_is_asked() {
    use tracing_subscriber::filter::EnvFilter;
    let filter: EnvFilter = Config::default().log.filter.parse().unwrap();
    let shown = filter.to_string();
    for part in ["info", "fjall=warn", "lsm_tree=warn"] {
        assert!(shown.split(',').any(|found| found == part), "{part} in {shown}");
    }
}

#[test]
fn outside_settings_win_over_the_file_and_name_themselves_when_wrong() {
    let config = overridden("[http]\nmax_connections = 5", "http.max_connections", "7").unwrap();
    assert_eq!(config.http.max_connections, 7);
    for (file, outside, expected) in [
        ("all", "5000", KeepBlocks::Newest(5_000)),
        ("2000", "all", KeepBlocks::All),
    ] {
        let text = format!("[storage]\nkeep_blocks = \"{file}\"");
        let config = overridden(&text, "storage.keep_blocks", outside).unwrap();
        assert_eq!(config.storage.keep_blocks, expected);
    }
    let config = parse("[storage]\nkeep_blocks = 1000\npath = \"../rows/db\"").unwrap();
    assert_eq!(config.storage.keep_blocks, KeepBlocks::Newest(1_000));
    let config = overridden("", "p2p.listen", "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2").unwrap();
    assert_eq!(
        config.p2p.listen,
        ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]
    );
    for (key, value) in [
        ("http.port", "1"),
        ("http", "1"),
        ("nothing.here", "1"),
        ("http.max_connections", "many"),
        ("consensus.delta", "soon"),
    ] {
        let error = overridden("", key, value).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Override { from, .. } if *from == format!("PLASMA_{key}")),
            "{error}"
        );
    }
    let variables = [
        ("PLASMA_HTTP__LISTEN", "a"),
        ("PLASMA_NAME", "b"),
        ("PLASMA_CONFIG", "c"),
        ("HOME", "d"),
    ];
    let found = Config::overrides_of(
        variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    );
    let keys: Vec<_> = found.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["http.listen", "name"]);
}

#[test]
fn a_federation_survives_its_text_with_the_same_hash() {
    let mut with_fees = genesis();
    with_fees.fee_owner = Some(Address([9; 20]));
    with_fees.fees = vec![(Address::ZERO, Amount::from(7)), (Address([1; 20]), Amount::MAX)];
    with_fees.legacy_transactions = true;
    let mut single = genesis();
    single.members.truncate(1);
    for genesis in [genesis(), with_fees, single] {
        let text = FederationFile::print(&genesis);
        let read = FederationFile::parse("federation.toml", &text).unwrap();
        assert_eq!(read, genesis);
        assert!(text.contains(&genesis.hash().to_string()));
    }
}

#[test]
fn a_federation_that_cannot_work_is_refused_with_the_reason() {
    let text = FederationFile::print(&genesis());
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        FederationFile::parse("federation.toml", &text.replacen(from, to, 1)).unwrap_err()
    };
    let unknown = broken("l1_chain_id", "quorum = 3\nl1_chain_id");
    assert!(
        matches!(unknown, FederationError::File { line: 4, .. }),
        "{unknown}"
    );
    let contract = genesis().contract.to_string();
    let address = broken(&contract, "0x12");
    assert!(
        matches!(&address, FederationError::Value { key, .. } if key == "contract"),
        "{address}"
    );
    let chain = broken("l1_chain_id = 31337", "l1_chain_id = 1");
    assert!(chain.to_string().contains("possession"), "{chain}");

    let mut twins = genesis();
    twins.members[1].peer_id = twins.members[0].peer_id.clone();
    let error = FederationFile::parse("f", &FederationFile::print(&twins)).unwrap_err();
    assert!(matches!(error, FederationError::Genesis(_)), "{error}");
    let mut few = genesis();
    few.members.truncate(3);
    let silent = FederationFile::print(&few).replace("allow_no_faults = true\n", "");
    let error = FederationFile::parse("f", &silent).unwrap_err();
    assert!(matches!(error, FederationError::NoFaults(3)), "{error}");
}

/// A folder that is gone with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plasma-settings-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A folder with settings, keys and a federation whose first member holds those keys.
pub(crate) fn home(name: &str) -> (Folder, Genesis) {
    let folder = Folder::new(name);
    let (bls, ethereum, peer) = (secret(0), [42; 32], [43; 32]);
    let mut genesis = genesis();
    let operator = SigningKey::from_bytes(&ethereum).unwrap().address();
    let domain = genesis.domain();
    let member = &mut genesis.members[0];
    member.operator = operator;
    member.key = bls.public();
    member.possession = bls.sign(&domain.possession(&operator, &bls.public()));
    member.peer_id = plasma_network::peer_id(&peer).to_bytes();
    fs::create_dir_all(folder.0.join("keys")).unwrap();
    Secret::new(bls.to_bytes())
        .write(&folder.0.join("keys/bls.key"))
        .unwrap();
    Secret::new(ethereum)
        .write(&folder.0.join("keys/ethereum.key"))
        .unwrap();
    Secret::new(peer).write(&folder.0.join("keys/peer.key")).unwrap();
    folder.write("federation.toml", &FederationFile::print(&genesis));
    folder.write("plasma.toml", Config::DEFAULT_TEXT);
    (folder, genesis)
}

fn prepare(folder: &Path, overrides: &[Override]) -> Result<Start, StartError> {
    Start::prepare(Config::load(&folder.join("plasma.toml"), overrides)?)
}

#[test]
fn an_operator_finds_its_place_by_its_keys() {
    let (folder, genesis) = home("place");
    let start = prepare(&folder.0, &[]).unwrap();
    assert_eq!(
        (start.seats, start.genesis.hash()),
        (vec![(Epoch(0), OperatorIndex(0))], genesis.hash())
    );
    assert_eq!(start.config.data_dir, folder.0.join("data"));
    let hash = |value: String| {
        [Override {
            source: "--hash".into(),
            key: "federation.expected_hash".into(),
            value,
        }]
    };
    prepare(&folder.0, &hash(genesis.hash().to_string())).unwrap();
    let error = prepare(&folder.0, &hash(format!("0x{}", "1".repeat(64)))).unwrap_err();
    assert!(
        matches!(error, StartError::Federation(FederationError::Hash { .. })),
        "{error}"
    );
}

#[test]
fn keys_that_are_not_the_members_are_refused_by_kind() {
    for (file, setting, expected) in [
        ("bls", "keys.bls: ", "not a member"),
        ("ethereum", "keys.eth: ", "Ethereum key"),
        ("peer", "keys.p2p: ", "p2p key"),
    ] {
        let (folder, _) = home(file);
        let path = folder.0.join(format!("keys/{file}.key"));
        fs::remove_file(&path).unwrap();
        let missing = prepare(&folder.0, &[]).unwrap_err().to_string();
        let place = path.display().to_string();
        assert!(
            missing.starts_with(setting) && missing.contains(&place),
            "{missing}"
        );
        Secret::new(SecretKey::from_seed(&[99; 32]).to_bytes())
            .write(&path)
            .unwrap();
        let error = prepare(&folder.0, &[]).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

pub(crate) fn plasma(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn commands_end_with_their_documented_codes() {
    let (folder, genesis) = home("commands");
    let code = |arguments: &[&str]| plasma(arguments, &folder.0).status.code();
    let hash = plasma(&["federation", "hash", "federation.toml"], &folder.0);
    assert_eq!(
        String::from_utf8_lossy(&hash.stdout),
        format!("{}\n", genesis.hash())
    );
    assert_eq!(code(&["node", "check"]), Some(0));
    assert_eq!(code(&["config", "check"]), Some(0));
    assert_eq!(
        plasma(&["config", "default"], &folder.0).stdout,
        Config::DEFAULT_TEXT.as_bytes()
    );
    assert_eq!(code(&["version", "--json"]), Some(0));
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["dance"]), Some(2));
    assert_eq!(code(&["--config", "absent.toml", "config", "check"]), Some(3));
    assert_eq!(code(&["config", "check", "--http-listen", "here"]), Some(3));
    for (file, setting, kind) in [
        // In the order in which the last of them is still read.
        ("ethereum", "keys.eth", "eth"),
        ("peer", "keys.p2p", "p2p"),
        ("bls", "keys.bls", "bls"),
    ] {
        let file = format!("keys/{file}.key");
        fs::remove_file(folder.0.join(&file)).unwrap();
        let refused = plasma(&["node", "check"], &folder.0);
        assert_eq!(refused.status.code(), Some(5));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        let remedy = format!("plasma keys new --type {kind} --out {file}");
        assert!(
            said.contains(&format!("{setting}: cannot use {file}")) && said.contains(&remedy),
            "{said}"
        );
    }
    folder.write(
        "plasma.toml",
        &format!("[federation]\nexpected_hash = \"0x{}\"\n", "1".repeat(64)),
    );
    assert_eq!(code(&["node", "check"]), Some(7));
}

#[test]
fn new_keys_are_written_once_and_shown_by_their_public_half() {
    let folder = Folder::new("keys");
    for kind in ["bls", "eth", "p2p"] {
        let file = format!("{kind}.key");
        let made = plasma(&["keys", "new", "--type", kind, "--out", &file], &folder.0);
        assert_eq!(
            made.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let shown = plasma(&["keys", "public", "--type", kind, &file], &folder.0);
        assert_eq!(made.stdout, shown.stdout);
        let secret = fs::read_to_string(folder.0.join(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&made.stdout).contains(secret.trim()));
        let again = plasma(&["keys", "new", "--type", kind, "--out", &file], &folder.0);
        assert_eq!(again.status.code(), Some(5));
    }
    let contract = Address([0xfe; 20]).to_string();
    let operator = Address([1; 20]).to_string();
    let arguments = [
        "keys",
        "prove",
        "bls.key",
        "--operator",
        &operator,
        "--chain-id",
        "31337",
        "--contract",
        &contract,
    ];
    let proof = plasma(&arguments, &folder.0);
    assert_eq!(
        proof.stdout.len(),
        195,
        "{}",
        String::from_utf8_lossy(&proof.stderr)
    );
}
