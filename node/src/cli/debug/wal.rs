//! `plasma debug wal`: a vote log in words, of a stopped operator or a running one.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use plasma_core::{Genesis, Hash};

use super::{
    super::{StartError, node, show},
    wal_view::{Counted, LogView},
};
use crate::{
    config::Config,
    folder::Identity,
    runtime::{log::RecordError, registry},
    wal::{
        Disk, Lsn,
        inspect::{Found, LogEnd, PAUSE_MS, look},
    },
};

/// Records that are shown unless told otherwise: the last views before a stop.
pub(super) const RECORDS_SHOWN: usize = 20;

/// A log, and what is known of whose it must be.
pub(super) struct Place {
    folder: PathBuf,
    federation: Option<Federation>,
}

/// Who may own the log.
struct Federation {
    genesis: Hash,
    /// Epochs with their members in the order of seats.
    committees: Vec<(u64, Vec<Identity>)>,
}

impl Place {
    /// Any folder; a file is none.
    pub(super) fn of(folder: PathBuf) -> Result<Self, StartError> {
        if folder.is_file() {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            return Err(StartError::Data(format!(
                "{} is a file, and a log is a folder of files: name the folder, such as {}",
                folder.display(),
                parent.display()
            )));
        }
        Ok(Self {
            folder,
            federation: None,
        })
    }

    /// The log of the operator that has these settings. No key is read.
    pub(super) fn named_by(config: &Config) -> Result<Self, StartError> {
        let genesis = node::genesis(config)?;
        Ok(Self {
            folder: config.data_dir.join("log"),
            federation: Some(Federation::read(config, &genesis)?),
        })
    }
}

impl Federation {
    fn read(config: &Config, genesis: &Genesis) -> Result<Self, StartError> {
        let hash = genesis.hash();
        let later = registry::read(&config.data_dir, genesis)?;
        let rosters = later.iter().map(|successor| {
            let roster = &successor.roster;
            (roster.committee.epoch().0, &roster.members)
        });
        let committees = std::iter::once((0, &genesis.members)).chain(rosters);
        let named = committees.map(|(epoch, members)| {
            let owners = members.iter().map(|member| Identity::new(hash, &member.key));
            (epoch, owners.collect())
        });
        Ok(Self {
            genesis: hash,
            committees: named.collect(),
        })
    }

    /// The newest seat of a log's owner.
    fn seat(&self, owner: &Identity) -> Option<String> {
        let named = self.committees.iter().rev();
        let mut seats = named.filter_map(|(epoch, members)| {
            let seat = members.iter().position(|member| member == owner)?;
            Some(format!("seat {seat} of epoch {epoch}"))
        });
        seats.next()
    }
}

/// Shows a log. All that can be read of it is shown before it is said what an operator would refuse.
pub(super) fn run(place: &Place, last: usize, json: bool) -> Result<(), StartError> {
    let pause = || thread::sleep(Duration::from_millis(PAUSE_MS));
    let (found, counted) = look(&Disk, &place.folder, || Counted::new(last), pause);
    let seat = found.identity.as_ref().and_then(|owner| {
        let federation = place.federation.as_ref()?;
        federation.seat(owner)
    });
    let unreadable = counted.unreadable.first().cloned();
    let view = LogView::new(&place.folder, &found, counted, seat);
    show(&view, json)?;
    verdict(place, found, unreadable)
}

/// What a start of the operator would say.
fn verdict(place: &Place, found: Found, unreadable: Option<(Lsn, RecordError)>) -> Result<(), StartError> {
    let folder = place.folder.display();
    match found.end {
        LogEnd::Refused(error) => return Err(StartError::Data(error.to_string())),
        LogEnd::Missing => return Err(StartError::Data(format!("there is no log in {folder}"))),
        LogEnd::Whole(_) | LogEnd::Torn { .. } => {}
    }
    let other = place
        .federation
        .as_ref()
        .zip(found.identity)
        .and_then(|(ours, owner)| Identity::other_federation(owner.genesis, ours.genesis));
    if let Some(difference) = other {
        return Err(StartError::Data(format!(
            "the log in {folder} is not ours: {difference}"
        )));
    }
    match unreadable {
        None => Ok(()),
        Some((Lsn(lsn), reason)) => Err(StartError::Guard(format!(
            "record {lsn} of the log in {folder} cannot be read: {reason}. It may be a vote: start the program that wrote it"
        ))),
    }
}
