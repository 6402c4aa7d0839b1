//! A real Ethereum node of our own for one test, on a port that the system chooses.

use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use plasma_core::Hash;
use plasma_node::{
    bridge::{account::Account, rpc::Rpc},
    keystore::Secret,
};
use serde_json::{Value, json};

/// anvil as a child; it is killed, by its own pid, when dropped.
pub(crate) struct Anvil {
    child: Child,
    pub(crate) url: String,
    pub(crate) rpc: Arc<Rpc>,
}

impl Anvil {
    /// Starts a chain that mines each transaction at once.
    pub(crate) fn start() -> Self {
        let program = program();
        let mut child = Command::new(&program)
            .args([
                "--port",
                "0",
                "--hardfork",
                "prague",
                "--enable-tx-gas-limit",
                "--accounts",
                "1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; {WAYS_OUT}", Path::new(&program).display()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut addresses = lines.map_while(Result::ok);
        let address = addresses.find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let url = format!(
            "http://{}",
            address.expect("anvil ends its greeting with its address")
        );
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || addresses.for_each(drop));
        let rpc = Arc::new(Rpc::new(std::slice::from_ref(&url), Duration::from_secs(30)).unwrap());
        Self { child, url, rpc }
    }

    /// A key with a thousand ether.
    pub(crate) async fn funded(&self, number: u8) -> (Secret, Account) {
        let secret = Secret::new([number; 32]);
        let account = Account::new(&secret, CHAIN_ID).unwrap();
        let wei = format!("{:#x}", 10u128.pow(21));
        self.ask("anvil_setBalance", json!([account.address().to_string(), wei]))
            .await;
        (secret, account)
    }

    /// A test method of anvil.
    pub(crate) async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.rpc.call(method, params).await.unwrap()
    }

    /// Mines blocks at once.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Whether transactions are mined as they come.
    pub(crate) async fn automine(&self, on: bool) {
        self.ask("evm_setAutomine", json!([on])).await;
    }

    /// Moves the chain's clock and mines a block with the new time.
    pub(crate) async fn advance(&self, seconds: u64) {
        self.ask("evm_increaseTime", json!([seconds])).await;
        self.mine(1).await;
    }

    /// Replaces the newest blocks by as many empty ones.
    pub(crate) async fn reorganise(&self, depth: u64) {
        self.ask("anvil_reorg", json!([depth, []])).await;
    }

    /// Forgets a transaction that waits.
    pub(crate) async fn drop_transaction(&self, hash: Hash) {
        self.ask("anvil_dropTransaction", json!([hash.to_string()])).await;
    }

    /// Hashes of what waits to be mined, in no order.
    pub(crate) async fn waiting(&self) -> Vec<String> {
        let pool = self.ask("txpool_content", json!([])).await;
        let senders = pool["pending"].as_object().unwrap().values();
        let transactions = senders.flat_map(|sender| sender.as_object().unwrap().values());
        transactions
            .map(|transaction| transaction["hash"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> OsString {
    if let Some(named) = env::var_os("PLASMA_ANVIL") {
        return named;
    }
    let packaged = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../contracts-abi/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
    let folders = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&folders).map(|folder| folder.join("anvil"));
    let found = on_path.chain([packaged]).find(|candidate| candidate.is_file());
    found
        .unwrap_or_else(|| panic!("anvil was not found; {WAYS_OUT}"))
        .into_os_string()
}

pub(crate) const CHAIN_ID: u64 = 31_337;
const WAYS_OUT: &str = "put it on PATH, name it in PLASMA_ANVIL, or run: npm ci --prefix contracts-abi";
