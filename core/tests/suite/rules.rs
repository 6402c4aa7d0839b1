//! Every rule of `docs/protocol.md` section 2, broken alone: rule, changed transaction, exact error.

use plasma_core::{
    Address, Amount, AuthenticateError, Broken, DecodeError, DepositNumber, EXPIRY_NEVER, Height, Kind,
    L1Event, SignatureError, SignedTransaction, Spender, Transaction, TransactionError, TransactionRejected,
    ledger,
};

use super::document::{DOMAIN, key};
use super::world::{ALICE, BOB, FEES, World, account, at, exit_id, input, pay, sign, to, transfer};

/// Alice's valid payment of what [`world`] gave her.
fn valid() -> Transaction {
    transfer(&[(at(1, 0, 0), 100)], &[(BOB, 60), (ALICE, 40)])
}

fn world() -> World {
    World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)])
}

fn authenticate(transaction: Transaction) -> Result<(), AuthenticateError> {
    transaction
        .sign(&DOMAIN, &key(ALICE))
        .authenticate(&DOMAIN)
        .map(|_| ())
}

#[test]
fn the_transaction_that_the_tables_change_is_valid() {
    assert_eq!(authenticate(valid()), Ok(()));
    check(&world(), valid(), Ok(()));
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

/// Judges a transaction of Alice's alone, by the mempool's door and inside a block.
fn check(world: &World, transaction: Transaction, expected: Result<(), TransactionRejected>) {
    let transaction = sign(transaction, ALICE);
    let list = vec![transaction.clone()];
    let reads = world.read(&list, &[]);
    assert_eq!(
        ledger::check_transaction(&transaction, world.height(), &reads, &world.params),
        expected
    );
    let (block, _, rejected) = world.build(&[], list.clone()).unwrap();
    assert_eq!(
        rejected,
        expected
            .err()
            .map(|reason| (transaction.id(), reason))
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(block.transactions.is_empty(), expected.is_err());
    if let Err(reason) = expected {
        let forged = world.forge(list);
        assert_eq!(
            world.apply(&forged, &[]),
            Err(Broken::Transaction { index: 0, reason })
        );
    }
}

#[test]
fn expiry_is_the_last_height_that_may_include_it() {
    let world = world();
    let at_height = |expiry| Transaction {
        expiry: Height(expiry),
        ..valid()
    };
    check(&world, at_height(2), Ok(()));
    let (expiry, height) = (Height(1), Height(2));
    check(
        &world,
        at_height(1),
        Err(TransactionRejected::Expired { expiry, height }),
    );
    check(
        &world,
        at_height(0),
        Err(TransactionRejected::Expired {
            expiry: Height(0),
            height,
        }),
    );
}

#[test]
fn inputs_name_earlier_blocks() {
    let world = world();
    for block in [2, 3, u32::MAX] {
        let (position, height) = (at(block, 0, 0), Height(2));
        let error = TransactionRejected::InputNotEarlier {
            input: 0,
            position,
            height,
        };
        check(&world, transfer(&[(position, 5)], &[(BOB, 5)]), Err(error));
    }
}

#[test]
fn inputs_exist() {
    let world = world();
    for position in [at(0, 0, 0), at(1, 3, 0), at(1, 0, 1), at(1, u32::MAX, 255)] {
        let error = TransactionRejected::InputMissing { input: 1, position };
        check(
            &world,
            transfer(&[(at(1, 0, 0), 100), (position, 5)], &[(BOB, 105)]),
            Err(error),
        );
    }
}

#[test]
fn inputs_are_unspent() {
    let mut world = world();
    world.advance(&[], vec![pay(ALICE, &[(at(1, 1, 0), 7)], &[(BOB, 7)])]);
    world.advance(
        &[],
        vec![sign(
            transfer(&[(at(2, 0, 0), 7), (at(1, 2, 0), 50)], &[(ALICE, 57)]),
            BOB,
        )],
    );
    let by = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let error = TransactionRejected::InputSpent {
        input: 0,
        position: at(1, 1, 0),
        by,
    };
    check(&world, transfer(&[(at(1, 1, 0), 7)], &[(BOB, 7)]), Err(error));
    let by = Spender {
        height: Height(3),
        transaction: 0,
        input: 1,
    };
    let error = TransactionRejected::InputSpent {
        input: 1,
        position: at(1, 2, 0),
        by,
    };
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100), (at(1, 2, 0), 50)], &[(BOB, 150)]),
        Err(error),
    );
}

#[test]
fn a_block_does_not_spend_an_output_twice() {
    let world = world();
    let first = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let second = pay(ALICE, &[(at(1, 1, 0), 7), (at(1, 0, 0), 100)], &[(BOB, 107)]);
    let (block, _, rejected) = world
        .build(&[], vec![first.clone(), second.clone(), first.clone()])
        .unwrap();
    assert_eq!(block.transactions, vec![first.clone()]);
    let by = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let reason = |input| TransactionRejected::InputSpent {
        input,
        position: at(1, 0, 0),
        by,
    };
    assert_eq!(rejected, vec![(second.id(), reason(1)), (first.id(), reason(0))]);
    let forged = world.forge(vec![first, second]);
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::Transaction {
            index: 1,
            reason: reason(1)
        })
    );
}

