//! What the shell makes of each arrival: an event for the operator, or work for the pool.

use bytes::Bytes;
use plasma_consensus::{Message, Proposal};
use plasma_core::{Peer, SignedTransaction};
use plasma_network as network;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::{
    intake::Admitted,
    operator::{
        event::{Event, Offered, Source},
        payload::Carried,
    },
    storage::Storage,
};

use super::{
    Runtime,
    handle::{self, Question, Rejected},
    verify::{Job, Verified},
    wire,
};

/// Clients' transactions whose verdict is under way: as many as can wait in the queue of commands.
const REPLIES_MAX: usize = handle::COMMANDS_MAX;

impl<S: Storage> Runtime<S> {
    pub(super) fn take_network(&mut self, event: network::Event) {
        match event {
            network::Event::Listening(address) => info!(%address, "listening for operators and clients"),
            network::Event::PeerUp(slot) => self.take_from(slot, |runtime, peer| {
                runtime.handle(Event::PeerUp(peer));
            }),
            network::Event::PeerDown(slot) => self.take_from(slot, |runtime, peer| {
                runtime.handle(Event::PeerDown(peer));
            }),
            network::Event::Control { from, bytes } => {
                self.take_from(from, |runtime, peer| match wire::payload_in_control(&bytes) {
                    Some(bytes) => runtime.take_payload(peer, from, &bytes),
                    None => runtime.take_control(peer, from, &bytes),
                })
            }
            network::Event::Payload { from, bytes } if bytes.len() < wire::CONTROL_BYTES_MAX => {
                // Short frames have a rate among the votes and none here, and the loop reads each.
                warn!(from, "a short frame on the stream of bodies");
                self.network.penalize(from);
            }
            network::Event::Payload { from, bytes } => self.take_from(from, |runtime, peer| {
                runtime.take_payload(peer, from, &bytes);
            }),
            network::Event::Gossip { from, id, bytes } => {
                let author = from.and_then(|slot| self.slots.peer(slot));
                self.take_gossip(author, id, bytes);
            }
            network::Event::Request { from, bytes, reply } => self.answer_request(from, &bytes, reply),
            network::Event::ClientRequest { bytes, reply, .. } => {
                // A refused client sees its request refused: dropping the responder says so.
                let _ = self.clients.try_send((bytes, reply));
            }
        }
    }

    /// What comes over a connection is its operator's.
    fn take_from(&mut self, slot: u16, take: impl FnOnce(&mut Self, Peer)) {
        match self.slots.peer(slot) {
            Some(peer) => take(self, peer),
            None => warn!(slot, "the network names an operator that was never connected"),
        }
    }

    /// A body costs a worker some time, so what is known of its message decides first whether it is looked at.
    fn take_payload(&mut self, peer: Peer, slot: u16, bytes: &Bytes) {
        match self.bodies.admit(peer, bytes, &self.operator) {
            Ok(Admitted::Alone { message, fault }) => {
                if let Some(fault) = fault {
                    warn!(slot, fault, "payload refused");
                    self.network.penalize(slot);
                }
                self.hear(peer, message, None);
            }
            Ok(Admitted::Body { proposal, body }) => self.check_body(peer, proposal, body),
            Ok(Admitted::Again) => {}
            Err(error) => {
                warn!(slot, %error, "malformed payload");
                self.network.penalize(slot);
            }
        }
    }

    fn check_body(&mut self, from: Peer, proposal: Box<Proposal>, body: Bytes) {
        let job = Job::Payload { from, proposal, body };
        if let Err(Job::Payload { proposal, .. }) = self.pool.submit(job) {
            warn!(from = %from.0, "body not checked, verification is overloaded");
            self.bodies.give_back(&proposal);
            self.hear(from, Message::Proposal(proposal), None);
        }
    }

