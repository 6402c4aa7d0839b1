//! Commands on a storage that no operator runs on. Each is one task for any backend; [`on`] picks the backend.

use std::path::{Path, PathBuf};

use super::{ExportView, Start, StartError, StorageView, Target, Ticker, mebibytes, print, say};
#[cfg(feature = "fdb")]
use crate::storage::foundation::StoppedFoundation;
use crate::{
    config::{Backend, Config, ConfigError},
    folder::Identity,
    runtime::{admin, start},
    storage::{
        Moments, StorageError,
        archive::{self, ArchiveError, Scope},
        bulk::{self, BulkError, Stopped},
        check::{self, Certificates, CheckError, Expected, Report},
        embedded::{Fjall, Folder, Settings},
    },
};

/// What is done with a storage, whatever its backend.
trait Task {
    /// What it gives.
    type Found;

    fn perform<S: Stopped>(self, storage: S) -> Result<Self::Found, StartError>;
}

/// Opens the storage that the settings name.
fn on<T: Task>(start: &Start, task: T) -> Result<T::Found, StartError> {
    let config = &start.config;
    match config.storage.backend {
        Backend::Embedded => task.perform(Folder::<Fjall>::open(&config.storage_path(), settings(config))?),
        Backend::Fdb => on_clusters(start, task),
        Backend::Memory => Err(forgets()),
    }
}

/// Opens an empty place.
fn on_empty<T: Task>(start: &Start, target: &Place, task: T) -> Result<T::Found, StartError> {
    match target {
        Place::Folder(path) => task.perform(Folder::<Fjall>::make(path, settings(&start.config))?),
        Place::Clusters => on_clusters(start, task),
    }
}

#[cfg(feature = "fdb")]
fn on_clusters<T: Task>(start: &Start, task: T) -> Result<T::Found, StartError> {
    let site = crate::runtime::foundation::site(&start.config)?;
    let found = StoppedFoundation::open(site, &expected(start).identity());
    task.perform(found?)
}

#[cfg(not(feature = "fdb"))]
fn on_clusters<T: Task>(_: &Start, _: T) -> Result<T::Found, StartError> {
    Err(StorageError::NotBuilt.into())
}

/// Where rows go.
enum Place {
    /// Into a folder.
    Folder(PathBuf),
    /// Into the clusters that the settings name.
    Clusters,
}

fn settings(config: &Config) -> Settings {
    Settings {
        cache_bytes: config.storage.cache.0,
        ..Settings::default()
    }
}

fn forgets() -> StartError {
    StartError::Config(ConfigError::Value {
        key: "storage.backend",
        value: "memory".to_owned(),
        reason: "it forgets everything at exit: there is no storage to work on",
    })
}

/// `plasma db info`.
pub(super) fn info(start: &Start) -> Result<StorageView, StartError> {
    struct Info<'a>(&'a Start);
    impl Task for Info<'_> {
        type Found = StorageView;

        fn perform<S: Stopped>(self, storage: S) -> Result<StorageView, StartError> {
            let place = start::place(&self.0.config);
            Ok(admin::view(&storage.source(), &place, storage.size_bytes()?)?)
        }
    }
    on(start, Info(start))
}

/// `plasma db verify`.
pub(super) fn verify(start: &Start, certificates: Certificates) -> Result<(), StartError> {
    struct Verify<'a>(&'a Start, Certificates);
    impl Task for Verify<'_> {
        type Found = Report;

        fn perform<S: Stopped>(self, storage: S) -> Result<Report, StartError> {
            own(&storage, self.0)?;
            let mut ticker = Ticker::start();
            Ok(check::verify(
                &storage.source(),
                &expected(self.0),
                self.1,
                &mut ticker.on(),
            )?)
        }
    }
    print(&text(&on(start, Verify(start, certificates))?))
}

/// `plasma db export`.
pub(super) fn export(start: &Start, scope: Scope, file: &Path) -> Result<ExportView, StartError> {
    struct Export<'a>(&'a Start, Scope, &'a Path);
    impl Task for Export<'_> {
        type Found = ExportView;

        fn perform<S: Stopped>(self, storage: S) -> Result<ExportView, StartError> {
            let Self(start, scope, file) = self;
            own(&storage, start)?;
            let mut ticker = Ticker::start();
            let summary = archive::write(&storage.source(), file, scope, &mut ticker.on())?;
            Ok(ExportView::new(file, &summary))
        }
    }
    on(start, Export(start, scope, file))
}

