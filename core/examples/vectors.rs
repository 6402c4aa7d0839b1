//! Prints `core/tests/vectors/protocol.json`, which the tests of both languages read:
//! `cargo run -q -p plasma-core --example vectors > core/tests/vectors/protocol.json`.

use std::io::{self, Write as _};

#[path = "../tests/suite/document.rs"]
mod document;

fn main() -> io::Result<()> {
    let text = serde_json::to_string_pretty(&document::document())?;
    writeln!(io::stdout(), "{text}")
}
