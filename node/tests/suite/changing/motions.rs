//! What the signatures of a motion must be, and what papers must look like. No Ethereum.

use std::{fs, path::PathBuf};

use plasma_core::{Epoch, Genesis, OperatorIndex};
use plasma_node::{
    change::{
        Found, Kind, Line, Motion, MotionError,
        papers::{self, PaperError, SIGNATURES_BYTES_MAX},
    },
    config::{
        FederationError,
        committee::{CommitteeFile, Successor},
    },
    directory::Roster,
};

use super::{
    super::{chain, scratch::Scratch},
    people::{COMMITTEES, key, signed, successor},
};

/// The members of the small chain's genesis vote with the keys 1 to 4, as those of the test chain do.
fn genesis() -> Genesis {
    chain::genesis()
}

fn second(sequence: u64) -> Successor {
    successor(&genesis().domain(), (1, sequence), COMMITTEES[1])
}

fn change(sequence: u64) -> Motion {
    let first = Roster::new(Epoch(0), genesis().members).unwrap();
    Motion::change(second(sequence), first.committee, genesis().domain()).unwrap()
}

fn readiness() -> Motion {
    Motion::readiness(second(1), genesis().domain())
}

#[test]
fn a_quorum_of_lines_makes_a_certificate_that_the_members_keys_verify() {
    let motion = change(3);
    let signed = signed(&motion, &[4, 1, 2]);
    let certificate = motion.certificate(&signed).unwrap();
    assert_eq!((certificate.epoch, certificate.view.0), (Epoch(0), 3));
    assert_eq!(certificate.block.0, motion.hash());
    assert_eq!(certificate.signers.to_u128(), 0b1011);
    let digest = genesis().domain().committee_change(Epoch(0), 3, motion.hash());
    let (signers, sum) = (&certificate.signers, &certificate.signature);
    assert!(plasma_core::bls::verify_aggregate(
        motion.signers(),
        signers,
        &digest,
        sum
    ));

    let motion = readiness();
    let (ready, sum) = motion.sum(&self::signed(&motion, &[21, 3, 4, 2])).unwrap();
    let digest = genesis().domain().status(Epoch(1), motion.hash());
    assert_eq!(ready.to_u128(), 0b1111);
    assert!(plasma_core::bls::verify_aggregate(
        motion.signers(),
        &ready,
        &digest,
        &sum
    ));
}

