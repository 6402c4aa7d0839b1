//! The token's artifact is what the compiler writes from its source.

use std::path::Path;
use std::process::Command;

#[test]
fn the_token_that_is_deployed_is_compiled_from_its_source() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("token/build.mjs");
    let output = Command::new("node")
        .arg(&script)
        .arg("--check")
        .output()
        .expect("Node.js runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
