//! All tests of the ledger's rules against its public face.

#[cfg(test)]
mod suite {
    pub(crate) mod blocks;
    pub(crate) mod certificates;
    pub(crate) mod codec;
    pub(crate) mod document;
    pub(crate) mod facts;
    pub(crate) mod facts_in_flight;
    pub(crate) mod ledger_properties;
    pub(crate) mod rules_form;
    pub(crate) mod rules_ledger;
    pub(crate) mod vectors;
    pub(crate) mod world;
}
