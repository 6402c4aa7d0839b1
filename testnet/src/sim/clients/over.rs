//! Payments that nobody waits for any more.

use plasma_core::{Height, Position, TransactionId};

use super::Clients;

impl Clients {
    /// Forgets payments that are decided, expired, or can never be because a thief's other one was.
    pub(in crate::sim) fn sweep(
        &mut self,
        height: Height,
        is_decided: impl Fn(&TransactionId) -> bool,
        is_free: impl Fn(&Position) -> bool,
    ) {
        let reserved = &mut self.reserved;
        self.pending.retain(|id, pending| {
            let content = &pending.signed.transaction;
            let is_lost = !pending.is_honest && content.inputs.iter().any(|input| !is_free(&input.position));
            let is_over = is_decided(id) || content.expiry <= height || is_lost;
            if is_over {
                content.inputs.iter().for_each(|input| {
                    reserved.remove(&input.position);
                });
            }
            !is_over
        });
    }
}
