//! The documents that the doors answer with, and that [`crate::client`] reads back.
//!
//! Plain fields, snake_case, one struct per document. Clients must ignore members they do not know; we add, never rename.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::{AddressText, AmountText, BytesText, HashText, PositionText};

mod ethereum;
mod lists;

pub use ethereum::{ChallengeData, DepositView, EthereumExit, ExitData, ExitView, InclusionView};
pub use lists::{
    AlertKind, AlertSeverity, AlertView, AskedOutput, BlockSummary, ConsensusEvent, CreditEvent,
    DecidedEvent, ExitEvent, FederationView, FeesView, FoundView, HistoryItem, HistoryKind, MempoolView,
    OutputEvent, OutputsView, PeersEvent, ResetEvent, SeatView, UnknownOutput,
};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Goes into `?cursor=` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// Last decided height when the page was read.
    pub height: u32,
}

/// An acknowledgement level (`protocol.md` section 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Valid and gossiped, no promise.
    Accepted,
    /// In a block with a finalize certificate, durable at a quorum.
    Committed,
    /// Covered by an anchor that Ethereum mined.
    Anchored,
    /// Covered by an anchor at the confirmation depth of Ethereum.
    Finalized,
    /// In a block above the height at which Ethereum halted the chain: it does not count.
    Void,
}

impl State {
    /// In a block that counts, wherever Ethereum is.
    #[must_use]
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Committed | Self::Anchored | Self::Finalized)
    }
}

/// A transaction as far as this operator knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransactionView {
    /// Its id.
    pub id: HashText,
    /// How far it got.
    pub state: State,
    /// `transfer`, `split`, `merge` or `fund`.
    pub kind: String,
    /// What it moves; zero is ETH.
    pub asset: AddressText,
    /// Last height that may include it; absent when any may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<u32>,
    /// What it spends; for a fund the number of its deposit stands in `deposit` instead.
    pub inputs: Vec<InputView>,
    /// What it creates.
    pub outputs: Vec<PaymentView>,
    /// The deposit of a fund transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<u64>,
    /// Where it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Place>,
    /// Who certified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateView>,
    /// The first anchor that covers its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorView>,
    /// When it got how far; absent until it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<TimesView>,
    /// Its bytes with the signature.
    pub raw: BytesText,
}

/// When a transaction got how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimesView {
    /// Time of its block.
    pub committed: String,
    /// When Ethereum mined the anchor that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchored: Option<String>,
}

/// Where a transaction was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Height of the block.
    pub height: u32,
    /// Its id.
    pub id: HashText,
    /// Place inside the block.
    pub index: u32,
}

/// What a transaction spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputView {
    /// The output it names.
    pub output: PositionText,
    /// The amount it states.
    pub amount: AmountText,
}

/// What a transaction creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    /// Where it was born; absent until the transaction is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PositionText>,
    /// To whom.
    pub owner: AddressText,
    /// How much.
    pub amount: AmountText,
}

/// The answer to a submitted transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// Its id.
    pub id: HashText,
    /// How far it got while we waited; absent when nobody judged it yet (`wait=none`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Whether this operator knew it before.
    pub duplicate: bool,
    /// Where it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Place>,
    /// What it created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<PaymentView>,
    /// Who certified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateView>,
}

/// One item's answer in a batch: one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchItem {
    /// It was taken.
    Submitted(Box<Submitted>),
    /// It was not.
    Problem(super::Problem),
}

/// The answers of a batch, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// How many were taken.
    pub accepted: usize,
    /// One per item.
    pub items: Vec<BatchItem>,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputView {
    /// Where it was born.
    pub output: PositionText,
    /// The same as the packed 72-bit number, decimal, as the contracts' events show it.
    pub index: String,
    /// `unspent`, `exiting`, `spent`, `exited` or `reclaimed`.
    pub status: OutputStatus,
    /// Whose it is.
    pub owner: AddressText,
    /// Of what.
    pub asset: AddressText,
    /// How much.
    pub amount: AmountText,
    /// The transaction that created it.
    pub created_by: HashText,
    /// Who spent it, when it is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_by: Option<SpenderView>,
    /// The exit that paid it out, when it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
}

