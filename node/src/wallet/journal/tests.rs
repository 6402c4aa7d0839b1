//! Every prefix that a dying machine can leave is read; every other change is found.

use std::{fs, path::PathBuf, process};

use super::{Journal, JournalError};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plasma-wallet-journal-{}-{name}", process::id()));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn head(&self) -> PathBuf {
        self.0.join("journal.head")
    }

    /// Lays a head beside the journal, or takes it away.
    fn lay(&self, head: Option<impl AsRef<[u8]>>) {
        match head {
            Some(head) => fs::write(self.head(), head).unwrap(),
            None => drop(fs::remove_file(self.head())),
        }
    }

    fn opened(&self) -> Result<(Journal, Vec<String>), JournalError> {
        Journal::open(&self.file())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn written(place: &Place, lines: &[&str]) -> Vec<u8> {
    let (mut journal, _) = place.opened().unwrap();
    for line in lines {
        journal.append(line).unwrap();
    }
    fs::read(place.file()).unwrap()
}

#[test]
fn what_was_appended_is_there_after_a_restart() {
    let place = Place::new("restart");
    written(&place, &["one", "two\nlines"]);
    written(&place, &["three"]);
    assert_eq!(place.opened().unwrap().1, ["one", "two\nlines", "three"]);
}

#[test]
fn every_torn_tail_leaves_the_lines_before_it_and_can_be_gone_on_from() {
    let place = Place::new("torn");
    let (whole, heads) = grown(&place, &["one", "two", "three"]);
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for cut in 0..whole.len() {
        let lines = ends.iter().filter(|end| **end < cut).count();
        // The head of the last whole line, or the one before it, or none as older wallets had it.
        let head = Some(&heads[lines]);
        for head in [head, heads[..lines].last(), None] {
            fs::write(place.file(), &whole[..cut]).unwrap();
            place.lay(head);
            let (mut journal, found) = place.opened().unwrap();
            assert_eq!(found.len(), lines, "cut at {cut}");
            journal.append(&"after").unwrap();
            drop(journal);
            assert_eq!(place.opened().unwrap().1.last().unwrap(), "after", "cut at {cut}");
        }
    }
}

#[test]
fn a_journal_that_lost_lines_at_its_end_is_told_from_a_shorter_one() {
    let place = Place::new("lost");
    let (whole, heads) = grown(&place, &["one", "two", "three"]);
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for cut in 0..whole.len() {
        let lines = ends.iter().filter(|end| **end < cut).count();
        for head in &heads[lines + 1..] {
            fs::write(place.file(), &whole[..cut]).unwrap();
            place.lay(Some(head));
            let error = place.opened().unwrap_err();
            assert!(
                matches!(error, JournalError::Lost { .. }),
                "cut at {cut}: {error}"
            );
            assert!(error.to_string().contains("newest copy"), "{error}");
            assert_eq!(
                fs::read(place.file()).unwrap(),
                whole[..cut],
                "nothing is changed"
            );
        }
    }
    fs::remove_file(place.file()).unwrap();
    let error = place.opened().unwrap_err().to_string();
    assert!(
        error.contains("it is missing") && error.contains("away as a whole"),
        "{error}"
    );
    assert!(!place.file().exists());
    // Another journal of the same length.
    let other = Place::new("lost-other");
    grown(&other, &["one", "two", "four"]);
    fs::copy(other.file(), place.file()).unwrap();
    assert!(matches!(place.opened().unwrap_err(), JournalError::Lost { .. }));
    place.lay(Some(b"three"));
    assert!(matches!(place.opened().unwrap_err(), JournalError::Lost { .. }));
}

/// The bytes of a journal, and its head after each of its lines, none of them first.
fn grown(place: &Place, lines: &[&str]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut journal, _) = place.opened().unwrap();
    let mut heads = vec![fs::read(place.head()).unwrap()];
    for line in lines {
        journal.append(line).unwrap();
        heads.push(fs::read(place.head()).unwrap());
    }
    (fs::read(place.file()).unwrap(), heads)
}

#[test]
fn a_last_line_of_zeros_is_a_torn_one() {
    let place = Place::new("zeros");
    let mut whole = written(&place, &["one"]);
    whole.extend([0; 40]);
    fs::write(place.file(), &whole).unwrap();
    assert_eq!(place.opened().unwrap().1, ["one"]);
}

#[test]
fn changed_moved_and_missing_lines_are_found_and_named() {
    let place = Place::new("damage");
    let whole = written(&place, &["one", "two", "three"]);
    let text = String::from_utf8(whole).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let swapped = [lines[1], lines[0], lines[2]].concat();
    for (content, line) in [
        (text.replace("one", "own"), 1),
        (text.replace("three", "there"), 3),
        (swapped, 1),
        ([lines[0], lines[2]].concat(), 2),
        (format!("\n{text}"), 1),
    ] {
        fs::write(place.file(), &content).unwrap();
        let error = place.opened().unwrap_err();
        assert!(
            matches!(error, JournalError::Damaged { line: found, .. } if found == line),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(place.file()).unwrap(),
            content,
            "nothing is changed"
        );
    }
}
