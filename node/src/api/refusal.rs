//! Every reason not to take a transaction, as a problem that names the field, the values and the way out.

use plasma_core::{
    Address, DecodeError, Position, SignedTransaction, Spender, TransactionError, TransactionRejected,
    legacy::LegacyError,
};

use super::{Code, Problem, text::AddressText};
use crate::runtime::handle::Rejected;

/// Bytes that are no transaction of ours.
pub(super) fn undecodable(error: &DecodeError, length: usize) -> Problem {
    let code = match error {
        DecodeError::Kind(_) => Code::UnsupportedTransactionType,
        _ => Code::MalformedTransaction,
    };
    code.because(error.to_string()).with("bytes", length).hint(
        "kind 1 ‖ inputs 1 ‖ outputs 1 ‖ asset 20 ‖ expiry 4 ‖ 41 per input ‖ 52 per output ‖ signature 65; \
         kinds are 1 split, 2 merge, 5 transfer",
    )
}

/// Bytes that are not the seed's signed RLP.
pub(super) fn not_legacy(error: &LegacyError, length: usize) -> Problem {
    Code::MalformedTransaction
        .because(format!("the seed's RLP: {error}"))
        .with("bytes", length)
        .hint("[type, inputs, outputs, v, r, s] with fixed-width fields: 176, 232, 289 or 222 bytes")
}

/// A transaction that contradicts itself, whatever the ledger holds.
pub(super) fn form(error: &TransactionError) -> Problem {
    let detail = error.to_string();
    match *error {
        TransactionError::SumsDiffer { inputs, outputs } => Code::Unbalanced
            .because(detail)
            .with("in_sum", inputs.to_string())
            .with("out_sum", outputs.to_string())
            .hint("outputs must sum to exactly the inputs; a fee is an output to the fee owner, see /v1/network"),
        TransactionError::SumOverflow => Code::Unbalanced.because(detail).hint("sums stay below 2^256"),
        TransactionError::OutputAmountZero { output } => {
            Code::InvalidOutput.because(detail).with("output", output).hint("leave the output out")
        }
        TransactionError::OutputOwnerZero { output } => {
            Code::InvalidOutput.because(detail).with("output", output).hint("no key owns the zero address")
        }
        TransactionError::InputRepeated { second, .. } => {
            Code::DuplicateInput.because(detail).with("input", second).hint("name every output once")
        }
        _ => Code::MalformedTransaction.because(detail).hint(
            "transfer 1–4 inputs and 1–4 outputs; split 1 and 1–3, merge 2 and 1, both ETH with expiry 0xffffffff",
        ),
    }
}

/// What the running operator refused.
pub(super) fn rejected(refused: &Rejected) -> Problem {
    let detail = refused.to_string();
    match refused {
        Rejected::Signature(_) => Code::BadSignature
            .because(detail)
            .hint("sign the EIP-712 digest with the domain of /v1/network; v is 27 or 28, s in the lower half"),
        Rejected::Rule(reason) => rule(reason),
        Rejected::Conflict { input, by } => Code::DoubleSpendInMempool
            .because(detail)
            .with("input", *input)
            .with("spent_by", by.to_string())
            .hint("wait for that transaction, or spend another output"),
        Rejected::Kind => Code::UnsupportedTransactionType
            .because(detail)
            .hint("send a transfer (kind 5); whether splits and merges are taken says legacy_transactions in /v1/network"),
        Rejected::Full(_) => Code::MempoolFull.because(detail).hint("send the same bytes again in a second"),
        Rejected::Halted(height) => Code::Halted
            .because(detail)
            .with("last_valid", height.0)
            .hint("exit on Ethereum: GET /v1/outputs/{position}/exit-data"),
        Rejected::Overloaded => Code::Overloaded.because(detail).hint("send the same bytes again in a second"),
        Rejected::Stopped => Code::Draining.because(detail).hint("ask another operator; /v1/network lists them"),
    }
}

/// What the ledger holds against a transaction.
pub(super) fn rule(reason: &TransactionRejected) -> Problem {
    let detail = reason.to_string();
    let about = |code: Code, input: usize, position: Position| {
        code.because(detail.clone())
            .with("input", input)
            .with("output", position.to_string())
    };
    match *reason {
        TransactionRejected::InputMissing { input, position }
        | TransactionRejected::InputNotEarlier { input, position, .. } => about(Code::InputNotFound, input, position)
            .hint("an output exists once its block is decided, a deposit once it is confirmed; list yours with /v1/addresses/{address}/outputs"),
        TransactionRejected::InputSpent { input, position, by } => spent(about(Code::InputSpent, input, position), by),
        TransactionRejected::InputGone { input, position } => {
            about(Code::InputSpent, input, position).hint("it was paid out on Ethereum")
        }
        TransactionRejected::InputExiting { input, position, .. }
        | TransactionRejected::InputTouched { input, position } => {
            about(Code::InputExiting, input, position).hint("it can be spent again only if the exit ends unpaid")
        }
        TransactionRejected::InputForeign { input, position, owner, signer } => {
            foreign(about(Code::NotOwner, input, position), owner, signer)
        }
        TransactionRejected::InputAsset { input, position, held, .. } => about(Code::InputMismatch, input, position)
            .with("held", AddressText(held).to_string())
            .hint("a transaction moves one asset; state the output's own"),
        TransactionRejected::InputAmount { input, position, held, .. } => about(Code::InputMismatch, input, position)
            .with("held", held.to_string())
            .hint("state exactly the output's amount"),
        TransactionRejected::Fee { owner, minimum } => Code::FeeTooLow
            .because(detail)
            .with("required", minimum.to_string())
            .with("fee_owner", AddressText(owner).to_string())
            .hint("add an output of at least the minimum to the fee owner"),
        TransactionRejected::Expired { expiry, height } => Code::Expired
            .because(detail)
            .with("expiry", expiry.0)
            .with("next_height", height.0)
            .hint("sign again with a later expiry"),
        TransactionRejected::Halted { last_valid } => rejected(&Rejected::Halted(last_valid)),
        TransactionRejected::Fund | TransactionRejected::Legacy { .. } => rejected(&Rejected::Kind),
        TransactionRejected::NotRead { .. } => Code::Internal.because(detail),
    }
}

/// Adds the spender of an output to a problem about it.
pub(super) fn spent(problem: Problem, by: Spender) -> Problem {
    let spender = serde_json::json!({ "height": by.height.0, "index": by.transaction, "input": by.input });
    problem
        .with("spent_by", spender)
        .hint("list what you can spend with /v1/addresses/{address}/outputs")
}

fn foreign(problem: Problem, owner: Address, signer: Address) -> Problem {
    problem
        .with("owner", AddressText(owner).to_string())
        .with("signer", AddressText(signer).to_string())
        .hint("all inputs belong to the one who signs; a wrong domain or a changed field recovers a stranger")
}

/// A body without a byte in it.
pub(super) fn empty() -> Problem {
    Code::MalformedTransaction
        .because("the body is empty")
        .hint(format!(
            "send one transaction of {} to {} bytes",
            SignedTransaction::BYTES_MIN,
            SignedTransaction::BYTES_MAX
        ))
}
