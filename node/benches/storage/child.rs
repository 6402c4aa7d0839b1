//! One measurement, alone in its process.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use plasma_node::storage::embedded::EmbeddedStorage;

use super::{
    blocks::{Chain, Choice},
    meter,
    options::{Backend, Options, Task},
    raw::RawFjall,
    subject::{Bare, Stored, Subject},
};

/// Does the task; prints figures as `name=value` words.
pub(crate) fn run(options: &Options, task: Task) {
    match options.backend {
        Backend::Embedded => embedded(options, task),
        #[cfg(feature = "fdb")]
        Backend::Fdb => super::cluster::run(options, task),
        #[cfg(not(feature = "fdb"))]
        Backend::Fdb => panic!("this benchmark was built without the feature fdb"),
    }
}

fn embedded(options: &Options, task: Task) {
    let (folder, cache) = (options.folder.as_path(), options.cache << 20);
    let genesis = Chain::genesis();
    let (outputs, payments) = options.figure();
    let stored = || Stored::<EmbeddedStorage>::open(folder, &genesis.state, cache);
    let made = || {
        let mut chain = Chain::genesis();
        chain.populate(outputs, |_, _| {});
        chain
    };
    match task {
        Task::Populate => populate(&mut stored(), outputs),
        Task::Commit => commit(&mut stored(), made(), payments, options.seconds),
        Task::Raw => commit(
            &mut Bare::<RawFjall>::open(folder, cache),
            made(),
            payments,
            options.seconds,
        ),
        Task::Churn => commit(&mut stored(), made(), payments, u64::MAX),
        Task::Open => {
            let state = stored().recover();
            say(&format!("height={}", state.header.height.0));
        }
    }
}

fn populate(subject: &mut impl Subject<Block = super::blocks::Work>, outputs: u64) {
    let began = Instant::now();
    let mut chain = Chain::genesis();
    chain.populate(outputs, |chain, plan| subject.commit(chain.work(plan)));
    subject.settle();
    say(&format!("wall={}", began.elapsed().as_secs_f64()));
    let (resident, most) = meter::memory_mib();
    say(&format!("resident={resident} most={most}"));
}

/// Commits blocks for a while, reading each one's inputs first as a validator does.
///
/// Making blocks and reading is done on this thread and taken off; what the engine does meanwhile in the background counts.
pub(crate) fn commit<S: Subject>(subject: &mut S, mut chain: Chain, payments: u32, seconds: u64) {
    let mut blocks: Vec<Duration> = Vec::new();
    let (mut reading, mut rows) = (Duration::ZERO, 0usize);
    let (mut other_wall, mut other_cpu) = (Duration::ZERO, Duration::ZERO);
    let (began, cpu) = (Instant::now(), meter::process_cpu());
    while began.elapsed() - other_wall < Duration::from_secs(seconds) {
        let (other, other_thread) = (Instant::now(), meter::thread_cpu());
        let plan = chain.plan(payments, PAYMENT_OUTPUTS, Choice::Any);
        let block = S::prepare(chain.work(&plan));
        let read = Instant::now();
        rows += subject.read(&block);
        reading += read.elapsed();
        other_cpu += meter::thread_cpu() - other_thread;
        other_wall += other.elapsed();
        let committing = Instant::now();
        subject.commit(block);
        blocks.push(committing.elapsed());
        if seconds == u64::MAX {
            say("block=1");
        }
    }
    subject.settle();
    let wall = began.elapsed() - other_wall;
    let cpu = meter::process_cpu() - cpu - other_cpu;
    blocks.sort_unstable();
    let count = u32::try_from(blocks.len()).expect("few blocks");
    let all = f64::from(count) * f64::from(payments);
    let at = |share: usize| blocks[(blocks.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let (resident, most) = meter::memory_mib();
    say(&format!(
        "blocks={count} rate={} cpu={} p50={} p99={} mean={}",
        all / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / all,
        at(50),
        at(99),
        wall.as_secs_f64() * 1e3 / f64::from(count),
    ));
    let rows = f64::from(u32::try_from(rows).expect("few rows"));
    let reads = if rows > 0.0 {
        rows / reading.as_secs_f64()
    } else {
        0.0
    };
    say(&format!("reads={reads} resident={resident} most={most}"));
}

#[expect(clippy::print_stdout, reason = "this is how a child answers")]
fn say(words: &str) {
    println!("{words}");
    // The parent may wait for this very line.
    std::io::stdout().flush().expect("the parent reads");
}

/// A payment has its amount and its change.
const PAYMENT_OUTPUTS: u64 = 2;
