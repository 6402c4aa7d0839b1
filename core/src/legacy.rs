//! The seed's RLP, in: four fixed templates, no general decoder.
//!
//! `[type, [[block, transaction, output, amount]…], [[output number, owner, amount]…]]` with fixed-width fields is
//! what go-plasma wallets sign as a personal message; `[that, v, r, s]` is what they send. Nothing past
//! the API sees it: it becomes a [`SignedTransaction`] in the protocol's own bytes.
//!
//! Source: BANKEX go-plasma and PlasmaParentContract, `lib/Tx`.

use crate::{
    Address, Hash, Input, Kind, Payment, Position, SignedTransaction, Transaction, cursor::Cursor, keccak,
    transaction::EXPIRY_NEVER,
};

/// Why bytes are not the seed's signed RLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// None of the four templates has this length.
    #[error("{0} bytes; the seed's transactions have 176, 232, 289 or 222")]
    Length(usize),
    /// The type byte is not the one of the template.
    #[error("type {found} where the template says {expected}")]
    Kind {
        /// The template's.
        expected: u8,
        /// The transaction's.
        found: u8,
    },
    /// A header, a field's width or an output's number differs from the template.
    #[error("byte {0} differs from the template")]
    Template(usize),
}

/// The message that a go-plasma wallet signs, for a split or a merge.
///
/// An input's output index is one byte as it stands: indices of real outputs are below 128.
#[must_use]
pub fn signing_rlp(transaction: &Transaction) -> Vec<u8> {
    let mut inputs = Vec::with_capacity(96);
    for Input { position, amount } in &transaction.inputs {
        inputs.extend([0xec, 0x84]);
        inputs.extend(position.block.0.to_be_bytes());
        inputs.push(0x84);
        inputs.extend(position.transaction.to_be_bytes());
        inputs.extend([position.output, 0xa0]);
        inputs.extend(amount.to_be_bytes::<32>());
    }
    let mut outputs = Vec::with_capacity(192);
    for (number, Payment { owner, amount }) in (0u8..).zip(&transaction.outputs) {
        outputs.extend([0xf7, number, 0x94]);
        outputs.extend(owner.0);
        outputs.push(0xa0);
        outputs.extend(amount.to_be_bytes::<32>());
    }
    list(&[&[transaction.kind.byte()], &list(&[&inputs]), &list(&[&outputs])])
}

/// keccak("\x19Ethereum Signed Message:\n" ‖ decimal length ‖ message).
#[must_use]
pub fn personal_digest(message: &[u8]) -> Hash {
    keccak(&[
        b"\x19Ethereum Signed Message:\n",
        message.len().to_string().as_bytes(),
        message,
    ])
}

/// What a go-plasma wallet sends.
#[must_use]
pub fn encode_signed(signed: &SignedTransaction) -> Vec<u8> {
    let [scalars @ .., v] = &signed.signature;
    let (r, s) = scalars.split_at(32);
    list(&[&signing_rlp(&signed.transaction), &[*v], &[0xa0], r, &[0xa0], s])
}

/// Reads what a go-plasma wallet sends.
///
/// # Errors
/// [`LegacyError`]: a length, a type or a byte that is not the template's.
pub fn decode_signed(bytes: &[u8]) -> Result<SignedTransaction, LegacyError> {
    let (kind, inputs, outputs) = match bytes.len() {
        176 => (Kind::Split, 1, 1),
        232 => (Kind::Split, 1, 2),
        289 => (Kind::Split, 1, 3),
        222 => (Kind::Merge, 2, 1),
        other => return Err(LegacyError::Length(other)),
    };
    let signed =
        fields(&mut Cursor::new(bytes), kind, inputs, outputs).ok_or(LegacyError::Length(bytes.len()))?;
    // Writing the fields into the template again must give the same bytes: nothing else was accepted.
    let again = encode_signed(&signed);
    let type_byte = if bytes.len() > 255 { 5 } else { 4 };
    match again.iter().zip(bytes).position(|(a, b)| a != b) {
        None if again.len() == bytes.len() && is_plain(&signed.transaction) => Ok(signed),
        None => Err(LegacyError::Template(again.len())),
        Some(at) if at == type_byte => {
            let found = bytes.get(at).copied().unwrap_or_default();
            Err(LegacyError::Kind {
                expected: kind.byte(),
                found,
            })
        }
        Some(at) => Err(LegacyError::Template(at)),
    }
}

/// Output indices below 128 are one RLP byte; above, the template would not be RLP.
fn is_plain(transaction: &Transaction) -> bool {
    transaction
        .inputs
        .iter()
        .all(|input| input.position.output < 0x80)
}

fn fields(cursor: &mut Cursor<'_>, kind: Kind, inputs: usize, outputs: usize) -> Option<SignedTransaction> {
    let outer_header = if outputs == 3 { 3 } else { 2 };
    let inputs_header = if inputs == 2 { 2 } else { 1 };
    // Both list headers around and the type byte, then the header of the inputs.
    cursor.slice(outer_header)?;
    cursor.slice(3)?;
    cursor.slice(inputs_header)?;
    let inputs = (0..inputs).map(|_| input(cursor)).collect::<Option<_>>()?;
    cursor.slice(2)?;
    let outputs = (0..outputs).map(|_| payment(cursor)).collect::<Option<_>>()?;
    let transaction = Transaction {
        kind,
        asset: Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs,
        outputs,
    };
    let v = cursor.array::<1>()?;
    cursor.slice(1)?;
    let r = cursor.array::<32>()?;
    cursor.slice(1)?;
    let s = cursor.array::<32>()?;
    let mut signature = [0; 65];
    for (to, from) in signature.iter_mut().zip(r.iter().chain(&s).chain(&v)) {
        *to = *from;
    }
    Some(SignedTransaction {
        transaction,
        signature,
    })
}

fn input(cursor: &mut Cursor<'_>) -> Option<Input> {
    cursor.slice(2)?;
    let block = cursor.height()?;
    cursor.slice(1)?;
    let transaction = cursor.u32()?;
    let output = cursor.u8()?;
    cursor.slice(1)?;
    Some(Input {
        position: Position {
            block,
            transaction,
            output,
        },
        amount: cursor.amount()?,
    })
}

fn payment(cursor: &mut Cursor<'_>) -> Option<Payment> {
    cursor.slice(3)?;
    let owner = cursor.address()?;
    cursor.slice(1)?;
    Some(Payment {
        owner,
        amount: cursor.amount()?,
    })
}

/// An RLP list over encoded items; up to 65 535 bytes, far above every template.
fn list(items: &[&[u8]]) -> Vec<u8> {
    let payload = items.concat();
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut out = match (high, low) {
        (0, 0..=55) => vec![0xc0u8.saturating_add(low)],
        (0, _) => vec![0xf8, low],
        _ => vec![0xf9, high, low],
    };
    out.extend(payload);
    out
}
