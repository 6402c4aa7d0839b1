//! The bytes of one stream: frames, each a length of four bytes, big endian, and so many bytes.
//!
//! The reader stops reading when its peer is over its rate or the node does not keep up; the window of the stream then
//! stops the sender. A length over the limit is an offence and allocates nothing; memory grows with what has arrived.
//! Reader and writer of a stream are separate futures and never wait for each other.

use std::{io, sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::{bucket::Pace, outbox::Queued};
use crate::{
    error::Fault,
    frame::Class,
    line::{Lane, Line},
};

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closed or broken; nobody's fault.
    Closed,
    /// The peer broke a rule.
    Fault(Fault),
}

/// What a reader must know.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) line: Arc<Line>,
    pub(crate) class: Class,
    pub(crate) limit: u32,
    pub(crate) inbox: mpsc::Sender<(u16, Bytes)>,
}

/// Reads frames into the inbox until the stream ends or the peer breaks a rule.
pub(crate) async fn read_frames(mut stream: impl AsyncRead + Unpin, intent: Intent) -> End {
    let Intent {
        line,
        class,
        limit,
        inbox,
    } = intent;
    loop {
        let mut prefix = [0; 4];
        if stream.read_exact(&mut prefix).await.is_err() {
            return End::Closed;
        }
        let bytes = u32::from_be_bytes(prefix);
        if bytes == 0 {
            return End::Fault(Fault::Empty(class.name()));
        }
        if bytes > limit {
            return End::Fault(Fault::Oversize {
                stream: class.name(),
                bytes,
                limit,
            });
        }
        let pace = line.lane(class).intake().take(Instant::now(), bytes);
        match pace {
            Pace::Flood => return End::Fault(Fault::Flood(class.name())),
            Pace::Wait(pause) if !pause.is_zero() => tokio::time::sleep(pause).await,
            Pace::Wait(_) => {}
        }
        let Ok(body) = read_body(&mut stream, bytes).await else {
            return End::Closed;
        };
        if line.is_retired() || inbox.send((line.slot, body)).await.is_err() {
            return End::Closed;
        }
    }
}

/// Reads exactly so many bytes, growing with what arrives.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), bytes: u32) -> io::Result<Bytes> {
    let length = usize::try_from(bytes).map_err(io::Error::other)?;
    let mut body = BytesMut::new();
    while body.len() < length {
        let start = body.len();
        body.resize(length.min(start + GROWTH_BYTES), 0);
        stream
            .read_exact(body.get_mut(start..).unwrap_or_default())
            .await?;
    }
    Ok(body.freeze())
}

/// Writes the lane's frames until it is told to stop, then closes the stream; or until the stream breaks.
pub(crate) async fn write_frames(
    mut stream: impl AsyncWrite + Unpin,
    line: Arc<Line>,
    class: Class,
    mut stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let lane = line.lane(class);
    loop {
        if !matches!(stop.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
            // A bell rung for us may be another writer's.
            lane.ready.notify_one();
            return stream.close().await;
        }
        let batch = next_batch(lane);
        if batch.is_empty() {
            tokio::select! {
                () = lane.ready.notified() => {}
                _ = &mut stop => {
                    lane.ready.notify_one();
                    return stream.close().await;
                }
            }
            continue;
        }
        match batch.as_slice() {
            [large] if large.bytes.len() > BATCH_BYTES => write_large(&mut stream, &large.bytes).await?,
            small => stream.write_all(&joined(small)).await?,
        }
        stream.flush().await?;
    }
}

/// One frame in chunks: between two of them the connection serves its other streams.
async fn write_large(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(&prefix(bytes)?).await?;
    for chunk in bytes.chunks(CHUNK_BYTES) {
        stream.write_all(chunk).await?;
    }
    Ok(())
}

/// Frames for one write: as many small ones as fit, or one large.
fn next_batch(lane: &Lane) -> Vec<Queued> {
    let now = Instant::now();
    let mut outbox = lane.outbox();
    let mut batch = Vec::new();
    let mut bytes = 0_usize;
    while let Some(next) = outbox.next_len() {
        bytes = bytes.saturating_add(next).saturating_add(4);
        if !batch.is_empty() && bytes > BATCH_BYTES {
            break;
        }
        batch.extend(outbox.pop(now));
    }
    batch
}

fn joined(frames: &[Queued]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(frames.iter().map(|frame| frame.bytes.len() + 4).sum());
    for frame in frames {
        if let Ok(prefix) = prefix(&frame.bytes) {
            buffer.extend_from_slice(&prefix);
            buffer.extend_from_slice(&frame.bytes);
        }
    }
    buffer
}

fn prefix(bytes: &[u8]) -> io::Result<[u8; 4]> {
    u32::try_from(bytes.len())
        .map(u32::to_be_bytes)
        .map_err(io::Error::other)
}

/// A frame being read grows in steps of so many bytes: what a length prefix alone can make us allocate.
const GROWTH_BYTES: usize = 64 * 1024;
/// Small frames are joined up to so many bytes for one write.
const BATCH_BYTES: usize = 64 * 1024;
/// A large frame is written in chunks of so many bytes.
const CHUNK_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};

    use super::*;
    use crate::{Limits, Peer, identity};

    #[test]
    fn nothing_is_read_from_who_is_a_peer_no_longer() {
        let peer = Peer {
            slot: 3,
            peer_id: identity::peer_id(&[3; 32]),
            addresses: Vec::new(),
        };
        let line = Arc::new(Line::new(&peer, 0, &Limits::default(), Instant::now()));
        let (inbox, mut heard) = mpsc::channel(8);
        let intent = Intent {
            line: Arc::clone(&line),
            class: Class::Control,
            limit: 100,
            inbox,
        };
        let frames = [0, 0, 0, 1, 7, 0, 0, 0, 1, 8];
        let end = block_on(read_frames(Cursor::new(frames), intent.clone()));
        assert_eq!(end, End::Closed, "the stream ended");
        assert_eq!(heard.try_recv().expect("a frame"), (3, Bytes::from_static(&[7])));
        assert_eq!(heard.try_recv().expect("a frame"), (3, Bytes::from_static(&[8])));
        line.retire();
        assert_eq!(block_on(read_frames(Cursor::new(frames), intent)), End::Closed);
        assert!(heard.try_recv().is_err());
    }
}
