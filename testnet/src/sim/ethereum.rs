//! Ethereum as all operators share it: blocks of calls over the real contracts, reorganised now and then; and each operator's
//! own view of it, which may lag or be silent.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plasma_core::{Address, Epoch, Hash, L1Block, L1Event, L1Height};
use plasma_law::ethereum::{Ethereum, Outcome};
use plasma_node::{
    bridge::{Anchor, Anchored, L1, L1Error, Link, Observed, SpendProof, account::Call, decode::Log},
    runtime::registry::Roll as _,
};

use super::{random::Random, site::Site};

/// A transaction on its way to a block.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) from: Address,
    pub(super) call: Call,
}

/// A block with what happened in it.
#[derive(Debug)]
pub(super) struct Mined {
    pub(super) observed: Observed,
    /// Raw, for who does not trust the operators' decoder.
    pub(super) logs: Vec<Log>,
    pub(super) calls: Vec<Sent>,
    /// Calls that the contracts refused, with their reasons.
    pub(super) refused: Vec<(String, Vec<u8>)>,
    /// The state before, as long as it may be needed.
    before: Option<Ethereum>,
}

/// The chain.
#[derive(Debug)]
pub(super) struct Chain {
    site: Arc<Site>,
    state: Ethereum,
    /// The first is the deployment block.
    pub(super) blocks: Vec<Mined>,
    waiting: Vec<Sent>,
    branch: u64,
}

/// No reorganisation is deeper.
const DEPTH_MAX: usize = 8;

impl Chain {
    pub(super) fn new(site: &Arc<Site>) -> Self {
        let state = site.ethereum.clone();
        let block = state.newest();
        let link = Link {
            block,
            parent: Hash::default(),
        };
        let first = Mined {
            observed: site.contracts.observed(link, &[]),
            logs: Vec::new(),
            calls: Vec::new(),
            refused: Vec::new(),
            before: None,
        };
        Self {
            site: Arc::clone(site),
            state,
            blocks: vec![first],
            waiting: Vec::new(),
            branch: 0,
        }
    }

    /// A transaction enters the pool.
    pub(super) fn send(&mut self, from: Address, call: Call) {
        self.waiting.push(Sent { from, call });
    }

    /// Ends the block under way with what waits; the next is so much later.
    pub(super) fn mine(&mut self, pause_s: u64) {
        let calls = std::mem::take(&mut self.waiting);
        self.mine_these(calls, self.state.time_s + pause_s);
    }

    fn mine_these(&mut self, calls: Vec<Sent>, next_s: u64) {
        let before = self.state.clone();
        let parent = before.newest().hash;
        let (mut logs, mut refused) = (Vec::new(), Vec::new());
        for sent in &calls {
            match self.state.send(sent.from, &sent.call) {
                Outcome::Done { logs: more, .. } => logs.extend(more),
                Outcome::Refused(reason) => refused.push((sent.call.label.clone(), reason)),
            }
        }
        self.state.seal(next_s.max(self.state.time_s + 1));
        let link = Link {
            block: self.state.newest(),
            parent,
        };
        self.blocks.push(Mined {
            observed: self.site.contracts.observed(link, &logs),
            logs,
            calls,
            refused,
            before: Some(before),
        });
        let kept = self.blocks.len().saturating_sub(DEPTH_MAX + 1);
        if let Some(old) = self.blocks.get_mut(kept.saturating_sub(1)) {
            old.before = None;
        }
    }

    /// Takes the newest blocks away and puts one more in their place; what was in them is mined again in another order, some
    /// of it later. Says how many blocks went.
    pub(super) fn reorganise(&mut self, depth: usize, random: &mut Random) -> usize {
        let depth = depth.min(DEPTH_MAX).min(self.blocks.len() - 1);
        let next_s = self.state.time_s;
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        let times: Vec<u64> = gone
            .iter()
            .map(|mined| mined.observed.link.block.timestamp_s)
            .collect();
        let Some(before) = gone.first().and_then(|mined| mined.before.clone()) else {
            self.blocks.extend(gone);
            return 0;
        };
        self.state = before;
        self.branch += 1;
        self.state.branch = self.branch;
        let mut calls: Vec<Sent> = gone.into_iter().flat_map(|mined| mined.calls).collect();
        calls.append(&mut self.waiting);
        random.shuffle(&mut calls);
        for number in 1..=depth {
            let now = (0..calls.len()).filter(|_| random.chance(5_000)).count();
            let mined = calls.drain(..now).collect();
            self.mine_these(mined, times.get(number).copied().unwrap_or(next_s));
        }
        self.waiting = calls;
        depth
    }

