//! Leaders that split the others over one block. Its leaves come first, to f of them, in a view that its own leader nullifies; the next
//! liar that leads proposes it again, whole to the f + 1 others. These and the liars accept it, so nobody can build without it, and
//! those with the leaves must not rely on who named it first.

use bytes::Bytes;
use plasma_consensus::{Proposal, Statement};
use plasma_core::{Block, Header, SignedTransaction};
use plasma_node::{
    runtime::wire::body::{encode_leaves, encode_whole},
    storage::{Read as _, Storage as _},
};

use super::Script;
use crate::sim::{clients::NEVER, site::USERS, world::World};

impl World {
    /// Says something else than the honest proposal; whether it did.
    pub(super) fn split(&mut self, index: usize, to: &[usize], proposal: &Proposal, bytes: &Bytes) -> bool {
        if !self.liars.does(Script::Split) {
            return false;
        }
        let Ok(honest) = Block::decode(bytes, bytes.len()) else {
            return false;
        };
        let few = usize::from((self.scenario.n - 1) / 3) + 1;
        let (liars, others): (Vec<usize>, Vec<usize>) =
            to.iter().partition(|peer| !self.scenario.is_honest(**peer));
        let (first, rest) = others.split_at(few.min(others.len()));
        let parent = honest.header.parent;
        if let Some(named) = self.liars.named.take_if(|named| named.header.parent == parent) {
            self.marks
                .hit("a block that some had as leaves was proposed again");
            let whole = self.proposed(index, proposal, &named.header, &encode_whole(&named.encode()));
            let leaves = self.proposed(index, proposal, &named.header, &as_leaves(&named));
            self.tell(index, &[&liars, first].concat(), &whole);
            self.tell(index, rest, &leaves);
            return true;
        }
        let Some(own) = self.with_an_own_payment(index, &honest) else {
            return false;
        };
        let Some(nullify) = self.nullify(index, proposal) else {
            return false;
        };
        self.marks.hit("some were shown a block as leaves");
        let leaves = self.proposed(index, proposal, &own.header, &as_leaves(&own));
        self.tell(index, rest, &leaves);
        self.tell(index, to, &nullify);
        self.liars.named = Some(own);
        true
    }

    /// Who splits the others lets nothing become final, which would end the split.
    pub(super) fn splits_over(&self, statement: &Statement) -> bool {
        let splits = self.liars.scripts & Script::Split.bit() != 0;
        splits && matches!(statement, Statement::Finalize { .. })
    }

    /// The block with a payment in it that nobody else has seen.
    fn with_an_own_payment(&mut self, index: usize, honest: &Block) -> Option<Block> {
        let above = self.hosts[index].storage.reader().state().ok()?;
        if above.id != honest.header.parent {
            return None;
        }
        let user = usize::from(USERS) - 1;
        let coin = self.purse(user).first().copied()?;
        let payment = self.pay_oneself(user, coin, NEVER);
        self.with_payments(index, &above, honest, vec![payment])
    }
}

fn as_leaves(block: &Block) -> Bytes {
    let leaves: Vec<_> = block.transactions.iter().map(SignedTransaction::leaf).collect();
    let header: &Header = &block.header;
    encode_leaves(header, &leaves, &[])
}
