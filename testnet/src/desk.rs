//! A wallet for whoever tries the federation: the first test user's account, and where everything is.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use plasma_node::keystore::web3::Web3Keystore;
use plasma_node::wallet::accounts::Accounts;

use crate::api::Api;
use crate::testnet::Testnet;

/// A wallet's folder, and what `plasma wallet` must be told of this federation.
#[derive(Debug)]
pub struct Desk {
    /// The wallet's folder.
    pub folder: PathBuf,
    /// Variables of the environment.
    pub settings: Vec<(&'static str, String)>,
}

impl Desk {
    /// Writes the wallet into this run's folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(testnet: &Testnet) -> Result<Self> {
        let folder = testnet.folder().sub("wallet")?;
        let password = folder.join("password");
        write_new(&password, &format!("{PASSWORD}\n"))?;
        let secret = testnet.user(0)?.test_secret();
        let keystore = Web3Keystore::seal(&secret, PASSWORD).map_err(|error| anyhow!(error))?;
        Accounts::of(&folder).add(ACCOUNT, &keystore)?;
        let federation = testnet.cluster.places().next().context("an operator")?;
        let nodes: Vec<&str> = testnet.cluster.apis().map(Api::base).collect();
        let settings = vec![
            ("PLASMA_WALLET_DIR", folder.display().to_string()),
            ("PLASMA_PASSWORD_FILE", password.display().to_string()),
            (
                "PLASMA_FEDERATION",
                federation.folder.join("federation.toml").display().to_string(),
            ),
            ("PLASMA_NODE", nodes.join(",")),
            ("PLASMA_L1", testnet.l1().url().to_owned()),
        ];
        Ok(Self { folder, settings })
    }

    /// Writes a file that makes a shell this wallet's: its variables, and `plasma` and `testnet` as commands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn script(&self) -> Result<PathBuf> {
        let own = std::env::current_exe().context("our own executable")?;
        let own = quoted(&own.display().to_string());
        let mut text = format!(
            "# {ACCOUNT}'s wallet, in the federation that was started with it: source this in a shell.\n"
        );
        for (name, value) in &self.settings {
            writeln!(text, "export {name}={}", quoted(value))?;
        }
        writeln!(text, "plasma() {{ {own} plasma \"$@\"; }}")?;
        writeln!(text, "testnet() {{ {own} \"$@\"; }}")?;
        let path = self.folder.join("wallet.sh");
        write_new(&path, &text)?;
        Ok(path)
    }
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn write_new(path: &Path, content: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    Ok(file.write_all(content.as_bytes())?)
}

/// The name of the account.
const ACCOUNT: &str = "alice";
/// Of a key that everybody knows.
const PASSWORD: &str = "a password for a public test key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in ["plain", "two words", "it's $HOME `id` \\ \"x\"", "''"] {
            let ran = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&ran.stdout), word);
        }
    }
}
