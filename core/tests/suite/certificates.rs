//! Certificates, the points behind them, and what an attacker would put in their place.

use plasma_core::{
    Bitmap, Certificate, CertificateError, Committee, Epoch, Hash, Header, Member, OperatorIndex, PublicKey,
    SecretKey, Signature, View, bls, keccak,
};

use super::document::{
    DOMAIN,
    document_bls::{committee, secret},
    header,
};

/// A finalize certificate in view 5 of the first `size` operators, signed by these.
pub(crate) fn certify(header: &Header, size: u8, signers: &[u8]) -> Certificate {
    assert!(signers.iter().all(|number| *number < size));
    let (epoch, view, block) = (Epoch(0), View(5), header.id());
    let digest = DOMAIN.finalize(epoch, view, block);
    let signatures: Vec<Signature> = signers
        .iter()
        .map(|number| secret(*number).sign(&digest))
        .collect();
    let signers = signers
        .iter()
        .map(|number| OperatorIndex((*number).into()))
        .collect();
    Certificate {
        epoch,
        view,
        block,
        signers,
        signature: bls::aggregate(&signatures).unwrap(),
    }
}

/// The point at infinity in compressed form.
const INFINITY_G1: PublicKey = PublicKey({
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    bytes
});
const INFINITY_G2: Signature = Signature({
    let mut bytes = [0; 96];
    bytes[0] = 0xc0;
    bytes
});

#[test]
fn a_quorum_convinces_and_one_less_does_not() {
    let (header, committee) = (header(3), committee(4));
    assert_eq!(
        certify(&header, 4, &[0, 1, 2, 3]).verify(&DOMAIN, &committee),
        Ok(())
    );
    assert_eq!(
        certify(&header, 4, &[1, 2, 3]).verify(&DOMAIN, &committee),
        Ok(())
    );
    let error = CertificateError::Quorum {
        signers: 2,
        quorum: 3,
    };
    assert_eq!(
        certify(&header, 4, &[1, 3]).verify(&DOMAIN, &committee),
        Err(error)
    );
}

#[test]
fn every_field_of_a_certificate_is_under_the_signature() {
    let committee = committee(4);
    let wrong = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = certify(&header(3), 4, &[0, 1, 2]);
        change(&mut certificate);
        certificate.verify(&DOMAIN, &committee).unwrap_err()
    };
    let epoch = CertificateError::Epoch {
        found: Epoch(1),
        expected: Epoch(0),
    };
    assert_eq!(wrong(&|c| c.epoch = Epoch(1)), epoch);
    assert_eq!(wrong(&|c| c.view = View(6)), CertificateError::Signature);
    assert_eq!(wrong(&|c| c.block = header(2).id()), CertificateError::Signature);
    assert_eq!(
        wrong(&|c| c.signers = [1, 2, 3].map(OperatorIndex).into_iter().collect()),
        CertificateError::Signature
    );
    assert_eq!(
        wrong(&|c| c.signers = [0, 1, 2, 3].map(OperatorIndex).into_iter().collect()),
        CertificateError::Signature
    );
    let outside = |c: &mut Certificate| assert!(c.signers.insert(OperatorIndex(4)));
    assert_eq!(
        wrong(&outside),
        CertificateError::Quorum {
            signers: 4,
            quorum: 3
        }
    );
    assert_eq!(wrong(&|c| c.signature = INFINITY_G2), CertificateError::Signature);
    assert_eq!(
        wrong(&|c| c.signature = Signature([0; 96])),
        CertificateError::Signature
    );
    let elsewhere = plasma_core::Domain {
        chain_id: 1,
        ..DOMAIN
    };
    let certificate = certify(&header(3), 4, &[0, 1, 2]);
    assert_eq!(
        certificate.verify(&elsewhere, &committee),
        Err(CertificateError::Signature)
    );
}

#[test]
fn the_empty_bitmap_with_infinity_does_not_verify() {
    let digest = keccak(&[b"anything"]);
    assert!(!bls::verify_aggregate(
        &committee(4),
        &Bitmap::default(),
        &digest,
        &INFINITY_G2
    ));
    assert!(!bls::verify(&INFINITY_G1, &digest, &INFINITY_G2));
    assert_eq!(INFINITY_G1.validate(), Err(bls::KeyError::Infinity));
    assert_eq!(INFINITY_G1.to_uncompressed(), None);
    assert_eq!(INFINITY_G2.to_uncompressed(), None);
    assert_eq!(bls::aggregate(&[]), None);
    assert_eq!(bls::aggregate(&[INFINITY_G2]), None);
    assert_eq!(bls::aggregate_keys(&[]), None);
}

#[test]
fn signatures_that_cancel_each_other_are_no_aggregate() {
    let signature = secret(0).sign(&keccak(&[b"x"]));
    let mut negated = signature;
    negated.0[0] ^= 0x20;
    assert_eq!(bls::aggregate(&[signature, negated]), None);
}

#[test]
fn points_outside_the_subgroup_are_no_keys() {
    // x = 4 is on the curve, but its point has another order.
    let mut outside = [0; 48];
    outside[0] = 0x80;
    outside[47] = 4;
    assert_eq!(PublicKey(outside).validate(), Err(bls::KeyError::Point));
    // (0, 2) is on the curve with order three.
    let mut zero = [0; 48];
    zero[0] = 0x80;
    assert_eq!(PublicKey(zero).validate(), Err(bls::KeyError::Point));
    for wrong in [[0xff; 48], [0; 48]] {
        assert_eq!(PublicKey(wrong).validate(), Err(bls::KeyError::Point));
    }
    let mut uncompressed_flag = secret(0).public();
    uncompressed_flag.0[0] &= 0x7f;
    assert_eq!(uncompressed_flag.validate(), Err(bls::KeyError::Point));
}

