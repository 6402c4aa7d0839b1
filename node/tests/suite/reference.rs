//! The reference of all commands, `docs/cli.md`: what `--help` says of each.

use std::{collections::VecDeque, fmt::Write as _, process::Command};

/// What a command says of itself, alone in the world.
fn help(words: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(words)
        .arg("--help")
        .env_clear()
        .output()
        .expect("plasma starts");
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The commands below it.
fn below(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = names.filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_reference_of_commands_is_the_one_on_record() {
    let mut text = "# The commands of plasma\n\nWhat `--help` says of each; a test keeps it so.\n".to_owned();
    let mut open = VecDeque::from([Vec::new()]);
    let mut count = 0;
    while let Some(words) = open.pop_front() {
        let said = help(&words);
        let title = [&["plasma".to_owned()], words.as_slice()].concat().join(" ");
        let lines: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
        write!(text, "\n## {title}\n\n```text\n{}\n```\n", lines.join("\n")).expect("a text grows");
        count += 1;
        for name in below(&said).into_iter().rev() {
            open.push_front([words.as_slice(), &[name]].concat());
        }
    }
    assert!(count > 40, "{count} commands");
    let record = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    if std::fs::read_to_string(record).unwrap_or_default() != text {
        let new = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli.md");
        std::fs::write(new, text).expect("a folder for it");
        panic!("another text than docs/cli.md; if it is right: cp {new} {record}");
    }
}
