//! `POST /v1/transactions:build`: who has a key and no wallet says what it wants to pay, and gets what it has to sign.

use plasma_core::{Address, Amount, EXPIRY_NEVER, Fate, Height, Payment, Position, Transaction, Wanted};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Answer, Code, Door, PAGE_MAX, Problem, Reply,
    check::fee,
    text::{AddressText, AmountText, BytesText, HashText, PositionText},
    view::{Built, BuiltResult, BuiltTransaction},
};
use crate::{
    choice::{self, Coin, OUTPUTS_MAX, Shortage, Terms},
    storage::Read,
    typed_data,
};

/// What is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Who pays and signs.
    owner: AddressText,
    /// What is paid; ETH without.
    #[schema(nullable = false)]
    asset: Option<AddressText>,
    /// Who is paid how much.
    #[schema(min_items = 1, max_items = 3)]
    payments: Vec<WishedPayment>,
    /// Only these outputs may be spent.
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    outputs: Option<Vec<PositionText>>,
    /// Where the sum lies in too many outputs, answer with payments that bring it together.
    #[serde(default)]
    merge: bool,
    /// Last height that may include it; any without.
    #[schema(nullable = false)]
    expiry: Option<u32>,
}

/// One payment of a wish.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WishedPayment {
    /// Who is paid.
    to: AddressText,
    /// How much, in smallest units.
    amount: AmountText,
}

/// The shape, for who got it wrong.
pub(super) const WISH: &str = "{\"owner\":\"0x…\",\"payments\":[{\"to\":\"0x…\",\"amount\":\"1\"}]}";

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// Chooses outputs and builds the payment, or the merges that must come before it.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`], [`Code::InsufficientFunds`], [`Code::Fragmented`], and for outputs that were named what a
    /// payment that spends them would get.
    pub async fn build(&self, wish: Wish) -> Answer {
        let (terms, payments) = self.checked(&wish)?;
        let mut coins = self
            .scan({
                let wish = wish.clone();
                move |door| match &wish.outputs {
                    Some(named) => door.named_coins(&terms, named),
                    None => door.coins(&terms),
                }
            })
            .await?;
        let mut waiting = 0;
        loop {
            let (result, transactions) = chosen(&terms, &coins, &payments, wish.merge)
                .map_err(|shortage| short(&shortage, &coins, waiting))?;
            let Some(position) = self.spent_by_waiting(&transactions).await? else {
                let transactions = transactions.into_iter().map(|one| self.built(one, &wish));
                return Reply::ok(&Built {
                    result,
                    transactions: transactions.collect(),
                });
            };
            coins.retain(|coin| coin.position != position);
            waiting += 1;
            if waiting > WAITING_MAX {
                return Err(Code::DoubleSpendInMempool
                    .because(format!(
                        "waiting payments spend more than {WAITING_MAX} outputs of this owner"
                    ))
                    .hint("ask again when they are decided"));
            }
        }
    }

    fn checked(&self, wish: &Wish) -> Result<(Terms, Vec<Payment>), Problem> {
        let malformed = |field: &str, detail: &str, hint: &str| {
            let problem = Code::MalformedRequest.because(format!("{field} {detail}"));
            Err(problem.with("field", field).hint(hint))
        };
        let asset = wish.asset.map_or(Address::ZERO, |asset| asset.0);
        let terms = Terms::of(&self.facts.genesis, wish.owner.0, asset);
        let room = OUTPUTS_MAX - 1 - usize::from(terms.fee.is_some());
        if wish.payments.is_empty() || wish.payments.len() > room {
            let hint = format!(
                "1 to {room} payments: a transaction has {OUTPUTS_MAX} outputs, with change and fee among them"
            );
            return malformed("payments", "are none, or too many", &hint);
        }
        if wish
            .payments
            .iter()
            .any(|one| one.amount.0.is_zero() || one.to.0.is_zero())
        {
            return malformed(
                "payments",
                "have one of nothing, or to the zero address",
                "leave it out",
            );
        }
        let decided = self.handle.status().height;
        if wish.expiry.is_some_and(|expiry| expiry <= decided.0) {
            let detail = format!("is a height that is decided, block {decided} is");
            return malformed("expiry", &detail, "a later height, or leave it out");
        }
        let is_odd = |outputs: &Vec<PositionText>| outputs.is_empty() || outputs.len() > NAMED_MAX;
        if wish.outputs.as_ref().is_some_and(is_odd) {
            return malformed(
                "outputs",
                "are none, or too many",
                &format!("1 to {NAMED_MAX}, or leave it out"),
            );
        }
        let payments = wish.payments.iter().map(|one| Payment {
            owner: one.to.0,
            amount: one.amount.0,
        });
        Ok((terms, payments.collect()))
    }

    /// What the owner can spend: of more outputs than are looked at, the oldest.
    fn coins(&self, terms: &Terms) -> Result<Vec<Coin>, Problem> {
        let (mut coins, mut after, mut read) = (Vec::new(), None, 0);
        while read < COINS_MAX {
            let rows = self.reader.outputs_of(&terms.from, after, PAGE_MAX)?;
            read += rows.len();
            let free = rows
                .iter()
                .filter(|(_, record)| record.output.locks == 0 && record.output.asset == terms.asset);
            coins.extend(free.map(|(position, record)| Coin {
                position: *position,
                amount: record.output.amount,
            }));
            after = rows.last().map(|(position, _)| *position);
            if rows.len() < PAGE_MAX {
                break;
            }
        }
        Ok(coins)
    }

    fn named_coins(&self, terms: &Terms, named: &[PositionText]) -> Result<Vec<Coin>, Problem> {
        let wanted = Wanted {
            outputs: named.iter().map(|position| position.0).collect(),
            ..Wanted::default()
        };
        let reads = self.reader.reads(&wanted)?;
        let coin = |position: &Position| {
            let refuse = |code: Code, words: &str| {
                let problem = code.because(format!("output {} {words}", PositionText(*position)));
                let problem = problem.with("output", PositionText(*position).to_string());
                Err(problem.hint("leave outputs out, and they are chosen"))
            };
            let Some(record) = reads.outputs.get(position).copied().flatten() else {
                return refuse(Code::InputNotFound, "is in no decided block");
            };
            let output = record.output;
            if output.owner != terms.from {
                return refuse(Code::NotOwner, "is not the owner's");
            }
            if output.asset != terms.asset {
                return refuse(Code::InputMismatch, "holds another asset");
            }
            match record.fate {
                Fate::Unspent if output.locks == 0 => Ok(Coin {
                    position: *position,
                    amount: output.amount,
                }),
                Fate::Unspent => refuse(Code::InputExiting, "is leaving for Ethereum"),
                _ => refuse(Code::InputSpent, "is gone"),
            }
        };
        wanted.outputs.iter().map(coin).collect()
    }

    /// An output that a waiting payment spends as well.
    async fn spent_by_waiting(&self, transactions: &[Transaction]) -> Result<Option<Position>, Problem> {
        for transaction in transactions {
            let asked = self.handle.rival(transaction.clone()).await;
            let rival = asked.map_err(|refused| self.refusal(&refused))?;
            let input = rival.and_then(|(input, _)| transaction.inputs.get(input));
            if let Some(input) = input {
                return Ok(Some(input.position));
            }
        }
        Ok(None)
    }

    fn built(&self, mut transaction: Transaction, wish: &Wish) -> BuiltTransaction {
        transaction.expiry = wish.expiry.map_or(EXPIRY_NEVER, Height);
        let genesis = &self.facts.genesis;
        let domain = genesis.domain();
        let returned = transaction.outputs.iter().filter(|one| one.owner == wish.owner.0);
        BuiltTransaction {
            id: HashText(transaction.id().0),
            unsigned: BytesText(transaction.encode()),
            sign_hash: HashText(transaction.signing_digest(&domain)),
            typed_data: typed_data::document(&transaction, &domain),
            inputs: transaction
                .inputs
                .iter()
                .map(|input| PositionText(input.position))
                .collect(),
            change: AmountText(returned.fold(Amount::ZERO, |sum, one| sum.saturating_add(one.amount))),
            fee: AmountText(fee(&transaction, genesis.fee_owner)),
        }
    }
}

