//! What the README shows a newcomer: its commands are run, and must say what it says they do.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::running::{Running, turn};

/// A command of the README, and what it shows below.
struct Shown {
    command: String,
    lines: Vec<String>,
}

fn shown() -> Vec<Shown> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(readme).expect("the README");
    let block = text
        .split("```console\n")
        .nth(1)
        .expect("a console in the README");
    let block = block.split("\n```").next().expect("its end");
    let mut all: Vec<Shown> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => all.push(Shown {
                command: command.to_owned(),
                lines: Vec::new(),
            }),
            None => all
                .last_mut()
                .expect("a command first")
                .lines
                .push(line.to_owned()),
        }
    }
    all
}

/// A line without what differs between two runs: whatever has a digit in it, but amounts of ETH.
fn same(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut kept = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let is_ether = words.get(place + 1).is_some_and(|next| next.starts_with("ETH"));
        let differs = word.contains(|sign: char| sign.is_ascii_digit()) && !is_ether || word.contains('/');
        kept.push(if differs { "#" } else { word });
    }
    kept.join(" ")
}

/// Whether the README's lines are these; `...` stands for any.
fn agrees(readme: &[String], said: &[String]) -> bool {
    match readme.split_first() {
        None => said.is_empty(),
        Some((line, rest)) if line == "..." => (0..=said.len()).any(|from| agrees(rest, &said[from..])),
        Some((line, rest)) => said
            .split_first()
            .is_some_and(|(first, others)| same(line) == same(first) && agrees(rest, others)),
    }
}

/// Runs a command in a shell of this wallet: what a terminal would show.
fn run(script: &str, command: &str) -> (bool, Vec<String>) {
    let output = Command::new("sh")
        .args(["-c", &format!(". '{script}' && {{ {command}; }} 2>&1")])
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text.lines().map(str::to_owned).collect())
}

#[test]
fn a_newcomer_sees_what_the_readme_shows() {
    let _turn = turn();
    let shown = shown();
    assert!((2..10).contains(&shown.len()), "{} commands", shown.len());
    let (up, rest) = shown.split_first().expect("a first command");
    assert!(up.command.ends_with("-- up"), "{}", up.command);
    let running = Running::start_with("readme", &[]);
    let told: Vec<String> = running.told().lines().map(str::to_owned).collect();
    assert!(
        agrees(&up.lines, &told),
        "README:\n{}\n\nsaid:\n{}",
        up.lines.join("\n"),
        told.join("\n")
    );
    let (source, rest) = rest.split_first().expect("a second command");
    assert!(source.command.starts_with(". "), "{}", source.command);
    let line = told
        .iter()
        .find(|line| line.contains("wallet.sh"))
        .expect("a wallet");
    let script = line.split(". ").nth(1).expect("its script").trim();
    // The payment's change lies where the README's lies, or a block later: found by its amount.
    let mut place: Option<String> = None;
    for step in rest {
        let command = place.iter().fold(step.command.clone(), |command, place| {
            let words = command.split(' ').map(|word| match word.split(':').count() {
                3 => place.as_str(),
                _ => word,
            });
            words.collect::<Vec<_>>().join(" ")
        });
        let end = Instant::now() + PATIENCE;
        let said = loop {
            let (succeeded, said) = run(script, &command);
            assert!(succeeded, "{command}: {}", said.join("\n"));
            // Only a list of outputs may be asked for again: an anchor comes when it comes.
            if agrees(&step.lines, &said) || !command.ends_with("utxos") || Instant::now() > end {
                break said;
            }
            std::thread::sleep(Duration::from_millis(300));
        };
        assert!(
            agrees(&step.lines, &said),
            "{command}\nREADME:\n{}\n\nsaid:\n{}",
            step.lines.join("\n"),
            said.join("\n")
        );
        let change = said.iter().find(|line| line.contains(" 1.25 ETH, can leave"));
        place = change
            .and_then(|line| line.split(' ').next())
            .map(str::to_owned)
            .or(place);
    }
    assert!(place.is_some(), "nothing could leave");
}

#[test]
fn lines_agree_when_only_what_differs_between_runs_differs() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(agrees(
        &lines("a 1:2:3 b\n...\nend"),
        &lines("a 7:0:1 b\nx\ny\nend")
    ));
    assert!(agrees(&lines("...\nend"), &lines("end")));
    assert!(!agrees(&lines("pays 1.25 ETH"), &lines("pays 1.5 ETH")));
    assert!(!agrees(&lines("is paid"), &lines("ended unpaid")));
    assert!(!agrees(&lines("a"), &lines("a\nb")));
    assert!(!agrees(&lines("a\nb"), &lines("a")));
}

/// An anchor takes two blocks of Ethereum, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
