//! Deposits: from Ethereum into the ledger, and not done before the wallet holds the receipt of what it became.

use ethers_core::{
    abi::{AbiDecode as _, AbiEncode as _},
    types::{H160, U256},
};
use plasma_core::{
    Address, Amount, DepositNumber, L1Event, Position, Receipt, Transaction, TransactionId, keccak,
};
use tokio::time::Instant;

use super::{
    Purse, WalletError,
    amount::show,
    book::{Intent, Record},
    purse::{Ethereum, Person},
    steps::Step,
    words,
};
use crate::{
    api::{
        Code,
        text::{AddressText, PositionText},
    },
    bridge::{
        Contracts, L1Error, account::Call, calls::approve_call, convert, methods::At, outcome::Outcome,
    },
    client::ClientError,
    plain,
};

/// A deposit that is in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credited {
    /// Its number in the journal.
    pub action: usize,
    /// The vault's number.
    pub number: u64,
    /// What it became.
    pub output: Position,
}

/// What is deposited, as the intent says.
#[derive(Clone, Copy, Debug)]
struct Wish {
    from: Address,
    owner: Address,
    asset: Address,
    amount: Amount,
}

impl<P: Person> Purse<P> {
    /// Deposits, and waits until the federation has credited it and a receipt proves that.
    ///
    /// # Errors
    /// [`WalletError::Refused`] when no operator is ready; [`WalletError`]. With the same intent it goes on where it stopped.
    pub async fn deposit(&mut self, intent: &Intent) -> Result<Credited, WalletError> {
        let Intent::Deposit {
            from,
            owner,
            asset,
            amount,
            ..
        } = intent
        else {
            return Err(WalletError::Usage("this deposits nothing".into()));
        };
        let wish = Wish {
            from: from.0,
            owner: owner.0,
            asset: asset.0,
            amount: amount.0,
        };
        if let Some(done) = self.book().done(intent) {
            self.person
                .tell("this was deposited before, and is not deposited again");
            if let Some(credited) = self.credited(done) {
                return Ok(credited);
            }
        }
        self.book().check_once(intent)?;
        let ethereum = self.caught_up().await?;
        let known = self.book().open(intent);
        let is_sent = known
            .and_then(|number| self.book().action(number))
            .is_some_and(|action| action.call(DEPOSIT).is_some());
        // Nothing leaves for a federation that does not work. What is on its way is followed all the same.
        if !is_sent {
            self.check_ready().await?;
            self.check_vault(&ethereum).await?;
            let doubt = self.unknown_calls(&ethereum, wish.from).await?;
            self.person.agree(&self.deposit_words(&ethereum, &wish, doubt))?;
        }
        let action = self.begin(intent)?;
        if let Some(credited) = self.credited(action) {
            return Ok(credited);
        }
        if !wish.asset.is_zero() && !is_sent {
            self.allow(&ethereum, action, &wish).await?;
        }
        let call = if !wish.asset.is_zero() {
            ethereum
                .contracts
                .deposit_token_call(wish.asset, wish.amount, wish.owner)
        } else if wish.owner == wish.from {
            ethereum.contracts.deposit_call(wish.amount)
        } else {
            ethereum.contracts.deposit_for_call(wish.owner, wish.amount)
        };
        let step = Step {
            action,
            name: DEPOSIT,
            from: wish.from,
            call,
            gas: None,
        };
        let outcome = self.step(&ethereum, &step).await?;
        self.person.tell(&format!(
            "deposit is mined in Ethereum block {}; {} it",
            outcome.block,
            match self.genesis.confirmations {
                1 => "1 block confirms".to_owned(),
                blocks => format!("{blocks} blocks confirm"),
            }
        ));
        self.credit(&ethereum, action, &wish).await
    }

    fn credited(&self, action: usize) -> Option<Credited> {
        let (number, output) = self.book().action(action)?.credited?;
        Some(Credited {
            action,
            number,
            output,
        })
    }

    /// A deposit goes only where an operator of this very federation says that it works.
    async fn check_ready(&self) -> Result<(), WalletError> {
        let status = self.status().await?;
        if status.ready {
            return Ok(());
        }
        let reasons: Vec<String> = status.blockers.iter().map(|one| plain::line(&one.text)).collect();
        Err(WalletError::Refused(format!(
            "the operator {} is not ready ({}): {}; nothing is deposited until it is",
            plain::line(&status.name),
            plain::line(&status.state.to_string()),
            reasons.join("; ")
        )))
    }

    /// An endpoint that names a vault of its own would have the deposit.
    async fn check_vault(&self, ethereum: &Ethereum) -> Result<(), WalletError> {
        let deployed = Contracts::deployed(&ethereum.rpc, &self.genesis).await?;
        let refuse = |reason: String| Err(WalletError::Refused(reason));
        match deployed {
            Some(deployed) if deployed.vault == ethereum.contracts.vault => Ok(()),
            Some(deployed) => refuse(format!(
                "the Ethereum endpoint names the vault {}, and who made Federation made the vault {}: nothing is deposited; name \
                 another endpoint",
                AddressText(ethereum.contracts.vault),
                AddressText(deployed.vault)
            )),
            None => refuse(format!(
                "the Ethereum endpoint does not show who made Federation in block {}, so nobody can tell whether the vault that \
                 it names is the right one; name an endpoint that keeps all blocks",
                self.genesis.deployment.height
            )),
        }
    }