fn chosen(
    terms: &Terms,
    coins: &[Coin],
    payments: &[Payment],
    merge: bool,
) -> Result<(BuiltResult, Vec<Transaction>), Shortage> {
    let shortage = match choice::payment(terms, coins, payments) {
        Ok(transaction) => return Ok((BuiltResult::Complete, vec![transaction])),
        Err(shortage) => shortage,
    };
    let merges = match merge && shortage.has >= shortage.needs {
        true => choice::merges(terms, coins, shortage.needs, MERGES_MAX),
        false => Vec::new(),
    };
    if merges.is_empty() {
        return Err(shortage);
    }
    Ok((BuiltResult::Intermediate, merges))
}

fn short(shortage: &Shortage, coins: &[Coin], waiting: usize) -> Problem {
    let besides = match waiting {
        0 => String::new(),
        some => format!(", beside {some} outputs that waiting payments spend"),
    };
    let (code, hint) = if shortage.has < shortage.needs {
        (
            Code::InsufficientFunds,
            "GET /v1/addresses/{owner} says what is there",
        )
    } else {
        (
            Code::Fragmented,
            "say \"merge\":true, sign and send what comes, and ask again when it is decided",
        )
    };
    let problem = code.because(format!(
        "{} is there in {} outputs{besides}; {} is needed, the fee included",
        shortage.has,
        coins.len(),
        shortage.needs
    ));
    let problem = problem
        .with("available", shortage.has.to_string())
        .with("needed", shortage.needs.to_string());
    problem.hint(hint)
}

/// Outputs of one owner that are looked at: half a megabyte.
const COINS_MAX: usize = 10_000;
/// Outputs that a wish may name: twenty-five payments' worth.
const NAMED_MAX: usize = 100;
/// Payments of one answer that bring outputs together: 256 outputs.
const MERGES_MAX: usize = 64;
/// Outputs in waiting payments that are passed over, each with a question to the operator.
const WAITING_MAX: usize = 64;
