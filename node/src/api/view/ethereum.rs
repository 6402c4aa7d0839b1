//! Documents of what passes between the ledger and Ethereum.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::text::{AddressText, AmountText, BytesText, HashText, PositionText},
    AnchorView, OutputView,
};

/// What `ExitGame.startExit` needs to pay an output out on Ethereum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExitData {
    /// The output.
    pub output: OutputView,
    /// Which output of the transaction.
    pub output_index: u8,
    /// The transaction that created it, with the signature.
    pub transaction: BytesText,
    /// Where it lies under an anchor; its members stand here.
    #[serde(flatten)]
    pub included: InclusionView,
    /// The call's data, ABI-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calldata: Option<BytesText>,
}

/// What ends an exit of an output that was spent: `ExitGame.challengeExit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChallengeData {
    /// The output.
    pub output: OutputView,
    /// The number of its open exit, decimal: what the call names. Absent while none is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// The transaction that spent it, with the signature.
    pub spender: BytesText,
    /// Which of its inputs names the output.
    pub input: u8,
    /// Where the spender lies under an anchor; absent while none covers it. A transaction of one input that has not expired
    /// below the last anchor counts without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<InclusionView>,
    /// The call's data, ABI-encoded; absent without an exit, or while the contract would not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calldata: Option<BytesText>,
}

/// Where a transaction lies in anchored history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InclusionView {
    /// Place inside its block.
    pub index: u32,
    /// From its leaf to `transactions_root`.
    pub transaction_proof: Vec<HashText>,
    /// Its block.
    pub height: u32,
    /// How many transactions the block has.
    pub transaction_count: u32,
    /// Root of their tree.
    pub transactions_root: HashText,
    /// The block's L1 origin.
    pub l1_height: u64,
    /// From the block's leaf to the anchor's `history_root`.
    pub history_proof: Vec<HashText>,
    /// The first anchor that covers the block: the only one the contract takes.
    pub anchor: AnchorView,
}

/// An open exit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExitView {
    /// The contract's number, decimal.
    pub id: String,
    /// `standard` or `in-flight`.
    pub kind: String,
    /// Positions that it names.
    pub outputs: Vec<PositionText>,
    /// Who started it, where the ledger knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AddressText>,
    /// Whether it holds its output: false when that was spent before, and will be challenged.
    pub locked: bool,
    /// What Ethereum says of it; absent while that is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethereum: Option<EthereumExit>,
}

/// An exit as Ethereum holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EthereumExit {
    /// When it began; absent of one that began before this operator was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// From when on it may be paid.
    pub exitable_at: String,
    /// What its maker loses if it is challenged, in wei.
    pub bond: AmountText,
    /// Whether a challenge stands that counts at the payout; one of a standard exit that counts at once ends it. One in flight is
    /// challenged while another payment was shown that spends the same, and none showed this one before it.
    pub challenged: bool,
    /// What would be paid. Of one in flight what was claimed and not shown to be spent: its inputs where it is challenged, else
    /// its outputs.
    pub amount: AmountText,
    /// In what; zero is ETH.
    pub asset: AddressText,
}

/// What became of a deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositView {
    /// The vault's number.
    pub number: u64,
    /// `confirming` until a block credits it, `credited`, or `reclaimed`.
    #[schema(pattern = "^(confirming|credited|reclaimed)$")]
    pub status: String,
    /// Who is credited; absent of one that went back and that is only known by its number, like the next three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AddressText>,
    /// What was deposited; zero is ETH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AddressText>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountText>,
    /// The output that was credited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PositionText>,
    /// While it is confirming: how many Ethereum blocks stand above its own, no more than are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u64>,
    /// While it is confirming: how many are needed. Then the next block credits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<u32>,
}
