//! A sync answer, taken apart: its blocks as far as they are authentic, and what stops that.
//!
//! A block that a quorum signed may hold what no operator should sign: bytes that are no transaction, or whose signature
//! is nobody's. Such a block must not be thrown away as a peer's nonsense, it is the proof of what the quorum did. It is
//! told from nonsense by its root: what does not lie under the root that the header names, the header's signers never saw.

use bytes::Bytes;
use plasma_core::planted::planted;
use plasma_core::{
    AuthenticBlock, Block, BlockId, Certificate, Hash, Header, Height, SignedTransaction, merkle,
};

use super::{Proof, authenticate_block};
use crate::{
    operator::{
        case::{Rotten, is_body_of},
        event::Segment,
    },
    runtime::wire,
};

/// Most attempts to decode a transaction while the one is sought that does not, and what is hashed counts among them: whoever
/// sends a body that can be parted in many ways keeps one thread busy for about half a second. A block of sixteen
/// megabytes in which only the last entry is none takes as many as it has transactions; who hides one among thousands
/// is not found.
const ATTEMPTS_MAX: usize = 1 << 20;

/// Hashing an entry takes as long as so many attempts.
const HASH_COST: usize = 4;

/// Which blocks a peer was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Decided blocks after a height, up to one that is certified.
    After(Height),
    /// One block, decided or not.
    Block(BlockId),
}

impl Question {
    /// Whether headers can be the answer. Nothing of them is verified yet, so whatever else a peer sends costs us no signature.
    /// None at all say that the peer has nothing.
    fn fits(&self, headers: &[Header], certificate: Option<&Certificate>) -> bool {
        match (self, headers) {
            (_, []) => certificate.is_none(),
            (Self::After(height), [first, ..]) => {
                height.next() == Some(first.height) && certificate.is_some()
            }
            (Self::Block(id), [only]) => only.id() == *id,
            (Self::Block(_), _) => false,
        }
    }
}

/// What an answer brings; `None` when it answers another question, or its links, its certificate or the bodies are not what
/// they say.
pub fn answer(bytes: &[u8], question: Question, proof: &impl Proof) -> Option<Segment> {
    let (raw, certificate) = wire::split_answer(bytes, proof.block_bytes_max()).ok()?;
    let headers: Vec<Header> = raw.iter().map(|(header, _)| *header).collect();
    if !question.fits(&headers, certificate.as_ref()) {
        return None;
    }
    let is_linked = headers.windows(2).all(|pair| match pair {
        [below, above] => above.parent == below.id(),
        _ => true,
    });
    let is_certified = certificate.as_ref().is_none_or(|certificate| {
        planted("wire: certificates are taken unread")
            || headers.last().is_some_and(|last| last.id() == certificate.block)
                && proof.certifies(certificate)
    });
    if !is_linked || !is_certified {
        return None;
    }
    let mut blocks = Vec::with_capacity(raw.len());
    for (place, (header, body)) in raw.iter().enumerate() {
        if let Some(block) = sound(header, body, proof) {
            blocks.push(block);
            continue;
        }
        let above = headers.get(place + 1..)?;
        let rotten = rotten(header, body, proof)?;
        return Some(Segment {
            blocks,
            certificate: None,
            rotten: Some(Rotten {
                above: above.to_vec(),
                certificate,
                ..rotten
            }),
        });
    }
    Some(Segment {
        blocks,
        certificate,
        rotten: None,
    })
}

/// The block, when its body is authentic and the one that was signed.
fn sound(header: &Header, body: &[u8], proof: &impl Proof) -> Option<AuthenticBlock> {
    let bytes = [&header.encode(), body].concat();
    authenticate_block(Block::decode(&bytes, bytes.len()).ok()?, proof)
}

/// The body with the entry in it that is none; what stands above is not known here.
fn rotten(header: &Header, body: &[u8], proof: &impl Proof) -> Option<Rotten> {
    let body = entries(header, body, |found| is_body_of(header, found))?;
    let is_sound = |entry: &Bytes| {
        SignedTransaction::decode(entry).is_ok_and(|signed| proof.authenticate(signed).is_ok())
    };
    let index = body.iter().position(|entry| !is_sound(entry))?;
    Some(Rotten {
        header: *header,
        index: u32::try_from(index).ok()?,
        body,
        above: Vec::new(),
        certificate: None,
    })
}

/// Whether a block's body is the one that its header was signed for.
pub(super) fn is_signed_body(block: &Block) -> bool {
    let leaves: Vec<Hash> = block.transactions.iter().map(SignedTransaction::leaf).collect();
    u32::try_from(leaves.len()) == Ok(block.header.transaction_count)
        && merkle::root(&leaves) == block.header.transactions_root
}

