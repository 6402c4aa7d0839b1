//! Ethereum in the process: blocks go on when we say so, calls run in an EVM with the rules of Prague.
//!
//! The state is a value: a clone of it is a fork of the chain, and that is how thousands of blocks are tried on one
//! deployment. Block hashes are served by the real code of EIP-2935, fed by its system call.

use ethers_contract::EthCall;
use ethers_core::abi::{AbiDecode, AbiEncode};
use plasma_core::{Address, Amount, Hash, L1Block, L1Height, keccak};
use plasma_node::bridge::{account::Call, decode::Log};
use revm::{
    Context, Database as _, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    MainnetEvm, SystemCallCommitEvm as _,
    context::{BlockEnv, TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
    primitives::{self, TxKind, U256, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

/// EIP-155 id of this chain.
pub const CHAIN_ID: u64 = 31_337;

/// What a transaction may use on mainnet (EIP-7825): every call of the contracts fits.
const GAS_MAX: u64 = 16_777_216;

/// Where EIP-2935 keeps block hashes, and the code that it gives that address.
const HISTORY: [u8; 20] = [
    0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb, 0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20,
    0x00, 0x29, 0x35,
];
const HISTORY_CODE: &str = "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff8143\
                            0311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

/// The chain's state, and the block in which the next call is mined.
#[derive(Clone, Debug)]
pub struct Ethereum {
    db: CacheDB<EmptyDB>,
    /// Height of the block under way.
    pub number: u64,
    /// Its time, seconds.
    pub time_s: u64,
    /// Which of all chains this is: blocks that are sealed under another number have other hashes.
    pub branch: u64,
    newest: L1Block,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It did what it was asked for.
    Done {
        /// What the contracts emitted.
        logs: Vec<Log>,
        /// What it returned; of a creation the code.
        output: Vec<u8>,
    },
    /// The contract refused, with these bytes.
    Refused(Vec<u8>),
}

impl Outcome {
    /// The logs of a call that was done.
    #[must_use]
    pub fn logs(self) -> Option<Vec<Log>> {
        match self {
            Self::Done { logs, .. } => Some(logs),
            Self::Refused(_) => None,
        }
    }
}

type Evm<'a> = MainnetEvm<MainnetContext<&'a mut CacheDB<EmptyDB>>>;

impl Ethereum {
    /// A chain without contracts but for EIP-2935's.
    ///
    /// # Panics
    /// Never: the code of EIP-2935 is hexadecimal.
    #[must_use]
    pub fn new(number: u64, time_s: u64) -> Self {
        let mut db = CacheDB::new(EmptyDB::new());
        let code = Bytecode::new_raw(primitives::hex::decode(HISTORY_CODE).expect("hex").into());
        db.insert_account_info(HISTORY.into(), AccountInfo::from_bytecode(code));
        let (branch, height) = (0, L1Height(number - 1));
        let newest = L1Block {
            height,
            hash: hash_of(height, branch),
            timestamp_s: time_s - 1,
        };
        let mut made = Self {
            db,
            number,
            time_s,
            branch,
            newest,
        };
        made.publish();
        made
    }

    /// Gives an account more ETH than it can spend.
    pub fn enrich(&mut self, account: Address) {
        let info = AccountInfo::from_balance(U256::from(u128::MAX));
        self.db.insert_account_info(account.0.into(), info);
    }

    /// Blocks go by, one a second; the newest has a hash.
    pub fn advance(&mut self, blocks: u64) {
        self.number += blocks;
        self.time_s += blocks;
        let height = L1Height(self.number - 1);
        self.newest = L1Block {
            height,
            hash: hash_of(height, self.branch),
            timestamp_s: self.time_s - 1,
        };
        self.publish();
    }

    /// Ends the block under way; the next one has this time.
    pub fn seal(&mut self, next_s: u64) {
        let height = L1Height(self.number);
        self.newest = L1Block {
            height,
            hash: hash_of(height, self.branch),
            timestamp_s: self.time_s,
        };
        self.number += 1;
        self.time_s = next_s;
        self.publish();
    }

    /// The newest block that an origin can name: the one before the block under way.
    #[must_use]
    pub fn newest(&self) -> L1Block {
        self.newest
    }

    /// What an account has.
    ///
    /// # Panics
    /// Never: the state is in memory.
    pub fn balance(&mut self, account: Address) -> Amount {
        let found = self.db.basic(account.0.into()).expect("memory does not fail");
        Amount::from_be_bytes(found.unwrap_or_default().balance.to_be_bytes::<32>())
    }

    /// Mines a call.
    ///
    /// # Panics
    /// When Ethereum would not take the transaction at all: who calls has enough, or the harness is wrong.
    pub fn send(&mut self, from: Address, call: &Call) -> Outcome {
        let transaction = transaction(from, call);
        let result = self
            .evm()
            .transact_commit(transaction)
            .expect("Ethereum takes the transaction");
        outcome(result)
    }

    /// What a call would do; nothing stays of it.
    ///
    /// # Panics
    /// As [`Ethereum::send`].
    pub fn peek(&mut self, from: Address, call: &Call) -> Outcome {
        let transaction = transaction(from, call);
        let result = self
            .evm()
            .transact(transaction)
            .expect("Ethereum takes the transaction");
        outcome(result.result)
    }

    /// Asks a view that always answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn ask<A, R>(&mut self, place: Address, arguments: A) -> R
    where
        A: EthCall + AbiEncode,
        R: AbiDecode,
    {
        let asked = A::function_name();
        match self.peek(Address::ZERO, &call(place, Amount::ZERO, arguments)) {
            Outcome::Done { output, .. } => R::decode(output).expect("the view answers by its ABI"),
            Outcome::Refused(reason) => panic!("{asked} reverts: {}", primitives::hex::encode(reason)),
        }
    }

    /// The system call by which a block writes down its parent's hash.
    fn publish(&mut self) {
        let hash = self.newest.hash;
        let done = self
            .evm()
            .system_call_commit(HISTORY.into(), hash.0.to_vec().into());
        assert!(
            done.expect("Ethereum takes the transaction").is_success(),
            "EIP-2935 takes a hash"
        );
    }

    fn evm(&mut self) -> Evm<'_> {
        let block = BlockEnv {
            number: U256::from(self.number),
            timestamp: U256::from(self.time_s),
            gas_limit: u64::MAX,
            basefee: 0,
            prevrandao: Some(primitives::B256::ZERO),
            ..BlockEnv::default()
        };
        Context::mainnet()
            .with_db(&mut self.db)
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                cfg.chain_id = CHAIN_ID;
                cfg.tx_chain_id_check = false;
                cfg.disable_nonce_check = true;
            })
            .with_block(block)
            .build_mainnet()
    }
}

