//! The bytes of every message and record, against vectors that were written from `docs/protocol.md` alone.
//!
//! Whoever changes bytes changes the document and `vectors/frames.py`, and says so: peers and logs of before cannot read
//! the new ones.

use std::fmt::Write as _;

use plasma_consensus::{
    Certified, Container, Held, Kind, Message, Proposal, Record, Statement, Status, Vote,
};
use plasma_core::{Bitmap, BlockId, Epoch, Hash, OperatorIndex, Signature, View};

const EPOCH: Epoch = Epoch(2);
const BLOCK: BlockId = BlockId(Hash([0xb1; 32]));
const SIGNATURE: Signature = Signature([0x51; 96]);

const NOTARIZE: Statement = Statement::Notarize(Container {
    view: View(9),
    parent: View(7),
    block: BLOCK,
});
const NULLIFY: Statement = Statement::Nullify { view: View(9) };
const FINALIZE: Statement = Statement::Finalize {
    view: View(9),
    block: BLOCK,
};

fn vote(statement: Statement) -> Vote {
    Vote {
        epoch: EPOCH,
        signer: OperatorIndex(9),
        statement,
        signature: SIGNATURE,
    }
}

fn certified(statement: Statement) -> Certified {
    Certified {
        epoch: EPOCH,
        statement,
        signers: members(&[0, 1, 2, 3, 4, 8, 9]),
        signature: SIGNATURE,
    }
}

fn members(indices: &[u16]) -> Bitmap {
    indices.iter().map(|index| OperatorIndex(*index)).collect()
}

fn container(view: u64, parent: u64) -> Container {
    Container {
        view: View(view),
        parent: View(parent),
        block: BLOCK,
    }
}

fn proposal() -> Message {
    Message::Proposal(Box::new(Proposal {
        epoch: EPOCH,
        container: container(9, 7),
        signature: SIGNATURE,
        parent: Some(certified(Statement::Notarize(container(7, 6)))),
        nullifications: vec![certified(Statement::Nullify { view: View(8) })],
    }))
}

fn first_proposal() -> Message {
    Message::Proposal(Box::new(Proposal {
        epoch: EPOCH,
        container: container(1, 0),
        signature: SIGNATURE,
        parent: None,
        nullifications: Vec::new(),
    }))
}

fn status() -> Message {
    Message::Status(Status {
        epoch: EPOCH,
        floor: View(5),
        block: BLOCK,
        view: View(9),
        from: View(6),
        notarized: 0b0010,
        nullified: 0b0100,
        held: vec![Held {
            view: View(9),
            notarize: members(&[0, 8]),
            nullify: Bitmap::default(),
            finalize: members(&[9]),
        }],
    })
}

fn messages() -> [(&'static str, Message); 9] {
    [
        ("notarize", Message::Vote(vote(NOTARIZE))),
        ("nullify", Message::Vote(vote(NULLIFY))),
        ("finalize", Message::Vote(vote(FINALIZE))),
        ("notarization", Message::Certified(certified(NOTARIZE))),
        ("nullification", Message::Certified(certified(NULLIFY))),
        ("finalization", Message::Certified(certified(FINALIZE))),
        ("proposal", proposal()),
        ("first-proposal", first_proposal()),
        ("status", status()),
    ]
}

fn records() -> [(&'static str, Record); 6] {
    let (epoch, view) = (EPOCH, View(9));
    [
        ("vote", Record::Vote(vote(FINALIZE))),
        (
            "proposal",
            Record::MyProposal {
                epoch,
                container: container(9, 7),
            },
        ),
        ("certificate", Record::Certificate(certified(NULLIFY))),
        ("floor", Record::Floor(certified(FINALIZE))),
        ("amnesia", Record::Amnesia { epoch, floor: view }),
        (
            "forgotten",
            Record::Forgotten {
                epoch,
                view,
                kind: Kind::Finalize,
            },
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn every_frame_has_the_bytes_of_the_document() {
    let messages = messages().map(|(name, message)| format!("message {name} {}", hex(&message.encode())));
    let records = records().map(|(name, record)| format!("record {name} {}", hex(&record.encode())));
    let ours: Vec<String> = messages.into_iter().chain(records).collect();
    let vectors: Vec<&str> = include_str!("../vectors/frames.txt").lines().collect();
    assert_eq!(ours, vectors);
}

#[test]
fn every_frame_of_the_document_is_read() {
    for line in include_str!("../vectors/frames.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, name, hex] = words.as_slice() else {
            panic!("three words: {line}");
        };
        if *what == "message" {
            let expected = messages().into_iter().find(|(one, _)| one == name);
            let expected = expected.map(|(_, message)| message).expect("known");
            assert_eq!(Message::decode(&bytes(hex)), Ok(expected), "{name}");
        } else {
            let expected = records().into_iter().find(|(one, _)| one == name);
            let expected = expected.map(|(_, record)| record).expect("known");
            assert_eq!(Record::decode(&bytes(hex)), Ok(expected), "{name}");
        }
    }
}
