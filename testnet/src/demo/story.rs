//! What the steps of the story share: the federation, its people, and small questions to both sides.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ethers_core::types::{H160, H256, TransactionReceipt};
use futures::future::try_join_all;
use plasma_core::{Address, Amount, ExitId, Hash, Position, keccak};
use plasma_node::api::view::{ExitData, OutputStatus, OutputView};
use plasma_node::bridge::account::Call;
use plasma_node::bridge::convert::from_u256;
use plasma_node::bridge::direct;
use serde::Serialize;

use crate::account::User;
use crate::api::Api;
use crate::deadline::{Look, until};
use crate::deploy::{GRACE_S, SILENCE_S};
use crate::failure::Failure;
use crate::testnet::Testnet;

/// The running story.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) testnet: Testnet,
    pub(super) gas: Gas,
    /// The outputs of the two deposits: Alice's, then Bob's.
    pub(super) funded: Vec<OutputView>,
    /// What Alice got of Bob, over libp2p.
    pub(super) received: Option<Position>,
    /// Height of the later payment.
    pub(super) paid_height: u32,
    /// What exits were paid, read from Ethereum.
    pub(super) exited: Amount,
}

/// Gas of each call as its receipt says; absent until it was seen.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Gas {
    pub(super) anchor: Option<u64>,
    pub(super) deposit: Option<u64>,
    pub(super) exit_start: Option<u64>,
    pub(super) challenge: Option<u64>,
    pub(super) process: Option<u64>,
}

impl Story {
    pub(super) fn new(testnet: Testnet) -> Self {
        Self {
            testnet,
            gas: Gas::default(),
            funded: Vec::new(),
            received: None,
            paid_height: 0,
            exited: Amount::ZERO,
        }
    }

    /// Who deposits, pays over HTTP, and exits honestly.
    pub(super) fn alice(&self) -> Result<&User> {
        self.testnet.user(0)
    }

    /// Who deposits, pays over libp2p, and tries to exit what he has spent.
    pub(super) fn bob(&self) -> Result<&User> {
        self.testnet.user(1)
    }

    /// A bystander: whoever calls `process` needs no part in it.
    pub(super) fn carol(&self) -> Result<&User> {
        self.testnet.user(2)
    }

    /// What the vault holds.
    pub(super) async fn vault(&self) -> Result<Amount> {
        self.ether_of(self.testnet.contracts.vault).await
    }

    /// What an account or contract holds on Ethereum.
    pub(super) async fn ether_of(&self, account: Address) -> Result<Amount> {
        Ok(from_u256(self.testnet.l1().balance(H160(account.0)).await?))
    }

    /// Starts an exit with the data that an operator gives, as any owner can; its number, receipt and data.
    pub(super) async fn start_exit(
        &self,
        user: &User,
        output: Position,
    ) -> Result<(ExitId, TransactionReceipt, ExitData)> {
        let data: ExitData = self
            .testnet
            .cluster
            .api(1)?
            .document(&format!("/v1/outputs/{output}/exit-data"))
            .await?;
        let calldata = data
            .calldata
            .as_ref()
            .ok_or_else(|| anyhow!("the exit data hold no calldata"))?
            .0
            .clone();
        let bond = self
            .testnet
            .contracts
            .parameters(self.testnet.rpc())
            .await?
            .exit_bond;
        let to = Some(self.testnet.contracts.exit_game);
        let call = Call {
            label: "ExitGame.startExit".into(),
            to,
            value: bond,
            data: calldata,
        };
        let mined = direct::transact(self.testnet.rpc(), user.ethereum(), &call).await?;
        let receipt = self.testnet.l1().receipt(H256(mined.transaction.0)).await?;
        let started = topic("ExitStarted(uint256,uint72,address)");
        let log = receipt
            .logs
            .iter()
            .find(|log| log.topics.first() == Some(&started));
        let id = log
            .and_then(|log| log.topics.get(1))
            .ok_or_else(|| anyhow!("no ExitStarted in the receipt"))?;
        Ok((ExitId(Hash(id.0)), receipt, data))
    }

    /// Waits for the event that ends an exit: whether it was paid, and the transaction that did it.
    pub(super) async fn exit_ended(&self, id: ExitId) -> Result<(bool, TransactionReceipt)> {
        let topics = [topic("ExitEnded(uint256,uint72,bool)"), H256(id.0.0)];
        let exit_game = H160(self.testnet.contracts.exit_game.0);
        let what = "Ethereum to show the end of the exit";
        let log = until(what, L1_PATIENCE, || async {
            let logs = self.testnet.l1().logs(exit_game, &topics).await?;
            Ok(logs
                .into_iter()
                .next()
                .map_or_else(|| Look::NotYet("it is open".into()), Look::Seen))
        })
        .await?;
        let paid = log.data.last() == Some(&1);
        let transaction = log
            .transaction_hash
            .ok_or_else(|| anyhow!("a log without a transaction"))?;
        Ok((paid, self.testnet.l1().receipt(transaction).await?))
    }

