//! What one client can take from the others at the HTTP door, over sockets.

use std::{net::SocketAddr, time::Duration};

use plasma_node::{
    api,
    config::{HttpKeys, tokens::Tokens},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::chain::{Chain, genesis, user};

/// A door that listens, until it is told to stop.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Listening {
    async fn new(chain: &Chain, keys: HttpKeys) -> Self {
        Self::knowing(chain, keys, "").await
    }

    /// A door that knows clients by their tokens.
    async fn knowing(chain: &Chain, keys: HttpKeys, tokens: &str) -> Self {
        let tokens = Tokens::parse("tokens", tokens).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(api::serve(listener, chain.door.clone(), (keys, tokens), async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// All that comes back, at once as people count: no patience with anybody is that short.
    async fn answers(&self, asked: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(asked).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .expect("nobody is waited for")
            .unwrap();
        answer
    }
}

#[tokio::test]
async fn clients_that_never_finish_a_head_take_no_place_from_one_that_does() {
    let chain = Chain::new(genesis());
    let keys = HttpKeys {
        max_connections: 2,
        ..HttpKeys::default()
    };
    let door = Listening::new(&chain, keys).await;
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut stream = door.connect().await;
        let head = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ";
        // It may be gone already.
        let _ = stream.write_all(head).await;
        slow.push(stream);
    }
    let answer = door
        .answers(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"),
        "{answer}"
    );
    // A stop does not wait for the slow ones.
    door.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), door.serving)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_told_when_to_ask_again() {
    let chain = Chain::new(genesis());
    let keys = HttpKeys {
        rate_limit: "1/s burst 3".parse().unwrap(),
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..HttpKeys::default()
    };
    let door = Listening::new(&chain, keys).await;
    let ask = |from: &str, times: usize| {
        let last = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let more = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{from}\r\n").repeat(times);
        format!("{more}{last}")
    };
    // In one breath, so that no time passes between them.
    let text = door
        .answers(ask("X-Forwarded-For: 9.9.9.9\r\n", 60).as_bytes())
        .await;
    let passed = text.matches("HTTP/1.1 200").count();
    assert!((4..30).contains(&passed), "three and the proxy's own: {passed}");
    let refused = text.matches("HTTP/1.1 429").count();
    assert_eq!(passed + refused, 61, "{text}");
    assert_eq!(text.matches("retry-after: 1").count(), refused);
    assert!(
        text.contains("\"code\":\"rate-limited\"") && text.contains("plasma-height"),
        "{text}"
    );
    let text = door
        .answers(ask("X-Forwarded-For: 8.8.8.8\r\n", 3).as_bytes())
        .await;
    assert!(!text.contains("429"), "{text}");
    let text = door.answers(ask("", 200).as_bytes()).await;
    assert!(!text.contains("429"), "this machine is not counted");
}

#[tokio::test]
async fn without_the_explorer_there_is_the_api_alone() {
    let chain = Chain::new(genesis());
    let keys = HttpKeys {
        explorer: false,
        ..HttpKeys::default()
    };
    let door = Listening::new(&chain, keys).await;
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let page = door.answers(head("/").as_bytes()).await;
    assert!(
        page.starts_with("HTTP/1.1 404") && page.contains("not-found"),
        "{page}"
    );
    let status = door.answers(head("/v1/status").as_bytes()).await;
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
}

#[tokio::test]
async fn a_batch_asks_for_as_many_as_it_holds() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let keys = HttpKeys {
        rate_limit: "1/s burst 50".parse().unwrap(),
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..HttpKeys::default()
    };
    let door = Listening::new(&chain, keys).await;
    let payment = chain.payment(&alice, (coin, 100), &user(2), 100).encode();
    let post = |items: usize, connection: &str| {
        let body = payment.repeat(items);
        let head = format!(
            "POST /v1/transactions:batch?wait=none HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n{connection}\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    };
    let asked = [post(40, ""), post(40, "Connection: close\r\n")].concat();
    let text = door.answers(&asked).await;
    assert!(
        text.contains("HTTP/1.1 200") && text.contains("HTTP/1.1 429"),
        "{text}"
    );
    let text = door.answers(&post(51, "Connection: close\r\n")).await;
    assert!(
        text.starts_with("HTTP/1.1 413") && text.contains("\"limit\":50"),
        "{text}"
    );
}

#[tokio::test]
async fn who_shows_a_token_has_a_rate_of_its_own_and_a_wrong_one_is_told_so() {
    let chain = Chain::new(genesis());
    let keys = HttpKeys {
        rate_limit: "1/s burst 3".parse().unwrap(),
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..HttpKeys::default()
    };
    // Of the token "test".
    let tokens = "exchange:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08:1/s burst 50";
    let door = Listening::knowing(&chain, keys, tokens).await;
    let ask = |token: &str, times: usize| {
        let more = format!(
            "GET /livez HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        format!(
            "{}GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            more.repeat(times)
        )
    };
    let text = door.answers(ask("test", 40).as_bytes()).await;
    assert_eq!(text.matches("HTTP/1.1 200").count(), 41, "{text}");
    let text = door.answers(ask("guess", 1).as_bytes()).await;
    assert!(
        text.contains("HTTP/1.1 401") && text.contains("www-authenticate: Bearer"),
        "{text}"
    );
    assert!(text.contains("\"code\":\"unknown-token\""), "{text}");
}
