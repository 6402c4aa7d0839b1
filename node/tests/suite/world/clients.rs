//! Users of the world of pure operators: what they sign and to whom they send it.

use plasma_core::{
    Address, Amount, Height, Input, Kind, Payment, Position, SignedTransaction, SigningKey, Transaction,
};
use plasma_node::operator::event::{Event, Offered, Source};

use super::World;

impl World {
    pub(crate) fn pay(
        &self,
        from: &SigningKey,
        spend: (Position, u64),
        to: &SigningKey,
        amount: u64,
    ) -> SignedTransaction {
        let (position, held) = spend;
        let mut outputs = vec![Payment {
            owner: to.address(),
            amount: Amount::from(amount),
        }];
        if held > amount {
            outputs.push(Payment {
                owner: from.address(),
                amount: Amount::from(held - amount),
            });
        }
        Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(1_000_000),
            inputs: vec![Input {
                position,
                amount: Amount::from(held),
            }],
            outputs,
        }
        .sign(&self.genesis.domain(), from)
    }

    pub(crate) fn submit(&mut self, to: usize, ticket: u64, transaction: SignedTransaction) {
        self.offer(to, Source::Client(ticket), transaction);
    }

    /// By gossip.
    pub(crate) fn hear(&mut self, to: usize, transaction: SignedTransaction) {
        self.offer(to, Source::Gossip, transaction);
    }

    /// All of them at once, by gossip.
    pub(crate) fn hear_all(&mut self, to: usize, transactions: &[SignedTransaction]) {
        let domain = self.genesis.domain();
        let offered = transactions.iter().map(|transaction| Offered {
            transaction: transaction.clone().authenticate(&domain).expect("authentic"),
            source: Source::Gossip,
        });
        let offered = offered.collect();
        self.handle(to, Event::Transactions(offered));
    }

    fn offer(&mut self, to: usize, source: Source, transaction: SignedTransaction) {
        let transaction = transaction
            .authenticate(&self.genesis.domain())
            .expect("authentic");
        self.handle(to, Event::Transactions(vec![Offered { transaction, source }]));
    }
}
