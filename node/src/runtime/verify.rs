//! The worker pool: signatures of gossip, clients' transactions, proposals and sync answers are checked here, before
//! the operator sees them.
//!
//! Three queues: what an agreement waits for, our clients' transactions, and gossip; each is refused when it would wait
//! too long, and no operator has more than a share of it. One worker takes nothing but what an agreement waits for, so that this
//! waits neither for a batch of payments that is being checked nor for the loop to take those that were. Another takes nothing
//! but payments, so that no flood of proposals and answers keeps them out. The others take what is most urgent. There is one
//! worker more than the machine does at once, so that neither of the two costs the other kind a core.
//!
//! A transaction is authenticated once: the cache is keyed by its leaf hash, which covers the
//! signature, so a known id with a bad signature finds nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::Bytes;
use plasma_consensus::{Certified, Proposal};
use plasma_core::{
    AuthenticTransaction, AuthenticateError, BlockId, Certificate, Domain, Epoch, Hash, Peer,
    SignedTransaction,
};

mod queues;

use super::finds::Found;
use crate::{
    directory::Directory,
    intake::{self, Proof, Question},
    operator::{
        event::{Proven, Segment},
        payload::{Carried, Entry},
    },
};
use queues::Queues;

/// Authentic transactions remembered per generation, two generations: the mempool's size on a testnet, 30 MB.
const CACHE_GENERATION: usize = 65_536;

/// What is to be checked.
#[derive(Debug)]
pub enum Job {
    /// A batch from the gossip topic.
    Gossip {
        /// The operator that wrote it.
        author: Option<Peer>,
        /// The network's name for it, to report the verdict.
        ticket: u64,
        /// Its bytes.
        bytes: Bytes,
    },
    /// One client's transaction.
    Client {
        /// The reply that waits.
        ticket: u64,
        /// The transaction.
        transaction: Box<SignedTransaction>,
    },
    /// A proposal and its body.
    Payload {
        /// Who sent it.
        from: Peer,
        /// The proposal.
        proposal: Box<Proposal>,
        /// What came beside it.
        body: Bytes,
    },
    /// An answer to a sync request.
    Answer {
        /// Who answered.
        from: Peer,
        /// What it was asked for.
        question: Question,
        /// Its bytes.
        bytes: Bytes,
    },
    /// An answer to a request for transactions of a block.
    Entries {
        /// Who answered.
        from: Peer,
        /// Of which block.
        block: BlockId,
        /// The leaves that it was asked for, in order.
        asked: Vec<Hash>,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A finalization that no engine of ours judges.
    Finalization {
        /// Who sent it.
        from: Peer,
        /// The finalization.
        certificate: Box<Certificate>,
    },
}

/// What was found.
#[derive(Debug)]
pub enum Verified {
    /// A gossip batch: all authentic, or not to be spread.
    Gossip {
        /// The network's name for it.
        ticket: u64,
        /// Its transactions; `None` when one is malformed or not authentic.
        transactions: Option<Vec<AuthenticTransaction>>,
    },
    /// A client's transaction.
    Client {
        /// The reply that waits.
        ticket: u64,
        /// The transaction, or why it is not authentic.
        result: Result<Box<AuthenticTransaction>, AuthenticateError>,
    },
    /// A proposal with its body.
    Payload {
        /// Who sent it.
        from: Peer,
        /// The proposal.
        proposal: Box<Proposal>,
        /// Its body; `None` when it is malformed or a transaction of a whole block is not authentic.
        carried: Option<Box<Carried>>,
    },
    /// A sync answer whose links hold; `None` when it is malformed or they do not.
    Answer {
        /// Who answered.
        from: Peer,
        /// What it brought.
        content: Option<Box<Segment>>,
    },
    /// Transactions of a block, and what stands in their place; `None` when the answer is malformed or did not come.
    Entries {
        /// Who answered.
        from: Peer,
        /// Of which block.
        block: BlockId,
        /// What it brought.
        entries: Option<Vec<Entry>>,
    },
    /// A finalization that no engine of ours judges.
    Finalization(Proven),
    /// A member's claim; its certificate is for the operator to verify.
    Claim {
        /// Who answered.
        from: Peer,
        /// About which epoch.
        epoch: Epoch,
        /// What it said; see [`crate::operator::event::Event::Claim`].
        claim: Option<Option<Box<Certified>>>,
    },
}

/// What all workers share.
#[derive(Debug)]
pub struct Rules {
    /// Chain and contract that signatures name.
    pub domain: Domain,
    /// The committees whose certificates count.
    pub directory: Directory,
    /// Largest encoded block.
    pub block_bytes_max: usize,
}

/// The pool's entrance. The workers end when the last entrance is dropped.
#[derive(Clone, Debug)]
pub struct Pool {
    shared: Arc<Entrance>,
}

#[derive(Debug)]
struct Entrance(Arc<Shared>);

impl Drop for Entrance {
    fn drop(&mut self) {
        lock(&self.0.queues).closed = true;
        self.0.ready.notify_all();
        self.0.ready_urgent.notify_all();
        self.0.ready_payments.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    rules: Rules,
    queues: Mutex<Queues>,
    ready: Condvar,
    /// For the worker that takes urgent jobs alone: a call for others must not end with it.
    ready_urgent: Condvar,
    /// For the one that takes payments alone.
    ready_payments: Condvar,
    cache: Mutex<Cache>,
}

impl Pool {
    /// Starts so many workers and one: one for urgent jobs alone, one for payments alone, the others for everything.
    #[must_use]
    pub fn start(rules: Rules, workers: usize, found: &Found) -> Self {
        let shared = Arc::new(Shared {
            rules,
            queues: Mutex::default(),
            ready: Condvar::new(),
            ready_urgent: Condvar::new(),
            ready_payments: Condvar::new(),
            cache: Mutex::default(),
        });
        let all = std::iter::repeat_n(Takes::All, workers.saturating_sub(1));
        for takes in all.chain([Takes::Urgent, Takes::Payments]) {
            let (shared, found) = (Arc::clone(&shared), found.clone());
            thread::spawn(move || work(&shared, takes, &found));
        }
        Self {
            shared: Arc::new(Entrance(shared)),
        }
    }

