//! How much one client may ask: requests of one host pass at a rate, each payment of a batch as one of them.
//!
//! Who asks is where the connection comes from, or, behind a proxy that the settings trust, whom that proxy names. This
//! machine itself is never limited: its owner asks here, and a proxy that is not trusted by name sorts out its clients
//! itself. The table of hosts is bounded; who finds no room in it shares one rate with all others of that fate. Who shows a
//! token of `http.tokens_file` asks at that token's rate wherever it comes from.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use governor::{
    InsufficientCapacity, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::{Code, Problem, places};
use crate::{
    config::{
        HttpKeys,
        tokens::{Client, TokenHash, Tokens, hash_of},
    },
    quantity::RateLimit,
};

/// The rates of all hosts, and of those who have a token.
pub(super) struct Meter<C: Clock = DefaultClock> {
    rate: Option<Rate<C>>,
    tokens: BTreeMap<TokenHash, Option<Rate<C>>>,
    trusted: Vec<IpAddr>,
}

struct Rate<C: Clock> {
    burst: NonZeroU32,
    limiter: RateLimiter<IpAddr, Table, C, NoOpMiddleware<C::Instant>>,
}

/// Whose requests are counted. It travels with each of them; one without it is not counted.
#[derive(Clone)]
pub(super) struct Asker {
    who: Who,
    meter: Arc<Meter>,
}

/// By what a client is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Host(IpAddr),
    Token(TokenHash),
    /// A host whose token nobody gave it; none for this machine.
    Impostor(Option<IpAddr>),
}

impl Asker {
    /// Who asks over a connection from this address; none where nothing is counted.
    pub(super) fn of(meter: &Arc<Meter>, from: IpAddr, headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            who: meter.who(from, headers)?,
            meter: Arc::clone(meter),
        })
    }

    /// By what it is known.
    pub(super) fn client(&self) -> Who {
        self.who
    }

    /// Counts the request itself.
    ///
    /// # Errors
    /// [`Code::RateLimited`], or [`Code::UnknownToken`].
    pub(super) fn take_one(&self) -> Result<(), Problem> {
        self.meter.take(self.who, 1)
    }

    /// Counts what a batch holds, beyond the request that brought it.
    ///
    /// # Errors
    /// [`Code::RateLimited`], or [`Code::PayloadTooLarge`] for one that no waiting would let through.
    pub(super) fn take_batch(&self, items: usize) -> Result<(), Problem> {
        self.meter.take_batch(self.who, items)
    }
}

impl Meter {
    pub(super) fn new(keys: &HttpKeys, tokens: &Tokens) -> Arc<Self> {
        Arc::new(Self::with_clock(keys, tokens, &DefaultClock::default()))
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn new(rate: RateLimit, clock: &C) -> Option<Self> {
        let RateLimit::Rate { per_second, burst } = rate else {
            return None;
        };
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let limiter = RateLimiter::new(quota, Table::default(), clock.clone());
        Some(Self { burst, limiter })
    }
}

impl<C: Clock + Clone> Meter<C> {
    fn with_clock(keys: &HttpKeys, tokens: &Tokens, clock: &C) -> Self {
        let of_token = |(hash, client): (&TokenHash, &Client)| (*hash, Rate::new(client.rate, clock));
        Self {
            rate: Rate::new(keys.rate_limit, clock),
            tokens: tokens.0.iter().map(of_token).collect(),
            trusted: keys.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
        }
    }

    /// Who asks; none where nothing is counted. Without a file of tokens nobody looks for any: they may be meant for a proxy.
    fn who(&self, from: IpAddr, headers: &HeaderMap) -> Option<Who> {
        let host = self.asker(from, headers);
        let shown = headers.get(AUTHORIZATION).filter(|_| !self.tokens.is_empty());
        let Some(token) = shown.and_then(|value| token_in(value.as_bytes())) else {
            return host.map(Who::Host);
        };
        let hash = hash_of(token);
        let is_known = self.tokens.contains_key(&hash);
        Some(if is_known {
            Who::Token(hash)
        } else {
            Who::Impostor(host)
        })
    }

    /// The host that asks; none for this machine. Each proxy adds its client behind those that it was told of, so they are
    /// believed from the last one on, as long as proxies that we trust say so.
    fn asker(&self, from: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let told = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut told = told.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let mut asker = from.to_canonical();
        while self.trusted.contains(&asker)
            && let Some(client) = told.next()
        {
            asker = address(client.trim()).unwrap_or(NOBODY);
        }
        (!asker.is_loopback()).then(|| places::host(asker))
    }

    /// The rate of a client and its key there; none for who may ask as much as it likes.
    fn rate_of(&self, who: Who) -> Option<(&Rate<C>, IpAddr)> {
        let (rate, key) = match who {
            Who::Host(host) | Who::Impostor(Some(host)) => (&self.rate, host),
            Who::Token(hash) => (self.tokens.get(&hash)?, NOBODY),
            Who::Impostor(None) => return None,
        };
        Some((rate.as_ref()?, key))
    }

