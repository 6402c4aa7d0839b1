//! Tests of the Rust face: the committed files are fresh, and the generated types encode and decode.

mod suite {
    pub(crate) mod bindings;
    pub(crate) mod fresh;
}