#[test]
fn a_rogue_key_has_no_proof_of_possession() {
    let member = committee(4).member(OperatorIndex(0)).cloned().unwrap();
    let proof = secret(0).sign(&DOMAIN.possession(&member.operator, &member.key));
    assert!(bls::verify_possession(
        &DOMAIN,
        &member.operator,
        &member.key,
        &proof
    ));
    let other = committee(4).member(OperatorIndex(1)).cloned().unwrap();
    assert!(
        !bls::verify_possession(&DOMAIN, &other.operator, &member.key, &proof),
        "for another operator"
    );
    assert!(
        !bls::verify_possession(&DOMAIN, &member.operator, &other.key, &proof),
        "for another key"
    );
    let elsewhere = plasma_core::Domain {
        chain_id: 1,
        ..DOMAIN
    };
    assert!(
        !bls::verify_possession(&elsewhere, &member.operator, &member.key, &proof),
        "on another chain"
    );
    let block = plasma_core::BlockId(keccak(&[&member.operator.0, &member.key.0]));
    let vote = secret(0).sign(&DOMAIN.finalize(Epoch(0), View(0), block));
    assert!(
        !bls::verify_possession(&DOMAIN, &member.operator, &member.key, &vote),
        "a vote is no proof"
    );
}

#[test]
fn a_member_without_a_key_signs_nothing() {
    let members = (0..4u8).map(|number| Member {
        operator: plasma_core::Address([number; 20]),
        key: if number == 0 {
            INFINITY_G1
        } else {
            secret(number).public()
        },
        peer: plasma_core::Peer(Hash([number; 32])),
    });
    let committee = Committee::new(Epoch(0), members.collect()).unwrap();
    let digest = keccak(&[b"x"]);
    let signatures: Vec<_> = [1, 2, 3].map(|number| secret(number).sign(&digest)).to_vec();
    let aggregate = bls::aggregate(&signatures).unwrap();
    let all = [0, 1, 2, 3].map(OperatorIndex).into_iter().collect();
    assert!(!bls::verify_aggregate(&committee, &all, &digest, &aggregate));
    let three = [1, 2, 3].map(OperatorIndex).into_iter().collect();
    assert!(bls::verify_aggregate(&committee, &three, &digest, &aggregate));
}

#[test]
fn secrets_are_canonical_scalars() {
    assert!(SecretKey::from_bytes(&[0; 32]).is_none());
    assert!(SecretKey::from_bytes(&[0xff; 32]).is_none());
    let own = secret(3);
    let again = SecretKey::from_bytes(&own.to_bytes()).unwrap();
    assert_eq!(again.public(), own.public());
    let digest = keccak(&[b"x"]);
    assert!(bls::verify(&own.public(), &digest, &own.sign(&digest)));
    assert!(!bls::verify(&own.public(), &keccak(&[b"y"]), &own.sign(&digest)));
    assert!(!bls::verify(&secret(4).public(), &digest, &own.sign(&digest)));
}

#[test]
fn certificates_and_bitmaps_have_one_encoding() {
    for (size, signers) in [(4u8, vec![0u8, 2, 3]), (16, (0..11).collect())] {
        let certificate = certify(&header(3), size, &signers);
        let bytes = certificate.to_bytes();
        assert_eq!(bytes.len(), Certificate::SIZE);
        assert_eq!(Certificate::from_bytes(&bytes).as_ref(), Some(&certificate));
        assert_eq!(Certificate::from_bytes(&bytes[1..]), None);
        assert_eq!(Certificate::from_bytes(&[&bytes[..], &[0]].concat()), None);
    }
    let mut outside = certify(&header(3), 4, &[0, 1, 2]).to_bytes();
    outside[60] |= 0x10;
    assert_eq!(
        Certificate::from_bytes(&outside),
        None,
        "a bit above any committee"
    );
    assert!(!Bitmap::default().insert(OperatorIndex(100)));
    let last: Bitmap = [OperatorIndex(99)].into_iter().collect();
    assert_eq!(last.to_u128(), 1 << 99);
    assert_eq!(Bitmap::from_bytes(&last.to_bytes()), Some(last));
}

#[test]
fn quorums_share_an_honest_member() {
    for n in 1..=Committee::SIZE_MAX {
        let (f, q) = (plasma_core::faults(n), plasma_core::quorum(n));
        assert!(3 * f < n && n <= 3 * f + 3);
        assert_eq!(q, n - f);
        assert!(2 * q > n + f, "two quorums share f + 1");
    }
}

#[test]
fn a_committee_is_distinct_and_bounded() {
    let members: Vec<Member> = committee(4).members().map(|(_, member)| member.clone()).collect();
    let make = |members| Committee::new(Epoch(0), members).map(|_| ()).unwrap_err();
    assert_eq!(make(Vec::new()), plasma_core::CommitteeError::Size(0));
    assert_eq!(
        make(vec![members[0].clone(); 101]),
        plasma_core::CommitteeError::Size(101)
    );
    let duplicate = plasma_core::CommitteeError::Duplicate(OperatorIndex(1), OperatorIndex(3));
    for change in [
        |a: &mut Member, b: &Member| a.operator = b.operator,
        |a: &mut Member, b: &Member| a.key = b.key,
        |a: &mut Member, b: &Member| a.peer = b.peer,
    ] {
        let mut changed = members.clone();
        change(&mut changed[3], &members[1]);
        assert_eq!(make(changed), duplicate);
    }
    let hash = committee(4).hash();
    assert_ne!(hash, committee(16).hash());
}
