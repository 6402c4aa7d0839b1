//! The wires between pure operators: frames and answers as bytes, taken apart as the real shell does it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use plasma_consensus::Message;
use plasma_core::{
    AuthenticTransaction, AuthenticateError, Certificate, Committees, Domain, Hash, Height, Peer,
    SignedTransaction,
};
use plasma_node::{
    intake::{self, Proof, Question},
    operator::{
        case::body_leaf,
        effect::To,
        event::{Event, Offered, Source},
        payload::Carried,
    },
    runtime::{
        sync,
        wire::{self, Ask, Carrier, body::encode_whole},
    },
    storage::{Storage, memory::MemoryStorage},
};

use super::{DELAY_MS, World, name, place};

/// Largest block that anybody takes.
const BLOCK_BYTES_MAX: usize = 1 << 22;

/// How an operator answers who misses transactions of a block.
#[derive(Clone, Debug)]
pub(crate) enum Answers {
    /// The question is lost.
    Never,
    /// As if it had nothing.
    Empty,
    /// With these entries.
    With(Vec<Vec<u8>>),
    /// With what is asked for of these entries.
    Of(Vec<Vec<u8>>),
}

/// Questions for transactions, whole blocks and rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Who asked whom for transactions of a block, in order, and how many bytes the answer had.
    pub(crate) transactions: Vec<(usize, usize, usize)>,
    /// How many whole blocks were asked for.
    pub(crate) blocks: usize,
}

/// What goes over the wires.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wires {
    /// Operators that answer otherwise than they should.
    pub(crate) answers: BTreeMap<usize, Answers>,
    /// Single blocks are not given to anybody.
    pub(crate) no_blocks: bool,
    /// Proposals reach only these, when there are any.
    pub(crate) only: Option<BTreeSet<usize>>,
    /// What was asked for.
    pub(crate) asked: Asked,
    /// Proposals that travelled as leaves, and whole, to all.
    pub(crate) compact: usize,
    pub(crate) whole: usize,
    /// Bytes of bodies beside the proposals and of their answers, and what whole bodies would have been.
    pub(crate) carried: usize,
    pub(crate) fetched: usize,
    pub(crate) instead_of: usize,
    /// The frames among the votes that carried something.
    pub(crate) in_control: usize,
}

/// What the shell's pool knows.
pub(crate) struct Checks {
    domain: Domain,
    committees: Committees,
}

impl Proof for Checks {
    fn block_bytes_max(&self) -> usize {
        BLOCK_BYTES_MAX
    }

    fn certifies(&self, certificate: &Certificate) -> bool {
        self.committees.verify(certificate, &self.domain).is_ok()
    }

    fn authenticate(&self, signed: SignedTransaction) -> Result<AuthenticTransaction, AuthenticateError> {
        signed.authenticate(&self.domain)
    }
}

impl World {
    pub(crate) fn checks(&self, of: usize) -> Checks {
        Checks {
            domain: self.genesis.domain(),
            committees: self.nodes[of].committees.clone(),
        }
    }

    pub(super) fn send(&mut self, from: usize, target: To, message: &Message, body: Option<&[u8]>) {
        let frame = wire::encode_message(message, body);
        self.nodes[from].memory.remember(message);
        if target == To::All
            && let (Message::Proposal(proposal), Some(body)) = (message, body)
        {
            let operator = self.nodes[from].operator.as_ref();
            let whole = operator.and_then(|operator| operator.encoded_block(&proposal.container.block));
            let whole = encode_whole(&whole.expect("the leader has it"));
            let is_whole = body == &whole[..];
            self.wires.whole += usize::from(is_whole);
            self.wires.compact += usize::from(!is_whole);
            let others = self.nodes.len() - 1;
            self.wires.carried += body.len() * others;
            self.wires.instead_of += whole.len() * others;
        }
        for to in 0..self.nodes.len() {
            let meant = match target {
                To::All => to != from,
                To::One(peer) => to == place(peer),
            };
            let is_proposal = matches!(message, Message::Proposal(_));
            let is_cut = is_proposal && self.wires.only.as_ref().is_some_and(|only| !only.contains(&to));
            if meant && !is_cut && self.nodes[to].operator.is_some() {
                let event = self.event(from, to, &frame);
                self.push(to, DELAY_MS, event);
            }
        }
    }

    /// What the receiver's shell makes of a frame.
    fn event(&mut self, from: usize, to: usize, frame: &Carrier) -> Event {
        let payload = match frame {
            Carrier::Control(bytes) => wire::payload_in_control(bytes),
            Carrier::Payload(bytes) => Some(bytes.clone()),
        };
        if let (Carrier::Control(_), Some(_)) = (frame, &payload) {
            self.wires.in_control += 1;
        }
        let (message, carried) = match (payload, frame) {
            (Some(bytes), _) => {
                let (message, body) = wire::split_payload(&bytes).expect("decodes");
                (message, intake::payload(&body, &self.checks(to)))
            }
            (None, Carrier::Control(bytes) | Carrier::Payload(bytes)) => {
                (Message::decode(bytes).expect("decodes"), None)
            }
        };
        Event::Consensus {
            from: name(from),
            message: Box::new(message),
            block: carried.filter(|_| self.starved != Some(to)).map(Box::new),
        }
    }

