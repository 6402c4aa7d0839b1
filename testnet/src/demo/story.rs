//! What the steps of the story share: the federation, its people, and small questions to both sides.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ethers_core::types::{H160, H256, Log, TransactionReceipt};
use futures::future::try_join_all;
use plasma_core::{Address, Amount, ExitId, Hash, Position, SignedTransaction, TransactionId, keccak};
use plasma_node::api::view::{ExitData, OutputStatus, OutputView, TransactionView};
use plasma_node::bridge::account::{Call, Terms};
use plasma_node::bridge::contracts::Parameters;
use plasma_node::bridge::convert::from_u256;
use plasma_node::bridge::direct;
use plasma_node::bridge::methods::At;
use serde::Serialize;

use crate::account::User;
use crate::api::Api;
use crate::clock;
use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::testnet::Testnet;

/// The running story.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) testnet: Testnet,
    /// Whom users ask for proofs.
    pub(super) witness: usize,
    pub(super) gas: Gas,
    /// The outputs of the two deposits: Alice's, then Bob's.
    pub(super) funded: Vec<OutputView>,
    /// What Alice got of Bob, over libp2p.
    pub(super) received: Option<Position>,
    /// The tokens that Carol got of Alice.
    pub(super) tokens: Option<Position>,
    /// Height of the last payment that the anchor must cover.
    pub(super) paid_height: u32,
    /// Exits that wait for their time: Alice's, then Carol's of her tokens.
    pub(super) leaving: Vec<Leaving>,
    /// The payment that was withheld.
    pub(super) flight: Option<Flight>,
    /// The exit of what Bob had spent.
    pub(super) challenged: Option<ExitId>,
    /// What exits were paid in ETH and in tokens, read from Ethereum.
    pub(super) exited: Amount,
    pub(super) exited_tokens: Amount,
}

/// An exit that waits for its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub(super) id: ExitId,
    pub(super) owner: Address,
    pub(super) output: Position,
    pub(super) asset: Address,
    pub(super) amount: Amount,
}

/// A payment that leaves in flight, once the federation was made to include it.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) id: ExitId,
    pub(super) payment: SignedTransaction,
    /// What it spends, and that output's name in the contract's registry of what was paid.
    pub(super) input: (Position, Hash),
    /// Who gets what of it, and where that was born.
    pub(super) outputs: Vec<(Address, Amount, Position)>,
}

/// Gas of each call as its receipt says; absent until it was seen.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Gas {
    pub(super) anchor: Option<u64>,
    pub(super) deposit: Option<u64>,
    pub(super) token_deposit: Option<u64>,
    pub(super) exit_start: Option<u64>,
    pub(super) in_flight_start: Option<u64>,
    pub(super) challenge: Option<u64>,
    pub(super) process: Option<u64>,
    pub(super) fraud_proof: Option<u64>,
}

impl Story {
    pub(super) fn new(testnet: Testnet, witness: usize) -> Self {
        Self {
            testnet,
            witness,
            gas: Gas::default(),
            funded: Vec::new(),
            received: None,
            tokens: None,
            paid_height: 0,
            leaving: Vec::new(),
            flight: None,
            challenged: None,
            exited: Amount::ZERO,
            exited_tokens: Amount::ZERO,
        }
    }

    /// Who deposits, pays over HTTP, and exits honestly.
    pub(super) fn alice(&self) -> Result<&User> {
        self.testnet.user(0)
    }

    /// Who deposits, pays over libp2p, tries to exit what he has spent, and withholds a payment.
    pub(super) fn bob(&self) -> Result<&User> {
        self.testnet.user(1)
    }

    /// Who deposits nothing and is paid: in tokens, and by the payment that Bob withholds.
    pub(super) fn carol(&self) -> Result<&User> {
        self.testnet.user(2)
    }

    /// A bystander: whoever calls `process` needs no part in it.
    pub(super) fn dave(&self) -> Result<&User> {
        self.testnet.user(3)
    }

    /// Who has friends among the operators of the second federation.
    pub(super) fn mallory(&self) -> Result<&User> {
        self.testnet.user(4)
    }