    fn deposit_words(&self, ethereum: &Ethereum, wish: &Wish, doubt: Option<String>) -> String {
        let mut lines = vec![
            ("from", AddressText(wish.from).to_string()),
            ("amount", show(wish.amount, wish.asset)),
            ("to", format!("vault {}", AddressText(ethereum.contracts.vault))),
            ("owner", AddressText(wish.owner).to_string()),
        ];
        if !wish.asset.is_zero() {
            lines.push((
                "allows",
                "the vault to take just this, where it may not yet".into(),
            ));
        }
        lines.extend(doubt.map(|doubt| ("BUT", doubt)));
        words::ethereum("Deposit on Ethereum", &lines, &self.genesis)
    }

    /// Allows the vault to take the tokens, where it may not yet.
    async fn allow(&mut self, ethereum: &Ethereum, action: usize, wish: &Wish) -> Result<(), WalletError> {
        let is_begun = self
            .book()
            .action(action)
            .is_some_and(|action| action.call(APPROVE).is_some());
        if !is_begun && allowance(ethereum, wish).await? >= wish.amount {
            return Ok(());
        }
        let step = Step {
            action,
            name: APPROVE,
            from: wish.from,
            call: approve_call(wish.asset, ethereum.contracts.vault, wish.amount),
            gas: None,
        };
        self.step(ethereum, &step).await.map(drop)
    }

    /// Follows a mined deposit into the ledger.
    async fn credit(
        &mut self,
        ethereum: &Ethereum,
        action: usize,
        wish: &Wish,
    ) -> Result<Credited, WalletError> {
        let end = Instant::now() + self.patience.ethereum;
        loop {
            // Asked each time: a reorganisation may give the deposit another number.
            let outcome = self.outcome_of(ethereum, action, DEPOSIT).await?;
            if let Some((number, arrived)) = outcome.as_ref().and_then(number_in) {
                let deposit = self.deposit_of(ethereum, number).await?;
                if let Some(block) = deposit.reclaimed_at {
                    return Err(WalletError::Refused(format!(
                        "deposit {number} went back to its owner in Ethereum block {block}"
                    )));
                }
                // The fund transaction is known before anybody shows it: all operators derive it from the event.
                let fund = Transaction::fund(number, wish.owner, wish.asset, arrived);
                if let Some(receipt) = self.shown(fund.id()).await? {
                    return self.keep_credit(action, wish.owner, number, &receipt);
                }
            }
            if Instant::now() >= end {
                return Err(WalletError::Waiting(format!(
                    "the deposit is mined and not credited after {} s",
                    self.patience.ethereum.as_secs()
                )));
            }
            tokio::time::sleep(self.patience.poll).await;
        }
    }

    /// The receipt of a fund transaction; `None` while nobody shows one. What operators say of a deposit beside it is worth
    /// nothing.
    async fn shown(&self, fund: TransactionId) -> Result<Option<Receipt>, WalletError> {
        match self.receipt(fund).await {
            Ok(receipt) => Ok(Some(receipt)),
            Err(WalletError::Client(ClientError::Problem(problem)))
                if problem.is(Code::NotFound) || problem.retryable =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn keep_credit(
        &mut self,
        action: usize,
        owner: Address,
        number: DepositNumber,
        receipt: &Receipt,
    ) -> Result<Credited, WalletError> {
        let kept = self.keep(receipt, owner)?;
        let [position] = *kept.as_slice() else {
            return Err(WalletError::Refused(format!(
                "the receipt of deposit {number} shows {} outputs of its owner",
                kept.len()
            )));
        };
        self.record(&Record::Credited {
            action,
            number: number.0,
            output: PositionText(position),
        })?;
        self.person
            .tell(&format!("deposit {number} is credited as output {position}"));
        Ok(Credited {
            action,
            number: number.0,
            output: position,
        })
    }
}

/// The number that the vault gave, and what arrived there: a token may take a fee.
fn number_in(outcome: &Outcome) -> Option<(DepositNumber, Amount)> {
    outcome.events.iter().find_map(|event| match event {
        L1Event::Deposited { number, amount, .. } => Some((*number, *amount)),
        _ => None,
    })
}

/// What the vault may take of a token; ERC-20 has no contract of ours.
async fn allowance(ethereum: &Ethereum, wish: &Wish) -> Result<Amount, WalletError> {
    let signature = keccak(&[b"allowance(address,address)"]);
    let arguments = (H160(wish.from.0), H160(ethereum.contracts.vault.0)).encode();
    let selector = signature.0.get(..SELECTOR).unwrap_or_default();
    let call = Call {
        label: "ERC20.allowance".to_owned(),
        to: Some(wish.asset),
        value: Amount::ZERO,
        data: [selector, &arguments].concat(),
    };
    let answer = ethereum.rpc.eth_call(None, &call, At::Latest).await?;
    let allowed = U256::decode(&answer).map_err(|_| L1Error::Malformed {
        endpoint: ethereum.rpc.label().to_owned(),
        method: "eth_call",
        reason: format!(
            "{} is no ERC-20 token: it tells no allowance",
            AddressText(wish.asset)
        ),
    })?;
    Ok(convert::from_u256(allowed))
}

const DEPOSIT: &str = "deposit";
const APPROVE: &str = "approve";
/// A call begins with so many bytes of the hash of its signature.
const SELECTOR: usize = 4;
