//! Who may be connected over HTTP: so many in all, so many of one host, and a few that only our own side may take.
//!
//! A stranger costs a socket before it says a word, so words do not count here, only where it comes from and how long it
//! has been silent. When all places are taken, whoever has waited the longest for its next request gives way to the
//! newcomer; a request that is being answered is never cut for another's sake. Our own side is this machine and the
//! proxies that the settings trust: many clients stand behind one address there, so it is bounded by all places alone,
//! no stranger takes a place of its connections, and [`OWN_PLACES`] more are kept for it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::config::HttpKeys;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("too many connections of this address")]
    Host,
    #[error("every connection is being answered")]
    Full,
}

/// The places and who has them.
#[derive(Debug)]
pub(super) struct Places {
    size: usize,
    per_host: usize,
    trusted: Vec<IpAddr>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Counts arrivals and ends of answers: who waits since the lowest has waited the longest.
    moments: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    host: IpAddr,
    is_own: bool,
    /// None while a request is answered.
    waits_since: Option<u64>,
    cut: Arc<Notify>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    cut: Arc<Notify>,
}

impl Places {
    pub(super) fn new(keys: &HttpKeys) -> Arc<Self> {
        Arc::new(Self {
            size: keys.max_connections,
            per_host: keys.max_per_address,
            trusted: keys.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            table: Mutex::default(),
        })
    }

    /// A place for a connection from this address; another one may have given way for it.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Result<Place, Refused> {
        let from = from.to_canonical();
        let (host, is_own) = (host(from), from.is_loopback() || self.trusted.contains(&from));
        let mut table = self.locked();
        let of_host = table.taken.values().filter(|taken| taken.host == host);
        if !is_own && of_host.count() >= self.per_host {
            return Err(Refused::Host);
        }
        let kept = if is_own { OWN_PLACES } else { 0 };
        if table.taken.len() >= self.size.saturating_add(kept) {
            table.make_room(is_own)?;
        }
        let number = table.moment();
        let cut = Arc::new(Notify::new());
        let taken = Taken {
            host,
            is_own,
            waits_since: Some(number),
            cut: Arc::clone(&cut),
        };
        table.taken.insert(number, taken);
        Ok(Place {
            places: Arc::clone(self),
            number,
            cut,
        })
    }

    /// The table is whole between any two statements: a panic elsewhere leaves nothing half written.
    fn locked(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn moment(&mut self) -> u64 {
        self.moments = self.moments.saturating_add(1);
        self.moments
    }

    /// Takes the place of whoever has waited the longest; a stranger takes only strangers'.
    fn make_room(&mut self, for_own: bool) -> Result<(), Refused> {
        let waiting = self
            .taken
            .iter()
            .filter(|(_, taken)| for_own || !taken.is_own)
            .filter_map(|(number, taken)| Some((taken.waits_since?, *number)));
        let (_, number) = waiting.min().ok_or(Refused::Full)?;
        if let Some(taken) = self.taken.remove(&number) {
            taken.cut.notify_one();
        }
        Ok(())
    }
}

impl Place {
    /// A request arrived: its connection is not cut until it is answered.
    pub(super) fn asks(&self) {
        self.turn(false);
    }

    /// The answer is ready: from now on the connection waits again, to be read or to hear of the next request.
    pub(super) fn is_answered(&self) {
        self.turn(true);
    }

    /// Whether no request ever arrived.
    pub(super) fn is_silent(&self) -> bool {
        let table = self.places.locked();
        table
            .taken
            .get(&self.number)
            .is_some_and(|taken| taken.waits_since == Some(self.number))
    }

    /// Ends when another took the place.
    pub(super) async fn is_lost(&self) {
        self.cut.notified().await;
    }

    fn turn(&self, waits: bool) {
        let mut table = self.places.locked();
        let since = waits.then(|| table.moment());
        if let Some(taken) = table.taken.get_mut(&self.number) {
            taken.waits_since = since;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.locked().taken.remove(&self.number);
    }
}

/// What counts as one host: an IPv4 address, or the first half of an IPv6 address, for whoever has one has all of it.
pub(super) fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into()
        }
        canonical => canonical,
    }
}

