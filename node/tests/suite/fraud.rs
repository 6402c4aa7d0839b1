//! What an operator does about a block that a lying quorum signed.

pub(crate) mod accusing;
pub(crate) mod answers;
pub(crate) mod charges;
pub(crate) mod convicted;
pub(crate) mod quorum;
pub(crate) mod reclaimed;
pub(crate) mod stopped;
pub(crate) mod trial;