    /// A proposal whose body is bad is heard without it: whoever has the block gives it.
    fn take_body(&mut self, from: Peer, proposal: Box<Proposal>, carried: Option<Box<Carried>>) {
        self.bodies.done(&proposal);
        if carried.is_none() {
            warn!(from = %from.0, "malformed body");
            if let Some(slot) = self.slots.of(from) {
                self.network.penalize(slot);
            }
        }
        self.hear(from, Message::Proposal(proposal), carried);
    }

    fn hear(&mut self, from: Peer, message: Message, block: Option<Box<Carried>>) {
        let message = Box::new(message);
        self.handle(Event::Consensus { from, message, block });
    }

    fn take_control(&mut self, peer: Peer, slot: u16, bytes: &[u8]) {
        match Message::decode(bytes) {
            Ok(message) => self.hear(peer, message, None),
            Err(error) => {
                warn!(slot, %error, "malformed consensus message");
                self.network.penalize(slot);
            }
        }
    }

    /// What finds no room is dropped: its author is not to blame, others may have it.
    fn take_gossip(&mut self, author: Option<Peer>, id: network::GossipId, bytes: Bytes) {
        let ticket = self.ticket();
        let job = Job::Gossip {
            author,
            ticket,
            bytes,
        };
        match self.pool.submit(job) {
            Ok(()) => {
                self.turn.reports.insert(ticket, id);
            }
            Err(_) => self.network.report(id, network::Verdict::Ignore),
        }
    }

    pub(super) fn take_client(
        &mut self,
        transaction: Box<SignedTransaction>,
        reply: oneshot::Sender<Result<handle::Accepted, Rejected>>,
    ) {
        let ticket = self.ticket();
        let has_room = self.turn.replies.len() < REPLIES_MAX;
        if has_room && self.pool.submit(Job::Client { ticket, transaction }).is_ok() {
            self.turn.replies.insert(ticket, reply);
        } else {
            // A client that went away does not need the answer.
            let _ = reply.send(Err(Rejected::Overloaded));
        }
    }

    /// Answers what was asked in this turn. Its commits are in storage now: what a block took out of the mempool can be read there.
    pub(super) fn answer_questions(&mut self) {
        for question in std::mem::take(&mut self.turn.questions) {
            // A client that went away does not need the answer.
            match question {
                Question::Pending { id, reply } => {
                    let _ = reply.send(self.operator.pending(&id).cloned());
                }
                Question::Rival { transaction, reply } => {
                    let _ = reply.send(self.operator.rival(&transaction));
                }
            }
        }
    }

    pub(super) fn take_verified(&mut self, found: Verified) {
        match found {
            Verified::Gossip { ticket, transactions } => {
                let verdict = if transactions.is_some() {
                    network::Verdict::Accept
                } else {
                    network::Verdict::Reject
                };
                if let Some(id) = self.turn.reports.remove(&ticket) {
                    self.network.report(id, verdict);
                }
                let offered = transactions.into_iter().flatten();
                self.turn.offered.extend(offered.map(|transaction| Offered {
                    transaction,
                    source: Source::Gossip,
                }));
            }
            Verified::Client {
                ticket,
                result: Ok(transaction),
            } => {
                self.turn.offered.push(Offered {
                    transaction: *transaction,
                    source: Source::Client(ticket),
                });
            }
            Verified::Client {
                ticket,
                result: Err(error),
            } => {
                self.reply(ticket, Err(Rejected::Signature(error.to_string())));
            }
            Verified::Payload {
                from,
                proposal,
                carried,
            } => self.take_body(from, proposal, carried),
            Verified::Entries { from, block, entries } => {
                self.handle(Event::Fetched { from, block, entries })
            }
            Verified::Finalization(proven) => self.handle(Event::Proven(proven)),
            Verified::Claim { from, epoch, claim } => self.handle(Event::Claim { from, epoch, claim }),
            Verified::Answer { from, content } => {
                self.handle(Event::Blocks {
                    from,
                    segment: content,
                });
            }
        }
    }

    fn ticket(&mut self) -> u64 {
        self.turn.next_ticket += 1;
        self.turn.next_ticket
    }
}