/// What became of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputStatus {
    /// Its owner can spend it.
    Unspent,
    /// Unspent and locked by an open exit.
    Exiting,
    /// A decided transaction consumed it.
    Spent,
    /// Ethereum paid it out.
    Exited,
    /// Its deposit was taken back on Ethereum.
    Reclaimed,
}

/// The transaction that consumed an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpenderView {
    /// Its block.
    pub height: u32,
    /// Its place in it.
    pub index: u32,
    /// Which of its inputs.
    pub input: u8,
    /// Its id, where it was read along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<HashText>,
}

/// What an address owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressView {
    /// The address.
    pub address: AddressText,
    /// Per asset; none when it owns nothing.
    pub balances: Vec<Balance>,
    /// Last decided height.
    pub height: u32,
}

/// What an address owns of one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// Zero is ETH.
    pub asset: AddressText,
    /// Unspent and not locked.
    pub available: AmountText,
    /// Unspent and locked by an open exit.
    pub exiting: AmountText,
    /// Both.
    pub total: AmountText,
    /// How many outputs.
    pub outputs: usize,
}

/// A block without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    /// Its height.
    pub height: u32,
    /// keccak of the header.
    pub id: HashText,
    /// Id of the block before.
    pub parent: HashText,
    /// How many transactions.
    pub transaction_count: u32,
    /// Root of their tree.
    pub transactions_root: HashText,
    /// Root over the history leaves up to this height.
    pub history_root: HashText,
    /// Commitment to all outputs and open exits after this block.
    pub output_commitment: HashText,
    /// L1 origin.
    pub l1_height: u64,
    /// Its hash.
    pub l1_hash: HashText,
    /// The proposer's clock.
    pub time: String,
    /// The same in milliseconds.
    pub timestamp_ms: u64,
    /// The 184 bytes.
    pub header: BytesText,
    /// The finalize certificate of this block or of the first later one that has its own; absent for genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateView>,
    /// The first anchor that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorView>,
    /// True when Ethereum halted the chain below it.
    pub void: bool,
}

/// A finalize certificate and the header that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    /// Height of the certified header: the asked one, or a later one whose history covers it.
    pub height: u32,
    /// Id of that header.
    pub block: HashText,
    /// Whose committee signed.
    pub epoch: u64,
    /// In which view.
    pub view: u64,
    /// Indices of the operators that signed.
    pub signers: Vec<u16>,
    /// How many are needed; `null` when the committee of the epoch is not known here.
    pub quorum: Option<usize>,
    /// The aggregate, compressed.
    pub signature: BytesText,
    /// The certified header's 184 bytes.
    pub header: BytesText,
    /// The certificate's own bytes.
    pub raw: BytesText,
}

/// An anchor as Ethereum recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnchorView {
    /// Its number, from 1.
    pub number: u64,
    /// Height of the anchor before, where it was read along: this one is the first above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u32>,
    /// Height of the anchored header.
    pub height: u32,
    /// History root of that header.
    pub history_root: HashText,
    /// L1 origin of that header.
    pub l1_height: u64,
    /// L1 time it was mined.
    pub time_s: u64,
}

/// The receipt of a transaction (`protocol.md` section 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofView {
    /// The transaction.
    pub id: HashText,
    /// Its bytes with the signature.
    pub transaction: BytesText,
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
    /// From the block's leaf to the header's `history_root`.
    pub history_proof: Vec<HashText>,
    /// The certified header and its certificate.
    pub certificate: CertificateView,
    /// All of it in the receipt's own bytes.
    pub raw: BytesText,
}

