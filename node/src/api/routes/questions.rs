//! Every question of the HTTP door that has an answer of one document.

use super::{
    super::{
        Code, Door,
        alerts::AlertsAsked,
        blocks::BlocksAsked,
        build::Wish,
        deposits::DepositsAsked,
        history::HistoryAsked,
        openapi::{Question, any_of, bytes, document, submission, text},
        outputs::{IdsAsked, OutputsAsked, PageAsked},
        search::SearchAsked,
        text::{AddressText, HashText, PositionText},
        view::{
            AddressView, AlertView, Batch, BlockSummary, BlockView, Built, CertificateView, ChallengeData,
            Checked, DepositView, ExitData, ExitView, FederationView, FeesView, FoundView, HistoryItem,
            MempoolView, NetworkView, OutputView, OutputsView, ProofView, StatsView, StatusView, Submitted,
            TransactionView,
        },
    },
    handlers::{self as answer, Waiting},
};
use crate::storage::Read;
use utoipa::openapi::{RefOr, schema::Schema};

/// All of them.
pub(super) fn questions<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    let mut all = of_the_operator();
    all.extend(of_transactions());
    all.extend(of_outputs());
    all.extend(of_blocks());
    all.extend(of_ethereum());
    all
}

fn of_the_operator<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    vec![
        Question::get("/livez", answer::livez, "Whether the process answers").answered(
            200,
            "It does.",
            "text/plain",
            text("ok", "^ok\\n$"),
        ),
        Question::get(
            "/v1/status",
            answer::status::<R>,
            "The operator as it sees itself",
        )
        .says("`blockers` says why it is not ready.")
        .answers::<StatusView>("The operator."),
        Question::get("/v1/network", answer::network::<R>, "Facts of the chain")
            .says("Ids, limits, fees, the running committee and the EIP-712 domain.")
            .answers::<NetworkView>("The chain."),
        Question::get(
            "/v1/federation",
            answer::federation::<R>,
            "The operators of the running epoch",
        )
        .answers::<FederationView>("All of them, in order."),
        Question::get("/v1/stats", answer::stats::<R>, "Sums of outputs per asset")
            .says("`difference` is what the vault on Ethereum holds less `unspent_total`, and must be 0.")
            .answers::<StatsView>("The sums."),
        Question::get(
            "/v1/alerts",
            answer::alerts::<R>,
            "What the operator's people must look at",
        )
        .says("The newest first. They are kept in memory: after a restart what stands is raised anew.")
        .asks::<AlertsAsked>()
        .lists::<AlertView>("A page."),
        Question::get("/v1/mempool", answer::mempool::<R>, "What waits to be decided")
            .answers::<MempoolView>("How much waits."),
        Question::get("/v1/fees", answer::fees::<R>, "What a payment costs at least")
            .answers::<FeesView>("The fees."),
        Question::get("/v1/search", answer::search::<R>, "What a text names")
            .says("A height, a position, an address, or 32 bytes of hex: a block, a transaction or an exit.")
            .asks::<SearchAsked>()
            .answers::<FoundView>("Where it is.")
            .refuses(&[Code::NotFound]),
    ]
}

