//! Bytes of messages and records: one encoding per value, and everything else is refused.

use plasma_consensus::{
    Certified, DecodeError, Held, Kind, MESSAGE_BYTES_MAX, Message, NULLIFICATIONS_MAX, Proposal,
    RECORD_BYTES_MAX, Record, Statement, Status, Vote,
};
use plasma_core::{Bitmap, Epoch, OperatorIndex, Signature, View};

use crate::bench::{container, finalize, notarize, nullify, poor_status, vote};

fn certificate(statement: Statement) -> Certified {
    let signers: Bitmap = (0..67).map(OperatorIndex).collect();
    Certified {
        epoch: Epoch(2),
        statement,
        signers,
        signature: Signature([7; 96]),
    }
}

fn proposal(view: u64, parent: u64) -> Proposal {
    let first = (parent + 1).max(view.saturating_sub(u64::try_from(NULLIFICATIONS_MAX).expect("small")));
    Proposal {
        epoch: Epoch(2),
        container: container(view, parent, "b"),
        signature: Signature([5; 96]),
        parent: (parent > 0).then(|| certificate(notarize(parent, 0, "a"))),
        nullifications: (first..view).map(|view| certificate(nullify(view))).collect(),
    }
}

fn status() -> Status {
    let all: Bitmap = (0..100).map(OperatorIndex).collect();
    let held = |view| Held {
        view: View(view),
        notarize: all.clone(),
        nullify: Bitmap::default(),
        finalize: all.clone(),
    };
    Status {
        held: vec![held(3), held(8), held(9)],
        notarized: 5,
        nullified: 10,
        ..poor_status(9)
    }
}

/// Each message with its length in the table of `docs/protocol.md` section 13.
fn messages() -> Vec<(Message, usize)> {
    vec![
        (Message::Vote(vote(99, notarize(9, 8, "b"))), 155),
        (Message::Vote(vote(0, nullify(9))), 115),
        (Message::Vote(vote(0, finalize(9, "b"))), 147),
        (Message::Certified(certificate(notarize(9, 8, "b"))), 166),
        (Message::Certified(certificate(nullify(9))), 126),
        (Message::Certified(certificate(finalize(9, "b"))), 158),
        (Message::Proposal(Box::new(proposal(1, 0))), 155),
        (Message::Proposal(Box::new(proposal(40, 3))), MESSAGE_BYTES_MAX),
        (Message::Status(status()), 223),
    ]
}

#[test]
fn messages_have_the_lengths_of_the_protocol_page_and_come_back() {
    for (message, length) in messages() {
        let bytes = message.encode();
        assert_eq!(bytes.len(), length, "{message:?}");
        assert_eq!(Message::decode(&bytes), Ok(message));
    }
}

#[test]
fn a_body_may_follow_a_message() {
    let message = Message::Proposal(Box::new(proposal(40, 3)));
    let mut bytes = message.encode();
    bytes.extend([1, 2, 3]);
    assert_eq!(Message::decode_prefix(&bytes), Ok((message, &[1, 2, 3][..])));
    assert_eq!(Message::decode(&bytes), Err(DecodeError::Trailing(3)));
}

#[test]
fn every_cut_and_every_extra_byte_is_refused() {
    for (message, _) in messages() {
        let bytes = message.encode();
        for length in 0..bytes.len() {
            assert_eq!(
                Message::decode(&bytes[..length]),
                Err(DecodeError::Short),
                "{length} of {message:?}"
            );
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Message::decode(&longer), Err(DecodeError::Trailing(1)));
    }
}

#[test]
fn whatever_decodes_encodes_to_the_same_bytes() {
    for (message, _) in messages() {
        let bytes = message.encode();
        for place in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                if let Ok(decoded) = Message::decode(&changed) {
                    assert_eq!(decoded.encode(), changed, "byte {place} of {message:?}");
                }
            }
        }
    }
}

fn refused(message: &Message, change: impl Fn(&mut Vec<u8>)) -> DecodeError {
    let mut bytes = message.encode();
    change(&mut bytes);
    Message::decode(&bytes).expect_err("it must be refused")
}

