//! What one client can take from the others at the HTTP door, over sockets.

use std::{net::SocketAddr, time::Duration};

use plasma_node::{api, config::HttpKeys};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::chain::{Chain, genesis};

/// A door that listens, until it is told to stop.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Listening {
    async fn new(chain: &Chain, keys: HttpKeys) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(api::serve(listener, chain.door.clone(), keys, async {
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
