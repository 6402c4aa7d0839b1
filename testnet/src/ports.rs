//! Free TCP ports on the loopback interface.
//!
//! They are taken from below the range that the system hands out to outgoing connections: a port found free there stays
//! free until its process listens, and again while an operator is down between a kill and its restart.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::Failure;

/// Hands out ports, each once.
#[derive(Debug)]
pub struct Ports {
    next: u16,
    tried: u16,
}

impl Ports {
    /// Starts at a place that differs between processes, so that two testnets rarely meet.
    #[must_use]
    pub fn new() -> Self {
        let spread = std::process::id().wrapping_mul(SPREAD) % u32::from(LAST - FIRST);
        Self {
            next: FIRST + u16::try_from(spread).unwrap_or_default(),
            tried: 0,
        }
    }

    /// The next port on which nobody listens.
    ///
    /// # Errors
    /// [`Failure::Missing`] when every port of the range is taken.
    pub fn free(&mut self) -> Result<u16, Failure> {
        while self.tried < LAST - FIRST {
            let port = self.next;
            self.next = if port + 1 == LAST { FIRST } else { port + 1 };
            self.tried += 1;
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        Err(Failure::Missing(format!(
            "no free TCP port between {FIRST} and {LAST} on 127.0.0.1\n  ways out: stop what listens there (ss -ltnp shows it), or end an older testnet"
        )))
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self::new()
    }
}

/// Below Linux' and macOS' ephemeral ranges (32768 and 49152), above the ports of common services.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
/// Consecutive process ids land far apart.
const SPREAD: u32 = 97;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_handed_out_once() {
        let mut ports = Ports::new();
        let first = ports.free().expect("a free port");
        let second = ports.free().expect("another free port");
        assert_ne!(first, second);
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let mut ports = Ports::new();
        let taken = ports.free().expect("a free port");
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).expect("it was free");
        let mut again = Ports {
            next: taken,
            tried: 0,
        };
        assert_ne!(again.free().expect("a free port"), taken);
    }
}