fn of_transactions<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    let mut submit = Question::post(
        "/v1/transactions",
        answer::submit_one::<R>,
        "Take a transaction",
        submission(false),
    )
    .says(
        "The id is the key: sending the same bytes again is always harmless. A wait that runs out is no error.",
    )
    .asks::<Waiting>();
    let submitted = submit.knows::<Submitted>();
    let submit = submit
        .answered(200, "It was known before.", JSON, submitted.clone())
        .answered(201, "It got as far as `wait` says.", JSON, submitted.clone())
        .answered(202, "It did not in time; ask again.", JSON, submitted)
        .refuses(REFUSED);
    vec![
        submit,
        Question::post(
            "/v1/transactions:batch",
            answer::submit_many::<R>,
            "Take up to 1 000 transactions",
            submission(true),
        )
        .asks::<Waiting>()
        .answers::<Batch>("An answer per transaction, in order.")
        .refuses(&[Code::MalformedTransaction, Code::UnsupportedTransactionType]),
        Question::post(
            "/v1/transactions:check",
            answer::check::<R>,
            "What a submit would say",
            submission(false),
        )
        .says("Nothing is taken.")
        .answers::<Checked>("It would be taken, or was.")
        .refuses(REFUSED),
        build(),
        Question::get("/v1/transactions/{id}", answer::transaction::<R>, "A transaction and how far it is")
            .named("id", shape::<HashText>())
            .answers::<TransactionView>("The transaction.")
            .refuses(&[Code::NotFound]),
        Question::get("/v1/transactions/{id}/raw", answer::raw_transaction::<R>, "Its bytes")
            .named("id", shape::<HashText>())
            .answered(200, "The bytes, with the signature.", BYTES, bytes("A transaction."))
            .for_ever()
            .refuses(&[Code::NotFound]),
        Question::get("/v1/transactions/{id}/proof", answer::proof::<R>, "Its receipt")
            .says("Against the first certificate that covers it; whoever holds it needs no operator to prove it.")
            .named("id", shape::<HashText>())
            .answers::<ProofView>("The receipt.")
            .refuses(&[Code::NotFound, Code::Pruned]),
    ]
}

fn build<R: Read + Clone + Send + Sync + 'static>() -> Question<Door<R>> {
    let mut build = Question::post(
        "/v1/transactions:build",
        answer::build::<R>,
        "Payments that only lack a signature",
        document(shape::<Wish>()),
    );
    build.knows::<Wish>();
    build
        .says(
            "Chosen among the owner's unspent outputs that no waiting payment spends. Nothing is reserved: two questions may be \
             answered with the same outputs.",
        )
        .answers::<Built>("The payment, or what must come before it.")
        .refuses(&[
            Code::MalformedRequest,
            Code::InsufficientFunds,
            Code::Fragmented,
            Code::NotOwner,
            Code::InputNotFound,
            Code::InputMismatch,
            Code::InputSpent,
            Code::InputExiting,
            Code::DoubleSpendInMempool,
            Code::Draining,
        ])
}

fn of_outputs<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    vec![
        Question::get(
            "/v1/addresses/{address}",
            answer::balance::<R>,
            "Sums of an address",
        )
        .named("address", shape::<AddressText>())
        .answers::<AddressView>("Per asset; of nothing for one that is not known."),
        Question::get(
            "/v1/addresses/{address}/outputs",
            answer::outputs_of::<R>,
            "Unspent outputs of an address",
        )
        .says("Exiting ones included, oldest first.")
        .named("address", shape::<AddressText>())
        .asks::<OutputsAsked>()
        .lists::<OutputView>("A page."),
        Question::get(
            "/v1/addresses/{address}/transactions",
            answer::history_of::<R>,
            "What happened to an address",
        )
        .says("The newest first: an item per transaction, or per block of what Ethereum did, and asset.")
        .named("address", shape::<AddressText>())
        .asks::<HistoryAsked>()
        .lists::<HistoryItem>("A page."),
        Question::get("/v1/outputs", answer::outputs::<R>, "Outputs by their positions")
            .asks::<IdsAsked>()
            .answers::<OutputsView>("In the order asked."),
        Question::get(
            "/v1/outputs/{position}",
            answer::output::<R>,
            "An output and what became of it",
        )
        .named("position", shape::<PositionText>())
        .answers::<OutputView>("The output.")
        .refuses(&[Code::NotFound]),
        Question::get(
            "/v1/outputs/{position}/exit-data",
            answer::exit_data::<R>,
            "What an exit on Ethereum takes",
        )
        .says("Against the first anchor that covers the block.")
        .named("position", shape::<PositionText>())
        .answers::<ExitData>("All that the call takes.")
        .refuses(&[Code::NotFound, Code::NotAnchored, Code::Pruned]),
        Question::get(
            "/v1/outputs/{position}/challenge-data",
            answer::challenge_data::<R>,
            "What ends an exit of a spent output",
        )
        .says("For whoever watches Ethereum: the contract gives the exit's bond to who sends the call.")
        .named("position", shape::<PositionText>())
        .answers::<ChallengeData>("The spending transaction, its place, and the call.")
        .refuses(&[Code::NotFound, Code::Pruned]),
    ]
}

