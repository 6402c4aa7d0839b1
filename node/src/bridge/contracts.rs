//! What the contracts of a deployment say when asked: state, not events.

use std::ops::RangeInclusive;

use ethers_contract::EthCall;
use ethers_core::abi::{AbiDecode, AbiEncode};
use plasma_contracts_abi::{exit_game, federation, vault};
use plasma_core::{
    Address, Amount, Certificate, Committee, DepositNumber, Epoch, ExitId, Genesis, Hash, Header, Height,
    L1Height, keccak,
};

use super::{
    Link, Observed,
    account::Call,
    convert,
    decode::{Anchored, Decoded, Log, Notice, anchored_topic, decode, notice, remembered_topics},
    error::L1Error,
    methods::At,
    receipts::Sealed,
    rota,
    rpc::Rpc,
};

/// The addresses of the contracts of one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// Committees and anchors; names the deployment.
    pub federation: Address,
    /// Deposits.
    pub vault: Address,
    /// Standard exits, and the queues of both games.
    pub exit_game: Address,
    /// In-flight exits.
    pub in_flight: Address,
    /// What convicts signers of an invalid block; holds nothing and emits nothing.
    pub fraud_proofs: Address,
}

/// The newest anchor as the contract keeps it, and how far the chain is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Number of the anchor, zero before the first. The next one is the duty of `committee[(number + 1) mod n]`.
    pub number: u32,
    /// Its height, zero before the first.
    pub height: Height,
    /// Its L1 origin; before the first the block of deployment.
    pub l1_height: L1Height,
    /// L1 time it was mined; before the first the time of deployment.
    pub time_s: u64,
    /// Whose committee signed it.
    pub epoch: Epoch,
    /// The highest height that counts: 2³² − 1 unless the federation has halted.
    pub last_valid: Height,
}

/// What a federation fixed for ever at its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The shortest time from the start of an exit to its payout.
    pub exit_period_s: u64,
    /// What starting an exit costs until it ends, in wei.
    pub exit_bond: Amount,
    /// How far back an anchor's L1 origin may lie, in L1 blocks.
    pub origin_window: u64,
    /// Time between L1 blocks that the other figures were compared with.
    pub l1_block_time_s: u64,
    /// Time without an anchor after which the federation counts as silent.
    pub silence_s: u64,
    /// Time that a silent federation has left.
    pub grace_s: u64,
    /// Whether split and merge are transactions at all.
    pub legacy_transactions: bool,
    /// What a seat of a committee can lose, in wei.
    pub operator_bond: Amount,
    /// Time from the announcement of a committee to its activation, and from the end of one to the return of its bonds.
    pub committee_delay_s: u64,
    /// Time in which the reclaim of a deposit can be challenged.
    pub reclaim_window_s: u64,
}

/// An exit that is open on Ethereum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenExit {
    /// Who is paid.
    pub owner: Address,
    /// What; zero is ETH.
    pub asset: Address,
    /// How much.
    pub amount: Amount,
    /// keccak(transaction id ‖ output index).
    pub output: Hash,
}

/// A log out of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// An anchor, or an event of the ledger.
    Decoded(Decoded),
    /// Of an open claim.
    Notice(Notice),
}

/// What the vault recorded of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositRecord {
    /// Who gets the fund output.
    pub owner: Address,
    /// Where it was mined.
    pub l1_height: L1Height,
    /// How much.
    pub amount: Amount,
    /// What; zero is ETH.
    pub asset: Address,
    /// The L1 block in which it went back to its owner.
    pub reclaimed_at: Option<L1Height>,
}

impl Contracts {
    /// Asks `Federation` for the others.
    ///
    /// # Errors
    /// [`L1Error::NoCode`] when there is no contract at one of the addresses; [`L1Error`] of the endpoint.
    pub async fn find(rpc: &Rpc, federation: Address) -> Result<Self, L1Error> {
        has_code(rpc, "Federation", federation).await?;
        let vault: ethers_core::types::Address = ask(rpc, federation, federation::VaultCall).await?;
        let exit_game: ethers_core::types::Address = ask(rpc, federation, federation::ExitGameCall).await?;
        let fraud_proofs: ethers_core::types::Address =
            ask(rpc, federation, federation::FraudProofsCall).await?;
        let exit_game = Address(exit_game.0);
        has_code(rpc, "ExitGame", exit_game).await?;
        let in_flight: ethers_core::types::Address = ask(rpc, exit_game, exit_game::InFlightCall).await?;
        let found = Self {
            federation,
            vault: Address(vault.0),
            exit_game,
            in_flight: Address(in_flight.0),
            fraud_proofs: Address(fraud_proofs.0),
        };
        has_code(rpc, "Vault", found.vault).await?;
        has_code(rpc, "InFlightExits", found.in_flight).await?;
        has_code(rpc, "FraudProofs", found.fraud_proofs).await?;
        Ok(found)
    }

