//! Documents of lists, and of who the operators are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::text::{AddressText, AmountText, BytesText, HashText, PositionText},
    OutputView,
};

/// A block in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockSummary {
    /// Its height.
    pub height: u32,
    /// keccak of the header.
    pub id: HashText,
    /// The proposer's clock.
    pub time: String,
    /// The same in milliseconds.
    pub timestamp_ms: u64,
    /// How many transactions.
    pub transaction_count: u32,
    /// Height of the first certificate that covers it: its own height when it has one; `null` while none is here.
    pub certified_at: Option<u32>,
    /// Whose committee signed its own certificate; `null` without one, like the next three.
    pub epoch: Option<u64>,
    /// In which view.
    pub view: Option<u64>,
    /// Who led that view; `null` also for an epoch that has passed.
    pub leader: Option<u16>,
    /// How many had to sign.
    pub quorum: Option<usize>,
    /// Who signed its own certificate.
    pub signers: Vec<u16>,
    /// Number of the first anchor that covers it.
    pub anchor: Option<u64>,
    /// True when Ethereum halted the chain below it.
    pub void: bool,
}

/// What one transaction, or Ethereum in one block, did to the outputs of an address in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryItem {
    /// The block.
    pub height: u32,
    /// Its time.
    pub time: String,
    /// Place of the transaction in it; `null` for what Ethereum did.
    pub index: Option<u32>,
    /// Id of the transaction; `null` for what Ethereum did, and where the block's transactions are not kept here any more.
    pub id: Option<HashText>,
    /// What it was.
    pub kind: HistoryKind,
    /// In what.
    pub asset: AddressText,
    /// Sum of the outputs that came.
    pub received: AmountText,
    /// Sum of the outputs that went.
    pub sent: AmountText,
    /// Those that came.
    pub outputs: Vec<PositionText>,
    /// Those that went.
    pub inputs: Vec<PositionText>,
    /// The deposit that was credited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<u64>,
    /// True when Ethereum halted the chain below its block.
    pub void: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// A payment, split or merge.
    Payment,
    /// A deposit was credited.
    Deposit,
    /// An exit ended on Ethereum with these outputs.
    Exit,
    /// A deposit was taken back on Ethereum.
    Reclaim,
}

/// Outputs that were asked for one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputsView {
    /// In the order asked.
    pub items: Vec<AskedOutput>,
    /// Last decided height.
    pub height: u32,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AskedOutput {
    /// It was created.
    Known(Box<OutputView>),
    /// No decided block created it.
    Unknown(UnknownOutput),
}

/// A position where no output is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnknownOutput {
    /// What was asked.
    pub output: PositionText,
    /// `unknown`.
    #[schema(pattern = "^unknown$")]
    pub status: String,
}

/// The operators of the running epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FederationView {
    /// The running epoch.
    pub epoch: u64,
    /// How many must sign.
    pub quorum: usize,
    /// How many may be Byzantine.
    pub faults: usize,
    /// Last decided height.
    pub height: u32,
    /// Who answers; `null` for one without a seat.
    pub operator: Option<u16>,
    /// All of them, in order.
    pub members: Vec<SeatView>,
}

/// One operator as the one that answers sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatView {
    /// Its place.
    pub index: u16,
    /// What it calls itself, where that is known.
    pub name: Option<String>,
    /// Its Ethereum account.
    pub operator: AddressText,
    /// Its BLS key, compressed.
    pub bls_public_key: BytesText,
    /// Its libp2p peer id.
    pub peer_id: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Whether the one that answers is connected with it, or is it.
    pub connected: bool,
    /// Height of the newest certificate that it signed, among those that were looked at.
    pub last_signed_height: Option<u32>,
    /// How many of these certificates it did not sign. A quorum is enough, so the slowest of a healthy committee misses some.
    pub missed: usize,
    /// How many certificates of this epoch were looked at.
    pub of: usize,
}

/// What waits to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MempoolView {
    /// How many transactions.
    pub transactions: usize,
}

/// What a payment costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeesView {
    /// Who is paid; `null` when nobody is.
    pub fee_owner: Option<AddressText>,
    /// Least fee per asset; none in an asset that is not named.
    pub fees: Vec<super::FeeView>,
}

/// Something that the operator's people must look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// Names it in the life of the operator's process.
    pub id: String,
    /// What it is.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: AlertSeverity,
    /// When it was raised.
    pub raised: String,
    /// When it was cleared; `null` while it stands.
    pub cleared: Option<String>,
    /// In words, as it was when it was raised.
    pub text: String,
    /// The block that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The operator that it is about, by its place in its committee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<u16>,
    /// The exit that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// The output that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PositionText>,
}

/// What an alert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// An output that was spent is exiting.
    InvalidExit,
    /// And every operator had its turn to challenge that.
    UnchallengedExit,
    /// A quorum finalized a block that breaks a rule of the ledger.
    InvalidBlock,
    /// Decided blocks are missing here, and no connected operator gives them.
    WithheldBlock,
    /// An operator signed two votes that contradict each other.
    Equivocation,
    /// Ethereum shows no new block for long.
    L1Stalled,
    /// Ethereum halted the chain.
    Halted,
    /// The operator signs nothing any more.
    Stopped,
    /// There is work, and nothing is decided.
    NoProgress,
    /// Too few members are connected to decide anything.
    NoQuorum,
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// To be known.
    Info,
    /// To be looked at in working hours.
    Warning,
    /// To be looked at now.
    Critical,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundView {
    /// `block`, `transaction`, `address`, `output`, `deposit` or `exit`.
    pub kind: String,
    /// Where it is answered.
    pub path: String,
    /// Where the explorer shows it.
    pub page: String,
}

/// A deposit that a block credited, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditEvent {
    /// The vault's number.
    pub number: u64,
    /// The block.
    pub height: u32,
    /// What it became.
    pub output: PositionText,
    /// Whose.
    pub owner: AddressText,
    /// Of what.
    pub asset: AddressText,
    /// How much.
    pub amount: AmountText,
}

/// What a block did to an exit, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExitEvent {
    /// The block.
    pub height: u32,
    /// The exit after it, or as it was before its end.
    pub exit: super::ExitView,
}

/// A transaction that was decided, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecidedEvent {
    /// Its id.
    pub id: HashText,
    /// The block.
    pub height: u32,
    /// Its place in it.
    pub index: u32,
    /// Time of the block.
    pub time: String,
}

/// What happened to an output, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputEvent {
    /// Which.
    pub output: PositionText,
    /// Whose.
    pub owner: AddressText,
    /// Of what.
    pub asset: AddressText,
    /// How much.
    pub amount: AmountText,
    /// The block.
    pub height: u32,
    /// The transaction in it; `null` for what Ethereum did.
    pub index: Option<u32>,
}

/// A new view of the agreement, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsensusEvent {
    /// The epoch.
    pub epoch: u64,
    /// The view.
    pub view: u64,
    /// Who leads it; `null` for who observes.
    pub leader: Option<u16>,
    /// Why the view before was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// Who is connected, as an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeersEvent {
    /// Their indices, without ourselves.
    pub members: Vec<u16>,
}

/// The id that was asked for cannot be told from any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResetEvent {
    /// From here on it goes on.
    pub oldest: String,
}
