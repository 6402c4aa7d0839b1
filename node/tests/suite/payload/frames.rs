//! Bodies and maps as bytes: what is malformed, and what one answer holds.

use bytes::Bytes;
use plasma_core::{Address, Amount, BlockId, DepositNumber, Hash, Header, Transaction, keccak, merkle};
use plasma_node::{
    intake,
    runtime::wire::{
        self, Ask,
        body::{
            Body, ENTRIES_ANSWER_MAX, ENTRIES_BYTES_MAX, LEAVES_MAX, decode_body, encode_entries,
            encode_leaves, encode_whole, map_of, split_entries,
        },
    },
};

use super::World;

const BLOCK_MAX: usize = 1 << 20;

fn entry(number: u64) -> Vec<u8> {
    let owner = Address([1; 20]);
    let fund = Transaction::fund(DepositNumber(number), owner, Address::ZERO, Amount::from(1u64));
    fund.unsigned().encode()
}

fn leaf(entry: &[u8]) -> Hash {
    keccak(&[&[0], entry])
}

fn header(entries: &[Vec<u8>]) -> (Header, Vec<Hash>) {
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf(entry)).collect();
    let header = Header {
        transaction_count: u32::try_from(leaves.len()).expect("small"),
        transactions_root: merkle::root(&leaves),
        ..Header::default()
    };
    (header, leaves)
}

#[test]
fn every_cut_of_leaves_is_malformed_or_has_fewer_entries() {
    let entries: Vec<Vec<u8>> = (0..3).map(entry).collect();
    let (header, leaves) = header(&entries);
    let bytes = encode_leaves(&header, &leaves, &entries[..2]);
    let whole = Body::Leaves {
        header,
        leaves: leaves.clone(),
        prefilled: entries[..2].iter().cloned().map(Bytes::from).collect(),
    };
    assert_eq!(decode_body(&bytes, BLOCK_MAX), Ok(whole));
    let bare = 1 + Header::SIZE + 3 * 32;
    let borders = [bare, bare + 4 + entries[0].len()];
    for end in 0..bytes.len() {
        let is_whole = decode_body(&bytes[..end], BLOCK_MAX).is_ok();
        assert_eq!(is_whole, borders.contains(&end), "{end} bytes");
    }
    assert!(
        decode_body(&[&[3], &bytes[1..]].concat(), BLOCK_MAX).is_err(),
        "another form"
    );
    assert!(
        decode_body(&bytes, 2 * entries[0].len()).is_err(),
        "more than a block holds"
    );
}

#[test]
fn an_announced_count_reserves_nothing() {
    let many = Header {
        transaction_count: u32::MAX,
        ..Header::default()
    };
    assert!(decode_body(&encode_leaves(&many, &[], &[]), usize::MAX).is_err());
    let most = u32::try_from(LEAVES_MAX).expect("small") + 1;
    let (leaves, header) = (
        vec![Hash::ZERO; LEAVES_MAX + 1],
        Header {
            transaction_count: most,
            ..many
        },
    );
    assert!(decode_body(&encode_leaves(&header, &leaves, &[]), usize::MAX).is_err());
}

#[test]
fn leaves_and_entries_that_the_header_does_not_cover_are_malformed() {
    let checks = World::new().checks(0);
    let entries: Vec<Vec<u8>> = (0..3).map(entry).collect();
    let (header, leaves) = header(&entries);
    let is_taken = |leaves: &[Hash], prefilled: &[Vec<u8>]| {
        intake::payload(&encode_leaves(&header, leaves, prefilled), &checks).is_some()
    };
    assert!(is_taken(&leaves, &entries[1..]));
    let swapped = [leaves[1], leaves[0], leaves[2]];
    assert!(!is_taken(&swapped, &[]), "another order");
    assert!(!is_taken(&leaves, &[entry(9)]), "an entry of another block");
    let often = vec![entries[0].clone(); 4];
    assert!(!is_taken(&leaves, &often), "more entries than leaves");
}

#[test]
fn an_answer_has_what_the_map_names_and_no_more_than_it_may() {
    let entries: Vec<Vec<u8>> = (0..20).map(entry).collect();
    let (header, _) = header(&entries);
    let block = [&header.encode()[..], &entries.concat()].concat();
    let map = map_of([1, 8, 19].into_iter(), 20);
    assert_eq!(map[..], [0b10, 0b1, 0b1000]);
    let answer = encode_entries(&block, &map);
    assert_eq!(
        split_entries(&answer),
        Ok(vec![&entries[1][..], &entries[8], &entries[19]])
    );
    assert!(encode_entries(&block, &[0; 3]).is_empty());
    // Bits behind the last transaction name nothing.
    assert_eq!(
        encode_entries(&block, &[0xff; 9]).len(),
        20 * (4 + entries[0].len())
    );
    let many: Vec<Vec<u8>> = (0..4_000).map(entry).collect();
    let block = [&header.encode()[..], &many.concat()].concat();
    let answer = encode_entries(&block, &[0xff; 500]);
    assert!(answer.len() < ENTRIES_BYTES_MAX + 5 * 4_000 && answer.len() > ENTRIES_BYTES_MAX / 2);
    let checks = World::new().checks(0);
    let asked: Vec<Hash> = many.iter().map(|entry| leaf(entry)).collect();
    assert!(intake::transactions(&answer, &asked, &checks).is_some());
    let long = Bytes::from(vec![0; ENTRIES_ANSWER_MAX + 4]);
    assert!(intake::transactions(&long, &asked, &checks).is_none());
}

#[test]
fn a_request_for_transactions_survives_its_bytes() {
    let ask = Ask::Transactions {
        block: BlockId(Hash([7; 32])),
        map: map_of([3, 70].into_iter(), 100),
    };
    let bytes = ask.encode();
    assert_eq!((bytes[0], bytes.len()), (3, 1 + 32 + 13));
    assert_eq!(Ask::decode(&bytes), Ok(ask));
    assert!(Ask::decode(&bytes[..33]).is_err(), "no map");
    let most = [&bytes[..33], &[0; LEAVES_MAX / 8]].concat();
    assert!(Ask::decode(&most).is_ok());
    assert!(
        Ask::decode(&[&most[..], &[0]].concat()).is_err(),
        "too long a map"
    );
}

#[test]
fn a_small_body_goes_among_the_votes_and_a_large_one_does_not() {
    let message = super::unsound::proposal(0, plasma_core::View(1), BlockId(Hash::ZERO));
    let carrier = |size: usize| wire::encode_message(&message, Some(&encode_whole(&vec![0; size])));
    let wire::Carrier::Control(small) = carrier(1_000) else {
        panic!("a small one")
    };
    let payload = wire::payload_in_control(&small).expect("a payload frame");
    assert_eq!(
        payload[..],
        wire::encode_payload(&message.encode(), &encode_whole(&[0; 1_000]))
    );
    assert!(matches!(carrier(60_000), wire::Carrier::Payload(_)));
    let wire::Carrier::Control(alone) = wire::encode_message(&message, None) else {
        panic!("no body")
    };
    assert_eq!(wire::payload_in_control(&alone), None);
}