    /// Queues a job; gives it back when its queue is full, or its sender has its share of it.
    ///
    /// # Errors
    /// The job, unchanged.
    pub fn submit(&self, job: Job) -> Result<(), Job> {
        let shared = &self.shared.0;
        let is_urgent = job.lane().is_some();
        lock(&shared.queues).push(job)?;
        shared.call(is_urgent);
        Ok(())
    }
}

/// What a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    All,
    Urgent,
    Payments,
}

fn work(shared: &Shared, takes: Takes, found: &Found) {
    while let Some(job) = next(shared, takes) {
        let lane = job.lane();
        if !found.blocking_send(shared.verify(job)) {
            return;
        }
        if lane.is_some_and(|lane| lock(&shared.queues).release(lane)) {
            shared.call(true);
        }
    }
}

fn next(shared: &Shared, takes: Takes) -> Option<Job> {
    let ready = match takes {
        Takes::All => &shared.ready,
        Takes::Urgent => &shared.ready_urgent,
        Takes::Payments => &shared.ready_payments,
    };
    let mut queues = lock(&shared.queues);
    loop {
        if queues.closed {
            return None;
        }
        let job = match takes {
            Takes::All => queues.pop(),
            Takes::Urgent => queues.pop_urgent(),
            Takes::Payments => queues.pop_payments(),
        };
        if job.is_some() {
            return job;
        }
        queues = ready.wait(queues).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Shared {
    /// A job is there for whoever takes its kind; who comes second finds nothing.
    fn call(&self, is_urgent: bool) {
        self.ready.notify_one();
        let alone = if is_urgent {
            &self.ready_urgent
        } else {
            &self.ready_payments
        };
        alone.notify_one();
    }

    fn verify(&self, job: Job) -> Verified {
        match job {
            Job::Gossip { ticket, bytes, .. } => Verified::Gossip {
                ticket,
                transactions: intake::gossip(&bytes, self),
            },
            Job::Client { ticket, transaction } => Verified::Client {
                ticket,
                result: self.authenticate(*transaction).map(Box::new),
            },
            Job::Payload { from, proposal, body } => Verified::Payload {
                from,
                proposal,
                carried: intake::payload(&body, self).map(Box::new),
            },
            Job::Answer {
                from,
                question,
                bytes,
            } => Verified::Answer {
                from,
                content: intake::answer(&bytes, question, self).map(Box::new),
            },
            Job::Entries {
                from,
                block,
                asked,
                bytes,
            } => Verified::Entries {
                from,
                block,
                entries: intake::transactions(&bytes, &asked, self),
            },
            Job::Finalization { from, certificate } => {
                Verified::Finalization(intake::finalization(from, certificate, self))
            }
        }
    }
}

impl Proof for Shared {
    fn block_bytes_max(&self) -> usize {
        self.rules.block_bytes_max
    }

    fn certifies(&self, certificate: &Certificate) -> bool {
        self.rules.directory.is_genuine(certificate, &self.rules.domain)
    }

    fn authenticate(
        &self,
        transaction: SignedTransaction,
    ) -> Result<AuthenticTransaction, AuthenticateError> {
        let leaf = transaction.leaf();
        if let Some(known) = lock(&self.cache).find(&leaf) {
            return Ok(known);
        }
        let authentic = transaction.authenticate(&self.rules.domain)?;
        lock(&self.cache).insert(leaf, authentic.clone());
        Ok(authentic)
    }
}

/// Two generations: when the young one is full the old one is forgotten whole.
#[derive(Debug, Default)]
struct Cache {
    young: HashMap<Hash, AuthenticTransaction>,
    old: HashMap<Hash, AuthenticTransaction>,
}

impl Cache {
    fn find(&self, leaf: &Hash) -> Option<AuthenticTransaction> {
        self.young.get(leaf).or_else(|| self.old.get(leaf)).cloned()
    }

    fn insert(&mut self, leaf: Hash, transaction: AuthenticTransaction) {
        if self.young.len() >= CACHE_GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(leaf, transaction);
    }
}

/// A worker that panicked has ended the process (release aborts); under test the content is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
