//! Who the operators are, what waits, and what a payment costs.

use std::collections::BTreeMap;

use plasma_core::{Address, Amount, Certificate, Height, OperatorIndex, genesis::GenesisMember};

use super::{
    Answer, Door, Problem, Reply,
    text::{AddressText, AmountText, BytesText},
    view::{FederationView, FeeView, FeesView, MempoolView, SeatView},
};
use crate::{base58, storage::Read};

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/federation`: the operators of the running epoch, and how the newest certificates show them.
    ///
    /// # Errors
    /// Only the operator's own.
    pub async fn federation(&self) -> Answer {
        self.scan(|door| {
            let status = door.handle.status();
            let (height, _) = door.reader.tip()?;
            let roster = door.facts.directory.roster(status.epoch);
            let newest = door.newest_certificates(height)?;
            let own: Vec<&(Height, Certificate)> = newest
                .iter()
                .filter(|(_, certificate)| certificate.epoch == status.epoch)
                .collect();
            let mut signed: BTreeMap<OperatorIndex, (usize, Height)> = BTreeMap::new();
            for (height, certificate) in &own {
                for signer in certificate.signers.iter() {
                    let seat = signed.entry(signer).or_insert((0, *height));
                    *seat = (seat.0 + 1, seat.1.max(*height));
                }
            }
            let seat = |(index, member): (u16, &GenesisMember)| {
                let is_self = status.operator == Some(OperatorIndex(index));
                let (times, last) = match signed.get(&OperatorIndex(index)) {
                    Some((times, last)) => (*times, Some(last.0)),
                    None => (0, None),
                };
                SeatView {
                    index,
                    name: is_self.then(|| door.facts.name.clone()),
                    operator: AddressText(member.operator),
                    bls_public_key: BytesText(member.key.0.to_vec()),
                    peer_id: base58::encode(&member.peer_id),
                    addresses: member.addresses.clone(),
                    connected: is_self || status.peers.contains(&OperatorIndex(index)),
                    last_signed_height: last,
                    missed: own.len().saturating_sub(times),
                    of: own.len(),
                }
            };
            let members = roster.as_ref().map_or(&[][..], |roster| &roster.members[..]);
            let committee = roster.as_ref().map(|roster| &roster.committee);
            Reply::ok(&FederationView {
                epoch: status.epoch.0,
                quorum: committee.map_or(0, |committee| committee.quorum()),
                faults: committee.map_or(0, |committee| committee.faults()),
                height: height.0,
                operator: status.operator.map(|seat| seat.0),
                members: (0u16..).zip(members).map(seat).collect(),
            })
        })
        .await
    }

    /// Certificates of the newest [`LOOKED_AT`] heights, oldest first; heights without one of their own are left out.
    fn newest_certificates(&self, tip: Height) -> Result<Vec<(Height, Certificate)>, Problem> {
        let mut found = Vec::new();
        let mut from = Height(tip.0.saturating_sub(LOOKED_AT - 1));
        while let Some((height, certificate)) = self.reader.certificate_covering(from)? {
            found.push((height, certificate));
            let Some(next) = height.next() else { break };
            from = next;
        }
        Ok(found)
    }

    /// `GET /v1/mempool`.
    ///
    /// # Errors
    /// None but a failure to write JSON.
    pub fn mempool(&self) -> Answer {
        Reply::ok(&MempoolView {
            transactions: self.handle.status().mempool,
        })
    }

    /// `GET /v1/fees`.
    ///
    /// # Errors
    /// None but a failure to write JSON.
    pub fn fees(&self) -> Answer {
        let genesis = &self.facts.genesis;
        Reply::ok(&FeesView {
            fee_owner: genesis.fee_owner.map(AddressText),
            fees: genesis.fees.iter().map(fee).collect(),
        })
    }
}

/// A least fee as a document.
pub(super) fn fee((asset, amount): &(Address, Amount)) -> FeeView {
    FeeView {
        asset: AddressText(*asset),
        amount: AmountText(*amount),
    }
}

/// Heights whose certificates say who signs: a few minutes of a busy chain, 160 kB of rows.
const LOOKED_AT: u32 = 1_000;
