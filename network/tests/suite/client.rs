//! Clients: answers, refusals, timeouts, wrong chains, hostile frames.

use std::time::{Duration, Instant};

use futures::StreamExt;
use plasma_network::{Client, ConnectError, Event, Limits, Multiaddr, PeerId, Rate, RequestError, Responder};

use super::support::{
    CHAIN, Committee, Operator, SOON, Script, Then, framed, hostile, join, protocol, run, until_answered,
    within,
};

async fn asked(operator: &mut Operator) -> (bytes::Bytes, Responder) {
    operator
        .find(|event| match event {
            Event::ClientRequest { bytes, reply, .. } => Some((bytes, reply)),
            _ => None,
        })
        .await
}

/// Answers every request with its own bytes.
fn echo(operator: Operator) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        // All of it moves here: without its handle the network would stop.
        let mut operator = operator;
        while let Some(event) = operator.events.recv().await {
            if let Event::ClientRequest { bytes, reply, .. } = event {
                reply.send(bytes).expect("sent");
            }
        }
    })
}

#[tokio::test]
async fn a_client_is_answered_refused_or_times_out() {
    let mut operator = Committee::of(1).start(0).await;
    let client = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let (answer, ()) = futures::join!(client.request(&b"one"[..], SOON), async {
        let (bytes, reply) = asked(&mut operator).await;
        assert_eq!(bytes, "one");
        assert!(reply.is_open());
        reply.send(&b"two"[..]).expect("sent");
    });
    assert_eq!(answer, Ok("two".into()));
    let (answer, ()) = futures::join!(client.request(&b"no"[..], SOON), async {
        drop(asked(&mut operator).await);
    });
    assert_eq!(answer, Err(RequestError::Refused));
    let short = Duration::from_millis(100);
    let (answer, held) = futures::join!(client.request(&b"slow"[..], short), asked(&mut operator));
    assert_eq!(answer, Err(RequestError::Timeout(short)));
    drop(held);
    let large = client.request(vec![0; 1024 * 1024 + 1], SOON).await;
    assert_eq!(
        large,
        Err(RequestError::TooLarge {
            bytes: 1_048_577,
            limit: 1_048_576
        })
    );
    let echoing = echo(operator);
    let largest = vec![3; 1024 * 1024];
    assert!(
        client
            .request(largest.clone(), SOON)
            .await
            .is_ok_and(|answer| answer == largest)
    );
    assert_eq!(
        client.request(Vec::new(), SOON).await,
        Ok(bytes::Bytes::new()),
        "an empty answer is an answer"
    );
    echoing.abort();
}

#[tokio::test]
async fn many_requests_of_many_clients_are_all_answered() {
    let operator = Committee::of(1).start(0).await;
    let address = operator.address.clone();
    let echoing = echo(operator);
    let clients = (0..10_u8).map(|tag| {
        let address = address.clone();
        async move {
            let client = Client::connect(address, CHAIN).await.expect("connected");
            let asks = (0..100_u8).map(|number| client.request(vec![tag, number], SOON));
            let answers = futures::future::join_all(asks).await;
            for (number, answer) in (0..100_u8).zip(answers) {
                assert_eq!(answer, Ok(vec![tag, number].into()));
            }
        }
    });
    within(futures::future::join_all(clients)).await;
    echoing.abort();
}

