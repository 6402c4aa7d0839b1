//! Power cuts: an ext4 image that is shut down without its journal while an operator writes to it.
//!
//! What the system held back in memory is lost, as it is when the power goes. In half of the cuts a part of it reaches
//! the disk first, page by page at random: a disk writes in whatever order it likes. Needs root and loop devices.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use plasma_core::Height;
use plasma_node::storage::{Read, Storage, embedded::Engine};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::runtime::Runtime;

use super::{
    super::super::{
        child::{self, Child, Ended},
        scratch::Scratch,
        skip, strace,
    },
    books::Books,
};

/// Set to the number of cuts to make.
const CUTS: &str = "PLASMA_POWER_CUTS";

/// Set to the seed of the moments.
const SEED: &str = "PLASMA_POWER_SEED";

/// Cuts in a run of all tests.
const CUTS_DEFAULT: u64 = 20;

/// Cuts that one image lives through; then a history starts anew, because checking it takes longer with every block.
const CUTS_PER_IMAGE: u64 = 10;

/// Most lines that a child says before it is cut.
const LINES_MAX: u32 = 120;

/// Runs a child whose barriers take a while to begin, so that many cuts find something written and not durable.
const SLOW_DISK: [&str; 7] = [
    "strace",
    "-f",
    "-qq",
    "-o/dev/null",
    "-etrace=fdatasync",
    "-einject=fdatasync:delay_enter=4000",
    "--",
];

/// Bytes of the image; it is sparse.
const IMAGE_SIZE: u64 = 512 << 20;