    /// Those that emit what the ledger follows, for filters.
    #[must_use]
    pub fn all(&self) -> [Address; 4] {
        [self.federation, self.vault, self.exit_game, self.in_flight]
    }

    /// Checks that the endpoint serves the genesis' chain and that the contract registered the genesis'
    /// committee and rules. An operator that starts with another view would sign for nobody.
    ///
    /// # Errors
    /// [`L1Error::WrongChain`], [`L1Error::NoCode`] or [`L1Error::Mismatch`] name what differs; [`L1Error::RotaTooSlow`].
    pub async fn check_identity(rpc: &Rpc, genesis: &Genesis) -> Result<Self, L1Error> {
        let found = rpc.chain_id().await?;
        if found != genesis.chain_id {
            return Err(L1Error::WrongChain {
                expected: genesis.chain_id,
                found,
            });
        }
        let contracts = Self::find(rpc, genesis.contract).await?;
        let committee = genesis.committee().map_err(|error| L1Error::Mismatch {
            field: "the committee",
            expected: error.to_string(),
            found: "registered".to_owned(),
        })?;
        let (size, digest) = contracts.committee(rpc, Epoch(0)).await?;
        equal("the size of the committee", &committee.size(), &usize::from(size))?;
        equal("the committee", &digest_of(&committee), &digest)?;
        let parameters = contracts.parameters(rpc).await?;
        equal(
            "legacy_transactions",
            &genesis.legacy_transactions,
            &parameters.legacy_transactions,
        )?;
        rota::check(genesis, &parameters)?;
        let deployed = rpc.block_at(genesis.deployment.height).await?;
        let deployed = deployed.ok_or(L1Error::UnknownBlock(genesis.deployment.height))?;
        equal(
            "the hash of the deployment block",
            &genesis.deployment.hash,
            &deployed.hash,
        )?;
        equal(
            "the time of the deployment block",
            &genesis.deployment.timestamp_s,
            &deployed.timestamp_s,
        )?;
        Ok(contracts)
    }

    /// Every block of a range with all that the contracts emitted in it. After a failure another endpoint is asked first.
    ///
    /// # Errors
    /// [`L1Error::UnknownBlock`] or a refusal when the endpoint lacks a block; [`L1Error::Inconsistent`] when a log may be
    /// missing.
    pub async fn observe(
        &self,
        rpc: &Rpc,
        range: RangeInclusive<L1Height>,
    ) -> Result<Vec<Observed>, L1Error> {
        let observed = self.observe_here(rpc, range).await;
        if observed.is_err() {
            rpc.turn_away();
        }
        observed
    }

    async fn observe_here(
        &self,
        rpc: &Rpc,
        range: RangeInclusive<L1Height>,
    ) -> Result<Vec<Observed>, L1Error> {
        let blocks = rpc.sealed(range).await?;
        let logs = rpc.complete_logs(&blocks, &self.all()).await?;
        Ok(self.all_observed(&blocks, &logs))
    }

    /// Every block of a range with what an endpoint says at once that the contracts emitted in it; something may be missing.
    ///
    /// # Errors
    /// [`L1Error::UnknownBlock`] or a refusal when the endpoint lacks a block; [`L1Error::Inconsistent`].
    pub async fn glimpse(
        &self,
        rpc: &Rpc,
        range: RangeInclusive<L1Height>,
    ) -> Result<Vec<Observed>, L1Error> {
        let blocks = rpc.sealed(range).await?;
        let logs = rpc.logs(&blocks, &self.all()).await?;
        Ok(self.all_observed(&blocks, &logs))
    }

    fn all_observed(&self, blocks: &[Sealed], logs: &[Vec<Log>]) -> Vec<Observed> {
        let pairs = blocks.iter().zip(logs);
        pairs
            .map(|(block, logs)| self.observed(block.link, logs))
            .collect()
    }

    /// What the contracts said in a block with these logs.
    #[must_use]
    pub fn observed(&self, link: Link, logs: &[Log]) -> Observed {
        let mut observed = Observed {
            link,
            events: Vec::new(),
            anchors: Vec::new(),
            notices: Vec::new(),
        };
        for log in logs {
            observed.notices.extend(notice(self, log));
            let Some(decoded) = decode(self, log) else {
                continue;
            };
            match decoded {
                Decoded::Event(event) => observed.events.push(event),
                Decoded::Anchored(anchored) => observed.anchors.push(anchored),
            }
        }
        observed
    }

