//! The table of complaints in `docs/simulation.md` names tests: each of them exists, in some crate, under that name.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Crates whose tests the table names.
const CRATES: [&str; 4] = ["consensus/tests", "network/tests", "node/tests", "testnet/tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if !line.starts_with("#[") || !line.contains("test") {
                    continue;
                }
                let declared = lines
                    .find_map(|line| line.split_once("fn "))
                    .map(|(_, name)| name);
                let name = declared.and_then(|name| name.split_once('('));
                names.extend(name.map(|(name, _)| name.to_owned()));
            }
            // Tests of the log run on two disks each: a macro lists the functions that it makes them of.
            let listed = text.lines().filter_map(|line| line.trim().strip_suffix(','));
            let made = listed.filter(|name| text.contains(&format!("fn {name}<")));
            names.extend(made.map(str::to_owned));
        }
    }
}

/// The rows of the table: number, named tests, gap.
fn rows() -> Vec<(String, Vec<String>, String)> {
    let page = fs::read_to_string(root().join("docs/simulation.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| Q"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let quoted = cells[3].split('`').skip(1).step_by(2).map(str::to_owned);
        (cells[1].to_owned(), quoted.collect(), cells[4].to_owned())
    })
    .collect()
}

#[test]
fn every_complaint_has_a_test_that_exists_or_an_open_gap() {
    let mut names = BTreeSet::new();
    for folder in CRATES {
        collect(&root().join(folder), &mut names);
    }
    let rows = rows();
    let numbers: Vec<String> = (1..=30).map(|number| format!("Q{number}")).collect();
    let told: Vec<&String> = rows.iter().map(|(number, _, _)| number).collect();
    assert_eq!(told, numbers.iter().collect::<Vec<_>>());
    for (number, tests, gap) in &rows {
        let missing: Vec<&String> = tests.iter().filter(|test| !names.contains(*test)).collect();
        assert!(missing.is_empty(), "{number} names {missing:?}");
        assert!(!tests.is_empty() || !gap.is_empty(), "{number} says nothing");
    }
}
