//! What is known after a block and needed to apply the next one, apart from single outputs.

use crate::{BlockId, Epoch, Header, Height, commitment::LtHash, cursor::Cursor, history::Frontier};

/// The ledger's head: derived from the blocks alone, equal on all operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Header of the last block.
    pub header: Header,
    /// Its id: what the next header names as parent.
    pub id: BlockId,
    /// The history tree's right edge.
    pub history: Frontier,
    /// The running sum over outputs and open exits; its digest stands in the header.
    pub commitment: LtHash,
    /// Once the contract halted the chain: the last height that counts.
    pub halted: Option<Height>,
    /// Whose committee decides the next block.
    pub epoch: Epoch,
    /// The block below the first one of that committee: it sealed the epoch before, or is the genesis block.
    pub sealed: BlockId,
}

impl State {
    /// header 184 ‖ epoch 8 ‖ sealed 32 ‖ halted 1 ‖ last valid 4 (zeros when not halted) ‖ commitment 2048 ‖ frontier.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.encode().to_vec();
        out.extend(self.epoch.0.to_be_bytes());
        out.extend(self.sealed.0.0);
        out.push(u8::from(self.halted.is_some()));
        out.extend(self.halted.unwrap_or_default().0.to_be_bytes());
        out.extend(self.commitment.to_bytes());
        out.extend(self.history.to_bytes());
        out
    }

    /// The one encoding back; the id is computed again, and a sum or a tree that is not the header's is refused.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let header = Header::read(&mut cursor)?;
        let epoch = Epoch(cursor.u64()?);
        let sealed = BlockId(cursor.hash()?);
        let is_halted = cursor.flag()?;
        let last_valid = cursor.height()?;
        let commitment = LtHash::from_bytes(&cursor.array()?);
        let history = Frontier::read(&mut cursor)?;
        let halted = is_halted.then_some(last_valid);
        let state = Self {
            header,
            id: header.id(),
            history,
            commitment,
            halted,
            epoch,
            sealed,
        };
        (state.encode() == bytes && state.is_whole()).then_some(state)
    }
    /// Whether commitment and history are those that the header certifies: what disks damage shows here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        Some(self.history.count()) == self.header.height.0.checked_add(1)
            && self.history.root() == self.header.history_root
            && self.commitment.digest() == self.header.output_commitment
            && self.id == self.header.id()
    }
}
