//! What the federation signs about itself, on a real Ethereum node: its successor, and the tokens that its vault takes.

use std::sync::Arc;

use plasma_core::{
    Address, Amount, Bitmap, BlockId, Certificate, Committee, DepositNumber, Domain, Epoch, Hash, L1Event,
    L1Height, Member, OperatorIndex, View,
    bls::{self, SecretKey, Signature},
};
use plasma_node::bridge::{
    Anchor, Contracts, L1, L1Error,
    account::{Account, Call},
    bonds::post_bonds,
    calls::approve_call,
    deploy::NewMember,
    direct,
    ethereum::Ethereum,
    methods::Receipt,
    rpc::Rpc,
};
use serde_json::json;

use super::{bridge_anvil::block, deployment::parameters, stage::Stage};

/// Quorums of four.
const QUORUM: [u16; 3] = [0, 1, 3];
const TOKEN: Address = Address([0x70; 20]);

pub(crate) struct Chamber {
    pub(crate) stage: Stage,
    ethereum: Ethereum,
    /// The committee that is to follow.
    pub(crate) heirs: Vec<SecretKey>,
}

impl Chamber {
    pub(crate) async fn set(name: &str) -> Self {
        let stage = Stage::set(name).await;
        let ethereum = stage.connect().await.unwrap();
        let heirs = (21..=24).map(|number| SecretKey::from_seed(&[number; 32]));
        Self {
            stage,
            ethereum,
            heirs: heirs.collect(),
        }
    }

    fn contracts(&self) -> Contracts {
        *self.stage.contracts()
    }

    fn rpc(&self) -> Arc<Rpc> {
        Arc::clone(&self.stage.anvil.rpc)
    }

    fn domain(&self) -> Domain {
        self.stage.federation.genesis.domain()
    }

    fn keys(&self, epoch: Epoch) -> Vec<SecretKey> {
        let seats = (0..4).map(OperatorIndex);
        match epoch {
            Epoch(0) => seats
                .map(|seat| self.stage.federation.key(seat).clone())
                .collect(),
            _ => self.heirs.clone(),
        }
    }

    /// The successors, with what proves that they hold their keys.
    fn members(&self) -> Vec<NewMember> {
        (21u8..)
            .zip(&self.heirs)
            .map(|(number, key)| {
                let operator = Address([number; 20]);
                NewMember {
                    operator,
                    key: key.public(),
                    possession: key.sign(&self.domain().possession(&operator, &key.public())),
                    peer: Hash([number; 32]),
                }
            })
            .collect()
    }

    /// The committee of an epoch names these, as its n-th announcement.
    fn announcement(&self, (epoch, sequence): (Epoch, u64), members: &[NewMember], signers: &[u16]) -> Call {
        let id = committee(members).hash();
        let digest = self.domain().committee_change(epoch, sequence, id);
        let certificate = certificate(&self.keys(epoch), (epoch, sequence), (id, &digest), signers);
        let call = self.contracts().announce_committee_call(members, &certificate);
        call.unwrap()
    }

    /// Operators say that they are ready to take over.
    fn readiness(&self, keys: &[SecretKey], members: &[NewMember]) -> Call {
        let digest = self.domain().status(Epoch(1), committee(members).hash());
        let (ready, signature) = signed(keys, &digest, &QUORUM);
        self.contracts()
            .activate_committee_call(&ready, &signature)
            .unwrap()
    }

    /// The newest header, signed by a committee.
    async fn anchor(&mut self, epoch: Epoch) -> Result<(), L1Error> {
        let head = self.rpc().newest().await.unwrap().height;
        let origin = block(&self.stage.anvil, head).await;
        self.stage.anvil.mine(1).await;
        let header = self.stage.federation.seal(Vec::new(), &origin);
        let view = u64::from(header.height.0);
        let digest = self.domain().finalize(epoch, View(view), header.id());
        let certificate = certificate(
            &self.keys(epoch),
            (epoch, view),
            (header.id().0, &digest),
            &QUORUM,
        );
        self.ethereum.anchor(&Anchor { header, certificate }).await
    }

    /// The successors are announced, wait while the old ones go on anchoring, take over, and anchor.
    pub(crate) async fn hand_over(&mut self) {
        let members = self.members();
        let announced = self.announcement((Epoch(0), 1), &members, &QUORUM);
        self.sends(&self.stage.alice, &announced).await;
        self.wait().await;
        let ready = self.readiness(&self.heirs, &members);
        self.sends(&self.stage.alice, &ready).await;
        self.anchor(Epoch(1)).await.unwrap();
    }

