//! The dependency tree against `deny.toml`: bans, version floors, licences and sources, offline.
//!
//! Bans and floors are held against the whole `Cargo.lock`, so that what another platform would compile counts too.

use std::collections::BTreeSet;

use super::tree::{cargo, root};

fn deny() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml"))
        .expect("deny.toml")
        .parse()
        .expect("TOML")
}

fn strings<'a>(list: &'a toml::Value, what: &str) -> Vec<&'a str> {
    list.as_array()
        .unwrap_or_else(|| panic!("{what} is a list"))
        .iter()
        .filter_map(toml::Value::as_str)
        .collect()
}

/// Name, version and source of every locked package.
fn locked() -> Vec<(String, String, Option<String>)> {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock"))
        .expect("Cargo.lock")
        .parse()
        .expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let text = |package: &toml::Value, field: &str| {
        package
            .get(field)
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    packages
        .iter()
        .map(|one| {
            (
                text(one, "name").expect("name"),
                text(one, "version").expect("version"),
                text(one, "source"),
            )
        })
        .collect()
}

/// The three numbers of a version; what follows a dash or plus does not matter for a floor.
fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().expect("a number"));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// Whether a version meets every bound of a list such as `>=0.15.0,<0.15.1`.
fn meets(version: &str, bounds: &str) -> bool {
    let version = numbers(version);
    bounds.split(',').map(str::trim).all(
        |bound| match (bound.strip_prefix(">="), bound.strip_prefix('<')) {
            (Some(least), _) => version >= numbers(least),
            (None, Some(below)) => version < numbers(below),
            (None, None) => panic!("only >= and < are understood, not {bound}"),
        },
    )
}

/// Whether an SPDX expression can be met with allowed licences only; a slash is the old way to write OR.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    let met = any_of(&words, &mut at, allowed);
    assert_eq!(
        at,
        words.len(),
        "a licence expression that we cannot read: {expression}"
    );
    met
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut met = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at, allowed);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    if words.get(*at) == Some(&"(") {
        *at += 1;
        let met = any_of(words, at, allowed);
        *at += 1;
        return met;
    }
    let mut name = words.get(*at).copied().unwrap_or_default().to_owned();
    *at += 1;
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).copied().unwrap_or_default());
        *at += 2;
    }
    allowed.contains(&name.as_str())
}

#[test]
fn nothing_banned_or_below_its_floor_is_locked() {
    let deny = deny();
    let locked = locked();
    let mut found = Vec::new();
    for ban in deny["bans"]["deny"].as_array().expect("bans.deny is a list") {
        let spec = ban["crate"].as_str().expect("a crate");
        let (banned, bounds) = spec
            .split_once(':')
            .map_or((spec, None), |(name, bounds)| (name, Some(bounds)));
        let hits = locked
            .iter()
            .filter(|(name, version, _)| name == banned && bounds.is_none_or(|one| meets(version, one)));
        found.extend(hits.map(|(name, version, _)| format!("{name} {version}: {}", ban["reason"])));
    }
    assert!(found.is_empty(), "banned:\n{}", found.join("\n"));
}

#[test]
fn every_source_is_allowed() {
    let deny = deny();
    let registries = strings(&deny["sources"]["allow-registry"], "sources.allow-registry");
    let allowed = |source: &str| {
        registries
            .iter()
            .any(|registry| source == format!("registry+{registry}"))
    };
    let strange: Vec<String> = locked()
        .into_iter()
        .filter(|(_, _, source)| source.as_deref().is_some_and(|source| !allowed(source)))
        .map(|(name, version, source)| format!("{name} {version} from {}", source.unwrap_or_default()))
        .collect();
    assert!(strange.is_empty(), "from elsewhere: {strange:?}");
}

#[test]
fn every_licence_is_allowed() {
    let deny = deny();
    let allowed = strings(&deny["licenses"]["allow"], "licenses.allow");
    let edges = [
        "tree",
        "--offline",
        "--workspace",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ];
    let listing = cargo(&[&edges[..], &["--format", "{p}|{l}"]].concat());
    let packages: BTreeSet<(&str, &str)> = listing
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'))
        .collect();
    assert!(
        packages.len() > 100,
        "cargo tree listed only {} packages",
        packages.len()
    );
    let strange: Vec<_> = packages
        .iter()
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .collect();
    assert!(strange.is_empty(), "licences that nobody allowed: {strange:?}");
}

#[test]
fn a_version_below_its_floor_is_seen() {
    assert!(meets("0.13.9", "<0.13.10"));
    assert!(!meets("0.14.0", "<0.13.10"));
    assert!(meets("0.15.0", ">=0.15.0,<0.15.1") && !meets("0.14.5", ">=0.15.0,<0.15.1"));
}

#[test]
fn a_licence_expression_is_read_as_it_is_meant() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception"];
    assert!(is_allowed("GPL-3.0 OR MIT", &allowed) && is_allowed("MIT/GPL-3.0", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0", &allowed));
    assert!(is_allowed(
        "(GPL-3.0 OR Apache-2.0 WITH LLVM-exception) AND MIT",
        &allowed
    ));
    assert!(!is_allowed("GPL-3.0", &allowed));
}