    /// Whom users ask for proofs.
    pub(super) fn witness(&self) -> Result<&Api> {
        self.testnet.cluster.api(self.witness)
    }

    /// What the contracts fix.
    pub(super) async fn parameters(&self) -> Result<Parameters> {
        Ok(self.testnet.contracts.parameters(self.testnet.rpc()).await?)
    }

    /// What an exit of an output takes, as an operator gives it to any owner.
    pub(super) async fn exit_data(&self, output: Position) -> Result<ExitData> {
        self.witness()?
            .document(&format!("/v1/outputs/{output}/exit-data"))
            .await
    }

    /// What the vault holds.
    pub(super) async fn vault(&self) -> Result<Amount> {
        self.ether_of(self.testnet.contracts.vault).await
    }

    /// What an account or contract holds on Ethereum.
    pub(super) async fn ether_of(&self, account: Address) -> Result<Amount> {
        Ok(from_u256(self.testnet.l1().balance(H160(account.0)).await?))
    }

    /// Starts an exit with the data that an operator gives, as any owner can; also its receipt and those data.
    pub(super) async fn start_exit(
        &self,
        user: &User,
        output: Position,
    ) -> Result<(Leaving, TransactionReceipt, ExitData)> {
        let data = self.exit_data(output).await?;
        let (leaving, receipt) = self.start_exit_with(user, data.clone()).await?;
        Ok((leaving, receipt, data))
    }

    /// Starts an exit with these data.
    pub(super) async fn start_exit_with(
        &self,
        user: &User,
        data: ExitData,
    ) -> Result<(Leaving, TransactionReceipt)> {
        let calldata = data
            .calldata
            .ok_or_else(|| anyhow!("the exit data hold no calldata"))?
            .0;
        let call = Call {
            label: "ExitGame.startExit".into(),
            to: Some(self.testnet.contracts.exit_game),
            value: self.parameters().await?.exit_bond,
            data: calldata,
        };
        let receipt = self.transact(user, &call).await?;
        let leaving = Leaving {
            id: started(&receipt, "ExitStarted(uint256,uint72,address)")?,
            owner: user.address(),
            output: data.output.output.0,
            asset: data.output.asset.0,
            amount: data.output.amount.0,
        };
        Ok((leaving, receipt))
    }

    /// Sends a call of a user and waits until it is mined.
    pub(super) async fn transact(&self, user: &User, call: &Call) -> Result<TransactionReceipt> {
        let mined = direct::transact(self.testnet.rpc(), user.ethereum(), call).await?;
        self.testnet.l1().receipt(H256(mined.transaction.0)).await
    }

    /// Waits for the event that ends an exit: whether it was paid, and the transaction that did it.
    pub(super) async fn exit_ended(&self, id: ExitId) -> Result<(bool, TransactionReceipt)> {
        let topics = [topic("ExitEnded(uint256,uint72,bool)"), H256(id.0.0)];
        let log = self
            .first_log(H160(self.testnet.contracts.exit_game.0), &topics)
            .await?;
        let paid = log.data.last() == Some(&1);
        let transaction = log
            .transaction_hash
            .ok_or_else(|| anyhow!("a log without a transaction"))?;
        Ok((paid, self.testnet.l1().receipt(transaction).await?))
    }

    /// Waits for the event that ends an in-flight exit: bitmaps of paid outputs and consumed inputs.
    pub(super) async fn flight_ended(&self, id: ExitId) -> Result<(u8, u8)> {
        let topics = [topic("InFlightExitEnded(uint256,uint8,uint8)"), H256(id.0.0)];
        let in_flight = H160(self.testnet.contracts.in_flight.0);
        let log = self.first_log(in_flight, &topics).await?;
        let byte = |place: usize| log.data.get(place).copied().unwrap_or_default();
        Ok((byte(31), byte(63)))
    }

    /// Waits for the first event of a contract with these topics.
    pub(super) async fn first_log(&self, of: H160, topics: &[H256]) -> Result<Log> {
        until("Ethereum to show the end of the exit", L1_PATIENCE, || async {
            let logs = self.testnet.l1().logs(of, topics).await?;
            Ok(logs
                .into_iter()
                .next()
                .map_or_else(|| Look::NotYet("it is open".into()), Look::Seen))
        })
        .await
    }

