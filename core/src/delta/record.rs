//! Records about outputs, exits and deposits in fixed-width bytes.

use crate::{
    Address, Amount, ExitId, Hash, Height, L1Event, Position, SignedTransaction, TransactionId,
    cursor::Cursor, keccak, transaction::Transaction,
};

/// An output and the number of open exits that lock it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Which transaction created it.
    pub transaction: TransactionId,
    /// Who may spend it.
    pub owner: Address,
    /// Of what it holds an amount; zero is ETH.
    pub asset: Address,
    /// How much it holds.
    pub amount: Amount,
    /// Open exits that lock it: counted, so that two exits cannot free each other's lock.
    pub locks: u32,
}

/// The input that spent an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spender {
    /// Block of the spending transaction.
    pub height: Height,
    /// Its index in that block.
    pub transaction: u32,
    /// Index of the input.
    pub input: u8,
}

/// What became of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It exists.
    Unspent,
    /// A decided transaction spent it.
    Spent(Spender),
    /// An exit paid or consumed it on Ethereum.
    Exited(ExitId),
    /// Its deposit was taken back from the vault.
    Reclaimed,
}

/// An output with its fate; kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputRecord {
    /// The output.
    pub output: Output,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a deposit; absent until the ledger has heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositFate {
    /// Its fund transaction created this output.
    Funded(Position),
    /// It left the vault again and is never funded.
    Reclaimed,
}

/// An exit that has started on Ethereum and has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenExit {
    /// Of one output.
    Standard {
        /// The output.
        position: Position,
        /// Who would be paid.
        owner: Address,
        /// Whether it locks the output; not when the output was gone already.
        locked: bool,
    },
    /// Of a transaction whose inclusion its owner could not rely on.
    InFlight {
        /// The transaction; zero when Ethereum let bytes pass that are no transaction.
        transaction: TransactionId,
        /// Where it stands in the ledger, if it does.
        included: Option<(Height, u32)>,
        /// The outputs it spends, in its own order.
        inputs: Vec<Position>,
        /// How many outputs it creates.
        outputs: u8,
        /// Bit i: input i is locked.
        locked_inputs: u8,
        /// Bit i: output i is locked.
        locked_outputs: u8,
    },
}

impl Output {
    /// Bytes of its part of an [`OutputRecord`].
    const SIZE: usize = 108;

    /// The element of the output commitment:
    /// `0x01 ‖ position 9 ‖ transaction id 32 ‖ owner 20 ‖ asset 20 ‖ amount 32 ‖ locks 4`.
    #[must_use]
    pub fn element(&self, position: &Position) -> Vec<u8> {
        [&[0x01][..], &position.to_bytes(), &self.to_bytes()].concat()
    }

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        fill(
            &mut out,
            &[
                &self.transaction.0.0,
                &self.owner.0,
                &self.asset.0,
                &self.amount.to_be_bytes::<32>(),
                &self.locks.to_be_bytes(),
            ],
        );
        out
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            transaction: TransactionId(cursor.hash()?),
            owner: cursor.address()?,
            asset: cursor.address()?,
            amount: cursor.amount()?,
            locks: cursor.u32()?,
        })
    }
}

impl OutputRecord {
    /// Bytes of the fixed encoding.
    pub const SIZE: usize = 141;

    /// Whether the output exists, so that it is under the commitment.
    #[must_use]
    pub fn is_unspent(&self) -> bool {
        self.fate == Fate::Unspent
    }

    /// output 108 ‖ fate 1 ‖ 32: the spender (height 4 ‖ transaction 4 ‖ input 1), the exit, or zeros.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let (mut fate, mut rest) = (0, [0; 32]);
        match self.fate {
            Fate::Unspent => {}
            Fate::Spent(spender) => {
                fate = 1;
                fill(
                    &mut rest,
                    &[
                        &spender.height.0.to_be_bytes(),
                        &spender.transaction.to_be_bytes(),
                        &[spender.input],
                    ],
                );
            }
            Fate::Exited(exit) => (fate, rest) = (2, exit.0.0),
            Fate::Reclaimed => fate = 3,
        }
        let mut out = [0; Self::SIZE];
        fill(&mut out, &[&self.output.to_bytes(), &[fate], &rest]);
        out
    }

    /// The one encoding back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let output = Output::read(&mut cursor)?;
        let fate = match cursor.u8()? {
            0 => Fate::Unspent,
            1 => {
                let (height, transaction, input) = (cursor.height()?, cursor.u32()?, cursor.u8()?);
                Fate::Spent(Spender {
                    height,
                    transaction,
                    input,
                })
            }
            2 => Fate::Exited(ExitId(cursor.hash()?)),
            3 => Fate::Reclaimed,
            _ => return None,
        };
        let record = Self { output, fate };
        (record.encode().as_slice() == bytes).then_some(record)
    }
}

impl DepositFate {
    /// 0x01 ‖ position 9, or 0x02.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Funded(position) => [&[1][..], &position.to_bytes()].concat(),
            Self::Reclaimed => vec![2],
        }
    }

    /// The one encoding back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let fate = match cursor.u8()? {
            1 => Self::Funded(Position::read(&mut cursor)?),
            2 => Self::Reclaimed,
            _ => return None,
        };
        cursor.end()?;
        Some(fate)
    }
}

