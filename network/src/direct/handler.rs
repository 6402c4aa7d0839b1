//! One connection to one operator: opens our two streams when this connection is the chosen one, and reads theirs
//! whichever they chose.
//!
//! Readers and writers are futures polled here, in the connection's own task: they end with the connection, and a full
//! inbox or a slow peer stops its own stream and nothing else.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncRead, future::BoxFuture, io::BufReader};
use libp2p::{
    Stream, StreamProtocol,
    core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo},
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

use super::{
    Wiring,
    stream::{End, Intent, read_frames, write_frames},
};
use crate::{error::Fault, frame::Class, line::Line};

/// Whether this connection is the one to write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// Our stream of one class.
enum Outbound {
    Idle,
    Opening,
    Open {
        writer: BoxFuture<'static, io::Result<()>>,
        stop: Option<oneshot::Sender<()>>,
    },
    Paused(Pin<Box<Sleep>>),
}

/// Both directions of one class.
struct Pair {
    class: Class,
    protocol: StreamProtocol,
    outbound: Outbound,
    /// Streams of the peer, read one after the other: the next is opened only after the one before was closed.
    inbound: VecDeque<BoxFuture<'static, End>>,
}

/// The handler.
pub(crate) struct Handler {
    wiring: Arc<Wiring>,
    line: Arc<Line>,
    role: Role,
    pairs: [Pair; 2],
    faults: VecDeque<Fault>,
}

impl Handler {
    pub(crate) fn new(wiring: &Arc<Wiring>, line: &Arc<Line>) -> Self {
        let pair = |class| Pair {
            class,
            protocol: wiring.protocol(class).clone(),
            outbound: Outbound::Idle,
            inbound: VecDeque::new(),
        };
        Self {
            wiring: Arc::clone(wiring),
            line: Arc::clone(line),
            role: Role::Reader,
            pairs: Class::ALL.map(pair),
            faults: VecDeque::new(),
        }
    }

    fn pair(&mut self, class: Class) -> &mut Pair {
        let [control, payload] = &mut self.pairs;
        match class {
            Class::Control => control,
            Class::Payload => payload,
        }
    }

    fn on_inbound(&mut self, stream: Stream, class: Class) {
        let intent = Intent {
            line: Arc::clone(&self.line),
            class,
            limit: self.wiring.limit(class),
            inbox: self.wiring.inbox(class).clone(),
        };
        let pair = self.pair(class);
        if pair.inbound.len() >= INBOUND_STREAMS {
            self.faults.push_back(Fault::Streams(class.name()));
            return;
        }
        let stream: Box<dyn AsyncRead + Send + Unpin> = match class {
            Class::Control => Box::new(BufReader::with_capacity(READ_BUFFER_BYTES, stream)),
            Class::Payload => Box::new(stream),
        };
        pair.inbound.push_back(Box::pin(read_frames(stream, intent)));
        self.wiring.lines.opened(&self.line);
    }

    fn on_outbound(&mut self, stream: Stream, class: Class) {
        let (line, role) = (Arc::clone(&self.line), self.role);
        let pair = self.pair(class);
        pair.outbound = match role {
            Role::Reader => Outbound::Idle,
            Role::Writer => {
                let (stop, stopped) = oneshot::channel();
                let writer = Box::pin(write_frames(stream, line, class, stopped));
                Outbound::Open {
                    writer,
                    stop: Some(stop),
                }
            }
        };
        self.wiring.lines.opened(&self.line);
    }

    fn on_refused(&mut self, class: Class, error: &StreamUpgradeError<Infallible>) {
        let pair = self.pair(class);
        let foreign = matches!(error, StreamUpgradeError::NegotiationFailed);
        let pause = if foreign { FOREIGN_PAUSE } else { REOPEN_PAUSE };
        pair.outbound = Outbound::Paused(Box::pin(sleep(pause)));
        if foreign {
            let protocol = pair.protocol.to_string();
            // The payload stream of the same peer tells nothing new.
            if self.faults.is_empty() && class == Class::Control {
                self.faults.push_back(Fault::OtherChain(protocol));
            }
        }
    }
}

