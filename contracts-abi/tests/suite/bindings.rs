//! The generated types do what node and testnet need of them, without a provider.

use ethers_contract::EthEvent;
use ethers_core::{
    abi::{AbiDecode, AbiEncode, RawLog, Token},
    types::{Address, Bytes, H256, U256},
    utils::keccak256,
};
use plasma_contracts_abi::{exit_game, federation, fraud_proofs, vault};

#[test]
fn events_have_the_signatures_of_the_protocol() {
    let signatures = [
        (
            vault::DepositedFilter::abi_signature(),
            "Deposited(uint64,address,address,uint256)",
        ),
        (
            exit_game::ExitStartedFilter::abi_signature(),
            "ExitStarted(uint256,uint72,address)",
        ),
        (
            exit_game::ExitEndedFilter::abi_signature(),
            "ExitEnded(uint256,uint72,bool)",
        ),
        (
            federation::AnchoredFilter::abi_signature(),
            "Anchored(uint32,uint32,uint32,bytes32,uint64,uint64)",
        ),
    ];
    for (generated, written) in signatures {
        assert_eq!(generated, written);
    }
}

#[test]
fn a_deposit_is_decoded_from_its_log() {
    let owner = Address::repeat_byte(7);
    let log = RawLog {
        topics: vec![
            H256(keccak256("Deposited(uint64,address,address,uint256)")),
            H256::from_low_u64_be(5),
            owner.into(),
            H256::zero(),
        ],
        data: U256::from(9).encode(),
    };
    let deposited = <vault::DepositedFilter as EthEvent>::decode_log(&log).unwrap();
    assert_eq!(
        (deposited.number, deposited.owner, deposited.amount),
        (5, owner, U256::from(9))
    );
    assert!(<exit_game::ExitStartedFilter as EthEvent>::decode_log(&log).is_err());
}

#[test]
fn a_call_survives_encoding() {
    let call = federation::AnchorCall {
        header: Bytes::from(vec![1; 184]),
        epoch: 0,
        view_number: 7,
        bitmap: U256::from(15),
        signature: Bytes::from(vec![2; 256]),
    };
    assert_eq!(
        federation::AnchorCall::decode(call.clone().encode()).unwrap(),
        call
    );
}

#[test]
fn constructor_arguments_encode_after_the_bytecode() {
    let constructor = federation::FEDERATION_ABI.constructor().unwrap();
    let member = Token::Tuple(vec![
        Token::Address(Address::repeat_byte(1)),
        Token::FixedBytes(vec![2; 32]),
        Token::Bytes(vec![3; 128]),
        Token::Bytes(vec![4; 256]),
    ]);
    let number = |value: u64| Token::Uint(value.into());
    let parameters = Token::Tuple(vec![
        number(60),
        number(1),
        number(13),
        number(1),
        number(8),
        number(2),
        Token::Bool(false),
        number(1),
        number(121),
        number(5),
    ]);
    let arguments = [
        Token::Array(vec![member]),
        parameters,
        Token::Address(Address::repeat_byte(5)),
        Token::Address(Address::repeat_byte(6)),
        Token::Address(Address::repeat_byte(7)),
    ];
    let code = constructor
        .encode_input(federation::FEDERATION_BYTECODE.to_vec(), &arguments)
        .unwrap();
    assert!(code.starts_with(&federation::FEDERATION_BYTECODE));
    assert!(!exit_game::EXITGAME_BYTECODE.is_empty() && !vault::VAULT_BYTECODE.is_empty());
    assert!(!fraud_proofs::FRAUDPROOFS_BYTECODE.is_empty());
}