#[tokio::test]
async fn the_wrong_chain_is_told_by_name() {
    let operator = Committee::of(1).start(0).await;
    let client = Client::connect(operator.address.clone(), "deadbeef")
        .await
        .expect("connected");
    let answer = client.request(&b"hello"[..], SOON).await;
    let error = answer.expect_err("another chain");
    assert_eq!(
        error,
        RequestError::OtherChain {
            protocol: "/plasma/deadbeef/client/1".to_owned()
        }
    );
    assert!(error.to_string().contains("another chain"));
    drop(operator);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_or_to_somebody_else_is_told() {
    let mut committee = Committee::of(1);
    let operator = committee.start(0).await;
    let operator_id = committee.id(0);
    let base: Multiaddr = operator.address.iter().take(2).collect();
    let nameless = Client::connect(base.clone(), CHAIN)
        .await
        .expect_err("no peer id");
    assert_eq!(nameless, ConnectError::NoPeerId(base.clone()));
    let other = base.with(libp2p::multiaddr::Protocol::P2p(PeerId::random()));
    let error = Client::connect(other, CHAIN).await.expect_err("somebody else");
    assert!(error.to_string().contains("somebody else"), "{error}");
    let is_told = matches!(error, ConnectError::OtherPeer { found, .. } if found == operator_id);
    assert!(is_told, "{error}");
    let error = Client::connect(operator.address.clone(), "xyz")
        .await
        .expect_err("no chain");
    assert_eq!(error, ConnectError::Genesis8("xyz".to_owned()));
    operator.handle.stop().await;
    let error = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect_err("nobody");
    let why = "nobody listens there".to_owned();
    let address = operator.address.clone();
    assert_eq!(
        error,
        ConnectError::Dial { address, why },
        "one line, in our words"
    );
}

#[tokio::test]
async fn a_client_survives_a_restart_of_its_operator() {
    let mut committee = Committee::of(1);
    let operator = committee.start(0).await;
    let client = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let mut config = committee.config(0, Limits::default());
    config.listen = vec![operator.address.iter().take(2).collect()];
    let echoing = echo(operator);
    client.request(&b"before"[..], SOON).await.expect("answer");
    echoing.abort();
    // The handle went with the task: the network stops.
    let gone = within(async {
        loop {
            let answer = client.request(&b"while"[..], Duration::from_secs(1)).await;
            if let Err(error) = answer {
                return error;
            }
        }
    })
    .await;
    assert!(!matches!(gone, RequestError::Stopped), "{gone}");
    let again = loop {
        // The port is free once the old network is gone.
        match plasma_network::start(config.clone()) {
            Ok((handle, events)) => {
                break Operator {
                    index: 0,
                    handle,
                    events,
                    address: config.listen[0].clone(),
                };
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let echoing = echo(again);
    within(async {
        while client.request(&b"after"[..], SOON).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    echoing.abort();
}

#[tokio::test]
async fn malformed_client_frames_are_never_delivered() {
    let mut committee = Committee::of(1);
    let mut operator = committee.start(0).await;
    let hostile_bytes = [
        u32::MAX.to_be_bytes().to_vec(),
        1_048_577_u32.to_be_bytes().to_vec(),
        vec![0, 0, 0],
        framed(b"cut short")[..7].to_vec(),
        Vec::new(),
    ];
    let mut attacker = hostile([0xEE; 32], &protocol("client"));
    join(&mut attacker, &operator.address).await;
    for bytes in hostile_bytes {
        attacker.behaviour_mut().raw.send_request(
            &committee.id(0),
            Script {
                bytes,
                then: Then::Close,
            },
        );
        // The stream ends without a byte of answer.
        let answer = until_answered(&mut attacker).await;
        assert!(answer.as_ref().map_or(true, Vec::is_empty), "{answer:?}");
    }
    operator.hears_nothing().await;
    let good = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let echoing = echo(operator);
    assert_eq!(good.request(&b"good"[..], SOON).await, Ok("good".into()));
    echoing.abort();
}

#[tokio::test]
async fn a_client_over_its_rate_waits_and_others_do_not() {
    let limits = Limits {
        client_rate: Rate {
            per_second: 10,
            burst: 10,
        },
        ..Limits::default()
    };
    let operator = Committee::of(1).start_with(0, limits).await;
    let address = operator.address.clone();
    let echoing = echo(operator);
    let greedy = Client::connect(address.clone(), CHAIN).await.expect("connected");
    let modest = Client::connect(address, CHAIN).await.expect("connected");
    let began = Instant::now();
    let flood = async {
        let asks = (0..30_u8).map(|number| greedy.request(vec![number], SOON));
        for answer in futures::future::join_all(asks).await {
            answer.expect("late but answered");
        }
        began.elapsed()
    };
    let calm = async {
        modest.request(&b"hello"[..], SOON).await.expect("answer");
        began.elapsed()
    };
    let (flood, calm) = within(futures::future::join(flood, calm)).await;
    assert!(
        flood >= Duration::from_millis(1_500),
        "thirty at ten a second: {flood:?}"
    );
    assert!(calm * 2 < flood, "{calm:?} of {flood:?}");
    echoing.abort();
}

#[tokio::test]
async fn large_unanswered_requests_are_bounded_and_do_not_stop_small_ones() {
    let limits = Limits {
        client_bytes_in_flight: 2 * 1024 * 1024,
        ..Limits::default()
    };
    let mut committee = Committee::of(1);
    let mut operator = committee.start_with(0, limits).await;
    // Many streams announce a megabyte each and send nearly nothing of it: that costs nothing.
    let mut attacker = hostile([0xEE; 32], &protocol("client"));
    join(&mut attacker, &operator.address).await;
    for _ in 0..30 {
        let bytes = [&1_048_576_u32.to_be_bytes()[..], b"slow"].concat();
        let script = Script {
            bytes,
            then: Then::Hold,
        };
        attacker
            .behaviour_mut()
            .raw
            .send_request(&committee.id(0), script);
    }
    let attack = tokio::spawn(async move { while let Some(_event) = attacker.next().await {} });
    let client = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let large = || client.request(vec![1; 1_000_000], SOON);
    let serving = async {
        // The first two are here and unanswered: there is no room for a third.
        let held = [asked(&mut operator).await.1, asked(&mut operator).await.1];
        assert!(large().await.is_err());
        let (small, ()) = futures::join!(client.request(vec![1; 4_096], SOON), async {
            let (bytes, reply) = asked(&mut operator).await;
            assert_eq!(bytes.len(), 4_096);
            reply.send(&b"small"[..]).expect("sent");
        });
        assert_eq!(small, Ok("small".into()));
        for reply in held {
            reply.send(&b"large"[..]).expect("sent");
        }
    };
    let (first, second, ()) = futures::join!(large(), large(), serving);
    assert_eq!([first, second], [Ok("large".into()), Ok("large".into())]);
    // Their room is free again.
    let (again, ()) = futures::join!(large(), async {
        asked(&mut operator).await.1.send(&b"again"[..]).expect("sent");
    });
    assert_eq!(again, Ok("again".into()));
    attack.abort();
}

#[tokio::test]
async fn large_answers_that_nobody_reads_are_bounded_and_do_not_stop_small_ones() {
    let limits = Limits {
        client_bytes_in_flight: 2 * 1024 * 1024,
        ..Limits::default()
    };
    let mut committee = Committee::of(1);
    let mut operator = committee.start_with(0, limits).await;
    let mut attacker = hostile([0xEE; 32], &protocol("client"));
    join(&mut attacker, &operator.address).await;
    for _ in 0..5 {
        let script = Script {
            bytes: framed(b"everything"),
            then: Then::Hold,
        };
        attacker
            .behaviour_mut()
            .raw
            .send_request(&committee.id(0), script);
    }
    let attack = tokio::spawn(async move { while let Some(_event) = attacker.next().await {} });
    for _ in 0..5 {
        asked(&mut operator)
            .await
            .1
            .send(vec![9; 1024 * 1024])
            .expect("sent");
    }
    let client = Client::connect(operator.address.clone(), CHAIN)
        .await
        .expect("connected");
    let serving = tokio::spawn(async move {
        let mut operator = operator;
        loop {
            let (bytes, reply) = asked(&mut operator).await;
            let bytes = if bytes == "much" {
                vec![1; 1024 * 1024]
            } else {
                vec![1; 4_096]
            };
            reply.send(bytes).expect("sent");
        }
    });
    within(async {
        // The five answers take a moment to reach their streams.
        while client.request(&b"much"[..], SOON).await != Err(RequestError::Refused) {}
    })
    .await;
    assert_eq!(
        client
            .request(&b"little"[..], SOON)
            .await
            .map(|answer| answer.len()),
        Ok(4_096)
    );
    attack.abort();
    within(async { while client.request(&b"much"[..], SOON).await.is_err() {} }).await;
    serving.abort();
}

#[tokio::test]
async fn an_idle_stranger_loses_its_place() {
    let limits = Limits {
        client_idle: Duration::from_millis(300),
        max_clients: 1,
        ..Limits::default()
    };
    let operator = run(Committee::of(1).config(0, limits)).await;
    let address = operator.address.clone();
    let echoing = echo(operator);
    let first = Client::connect(address.clone(), CHAIN).await.expect("connected");
    first.request(&b"once"[..], SOON).await.expect("answer");
    within(async {
        loop {
            let second = Client::connect(address.clone(), CHAIN).await;
            if let Ok(second) = second
                && second.request(&b"my turn"[..], SOON).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    echoing.abort();
}