impl Pair {
    /// Reads what can be read; a broken rule is returned.
    fn poll_inbound(&mut self, context: &mut Context<'_>) -> Option<Fault> {
        while let Some(reader) = self.inbound.front_mut() {
            let Poll::Ready(end) = reader.as_mut().poll(context) else {
                break;
            };
            self.inbound.pop_front();
            if let End::Fault(fault) = end {
                return Some(fault);
            }
        }
        None
    }

    /// Writes what can be written; `Some` asks for a new stream.
    fn poll_outbound(&mut self, role: Role, context: &mut Context<'_>) -> Option<OpenRequest> {
        loop {
            match &mut self.outbound {
                Outbound::Idle if role == Role::Writer => {
                    self.outbound = Outbound::Opening;
                    return Some(SubstreamProtocol::new(
                        ReadyUpgrade::new(self.protocol.clone()),
                        self.class,
                    ));
                }
                Outbound::Idle | Outbound::Opening => return None,
                Outbound::Open { writer, stop } => {
                    if role == Role::Reader
                        && let Some(stop) = stop.take()
                    {
                        // The writer may have ended already.
                        let _ = stop.send(());
                    }
                    match writer.as_mut().poll(context) {
                        Poll::Pending => return None,
                        Poll::Ready(Ok(())) => self.outbound = Outbound::Idle,
                        Poll::Ready(Err(error)) => {
                            tracing::debug!(class = self.class.name(), %error, "our stream broke");
                            self.outbound = Outbound::Paused(Box::pin(sleep(REOPEN_PAUSE)));
                        }
                    }
                }
                Outbound::Paused(pause) => match pause.as_mut().poll(context) {
                    Poll::Pending => return None,
                    Poll::Ready(()) => self.outbound = Outbound::Idle,
                },
            }
        }
    }
}

/// A request for one stream of ours.
type OpenRequest = SubstreamProtocol<ReadyUpgrade<StreamProtocol>, Class>;

impl ConnectionHandler for Handler {
    type FromBehaviour = Role;
    type ToBehaviour = Fault;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Class;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer, ()> {
        SubstreamProtocol::new(
            Offer {
                wiring: Arc::clone(&self.wiring),
            },
            (),
        )
    }

    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn on_behaviour_event(&mut self, role: Role) {
        self.role = role;
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Class, Fault>> {
        if let Some(fault) = self.faults.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(fault));
        }
        for pair in &mut self.pairs {
            if let Some(protocol) = pair.poll_outbound(self.role, context) {
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
            if let Some(fault) = pair.poll_inbound(context) {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(fault));
            }
        }
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Offer, ReadyUpgrade<StreamProtocol>, (), Class>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, class),
                ..
            }) => self.on_inbound(stream, class),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                self.on_outbound(protocol, info);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                self.on_refused(info, &error)
            }
            _ => {}
        }
    }
}

/// Offers both protocols and tells which was taken.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    wiring: Arc<Wiring>,
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 2];

    fn protocol_info(&self) -> Self::InfoIter {
        Class::ALL.map(|class| self.wiring.protocol(class).clone())
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, Class);
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, taken: StreamProtocol) -> Self::Future {
        let class = if taken == *self.wiring.protocol(Class::Control) {
            Class::Control
        } else {
            Class::Payload
        };
        std::future::ready(Ok((stream, class)))
    }
}

/// One being read and one that an honest peer opened when it closed the first.
const INBOUND_STREAMS: usize = 2;
/// Pause before a broken or refused stream is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);
/// Longer than the connection to an operator of another chain is kept.
const FOREIGN_PAUSE: Duration = Duration::from_secs(5);
/// Control frames are small: many come with one read.
const READ_BUFFER_BYTES: usize = 16 * 1024;
