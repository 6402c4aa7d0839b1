//! Reading fixed-width big-endian fields from bytes that a stranger wrote.
//!
//! Every read checks the length before it takes, so nothing is allocated for bytes that are not there.

use plasma_core::{Bitmap, BlockId, Committee, Epoch, Hash, OperatorIndex, View, bls::Signature};

/// Why bytes are no message or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("the bytes end inside a field")]
    Short,
    /// Bytes are left over after the last field.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// The first byte names no kind.
    #[error("no message or record has kind {0}")]
    Kind(u8),
    /// A field holds a value that no encoder writes.
    #[error("field {0} is not in its one form")]
    Form(&'static str),
}

/// The unread rest of the bytes.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What no field has taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses leftover bytes.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Trailing(self.rest.len()))
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn view(&mut self) -> Result<View, DecodeError> {
        self.u64().map(View)
    }

    pub(crate) fn epoch(&mut self) -> Result<Epoch, DecodeError> {
        self.u64().map(Epoch)
    }

    pub(crate) fn block(&mut self) -> Result<BlockId, DecodeError> {
        self.array().map(|bytes| BlockId(Hash(bytes)))
    }

    pub(crate) fn signature(&mut self) -> Result<Signature, DecodeError> {
        self.array().map(Signature)
    }

    /// A place in some committee; whether this one has it is for the engine to say.
    pub(crate) fn operator(&mut self) -> Result<OperatorIndex, DecodeError> {
        let index = u16::from_be_bytes(self.array()?);
        if usize::from(index) < Committee::SIZE_MAX {
            Ok(OperatorIndex(index))
        } else {
            Err(DecodeError::Form("signer"))
        }
    }

    /// A set of operators.
    pub(crate) fn bitmap(&mut self) -> Result<Bitmap, DecodeError> {
        Bitmap::from_bytes(&self.array()?).ok_or(DecodeError::Form("bitmap"))
    }
}
