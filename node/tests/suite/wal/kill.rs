//! The log of a process that is killed while it writes.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Command, Stdio},
};

use plasma_node::wal::Opened;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{super::scratch::Scratch, number, numbers, open, record};

/// Set in the child of the test below: the folder of its log.
const CHILD: &str = "PLASMA_TEST_WAL_CHILD";

/// Records that the child's checkpoints keep.
const KEPT: u64 = 10;

#[test]
fn killed_process_loses_nothing_it_acknowledged() {
    if let Ok(folder) = env::var(CHILD) {
        append_until_killed(Path::new(&folder));
    }
    let scratch = Scratch::new("wal");
    let mut random = StdRng::seed_from_u64(0x5eed);
    let (mut acknowledged, mut first) = (0, 1);
    for round in 0..8 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "suite::wal::kill::killed_process_loses_nothing_it_acknowledged",
                "--nocapture",
            ])
            .env(CHILD, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = random.random_range(1..40);
        while left > 0 {
            let line = lines
                .next()
                .expect("the child writes until it is killed")
                .unwrap();
            if let Some(number) = line.strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
                left -= 1;
            }
        }
        (0..random.random_range(0..20_000)).for_each(|step| assert!(std::hint::black_box(step) >= 0));
        child.kill().unwrap();
        // What was acknowledged between the last line read and the kill counts too.
        for line in lines.map_while(Result::ok) {
            let number = line
                .strip_prefix("acknowledged ")
                .and_then(|number| number.parse().ok());
            acknowledged = number.unwrap_or(acknowledged);
        }
        child.wait().unwrap();
        let found = numbers(&open(scratch.path()).unwrap().entries);
        let last = *found.last().unwrap();
        assert!(
            last >= acknowledged,
            "round {round}: {last} found, {acknowledged} acknowledged"
        );
        assert!(
            found.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            "round {round}: {found:?}"
        );
        assert!(
            found[0] == first || found[0] + KEPT <= last + 1,
            "round {round}: {found:?}"
        );
        first = found[0];
    }
}

/// Continues the log with consecutive numbers and says each one once it is durable.
fn append_until_killed(folder: &Path) -> ! {
    let Opened { mut wal, entries, .. } = open(folder).unwrap();
    let mut next = entries.last().map_or(1, |entry| number(entry) + 1);
    loop {
        let count = next % 3 + 1;
        let sizes = [8, 700, 2500];
        let batch: Vec<_> = (next..next + count)
            .zip(sizes)
            .map(|(number, size)| record(number, size))
            .collect();
        wal.append_batch(&batch).unwrap();
        next += count;
        stdout()
            .write_all(format!("acknowledged {}\n", next - 1).as_bytes())
            .unwrap();
        if next % 16 == 0 {
            wal.retain(|entry| number(entry) + KEPT >= next).unwrap();
        }
    }
}