impl OpenExit {
    /// Every output that this exit is about; whoever reads an exit reads these too.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        match self {
            Self::Standard { position, .. } => vec![*position],
            Self::InFlight { inputs, .. } => inputs.iter().copied().chain(self.created()).collect(),
        }
    }

    /// The exit that an event begins, before anything is locked or included.
    #[must_use]
    pub fn begun(event: &L1Event) -> Option<(ExitId, Self)> {
        match event {
            L1Event::ExitStarted { id, position, owner } => {
                let exit = Self::Standard {
                    position: *position,
                    owner: *owner,
                    locked: false,
                };
                Some((*id, exit))
            }
            L1Event::InFlightExitStarted { id, transaction } => {
                let signed = SignedTransaction::decode(transaction);
                let exit = signed.map_or_else(
                    |_| in_flight_of_nothing(),
                    |signed| in_flight(&signed.transaction),
                );
                Some((*id, exit))
            }
            _ => None,
        }
    }

    /// Where the transaction's output stands, if the transaction is in the ledger and has such an output.
    #[must_use]
    pub fn created_at(&self, output: u8) -> Option<Position> {
        match self {
            Self::InFlight {
                included: Some((block, transaction)),
                outputs,
                ..
            } if output < *outputs => Some(Position {
                block: *block,
                transaction: *transaction,
                output,
            }),
            _ => None,
        }
    }

    fn created(&self) -> impl Iterator<Item = Position> + '_ {
        (0..=u8::MAX).map_while(|output| self.created_at(output))
    }

    /// The element of the output commitment: `0x02 ‖ exit id 32 ‖ keccak of the encoding 32`.
    #[must_use]
    pub fn element(&self, id: &ExitId) -> Vec<u8> {
        [&[0x02][..], &id.0.0, &keccak(&[&self.encode()]).0].concat()
    }

    /// Standard: 0x01 ‖ position 9 ‖ owner 20 ‖ locked 1. In flight: 0x02 ‖ transaction id 32 ‖ included 1 ‖
    /// block 4 ‖ index 4 (zeros when not included) ‖ outputs 1 ‖ locked inputs 1 ‖ locked outputs 1 ‖ i 1 ‖ i × position 9.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Standard {
                position,
                owner,
                locked,
            } => [&[1][..], &position.to_bytes(), &owner.0, &[u8::from(*locked)]].concat(),
            Self::InFlight {
                transaction,
                included,
                inputs,
                outputs,
                locked_inputs,
                locked_outputs,
            } => {
                let (block, index) = included.unwrap_or_default();
                let mut out = vec![2];
                out.extend(transaction.0.0);
                out.push(u8::from(included.is_some()));
                out.extend(block.0.to_be_bytes());
                out.extend(index.to_be_bytes());
                out.extend([*outputs, *locked_inputs, *locked_outputs]);
                out.push(u8::try_from(inputs.len()).unwrap_or(u8::MAX));
                out.extend(inputs.iter().flat_map(Position::to_bytes));
                out
            }
        }
    }

    /// The one encoding back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let exit = match cursor.u8()? {
            1 => {
                let (position, owner) = (Position::read(&mut cursor)?, cursor.address()?);
                Self::Standard {
                    position,
                    owner,
                    locked: cursor.flag()?,
                }
            }
            2 => Self::read_in_flight(&mut cursor)?,
            _ => return None,
        };
        (exit.encode() == bytes).then_some(exit)
    }

    fn read_in_flight(cursor: &mut Cursor<'_>) -> Option<Self> {
        let transaction = TransactionId(cursor.hash()?);
        let is_included = cursor.flag()?;
        let place = (cursor.height()?, cursor.u32()?);
        let [outputs, locked_inputs, locked_outputs, count] = cursor.array()?;
        let inputs = (0..count)
            .map(|_| Position::read(cursor))
            .collect::<Option<_>>()?;
        let included = is_included.then_some(place);
        Some(Self::InFlight {
            transaction,
            included,
            inputs,
            outputs,
            locked_inputs,
            locked_outputs,
        })
    }
}

/// Writes fields one after the other; what lies behind them stays as it is.
fn fill(mut out: &mut [u8], fields: &[&[u8]]) {
    for field in fields {
        if let Some((to, rest)) = core::mem::take(&mut out).split_at_mut_checked(field.len()) {
            to.copy_from_slice(field);
            out = rest;
        }
    }
}

/// An in-flight exit of a transaction, before anything is locked.
pub(crate) fn in_flight(transaction: &Transaction) -> OpenExit {
    OpenExit::InFlight {
        transaction: transaction.id(),
        included: None,
        inputs: transaction.inputs.iter().map(|input| input.position).collect(),
        outputs: u8::try_from(transaction.outputs.len()).unwrap_or(u8::MAX),
        locked_inputs: 0,
        locked_outputs: 0,
    }
}

/// A started exit whose bytes are no transaction: it names nothing and locks nothing.
pub(crate) fn in_flight_of_nothing() -> OpenExit {
    OpenExit::InFlight {
        transaction: TransactionId(Hash::ZERO),
        included: None,
        inputs: Vec::new(),
        outputs: 0,
        locked_inputs: 0,
        locked_outputs: 0,
    }
}