/// `plasma db import`.
pub(super) fn import(start: &Start, file: &Path) -> Result<(), StartError> {
    struct Import<'a>(&'a Start, &'a Path);
    impl Task for Import<'_> {
        type Found = Report;

        fn perform<S: Stopped>(self, mut storage: S) -> Result<Report, StartError> {
            let mut ticker = Ticker::start();
            Ok(bulk::import(
                self.1,
                &mut storage,
                &expected(self.0),
                &mut ticker.on(),
            )?)
        }
    }
    let config = &start.config;
    let task = Import(start, file);
    let place = match config.storage.backend {
        Backend::Embedded => Place::Folder(config.storage_path()),
        Backend::Fdb => Place::Clusters,
        Backend::Memory => return Err(forgets()),
    };
    let report = on_empty(start, &place, task)?;
    if !config.data_dir.join("log").is_dir() {
        say(
            "note: there is no log in data_dir. A log that is lost cannot be restored: see docs/operating.md",
        );
    }
    print(&text(&report))
}

/// `plasma db compact`.
pub(super) fn compact(start: &Start) -> Result<(), StartError> {
    struct Compact<'a>(&'a Start);
    impl Task for Compact<'_> {
        type Found = String;

        fn perform<S: Stopped>(self, mut storage: S) -> Result<String, StartError> {
            own(&storage, self.0)?;
            let before = storage.size_bytes()?;
            storage.compact()?;
            let size = |size: Option<u64>| size.map_or_else(|| "unknown".to_owned(), mebibytes);
            Ok(format!(
                "from {} to {}\n",
                size(before),
                size(storage.size_bytes()?)
            ))
        }
    }
    print(&on(start, Compact(start))?)
}

/// `plasma db migrate`.
pub(super) fn migrate(start: &Start, target: Target, path: Option<&Path>) -> Result<(), StartError> {
    struct Source<'a>(&'a Start, Place);
    struct Copy<'a, M>(&'a Start, &'a M);
    impl Task for Source<'_> {
        type Found = Report;

        fn perform<S: Stopped>(self, storage: S) -> Result<Report, StartError> {
            let Self(start, place) = self;
            own(&storage, start)?;
            on_empty(start, &place, Copy(start, &storage.source()))
        }
    }
    impl<M: Moments> Task for Copy<'_, M> {
        type Found = Report;

        fn perform<S: Stopped>(self, mut storage: S) -> Result<Report, StartError> {
            let Self(start, source) = self;
            let mut ticker = Ticker::start();
            Ok(bulk::migrate(
                source,
                &mut storage,
                &expected(start),
                &mut ticker.on(),
            )?)
        }
    }
    let (place, next) = match target {
        Target::Embedded => {
            let path = path.unwrap_or(&start.config.storage.path);
            let next = format!(
                "storage.backend = \"embedded\" and storage.path = \"{}\"",
                path.display()
            );
            (Place::Folder(start.config.data_dir.join(path)), next)
        }
        Target::Fdb => (Place::Clusters, "storage.backend = \"fdb\"".to_owned()),
    };
    if matches!(
        (&place, start.config.storage.backend),
        (Place::Clusters, Backend::Fdb)
    ) {
        return Err(StartError::Config(ConfigError::Value {
            key: "storage.backend",
            value: "fdb".to_owned(),
            reason: "the rows lie there already; from cluster to cluster they go by `plasma db export` and `import`",
        }));
    }
    let report = on(start, Source(start, place))?;
    print(&text(&report))?;
    say(&format!("now set {next}; the old storage is as it was"));
    Ok(())
}

fn expected(start: &Start) -> Expected<'_> {
    Expected {
        genesis: &start.genesis,
        key: start.identity().key,
        later: &start.later,
    }
}

/// Refuses a storage of another federation or operator before anything is done with it.
fn own(storage: &impl Stopped, start: &Start) -> Result<(), StartError> {
    let about = bulk::about(&storage.source().moment()?, storage.place())?;
    match Identity::difference(&about.identity, &expected(start).identity()) {
        None => Ok(()),
        Some(difference) => Err(StorageError::Identity {
            path: storage.place().to_path_buf(),
            difference,
        }
        .into()),
    }
}

fn text(report: &Report) -> String {
    format!(
        "height {} holds together: {} outputs, {} of them unspent, {} transactions from block {} on, {} certificates \
         verified\n",
        report.height,
        report.outputs,
        report.unspent,
        report.transactions,
        report.horizon,
        report.certificates
    )
}

impl From<ArchiveError> for StartError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { .. } | ArchiveError::Exists { .. } => Self::Failed(error.to_string()),
            _ => Self::Data(error.to_string()),
        }
    }
}

impl From<CheckError> for StartError {
    fn from(error: CheckError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<BulkError> for StartError {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::Archive(error) => error.into(),
            other => Self::Data(other.to_string()),
        }
    }
}
