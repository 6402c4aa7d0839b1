//! Wires between operators that can be cut: everything that they say to each other passes here when a plan asks for it.
//!
//! Each operator's address in the federation's document is the end of a wire of ours, which leads to where it listens. A
//! cut wire carries nothing and closes nothing, as a network does that lost its way: the two ends find out for themselves.
//! Who is at the calling end is read from the system's tables of sockets, so this works on Linux only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;

use anyhow::{Context as _, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where a wire begins, and where it leads.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The port that the federation's document names.
    pub outer: u16,
    /// The port on which the operator listens.
    pub inner: u16,
}

/// All wires of a federation. Dropping them cuts every connection.
#[derive(Debug)]
pub struct Wires {
    cut: watch::Sender<Option<Cut>>,
    _tasks: JoinSet<()>,
}

/// The one operator that nobody can reach, and that reaches nobody.
#[derive(Clone, Copy, Debug)]
struct Cut {
    operator: usize,
    process: u32,
}

impl Wires {
    /// Lays the wires of all operators, in order.
    ///
    /// # Errors
    /// When a port is taken.
    pub async fn lay(ends: &[Ends]) -> Result<Self> {
        let (cut, seen) = watch::channel(None);
        let mut tasks = JoinSet::new();
        for (operator, ends) in ends.iter().enumerate() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ends.outer))
                .await
                .context("the outer end of a wire")?;
            tasks.spawn(accept(listener, operator, ends.inner, seen.clone()));
        }
        Ok(Self { cut, _tasks: tasks })
    }

    /// Cuts everything between an operator, which is this process, and all others.
    pub fn cut(&self, operator: usize, process: u32) {
        self.cut.send_replace(Some(Cut { operator, process }));
    }

    /// All wires carry again.
    pub fn mend(&self) {
        self.cut.send_replace(None);
    }
}

async fn accept(listener: TcpListener, operator: usize, inner: u16, seen: watch::Receiver<Option<Cut>>) {
    let mut carried = JoinSet::new();
    // The operators limit their connections; a failure to accept is theirs to repeat.
    while let Ok((caller, from)) = listener.accept().await {
        carried.spawn(carry(caller, from, operator, inner, seen.clone()));
        while carried.try_join_next().is_some() {}
    }
}

async fn carry(
    mut caller: TcpStream,
    from: SocketAddr,
    operator: usize,
    inner: u16,
    mut seen: watch::Receiver<Option<Cut>>,
) {
    let is_cut =
        |cut: &Option<Cut>| cut.is_some_and(|cut| cut.operator == operator || owns(cut.process, from.port()));
    // The other end of the watch lives as long as the wires; without it nothing is carried any more.
    if seen.wait_for(|cut| !is_cut(cut)).await.is_err() {
        return;
    }
    let Ok(mut called) = TcpStream::connect((Ipv4Addr::LOCALHOST, inner)).await else {
        return;
    };
    let mut copying = pin!(copy_bidirectional(&mut caller, &mut called));
    loop {
        // What was read and not yet written waits in the copy: a cut loses no byte, it only lasts.
        tokio::select! {
            _ = &mut copying => return,
            change = seen.wait_for(is_cut) => if change.is_err() { return },
        }
        if seen.wait_for(|cut| !is_cut(cut)).await.is_err() {
            return;
        }
    }
}

/// Whether a local TCP port belongs to a process.
fn owns(process: u32, port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!("0100007F:{port:04X}");
    let inodes = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&local.as_str()))
            .then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
    });
    let names: Vec<String> = inodes.collect();
    let files = std::fs::read_dir(format!("/proc/{process}/fd"));
    let mut files = files.into_iter().flatten().flatten();
    files.any(|file| {
        std::fs::read_link(file.path())
            .is_ok_and(|target| names.iter().any(|name| target.as_path() == Path::new(name)))
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_cut_wire_carries_nothing_and_loses_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let inner = listener.local_addr().expect("its port").port();
        let spare = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let outer = spare.local_addr().expect("its port").port();
        drop(spare);
        let wires = Wires::lay(&[Ends { outer, inner }]).await.expect("wires");
        let mut caller = TcpStream::connect((Ipv4Addr::LOCALHOST, outer))
            .await
            .expect("a call");
        let (mut called, _) = listener.accept().await.expect("the call");
        let mut read = [0; 3];
        caller.write_all(b"one").await.expect("written");
        called.read_exact(&mut read).await.expect("carried");

        // The caller is this process, so the wire is cut whoever is called.
        wires.cut(7, std::process::id());
        caller.write_all(b"two").await.expect("written");
        // Long enough for what an open wire carries at once.
        let pause = std::time::Duration::from_millis(100);
        assert!(
            tokio::time::timeout(pause, called.read_exact(&mut read))
                .await
                .is_err()
        );
        wires.mend();
        called.read_exact(&mut read).await.expect("carried");
        assert_eq!(&read, b"two");
        assert!(!owns(std::process::id(), 1), "nobody here has the port 1");
    }
}
