//! The ledger of an honest operator, in memory: reads, builds, judges and commits as storage and operator do.

use std::{collections::BTreeMap, convert::Infallible};

use plasma_core::{
    Amount, AuthenticBlock, AuthenticTransaction, Broken, Delta, DepositFate, DepositNumber, ExitId, Genesis,
    L1Event, NewBlock, OpenExit, OutputRecord, Params, Position, Reads, SignedTransaction, State, ledger,
};

use crate::site::Site;

/// Most client transactions in a block: more than the generator ever proposes honestly.
pub(crate) const TRANSACTIONS_MAX: u32 = 8;
/// Most bytes of them: four honest ones and a lie, all as long as can be.
pub(crate) const BYTES_MAX: u32 = 5 * 464;

/// Everything that storage holds, and the rules.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    /// The rules of the genesis document.
    pub(crate) params: Params,
    /// The head.
    pub(crate) state: State,
    /// Every output that ever was.
    pub(crate) outputs: BTreeMap<Position, OutputRecord>,
    /// Open exits.
    pub(crate) exits: BTreeMap<ExitId, OpenExit>,
    /// What became of deposits.
    pub(crate) deposits: BTreeMap<DepositNumber, DepositFate>,
}

impl Books {
    /// The ledger after block 0. Payments in the token owe a fee to the first user, those in ETH none.
    pub(crate) fn new(site: &Site) -> Self {
        let fee_owner = site.users[0].address();
        let genesis = Genesis {
            version: Genesis::VERSION,
            chain_id: site.domain.chain_id,
            contract: site.domain.contract,
            deployment: site.deployment,
            name: "law".into(),
            confirmations: 1,
            origin_lag: 100,
            max_block_transactions: TRANSACTIONS_MAX,
            max_block_bytes: BYTES_MAX,
            max_l1_events: 100,
            anchor_blocks: 1,
            anchor_seconds: 1,
            takeover_seconds: 1,
            fee_owner: Some(fee_owner),
            fees: vec![(site.token, Amount::from(1u8))],
            legacy_transactions: site.legacy,
            members: Vec::new(),
        };
        Self {
            params: genesis.params(),
            state: genesis.state(),
            outputs: BTreeMap::new(),
            exits: BTreeMap::new(),
            deposits: BTreeMap::new(),
        }
    }

    /// The block that follows from a choice, with its delta.
    pub(crate) fn build(&self, choice: NewBlock, events: &[L1Event]) -> (AuthenticBlock, Delta) {
        let reads = self.read(&choice.candidates, events);
        let (block, delta, _) =
            ledger::build(&self.state, choice, events, &reads, &self.params).expect("an honest choice");
        (block, delta)
    }

    /// The verdict on a block.
    pub(crate) fn apply(&self, block: &AuthenticBlock, events: &[L1Event]) -> Result<Delta, Broken> {
        let reads = self.read(&block.transactions, events);
        ledger::apply(&self.state, block, events, &reads, &self.params)
    }

    /// Writes what a block changes.
    pub(crate) fn commit(&mut self, delta: Delta) {
        self.outputs.extend(delta.outputs);
        for (id, exit) in delta.exits {
            match exit {
                Some(exit) => self.exits.insert(id, exit),
                None => self.exits.remove(&id),
            };
        }
        self.deposits.extend(delta.deposits);
        self.state = delta.state;
    }

    /// Outputs that could be spent now, with their positions.
    pub(crate) fn spendable(&self) -> Vec<(Position, OutputRecord)> {
        self.chosen(|record| record.is_unspent() && record.output.locks == 0)
    }

    /// Outputs that meet a condition.
    pub(crate) fn chosen(&self, is_meant: impl Fn(&OutputRecord) -> bool) -> Vec<(Position, OutputRecord)> {
        let meant = self.outputs.iter().filter(|(_, record)| is_meant(record));
        meant.map(|(position, record)| (*position, *record)).collect()
    }

    fn read(&self, transactions: &[AuthenticTransaction], events: &[L1Event]) -> Reads {
        let wanted = ledger::wanted(transactions.iter().map(AuthenticTransaction::transaction), events);
        let Ok(reads) = ledger::gather(wanted, events, |wanted| {
            Ok::<_, Infallible>(wanted.look_up(
                |position| self.outputs.get(position).copied(),
                |id| self.exits.get(id).cloned(),
                |number| self.deposits.get(number).copied(),
            ))
        });
        reads
    }
}

/// Bytes of a transaction become an authentic one, or are none.
pub(crate) fn authentic(bytes: &[u8], params: &Params) -> Option<AuthenticTransaction> {
    SignedTransaction::decode(bytes)
        .ok()?
        .authenticate(&params.domain)
        .ok()
}
