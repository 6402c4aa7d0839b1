//! Waiting with an end: every wait names what it waits for, and says what it saw last when that did not come.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::failure::Failure;

/// What one look at the world found.
#[derive(Debug)]
pub enum Look<T> {
    /// It has happened.
    Seen(T),
    /// Not yet; the words say how far it is.
    NotYet(String),
}

/// Looks again and again until it is seen.
///
/// # Errors
/// [`Failure::TimedOut`] with the last words when `limit` passes; whatever `look` returns at once.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Look<T>>>,
{
    let started = Instant::now();
    loop {
        let last = match look().await? {
            Look::Seen(value) => return Ok(value),
            Look::NotYet(words) => words,
        };
        let waited = started.elapsed();
        if waited >= limit {
            return Err(Failure::TimedOut {
                what: what.to_owned(),
                waited,
                last,
            }
            .into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Between two looks: short beside a block (100 ms) would only heat the two cores that the operators need.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{TIMED_OUT, exit_code};

    #[tokio::test]
    async fn the_last_words_are_in_the_error() {
        let error = until::<(), _>("a block", Duration::ZERO, || async {
            Ok(Look::NotYet("height 3".into()))
        })
        .await
        .expect_err("nothing comes");
        assert_eq!(exit_code(&error), TIMED_OUT);
        assert!(error.to_string().contains("a block") && error.to_string().contains("height 3"));
    }

    #[tokio::test]
    async fn what_is_seen_is_returned() {
        let seen = until("seven", Duration::ZERO, || async { Ok(Look::Seen(7)) }).await;
        assert_eq!(seen.expect("seen at the first look"), 7);
    }
}