pub(crate) fn cut_loses_nothing_durable<E: Engine>(test: &str) {
    let runtime = Runtime::new().unwrap();
    if let Some(folder) = child::folder() {
        let error = runtime.block_on(work_until_cut::<E>(&folder));
        child::say(format!("stopped: {error}"));
        return;
    }
    let scratch = Scratch::new("power");
    let mut image = match Image::make(scratch.path()) {
        Ok(image) => image,
        Err(reason) => return skip(test, &reason),
    };
    let (cuts, seed) = (number(CUTS, CUTS_DEFAULT), number(SEED, 0));
    let mut seen = Seen::default();
    for cut in 0..cuts {
        let mut random = StdRng::seed_from_u64(seed << 32 | cut);
        if cut % CUTS_PER_IMAGE == 0 {
            image = Image::make(scratch.path()).unwrap();
        }
        let scatter = random.random::<bool>().then(|| random.random::<u32>());
        let ended = image.live_and_cut(test, &mut random, scatter);
        let reported = Reported {
            durable: Height(ended.newest("durable ").unwrap_or_default()),
            acknowledged: Height(ended.newest("acknowledged ").unwrap_or_default()),
        };
        let what = format!("seed {seed}, cut {cut}, pages {scatter:?}, {reported:?}");
        image.mount();
        // An engine may also panic over what it finds; every failure is told with its cut, and the others are made.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let books = runtime.block_on(Books::<E>::open(&image.folder))?;
            seen.count(&books, reported)
        }));
        let checked = checked.unwrap_or_else(|_| Err("it panicked, as said above".to_owned()));
        if let Err(error) = checked {
            child::say(format!("{what}: {error}"));
            seen.failures.push(format!("{what}: {error}"));
            image = Image::make(scratch.path()).unwrap();
        } else {
            image.unmount();
        }
    }
    child::say(format!("{test}: {cuts} cuts, {seen:?}"));
    assert!(seen.failures.is_empty(), "{:#?}", seen.failures);
    assert!(
        seen.acknowledged > 0 && seen.lost > 0,
        "cuts that cost nothing show nothing: {seen:?}"
    );
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Continues the history until the disk is gone; what it said then.
async fn work_until_cut<E: Engine>(folder: &Path) -> String {
    let mut books = match Books::<E>::open(folder).await {
        Ok(books) => books,
        Err(error) => return error,
    };
    loop {
        if let Err(error) = books.next(child::say).await {
            return error;
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Reported {
    durable: Height,
    acknowledged: Height,
}

/// What all cuts together have shown.
#[derive(Debug, Default)]
struct Seen {
    /// Blocks reported acknowledged by the log at the cut, all images together.
    acknowledged: u32,
    /// Cuts after which the storage had less than the log.
    lost: u32,
    /// Cuts after which the storage had more than was reported durable.
    kept: u32,
    /// Cuts that tore the log's last batch.
    torn: u32,
    /// Cuts after which a rule was broken.
    failures: Vec<String>,
}

impl Seen {
    fn count<E: Engine>(&mut self, books: &Books<E>, reported: Reported) -> Result<(), String> {
        let (tip, _) = books.storage.reader().tip().unwrap();
        if books.found < reported.durable {
            return Err(format!("the storage was found at {}", books.found));
        }
        if tip < reported.acknowledged {
            return Err(format!("with the log the storage ends at {tip}"));
        }
        self.acknowledged += reported.acknowledged.0;
        self.lost += u32::from(books.found < tip);
        self.kept += u32::from(books.found > reported.durable);
        self.torn += u32::from(books.was_torn);
        Ok(())
    }
}

/// A file system in a file, with a folder where it is mounted; unmounted when dropped.
struct Image {
    file: PathBuf,
    folder: PathBuf,
    script: PathBuf,
    is_mounted: bool,
}

impl Image {
    /// Makes a new one, or says why this machine cannot.
    fn make(scratch: &Path) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut image = Self {
            file: scratch.join(format!("image{number}")),
            folder: scratch.join(format!("mounted{number}")),
            script: scratch.join("cut.pl"),
            is_mounted: false,
        };
        fs::create_dir_all(&image.folder).unwrap();
        fs::write(&image.script, CUT).unwrap();
        fs::File::create(&image.file)
            .unwrap()
            .set_len(IMAGE_SIZE)
            .unwrap();
        image.run("mkfs.ext4", &["-q", "-F", &image.file_name()])?;
        image.try_mount()?;
        image.unmount();
        Ok(image)
    }

    /// Lets a child work on it until the power is gone.
    fn live_and_cut(&mut self, test: &str, random: &mut StdRng, scatter: Option<u32>) -> Ended {
        self.mount();
        let is_slow = strace::absence().is_none() && random.random();
        let wrap = if is_slow { &SLOW_DISK[..] } else { &[] };
        let mut command = child::command(wrap, test, &self.folder);
        command.stderr(Stdio::null());
        let mut child = Child::start(command);
        let mut left = random.random_range(0..LINES_MAX);
        while left > 0 && child.hear().is_some() {
            left -= 1;
        }
        (0..random.random_range(0..200_000)).for_each(|step| assert!(std::hint::black_box(step) >= 0));
        self.cut(child.id(), scatter);
        // A process whose disk is gone stops by itself.
        let ended = child.end();
        self.unmount();
        ended
    }

    fn mount(&mut self) {
        self.try_mount().unwrap();
    }

    fn try_mount(&mut self) -> Result<(), String> {
        self.run("mount", &["-o", "loop", &self.file_name(), &self.folder_name()])?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) {
        self.run("umount", &[&self.folder_name()]).unwrap();
        self.is_mounted = false;
    }

    /// Takes the power away; with a seed, some pages reach the disk first.
    fn cut(&self, process: u32, scatter: Option<u32>) {
        let seed = scatter.map_or_else(String::new, |seed| seed.to_string());
        let script = self.script.to_string_lossy().into_owned();
        self.run(
            "perl",
            &[&script, &self.folder_name(), &process.to_string(), &seed],
        )
        .unwrap();
    }

    fn file_name(&self) -> String {
        self.file.to_string_lossy().into_owned()
    }

    fn folder_name(&self) -> String {
        self.folder.to_string_lossy().into_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new(program).args(arguments).output();
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

impl Drop for Image {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = self.run("umount", &["-l", &self.folder_name()]);
        }
        let _ = fs::remove_file(&self.file);
    }
}

/// Stops the process, writes many or most pages of its files at random, commits the file system's journal, and shuts it down.
const CUT: &str = r#"
use strict;
my ($folder, $process, $seed) = @ARGV;
kill("STOP", $process);
if ($seed ne "") {
    srand($seed);
    my $kept = (0.5, 0.9, 0.97)[int(rand(3))]; # few lost pages reach deeper into a batch than many
    my $number = `uname -m` =~ /x86_64/ ? 277 : 84; # sync_file_range
    my @files = grep { -f $_ } glob("$folder/log/* $folder/storage/* $folder/storage/engine/* $folder/storage/engine/*/*");
    my @open;
    for my $name (@files) {
        open(my $file, "+<", $name) or next;
        my $size = -s $file;
        for (my $at = 0; $at < $size; $at += 4096) {
            syscall($number, fileno($file), $at, 4096, 2) if rand() < $kept;
        }
        push @open, [$file, $size];
    }
    syscall($number, fileno($_->[0]), 0, $_->[1], 1) for @open;
    if (rand() < 0.7) {
        require IO::Handle;
        open(my $file, ">", "$folder/other") or die $!;
        syswrite($file, "x");
        $file->sync;
    }
}
open(my $root, "<", $folder) or die $!;
my $flag = pack("L", 2); # EXT4_GOING_FLAGS_NOLOGFLUSH
ioctl($root, 0x8004587d, $flag) or die $!;
kill("CONT", $process);
"#;