/// Places beyond `http.max_connections` for our own side: a probe, a proxy's few, somebody at the console. Their files are
/// among those that the operator keeps for itself.
const OWN_PLACES: usize = 8;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const HERE: &str = "127.0.0.1";
    const PROXY: &str = "10.0.0.7";

    fn places(max_connections: usize, max_per_address: usize) -> Arc<Places> {
        Places::new(&HttpKeys {
            max_connections,
            max_per_address,
            trusted_proxies: vec![PROXY.parse().unwrap()],
            ..HttpKeys::default()
        })
    }

    fn enter(places: &Arc<Places>, from: &str) -> Result<Place, Refused> {
        places.enter(from.parse().unwrap())
    }

    fn is_lost(place: &Place) -> bool {
        place.is_lost().now_or_never().is_some()
    }

    #[test]
    fn one_host_takes_its_share_and_no_more() {
        let places = places(100, 3);
        let held: Vec<Place> = (0..9).filter_map(|_| enter(&places, "9.9.9.9").ok()).collect();
        assert_eq!(held.len(), 3);
        assert_eq!(enter(&places, "::ffff:9.9.9.9").unwrap_err(), Refused::Host);
        let network = |last: usize| format!("2001:db8::{last}");
        let half: Vec<Place> = (1..9)
            .filter_map(|last| enter(&places, &network(last)).ok())
            .collect();
        assert_eq!(half.len(), 3, "one IPv6 network is one host");
        assert!(enter(&places, "2001:db8:0:1::1").is_ok());
        for own in [HERE, PROXY, "::ffff:127.0.0.1", "::1"] {
            let many: Vec<Place> = (0..20).map(|_| enter(&places, own).unwrap()).collect();
            assert_eq!(many.len(), 20, "many clients stand behind {own}");
        }
        drop(held);
        assert!(enter(&places, "9.9.9.9").is_ok(), "who leaves makes room");
    }

    #[test]
    fn strangers_cannot_take_the_places_of_our_own_side() {
        let places = places(10, 10);
        let strangers: Vec<Place> = (0..10)
            .map(|last| enter(&places, &format!("8.8.8.{last}")).unwrap())
            .collect();
        let own: Vec<Place> = (0..OWN_PLACES).map(|_| enter(&places, HERE).unwrap()).collect();
        assert!(strangers.iter().all(|place| !is_lost(place)), "nobody had to go");
        let newcomer = enter(&places, "7.7.7.7").unwrap();
        assert!(is_lost(&strangers[0]) && own.iter().all(|place| !is_lost(place)));
        strangers.iter().chain([&newcomer]).for_each(Place::asks);
        assert_eq!(enter(&places, "6.6.6.6").unwrap_err(), Refused::Full);
        let probe = enter(&places, HERE).unwrap();
        assert!(is_lost(&own[0]) && !is_lost(&probe));
    }

    #[test]
    fn who_waited_the_longest_gives_way_and_who_is_answered_never_does() {
        let places = places(3, 3);
        let [asks, idle, fresh] = ["1.1.1.1", "2.2.2.2", "3.3.3.3"].map(|from| enter(&places, from).unwrap());
        asks.asks();
        idle.asks();
        assert!(fresh.is_silent() && !idle.is_silent());
        idle.is_answered();
        let fourth = enter(&places, "4.4.4.4").unwrap();
        assert!(
            is_lost(&fresh) && !is_lost(&idle),
            "silent for longer than the other was idle"
        );
        // It is gone already, whatever its task still does.
        fresh.asks();
        drop(fresh);
        let _fifth = enter(&places, "5.5.5.5").unwrap();
        assert!(is_lost(&idle) && !is_lost(&fourth) && !is_lost(&asks));
    }
}
