//! What the operator says about itself, about the chain and about the sums in it.

use std::collections::BTreeMap;

use plasma_core::{Address, Amount, OpenExit, SignedTransaction};

use super::{
    Answer, BODY_MAX, Door, PAGE_MAX, Reply,
    submit::BATCH_MAX,
    text::{AddressText, AmountText, BytesText, HashText, rfc3339, time_of},
    transactions::NOTHING,
    view::{
        AnchorView, AssetStats, Blocker, ConsensusView, Eip712DomainView, GivenUpView, L1View, LimitsView,
        MemberView, NetworkView, PeersView, StatsView, StatusView, TrafficView,
    },
};
use crate::{
    base58,
    runtime::handle::{Silence, Status},
    storage::Read,
};

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/status`.
    ///
    /// # Errors
    /// None but a failure to write JSON.
    pub fn status(&self) -> Answer {
        let status = self.handle.status();
        let blockers = blockers(&status);
        let traffic = self.handle.traffic();
        let anchored = status.anchor.map_or(0, |anchor| anchor.height.0);
        Reply::ok(&StatusView {
            name: self.facts.name.clone(),
            state: state(&status).to_owned(),
            ready: blockers.is_empty(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            operator: status.operator.map(|seat| seat.0),
            height: status.height.0,
            block: HashText(status.block.0),
            output_commitment: HashText(status.output_commitment),
            time: rfc3339(status.timestamp.0),
            clock: Some(rfc3339(self.handle.now().0)),
            consensus: ConsensusView {
                epoch: status.epoch.0,
                view: status.view.0,
                leader: status.leader.map(|seat| seat.0),
                final_view: status.final_view.0,
                working: status.working,
                given_up: status.given_up.map(|given_up| GivenUpView {
                    view: given_up.view.0,
                    reason: given_up.reason.to_string(),
                }),
            },
            l1: L1View {
                origin: status.l1_origin.0,
                confirmed: status.l1_confirmed.0,
                time: self.books.arrivals.head().map(|head| time_of(head.timestamp_s)),
                last_anchor: status.anchor.map(AnchorView::from),
                unanchored: status.height.0.saturating_sub(anchored),
            },
            peers: PeersView {
                members: status.peers.iter().map(|peer| peer.0).collect(),
                committee: status.committee.as_ref().map_or(0, |committee| committee.size()),
                quorum: status
                    .committee
                    .as_ref()
                    .map_or(0, |committee| committee.quorum()),
            },
            mempool: status.mempool,
            traffic: TrafficView {
                gossip_messages: traffic.gossip_arrived,
                gossip_messages_new: traffic.gossip_new,
                gossip_payments: status.gossiped.heard,
                gossip_payments_new: status.gossiped.new,
                votes_crowded_out: traffic.control_crowded_out,
            },
            blockers,
        })
    }

    /// `GET /v1/network`.
    ///
    /// # Errors
    /// None but a failure to write JSON.
    pub fn network(&self) -> Answer {
        let genesis = &self.facts.genesis;
        let running = self.handle.status().epoch;
        let roster = self.facts.directory.roster(running);
        let members = roster.as_ref().map_or(&[][..], |roster| &roster.members[..]);
        let committee = roster.as_ref().map(|roster| &roster.committee);
        let member = |(index, member): (u16, &plasma_core::genesis::GenesisMember)| MemberView {
            index,
            operator: AddressText(member.operator),
            bls_public_key: BytesText(member.key.0.to_vec()),
            peer_id: base58::encode(&member.peer_id),
            addresses: member.addresses.clone(),
        };
        Reply::ok(&NetworkView {
            name: genesis.name.clone(),
            genesis_hash: HashText(self.facts.hash),
            protocol_version: genesis.version,
            l1_chain_id: genesis.chain_id,
            contract: AddressText(genesis.contract),
            confirmations: genesis.confirmations,
            limits: LimitsView {
                max_block_transactions: genesis.max_block_transactions,
                max_block_bytes: genesis.max_block_bytes,
                max_transaction_bytes: SignedTransaction::BYTES_MAX,
                max_batch: BATCH_MAX,
                max_body_bytes: BODY_MAX,
                max_page: PAGE_MAX,
            },
            fee_owner: genesis.fee_owner.map(AddressText),
            fees: genesis.fees.iter().map(super::federation::fee).collect(),
            legacy_transactions: genesis.legacy_transactions,
            eip712_domain: Eip712DomainView {
                name: "Plasma".into(),
                version: "1".into(),
                chain_id: genesis.chain_id,
                verifying_contract: AddressText(genesis.contract),
            },
            committee: (0u16..).zip(members).map(member).collect(),
            quorum: committee.map_or(0, |committee| committee.quorum()),
            faults: committee.map_or(0, |committee| committee.faults()),
            epoch: running.0,
        })
    }

    /// `GET /v1/stats`: what the ledger owes, and what the vault holds.
    ///
    /// # Errors
    /// Only the operator's own.
    pub async fn stats(&self) -> Answer {
        self.scan(|door| {
            let exits = door.reader.exits()?;
            let mut exiting: BTreeMap<Address, Amount> = BTreeMap::new();
            let mut positions: Vec<_> = exits.values().flat_map(OpenExit::positions).collect();
            // Two exits may name one output; it is there once.
            positions.sort_unstable();
            positions.dedup();
            for position in positions {
                let record = door.reader.output(position)?;
                if let Some(record) = record.filter(|record| record.is_unspent() && record.output.locks > 0) {
                    let sum = exiting.entry(record.output.asset).or_insert(NOTHING);
                    *sum = sum.saturating_add(record.output.amount);
                }
            }
            let header = door.reader.state()?.header;
            let reading = door.books.reserves.of(header.l1_height);
            let mut totals = door.reader.totals()?;
            if let Some(reading) = &reading {
                // What is held and owed to nobody shows too.
                let held = reading.held.iter().filter(|(_, held)| !held.is_zero());
                held.for_each(|(asset, _)| {
                    totals.entry(*asset).or_insert(NOTHING);
                });
            }
            let asset = |(asset, total): (Address, Amount)| {
                let mut stats = AssetStats {
                    asset: AddressText(asset),
                    unspent_total: AmountText(total),
                    exiting_total: AmountText(exiting.get(&asset).copied().unwrap_or(NOTHING)),
                    locked_on_l1: None,
                    difference: None,
                };
                if let Some(reading) = &reading {
                    reading.compare(&mut stats);
                }
                stats
            };
            Reply::ok(&StatsView {
                height: header.height.0,
                assets: totals.into_iter().map(asset).collect(),
                open_exits: exits.len(),
                l1_height: reading.as_ref().map(|reading| reading.l1_height.0),
            })
        })
        .await
    }
}

/// What keeps the operator from its work.
pub(super) fn blockers(status: &Status) -> Vec<Blocker> {
    let mut found = Vec::new();
    if let Some(reason) = &status.stopped {
        found.push(blocker(
            "stopped",
            reason.clone(),
            "it goes on serving proofs and signs nothing; read its log",
        ));
    }
    if let Some(height) = status.halted {
        let text = format!("Ethereum halted the chain; nothing above height {height} counts");
        found.push(blocker(
            "halted",
            text,
            "exit with /v1/outputs/{position}/exit-data",
        ));
    }
    if status.behind {
        let text = format!(
            "the federation finalized blocks above height {} that are not here yet",
            status.height
        );
        found.push(blocker(
            "catching-up",
            text,
            "it ends by itself while a peer with those blocks is connected",
        ));
    }
    if status.starved {
        let text = format!(
            "no connected operator gives the blocks above height {}; they may have pruned them",
            status.height
        );
        found.push(blocker(
            "blocks-unavailable",
            text,
            "restart this operator: it takes a snapshot if one of them has any; or connect one that keeps all blocks",
        ));
    }
    found.extend(silence(status));
    found.extend(out_of_reach(status));
    if let Some(since) = status.stalled_since {
        let reason = status.given_up.map_or_else(String::new, |given_up| {
            format!("; view {} was given up: {}", given_up.view, given_up.reason)
        });
        found.push(blocker(
            "no-progress",
            format!(
                "there is work, and nothing was decided since {}{reason}",
                rfc3339(since.0)
            ),
            "where no other blocker says why, the reason and the log do; compare the others' status",
        ));
    }
    found
}

fn blocker(code: &str, text: String, hint: &str) -> Blocker {
    Blocker {
        code: code.into(),
        text,
        hint: hint.into(),
    }
}

/// An operator that lost its log, or was given an older storage, until it votes again.
fn silence(status: &Status) -> Option<Blocker> {
    let (text, hint) = match status.silence? {
        Silence::Rejoining => (
            "its log lacks votes, and too few members have said how far they are; it signs nothing"
                .to_owned(),
            "start it once with --amnesia-rejoin; of n members 2f + 1 others must be connected",
        ),
        Silence::Over => (
            "its log says that this epoch is over, its storage is older; it signs nothing in it".to_owned(),
            "it ends by itself with the blocks that ended the epoch, as soon as a member that has them is connected",
        ),
        Silence::Below(floor) => (
            format!(
                "it lost its log: it votes again in views above {}, and the federation is in view {}",
                floor.0, status.view.0
            ),
            "it ends by itself as views pass, with the next blocks; no other log may be lost before",
        ),
    };
    Some(blocker("rejoining", text, hint))
}

/// Too few members to agree, or nobody here knows who they are.
fn out_of_reach(status: &Status) -> Option<Blocker> {
    let Some(committee) = &status.committee else {
        let text = format!(
            "Ethereum activated the committee of epoch {}, which is not known here",
            status.epoch
        );
        return Some(blocker(
            "committee-unknown",
            text,
            "enter it with `plasma committee install FILE`",
        ));
    };
    let ourselves = usize::from(status.operator.is_some());
    let (online, quorum) = (status.peers.len().saturating_add(ourselves), committee.quorum());
    let text = format!(
        "{online} of {} members in reach, {quorum} must sign",
        committee.size()
    );
    (online < quorum).then(|| {
        blocker(
            "no-quorum",
            text,
            "peers.members lists who is connected; look at the others",
        )
    })
}

fn state(status: &Status) -> &'static str {
    match status {
        Status { stopped: Some(_), .. } => "stopped",
        Status { halted: Some(_), .. } => "halted",
        Status { behind: true, .. } => "catching-up",
        Status { silence: Some(_), .. } => "rejoining",
        Status { operator: None, .. } => "observing",
        _ => "running",
    }
}