#[test]
fn each_field_has_its_own_refusal() {
    let notarization = Message::Certified(certificate(notarize(9, 8, "b")));
    let proposed = Message::Proposal(Box::new(proposal(40, 3)));
    let report = Message::Status(status());
    let table: [(&str, DecodeError, DecodeError); 10] = [
        (
            "kind 0",
            refused(&notarization, |bytes| bytes[0] = 0),
            DecodeError::Kind(0),
        ),
        (
            "kind 9",
            refused(&notarization, |bytes| bytes[0] = 9),
            DecodeError::Kind(9),
        ),
        (
            "signer outside any committee",
            refused(&Message::Vote(vote(3, nullify(1))), |bytes| bytes[2] = 100),
            DecodeError::Form("signer"),
        ),
        (
            "view zero",
            refused(&Message::Vote(vote(3, nullify(1))), |bytes| bytes[18] = 0),
            DecodeError::Form("view"),
        ),
        (
            "parent not below",
            refused(&notarization, |bytes| bytes[24] = 9),
            DecodeError::Form("parent view"),
        ),
        (
            "bit above any committee",
            refused(&notarization, |bytes| bytes[69] = 0x10),
            DecodeError::Form("bitmap"),
        ),
        (
            "parent flag",
            refused(&proposed, |bytes| bytes[153] = 2),
            DecodeError::Form("parent flag"),
        ),
        (
            "count of nullifications",
            refused(&proposed, |bytes| bytes[320] = 17),
            DecodeError::Form("nullification count"),
        ),
        (
            "a proof of another view",
            refused(&proposed, |bytes| bytes[170] = 2),
            DecodeError::Form("parent certificate"),
        ),
        (
            "count of votes held",
            refused(&report, |bytes| bytes[81] = 4),
            DecodeError::Form("held count"),
        ),
    ];
    for (name, found, expected) in table {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn nullifications_out_of_order_or_range_are_refused() {
    let good = proposal(10, 3);
    let broken: [fn(&mut Proposal); 4] = [
        |proposal| proposal.nullifications.swap(0, 1),
        |proposal| proposal.nullifications[1] = proposal.nullifications[0].clone(),
        |proposal| proposal.nullifications[0] = certificate(nullify(3)),
        |proposal| *proposal.nullifications.last_mut().expect("some") = certificate(nullify(10)),
    ];
    for change in broken {
        let mut bad = good.clone();
        change(&mut bad);
        let bytes = Message::Proposal(Box::new(bad)).encode();
        assert_eq!(
            Message::decode(&bytes),
            Err(DecodeError::Form("nullification order"))
        );
    }
}

#[test]
fn garbage_never_decodes_to_something_long() {
    let mut random = crate::sim::random::Random::new(7, 9);
    for _ in 0..20_000 {
        let length = random.index(400);
        let mut bytes: Vec<u8> = (0..length)
            .map(|_| u8::try_from(random.below(256)).expect("a byte"))
            .collect();
        if let Some(first) = bytes.first_mut() {
            *first %= 9;
        }
        if let Ok(message) = Message::decode(&bytes) {
            assert_eq!(message.encode(), bytes);
        }
        if let Ok(record) = Record::decode(&bytes) {
            assert_eq!(record.encode(), bytes);
        }
    }
}

#[test]
fn records_come_back_and_know_epoch_and_view() {
    let records = [
        (Record::Vote(vote(3, finalize(9, "b"))), 148),
        (
            Record::MyProposal {
                epoch: Epoch(0),
                container: container(9, 8, "b"),
            },
            57,
        ),
        (
            Record::Certificate(certificate(notarize(9, 8, "b"))),
            RECORD_BYTES_MAX,
        ),
        (Record::Certificate(certificate(nullify(9))), 127),
        (Record::Floor(certificate(finalize(9, "b"))), 159),
        (
            Record::Amnesia {
                epoch: Epoch(2),
                floor: View(9),
            },
            17,
        ),
        (
            Record::Forgotten {
                epoch: Epoch(2),
                view: View(9),
                kind: Kind::Finalize,
            },
            18,
        ),
    ];
    for (record, length) in records {
        let bytes = record.encode();
        assert_eq!((bytes.len(), record.view()), (length, View(9)), "{record:?}");
        for cut in 0..bytes.len() {
            assert!(Record::decode(&bytes[..cut]).is_err());
        }
        assert_eq!(
            Record::decode(&[bytes.as_slice(), &[0]].concat()),
            Err(DecodeError::Trailing(1))
        );
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
}

#[test]
fn a_log_of_committees_of_several_sizes_is_read_without_knowing_them() {
    let signed_by = |signers: std::ops::Range<u16>| Certified {
        signers: signers.map(OperatorIndex).collect(),
        ..certificate(nullify(9))
    };
    let records = [0..3, 4..11, 33..100].map(|signers| Record::Certificate(signed_by(signers)));
    for record in records {
        let bytes = record.encode();
        assert_eq!(bytes.len(), 127, "{record:?}");
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
    let last = Record::Vote(Vote {
        signer: OperatorIndex(99),
        ..vote(3, nullify(9))
    });
    assert_eq!(Record::decode(&last.encode()), Ok(last));
}

#[test]
fn a_floor_is_a_finalization_and_a_certificate_is_none() {
    let finalization = certificate(finalize(9, "b"));
    let mut bytes = Record::Floor(finalization).encode();
    bytes[0] = 3;
    assert_eq!(Record::decode(&bytes), Err(DecodeError::Form("certificate")));
    let mut bytes = Record::Certificate(certificate(nullify(9))).encode();
    bytes[0] = 4;
    assert_eq!(Record::decode(&bytes), Err(DecodeError::Form("certificate")));
    let forgotten = Record::Forgotten {
        epoch: Epoch(2),
        view: View(9),
        kind: Kind::Notarize,
    };
    let mut bytes = forgotten.encode();
    *bytes.last_mut().expect("not empty") = 4;
    assert_eq!(Record::decode(&bytes), Err(DecodeError::Form("kind of vote")));
    assert_eq!(Record::decode(&[9]), Err(DecodeError::Kind(9)));
}
