//! Frames between operators: order, both classes, both directions, sizes, requests.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plasma_network::{Event, Frame, Limits, RequestError, To};

use super::support::{Committee, Operator, SOON, within};

async fn pair() -> [Operator; 2] {
    Committee::of(2)
        .start_all(Limits::default())
        .await
        .try_into()
        .ok()
        .expect("two")
}

fn numbered(number: u32, bytes: usize) -> Bytes {
    let mut frame = number.to_be_bytes().to_vec();
    frame.resize(bytes.max(4), 0x5a);
    frame.into()
}

#[tokio::test]
async fn frames_of_both_classes_arrive_in_order_in_both_directions() {
    let mut operators = pair().await;
    for number in 0..500 {
        for (from, to) in [(0, 1), (1, 0)] {
            let to = To::One(to);
            operators[from]
                .handle
                .send(to, Frame::control(u64::from(number), numbered(number, 100)));
            if number % 10 == 0 {
                operators[from]
                    .handle
                    .send(to, Frame::payload(u64::from(number), numbered(number, 100_000)));
            }
        }
    }
    for operator in &mut operators {
        let other = 1 - operator.index;
        let (mut control, mut payload) = (Vec::new(), Vec::new());
        while control.len() < 500 || payload.len() < 50 {
            match operator.next().await {
                Event::Control { from, bytes } if from == other => control.push(bytes),
                Event::Payload { from, bytes } if from == other => payload.push(bytes),
                event => panic!("unexpected {event:?}"),
            }
        }
        assert_eq!(
            control,
            (0..500).map(|number| numbered(number, 100)).collect::<Vec<_>>()
        );
        assert_eq!(
            payload,
            (0..50)
                .map(|number| numbered(number * 10, 100_000))
                .collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn a_frame_for_all_reaches_everybody_else_once() {
    let mut operators = Committee::of(4).start_all(Limits::default()).await;
    operators[2]
        .handle
        .send(To::All, Frame::control(1, &b"to all"[..]));
    operators[2]
        .handle
        .send(To::One(2), Frame::control(1, &b"to myself"[..]));
    operators[2].handle.send(To::All, Frame::control(1, &b"end"[..]));
    for index in [0, 1, 3] {
        assert_eq!(
            operators[index].control().await,
            (2, Bytes::from_static(b"to all"))
        );
        assert_eq!(operators[index].control().await, (2, Bytes::from_static(b"end")));
    }
    operators[2].hears_nothing().await;
}

#[tokio::test]
async fn the_largest_frames_pass() {
    let mut operators = pair().await;
    let (control, payload) = (numbered(1, 64 * 1024), numbered(2, 16 * 1024 * 1024));
    operators[0]
        .handle
        .send(To::All, Frame::control(1, control.clone()));
    operators[0]
        .handle
        .send(To::All, Frame::payload(1, payload.clone()));
    assert!(operators[1].control().await.1 == control);
    assert!(operators[1].payload().await.1 == payload);
}

#[tokio::test]
async fn control_frames_overtake_a_large_payload() {
    let [mut sender, mut receiver] = pair().await;
    let body = numbered(0, 10 * 1024 * 1024);
    for view in 0..2 {
        sender.handle.send(To::All, Frame::payload(view, body.clone()));
    }
    // The bodies are on their way when the votes follow them.
    let started = Instant::now();
    for number in 0..100 {
        sender
            .handle
            .send(To::All, Frame::control(1, numbered(number, 200)));
    }
    let mut last_vote = None;
    let (mut votes, mut bodies) = (0, 0);
    while votes < 100 || bodies < 2 {
        match receiver.next().await {
            Event::Control { .. } => {
                votes += 1;
                last_vote = Some(started.elapsed());
                assert_eq!(bodies, 0, "votes did not wait for the bodies before them");
            }
            Event::Payload { .. } => bodies += 1,
            event => panic!("unexpected {event:?}"),
        }
    }
    let (last_vote, all) = (last_vote.expect("votes"), started.elapsed());
    assert!(last_vote * 2 < all, "100 votes took {last_vote:?} of {all:?}");
    // And the way back is free too.
    receiver.handle.send(To::All, Frame::control(1, &b"back"[..]));
    assert_eq!(sender.control().await.1, "back");
}

#[tokio::test]
async fn requests_are_answered_refused_and_timed_out() {
    let [asker, mut answerer] = pair().await;
    let answering = tokio::spawn(async move {
        let mut forgotten = Vec::new();
        for _ in 0..4 {
            let (bytes, reply) = answerer
                .find(|event| match event {
                    Event::Request {
                        from: 0,
                        bytes,
                        reply,
                    } => Some((bytes, reply)),
                    _ => None,
                })
                .await;
            match &bytes[..] {
                b"echo" => reply.send(vec![7; 3 * 1024 * 1024]).expect("sent"),
                b"refuse" => drop(reply),
                b"too much" => {
                    let error = reply
                        .send(vec![0; 16 * 1024 * 1024 + 1])
                        .expect_err("over the limit");
                    assert!(matches!(
                        error,
                        RequestError::TooLarge {
                            limit: 16_777_216,
                            ..
                        }
                    ));
                }
                _ => forgotten.push(reply),
            }
        }
        (answerer, forgotten)
    });
    let ask = |bytes: &'static [u8], timeout| asker.handle.request(1, bytes, timeout);
    assert!(
        ask(b"echo", SOON)
            .await
            .is_ok_and(|answer| answer == vec![7; 3 * 1024 * 1024])
    );
    assert_eq!(ask(b"refuse", SOON).await, Err(RequestError::Refused));
    assert_eq!(ask(b"too much", SOON).await, Err(RequestError::Refused));
    let short = Duration::from_millis(100);
    assert_eq!(ask(b"forget", short).await, Err(RequestError::Timeout(short)));
    let _held = within(answering).await.expect("answered");
    assert_eq!(
        asker.handle.request(0, &b"myself"[..], SOON).await,
        Err(RequestError::UnknownPeer(0))
    );
    assert_eq!(
        asker.handle.request(9, &b"nobody"[..], SOON).await,
        Err(RequestError::UnknownPeer(9))
    );
    let large = asker.handle.request(1, vec![0; 64 * 1024 + 1], SOON).await;
    assert_eq!(
        large,
        Err(RequestError::TooLarge {
            bytes: 65_537,
            limit: 65_536
        })
    );
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_all_answered() {
    let [asker, mut answerer] = pair().await;
    tokio::spawn(async move {
        while let Some(event) = answerer.events.recv().await {
            if let Event::Request { bytes, reply, .. } = event {
                reply.send(bytes).expect("sent");
            }
        }
    });
    let asks = (0..100).map(|number| {
        let handle = asker.handle.clone();
        async move { (number, handle.request(1, numbered(number, 1_000), SOON).await) }
    });
    for (number, answer) in within(futures::future::join_all(asks)).await {
        assert_eq!(answer, Ok(numbered(number, 1_000)));
    }
}

#[tokio::test]
async fn a_request_to_somebody_who_is_not_there_fails_at_once() {
    let mut committee = Committee::of(2);
    let alone = committee.start(0).await;
    assert_eq!(
        alone.handle.request(1, &b"hello"[..], SOON).await,
        Err(RequestError::NotConnected)
    );
}