    /// Calls `process` as a bystander, once it is due: what it cost.
    pub(super) async fn process(&self) -> Result<u64> {
        let call = self.testnet.contracts.process_call(Address::ZERO, PROCESS_MAX);
        Ok(
            direct::transact(self.testnet.rpc(), self.carol()?.ethereum(), &call)
                .await?
                .gas_used,
        )
    }

    /// Moves Ethereum's clock to `target`, in hops that leave the federation time to anchor in between.
    pub(super) async fn advance_to(&self, target: u64) -> Result<u64> {
        let mut hops = 0;
        loop {
            let (_, now) = self.testnet.l1().head().await?;
            if now >= target {
                return Ok(hops);
            }
            self.testnet.l1().advance((target - now).min(HOP_S)).await?;
            hops += 1;
            until(
                "an idle federation to anchor after Ethereum's clock moved",
                L1_PATIENCE,
                || async {
                    let latest = self.testnet.contracts.latest(self.testnet.rpc()).await?;
                    let words = format!(
                        "the last anchor is of {}, Ethereum's clock was {now}",
                        latest.time_s
                    );
                    Ok(if latest.time_s > now {
                        Look::Seen(())
                    } else {
                        Look::NotYet(words)
                    })
                },
            )
            .await?;
        }
    }

    /// Waits until every operator says that an output has this status.
    pub(super) async fn everywhere(&self, output: Position, status: OutputStatus) -> Result<()> {
        let one = async |api: &Api| {
            let what = format!("{} to show output {output} as {status:?}", api.base());
            until(&what, LEDGER_PATIENCE, || async {
                let view: OutputView = api.document(&format!("/v1/outputs/{output}")).await?;
                let found = format!("it shows {:?}", view.status);
                Ok(if view.status == status {
                    Look::Seen(())
                } else {
                    Look::NotYet(found)
                })
            })
            .await
        };
        try_join_all(self.testnet.cluster.apis().map(one)).await.map(drop)
    }
}

/// Ends the story unless something holds.
pub(super) fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Failure::Unseen(otherwise()).into())
    }
}

/// Asks for a refusal with this code: its detail.
pub(super) async fn refused(api: &Api, bytes: Vec<u8>, status: u16, code: &str) -> Result<String> {
    let answer = api
        .post("/v1/transactions", bytes)
        .await
        .context("a submission that must be refused")?;
    if answer.status != status || answer.code() != Some(code) {
        bail!(Failure::Unseen(format!(
            "expected {status} {code}, got {} {}",
            answer.status, answer.body
        )));
    }
    Ok(answer.detail().to_owned())
}

/// The first topic of an event.
pub(super) fn topic(signature: &str) -> H256 {
    H256(keccak(&[signature.as_bytes()]).0)
}

impl fmt::Display for Gas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("anchor", self.anchor),
            ("deposit", self.deposit),
            ("exit start", self.exit_start),
            ("challenge", self.challenge),
            ("process", self.process),
        ];
        let told =
            figures.map(|(name, gas)| gas.map_or_else(|| format!("{name} –"), |gas| format!("{name} {gas}")));
        f.write_str(&told.join(", "))
    }
}

/// Seconds by which Ethereum's clock moves at once. With the quarter of `silence` that may have passed since the last
/// anchor it stays half a minute below the contract's limit of silence + 2 grace.
const HOP_S: u64 = SILENCE_S / 2 + 2 * GRACE_S - ANCHOR_SLACK_S;
const _: () = assert!(HOP_S + SILENCE_S / 4 + ANCHOR_SLACK_S <= SILENCE_S + 2 * GRACE_S);
/// Seconds that an anchor may take after a hop, when it comes late and somebody else must take over.
const ANCHOR_SLACK_S: u64 = 15;
/// An anchor or a challenge takes two or three Ethereum blocks, and a takeover as many again.
const L1_PATIENCE: Duration = Duration::from_secs(45);
/// What Ethereum shows is in every ledger two blocks later.
const LEDGER_PATIENCE: Duration = Duration::from_secs(30);
/// More places of the queue than the story fills.
const PROCESS_MAX: u64 = 10;