#[test]
fn the_first_line_that_is_wrong_is_named() {
    let motion = change(3);
    let good = signed(&motion, &[1, 2, 3]);
    let with = |line: Line| {
        let place = "bad.sig:9".to_owned();
        let lines = [&good[..], &[Found { place, line }]].concat();
        motion.sum(&lines).unwrap_err()
    };
    let fourth = motion.pledge(&key(4)).unwrap();
    let error = with(good[1].line);
    assert!(
        matches!(&error, MotionError::Twice { place, seat: 1, first } if place == "bad.sig:9" && first == "2.sig:1"),
        "{error}"
    );
    let error = with(Line {
        seat: OperatorIndex(4),
        ..fourth
    });
    assert!(
        matches!(error, MotionError::Outside { seat: 4, last: 3, .. }),
        "{error}"
    );
    let error = with(Line {
        seat: OperatorIndex(0),
        ..fourth
    });
    assert!(matches!(error, MotionError::OtherKey { seat: 0, .. }), "{error}");
    let error = with(Line {
        signature: good[0].line.signature,
        ..fourth
    });
    assert!(
        matches!(error, MotionError::OtherDocument { seat: 3, .. }),
        "{error}"
    );
    // The same committee under another sequence is another document.
    let error = with(change(4).pledge(&key(4)).unwrap());
    assert!(
        matches!(
            error,
            MotionError::OtherDocument {
                seat: 3,
                sequence: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().starts_with("bad.sig:9"), "{error}");
    // Who sits in both committees sends the other one of its two lines.
    let other = readiness().pledge(&key(4)).unwrap();
    let error = with(Line {
        seat: OperatorIndex(3),
        ..other
    });
    assert!(
        matches!(
            error,
            MotionError::OtherMotion {
                kind: Kind::Change,
                other: Kind::Readiness,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("run `plasma committee sign`"),
        "{error}"
    );
}

#[test]
fn less_than_a_quorum_carries_nothing_and_says_who_is_missing() {
    let motion = change(1);
    for (signers, absent) in [(&[][..], "0, 1, 2, 3"), (&[2, 4], "0, 2")] {
        let error = motion.certificate(&signed(&motion, signers)).unwrap_err();
        assert!(
            matches!(&error, MotionError::TooFew { count, quorum: 3, missing, .. }
                if *count == signers.len() && missing == absent),
            "{error}"
        );
    }
}

#[test]
fn only_members_sign_and_only_for_the_epoch_after_theirs() {
    let error = change(1).pledge(&key(21)).unwrap_err();
    assert!(matches!(error, MotionError::NoSeat { epoch: 0, .. }), "{error}");
    let error = readiness().pledge(&key(1)).unwrap_err();
    assert!(matches!(error, MotionError::NoSeat { epoch: 1, .. }), "{error}");
    let domain = genesis().domain();
    let third = successor(&domain, (2, 1), COMMITTEES[2]);
    let first = Roster::new(Epoch(0), genesis().members).unwrap().committee;
    let error = Motion::change(third, first, domain).unwrap_err();
    assert_eq!(
        error,
        MotionError::Epoch {
            document: 2,
            signing: 0
        }
    );
}

#[test]
fn documents_that_make_no_committee_are_refused_with_the_member() {
    let text = CommitteeFile::print(&second(1));
    let parse = |text: &str| CommitteeFile::parse("next.toml", text, &genesis());
    let again = |members: &[&str]| parse(&[&["epoch = 1\nsequence = 1\n"], members].concat().concat());
    let members: Vec<String> = text
        .split("[[member]]")
        .skip(1)
        .map(|member| format!("[[member]]{member}"))
        .collect();
    let [a, b, c, d] = members.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("four members")
    };
    again(&[a, b, c, d]).unwrap();
    let error = again(&[a, b, c]).unwrap_err();
    assert!(matches!(error, FederationError::NoFaults(3)), "{error}");
    let error = again(&[a, b, c, b]).unwrap_err();
    assert!(error.to_string().contains("members 1 and 3 share"), "{error}");
    let error = parse(&text.replace("epoch = 1", "epoch = 0")).unwrap_err();
    assert!(matches!(error, FederationError::FirstEpoch), "{error}");
}

#[test]
fn a_line_survives_its_text_and_nothing_else_is_one() {
    let motion = change(1);
    let line = motion.pledge(&key(3)).unwrap();
    assert_eq!(Line::parse(&line.to_string()), Ok(line));
    let folder = Scratch::new("lines");
    let file = |name: &str, text: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let talk = format!("# from carol, for the change of spring\n\n  {line}\n");
    let found = papers::lines(&[file("carol.sig", talk.as_bytes())], Kind::Change).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, line);
    assert!(found[0].place.ends_with("carol.sig:3"), "{}", found[0].place);

    let (key, signature) = (line.key.to_string(), line.signature.to_string());
    for (text, reason) in [
        (format!("2 {key}"), "not three words"),
        (format!("{line} and"), "not three words"),
        (format!("two {key} {signature}"), "no number"),
        (format!("70000 {key} {signature}"), "no number"),
        (format!("2 {signature} {key}"), "96 hex digits"),
        (format!("2 {key} {key}"), "192 hex digits"),
    ] {
        let error = papers::lines(&[file("bad.sig", text.as_bytes())], Kind::Readiness).unwrap_err();
        let words = error.to_string();
        let at = words.contains("bad.sig:1") && words.contains("`plasma committee ready`");
        assert!(at && words.contains(reason), "{words}");
    }
    let error = papers::lines(&[folder.path().join("absent.sig")], Kind::Change).unwrap_err();
    assert!(matches!(error, PaperError::Read { .. }), "{error}");
    let long = vec![b'#'; usize::try_from(SIGNATURES_BYTES_MAX).unwrap() + 1];
    let fits = papers::lines(&[file("fits.sig", &long[1..])], Kind::Change).unwrap();
    assert!(fits.is_empty());
    let long = papers::lines(&[file("long.sig", &long)], Kind::Change).unwrap_err();
    assert!(long.to_string().contains("more than 65536 bytes"), "{long}");
    let binary = papers::lines(&[file("key.bin", &[0xff, 0xfe])], Kind::Change).unwrap_err();
    assert!(binary.to_string().contains("no text"), "{binary}");
}

#[test]
fn the_committee_of_a_later_epoch_is_the_document_in_its_place() {
    let folder = Scratch::new("installed");
    let data = folder.path();
    let third = successor(&genesis().domain(), (2, 1), COMMITTEES[2]);
    let first = papers::signing(data, &genesis(), &second(1)).unwrap();
    assert_eq!(first.epoch(), Epoch(0));
    let error = papers::signing(data, &genesis(), &third).unwrap_err();
    assert!(matches!(error, PaperError::Unknown { epoch: 1, .. }), "{error}");
    let place = papers::place(data, Epoch(1));
    assert!(place.ends_with("committees/1.toml"));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, CommitteeFile::print(&second(4))).unwrap();
    let found = papers::signing(data, &genesis(), &third).unwrap();
    assert_eq!(found.hash(), second(4).roster.committee.hash());
    fs::write(&place, CommitteeFile::print(&third)).unwrap();
    let error = papers::roster(data, &genesis(), Epoch(1)).unwrap_err();
    assert!(
        matches!(
            error,
            PaperError::Misplaced {
                found: 2,
                expected: 1,
                ..
            }
        ),
        "{error}"
    );
}