    fn take_batch(&self, who: Who, items: usize) -> Result<(), Problem> {
        if let Some((rate, _)) = self.rate_of(who)
            && items > usize::try_from(rate.burst.get()).unwrap_or(usize::MAX)
        {
            return Err(too_many(rate.burst.get()));
        }
        self.take(who, items.saturating_sub(1))
    }

    fn take(&self, who: Who, requests: usize) -> Result<(), Problem> {
        self.count(who, requests)?;
        if !matches!(who, Who::Impostor(_)) {
            return Ok(());
        }
        // It has been counted: guesses go at the pace of everything else.
        Err(Code::UnknownToken
            .because("the bearer token in Authorization is none of this operator's")
            .hint("ask its people for one, or ask without the header"))
    }

    fn count(&self, who: Who, requests: usize) -> Result<(), Problem> {
        let requests = NonZeroU32::new(u32::try_from(requests).unwrap_or(u32::MAX));
        let (Some((Rate { limiter, .. }, key)), Some(requests)) = (self.rate_of(who), requests) else {
            return Ok(());
        };
        if limiter.len() >= HOSTS_MAX {
            limiter.retain_recent();
        }
        let wait = match limiter.check_key_n(&key, requests) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(early)) => early.wait_time_from(limiter.clock().now()),
            Err(InsufficientCapacity(burst)) => return Err(too_many(burst)),
        };
        // Whole seconds are what a header can say.
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        Err(Code::RateLimited
            .because("this client asks for more than it may")
            .hint(format!(
                "ask again in {seconds} s; a batch counts as many as it holds"
            ))
            .with("retry_after_s", seconds))
    }
}

/// When each host's next request would be due if all kept the rate, as the limiter reckons.
#[derive(Default)]
struct Table(Mutex<HashMap<IpAddr, Nanos>>);

impl Table {
    /// The table is whole between any two statements: a panic elsewhere leaves nothing half written.
    fn locked(&self) -> MutexGuard<'_, HashMap<IpAddr, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Table {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, host: &IpAddr, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut hosts = self.locked();
        let has_room = hosts.len() < HOSTS_MAX || hosts.contains_key(host);
        let key = if has_room { *host } else { NOBODY };
        let (outcome, due) = decide(hosts.get(&key).copied())?;
        hosts.insert(key, due);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<IpAddr> for Table {
    fn retain_recent(&self, drop_below: Nanos) {
        self.locked().retain(|_, due| *due > drop_below);
    }

    fn len(&self) -> usize {
        self.locked().len()
    }

    fn is_empty(&self) -> bool {
        self.locked().is_empty()
    }
}

fn too_many(burst: u32) -> Problem {
    Code::PayloadTooLarge
        .because(format!(
            "this operator takes {burst} transactions at once of one client"
        ))
        .hint("send fewer transactions per request")
        .with("limit", burst)
}

/// As most proxies write it; some add the client's port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(with_port)
}

/// Who finds no room in the table, and whom a proxy names by no address.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Hosts whose rate is remembered, some 50 bytes each. A host is forgotten once its burst is whole again; a full table is
/// looked through for such at every request, which takes some tens of microseconds.
const HOSTS_MAX: usize = 10_000;

