//! What the contracts say of open claims when asked: in-flight exits, provisional claims, reclaims, convictions, silence.

use ethers_core::types::U256;
use plasma_contracts_abi::{exit_game, federation, in_flight_exits, vault};
use plasma_core::{Bitmap, DepositNumber, Epoch, ExitId, Hash, Height, OperatorIndex, TransactionId};

use super::{
    contracts::{Contracts, ask},
    convert,
    decode::notices::Told,
    error::L1Error,
    rpc::Rpc,
};

/// A packed position as the contract compares them. [`NOWHERE`] is younger than every other.
pub type Packed = u128;

/// Where a transaction lies that no block is known to include.
pub const NOWHERE: Packed = (1 << 72) - 1;

/// The height in a packed position; that of [`NOWHERE`] never comes.
#[must_use]
pub fn height_of(place: Packed) -> Height {
    Height(u32::try_from(place >> HEIGHT_SHIFT).unwrap_or(u32::MAX))
}

/// An in-flight exit that is open on Ethereum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlightExit {
    /// When it started, in seconds of L1.
    pub begun_s: u64,
    /// Bit i: output i is claimed; bit 4: the inputs are.
    pub piggybacked: u8,
    /// Bit i: output i was shown to be spent; bit 4 + i: input i was.
    pub spent: u8,
    /// Bit s: a provisional claim stands in slot s.
    pub claims: u16,
    /// Where the oldest competitor lies that was shown.
    pub competitor: Option<Packed>,
    /// Where the payment itself was shown to lie.
    pub included: Option<Packed>,
    /// The payment had expired at the start: everything rests on a receipt, or on nothing any more.
    pub is_resting: bool,
}

impl InFlightExit {
    /// What the contract holds; `None` when it ended or never was.
    #[must_use]
    pub fn read(found: &in_flight_exits::InFlightExit) -> Option<Self> {
        (!found.starter.is_zero()).then_some(Self {
            begun_s: found.begun,
            piggybacked: found.piggybacked,
            spent: found.spent,
            claims: found.claims,
            competitor: (found.marks & CONTESTED != 0).then_some(found.competitor),
            included: (found.marks & INCLUDED != 0).then_some(found.included),
            is_resting: found.marks & (RESTING | UNFOUNDED) != 0,
        })
    }

    /// The slots in which a provisional claim stands.
    pub fn claimed_slots(self) -> impl Iterator<Item = u8> {
        (0..SLOTS).filter(move |slot| self.has_claim(*slot))
    }

    /// Whether an output is claimed.
    #[must_use]
    pub fn claims_output(&self, output: u8) -> bool {
        output < SIDE && self.piggybacked >> output & 1 == 1
    }

    /// Whether the inputs are claimed and this one was not shown to be spent.
    #[must_use]
    pub fn claims_input(&self, input: u8) -> bool {
        let is_claimed = self.piggybacked >> SIDE & 1 == 1;
        input < SIDE && is_claimed && self.spent >> (SIDE + input) & 1 == 0
    }

    /// Whether the inputs are claimed.
    #[must_use]
    pub fn claims_any_input(&self) -> bool {
        (0..SIDE).any(|input| self.claims_input(input))
    }

    /// Whether a provisional claim stands in a slot.
    #[must_use]
    pub fn has_claim(&self, slot: u8) -> bool {
        slot < SLOTS && self.claims >> slot & 1 == 1
    }
}

/// A provisional claim: what it tells of the one or two heights that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its slot.
    pub slot: u8,
    /// What it tells.
    pub told: Vec<Told>,
}

impl Claim {
    /// What the contract holds in a slot.
    #[must_use]
    pub fn read(slot: u8, found: &in_flight_exits::Claim) -> Self {
        let told = [(found.position, found.leaf), (found.other, found.other_leaf)];
        let told = told.into_iter().filter(|(_, leaf)| *leaf != [0; 32]);
        let told = told.filter_map(|(position, leaf)| {
            let height = u32::try_from(position >> HEIGHT_SHIFT).ok()?;
            Some(Told {
                height: Height(height),
                leaf: Hash(leaf),
            })
        });
        Self {
            slot,
            told: told.collect(),
        }
    }
}