    /// Calls `process` for every asset as a bystander: what the first call cost. Wallets that estimate bring just enough for
    /// the first place of a queue, so the gas is named here.
    pub(super) async fn process(&self, assets: &[Address]) -> Result<u64> {
        let (rpc, dave) = (self.testnet.rpc(), self.dave()?.ethereum());
        let mut sent = Vec::new();
        for asset in assets {
            let call = self.testnet.contracts.process_call(*asset, PROCESS_MAX);
            let terms = Terms {
                nonce: rpc.nonce(dave.address(), At::Pending).await?,
                gas: PROCESS_GAS,
                fees: rpc.fees().await?,
            };
            let signed = dave.sign(&call, &terms)?;
            rpc.send_raw(&signed.raw).await?;
            sent.push((call.label, signed.hash));
        }
        let waits = sent.iter().map(|(label, hash)| direct::mined(rpc, label, *hash));
        let receipts = try_join_all(waits).await?;
        must(receipts.iter().all(|receipt| receipt.succeeded), || {
            "process reverted".into()
        })?;
        Ok(receipts
            .first()
            .map(|receipt| receipt.gas_used)
            .unwrap_or_default())
    }

    /// Moves Ethereum's clock to `target`, and says in how many hops.
    pub(super) async fn advance_to(&self, target: u64) -> Result<u64> {
        let testnet = &self.testnet;
        clock::advance_to(testnet.l1(), testnet.rpc(), &testnet.contracts, target).await
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

    /// Waits until every operator holds a transaction as decided, and all in the same place: how they tell it.
    pub(super) async fn decided_everywhere(&self, id: TransactionId) -> Result<TransactionView> {
        let one = async |api: &Api| {
            let what = format!("{} to hold {id} as committed", api.base());
            until(&what, LEDGER_PATIENCE, || async {
                let answer = api.get(&format!("/v1/transactions/{id}")).await?;
                let view: Option<TransactionView> = serde_json::from_value(answer.body.clone()).ok();
                let decided = |view: &TransactionView| view.state.is_decided();
                Ok(match view.filter(decided) {
                    Some(view) => Look::Seen(view),
                    None => Look::NotYet(format!("it answers {}", answer.body)),
                })
            })
            .await
        };
        let told = try_join_all(self.testnet.cluster.apis().map(one)).await?;
        let first = told.first().context("a federation of nobody")?.clone();
        must(told.iter().all(|view| view.block == first.block), || {
            format!("operators hold {id} in different places")
        })?;
        Ok(first)
    }
}

/// The number of the exit whose first event is in a receipt.
pub(super) fn started(receipt: &TransactionReceipt, event: &str) -> Result<ExitId> {
    let wanted = topic(event);
    let log = receipt
        .logs
        .iter()
        .find(|log| log.topics.first() == Some(&wanted));
    let id = log
        .and_then(|log| log.topics.get(1))
        .ok_or_else(|| anyhow!("no {event} in the receipt"))?;
    Ok(ExitId(Hash(id.0)))
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
            ("of tokens", self.token_deposit),
            ("exit start", self.exit_start),
            ("in flight", self.in_flight_start),
            ("challenge", self.challenge),
            ("process", self.process),
            ("fraud proof", self.fraud_proof),
        ];
        let told =
            figures.map(|(name, gas)| gas.map_or_else(|| format!("{name} –"), |gas| format!("{name} {gas}")));
        f.write_str(&told.join(", "))
    }
}

/// An anchor or a challenge takes two or three Ethereum blocks, and a takeover as many again.
const L1_PATIENCE: Duration = Duration::from_secs(45);
/// What Ethereum shows is in every ledger two blocks later.
const LEDGER_PATIENCE: Duration = Duration::from_secs(30);
/// More places of the queue than the story fills.
const PROCESS_MAX: u64 = 10;
/// Enough for all of them, below what one Ethereum transaction may use (EIP-7825).
const PROCESS_GAS: u64 = 12_000_000;