    /// The newest anchor and the validity of the chain, at the latest head.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn latest(&self, rpc: &Rpc) -> Result<Latest, L1Error> {
        self.latest_at(rpc, At::Latest).await
    }

    /// The same as a state of before has it.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn latest_at(&self, rpc: &Rpc, at: At) -> Result<Latest, L1Error> {
        let latest: federation::Latest = ask_at(rpc, self.federation, federation::LatestCall, at).await?;
        Ok(Latest {
            number: latest.number,
            height: Height(latest.height),
            l1_height: L1Height(latest.l_1_height),
            time_s: latest.time,
            epoch: Epoch(latest.epoch),
            last_valid: Height(latest.last_valid),
        })
    }

    /// The newest anchor with all its values, searched backwards from the head; `None` before the first.
    ///
    /// # Errors
    /// [`L1Error::Inconsistent`] when its event is not found; [`L1Error`] of the endpoint.
    pub async fn last_anchor(&self, rpc: &Rpc) -> Result<Option<Anchored>, L1Error> {
        let latest = self.latest(rpc).await?;
        if latest.number == 0 {
            return Ok(None);
        }
        // It was mined above its own origin, so the search ends there.
        let mut to = rpc.newest().await?.height;
        while to > latest.l1_height {
            let from = L1Height(to.0.saturating_sub(LOOKBACK - 1)).max(latest.l1_height);
            let newest = self.anchors(rpc, from..=to).await?.into_iter().next_back();
            if let Some(anchored) = newest
                && anchored.number >= latest.number
            {
                return Ok(Some(anchored));
            }
            to = from.previous().unwrap_or_default();
        }
        let reason = format!("the event of anchor {} is missing", latest.number);
        Err(L1Error::Inconsistent {
            height: latest.l1_height,
            reason,
        })
    }

    /// The anchors mined in a range of at most [`LOOKBACK`] L1 blocks, oldest first.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn anchors(
        &self,
        rpc: &Rpc,
        range: RangeInclusive<L1Height>,
    ) -> Result<Vec<Anchored>, L1Error> {
        let logs = rpc.logs_in(range, self.federation, anchored_topic()).await?;
        let anchored = logs.iter().filter_map(|log| match decode(self, log) {
            Some(Decoded::Anchored(anchored)) => Some(anchored),
            _ => None,
        });
        Ok(anchored.collect())
    }

    /// What a start must know of a range of at most [`LOOKBACK`] L1 blocks, oldest first: anchors, and what tells of
    /// open claims.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn remembered(
        &self,
        rpc: &Rpc,
        range: RangeInclusive<L1Height>,
    ) -> Result<Vec<Remembered>, L1Error> {
        let logs = rpc.logs_of(range, &self.all(), &remembered_topics()).await?;
        let read = |log: &Log| {
            let notice = notice(self, log).map(Remembered::Notice);
            notice.or_else(|| decode(self, log).map(Remembered::Decoded))
        };
        Ok(logs.iter().filter_map(read).collect())
    }

    /// Whether the contract accepts a certificate for a header, anchored or not.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the signature is no point; [`L1Error`] of the endpoint.
    pub async fn verify(
        &self,
        rpc: &Rpc,
        header: &Header,
        certificate: &Certificate,
    ) -> Result<bool, L1Error> {
        let call = federation::VerifyCall {
            header: header.encode().to_vec().into(),
            certificate: convert::certificate(certificate)?,
        };
        ask(rpc, self.federation, call).await
    }

    /// Size and digest of the committee of an epoch; size zero when there is none.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn committee(&self, rpc: &Rpc, epoch: Epoch) -> Result<(u16, Hash), L1Error> {
        let answer: (u16, u16, [u8; 32]) =
            ask(rpc, self.federation, federation::CommitteeCall { epoch: epoch.0 }).await?;
        Ok((answer.0, Hash(answer.2)))
    }

    /// The hash of the committee that was activated for an epoch.
    ///
    /// # Errors
    /// [`L1Error::NotActivated`] when the endpoint shows none; [`L1Error`] of the endpoint.
    pub async fn activated(&self, rpc: &Rpc, epoch: Epoch) -> Result<Hash, L1Error> {
        let (size, hash) = self.committee(rpc, epoch).await?;
        (size > 0).then_some(hash).ok_or(L1Error::NotActivated(epoch.0))
    }

    /// The L1 block in which the successor of an epoch's committee was activated; `None` before.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn sealed_at(&self, rpc: &Rpc, epoch: Epoch) -> Result<Option<L1Height>, L1Error> {
        let (sealed_at, ..): (u64, u32, u32, bool) =
            ask(rpc, self.federation, federation::TermCall { epoch: epoch.0 }).await?;
        Ok((sealed_at > 0).then_some(L1Height(sealed_at)))
    }

    /// What was fixed at deployment.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn parameters(&self, rpc: &Rpc) -> Result<Parameters, L1Error> {
        let answer: federation::Parameters = ask(rpc, self.federation, federation::ParametersCall).await?;
        Ok(Parameters {
            exit_period_s: answer.exit_period,
            exit_bond: convert::from_u256(answer.exit_bond),
            origin_window: answer.origin_window,
            l1_block_time_s: answer.l_1_block_time,
            silence_s: answer.silence,
            grace_s: answer.grace,
            legacy_transactions: answer.legacy_transactions,
            operator_bond: convert::from_u256(answer.operator_bond),
            committee_delay_s: answer.committee_delay,
            reclaim_window_s: answer.reclaim_window,
        })
    }

    /// An exit at the latest head, `None` when it ended or never was.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn exit(&self, rpc: &Rpc, id: &ExitId) -> Result<Option<OpenExit>, L1Error> {
        let call = exit_game::ExitsCall {
            id: ethers_core::types::U256::from_big_endian(&id.0.0),
        };
        let exit: exit_game::Exit = ask(rpc, self.exit_game, call).await?;
        let owner = Address(exit.owner.0);
        let open = OpenExit {
            owner,
            asset: Address(exit.asset.0),
            amount: convert::from_u256(exit.amount),
            output: Hash(exit.output),
        };
        Ok((!owner.is_zero()).then_some(open))
    }

    /// How many deposits were made; the next one gets this number.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn deposit_count(&self, rpc: &Rpc) -> Result<u64, L1Error> {
        ask(rpc, self.vault, vault::DepositCountCall).await
    }

    /// The record of a deposit, `None` when there is none.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn deposit(&self, rpc: &Rpc, number: DepositNumber) -> Result<Option<DepositRecord>, L1Error> {
        let record: vault::Deposit = ask(rpc, self.vault, vault::DepositsCall { number: number.0 }).await?;
        let owner = Address(record.owner.0);
        let amount = convert::from_u256(record.amount);
        let found = DepositRecord {
            owner,
            l1_height: L1Height(record.l_1_block),
            amount,
            asset: Address(record.asset.0),
            reclaimed_at: (record.reclaimed_at > 0).then_some(L1Height(record.reclaimed_at)),
        };
        Ok((!owner.is_zero()).then_some(found))
    }
}