impl Contracts {
    /// An in-flight exit at the latest head, `None` when it ended or never was.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn in_flight_exit(&self, rpc: &Rpc, id: &ExitId) -> Result<Option<InFlightExit>, L1Error> {
        let call = in_flight_exits::InFlightExitsCall {
            id: convert::exit_id(id),
        };
        Ok(InFlightExit::read(&ask(rpc, self.in_flight, call).await?))
    }

    /// The provisional claims that stand in an in-flight exit.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn claims(&self, rpc: &Rpc, id: &ExitId, open: &InFlightExit) -> Result<Vec<Claim>, L1Error> {
        let mut claims = Vec::new();
        for slot in open.claimed_slots() {
            let call = in_flight_exits::ClaimsCall {
                id: convert::exit_id(id),
                slot,
            };
            claims.push(Claim::read(slot, &ask(rpc, self.in_flight, call).await?));
        }
        Ok(claims)
    }

    /// The exit in flight of a transaction that was started last, open or ended.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn latest_in_flight(&self, rpc: &Rpc, id: TransactionId) -> Result<Option<ExitId>, L1Error> {
        let call = in_flight_exits::LatestInFlightCall { transaction: id.0.0 };
        let mut exit = [0; 32];
        let found: U256 = ask(rpc, self.in_flight, call).await?;
        found.to_big_endian(&mut exit);
        Ok((!found.is_zero()).then_some(ExitId(Hash(exit))))
    }

    /// Whether an output, named by its [`super::evidence::output_key`], was paid or went back as a deposit.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn is_consumed(&self, rpc: &Rpc, output: Hash) -> Result<bool, L1Error> {
        let from: U256 = ask(rpc, self.exit_game, exit_game::ConsumedCall { output: output.0 }).await?;
        Ok(!from.is_zero())
    }

    /// The second of L1 from which an open reclaim of a deposit can be paid; `None` when none is open.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn reclaim_due_s(&self, rpc: &Rpc, number: DepositNumber) -> Result<Option<u64>, L1Error> {
        let payable_at: u64 = ask(rpc, self.vault, vault::ReclaimsCall { number: number.0 }).await?;
        Ok((payable_at != 0).then_some(payable_at))
    }

    /// Whether all inputs of a transaction were shown.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn are_inputs_shown(&self, rpc: &Rpc, id: TransactionId) -> Result<bool, L1Error> {
        let call = in_flight_exits::InputsShownCall { transaction: id.0.0 };
        ask(rpc, self.in_flight, call).await
    }

    /// Which seats of a committee have a bond, and which were convicted.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn bonds(&self, rpc: &Rpc, epoch: Epoch) -> Result<(Bitmap, Bitmap), L1Error> {
        let (bonded, slashed): (U256, U256) =
            ask(rpc, self.federation, federation::BondsCall { epoch: epoch.0 }).await?;
        let seats = |bits: U256| {
            (0..u16::try_from(plasma_core::Committee::SIZE_MAX).unwrap_or(u16::MAX))
                .filter(|seat| bits.bit(usize::from(*seat)))
                .map(OperatorIndex)
                .collect()
        };
        Ok((seats(bonded), seats(slashed)))
    }

    /// The anchor after which a silence was announced last, and when it can halt the federation, in seconds of L1.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn silence_notice(&self, rpc: &Rpc) -> Result<(u32, u64), L1Error> {
        let notice: federation::SilenceNotice =
            ask(rpc, self.federation, federation::SilenceNoticeCall).await?;
        Ok((notice.number, notice.halt_from))
    }
}

/// Marks of `InFlightRecords`.
const CONTESTED: u8 = 1;
const INCLUDED: u8 = 2;
/// The marks of an exit that rests on a receipt, and of one whose receipt was rebutted.
const RESTING: u8 = 4;
const UNFOUNDED: u8 = 8;
/// As many inputs, and as many outputs, as a transaction can have.
pub const SIDE: u8 = 4;
/// Slot of a claim that a competitor is older.
pub const COMPETITOR_SLOT: u8 = 0;
/// Slot of a claim that the payment is included.
pub const INCLUSION_SLOT: u8 = 1;
/// Slot of a claim that input 0 is spent by another payment; the others follow.
pub const INPUT_SLOT: u8 = 2;
/// Slot of a claim that output 0 is spent; the others follow.
pub const OUTPUT_SLOT: u8 = 6;
const SLOTS: u8 = 10;
/// A packed position is height, index 32 and output 8.
const HEIGHT_SHIFT: u32 = 40;
