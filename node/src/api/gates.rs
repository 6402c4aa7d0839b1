//! How many questions run at once.
//!
//! A question runs on a thread that nobody can stop, so its place belongs to the thread: who leaves before the answer is
//! there frees nothing, and cannot start more than the bound by coming again and again.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Code, Problem};

/// The bounds.
#[derive(Debug)]
pub(super) struct Gates {
    reads: Arc<Semaphore>,
    scans: Arc<Semaphore>,
}

/// What a question may run on; it ends with the question.
#[derive(Debug)]
pub(super) struct Turn {
    _read: OwnedSemaphorePermit,
    _scan: Option<OwnedSemaphorePermit>,
}

impl Gates {
    pub(super) fn new() -> Self {
        Self {
            reads: Arc::new(Semaphore::new(READS_MAX)),
            scans: Arc::new(Semaphore::new(SCANS_MAX)),
        }
    }

    /// A turn for a question that reads a few rows.
    pub(super) fn read(&self) -> Result<Turn, Problem> {
        self.turn(None)
    }

    /// A turn for a question whose rows grow with the chain: few run at once, the others wait so long.
    pub(super) async fn scan(&self, patience: Duration) -> Result<Turn, Problem> {
        let place = Arc::clone(&self.scans).acquire_owned();
        let Ok(Ok(place)) = tokio::time::timeout(patience, place).await else {
            return Err(full(&format!("{SCANS_MAX} long questions")));
        };
        self.turn(Some(place))
    }

    fn turn(&self, scan: Option<OwnedSemaphorePermit>) -> Result<Turn, Problem> {
        let read = Arc::clone(&self.reads).try_acquire_owned();
        let read = read.map_err(|_| full(&format!("{READS_MAX} questions")))?;
        Ok(Turn {
            _read: read,
            _scan: scan,
        })
    }
}

/// Runs a question on a thread that may wait for the disk. Its place is free when it has ended, whoever still waits for it.
pub(super) async fn on_thread<P: Send + 'static, T: Send + 'static>(
    place: P,
    question: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let answered = tokio::task::spawn_blocking(move || {
        let _until_the_end = place;
        question()
    });
    let broken = |error| Code::Internal.because(format!("the answer broke off: {error}"));
    answered
        .await
        .unwrap_or_else(|error| Err(broken(error).hint("ask another operator")))
}

fn full(running: &str) -> Problem {
    Code::Overloaded
        .because(format!("{running} run already"))
        .hint("ask again in a second")
}

/// Reads at once, each on a blocking thread: half of the threads that tokio keeps for such work.
const READS_MAX: usize = 256;

/// Scans at once: they are bounded by the processor, and agreement needs it too.
const SCANS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_leaves_before_the_answer_frees_no_place_while_the_scan_runs_on() {
        let gates = Gates::new();
        let (begins, begun) = mpsc::channel();
        let mut held = Vec::new();
        for _ in 0..SCANS_MAX {
            let turn = gates.scan(Duration::ZERO).await.unwrap();
            let (ends, until) = mpsc::channel::<()>();
            held.push(ends);
            let begins = begins.clone();
            let asking = tokio::spawn(on_thread(turn, move || {
                begins.send(()).unwrap();
                until.recv().unwrap();
                Ok(())
            }));
            // It runs once the task that asks has been polled.
            tokio::task::yield_now().await;
            begun.recv().unwrap();
            asking.abort();
            assert!(asking.await.unwrap_err().is_cancelled());
        }
        let refused = gates.scan(Duration::ZERO).await.unwrap_err();
        assert!(refused.is(Code::Overloaded), "{refused}");
        assert_eq!(gates.reads.available_permits(), READS_MAX - SCANS_MAX);
        held.into_iter().for_each(|ends| ends.send(()).unwrap());
        let all = u32::try_from(SCANS_MAX).unwrap();
        drop(gates.scans.acquire_many(all).await.unwrap());
        assert_eq!(gates.reads.available_permits(), READS_MAX);
    }
}