    /// The old committee goes on anchoring while users may still leave before the new one.
    async fn wait(&mut self) {
        let rules = parameters();
        // The grace of both sides is left to a slow machine, for this clock also runs by itself.
        let step_s = rules.silence_s;
        for _ in 0..=rules.committee_delay_s / step_s {
            self.stage.anvil.advance(step_s).await;
            self.anchor(Epoch(0)).await.unwrap();
        }
    }

    async fn sends(&self, account: &Account, call: &Call) -> Receipt {
        direct::transact(&self.rpc(), account, call).await.unwrap()
    }

    /// The error that the contract answers a call with.
    async fn refused(&self, call: &Call) -> String {
        let refused = direct::transact(&self.rpc(), &self.stage.alice, call).await;
        match refused {
            Err(L1Error::Reverted { call: named, reason }) if named == call.label => reason,
            other => panic!("{other:?}"),
        }
    }

    async fn events(&self, height: L1Height) -> Vec<L1Event> {
        self.ethereum.events(height..=height).await.unwrap()
    }
}

fn committee(members: &[NewMember]) -> Committee {
    let seats = members.iter().map(|member| Member {
        operator: member.operator,
        key: member.key,
        peer: plasma_core::Peer(member.peer),
    });
    Committee::new(Epoch(1), seats.collect()).unwrap()
}

fn signed(keys: &[SecretKey], digest: &Hash, signers: &[u16]) -> (Bitmap, Signature) {
    let signatures = signers.iter().map(|seat| keys[usize::from(*seat)].sign(digest));
    let signature = bls::aggregate(&signatures.collect::<Vec<_>>()).unwrap();
    (signers.iter().copied().map(OperatorIndex).collect(), signature)
}