fn of_blocks<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    vec![
        Question::get("/v1/blocks", answer::blocks::<R>, "Blocks, the newest first")
            .asks::<BlocksAsked>()
            .lists::<BlockSummary>("A page."),
        Question::get(
            "/v1/blocks/{block}",
            answer::block::<R>,
            "A block's header and certificate",
        )
        .named("block", block_name())
        .answers::<BlockView>("The block.")
        .refuses(&[Code::NotFound]),
        Question::get(
            "/v1/blocks/{block}/raw",
            answer::raw_block::<R>,
            "A block's bytes",
        )
        .named("block", block_name())
        .answered(
            200,
            "Header and transactions, one after the other.",
            BYTES,
            bytes("A block."),
        )
        .for_ever()
        .refuses(&[Code::NotFound, Code::Pruned]),
        Question::get(
            "/v1/blocks/{block}/certificate",
            answer::certificate::<R>,
            "The first certificate that covers a block",
        )
        .named("block", block_name())
        .answers::<CertificateView>("The certificate.")
        .refuses(&[Code::NotFound]),
        Question::get(
            "/v1/blocks/{block}/transactions",
            answer::block_transactions::<R>,
            "A block's transactions",
        )
        .named("block", block_name())
        .asks::<PageAsked>()
        .lists::<TransactionView>("A page, in the block's order.")
        .refuses(&[Code::NotFound, Code::Pruned]),
    ]
}

fn of_ethereum<R: Read + Clone + Send + Sync + 'static>() -> Vec<Question<Door<R>>> {
    let number = || {
        text(
            "The contract's number, decimal, or as 32 bytes of hex.",
            "^([0-9]{1,78}|0x[0-9a-f]{64})$",
        )
    };
    vec![
        Question::get("/v1/exits", answer::exits::<R>, "Open exits")
            .says("Those that Ethereum started and has not ended.")
            .asks::<PageAsked>()
            .lists::<ExitView>("A page, in order of number."),
        Question::get("/v1/exits/{number}", answer::exit::<R>, "An open exit")
            .named("number", number())
            .answers::<ExitView>("The exit.")
            .refuses(&[Code::NotFound]),
        Question::get(
            "/v1/deposits",
            answer::deposits::<R>,
            "Deposits, the newest first",
        )
        .says("Those on their way among them, as Ethereum shows them to this operator.")
        .asks::<DepositsAsked>()
        .lists::<DepositView>("A page."),
        Question::get(
            "/v1/deposits/{number}",
            answer::deposit::<R>,
            "What became of a deposit",
        )
        .named("number", text("The vault's number.", "^[0-9]{1,20}$"))
        .answers::<DepositView>("The deposit.")
        .refuses(&[Code::NotFound]),
    ]
}

/// The shape of a named value.
fn shape<T: utoipa::ToSchema>() -> RefOr<Schema> {
    utoipa::openapi::Ref::from_schema_name(T::name()).into()
}

fn block_name() -> RefOr<Schema> {
    any_of([
        shape::<HashText>(),
        text("A height.", "^[0-9]{1,10}$").into(),
        text(
            "The newest; the newest on Ethereum; and at the confirmation depth there.",
            "^(latest|anchored|finalized)$",
        )
        .into(),
    ])
}

/// Why a transaction may not be taken.
const REFUSED: &[Code] = &[
    Code::MalformedRequest,
    Code::MalformedTransaction,
    Code::UnsupportedTransactionType,
    Code::InputSpent,
    Code::InputExiting,
    Code::DoubleSpendInMempool,
    Code::Conflicted,
    Code::BadSignature,
    Code::NotOwner,
    Code::Unbalanced,
    Code::InvalidOutput,
    Code::DuplicateInput,
    Code::InputMismatch,
    Code::FeeTooLow,
    Code::Expired,
    Code::InputNotFound,
    Code::MempoolFull,
    Code::Syncing,
    Code::Halted,
    Code::Draining,
];

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
