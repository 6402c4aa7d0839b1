//! Reclaims: a deposit that the federation swallowed goes back to its owner by the contract alone.
//!
//! It can be asked for once an anchor's L1 origin has reached the deposit, for by then the block that credits it is
//! anchored too, or once the federation has halted. From then on anybody may show that block for a while, and has the
//! bond; so a deposit is not asked back that this wallet or an operator knows to be credited.

use plasma_core::{Address, DepositNumber, Height, L1Event, Transaction};

use super::{
    Purse, WalletError,
    amount::show,
    book::Intent,
    purse::{Ethereum, Person},
    steps::Step,
    told::PATIENCE,
    words,
};
use crate::{
    api::{Code, text::AddressText},
    bridge::{contracts::DepositRecord, outcome::Outcome},
    client::{Client, ClientError},
};

/// A reclaim that is open on Ethereum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reclaiming {
    /// Its number in the journal.
    pub action: usize,
    /// The vault's number of the deposit.
    pub number: DepositNumber,
    /// From this second of Ethereum's clock on the deposit can be paid back.
    pub due_s: u64,
}

/// How a reclaim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// Its number in the journal.
    pub action: usize,
    /// The vault's number of the deposit.
    pub number: DepositNumber,
    /// Whether deposit and bond went to its owner; else an exit had paid it before, and the bond is lost.
    pub paid: bool,
}

impl<P: Person> Purse<P> {
    /// Asks for a deposit back.
    ///
    /// # Errors
    /// [`WalletError::Refused`] names what speaks against it, and when it can be asked for. With the same deposit it goes on
    /// where it stopped.
    pub async fn reclaim(&mut self, from: Address, number: DepositNumber) -> Result<Reclaiming, WalletError> {
        let intent = Intent::Reclaim {
            from: from.into(),
            number: number.0,
        };
        let ethereum = self.caught_up().await?;
        if !self.is_signed(&intent, RECLAIM) {
            if let Some(due_s) = self.reclaim_due_s(&ethereum, number).await? {
                let action = self.begin(&intent)?;
                return Ok(Reclaiming {
                    action,
                    number,
                    due_s,
                });
            }
            let deposit = self.reclaimable(&ethereum, from, number).await?;
            self.person
                .agree(&self.reclaim_words(&ethereum, number, &deposit))?;
        }
        let action = self.begin(&intent)?;
        let step = Step {
            action,
            name: RECLAIM,
            from,
            call: ethereum
                .contracts
                .start_reclaim_call(number, ethereum.parameters.exit_bond),
            gas: None,
        };
        self.step(&ethereum, &step).await?;
        let Some(due_s) = self.reclaim_due_s(&ethereum, number).await? else {
            // It ended since; whoever asks again is told how.
            self.end(action)?;
            return Err(self.no_reclaim(&ethereum, number).await?);
        };
        Ok(Reclaiming {
            action,
            number,
            due_s,
        })
    }

    /// Has a deposit paid back whose reclaim nobody challenged in time. What came of it is told again.
    ///
    /// # Errors
    /// [`WalletError::Refused`] before its time, and when no reclaim is open.
    pub async fn take_back(
        &mut self,
        from: Address,
        number: DepositNumber,
    ) -> Result<TakenBack, WalletError> {
        let intent = Intent::TakeBack {
            from: from.into(),
            number: number.0,
        };
        let ethereum = self.caught_up().await?;
        if !self.is_signed(&intent, TAKE_BACK) {
            let Some(due_s) = self.reclaim_due_s(&ethereum, number).await? else {
                if let Some(before) = self.taken_before(&ethereum, &intent, number).await? {
                    return Ok(before);
                }
                return Err(self.no_reclaim(&ethereum, number).await?);
            };
            let now_s = ethereum.rpc.newest().await?.timestamp_s;
            if now_s < due_s {
                return Err(WalletError::Refused(format!(
                    "deposit {number} can be paid back in {} s of Ethereum's clock",
                    due_s - now_s
                )));
            }
            let deposit = self.deposit_of(&ethereum, number).await?;
            let lines = [
                ("deposit", number.to_string()),
                ("pays", show(deposit.amount, deposit.asset)),
                ("to", AddressText(deposit.owner).to_string()),
            ];
            self.person.agree(&words::ethereum(
                "Pay a deposit back, on Ethereum",
                &lines,
                &self.genesis,
            ))?;
        }
        let action = self.begin(&intent)?;
        let step = Step {
            action,
            name: TAKE_BACK,
            from,
            call: ethereum.contracts.finalize_reclaim_call(number),
            gas: None,
        };
        let outcome = self.step(&ethereum, &step).await?;
        let paid = went_back(&outcome, number);
        Ok(TakenBack { action, number, paid })
    }

    /// The second from which an open reclaim can be paid.
    pub(super) async fn reclaim_due_s(
        &self,
        ethereum: &Ethereum,
        number: DepositNumber,
    ) -> Result<Option<u64>, WalletError> {
        let due_s = ethereum.contracts.reclaim_due_s(&ethereum.rpc, number).await;
        Ok(due_s?)
    }