    /// The state as an endpoint shows it that is so many blocks behind; `None` when that is longer ago than anybody keeps.
    pub(super) fn state_behind(&mut self, lag: usize) -> Option<&mut Ethereum> {
        if lag == 0 {
            return Some(&mut self.state);
        }
        let place = self.blocks.len().checked_sub(lag)?;
        self.blocks.get_mut(place)?.before.as_mut()
    }

    /// Where the committees are kept.
    pub(super) fn federation(&self) -> Address {
        self.site.contracts.federation
    }

    /// When the block under way is.
    pub(super) fn next_s(&self) -> u64 {
        self.state.time_s
    }

    /// What an account has.
    pub(super) fn balance(&mut self, account: Address) -> plasma_core::Amount {
        self.state.balance(account)
    }

    /// The contracts as they are now, for who asks them.
    pub(super) fn now(&mut self) -> &mut Ethereum {
        &mut self.state
    }

    /// Whether a call would do what it asks for.
    pub(super) fn would_do(&mut self, from: Address, call: &Call) -> bool {
        matches!(self.state.peek(from, call), Outcome::Done { .. })
    }

    /// What nobody can reorganise any more when nothing deeper than the confirmations happens.
    pub(super) fn head(&self) -> &Mined {
        self.blocks.last().expect("the deployment")
    }

    fn index(&self, height: L1Height) -> Option<usize> {
        let first = self.blocks[0].observed.link.block.height.0;
        usize::try_from(height.0.checked_sub(first)?).ok()
    }
}

/// The chain, shared by all views of a run.
pub(super) type Ledger = Arc<Mutex<Chain>>;

pub(super) fn lock<T>(ledger: &Mutex<T>) -> MutexGuard<'_, T> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an operator's endpoint is today.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sight {
    /// It does not answer.
    pub(super) is_silent: bool,
    /// Blocks that it does not know yet.
    pub(super) lag: usize,
}

/// One operator's endpoint.
#[derive(Debug)]
pub(super) struct Eye {
    pub(super) ledger: Ledger,
    pub(super) sight: Mutex<Sight>,
}

impl Eye {
    /// The chain as far as the endpoint shows it.
    fn look<T>(&self, question: impl FnOnce(&Chain, usize) -> Option<T>) -> Result<T, L1Error> {
        let sight = *lock(&self.sight);
        let silent = L1Error::UnknownBlock(L1Height(0));
        if sight.is_silent {
            return Err(silent);
        }
        let chain = lock(&self.ledger);
        let shown = chain.blocks.len().saturating_sub(sight.lag).max(1);
        question(&chain, shown).ok_or(silent)
    }

    pub(super) fn head_now(&self) -> Result<L1Block, L1Error> {
        self.look(|chain, shown| Some(chain.blocks[shown - 1].observed.link.block))
    }

    pub(super) fn block_now(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        self.look(|chain, shown| {
            let place = chain.index(height).filter(|place| *place < shown);
            Some(place.map(|place| chain.blocks[place].observed.link.block))
        })
    }

    /// All that the endpoint shows, oldest first.
    pub(super) fn all_now(&self) -> Result<Vec<Observed>, L1Error> {
        self.look(|chain, shown| {
            let blocks = chain.blocks.iter().take(shown);
            Some(blocks.map(|mined| mined.observed.clone()).collect())
        })
    }

    fn range_now(&self, range: &RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        self.look(|chain, shown| {
            let (from, to) = (chain.index(*range.start())?, chain.index(*range.end())?);
            let blocks = (to < shown).then(|| chain.blocks.get(from..=to))??;
            Some(blocks.iter().map(|mined| mined.observed.clone()).collect())
        })
    }
}

impl L1 for Eye {
    async fn head(&self) -> Result<L1Block, L1Error> {
        std::future::ready(self.head_now()).await
    }

    async fn block(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        std::future::ready(self.block_now(height)).await
    }

    async fn observe(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        std::future::ready(self.range_now(&range)).await
    }

    async fn events(&self, range: RangeInclusive<L1Height>) -> Result<Vec<L1Event>, L1Error> {
        let observed = self.observe(range).await?;
        Ok(observed.into_iter().flat_map(|block| block.events).collect())
    }

    async fn activated(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        self.hash_of(epoch).await
    }

    async fn last_anchor(&self) -> Result<Option<Anchored>, L1Error> {
        let anchors = self.all_now()?.into_iter().flat_map(|block| block.anchors);
        std::future::ready(Ok(anchors.last())).await
    }

    /// Duties go another way here: the world makes calls of them.
    async fn anchor(&self, _: &Anchor) -> Result<(), L1Error> {
        std::future::ready(Ok(())).await
    }

    async fn challenge(&self, _: &SpendProof) -> Result<(), L1Error> {
        std::future::ready(Ok(())).await
    }
}