/// A token as it is shown; the scheme is written in any case, and spaces follow it (RFC 9110).
fn token_in(shown: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = shown.split_at_checked(BEARER.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(BEARER) && matches!(token.first(), None | Some(b' '));
    is_bearer.then(|| token.trim_ascii())
}

const BEARER: &[u8] = b"Bearer";

/// What proxies write their client's address into.
const FORWARDED_FOR: &str = "x-forwarded-for";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn meter(rate_limit: &str) -> (Meter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let keys = HttpKeys {
            rate_limit: rate_limit.parse().unwrap(),
            trusted_proxies: ["127.0.0.1", "10.0.0.7"]
                .map(|proxy| proxy.parse().unwrap())
                .into(),
            ..HttpKeys::default()
        };
        let hash = |token: &str| hash_of(token.as_bytes());
        let client = |name: &str, rate: &str| Client {
            name: name.to_owned(),
            rate: rate.parse().unwrap(),
        };
        let tokens = Tokens(BTreeMap::from([
            (hash("some"), client("exchange", "1/s burst 20")),
            (hash("much"), client("own", "off")),
        ]));
        (Meter::with_clock(&keys, &tokens, &clock), clock)
    }

    fn address_of(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn host(text: &str) -> Who {
        Who::Host(address_of(text))
    }

    #[test]
    fn a_host_asks_at_its_rate_and_takes_nothing_from_others() {
        let (meter, clock) = meter("2/s burst 5");
        let passed = |from| (0..20).take_while(|_| meter.take(host(from), 1).is_ok()).count();
        assert_eq!((passed("9.9.9.9"), passed("8.8.8.8")), (5, 5));
        let refused = meter.take(host("9.9.9.9"), 1).unwrap_err();
        assert!(refused.is(Code::RateLimited) && refused.retryable);
        assert_eq!(
            (refused.status, &refused.members["retry_after_s"]),
            (429, &1.into())
        );
        clock.advance(Duration::from_secs(1));
        assert_eq!(passed("9.9.9.9"), 2);
        let (meter, _) = self::meter("off");
        assert!((0..10_000).all(|_| meter.take(host("9.9.9.9"), 1_000).is_ok()));
    }

    #[test]
    fn a_batch_counts_as_many_as_it_holds() {
        let (meter, clock) = meter("1/s burst 10");
        let from = host("9.9.9.9");
        let batch = |items| meter.take(from, 1).and_then(|()| meter.take_batch(from, items));
        batch(10).unwrap();
        let refused = batch(1).unwrap_err();
        assert!(refused.is(Code::RateLimited), "{refused}");
        clock.advance(Duration::from_secs(10));
        let refused = batch(11).unwrap_err();
        assert!(
            refused.is(Code::PayloadTooLarge) && refused.members["limit"] == 10,
            "{refused}"
        );
        clock.advance(Duration::from_secs(10));
        batch(4).unwrap();
        let refused = batch(9).unwrap_err();
        assert_eq!(refused.members["retry_after_s"], 3, "three too many");
    }

    #[test]
    fn the_table_of_hosts_is_bounded_and_forgets_who_has_rested() {
        let (meter, clock) = meter("1/s burst 2");
        let many =
            (0..HOSTS_MAX + 100).map(|number| IpAddr::V6((u128::try_from(number).unwrap() << 64).into()));
        let passed = many
            .filter(|host| meter.take(Who::Host(*host), 1).is_ok())
            .count();
        assert_eq!(passed, HOSTS_MAX + 2, "the others share one burst");
        let table = || meter.rate.as_ref().unwrap().limiter.len();
        assert!(table() <= HOSTS_MAX + 1);
        clock.advance(Duration::from_secs(60));
        meter.take(host("9.9.9.9"), 1).unwrap();
        assert_eq!(table(), 1);
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_this_machine_is_not_counted() {
        let (meter, _) = meter("1/s burst 2");
        let asker = |from, told: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in told {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            meter
                .asker(address_of(from), &headers)
                .map(|host| host.to_string())
        };
        let cases: [(&str, &[&str], Option<&str>); 11] = [
            ("9.9.9.9", &[], Some("9.9.9.9")),
            ("9.9.9.9", &["1.1.1.1"], Some("9.9.9.9")),
            ("127.0.0.1", &[], None),
            ("::1", &["1.1.1.1"], None),
            ("127.0.0.1", &["1.1.1.1"], Some("1.1.1.1")),
            ("::ffff:10.0.0.7", &["6.6.6.6, 1.1.1.1"], Some("1.1.1.1")),
            ("127.0.0.1", &["6.6.6.6", "1.1.1.1,10.0.0.7"], Some("1.1.1.1")),
            ("10.0.0.7", &["1.1.1.1:4711"], Some("1.1.1.1")),
            ("10.0.0.7", &["2001:db8::1"], Some("2001:db8::")),
            ("127.0.0.1", &["unknown"], Some("0.0.0.0")),
            ("10.0.0.7", &[], Some("10.0.0.7")),
        ];
        for (from, told, expected) in cases {
            assert_eq!(asker(from, told).as_deref(), expected, "{from} {told:?}");
        }
    }

    #[test]
    fn a_token_has_a_rate_of_its_own_wherever_it_is_shown() {
        let (meter, clock) = meter("1/s burst 2");
        let who = |from, shown: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, shown.parse().unwrap())]);
            meter.who(address_of(from), &headers)
        };
        let passed = |who: Option<Who>| {
            (0..50)
                .take_while(|_| meter.take(who.unwrap(), 1).is_ok())
                .count()
        };
        assert_eq!(who("127.0.0.1", "Basic c29tZQ=="), None);
        assert_eq!(passed(who("9.9.9.9", "Basic c29tZQ==")), 2);
        assert_eq!(passed(who("9.9.9.9", "Bearer some")), 20);
        assert_eq!(
            passed(who("8.8.8.8", "Bearer some")),
            0,
            "one rate wherever it comes from"
        );
        assert_eq!(passed(who("9.9.9.9", "bearer  much")), 50, "in any case");
        let refused = meter.take(who("7.7.7.7", "Bearer som").unwrap(), 1).unwrap_err();
        assert_eq!((refused.status, refused.is(Code::UnknownToken)), (401, true));
        let refused = meter.take(who("127.0.0.1", "Bearer ").unwrap(), 1).unwrap_err();
        assert!(refused.is(Code::UnknownToken), "{refused}");
        clock.advance(Duration::from_secs(1));
        let guess = |_| meter.take(who("7.7.7.7", "Bearer som").unwrap(), 1).unwrap_err();
        assert!(
            (0..9).map(guess).any(|refused| refused.is(Code::RateLimited)),
            "guesses are counted"
        );
    }
}