pub(crate) fn certificate(
    keys: &[SecretKey],
    (epoch, view): (Epoch, u64),
    (id, digest): (Hash, &Hash),
    signers: &[u16],
) -> Certificate {
    let (signers, signature) = signed(keys, digest, signers);
    Certificate {
        epoch,
        view: View(view),
        block: BlockId(id),
        signers,
        signature,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_is_announced_waits_and_takes_over() {
    let mut chamber = Chamber::set("committees").await;
    let (contracts, rpc, members) = (chamber.contracts(), chamber.rpc(), chamber.members());
    let alone = chamber.announcement((Epoch(0), 1), &members, &[0, 1]);
    let refused = chamber.refused(&alone).await;
    assert!(refused.starts_with("CertificateRefused"), "{refused}");

    let announced = chamber.announcement((Epoch(0), 1), &members, &QUORUM);
    chamber.sends(&chamber.stage.alice, &announced).await;
    let refused = chamber.refused(&announced).await;
    assert!(refused.starts_with("SequencePast"), "{refused}");
    let ready = chamber.readiness(&chamber.heirs, &members);
    let refused = chamber.refused(&ready).await;
    assert!(refused.starts_with("TooEarly"), "{refused}");
    assert_eq!(contracts.committee(&rpc, Epoch(1)).await, Ok((0, Hash::ZERO)));

    chamber.wait().await;
    let strangers = chamber.readiness(&chamber.keys(Epoch(0)), &members);
    let refused = chamber.refused(&strangers).await;
    assert!(refused.starts_with("CertificateRefused"), "{refused}");
    let taken_over = chamber.sends(&chamber.stage.alice, &ready).await;
    assert_eq!(
        chamber.events(taken_over.block).await,
        [L1Event::CommitteeActivated { epoch: Epoch(1) }]
    );
    let digest = committee(&members).hash();
    assert_eq!(contracts.committee(&rpc, Epoch(1)).await, Ok((4, digest)));

    // A committee names its successor only when it has anchored itself.
    let hasty = chamber.announcement((Epoch(1), 2), &members, &QUORUM);
    assert_eq!(
        chamber.refused(&hasty).await,
        "EpochNotAnchored(EpochNotAnchored { epoch: 1 })"
    );
    chamber.anchor(Epoch(1)).await.unwrap();
    let late = chamber.anchor(Epoch(0)).await.unwrap_err();
    assert!(late.to_string().contains("EpochPast"), "{late}");
    assert_eq!(contracts.latest(&rpc).await.unwrap().epoch, Epoch(1));
    let bonded = post_bonds(&rpc, &contracts, &chamber.stage.alice, Epoch(1)).await;
    assert_eq!(bonded, Ok(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_with_a_key_that_nobody_proved_is_not_announced() {
    let mut chamber = Chamber::set("possession").await;
    chamber.anchor(Epoch(0)).await.unwrap();
    let refusal = |index: usize| format!("PossessionRefused(PossessionRefused {{ index: {index} }})");
    let mut members = chamber.members();
    members[2].possession = members[3].possession;
    let another_s = chamber.announcement((Epoch(0), 1), &members, &QUORUM);
    assert_eq!(chamber.refused(&another_s).await, refusal(2));

    // Proven to another federation, it is not proven to this one.
    let mut members = chamber.members();
    let elsewhere = Domain {
        contract: Address([1; 20]),
        ..chamber.domain()
    };
    let digest = elsewhere.possession(&members[0].operator, &members[0].key);
    members[0].possession = chamber.heirs[0].sign(&digest);
    let elsewhere_s = chamber.announcement((Epoch(0), 1), &members, &QUORUM);
    assert_eq!(chamber.refused(&elsewhere_s).await, refusal(0));
    let honest = chamber.announcement((Epoch(0), 1), &chamber.members(), &QUORUM);
    chamber.sends(&chamber.stage.alice, &honest).await;
}

/// The code of a token that gives everybody what he asks for: `transferFrom` adds to what `balanceOf` tells of the receiver,
/// and every other call is answered with true.
const TOKEN_CODE: &str = concat!(
    "0x",
    "5f3560e01c",                             // the selector
    "806370a08231146020576323b872dd14602b57", // balanceOf leads to 0x20, transferFrom to 0x2b
    "60015f5260205ff3",                       // true
    "5b600435545f5260205ff3",                 // 0x20: what is kept of the owner
    "5b6024356044358154019055",               // 0x2b: the receiver has that much more
    "60015f5260205ff3",                       // true
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_listed_by_a_quorum_once_and_can_be_deposited_then() {
    let chamber = Chamber::set("tokens").await;
    let (contracts, bob) = (chamber.contracts(), &chamber.stage.bob);
    let admitted = |sequence: u64, token: Address, named: Address, signers: &[u16]| {
        let digest = chamber.domain().token_admission(Epoch(0), sequence, &named);
        let signed = (Hash::ZERO, &digest);
        let certificate = certificate(&chamber.keys(Epoch(0)), (Epoch(0), sequence), signed, signers);
        contracts.admit_token_call(token, &certificate).unwrap()
    };
    let nothing = admitted(1, TOKEN, TOKEN, &QUORUM);
    let refused = chamber.refused(&nothing).await;
    assert!(refused.starts_with("TokenRefused"), "it has no code: {refused}");
    let code = json!([TOKEN.to_string(), TOKEN_CODE]);
    chamber.stage.anvil.ask("anvil_setCode", code).await;
    let amount = Amount::from(300u64);
    let deposit = contracts.deposit_token_call(TOKEN, amount, bob.address());
    let refused = chamber.refused(&deposit).await;
    assert!(refused.starts_with("AssetUnknown"), "{refused}");

    for other in [
        admitted(1, TOKEN, Address([0x71; 20]), &QUORUM),
        admitted(1, TOKEN, TOKEN, &[0, 1]),
    ] {
        let refused = chamber.refused(&other).await;
        assert!(refused.starts_with("CertificateRefused"), "{refused}");
    }
    let listing = admitted(1, TOKEN, TOKEN, &QUORUM);
    chamber.sends(&chamber.stage.alice, &listing).await;
    let refused = chamber.refused(&listing).await;
    assert!(refused.starts_with("SequencePast"), "{refused}");
    let refused = chamber.refused(&admitted(2, TOKEN, TOKEN, &QUORUM)).await;
    assert!(refused.starts_with("TokenRefused"), "it is listed: {refused}");

    let allow = approve_call(TOKEN, contracts.vault, amount);
    chamber.sends(bob, &allow).await;
    let mined = chamber.sends(bob, &deposit).await;
    let deposited = L1Event::Deposited {
        number: DepositNumber(0),
        owner: bob.address(),
        asset: TOKEN,
        amount,
    };
    assert_eq!(chamber.events(mined.block).await, [deposited]);
}
