//! What the worker pool found, on its way to the loop: what an agreement waits for apart from payments, so that it waits behind
//! none of them.

use tokio::sync::mpsc;

use super::verify::Verified;

/// The workers' end.
#[derive(Clone, Debug)]
pub struct Found {
    urgent: mpsc::Sender<Verified>,
    payments: mpsc::Sender<Verified>,
}

/// The loop's end.
#[derive(Debug)]
pub struct Finds {
    /// What an agreement waits for.
    pub urgent: mpsc::Receiver<Verified>,
    /// Payments.
    pub payments: mpsc::Receiver<Verified>,
}

/// Both ends, with so much room for each of the two.
#[must_use]
pub fn finds(room: usize) -> (Found, Finds) {
    let (urgent, urgent_out) = mpsc::channel(room);
    let (payments, payments_out) = mpsc::channel(room);
    let found = Found { urgent, payments };
    let finds = Finds {
        urgent: urgent_out,
        payments: payments_out,
    };
    (found, finds)
}

impl Found {
    /// Waits for room; false when the loop has ended.
    pub(super) fn blocking_send(&self, found: Verified) -> bool {
        self.of(&found).blocking_send(found).is_ok()
    }

    /// Waits for room; a loop that has ended hears of nothing.
    pub(super) async fn send(&self, found: Verified) {
        let _ = self.of(&found).send(found).await;
    }

    fn of(&self, found: &Verified) -> &mpsc::Sender<Verified> {
        match found {
            Verified::Gossip { .. } | Verified::Client { .. } => &self.payments,
            Verified::Payload { .. }
            | Verified::Answer { .. }
            | Verified::Entries { .. }
            | Verified::Finalization(_)
            | Verified::Claim { .. } => &self.urgent,
        }
    }
}

impl Finds {
    /// What an agreement waits for and is there already.
    pub(super) fn urgent_at_once(&mut self) -> Option<Verified> {
        self.urgent.try_recv().ok()
    }
}