#[test]
fn inputs_are_not_exiting() {
    let mut world = world();
    let start = |number| L1Event::ExitStarted {
        id: exit_id(number),
        position: at(1, 0, 0),
        owner: account(ALICE),
    };
    world.advance(&[start(1), start(2)], Vec::new());
    let error = TransactionRejected::InputExiting {
        input: 0,
        position: at(1, 0, 0),
        locks: 2,
    };
    check(&world, valid(), Err(error));
    world.advance(
        &[L1Event::ExitEnded {
            id: exit_id(1),
            position: at(1, 0, 0),
            paid: false,
        }],
        Vec::new(),
    );
    let error = TransactionRejected::InputExiting {
        input: 0,
        position: at(1, 0, 0),
        locks: 1,
    };
    check(&world, valid(), Err(error));
    world.advance(
        &[L1Event::ExitEnded {
            id: exit_id(2),
            position: at(1, 0, 0),
            paid: false,
        }],
        Vec::new(),
    );
    check(&world, valid(), Ok(()));
}

#[test]
fn inputs_have_not_left_through_ethereum() {
    let mut world = world();
    let (id, position) = (exit_id(1), at(1, 0, 0));
    world.advance(
        &[L1Event::ExitStarted {
            id,
            position,
            owner: account(ALICE),
        }],
        Vec::new(),
    );
    world.advance(
        &[L1Event::ExitEnded {
            id,
            position,
            paid: true,
        }],
        Vec::new(),
    );
    check(
        &world,
        valid(),
        Err(TransactionRejected::InputGone { input: 0, position }),
    );
    world.advance(
        &[L1Event::DepositReclaimed {
            number: DepositNumber(1),
        }],
        Vec::new(),
    );
    let error = TransactionRejected::InputGone {
        input: 0,
        position: at(1, 1, 0),
    };
    check(&world, transfer(&[(at(1, 1, 0), 7)], &[(BOB, 7)]), Err(error));
}

#[test]
fn inputs_belong_to_the_signer() {
    let (owner, signer, position) = (account(BOB), account(ALICE), at(1, 2, 0));
    let error = TransactionRejected::InputForeign {
        input: 0,
        position,
        owner,
        signer,
    };
    check(&world(), transfer(&[(position, 50)], &[(ALICE, 50)]), Err(error));
    let error = TransactionRejected::InputForeign {
        input: 1,
        position,
        owner,
        signer,
    };
    check(
        &world(),
        transfer(&[(at(1, 0, 0), 100), (position, 50)], &[(ALICE, 150)]),
        Err(error),
    );
}

#[test]
fn inputs_hold_the_asset_that_the_transaction_moves() {
    let (held, stated) = (Address::ZERO, Address([0x70; 20]));
    let error = TransactionRejected::InputAsset {
        input: 0,
        position: at(1, 0, 0),
        held,
        stated,
    };
    check(
        &world(),
        Transaction {
            asset: stated,
            ..valid()
        },
        Err(error),
    );
}

#[test]
fn inputs_hold_exactly_the_amount_they_state() {
    for stated in [99u128, 101] {
        let (held, position) = (Amount::from(100), at(1, 0, 0));
        let error = TransactionRejected::InputAmount {
            input: 0,
            position,
            held,
            stated: Amount::from(stated),
        };
        check(
            &world(),
            transfer(&[(position, stated)], &[(BOB, stated)]),
            Err(error),
        );
    }
}

#[test]
fn a_client_cannot_bring_a_fund_transaction() {
    let world = world();
    let fund = Transaction::fund(
        DepositNumber(3),
        account(ALICE),
        Address::ZERO,
        Amount::from(1_000_000),
    );
    let fund = fund.unsigned().authenticate(&DOMAIN).unwrap();
    let (block, _, rejected) = world.build(&[], vec![fund.clone()]).unwrap();
    assert!(block.transactions.is_empty());
    assert_eq!(rejected, vec![(fund.id(), TransactionRejected::Fund)]);
    let forged = world.forge(vec![fund]);
    let reason = TransactionRejected::Fund;
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::Transaction { index: 0, reason })
    );
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
fn legacy_transactions_need_the_genesis_to_say_so() {
    let mut world = world();
    let split = Transaction {
        kind: Kind::Split,
        ..valid()
    };
    let mut merge = transfer(&[(at(1, 0, 0), 100), (at(1, 1, 0), 7)], &[(ALICE, 107)]);
    merge.kind = Kind::Merge;
    check(&world, split.clone(), Ok(()));
    check(&world, merge.clone(), Ok(()));
    world.params.legacy_transactions = false;
    check(
        &world,
        split,
        Err(TransactionRejected::Legacy { kind: Kind::Split }),
    );
    check(
        &world,
        merge,
        Err(TransactionRejected::Legacy { kind: Kind::Merge }),
    );
    check(&world, valid(), Ok(()));
}

#[test]
fn the_fee_owner_gets_its_minimum() {
    let mut world = world();
    let (owner, minimum) = (account(FEES), Amount::from(3));
    world.params.fee_owner = Some(owner);
    world.params.fees.insert(Address::ZERO, minimum);
    let error = Err(TransactionRejected::Fee { owner, minimum });
    check(&world, valid(), error);
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 98), (FEES, 2)]),
        error,
    );
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 96), (FEES, 2), (FEES, 2)]),
        error,
    );
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 97), (FEES, 3)]),
        Ok(()),
    );
    let split = Transaction {
        kind: Kind::Split,
        ..valid()
    };
    check(&world, split, error);
    let mut merge = transfer(&[(at(1, 0, 0), 100), (at(1, 1, 0), 7)], &[(ALICE, 107)]);
    merge.kind = Kind::Merge;
    check(&world, merge, Ok(()));
    world.params.fees = [(Address([1; 20]), minimum)].into();
    check(&world, valid(), Ok(()));
}

#[test]
fn nothing_expires_at_the_end_of_time() {
    assert_eq!(EXPIRY_NEVER, Height(u32::MAX));
}
