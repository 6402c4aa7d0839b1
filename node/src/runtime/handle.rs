//! How the doors (HTTP, libp2p clients) reach the running operator: a bounded queue of commands in, a watched status out.
//!
//! Reads do not pass here: the doors read storage through its own reader, never blocked by a commit.

use std::sync::Arc;

use plasma_core::{AuthenticTransaction, Committee, Millis, SignedTransaction, Transaction, TransactionId};
use plasma_network::{Gauge, Traffic};
use tokio::sync::{mpsc, oneshot, watch};

use super::timers::Bend;
pub use crate::operator::report::{Accepted, AnchorSeen, Concern, Known, Rejected, Silence, Status};

/// Commands waiting for the operator's loop. One turn drains them all; more than this means overload and is answered so.
pub const COMMANDS_MAX: usize = 8_192;

/// What a door may ask of the running operator.
#[derive(Debug)]
pub enum Command {
    /// Verify, admit to the mempool and gossip.
    Submit {
        /// Decoded, not yet authenticated.
        transaction: Box<SignedTransaction>,
        /// Where the verdict goes.
        reply: oneshot::Sender<Result<Accepted, Rejected>>,
    },
    /// Say something of the mempool.
    Ask(Question),
    /// Take in a committee that is in the directory now.
    Enter {
        /// The committee.
        committee: Arc<Committee>,
        /// Told when it is done.
        reply: oneshot::Sender<()>,
    },
}

/// What a door may ask about the mempool. It is answered when the blocks decided before are in storage, so that every transaction
/// that was taken is in one of the two.
#[derive(Debug)]
pub enum Question {
    /// Whether a transaction waits in the mempool, and with what content.
    Pending {
        /// Its id.
        id: TransactionId,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<AuthenticTransaction>>,
    },
    /// Which waiting transaction spends an input of this one.
    Rival {
        /// Not submitted.
        transaction: Box<Transaction>,
        /// Where the input's index and the other's id go.
        reply: oneshot::Sender<Option<(usize, TransactionId)>>,
    },
}

/// The doors' end of a running operator.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Arc<Status>>,
    bend: Bend,
    gauge: Option<Gauge>,
}

impl Handle {
    /// Joins the two ends that the runtime holds.
    #[must_use]
    pub fn new(commands: mpsc::Sender<Command>, status: watch::Receiver<Arc<Status>>) -> Self {
        Self {
            commands,
            status,
            bend: Bend::default(),
            gauge: None,
        }
    }

    /// The same handle of an operator whose clock is bent so.
    #[must_use]
    pub fn bent(self, bend: Bend) -> Self {
        Self { bend, ..self }
    }

    /// The same handle of an operator whose network counts here.
    #[must_use]
    pub fn gauged(self, gauge: Gauge) -> Self {
        Self {
            gauge: Some(gauge),
            ..self
        }
    }

    /// What the operator's network counted since its start; nothing where there is none.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.gauge.as_ref().map_or_else(Traffic::default, Gauge::traffic)
    }

    /// The time by the operator's clock.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.bend.now()
    }

    /// Verifies a transaction, puts it into the mempool and gossips it.
    ///
    /// # Errors
    /// [`Rejected`] with the rule that it breaks, or why this operator cannot take it now.
    pub async fn submit(&self, transaction: SignedTransaction) -> Result<Accepted, Rejected> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Submit {
            transaction: Box::new(transaction),
            reply,
        };
        self.send(command)?;
        answer.await.map_err(|_| Rejected::Stopped)?
    }

    /// The transaction if it waits in the mempool. What has left the mempool when this answers is in storage, if a block has it.
    ///
    /// # Errors
    /// [`Rejected`] when this operator cannot say now.
    pub async fn pending(&self, id: TransactionId) -> Result<Option<AuthenticTransaction>, Rejected> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask(Question::Pending { id, reply }))?;
        answer.await.map_err(|_| Rejected::Stopped)
    }

    /// The first input of a transaction that a waiting one spends, and which one that is.
    ///
    /// # Errors
    /// [`Rejected`] when this operator cannot say now.
    pub async fn rival(&self, transaction: Transaction) -> Result<Option<(usize, TransactionId)>, Rejected> {
        let (reply, answer) = oneshot::channel();
        let transaction = Box::new(transaction);
        self.send(Command::Ask(Question::Rival { transaction, reply }))?;
        answer.await.map_err(|_| Rejected::Stopped)
    }

    fn send(&self, command: Command) -> Result<(), Rejected> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Rejected::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Rejected::Stopped,
        })
    }

    /// Tells the operator of a committee that was entered into the directory; false when it is stopping.
    pub async fn enter(&self, committee: Arc<Committee>) -> bool {
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(Command::Enter { committee, reply })
            .is_ok()
            && answer.await.is_ok()
    }

    /// The newest status.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// A watch on the status: it changes after every decided block at the latest.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Status>> {
        self.status.clone()
    }
}
