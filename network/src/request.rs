//! Request/response, twice: *sync* among operators, *client* for anybody. One substream per request.
//!
//! ```text
//! request   length: u32 big endian ‖ bytes      then the asker closes its half
//! response  length: u32 big endian ‖ bytes      nothing at all = refused
//! ```
//! A length over the limit ends the stream before anything is allocated; memory then grows with what arrives. Clients'
//! requests beyond [`FREE_BYTES`] share one budget and are refused when it is used up. Nothing waits for the budget:
//! half-read requests that wait for each other would hold it for ever. Small requests need none of it, so whoever uses
//! it up cannot keep others from submitting a transaction.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory that an unanswered request holds; given back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held {
    permits: Vec<OwnedSemaphorePermit>,
}

/// A request as it was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) held: Option<Held>,
}

/// Both sides' framing of one protocol.
#[derive(Clone, Debug)]
pub(crate) struct Codec {
    request_limit: u32,
    response_limit: u32,
    /// Memory for large unanswered requests, in units of [`UNIT_BYTES`].
    budget: Option<Arc<Semaphore>>,
}

impl Codec {
    pub(crate) const fn new(request_limit: u32, response_limit: u32) -> Self {
        Self {
            request_limit,
            response_limit,
            budget: None,
        }
    }

    /// Takes the memory of requests from a budget of so many bytes.
    pub(crate) fn with_budget(self, bytes: usize) -> Self {
        Self {
            budget: Some(Arc::new(Semaphore::new(bytes / UNIT_BYTES))),
            ..self
        }
    }
}

/// A behaviour for one protocol.
pub(crate) fn behaviour(
    codec: Codec,
    protocol: &StreamProtocol,
    support: ProtocolSupport,
    in_flight: usize,
    timeout: Duration,
) -> request_response::Behaviour<Codec> {
    // The count is over both directions of a connection.
    let streams = in_flight.saturating_mul(2);
    let config = request_response::Config::default()
        .with_request_timeout(timeout)
        .with_max_concurrent_streams(streams);
    request_response::Behaviour::with_codec(codec, [(protocol.clone(), support)], config)
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Received;
    type Response = Bytes;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Received>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut held = Held::default();
        let bytes = read_bounded(io, self.request_limit, self.budget.as_ref(), &mut held).await?;
        Ok(Received {
            bytes,
            held: Some(held),
        })
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_bounded(io, self.response_limit, None, &mut Held::default()).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Received) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_prefixed(io, &request.bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Bytes) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_prefixed(io, &response).await
    }
}

/// Reads one length and so many bytes. The end of the stream in place of a length is [`io::ErrorKind::UnexpectedEof`]
/// without a source; everything else that is wrong is [`io::ErrorKind::InvalidData`].
async fn read_bounded<T>(
    io: &mut T,
    limit: u32,
    budget: Option<&Arc<Semaphore>>,
    held: &mut Held,
) -> io::Result<Bytes>
where
    T: AsyncRead + Unpin + Send,
{
    let mut prefix = [0; 4];
    let first = io.read(&mut prefix).await?;
    if first == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rest = prefix.get_mut(first..).unwrap_or_default();
    io.read_exact(rest).await.map_err(cut_short)?;
    let length = u32::from_be_bytes(prefix);
    if length > limit {
        return Err(invalid(format!("announced {length} bytes, the limit is {limit}")));
    }
    let length =
        usize::try_from(length).map_err(|_| invalid("longer than this machine's memory".to_owned()))?;
    let mut bytes = BytesMut::new();
    while bytes.len() < length {
        let start = bytes.len();
        let step = (length - start).min(if start == 0 { FREE_BYTES } else { GROWTH_BYTES });
        if start > 0
            && let Some(budget) = budget
        {
            held.permits.push(charge(budget, step)?);
        }
        bytes.resize(start + step, 0);
        io.read_exact(bytes.get_mut(start..).unwrap_or_default())
            .await
            .map_err(cut_short)?;
    }
    Ok(bytes.freeze())
}

/// Takes `bytes` from the budget, or refuses.
fn charge(budget: &Arc<Semaphore>, bytes: usize) -> io::Result<OwnedSemaphorePermit> {
    let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).map_err(io::Error::other)?;
    Arc::clone(budget).try_acquire_many_owned(units).map_err(|_| {
        io::Error::new(
            io::ErrorKind::QuotaExceeded,
            "too many large requests are under way",
        )
    })
}

async fn write_prefixed<T>(io: &mut T, bytes: &[u8]) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let length = u32::try_from(bytes.len()).map_err(|_| invalid("too long to send".to_owned()))?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(bytes).await?;
    io.flush().await
}

fn cut_short(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        invalid("cut short".to_owned())
    } else {
        error
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A request up to this size is free: so much for every stream of every client is bounded by their numbers alone, and
/// any transaction fits.
pub(crate) const FREE_BYTES: usize = 4 * 1024;
/// Larger ones grow in steps of so many bytes.
const GROWTH_BYTES: usize = 64 * 1024;
/// The budget's unit.
const UNIT_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};

    use super::*;

    fn read(bytes: &[u8], limit: u32, budget: Option<usize>) -> io::Result<(Bytes, usize)> {
        let budget = budget.map(|bytes| Arc::new(Semaphore::new(bytes / UNIT_BYTES)));
        let mut held = Held::default();
        let read = block_on(read_bounded(
            &mut Cursor::new(bytes),
            limit,
            budget.as_ref(),
            &mut held,
        ))?;
        Ok((read, budget.map_or(0, |budget| budget.available_permits())))
    }

    fn prefixed(length: u32, bytes: usize) -> Vec<u8> {
        [&length.to_be_bytes()[..], &vec![7; bytes]].concat()
    }

    #[test]
    fn a_whole_message_is_read_and_what_follows_is_left() {
        assert_eq!(read(&prefixed(3, 5), 10, None).expect("read").0, [7; 3][..]);
        assert_eq!(read(&prefixed(0, 0), 10, None).expect("read").0, Bytes::new());
        assert_eq!(read(&prefixed(10, 10), 10, None).expect("read").0, [7; 10][..]);
    }

    #[test]
    fn nothing_is_a_refusal_and_a_part_is_malformed() {
        let nothing = read(&[], 10, None).expect_err("nothing");
        assert_eq!(
            (nothing.kind(), nothing.get_ref().is_none()),
            (io::ErrorKind::UnexpectedEof, true)
        );
        for bytes in [
            &[0][..],
            &[0, 0, 0],
            &prefixed(3, 2),
            &prefixed(11, 11),
            &prefixed(u32::MAX, 9),
        ] {
            assert_eq!(
                read(bytes, 10, None).expect_err("malformed").kind(),
                io::ErrorKind::InvalidData
            );
        }
    }

    #[test]
    fn large_requests_take_from_the_budget_and_small_ones_do_not() {
        let small = prefixed(4096, 4096);
        assert_eq!(read(&small, 1 << 20, Some(0)).expect("free").1, 0);
        let large = prefixed(100 * 1024, 100 * 1024);
        assert_eq!(read(&large, 1 << 20, Some(100 * 1024)).expect("fits").1, 4);
        let refused = read(&large, 1 << 20, Some(95 * 1024)).expect_err("does not fit");
        assert_eq!(refused.kind(), io::ErrorKind::QuotaExceeded);
    }
}
