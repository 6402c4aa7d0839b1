//! Effects on the world, one by one and in order. What must be logged is on disk before any of them is performed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plasma_consensus::Message;
use plasma_core::{BlockId, Certificate, Epoch, Peer, View};
use plasma_network as network;
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::{
    bridge::watcher::Ask as AskWatcher,
    intake::Question,
    operator::{
        effect::{Effect, To},
        event::{Finding, Proven},
    },
    storage::Storage,
};

use super::{
    Fatal, Runtime, claims,
    handle::{self, Rejected},
    snapshot_sync::offer,
    sync,
    verify::{Job, Verified},
    wire::{self, Ask, Carrier},
};

/// Time a peer has for the answer to a sync request.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time it has for transactions of a block that is being agreed on: somebody else is asked long before.
const ENTRIES_TIMEOUT: Duration = Duration::from_secs(2);

impl<S: Storage> Runtime<S> {
    pub(super) async fn perform(
        &mut self,
        effect: Effect,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Fatal> {
        match effect {
            Effect::Persist(_) => {}
            Effect::Commit(commit) => {
                let (height, count) = (commit.delta.height, commit.delta.transactions.len());
                self.commit(&commit, stop).await?;
                info!(height = height.0, transactions = count, block = %commit.delta.block.0, "block committed");
                self.snapshots.after_commit(height, &self.storage.reader());
            }
            Effect::Read { purpose, wanted } => self.turn.reads.push_back((purpose, wanted)),
            Effect::Send { to, message, block } => self.send(to, &message, block.as_deref()),
            Effect::Gossip(bytes) => self.gossip(&bytes),
            Effect::Reply { ticket, result } => self.reply(ticket, result),
            Effect::RequestBlocks { from, after, bytes } => {
                let ask = Ask::After { height: after, bytes };
                self.request_blocks(from, Question::After(after), ask);
            }
            Effect::RequestBlock { from, block } => {
                self.request_blocks(from, Question::Block(block), Ask::Block(block));
            }
            Effect::RequestTransactions { from, block, map } => {
                self.request_transactions(from, block, map);
            }
            Effect::Prove { from, certificate } => self.prove(from, certificate),
            Effect::AskClaim { from, epoch } => self.ask_claim(from, epoch),
            Effect::Rejoin(progress) => claims::tell(progress)?,
            duty @ (Effect::Anchor { .. }
            | Effect::Challenge { .. }
            | Effect::Answer(_)
            | Effect::Convict(_)
            | Effect::ProveFraud(_)) => {
                // A full queue loses nothing: the guardian asks again until Ethereum shows the duty done.
                let _ = self.ethereum.duties.try_send(duty);
            }
            Effect::RereadL1(range) => self.ask_watcher(AskWatcher::Read(range)),
            Effect::FollowL1(after) => self.ask_watcher(AskWatcher::Follow(after)),
            Effect::Timer(at) => self.turn.timer = Some(at),
            Effect::Wake(at) => self.turn.wake = Some(self.turn.wake.map_or(at, |known| known.min(at))),
            Effect::Penalize { peer, reason } => {
                warn!(peer = %peer.0, reason, "peer broke the protocol");
                if let Some(slot) = self.slots.of(peer) {
                    self.network.penalize(slot);
                }
            }
            Effect::CancelBelow(epoch, view) => self.network.cancel_below(rank(epoch, view)),
            Effect::Odd(what) => error!(what, "this must not happen"),
            Effect::Accuse(evidence) => error!(?evidence, "an operator contradicted itself"),
            Effect::Refused(refusal) => error!(?refusal, "the vote ledger refused a signature"),
            Effect::GaveUp { view, reason } => info!(view = view.0, %reason, "view given up"),
            Effect::Invalid { block, broken } => warn!(block = %block.0, %broken, "invalid block proposed"),
            Effect::Stop(reason) => error!(reason, "stopped signing; proofs are still served"),
        }
        Ok(())
    }

    /// The operator asks for one thing of a kind at a time, so there is room.
    fn ask_watcher(&self, ask: AskWatcher) {
        if let Err(error) = self.ethereum.asks.try_send(ask) {
            error!(%error, "the watcher of Ethereum was not asked");
        }
    }

    fn send(&self, to: To, message: &Message, block: Option<&[u8]>) {
        let to = match to {
            To::All => network::To::All,
            To::One(peer) => match self.slots.of(peer) {
                Some(slot) => network::To::One(slot),
                None => return debug!(peer = %peer.0, "message to an operator that has no connection"),
            },
        };
        let view = rank(message.epoch(), view_of(message));
        let mut frame = match wire::encode_message(message, block) {
            Carrier::Payload(bytes) => network::Frame::payload(view, bytes),
            Carrier::Control(bytes) => network::Frame::control(view, bytes),
        };
        if let Message::Status(_) = message {
            frame.replaces = Some(STATUS_KEY);
        }
        self.network.send(to, frame);
    }

    fn gossip(&mut self, bytes: &[u8]) {
        let full = self.turn.gossip.add(self.clock.now(), bytes);
        self.send_gossip(full);
    }

    pub(super) fn send_gossip_when_due(&mut self) {
        let due = self.turn.gossip.take_due(self.clock.now());
        self.send_gossip(due);
    }

    fn send_gossip(&self, message: Option<Vec<u8>>) {
        if let Some(message) = message
            && let Err(error) = self.network.gossip(message)
        {
            debug!(%error, "gossip not sent");
        }
    }

    pub(super) fn reply(&mut self, ticket: u64, result: Result<handle::Accepted, Rejected>) {
        if let Some(reply) = self.turn.replies.remove(&ticket) {
            let _ = reply.send(result);
        }
    }

    /// Has a finalization verified; whatever comes of it, the operator hears of it.
    fn prove(&self, from: Peer, certificate: Box<Certificate>) {
        let job = Job::Finalization { from, certificate };
        let Err(Job::Finalization { from, certificate }) = self.pool.submit(job) else {
            return;
        };
        let found = self.found.clone();
        let proven = Proven {
            from,
            certificate,
            finding: Finding::Unknown,
        };
        tokio::spawn(async move { found.send(Verified::Finalization(proven)).await });
    }

    /// Asks a peer for blocks; whatever comes of it, the operator hears of it.
    fn request_blocks(&self, from: Peer, question: Question, ask: Ask) {
        let job = move |bytes| Job::Answer {
            from,
            question,
            bytes,
        };
        self.request(from, ask, job, Verified::Answer { from, content: None });
    }

    /// The same for transactions of a block. When that is not put together any more, nobody is asked.
    fn request_transactions(&self, from: Peer, block: BlockId, map: Bytes) {
        let asked = self.operator.asked_leaves(&block, &map);
        let nothing = Verified::Entries {
            from,
            block,
            entries: None,
        };
        if asked.is_empty() {
            let found = self.found.clone();
            tokio::spawn(async move { found.send(nothing).await });
            return;
        }
        let job = move |bytes| Job::Entries {
            from,
            block,
            asked,
            bytes,
        };
        self.request(from, Ask::Transactions { block, map }, job, nothing);
    }

    /// Has an answer verified; `nothing` is told when there is none.
    fn request(
        &self,
        from: Peer,
        ask: Ask,
        job: impl FnOnce(Bytes) -> Job + Send + 'static,
        nothing: Verified,
    ) {
        let (network, pool, found) = (self.network.clone(), self.pool.clone(), self.found.clone());
        let slot = self.slots.of(from);
        tokio::spawn(async move {
            let patience = match ask {
                Ask::Transactions { .. } => ENTRIES_TIMEOUT,
                _ => ANSWER_TIMEOUT,
            };
            let answer = match slot {
                Some(slot) => network.request(slot, ask.encode(), patience).await,
                None => Err(network::RequestError::Stopped),
            };
            let queued = match answer {
                Ok(bytes) => pool.submit(job(bytes)).is_ok(),
                Err(error) => {
                    debug!(peer = %from.0, %error, "sync request failed");
                    false
                }
            };
            if !queued {
                found.send(nothing).await;
            }
        });
    }

    /// Answers a peer that lacks blocks, from storage or from what is undecided here, when its turn comes ([`super::giving`]).
    pub(super) fn answer_request(&mut self, from: u16, bytes: &[u8], reply: network::Responder) {
        let ask = match Ask::decode(bytes) {
            Ok(ask) => ask,
            Err(error) => return debug!(from, %error, "malformed sync request"),
        };
        let known = match &ask {
            Ask::Block(id) | Ask::Transactions { block: id, .. } => self.operator.encoded_block(id),
            Ask::After { .. } | Ask::Snapshots(_) | Ask::Chunk { .. } => None,
            Ask::Claim(epoch) => return self.answer_claim(from, *epoch, reply),
        };
        let (reader, data_dir) = (self.storage.reader(), self.snapshots.data_dir());
        let giving = self.turn.giving.entry(from).or_default().clone();
        tokio::spawn(async move {
            let mut allowance = giving.turn(&ask).await;
            if !reply.is_open() {
                return;
            }
            let answering = move || {
                offer::serve(&ask, &reader, &data_dir).unwrap_or_else(|| sync::serve(&ask, &reader, known))
            };
            let answered = tokio::task::spawn_blocking(answering);
            let Ok(answer) = answered.await else {
                return;
            };
            allowance.spend(Instant::now(), answer.len());
            if let Err(error) = reply.send(answer) {
                debug!(from, %error, "sync answer not sent");
            }
        });
    }
}

/// A newer status replaces an older one that still waits to be sent.
const STATUS_KEY: u64 = 1;

/// The order of views through all epochs, as the network's queues know it.
fn rank(epoch: Epoch, view: View) -> u64 {
    (epoch.0 << VIEW_BITS) | (view.0 & ((1 << VIEW_BITS) - 1))
}

/// Of a rank: a view every millisecond takes 8 900 years to need one more.
const VIEW_BITS: u32 = 48;

/// The view that a message serves.
fn view_of(message: &Message) -> View {
    match message {
        Message::Vote(vote) => vote.statement.view(),
        Message::Certified(certified) => certified.statement.view(),
        Message::Proposal(proposal) => proposal.container.view,
        Message::Status(status) => status.view,
    }
}
