//! The bytes of a transaction.
//!
//! ```text
//! kind 1 ‖ i 1 ‖ o 1 ‖ asset 20 ‖ expiry 4 ‖ i × (position 9 ‖ amount 32) ‖ o × (owner 20 ‖ amount 32) ‖ r 32 ‖ s 32 ‖ v 1
//! ```

use super::{Input, Kind, Payment, SignedTransaction, Transaction};
use crate::{Height, Position, cursor::Cursor};

/// The expiry of what never expires: split, merge and fund.
pub const EXPIRY_NEVER: Height = Height(u32::MAX);

const HEAD: usize = 27;
const INPUT: usize = 41;
const OUTPUT: usize = 52;
const SIGNATURE: usize = 65;

/// Why bytes are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first byte names no kind.
    #[error("unknown kind {0:#04x}")]
    Kind(u8),
    /// The kind does not allow these numbers of inputs and outputs.
    #[error("a {kind:?} has not {inputs} inputs and {outputs} outputs")]
    Counts {
        /// The kind.
        kind: Kind,
        /// Inputs announced.
        inputs: u8,
        /// Outputs announced.
        outputs: u8,
    },
    /// Fewer or more bytes than the counts ask for.
    #[error("{found} bytes where the counts ask for {expected}")]
    Length {
        /// What the counts ask for; at least the fixed head.
        expected: usize,
        /// What there was.
        found: usize,
    },
}

impl Kind {
    /// The kind of a first byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Split),
            2 => Some(Self::Merge),
            4 => Some(Self::Fund),
            5 => Some(Self::Transfer),
            _ => None,
        }
    }

    /// The first byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Split => 1,
            Self::Merge => 2,
            Self::Fund => 4,
            Self::Transfer => 5,
        }
    }

    /// Whether so many inputs and outputs make a transaction of this kind.
    #[must_use]
    pub fn allows(self, inputs: usize, outputs: usize) -> bool {
        let (most_inputs, most_outputs) = match self {
            Self::Split => (1..=1, 1..=3),
            Self::Merge => (2..=2, 1..=1),
            Self::Fund => (1..=1, 1..=1),
            Self::Transfer => (1..=4, 1..=4),
        };
        most_inputs.contains(&inputs) && most_outputs.contains(&outputs)
    }
}

impl Transaction {
    /// The bytes without signature.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SignedTransaction::BYTES_MAX);
        self.write(&mut out);
        out
    }

    /// A count above 255 is written as 255, which no kind allows: such bytes never decode.
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind.byte());
        out.push(u8::try_from(self.inputs.len()).unwrap_or(u8::MAX));
        out.push(u8::try_from(self.outputs.len()).unwrap_or(u8::MAX));
        out.extend(self.asset.0);
        out.extend(self.expiry.0.to_be_bytes());
        for input in &self.inputs {
            out.extend(input.position.to_bytes());
            out.extend(input.amount.to_be_bytes::<32>());
        }
        for payment in &self.outputs {
            out.extend(payment.owner.0);
            out.extend(payment.amount.to_be_bytes::<32>());
        }
    }
}

impl SignedTransaction {
    /// The longest transaction, a transfer with four inputs and four outputs: 464 bytes.
    pub const BYTES_MAX: usize = HEAD + 4 * INPUT + 4 * OUTPUT + SIGNATURE;
    /// The shortest transaction, one input and one output.
    pub const BYTES_MIN: usize = HEAD + INPUT + OUTPUT + SIGNATURE;

    /// All bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.transaction.encode();
        out.extend(self.signature);
        out
    }

    /// How many bytes [`Self::encode`] gives.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        length(self.transaction.inputs.len(), self.transaction.outputs.len())
    }

    /// Exactly one transaction, nothing before or after it.
    ///
    /// # Errors
    /// [`DecodeError`]: kind, counts or length.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (signed, rest) = Self::decode_prefix(bytes)?;
        if rest.is_empty() {
            return Ok(signed);
        }
        Err(DecodeError::Length {
            expected: signed.encoded_len(),
            found: bytes.len(),
        })
    }

    /// The transaction at the front, and what follows it.
    ///
    /// # Errors
    /// [`DecodeError`]: kind, counts, or too few bytes; the length is checked before anything is allocated.
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let [kind, inputs, outputs, ..] = *bytes else {
            return Err(DecodeError::Length {
                expected: Self::BYTES_MIN,
                found: bytes.len(),
            });
        };
        let kind = Kind::from_byte(kind).ok_or(DecodeError::Kind(kind))?;
        if !kind.allows(inputs.into(), outputs.into()) {
            return Err(DecodeError::Counts {
                kind,
                inputs,
                outputs,
            });
        }
        let expected = length(inputs.into(), outputs.into());
        let too_short = DecodeError::Length {
            expected,
            found: bytes.len(),
        };
        let (own, rest) = bytes.split_at_checked(expected).ok_or(too_short)?;
        let mut cursor = Cursor::new(own);
        read(&mut cursor).map(|signed| (signed, rest)).ok_or(too_short)
    }
}

fn read(cursor: &mut Cursor<'_>) -> Option<SignedTransaction> {
    let kind = Kind::from_byte(cursor.u8()?)?;
    let (inputs, outputs) = (cursor.u8()?, cursor.u8()?);
    let (asset, expiry) = (cursor.address()?, cursor.height()?);
    let inputs = (0..inputs)
        .map(|_| {
            Some(Input {
                position: Position::read(cursor)?,
                amount: cursor.amount()?,
            })
        })
        .collect::<Option<_>>()?;
    let outputs = (0..outputs)
        .map(|_| {
            Some(Payment {
                owner: cursor.address()?,
                amount: cursor.amount()?,
            })
        })
        .collect::<Option<_>>()?;
    let transaction = Transaction {
        kind,
        asset,
        expiry,
        inputs,
        outputs,
    };
    Some(SignedTransaction {
        transaction,
        signature: cursor.array()?,
    })
}

fn length(inputs: usize, outputs: usize) -> usize {
    (HEAD + SIGNATURE)
        .saturating_add(inputs.saturating_mul(INPUT))
        .saturating_add(outputs.saturating_mul(OUTPUT))
}