/// keccak of operator 20 ‖ compressed key 48 ‖ keccak(peer id) 32 of every member in order: what the contract keeps.
#[must_use]
pub fn digest_of(committee: &Committee) -> Hash {
    let bytes: Vec<u8> = committee
        .members()
        .flat_map(|(_, member)| [&member.operator.0[..], &member.key.0, &member.peer.0.0].concat())
        .collect();
    keccak(&[&bytes])
}

/// Asks a contract one question at the latest head.
pub(super) async fn ask<C: EthCall + AbiEncode, R: AbiDecode>(
    rpc: &Rpc,
    to: Address,
    question: C,
) -> Result<R, L1Error> {
    ask_at(rpc, to, question, At::Latest).await
}

/// Asks a contract one question about a state.
pub(super) async fn ask_at<C: EthCall + AbiEncode, R: AbiDecode>(
    rpc: &Rpc,
    to: Address,
    question: C,
    at: At,
) -> Result<R, L1Error> {
    let label = C::function_name().to_string();
    let call = Call {
        label,
        to: Some(to),
        value: Amount::ZERO,
        data: question.encode(),
    };
    let answer = rpc.eth_call(None, &call, at).await?;
    R::decode(answer).map_err(|error| rpc.malformed("eth_call", format!("{}: {error}", call.label)))
}

async fn has_code(rpc: &Rpc, contract: &'static str, address: Address) -> Result<(), L1Error> {
    if rpc.code(address).await?.is_empty() {
        return Err(L1Error::NoCode { contract, address });
    }
    Ok(())
}

fn equal<T: PartialEq + ToString>(field: &'static str, expected: &T, found: &T) -> Result<(), L1Error> {
    if expected == found {
        return Ok(());
    }
    Err(L1Error::Mismatch {
        field,
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

/// Hosted nodes answer log queries over this many blocks.
pub const LOOKBACK: u64 = 1_000;
