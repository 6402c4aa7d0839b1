//! The calls that no test against a real chain makes: name, place, wei and arguments.

use ethers_core::{
    abi::AbiDecode,
    types::{H160, U256},
};
use plasma_contracts_abi::{
    federation::{ActivateCommitteeCall, AnnounceCommitteeCall, WithdrawBondCall},
    vault::{AdmitTokenCall, DepositTokenCall, WithdrawCreditCall, WithdrawCreditPartCall},
};
use plasma_core::{
    Address, Amount, Bitmap, BlockId, Certificate, Epoch, Hash, OperatorIndex, SecretKey, View,
};

use super::{Call, Payer, approve_call};
use crate::bridge::{contracts::Contracts, deploy::NewMember};

const TOKEN: Address = Address([7; 20]);
const OWNER: Address = Address([8; 20]);

fn contracts() -> Contracts {
    Contracts {
        federation: Address([1; 20]),
        vault: Address([2; 20]),
        exit_game: Address([3; 20]),
        in_flight: Address([4; 20]),
        fraud_proofs: Address([5; 20]),
    }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[3; 32])
}

fn certificate() -> Certificate {
    Certificate {
        epoch: Epoch(2),
        view: View(9),
        block: BlockId(Hash([6; 32])),
        signers: Bitmap::from_iter([0, 2, 3].map(OperatorIndex)),
        signature: key().sign(&Hash([6; 32])),
    }
}

/// Where a call goes and what it costs; then its arguments.
fn read<C: AbiDecode>(call: &Call, label: &str, to: Address) -> C {
    assert_eq!((call.label.as_str(), call.to), (label, Some(to)));
    assert_eq!(call.value, Amount::ZERO);
    C::decode(&call.data).unwrap()
}

#[test]
fn tokens_are_allowed_deposited_and_admitted() {
    let (contracts, amount) = (contracts(), Amount::from(300u64));
    let approve = approve_call(TOKEN, contracts.vault, amount);
    let arguments = [
        &[0x09, 0x5e, 0xa7, 0xb3][..],
        &[0; 12],
        &contracts.vault.0,
        &amount.to_be_bytes::<32>(),
    ];
    assert_eq!(
        (approve.to, approve.data),
        (Some(TOKEN), arguments.concat()),
        "the selector of every ERC-20"
    );
    let deposit: DepositTokenCall = read(
        &contracts.deposit_token_call(TOKEN, amount, OWNER),
        "Vault.depositToken",
        contracts.vault,
    );
    assert_eq!(
        (deposit.token, deposit.amount, deposit.owner),
        (H160(TOKEN.0), U256::from(300), H160(OWNER.0))
    );
    let admitted = contracts.admit_token_call(TOKEN, &certificate()).unwrap();
    let admitted: AdmitTokenCall = read(&admitted, "Vault.admitToken", contracts.vault);
    assert_eq!(
        (admitted.by.epoch, admitted.by.view_number, admitted.by.bitmap),
        (2, 9, U256::from(0b1101))
    );
    assert_eq!(admitted.by.signature.len(), 256);
}

#[test]
fn credits_are_asked_of_who_keeps_them() {
    let contracts = contracts();
    for (payer, name, to) in [
        (Payer::Vault, "Vault", contracts.vault),
        (Payer::ExitGame, "ExitGame", contracts.exit_game),
        (Payer::InFlightExits, "InFlightExits", contracts.in_flight),
    ] {
        let whole: WithdrawCreditCall = read(
            &contracts.withdraw_credit_call(payer, TOKEN, OWNER),
            &format!("{name}.withdrawCredit"),
            to,
        );
        assert_eq!((whole.asset, whole.receiver), (H160(TOKEN.0), H160(OWNER.0)));
        let part: WithdrawCreditPartCall = read(
            &contracts.withdraw_credit_part_call(payer, TOKEN, OWNER, Amount::from(2u64)),
            &format!("{name}.withdrawCreditPart"),
            to,
        );
        assert_eq!(
            (part.asset, part.receiver, part.amount),
            (H160(TOKEN.0), H160(OWNER.0), U256::from(2))
        );
    }
}

#[test]
fn committees_are_announced_and_activated_and_bonds_withdrawn() {
    let contracts = contracts();
    let member = NewMember {
        operator: OWNER,
        key: key().public(),
        possession: key().sign(&Hash([1; 32])),
        peer: Hash([2; 32]),
    };
    let announced = contracts
        .announce_committee_call(std::slice::from_ref(&member), &certificate())
        .unwrap();
    let announced: AnnounceCommitteeCall =
        read(&announced, "Federation.announceCommittee", contracts.federation);
    assert_eq!(announced.members[0].operator, H160(OWNER.0));
    assert_eq!(
        announced.members[0].key.to_vec(),
        member.key.to_uncompressed().unwrap()
    );
    assert_eq!(announced.certificate.view_number, 9);

    let ready = certificate();
    let activated = contracts
        .activate_committee_call(&ready.signers, &ready.signature)
        .unwrap();
    let activated: ActivateCommitteeCall =
        read(&activated, "Federation.activateCommittee", contracts.federation);
    assert_eq!(activated.bitmap, U256::from(0b1101));
    assert_eq!(
        activated.signature.to_vec(),
        ready.signature.to_uncompressed().unwrap()
    );

    let bond: WithdrawBondCall = read(
        &contracts.withdraw_bond_call(Epoch(1), OperatorIndex(3), OWNER),
        "Federation.withdrawBond",
        contracts.federation,
    );
    assert_eq!((bond.epoch, bond.index, bond.receiver), (1, 3, H160(OWNER.0)));
}
