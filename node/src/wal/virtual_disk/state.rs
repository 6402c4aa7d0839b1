//! What a simulated disk holds: as it is seen, as it is kept, and what lies between.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::Refusal;

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) random: u64,
    /// Counts the crashes.
    pub(super) life: u64,
    pub(super) operations: u64,
    pub(super) refusals: BTreeMap<u64, Refusal>,
    pub(super) cut_at: Option<u64>,
    pub(super) is_out: bool,
    pub(super) files: BTreeMap<u64, Contents>,
    pub(super) next_file: u64,
    /// Names as a process sees them, and as they are behind barriers.
    pub(super) seen: BTreeMap<PathBuf, u64>,
    pub(super) kept: BTreeMap<PathBuf, u64>,
    /// What leads from the one to the other, oldest first.
    pub(super) namings: Vec<Naming>,
    pub(super) held: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) seen: Vec<u8>,
    pub(super) kept: Vec<u8>,
    /// Writes that await a barrier.
    pub(super) pending: Vec<Write>,
    /// Writes whose barrier was refused.
    pub(super) doomed: Vec<Write>,
}

#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
}

/// One change of a name: the old one goes, the new one comes.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) gone: Option<PathBuf>,
    pub(super) given: Option<(PathBuf, u64)>,
}

/// How a crash treats what no barrier stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    KeepsAll,
    LosesAll,
    Tosses,
}

/// An operation that was begun; under a power cut it takes place in the dark.
pub(super) struct Begun {
    pub(super) is_cut: bool,
}

impl Begun {
    pub(super) fn end(self) -> io::Result<()> {
        if self.is_cut { Err(power_cut()) } else { Ok(()) }
    }
}

impl State {
    pub(super) fn powered(&self) -> io::Result<()> {
        if self.is_out { Err(power_cut()) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self) -> io::Result<Begun> {
        self.powered()?;
        self.operations += 1;
        match self.refusals.remove(&self.operations) {
            Some(Refusal::Failure) => return Err(io::Error::from_raw_os_error(EIO)),
            Some(Refusal::Full) => return Err(io::Error::from_raw_os_error(ENOSPC)),
            None => {}
        }
        self.is_out = self.cut_at == Some(self.operations);
        Ok(Begun { is_cut: self.is_out })
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<u64> {
        let found = self.seen.get(path).copied();
        found.ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.seen);
        self.namings.push(naming);
    }

    pub(super) fn crash(&mut self) {
        let mood = match self.below(4) {
            0 => Mood::KeepsAll,
            1 => Mood::LosesAll,
            _ => Mood::Tosses,
        };
        for naming in std::mem::take(&mut self.namings) {
            if self.stays(mood) {
                naming.apply(&mut self.kept);
            }
        }
        for (number, mut contents) in std::mem::take(&mut self.files) {
            let doomed = std::mem::take(&mut contents.doomed);
            let pending = std::mem::take(&mut contents.pending);
            for sector in doomed.iter().chain(&pending).flat_map(Write::sectors) {
                if self.stays(mood) {
                    sector.apply(&mut contents.kept);
                }
            }
            let length = contents.seen.len();
            if length > contents.kept.len() && self.stays(mood) {
                contents.kept.resize(length, 0);
            }
            contents.seen.clone_from(&contents.kept);
            self.files.insert(number, contents);
        }
        self.seen = self.kept.clone();
        self.end_life();
    }

    pub(super) fn end_life(&mut self) {
        self.life += 1;
        self.held.clear();
        self.refusals.clear();
        (self.cut_at, self.is_out) = (None, false);
        self.forget_nameless();
    }

    fn stays(&mut self, mood: Mood) -> bool {
        match mood {
            Mood::KeepsAll => true,
            Mood::LosesAll => false,
            Mood::Tosses => self.below(2) == 0,
        }
    }

    /// Drops files that no name leads to and none can.
    pub(super) fn forget_nameless(&mut self) {
        let given = self.namings.iter().filter_map(|naming| naming.given.as_ref());
        let named: BTreeSet<u64> = given
            .map(|(_, file)| file)
            .chain(self.seen.values())
            .chain(self.kept.values())
            .copied()
            .collect();
        self.files.retain(|file, _| named.contains(file));
    }

    /// A number below a bound, or zero. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(word.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }
}

impl Naming {
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        let given = self.given.as_ref().map(|(path, _)| path);
        let mut paths = self.gone.iter().chain(given);
        paths.any(|path| path.parent() == Some(folder))
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, file)) = &self.given {
            names.insert(path.clone(), *file);
        }
    }
}

impl Write {
    fn end(&self) -> usize {
        self.offset.saturating_add(self.bytes.len())
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }

    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.len() < self.end() {
            bytes.resize(self.end(), 0);
        }
        if let Some(place) = bytes.get_mut(self.offset..self.end()) {
            place.copy_from_slice(&self.bytes);
        }
    }

    /// The parts that a disk writes whole or not at all.
    fn sectors(&self) -> Vec<Self> {
        let mut sectors = Vec::new();
        let (mut offset, mut rest) = (self.offset, self.bytes.as_slice());
        while !rest.is_empty() {
            let room = SECTOR - offset % SECTOR;
            let (sector, behind) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            sectors.push(Self {
                offset,
                bytes: sector.to_vec(),
            });
            (offset, rest) = (offset + sector.len(), behind);
        }
        sectors
    }
}

fn power_cut() -> io::Error {
    io::Error::other("the power is out")
}

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// `errno` of a device that fails, on Linux.
const EIO: i32 = 5;
/// `errno` of a full device, on Linux.
const ENOSPC: i32 = 28;
