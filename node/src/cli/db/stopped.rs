//! Commands on a storage that no operator runs on. Each is one task for any backend; [`on`] picks the backend.

use std::path::{Path, PathBuf};

use super::{
    ExportView, Start, StartError, StorageView, Target, Ticker, say,
    view::{CheckedView, CompactedView, ImportedView, MigratedView},
};
#[cfg(feature = "fdb")]
use crate::storage::foundation::StoppedFoundation;
use crate::{
    config::{Backend, Config, ConfigError, NO_STORAGE_THERE, overlap},
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
pub(super) fn verify(start: &Start, certificates: Certificates) -> Result<CheckedView, StartError> {
    struct Verify<'a>(&'a Start, Certificates);
    impl Task for Verify<'_> {
        type Found = Report;

        fn perform<S: Stopped>(self, storage: S) -> Result<Report, StartError> {
            own(&storage, self.0)?;
            let mut ticker = Ticker::start();
            check::verify(&storage.source(), &expected(self.0), self.1, &mut ticker.on())
                .map_err(|error| unsound(&error, storage.place()))
        }
    }
    Ok(CheckedView::from(&on(start, Verify(start, certificates))?))
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
            let summary = archive::write(&storage.source(), file, scope, &mut ticker.on());
            let summary = summary.map_err(|error| no_archive(&error, file))?;
            Ok(ExportView::new(file, &summary))
        }
    }
    on(start, Export(start, scope, file))
}

/// `plasma db import`.
pub(super) fn import(start: &Start, file: &Path) -> Result<ImportedView, StartError> {
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
    // Before a storage is made: what is no archive leaves nothing behind.
    drop(archive::Archive::open(file).map_err(|error| no_archive(&error, file))?);
    let report = on_empty(start, &place, task)?;
    if !config.data_dir.join("log").is_dir() {
        say(
            "note: there is no log in data_dir. A log that is lost cannot be restored: see docs/operating.md",
        );
    }
    Ok(ImportedView::new(file, &report))
}

/// `plasma db compact`.
pub(super) fn compact(start: &Start) -> Result<CompactedView, StartError> {
    struct Compact<'a>(&'a Start);
    impl Task for Compact<'_> {
        type Found = CompactedView;

        fn perform<S: Stopped>(self, mut storage: S) -> Result<CompactedView, StartError> {
            own(&storage, self.0)?;
            let before_bytes = storage.size_bytes()?;
            storage.compact()?;
            Ok(CompactedView {
                before_bytes,
                after_bytes: storage.size_bytes()?,
            })
        }
    }
    on(start, Compact(start))
}

/// `plasma db migrate`.
pub(super) fn migrate(
    start: &Start,
    target: Target,
    path: Option<&Path>,
) -> Result<MigratedView, StartError> {
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
    let (place, settings) = match target {
        Target::Embedded => {
            let path = path.unwrap_or(&start.config.storage.path);
            elsewhere(&start.config, path)?;
            let settings = format!(
                "storage.backend = \"embedded\" and storage.path = \"{}\"",
                path.display()
            );
            (Place::Folder(start.config.data_dir.join(path)), settings)
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
    Ok(MigratedView::new(settings, &report))
}

/// Refuses a copy into the storage that is copied, and to where no storage may lie.
fn elsewhere(config: &Config, to: &Path) -> Result<(), StartError> {
    let refuse = |reason| {
        Err(StartError::Config(ConfigError::Value {
            key: "--to-path",
            value: to.display().to_string(),
            reason,
        }))
    };
    if !config.could_store_in(to) {
        return refuse(NO_STORAGE_THERE);
    }
    let is_embedded = config.storage.backend == Backend::Embedded;
    if is_embedded && overlap(&config.storage_path(), &config.data_dir.join(to)) {
        return refuse("the rows lie there already; name another folder, beside this one");
    }
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

/// What is wrong with the archive at `file`: the system's fault, or its own.
fn no_archive(error: &ArchiveError, file: &Path) -> StartError {
    let words = error.about(file);
    match error {
        ArchiveError::Io { .. } | ArchiveError::Exists { .. } => StartError::Failed(words),
        _ => StartError::Data(words),
    }
}

/// What is wrong with the rows in `place`.
fn unsound(error: &CheckError, place: &Path) -> StartError {
    let (words, place) = (error.to_string(), place.display().to_string());
    // Some name it by themselves.
    if words.contains(&place) {
        return StartError::Data(words);
    }
    StartError::Data(format!("the storage in {place}: {words}"))
}

impl From<BulkError> for StartError {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::Archive { path, error } => no_archive(&error, &path),
            other => Self::Data(other.to_string()),
        }
    }
}
