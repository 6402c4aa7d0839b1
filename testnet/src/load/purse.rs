//! Outputs for the payments: each account's deposit, split again and again until there are enough; then the payments.

use std::ops::Range;

use anyhow::{Context, Result, anyhow, bail};
use futures::future::try_join_all;
use plasma_core::{
    Address, Amount, Domain, Height, Input, Kind, Payment, Position, SignedTransaction, SigningKey,
    Transaction,
};
use plasma_node::api::view::{Batch, BatchItem};

use crate::api::Api;
use crate::progress::Stage;
use crate::testnet::Testnet;

/// An output that its owner can spend at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coin {
    owner: usize,
    position: Position,
    amount: Amount,
}

/// Makes at least `count` outputs of the deposits of these users.
pub(crate) async fn split(
    testnet: &Testnet,
    users: Range<usize>,
    count: usize,
    stage: &Stage,
) -> Result<Vec<Coin>> {
    let mut coins = deposits(testnet, users).await?;
    while coins.len() < count {
        let missing = (count - coins.len()).div_ceil(PARTS - 1);
        let kept = coins.split_off(missing.min(coins.len()));
        let split = round(testnet, coins).await?;
        coins = [kept, split].concat();
        stage.doing(&format!("{} of {count} outputs", coins.len()));
    }
    coins.truncate(count);
    Ok(coins)
}

/// Signs a payment of every coin to the next account, with change: on all processors, before any clock runs.
pub(crate) async fn sign(testnet: &Testnet, coins: Vec<Coin>) -> Result<Vec<SignedTransaction>> {
    let receiver = |coin: &Coin| {
        testnet
            .user((coin.owner + 1) % testnet.users.len())
            .map(crate::account::User::address)
    };
    let mut payments = Vec::with_capacity(coins.len());
    for coin in &coins {
        let paid = coin.amount / Amount::from(3);
        let owner = testnet.user(coin.owner)?.address();
        let outputs = vec![
            Payment {
                owner: receiver(coin)?,
                amount: paid,
            },
            Payment {
                owner,
                amount: coin.amount.saturating_sub(paid),
            },
        ];
        payments.push((coin.owner, transfer(coin, outputs)));
    }
    sign_all(testnet, payments).await
}

async fn deposits(testnet: &Testnet, users: Range<usize>) -> Result<Vec<Coin>> {
    let mut coins = Vec::new();
    for owner in users {
        let user = testnet.user(owner)?;
        let outputs = testnet.cluster.api(0)?.outputs(user.address()).await?;
        coins.extend(outputs.iter().map(|one| Coin {
            owner,
            position: one.output.0,
            amount: one.amount.0,
        }));
    }
    Ok(coins)
}

/// Splits every coin into [`PARTS`] and waits until all are committed.
async fn round(testnet: &Testnet, coins: Vec<Coin>) -> Result<Vec<Coin>> {
    let mut splits = Vec::with_capacity(coins.len());
    for coin in &coins {
        splits.push((
            coin.owner,
            transfer(coin, parts(coin, testnet.user(coin.owner)?.address())?),
        ));
    }
    let signed = sign_all(testnet, splits).await?;
    let owners: Vec<usize> = coins.iter().map(|coin| coin.owner).collect();
    let mut made = Vec::with_capacity(coins.len() * PARTS);
    let lanes = testnet.cluster.size();
    for (signed, owners) in signed.chunks(BATCH * lanes).zip(owners.chunks(BATCH * lanes)) {
        let sent = testnet
            .cluster
            .apis()
            .zip(signed.chunks(BATCH))
            .map(|(api, batch)| submit(api, batch));
        let items = try_join_all(sent).await?.into_iter().flatten();
        for (item, owner) in items.zip(owners) {
            made.extend(coins_of(item, *owner)?);
        }
    }
    Ok(made)
}

async fn submit(api: &Api, batch: &[SignedTransaction]) -> Result<Vec<BatchItem>> {
    let bytes = batch.iter().flat_map(SignedTransaction::encode).collect();
    let answer = api
        .post("/v1/transactions:batch?wait=committed&timeout=60s", bytes)
        .await?;
    let answered: Batch = serde_json::from_value(answer.body).context("the answer to a batch")?;
    Ok(answered.items)
}

fn coins_of(item: BatchItem, owner: usize) -> Result<Vec<Coin>> {
    let submitted = match item {
        BatchItem::Submitted(submitted) => submitted,
        BatchItem::Problem(problem) => bail!("a split was refused: {}", problem.detail),
    };
    let coin = |payment: &plasma_node::api::view::PaymentView| {
        let position = payment
            .output
            .ok_or_else(|| anyhow!("{} was not committed in time", submitted.id))?
            .0;
        Ok(Coin {
            owner,
            position,
            amount: payment.amount.0,
        })
    };
    if submitted.outputs.is_empty() {
        bail!("{} was not committed in time", submitted.id);
    }
    submitted.outputs.iter().map(coin).collect()
}

fn parts(coin: &Coin, owner: Address) -> Result<Vec<Payment>> {
    let part = coin.amount / Amount::from(PARTS);
    let others = part.saturating_mul(Amount::from(PARTS - 1));
    let rest = coin
        .amount
        .checked_sub(others)
        .ok_or_else(|| anyhow!("a part is larger than the whole"))?;
    let mut amounts = vec![part; PARTS - 1];
    amounts.push(rest);
    Ok(amounts
        .into_iter()
        .map(|amount| Payment { owner, amount })
        .collect())
}

fn transfer(coin: &Coin, outputs: Vec<Payment>) -> Transaction {
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(u32::MAX),
        inputs: vec![Input {
            position: coin.position,
            amount: coin.amount,
        }],
        outputs,
    }
}

/// Signs in as many threads as there are processors; the order stays.
async fn sign_all(
    testnet: &Testnet,
    transactions: Vec<(usize, Transaction)>,
) -> Result<Vec<SignedTransaction>> {
    let domain = testnet.domain();
    let keys: Vec<[u8; 32]> = testnet.users.iter().map(|user| user.key().to_bytes()).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = transactions.len().div_ceil(threads).max(1);
    let work = transactions.chunks(share).map(|part| {
        let (part, keys) = (part.to_vec(), keys.clone());
        tokio::task::spawn_blocking(move || sign_part(part, &keys, &domain))
    });
    let signed: Vec<Vec<SignedTransaction>> = try_join_all(work).await?.into_iter().collect::<Result<_>>()?;
    Ok(signed.concat())
}

fn sign_part(
    transactions: Vec<(usize, Transaction)>,
    keys: &[[u8; 32]],
    domain: &Domain,
) -> Result<Vec<SignedTransaction>> {
    let keys: Vec<SigningKey> = keys.iter().filter_map(SigningKey::from_bytes).collect();
    let sign = |(owner, transaction): (usize, Transaction)| {
        keys.get(owner)
            .map(|key| transaction.sign(domain, key))
            .ok_or_else(|| anyhow!("there is no account {owner}"))
    };
    transactions.into_iter().map(sign).collect()
}

/// A transfer has at most four outputs.
const PARTS: usize = 4;
/// Splits in one request: well below the door's limit of 1000, and all operators get their share.
const BATCH: usize = 250;
