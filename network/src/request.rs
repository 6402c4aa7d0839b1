//! Request/response, twice: *sync* among operators, *client* for anybody. One substream per request.
//!
//! ```text
//! request   length: u32 big endian ‖ bytes      then the asker closes its half
//! response  length: u32 big endian ‖ bytes      nothing at all = refused
//! ```
//! A length over the limit ends the stream before anything is allocated; memory then grows with what arrives, and the
//! bytes of clients are taken from one budget shared by all of them, so that many slow askers cannot fill the memory.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory that an unanswered request holds; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _permits: Vec<OwnedSemaphorePermit>,
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
    /// Memory for unanswered requests, in units of [`UNIT`] bytes.
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
            budget: Some(Arc::new(Semaphore::new(bytes.div_ceil(UNIT)))),
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
        let mut held = Held { _permits: Vec::new() };
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
        read_bounded(io, self.response_limit, None, &mut Held { _permits: Vec::new() }).await
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
        let step = (length - bytes.len()).min(UNIT);
        if let Some(budget) = budget {
            let permit = Arc::clone(budget)
                .acquire_owned()
                .await
                .map_err(io::Error::other)?;
            held._permits.push(permit);
        }
        let start = bytes.len();
        bytes.resize(start + step, 0);
        io.read_exact(bytes.get_mut(start..).unwrap_or_default())
            .await
            .map_err(cut_short)?;
    }
    Ok(bytes.freeze())
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

/// Memory is taken and grows in steps of so many bytes.
const UNIT: usize = 64 * 1024;
