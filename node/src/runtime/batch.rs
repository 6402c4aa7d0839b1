//! The gossip batch: our clients' transactions on their way to the other operators, some to a message.
//!
//! Invariant: no message is longer than [`GOSSIP_BATCH_BYTES`], or nobody would verify it. A transaction is far shorter.
//! A message begins with the time of its first transaction: gossip drops what it carried within two minutes, so what is told
//! again must differ.

use plasma_core::Millis;

use super::wire::GOSSIP_BATCH_BYTES;

/// A client's transaction waits this long at most for others to share its gossip message.
const GOSSIP_DELAY_MS: u64 = 10;

/// Encoded transactions that wait to be sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    since: Option<Millis>,
}

impl Batch {
    /// Adds a transaction; gives the message before it when both do not fit into one.
    pub(super) fn add(&mut self, now: Millis, transaction: &[u8]) -> Option<Vec<u8>> {
        let is_full = self.bytes.len() + transaction.len() > GOSSIP_BATCH_BYTES;
        let full = if is_full { self.take() } else { None };
        if self.bytes.is_empty() {
            self.bytes.extend(now.0.to_be_bytes());
        }
        self.bytes.extend(transaction);
        self.since = self.since.or(Some(now));
        full
    }

    /// When it must be sent; `None` while nothing waits.
    pub(super) fn due(&self) -> Option<Millis> {
        self.since.map(|since| since.plus(GOSSIP_DELAY_MS))
    }

    /// The message whose time has come.
    pub(super) fn take_due(&mut self, now: Millis) -> Option<Vec<u8>> {
        if self.due().is_some_and(|due| due <= now) {
            self.take()
        } else {
            None
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        self.since.take().map(|_| std::mem::take(&mut self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, GOSSIP_BATCH_BYTES, Millis};

    #[test]
    fn a_message_is_as_long_as_the_others_take_and_no_transaction_is_cut() {
        let mut batch = Batch::default();
        let mut sent = Vec::new();
        for number in 0..1_000_u16 {
            let [high, low] = number.to_be_bytes();
            let transaction: Vec<u8> = [high, low].repeat(200);
            sent.extend(batch.add(Millis(5), &transaction));
        }
        sent.extend(batch.take_due(Millis(1_000)));
        assert_eq!(sent.len(), 7, "150 transactions of 400 bytes fill a message");
        assert!(sent.iter().all(|message| message.len() <= GOSSIP_BATCH_BYTES));
        assert!(
            sent.iter()
                .all(|message| message[..8] == 5_u64.to_be_bytes() && message.len() % 400 == 8)
        );
        let numbers: Vec<u8> = sent
            .iter()
            .flat_map(|message| message[8..].chunks(400))
            .flat_map(|one| one[..2].to_vec())
            .collect();
        let expected: Vec<u8> = (0..1_000_u16).flat_map(u16::to_be_bytes).collect();
        assert_eq!(numbers, expected, "all, in their order");
    }

    #[test]
    fn a_transaction_waits_ten_milliseconds_and_nothing_is_never_due() {
        let mut batch = Batch::default();
        assert_eq!((batch.due(), batch.take_due(Millis(99))), (None, None));
        assert_eq!(batch.add(Millis(100), b"a"), None);
        assert_eq!(batch.add(Millis(105), b"b"), None);
        assert_eq!(batch.due(), Some(Millis(110)));
        assert_eq!(batch.take_due(Millis(109)), None);
        let message = [&100_u64.to_be_bytes()[..], b"ab"].concat();
        assert_eq!(batch.take_due(Millis(110)), Some(message));
        assert_eq!((batch.due(), batch.take_due(Millis(999))), (None, None));
    }
}
