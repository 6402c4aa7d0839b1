//! The rules of `docs/protocol.md` section 2 that need no ledger, each broken alone: rule, changed transaction, exact
//! error.

use plasma_core::{
    Address, Amount, AuthenticateError, DecodeError, DepositNumber, EXPIRY_NEVER, Height, Kind,
    SignatureError, SignedTransaction, Transaction, TransactionError,
};

use super::document::{DOMAIN, key};
use super::world::{ALICE, BOB, account, at, input, to, transfer};

/// A valid payment of Alice's, which the tables change.
pub(crate) fn valid() -> Transaction {
    transfer(&[(at(1, 0, 0), 100)], &[(BOB, 60), (ALICE, 40)])
}

fn authenticate(transaction: Transaction) -> Result<(), AuthenticateError> {
    transaction
        .sign(&DOMAIN, &key(ALICE))
        .authenticate(&DOMAIN)
        .map(|_| ())
}

#[test]
fn the_transaction_that_the_table_changes_is_well_formed() {
    assert_eq!(authenticate(valid()), Ok(()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row per rule")]
fn every_rule_of_form_has_its_own_error() {
    type Change = Box<dyn Fn(&mut Transaction)>;
    let split = |t: &mut Transaction| t.kind = Kind::Split;
    let table: Vec<(&str, Change, TransactionError)> = vec![
        (
            "known counts, no inputs",
            Box::new(|t| t.inputs.clear()),
            counts(Kind::Transfer, 0, 2),
        ),
        (
            "known counts, five inputs",
            Box::new(|t| t.inputs = vec![t.inputs[0]; 5]),
            counts(Kind::Transfer, 5, 2),
        ),
        (
            "known counts, no outputs",
            Box::new(|t| t.outputs.clear()),
            counts(Kind::Transfer, 1, 0),
        ),
        (
            "known counts, five outputs",
            Box::new(|t| t.outputs = vec![to(BOB, 20); 5]),
            counts(Kind::Transfer, 1, 5),
        ),
        (
            "known counts, split of two inputs",
            Box::new(move |t| {
                split(t);
                t.inputs.push(input(at(1, 1, 0), 7));
            }),
            counts(Kind::Split, 2, 2),
        ),
        (
            "known counts, split into four",
            Box::new(move |t| {
                split(t);
                t.outputs = vec![to(BOB, 25); 4];
            }),
            counts(Kind::Split, 1, 4),
        ),
        (
            "known counts, merge of one input",
            Box::new(|t| t.kind = Kind::Merge),
            counts(Kind::Merge, 1, 2),
        ),
        (
            "split moves ETH",
            Box::new(move |t| {
                split(t);
                t.asset = Address([1; 20]);
            }),
            TransactionError::Asset {
                kind: Kind::Split,
                asset: Address([1; 20]),
            },
        ),
        (
            "split never expires",
            Box::new(move |t| {
                split(t);
                t.expiry = Height(9);
            }),
            TransactionError::Expiry {
                kind: Kind::Split,
                expiry: Height(9),
            },
        ),
        (
            "amounts of outputs not zero",
            Box::new(|t| t.outputs = vec![to(BOB, 100), to(ALICE, 0)]),
            TransactionError::OutputAmountZero { output: 1 },
        ),
        (
            "owners not zero",
            Box::new(|t| t.outputs[1].owner = Address::ZERO),
            TransactionError::OutputOwnerZero { output: 1 },
        ),
        (
            "inputs pairwise distinct",
            Box::new(|t| {
                t.inputs = vec![
                    input(at(1, 1, 0), 7),
                    input(at(1, 0, 0), 50),
                    input(at(1, 0, 0), 50),
                ];
                t.outputs = vec![to(BOB, 107)];
            }),
            TransactionError::InputRepeated {
                first: 1,
                second: 2,
                position: at(1, 0, 0),
            },
        ),
        (
            "sum of outputs does not overflow",
            Box::new(|t| t.outputs[0].amount = Amount::MAX),
            TransactionError::SumOverflow,
        ),
        (
            "sum of inputs does not overflow",
            Box::new(|t| {
                t.inputs[0].amount = Amount::MAX;
                t.inputs.push(input(at(1, 1, 0), 101));
            }),
            TransactionError::SumOverflow,
        ),
        (
            "sums are equal, not less",
            Box::new(|t| t.outputs[0].amount -= Amount::from(1)),
            TransactionError::SumsDiffer {
                inputs: Amount::from(100),
                outputs: Amount::from(99),
            },
        ),
        (
            "sums are equal, not more",
            Box::new(|t| t.outputs[0].amount += Amount::from(1)),
            TransactionError::SumsDiffer {
                inputs: Amount::from(100),
                outputs: Amount::from(101),
            },
        ),
    ];
    for (rule, change, error) in table {
        let mut transaction = valid();
        change(&mut transaction);
        assert_eq!(
            authenticate(transaction),
            Err(AuthenticateError::Form(error)),
            "{rule}"
        );
    }
}

fn counts(kind: Kind, inputs: usize, outputs: usize) -> TransactionError {
    TransactionError::Counts {
        kind,
        inputs,
        outputs,
    }
}

#[test]
fn unknown_kinds_and_counts_do_not_decode() {
    let bytes = valid().sign(&DOMAIN, &key(ALICE)).encode();
    for byte in (0..=u8::MAX).filter(|byte| ![1, 2, 4, 5].contains(byte)) {
        let mut unknown = bytes.clone();
        unknown[0] = byte;
        assert_eq!(SignedTransaction::decode(&unknown), Err(DecodeError::Kind(byte)));
    }
    for (kind, inputs, outputs) in [
        (5, 0, 1),
        (5, 1, 0),
        (5, 5, 1),
        (5, 1, 5),
        (1, 2, 1),
        (1, 1, 4),
        (2, 1, 1),
        (4, 1, 2),
    ] {
        let mut wrong = bytes.clone();
        wrong[..3].copy_from_slice(&[kind, inputs, outputs]);
        let kind = Kind::from_byte(kind).unwrap();
        assert_eq!(
            SignedTransaction::decode(&wrong),
            Err(DecodeError::Counts {
                kind,
                inputs,
                outputs
            })
        );
    }
    for length in 0..bytes.len() {
        assert!(
            matches!(
                SignedTransaction::decode(&bytes[..length]),
                Err(DecodeError::Length { .. })
            ),
            "{length}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    let (expected, found) = (bytes.len(), bytes.len() + 1);
    assert_eq!(
        SignedTransaction::decode(&longer),
        Err(DecodeError::Length { expected, found })
    );
}

#[test]
fn the_signature_has_the_accepted_form() {
    let good = valid().sign(&DOMAIN, &key(ALICE));
    let wrong = |change: &dyn Fn(&mut [u8; 65])| {
        let mut signed = good.clone();
        change(&mut signed.signature);
        signed.authenticate(&DOMAIN).map(|_| ()).unwrap_err()
    };
    type Row<'a> = (&'a str, AuthenticateError, &'a dyn Fn(&mut [u8; 65]));
    let table: [Row<'_>; 4] = [
        ("v", SignatureError::RecoveryByte(26).into(), &|s| s[64] = 26),
        ("r zero", SignatureError::Range.into(), &|s| s[..32].fill(0)),
        ("s zero", SignatureError::Range.into(), &|s| s[32..64].fill(0)),
        ("s high", SignatureError::HighS.into(), &|s| s[32] = 0x80),
    ];
    for (rule, error, change) in table {
        assert_eq!(wrong(change), error, "{rule}");
    }
    let unrecoverable = (1..=u8::MAX).find_map(|byte| {
        let mut signed = good.clone();
        signed.signature[31] ^= byte;
        signed.authenticate(&DOMAIN).err()
    });
    assert_eq!(
        unrecoverable,
        Some(AuthenticateError::Signature(SignatureError::NoKey)),
        "half of all r are no point"
    );
}

#[test]
fn a_signature_for_another_deployment_recovers_somebody_else() {
    for domain in [
        plasma_core::Domain {
            chain_id: DOMAIN.chain_id + 1,
            ..DOMAIN
        },
        plasma_core::Domain {
            contract: Address([1; 20]),
            ..DOMAIN
        },
    ] {
        let signed = valid().sign(&domain, &key(ALICE));
        let owner = signed
            .authenticate(&DOMAIN)
            .map(|transaction| transaction.owner());
        assert_ne!(owner.ok(), Some(account(ALICE)));
    }
}

#[test]
fn a_fund_transaction_has_its_one_form() {
    let fund = || Transaction::fund(DepositNumber(3), account(ALICE), Address::ZERO, Amount::from(1));
    let wrong = |change: &dyn Fn(&mut Transaction)| {
        let mut fund = fund();
        change(&mut fund);
        fund.unsigned().authenticate(&DOMAIN).map(|_| ()).unwrap_err()
    };
    let deposit = AuthenticateError::Form(TransactionError::Deposit);
    assert_eq!(wrong(&|t| t.inputs[0].position = at(1, 0, 0)), deposit);
    assert_eq!(
        wrong(&|t| t.inputs[0].amount = Amount::from(u128::from(u64::MAX) + 1)),
        deposit
    );
    let expiry = TransactionError::Expiry {
        kind: Kind::Fund,
        expiry: Height(1),
    };
    assert_eq!(wrong(&|t| t.expiry = Height(1)), AuthenticateError::Form(expiry));
    let signed = fund().sign(&DOMAIN, &key(ALICE));
    assert_eq!(
        signed.authenticate(&DOMAIN).map(|_| ()),
        Err(AuthenticateError::FundSigned)
    );
}

#[test]
fn the_kinds_without_expiry_say_so_in_one_way() {
    assert_eq!(EXPIRY_NEVER, Height(u32::MAX));
}
