//! A disk that refuses: a barrier that fails, a disk that is full, a disk that is slow.

use std::{path::Path, process::Command};

use plasma_core::Height;
use plasma_node::storage::{
    Read, Storage, StorageError,
    embedded::{EmbeddedStorage, Engine, Settings},
};

use super::{
    super::{
        super::{
            child::{self, Ended},
            scratch::Scratch,
            skip,
            strace::{self, Fault, Thread},
        },
        history::{Model, genesis},
        identity,
        rules::expect_model,
    },
    books::{Books, HISTORY},
    kill::{COMMITTER, SYNCER, with_one_committer},
};

/// Blocks that a child commits unless it is refused: more than may be written and not durable.
const BLOCKS: u32 = 90;

/// Most blocks written and not durable, as `docs/storage.md` promises.
const UNSYNCED_MAX: u32 = 64;

/// A refusal by any call of any thread: the storage says so, refuses all that follows, and is whole when the disk is.
pub(crate) fn refusal_anywhere_ends_commits_and_loses_nothing<E: Engine>(test: &str) {
    if let Some(folder) = child::folder() {
        return commit_until_refused::<E>(&folder);
    }
    if let Some(reason) = strace::absence() {
        return skip(test, &reason);
    }
    let threads = [Thread::Any, Thread::Named(COMMITTER), Thread::Named(SYNCER)];
    strace::sweep(test, &threads, &["error=EIO", "error=ENOSPC"], |fault, _| {
        let scratch = Scratch::in_memory("refused");
        let ended = strace::run(test, scratch.path(), fault);
        // The child's reports are writes of the thread that opens: without them it ends at once.
        let is_mute = fault.call == "write" && !ended.status.success();
        assert!(is_mute || ended.has_said("done"), "{fault:?}: {ended:?}");
        expect_whole::<E>(scratch.path(), &ended, &format!("{fault:?}"));
        is_mute || ended.has_said("refused")
    });
}

/// A full disk: a file system in memory that is too small, and then large enough.
pub(crate) fn full_disk_stops_and_goes_on_with_room<E: Engine>(test: &str) {
    let runtime = with_one_committer();
    if let Some(folder) = child::folder() {
        let opened = runtime.block_on(Books::<E>::open(&folder));
        let mut books = match opened {
            Ok(books) => books,
            Err(error) => return child::say(format!("stopped: {error}")),
        };
        loop {
            if let Err(error) = runtime.block_on(books.next(child::say)) {
                return child::say(format!("stopped: {error}"));
            }
        }
    }
    let scratch = Scratch::new("full");
    let memory = match Memory::mount(scratch.path()) {
        Ok(memory) => memory,
        Err(reason) => return skip(test, &reason),
    };
    let ended = child::Child::start(child::command(&[], test, scratch.path())).end();
    assert!(ended.status.success(), "{ended:?}");
    let error = ended.after("stopped: ").expect("a child on a full disk says so");
    assert!(error.contains("No space left on device"), "{error}");
    memory.remount("256m").unwrap();
    let acknowledged = Height(ended.newest("acknowledged ").unwrap());
    let mut books = runtime.block_on(Books::<E>::open(scratch.path())).unwrap();
    assert!(books.found >= Height(ended.newest("durable ").unwrap_or_default()));
    assert!(books.model.state.header.height >= acknowledged);
    for _ in 0..5 {
        runtime.block_on(books.next(|_| ())).unwrap();
    }
    expect_model(&books.storage.reader(), &books.model);
}

/// A slow disk: commits wait for it when 64 blocks are not durable.
pub(crate) fn slow_disk_holds_commits_back<E: Engine>(test: &str) {
    if let Some(folder) = child::folder() {
        return commit_until_refused::<E>(&folder);
    }
    if let Some(reason) = strace::absence() {
        return skip(test, &reason);
    }
    let scratch = Scratch::in_memory("slow");
    let fault = Fault {
        thread: Thread::Named(SYNCER),
        call: "fdatasync",
        action: "delay_enter=300000",
        when: "1+".to_owned(),
    };
    let ended = strace::run(test, scratch.path(), &fault);
    assert!(ended.has_said("done") && !ended.has_said("refused"), "{ended:?}");
    let most = ended.newest("most not durable ").unwrap();
    assert!(
        (2..=UNSYNCED_MAX).contains(&most),
        "{most} blocks were not durable"
    );
    expect_whole::<E>(scratch.path(), &ended, "slow");
}

/// On a disk that is well again the storage holds what was durable and goes on.
fn expect_whole<E: Engine>(folder: &Path, ended: &Ended, what: &str) {
    let storage = EmbeddedStorage::<E>::open(folder, identity(), &genesis(), Settings::default());
    let mut storage = storage.unwrap_or_else(|error| panic!("{what}: {error}"));
    let durable = Height(ended.newest("durable ").unwrap_or_default());
    let (tip, _) = storage.reader().tip().unwrap();
    assert!(tip >= durable, "{what}: {tip} found, {durable} durable");
    let mut model = Model::new(HISTORY);
    while model.state.header.height < tip {
        model.next();
    }
    expect_model(&storage.reader(), &model);
    let (decided, delta) = model.next();
    let committed = with_one_committer().block_on(storage.commit(&decided, &delta));
    committed.unwrap_or_else(|error| panic!("{what}: {error}"));
    expect_model(&storage.reader(), &model);
}

/// The child: commits until it is refused, and then asks for more.
fn commit_until_refused<E: Engine>(folder: &Path) {
    let runtime = with_one_committer();
    let opened = EmbeddedStorage::<E>::open(folder, identity(), &genesis(), Settings::default());
    let Ok(mut storage) = opened else {
        child::say("refused");
        return child::say("done");
    };
    strace::wait_for_parent();
    let mut model = Model::new(HISTORY);
    let mut most = 0;
    let mut refused = None;
    for height in 1..=BLOCKS {
        let (decided, delta) = model.next();
        let committed = runtime.block_on(storage.commit(&decided, &delta));
        match storage.durable() {
            Ok(durable) if committed.is_ok() => {
                most = most.max(height - durable.0);
                child::say(format!("durable {durable}"));
            }
            _ => {
                refused = Some((decided, delta));
                break;
            }
        }
    }
    while refused.is_none() {
        match storage.durable() {
            Ok(Height(BLOCKS)) => break,
            Ok(_) => std::thread::yield_now(),
            Err(_) => refused = model.blocks.last().cloned(),
        }
    }
    if let Some((decided, delta)) = refused {
        for _ in 0..3 {
            let again = runtime.block_on(storage.commit(&decided, &delta));
            assert!(matches!(again, Err(StorageError::NotDurable { .. })), "{again:?}");
            assert!(matches!(storage.durable(), Err(StorageError::NotDurable { .. })));
        }
        child::say("refused");
    } else {
        child::say(format!("durable {BLOCKS}"));
    }
    child::say(format!("most not durable {most}"));
    drop(storage);
    child::say("done");
}

/// A small file system in memory.
struct Memory(std::path::PathBuf);

impl Memory {
    fn mount(folder: &Path) -> Result<Self, String> {
        let memory = Self(folder.to_path_buf());
        memory.run("mount", &["-t", "tmpfs", "-o", "size=3m", "tmpfs"])?;
        Ok(memory)
    }

    fn remount(&self, size: &str) -> Result<(), String> {
        self.run("mount", &["-o", &format!("remount,size={size}")])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new(program).args(arguments).arg(&self.0).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = self.run("umount", &["-l"]);
    }
}