/// What a submit would say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// Hash of the transaction without its signature.
    pub id: HashText,
    /// How far it is already; `null` when it would be new.
    pub state: Option<State>,
    /// What its outputs give to the fee owner.
    pub fee: AmountText,
}

/// Payments that only lack their signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Built {
    /// `complete`: the one payment that was asked for; `intermediate`: payments to oneself that bring the sum into fewer
    /// outputs, and once they are decided the same question is asked again.
    pub result: BuiltResult,
    /// To be signed and submitted, in any order.
    pub transactions: Vec<BuiltTransaction>,
}

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BuiltResult {
    /// The payment.
    Complete,
    /// What must come before it.
    Intermediate,
}

/// A transaction without its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuiltTransaction {
    /// Its id, which the signature does not change.
    pub id: HashText,
    /// Its bytes; the 65 bytes of the signature behind them make it what a submit takes.
    pub unsigned: BytesText,
    /// What the owner signs.
    pub sign_hash: HashText,
    /// The same for wallets that show what they sign: `eth_signTypedData_v4`.
    pub typed_data: serde_json::Value,
    /// What it spends.
    pub inputs: Vec<PositionText>,
    /// What returns to the owner.
    pub change: AmountText,
    /// What the fee owner is paid.
    pub fee: AmountText,
}

/// One operator as it sees itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// Free text from its configuration.
    pub name: String,
    /// `running`, `observing` (no seat in the running committee), `rejoining` (its log was lost, and it does not vote yet),
    /// `catching-up`, `halted` or `stopped`.
    pub state: String,
    /// Whether it can do its work: running, with a quorum in reach.
    pub ready: bool,
    /// The software.
    pub version: String,
    /// Its place in the running committee; `null` while it has none and observes.
    pub operator: Option<u16>,
    /// Last decided height.
    pub height: u32,
    /// Its block id.
    pub block: HashText,
    /// The output commitment after it.
    pub output_commitment: HashText,
    /// Its time.
    pub time: String,
    /// What its clock shows, by which it judges the time of blocks; older software does not say.
    #[serde(default)]
    pub clock: Option<String>,
    /// The agreement.
    pub consensus: ConsensusView,
    /// Ethereum.
    pub l1: L1View,
    /// Who is connected.
    pub peers: PeersView,
    /// Transactions waiting.
    pub mempool: usize,
    /// What was counted since the start of the process; older software does not say.
    #[serde(default)]
    pub traffic: TrafficView,
    /// Why it is not ready; empty when it is.
    pub blockers: Vec<Blocker>,
}

/// What gossip brought, and what found no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrafficView {
    /// Gossip messages that came in, each as often as it came.
    pub gossip_messages: u64,
    /// Those that had not come before.
    pub gossip_messages_new: u64,
    /// Payments that they brought.
    pub gossip_payments: u64,
    /// Those that were taken, and that no client and no block had brought before.
    pub gossip_payments_new: u64,
    /// Votes, certificates and small proposals that were dropped because the queue to an operator was full.
    pub votes_crowded_out: u64,
}

/// The agreement as this operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsensusView {
    /// Running epoch.
    pub epoch: u64,
    /// Running view.
    pub view: u64,
    /// Who leads it; `null` for who observes.
    pub leader: Option<u16>,
    /// View of the newest finalization.
    pub final_view: u64,
    /// Whether something waits to be decided.
    pub working: bool,
    /// The view that this operator gave up last, since it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUpView>,
}

/// A view that cost time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenUpView {
    /// Which.
    pub view: u64,
    /// Why, as this operator saw it.
    pub reason: String,
}

/// Ethereum as this operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct L1View {
    /// L1 origin of the last decided block.
    pub origin: u64,
    /// Highest L1 block at the confirmation depth.
    pub confirmed: u64,
    /// Time of the newest L1 block that was seen: Ethereum's clock, by which exits fall due. `null` while none was seen since
    /// the start.
    #[serde(default)]
    pub time: Option<String>,
    /// Newest anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_anchor: Option<AnchorView>,
    /// Decided heights above it.
    pub unanchored: u32,
}