/// A call to a contract.
#[must_use]
pub fn call<A: EthCall + AbiEncode>(to: Address, value: Amount, arguments: A) -> Call {
    Call {
        label: String::new(),
        to: Some(to),
        value,
        data: arguments.encode(),
    }
}

/// L1 blocks have no content here, so their hashes follow from their heights and branches.
fn hash_of(height: L1Height, branch: u64) -> Hash {
    match branch {
        0 => keccak(&[b"l1", &height.0.to_be_bytes()]),
        branch => keccak(&[b"l1", &height.0.to_be_bytes(), &branch.to_be_bytes()]),
    }
}

fn transaction(from: Address, call: &Call) -> TxEnv {
    TxEnv {
        caller: from.0.into(),
        gas_limit: GAS_MAX,
        kind: call.to.map_or(TxKind::Create, |to| TxKind::Call(to.0.into())),
        value: U256::from_be_bytes(call.value.to_be_bytes::<32>()),
        data: call.data.clone().into(),
        ..TxEnv::default()
    }
}

fn outcome(result: ExecutionResult) -> Outcome {
    match result {
        ExecutionResult::Success { logs, output, .. } => Outcome::Done {
            logs: logs.iter().map(log).collect(),
            output: output.into_data().to_vec(),
        },
        ExecutionResult::Revert { output, .. } => Outcome::Refused(output.to_vec()),
        ExecutionResult::Halt { reason, .. } => panic!("a call ran out of something: {reason:?}"),
    }
}

fn log(log: &primitives::Log) -> Log {
    Log {
        address: Address(log.address.into_array()),
        topics: log.data.topics().iter().map(|topic| Hash(topic.0)).collect(),
        data: log.data.data.to_vec(),
    }
}