    pub(super) fn request(&mut self, index: usize, peer: Peer, ask: &Ask) {
        let ask = Ask::decode(&ask.encode()).expect("decodes");
        let giver = place(peer);
        let bytes = self.serve(giver, &ask);
        let event = match ask {
            Ask::Transactions { block, map } => {
                let operator = self.nodes[index].operator.as_ref();
                let leaves = operator.map_or(Vec::new(), |one| one.asked_leaves(&block, &map));
                let answered = match self.wires.answers.get(&giver) {
                    Some(Answers::Never) => None,
                    Some(Answers::Empty) => Some(Bytes::new()),
                    Some(Answers::With(entries)) => Some(lengthened(entries)),
                    Some(Answers::Of(entries)) => {
                        let of =
                            |leaf: &Hash| entries.iter().find(|entry| body_leaf(entry) == *leaf).cloned();
                        Some(lengthened(&leaves.iter().filter_map(of).collect::<Vec<_>>()))
                    }
                    None => Some(bytes),
                };
                let size = answered.as_ref().map_or(0, Bytes::len);
                self.wires.fetched += size;
                self.wires.asked.transactions.push((index, giver, size));
                let checks = self.checks(index);
                // A question that is lost is given up only when the shell's patience ends.
                let delay = if answered.is_some() { 2 * DELAY_MS } else { 2_000 };
                let entries = answered.and_then(|bytes| intake::transactions(&bytes, &leaves, &checks));
                let event = Event::Fetched {
                    from: peer,
                    block,
                    entries,
                };
                return self.push(index, delay, event);
            }
            Ask::Block(block) => {
                self.wires.asked.blocks += 1;
                let now = self.now;
                self.nodes[index].asked.push((now, giver));
                if self.silent.contains(&giver) {
                    return;
                }
                self.blocks(index, peer, Question::Block(block), &bytes)
            }
            Ask::Claim(_) | Ask::Snapshots(_) | Ask::Chunk { .. } => {
                unreachable!("claims are given elsewhere, and no operator asks for snapshots while it runs")
            }
            Ask::After { height, .. } => {
                if self.silent.contains(&giver) {
                    return;
                }
                self.blocks(index, peer, Question::After(height), &bytes)
            }
        };
        self.push(index, 2 * DELAY_MS, event);
    }

    fn serve(&self, giver: usize, ask: &Ask) -> Bytes {
        let is_refused = match ask {
            Ask::After { .. } => self.no_rows,
            Ask::Block(_) => self.wires.no_blocks,
            Ask::Transactions { .. } | Ask::Claim(_) | Ask::Snapshots(_) | Ask::Chunk { .. } => false,
        };
        if is_refused {
            return wire::encode_answer(&[], &[]);
        }
        let ask = match ask {
            Ask::After { bytes, .. } if self.replaying.contains(&giver) => &Ask::After {
                height: Height(0),
                bytes: *bytes,
            },
            ask => ask,
        };
        let node = &self.nodes[giver];
        let undecided = match ask {
            Ask::Block(block) | Ask::Transactions { block, .. } => {
                node.operator.as_ref().and_then(|one| one.encoded_block(block))
            }
            Ask::After { .. } | Ask::Claim(_) | Ask::Snapshots(_) | Ask::Chunk { .. } => None,
        };
        sync::serve(ask, &MemoryStorage::reader(&node.storage), undecided)
    }

    fn blocks(&self, to: usize, from: Peer, question: Question, bytes: &Bytes) -> Event {
        let segment = intake::answer(bytes, question, &self.checks(to)).map(Box::new);
        Event::Blocks { from, segment }
    }

    pub(super) fn gossip(&mut self, from: usize, transaction: &Bytes) {
        if self.is_mute {
            return;
        }
        let batch = [&[0; 8], &transaction[..]].concat();
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let offered = intake::gossip(&batch, &self.checks(to)).expect("authentic");
            let offered = offered.into_iter().map(|transaction| Offered {
                transaction,
                source: Source::Gossip,
            });
            let event = Event::Transactions(offered.collect());
            self.push(to, DELAY_MS, event);
        }
    }

    /// A proposal arrives as if its leader had sent it, with whatever beside it.
    pub(crate) fn propose_to(&mut self, to: usize, from: usize, message: Message, carried: Carried) {
        let event = Event::Consensus {
            from: name(from),
            message: Box::new(message),
            block: Some(Box::new(carried)),
        };
        self.push(to, DELAY_MS, event);
    }
}

/// Entries behind their lengths.
fn lengthened(entries: &[Vec<u8>]) -> Bytes {
    let mut out = Vec::new();
    for entry in entries {
        out.extend(u32::try_from(entry.len()).expect("small").to_be_bytes());
        out.extend(entry);
    }
    out.into()
}
