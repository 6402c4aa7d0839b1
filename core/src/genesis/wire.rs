//! The bytes of a genesis document.

use super::{Genesis, GenesisMember};
use crate::{
    Address, L1Block, L1Height,
    bls::{PublicKey, Signature},
    committee::Committee,
    cursor::Cursor,
};

impl Genesis {
    /// The document's bytes; total only for documents within their limits, which [`Genesis::validate`] checks.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend(self.version.to_be_bytes());
        out.extend(self.chain_id.to_be_bytes());
        out.extend(self.contract.0);
        out.extend(self.deployment.height.0.to_be_bytes());
        out.extend(self.deployment.hash.0);
        out.extend(self.deployment.timestamp_s.to_be_bytes());
        write_short(&mut out, self.name.as_bytes());
        let numbers = [
            self.confirmations,
            self.origin_lag,
            self.max_block_transactions,
            self.max_block_bytes,
            self.max_l1_events,
            self.anchor_blocks,
            self.anchor_seconds,
            self.takeover_seconds,
        ];
        out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        out.push(u8::from(self.fee_owner.is_some()));
        out.extend(self.fee_owner.unwrap_or_default().0);
        out.extend(u16::try_from(self.fees.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (asset, minimum) in &self.fees {
            out.extend(asset.0);
            out.extend(minimum.to_be_bytes::<32>());
        }
        out.push(u8::from(self.legacy_transactions));
        out.push(u8::try_from(self.members.len()).unwrap_or(u8::MAX));
        for member in &self.members {
            member.write(&mut out);
        }
        out
    }

    /// The one encoding back, within the limits; its content is not yet valid.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let genesis = Self::read(&mut cursor)?;
        cursor.end()?;
        (genesis.encode() == bytes).then_some(genesis)
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            version: cursor.u16()?,
            chain_id: cursor.u64()?,
            contract: cursor.address()?,
            deployment: L1Block {
                height: L1Height(cursor.u64()?),
                hash: cursor.hash()?,
                timestamp_s: cursor.u64()?,
            },
            name: String::from_utf8(read_short(cursor, Self::NAME_MAX)?).ok()?,
            confirmations: cursor.u32()?,
            origin_lag: cursor.u32()?,
            max_block_transactions: cursor.u32()?,
            max_block_bytes: cursor.u32()?,
            max_l1_events: cursor.u32()?,
            anchor_blocks: cursor.u32()?,
            anchor_seconds: cursor.u32()?,
            takeover_seconds: cursor.u32()?,
            fee_owner: read_owner(cursor)?,
            fees: {
                let count = usize::from(cursor.u16()?);
                let count = (count <= Self::FEES_MAX).then_some(count)?;
                (0..count)
                    .map(|_| Some((cursor.address()?, cursor.amount()?)))
                    .collect::<Option<_>>()?
            },
            legacy_transactions: cursor.flag()?,
            members: {
                let count = usize::from(cursor.u8()?);
                let count = (count <= Committee::SIZE_MAX).then_some(count)?;
                (0..count)
                    .map(|_| GenesisMember::read(cursor))
                    .collect::<Option<_>>()?
            },
        })
    }
}

impl GenesisMember {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.operator.0);
        out.extend(self.key.0);
        out.extend(self.possession.0);
        write_short(out, &self.peer_id);
        out.push(u8::try_from(self.addresses.len()).unwrap_or(u8::MAX));
        for address in &self.addresses {
            out.extend(u16::try_from(address.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(address.as_bytes());
        }
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            operator: cursor.address()?,
            key: PublicKey(cursor.array()?),
            possession: Signature(cursor.array()?),
            peer_id: read_short(cursor, Genesis::PEER_MAX)?,
            addresses: {
                let count = usize::from(cursor.u8()?);
                let count = (count <= Genesis::ADDRESSES_MAX).then_some(count)?;
                (0..count).map(|_| read_address(cursor)).collect::<Option<_>>()?
            },
        })
    }
}

fn read_owner(cursor: &mut Cursor<'_>) -> Option<Option<Address>> {
    let is_some = cursor.flag()?;
    let owner = cursor.address()?;
    Some(is_some.then_some(owner))
}

fn read_address(cursor: &mut Cursor<'_>) -> Option<String> {
    let length = usize::from(cursor.u16()?);
    let length = (length <= Genesis::ADDRESS_MAX).then_some(length)?;
    String::from_utf8(cursor.slice(length)?.to_vec()).ok()
}

/// length 1 ‖ bytes.
fn write_short(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend(bytes);
}

fn read_short(cursor: &mut Cursor<'_>, max: usize) -> Option<Vec<u8>> {
    let length = usize::from(cursor.u8()?);
    let length = (length <= max).then_some(length)?;
    cursor.slice(length).map(<[u8]>::to_vec)
}