/// Who is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeersView {
    /// Indices of connected members, without ourselves.
    pub members: Vec<u16>,
    /// Members of the committee, with ourselves.
    pub committee: usize,
    /// How many must agree.
    pub quorum: usize,
}

/// Something that keeps the operator from its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocker {
    /// One of the codes under *Blockers* in `docs/api.md`.
    pub code: String,
    /// With the numbers.
    pub text: String,
    /// What to look at.
    pub hint: String,
}

/// The facts of the chain that every client must share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkView {
    /// The federation's name.
    pub name: String,
    /// Hash of the genesis document.
    pub genesis_hash: HashText,
    /// Version of the protocol.
    pub protocol_version: u16,
    /// Ethereum's chain id.
    pub l1_chain_id: u64,
    /// Address of `Federation`.
    pub contract: AddressText,
    /// L1 blocks before an event counts.
    pub confirmations: u32,
    /// Bounds of blocks and requests.
    pub limits: LimitsView,
    /// Who is paid for payments, when anybody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_owner: Option<AddressText>,
    /// Least fee per asset.
    pub fees: Vec<FeeView>,
    /// Whether splits and merges signed for go-plasma are taken.
    pub legacy_transactions: bool,
    /// For the signature of a transfer.
    pub eip712_domain: Eip712DomainView,
    /// Operators of epoch 0.
    pub committee: Vec<MemberView>,
    /// How many must agree.
    pub quorum: usize,
    /// How many may be Byzantine.
    pub faults: usize,
    /// The running epoch, whose committee this is.
    pub epoch: u64,
}

/// Bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Client transactions in a block.
    pub max_block_transactions: u32,
    /// Their bytes.
    pub max_block_bytes: u32,
    /// Bytes of one transaction.
    pub max_transaction_bytes: usize,
    /// Transactions in a batch.
    pub max_batch: usize,
    /// Bytes of a request body.
    pub max_body_bytes: usize,
    /// Items of a page.
    pub max_page: usize,
}

/// Least fee in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeeView {
    /// Zero is ETH.
    pub asset: AddressText,
    /// Smallest units.
    pub amount: AmountText,
}

/// The EIP-712 domain, with the names that wallets want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Eip712DomainView {
    /// Always `Plasma`.
    pub name: String,
    /// Always `1`.
    pub version: String,
    /// Ethereum's chain id.
    pub chain_id: u64,
    /// Address of `Federation`.
    pub verifying_contract: AddressText,
}

/// One operator of the federation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// Its place.
    pub index: u16,
    /// Its Ethereum account.
    pub operator: AddressText,
    /// Its BLS key, compressed.
    pub bls_public_key: BytesText,
    /// Its libp2p peer id.
    pub peer_id: String,
    /// Where it listens.
    pub addresses: Vec<String>,
}

/// What lies in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatsView {
    /// Last decided height.
    pub height: u32,
    /// Per asset.
    pub assets: Vec<AssetStats>,
    /// Exits that Ethereum has begun and not ended.
    pub open_exits: usize,
    /// After which L1 block the vault held what `locked_on_l1` says; `null` while that is not known.
    #[serde(default)]
    pub l1_height: Option<u64>,
}

/// What lies in the ledger of one asset, and in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetStats {
    /// Zero is ETH.
    pub asset: AddressText,
    /// Sum of all outputs that exist, exiting ones included.
    pub unspent_total: AmountText,
    /// The part of it that open exits lock.
    pub exiting_total: AmountText,
    /// What the vault held after the L1 block up to which the ledger knows Ethereum; `null` while it is not known.
    #[serde(default)]
    pub locked_on_l1: Option<AmountText>,
    /// `locked_on_l1` less `unspent_total`, decimal with its sign: `0` is right.
    #[serde(default)]
    #[schema(pattern = "^-?[0-9]{1,78}$")]
    pub difference: Option<String>,
}
