//! Who is connected: the operators of the running committee, of the one before and of the one to come.
//!
//! Who left goes on to serve proofs until the next change, and who comes catches up before it has to vote.

use std::sync::Arc;

use plasma_core::{Committee, Epoch};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{Runtime, start::peers::peers};
use crate::{operator::event::Event, storage::Storage};

impl<S: Storage> Runtime<S> {
    /// A committee that is in the directory: connects its members, then tells the operator.
    pub(super) fn enter(&mut self, committee: Arc<Committee>, reply: oneshot::Sender<()>) {
        info!(
            epoch = committee.epoch().0,
            members = committee.size(),
            "committee entered"
        );
        self.connect(self.operator.status().epoch);
        self.handle(Event::Committee(committee));
        // Whoever asked may be gone.
        let _ = reply.send(());
    }

    /// Ethereum activates a committee: whoever else is known for its epoch was announced before, and is entered no more.
    pub(super) fn settle(&mut self, event: &Event) {
        let Event::Activated { epoch, hash } = event else {
            return;
        };
        if self.directory.activate(*epoch, *hash) {
            warn!(
                epoch = epoch.0,
                %hash,
                "the committee whose document is here was announced and then replaced; Ethereum activates the one with this \
                 hash: enter its document with `plasma committee install FILE`"
            );
            self.connect(self.operator.status().epoch);
        } else if self.directory.roster(*epoch).is_none() {
            warn!(
                epoch = epoch.0,
                %hash,
                "Ethereum activates a committee that is not known here; enter it with `plasma committee install FILE`"
            );
        }
    }

    /// After a turn in which the epoch changed.
    pub(super) fn connect_when_changed(&mut self, epoch: Epoch) {
        if epoch != self.connected {
            let is_known = self.directory.roster(epoch).is_some();
            info!(epoch = epoch.0, is_known, "the next committee decides");
            self.connect(epoch);
        }
    }

    fn connect(&mut self, running: Epoch) {
        self.connected = running;
        let connected = peers(&self.directory.around(running), &mut self.slots)
            .map_err(|error| error.to_string())
            .and_then(|peers| self.network.set_peers(peers).map_err(|error| error.to_string()));
        if let Err(error) = connected {
            error!(error, "the operators of a committee cannot be connected");
        }
    }
}
