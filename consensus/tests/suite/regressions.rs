//! Scenarios that once broke something, written down whole so that they survive changes of the generator. Kept for ever.