    /// The deposit, when nothing that is known here speaks against asking for it back.
    async fn reclaimable(
        &self,
        ethereum: &Ethereum,
        from: Address,
        number: DepositNumber,
    ) -> Result<DepositRecord, WalletError> {
        let refuse = |reason: String| Err(WalletError::Refused(reason));
        let deposit = self.deposit_of(ethereum, number).await?;
        if deposit.owner != from {
            return refuse(format!(
                "deposit {number} is of {}, and only its owner can ask for it back",
                AddressText(deposit.owner)
            ));
        }
        if let Some(block) = deposit.reclaimed_at {
            return refuse(format!(
                "deposit {number} went back to its owner in Ethereum block {block}"
            ));
        }
        let latest = ethereum.contracts.latest(&ethereum.rpc).await?;
        let is_halted = latest.last_valid.0 != u32::MAX;
        if latest.l1_height < deposit.l1_height && !is_halted {
            return refuse(format!(
                "deposit {number} was made in Ethereum block {}, and the federation has anchored what it read up to block \
                 {}: it may still be credited. It can be asked back once an anchor has reached that block, or the \
                 federation has halted",
                deposit.l1_height, latest.l1_height
            ));
        }
        let fund = Transaction::fund(number, deposit.owner, deposit.asset, deposit.amount);
        if let Some(height) = self.credited_in(number, &fund).await?
            && height <= latest.last_valid
        {
            return refuse(format!(
                "deposit {number} is credited in block {height}: a reclaim would be challenged, and the bond lost"
            ));
        }
        Ok(deposit)
    }

    /// The block that holds a deposit's fund transaction, as a receipt proves that the wallet keeps or an operator shows.
    async fn credited_in(
        &self,
        number: DepositNumber,
        fund: &Transaction,
    ) -> Result<Option<Height>, WalletError> {
        if let Some(kept) = self.receipts.transaction(fund.id())? {
            return Ok(Some(kept.height));
        }
        let Some(operators) = &self.ways.operators else {
            return Ok(None);
        };
        // Every operator knows the block, if there is one, by the transaction; each that shows it is believed.
        let id = fund.id();
        let asked = async |client: &Client| self.receipt_from(client, id).await;
        let mut doubts = Vec::new();
        for answer in operators.ask_all(PATIENCE, asked).await {
            match answer {
                Ok(receipt) => return Ok(Some(receipt.height)),
                Err(ClientError::Problem(problem)) if problem.is(Code::NotFound) => {}
                Err(error) => doubts.push(error.to_string()),
            }
        }
        // Who swallows a deposit may say what he likes.
        if !doubts.is_empty() {
            self.person.tell(&format!(
                "not all operators say whether deposit {number} is credited: {}",
                doubts.join("; ")
            ));
        }
        Ok(None)
    }

    pub(super) async fn deposit_of(
        &self,
        ethereum: &Ethereum,
        number: DepositNumber,
    ) -> Result<DepositRecord, WalletError> {
        let found = ethereum.contracts.deposit(&ethereum.rpc, number).await?;
        found.ok_or_else(|| WalletError::Refused(format!("the vault has no deposit {number}")))
    }

    /// Why no reclaim is open.
    async fn no_reclaim(
        &self,
        ethereum: &Ethereum,
        number: DepositNumber,
    ) -> Result<WalletError, WalletError> {
        let deposit = self.deposit_of(ethereum, number).await?;
        Ok(WalletError::Refused(match deposit.reclaimed_at {
            Some(block) => format!("deposit {number} went back to its owner in Ethereum block {block}"),
            None => format!(
                "no reclaim of deposit {number} is open: somebody showed that it was credited, or it was never asked for"
            ),
        }))
    }

    /// What an earlier run brought that told it, or died as it did.
    async fn taken_before(
        &self,
        ethereum: &Ethereum,
        intent: &Intent,
        number: DepositNumber,
    ) -> Result<Option<TakenBack>, WalletError> {
        let mut same = self
            .book()
            .actions()
            .filter(|(_, action)| action.intent == *intent);
        let mined = same.find_map(|(action, known)| Some((action, known.call(TAKE_BACK)?.mined?)));
        let Some((action, (hash, true))) = mined else {
            return Ok(None);
        };
        let outcome = ethereum.contracts.outcome(&ethereum.rpc, hash).await?;
        Ok(outcome.map(|outcome| TakenBack {
            action,
            number,
            paid: went_back(&outcome, number),
        }))
    }

    fn reclaim_words(&self, ethereum: &Ethereum, number: DepositNumber, deposit: &DepositRecord) -> String {
        let bond = show(ethereum.parameters.exit_bond, Address::ZERO);
        let lines = [
            ("owner", AddressText(deposit.owner).to_string()),
            (
                "deposit",
                format!("{number}   {}", show(deposit.amount, deposit.asset)),
            ),
            (
                "bond",
                format!("{bond}, back at the end, lost when somebody shows that it was credited"),
            ),
            (
                "paid",
                format!("{} s after the start", ethereum.parameters.reclaim_window_s),
            ),
        ];
        words::ethereum("Ask for a deposit back, on Ethereum", &lines, &self.genesis)
    }
}

fn went_back(outcome: &Outcome, number: DepositNumber) -> bool {
    let is_back =
        |event: &L1Event| matches!(event, L1Event::DepositReclaimed { number: back } if *back == number);
    outcome.events.iter().any(is_back)
}

const RECLAIM: &str = "start-reclaim";
const TAKE_BACK: &str = "finalize-reclaim";