/// The entries of a body of which at most one is no transaction; `None` when no way to part it has the header's root. The
/// bytes of a transaction say their own length, those of anything else say nothing, so every length is tried.
fn entries(header: &Header, body: &[u8], mut is_it: impl FnMut(&[Bytes]) -> bool) -> Option<Vec<Bytes>> {
    let wanted = usize::try_from(header.transaction_count).ok()?;
    let mut attempts = ATTEMPTS_MAX;
    let (front, end) = leading(body, wanted, &mut attempts);
    if front.len() == wanted && end == body.len() {
        return Some(front).filter(|front| is_it(front));
    }
    // The entry that is none may begin like one, so it may also lie before the first that does not decode.
    for place in (0..wanted.min(front.len() + 1)).rev() {
        let start: usize = front.iter().take(place).map(Bytes::len).sum();
        let rest = body.get(start..)?;
        let behind = wanted.checked_sub(place + 1)?;
        for length in 0..=rest.len() {
            let (entry, tail) = rest.split_at_checked(length)?;
            let (last, end) = leading(tail, behind, &mut attempts);
            if attempts == 0 {
                return None;
            }
            if last.len() < behind || end < tail.len() {
                continue;
            }
            attempts = attempts.checked_sub(wanted.saturating_mul(HASH_COST))?;
            let found: Vec<Bytes> = front
                .iter()
                .take(place)
                .cloned()
                .chain([Bytes::copy_from_slice(entry)])
                .chain(last)
                .collect();
            if is_it(&found) {
                return Some(found);
            }
        }
    }
    None
}

/// As many transactions as stand in a row at the front, at most so many, and where they end.
fn leading(bytes: &[u8], most: usize, attempts: &mut usize) -> (Vec<Bytes>, usize) {
    let (mut found, mut end) = (Vec::new(), 0);
    while found.len() < most && *attempts > 0 {
        *attempts -= 1;
        let rest = bytes.get(end..).unwrap_or_default();
        let Ok((_, after)) = SignedTransaction::decode_prefix(rest) else {
            break;
        };
        let (one, _) = rest.split_at(rest.len() - after.len());
        found.push(Bytes::copy_from_slice(one));
        end += one.len();
    }
    (found, end)
}

#[cfg(test)]
mod tests {
    use plasma_core::{
        Address, Amount, Domain, Height, Input, Kind, Payment, Position, SigningKey, Transaction,
    };

    use super::{ATTEMPTS_MAX, Bytes, HASH_COST, Header, SignedTransaction, entries, is_body_of, merkle};
    use crate::operator::case::body_leaf;

    fn payment(number: u32) -> SignedTransaction {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let position = Position {
            block: Height(1),
            transaction: number,
            output: 0,
        };
        let amount = Amount::from(5u64);
        Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(9),
            inputs: vec![Input { position, amount }],
            outputs: vec![Payment {
                owner: key.address(),
                amount,
            }],
        }
        .sign(&Domain::default(), &key)
    }

    fn signed(body: &[Bytes]) -> Header {
        let leaves: Vec<_> = body.iter().map(|entry| body_leaf(entry)).collect();
        Header {
            transaction_count: u32::try_from(body.len()).unwrap(),
            transactions_root: merkle::root(&leaves),
            ..Header::default()
        }
    }

    fn parted(header: &Header, body: &[u8]) -> Option<Vec<Bytes>> {
        entries(header, body, |found| is_body_of(header, found))
    }

    #[test]
    fn one_entry_that_is_no_transaction_is_found_wherever_it_lies() {
        let good: Vec<Bytes> = (0..3).map(|number| payment(number).encode().into()).collect();
        // Nothing at all, bytes of no kind, one that is cut short, one that goes on behind its end.
        let mut long = good[0].to_vec();
        long.extend([1, 2, 3]);
        let bad = [vec![], vec![0xff; 40], good[0][..100].to_vec(), long];
        for bad in bad {
            for place in 0..=good.len() {
                let mut body = good.clone();
                body.insert(place, bad.clone().into());
                let found = parted(&signed(&body), &body.concat());
                assert_eq!(found.as_ref(), Some(&body), "{} bytes at {place}", bad.len());
            }
        }
    }

    #[test]
    fn a_body_that_was_not_signed_is_nothing() {
        let body: Vec<Bytes> = (0..3).map(|number| payment(number).encode().into()).collect();
        let header = signed(&body);
        assert_eq!(parted(&header, &body.concat()), Some(body.clone()));
        assert_eq!(parted(&header, &body[..2].concat()), None);
        assert_eq!(parted(&header, &[body.concat(), vec![9]].concat()), None);
        let mut other = body.concat();
        other[50] ^= 1;
        assert_eq!(parted(&header, &other), None);
    }

    #[test]
    fn a_body_that_can_be_parted_in_many_ways_is_hashed_a_few_times_only() {
        // Wherever two neighbours are taken for one entry the rest decodes.
        let body: Vec<Bytes> = vec![payment(1).encode().into(); 3_000];
        let header = Header {
            transaction_count: 2_999,
            ..Header::default()
        };
        let mut hashed = 0;
        let found = entries(&header, &body.concat(), |_| {
            hashed += 1;
            false
        });
        assert_eq!(found, None);
        let most = ATTEMPTS_MAX / (HASH_COST * 2_999);
        assert!((1..=most).contains(&hashed), "{hashed} of {most}");
    }
}
