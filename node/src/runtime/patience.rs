//! Storage that does not answer for a while: a cluster without a quorum, a network that is cut.
//!
//! The operator holds back. It decides nothing and votes for nothing, as if it were away, and asks the same again until there is
//! an answer or it is told to stop. What arrives meanwhile waits in bounded queues; the peers bring it up to date afterwards.

use std::time::Duration;

use plasma_core::{Reads, Wanted};
use tokio::{sync::watch, task::block_in_place, time::sleep};
use tracing::{info, warn};

use super::{Fatal, Runtime};
use crate::{
    operator::effect::Commit,
    storage::{Read as _, Storage, StorageError, ask_anew},
};

impl<S: Storage> Runtime<S> {
    /// Commits a block; one that was committed by an attempt without an answer is not committed twice.
    pub(super) async fn commit(
        &mut self,
        commit: &Commit,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Fatal> {
        let mut is_late = false;
        // A turn's records have their barrier before anything that the turn decided is performed.
        self.storage.fence(self.wal.last_lsn());
        while let Err(error) = self.storage.commit(&commit.decided, &commit.delta).await {
            hold_back(error, stop).await?;
            is_late = true;
        }
        tell(is_late);
        Ok(())
    }

    /// Rows that the operator asked for. Nothing is committed between question and answer.
    pub(super) async fn read(
        &mut self,
        wanted: &Wanted,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Reads, Fatal> {
        let mut is_late = false;
        loop {
            match block_in_place(|| ask_anew(|| self.storage.reader().reads(wanted))) {
                Ok(reads) => {
                    tell(is_late);
                    return Ok(reads);
                }
                Err(error) => hold_back(error, stop).await?,
            }
            is_late = true;
        }
    }
}

/// Lets a moment pass when nobody answered, and gives every other error back: waiting does not help with those.
async fn hold_back(error: StorageError, stop: &mut watch::Receiver<bool>) -> Result<(), Fatal> {
    if !error.is_away() {
        return Err(error.into());
    }
    warn!(%error, "storage does not answer: this operator holds back");
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => Err(Fatal::Stopped),
        () = sleep(PAUSE) => Ok(()),
    }
}

fn tell(is_late: bool) {
    if is_late {
        info!("storage answers again");
    }
}

/// Between two rounds of attempts, each of which has pauses of its own.
const PAUSE: Duration = Duration::from_millis(500);
