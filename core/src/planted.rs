//! Bugs planted on purpose, so that tests show that they would be found.
//!
//! Without the feature `planted`, which only the simulator of the testnet turns on, the question below is the constant
//! `false`: production code cannot be weakened, by configuration or otherwise.

/// Every bug, by the room that it lies in. The name stands where the bug is.
pub const BUGS: &[&str] = &[
    "answers: doubts of what is decided stand",
    "answers: nothing competes",
    "answers: spent inputs go back",
    "answers: spent outputs leave in flight",
    "answers: waits for anchors after a halt",
    "bridge: anchors under another view",
    "bridge: believes the newest block",
    "bridge: challenges with the next input",
    "bridge: credits the token",
    "bridge: exits the next output",
    "bridge: keeps no payment in flight",
    "bridge: sees no change of the committee",
    "bridge: sees no claim in flight",
    "bridge: sees no end in flight",
    "bridge: sees no exit begin",
    "bridge: sees no exit end",
    "bridge: sees no halt",
    "bridge: sees no payout",
    "bridge: shows spends without their place",
    "consensus: certifies with one vote less",
    "consensus: does not log its votes",
    "consensus: finalizes what it has not judged",
    "consensus: finalizes what it nullified",
    "consensus: forgets its votes at a restart",
    "consensus: goes on above the last block of an epoch",
    "consensus: never gives a view up",
    "consensus: never leads",
    "consensus: nullifies what it finalized",
    "consensus: one claim is enough",
    "consensus: repeats what only others judged",
    "consensus: reports to nobody",
    "consensus: stores no certificates",
    "consensus: the floor after a loss is low",
    "consensus: votes for invalid blocks",
    "consensus: votes for what it has not judged",
    "ledger: any commitment will do",
    "ledger: any history will do",
    "ledger: anybody spends anything",
    "ledger: claims in flight lock nothing",
    "ledger: deposits fund a wei more",
    "ledger: deposits that went back stay",
    "ledger: ended exits keep their locks",
    "ledger: ended flights keep their locks",
    "ledger: epochs end a block too early",
    "ledger: exiting outputs can be spent",
    "ledger: exits lock nothing",
    "ledger: finds no payment in flight",
    "ledger: history tells another count",
    "ledger: inputs hold what they say",
    "ledger: nothing expires",
    "ledger: nothing is forced in",
    "ledger: outputs that left can be spent",
    "ledger: paid exits leave the output",
    "ledger: payments pay more than they bring",
    "ledger: pays on after a halt",
    "ledger: spent outputs can be spent",
    "ledger: time may go back",
    "ledger: what an exit touched can be spent at once",
    "log: a lost one is begun again",
    "log: an old floor covers a new loss",
    "log: bodies are dropped before storage has them",
    "log: bodies are not read",
    "log: bodies are not written",
    "log: confessions are dropped when it is shortened",
    "log: ended epochs leave no mark",
    "log: old copies are voted from",
    "log: one that is no vote is dropped when it is shortened",
    "log: votes are dropped when it is shortened",
    "log: votes of an epoch are dropped with its end",
    "operator: an ended epoch answers nobody",
    "operator: asks nobody without a seat",
    "operator: asks nobody",
    "operator: believes every clock",
    "operator: trusts whoever named a block first",
    "operator: builds without its undecided ancestors",
    "operator: conflicts wait side by side",
    "operator: ends no silent federation",
    "operator: forgets undecided ancestors",
    "operator: keys are those of the first committee",
    "operator: leaves thieves alone",
    "operator: lets Ethereum hear nothing of an idle chain",
    "operator: lets funded deposits go back",
    "operator: never anchors",
    "operator: never asks for a body",
    "operator: never catches up",
    "operator: never hands over",
    "operator: newcomers never take their seats",
    "operator: nothing makes room",
    "operator: peers keep the seats that they had first",
    "operator: skips an Ethereum block",
    "operator: takes no finality",
    "operator: tells of a payment once",
    "operator: waits for what it has decided",
    "operator: what is decided waits on",
    "operator: what is expired waits on",
    "registry: what was entered is forgotten at a restart",
    "runtime: the clock steps back",
    "storage: calls durable what is not",
    "storage: certificates are not written",
    "storage: exits are not written",
    "storage: history has another leaf",
    "storage: owners keep what they spent",
    "storage: spends are not written",
    "storage: the fence is not written",
    "wal: a new log counts from one",
    "wal: barriers sync nothing",
    "wal: checksums are all alike",
    "wal: failed barriers count",
    "wal: names get no barrier",
    "wal: new segments get no barrier",
    "wal: segments go before their successor comes",
    "wal: the newest segment is read alone",
    "wal: torn tails stay",
    "wal: what a killed process left is kept",
    "wire: answers end anywhere",
    "wire: answers reach into the next epoch",
    "wire: certificates are taken unread",
];

#[cfg(feature = "planted")]
std::thread_local! {
    static PLANTED: core::cell::Cell<Option<&'static str>> = const { core::cell::Cell::new(None) };
}

/// Plants one bug in everything that this thread runs from now on, or none.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<&'static str>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted here.
#[cfg(feature = "planted")]
#[must_use]
pub fn planted(bug: &str) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted here: never.
#[cfg(not(feature = "planted"))]
#[inline]
#[must_use]
pub const fn planted(_: &str) -> bool {
    false
}
