//! Our own requests on their way: who waits for which answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use libp2p::request_response::{self, Message, OutboundFailure, OutboundRequestId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Driver,
    inbound::{Asked, Asking},
};
use crate::{
    error::{self, RequestError},
    handle::Ask,
    line::Line,
    request::Received,
};

/// Requests without an answer yet; as many as there are slots in the handle.
pub(super) type Waiting = HashMap<OutboundRequestId, Asker>;

/// One of them.
#[derive(Debug)]
pub(super) struct Asker {
    to: Arc<Line>,
    reply: oneshot::Sender<Result<Bytes, RequestError>>,
    _slot: OwnedSemaphorePermit,
}

impl Driver {
    pub(super) fn on_ask(&mut self, ask: Ask) {
        let Ask {
            to,
            bytes,
            reply,
            slot,
        } = ask;
        let sync = self.swarm.behaviour_mut().sync.inner();
        let refused = if to.is_retired() {
            Some(RequestError::UnknownPeer(to.slot))
        } else if sync.is_connected(&to.peer_id) {
            None
        } else {
            Some(RequestError::NotConnected)
        };
        if let Some(error) = refused {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(Err(error));
            return;
        }
        let id = sync.send_request(&to.peer_id, Received { bytes, held: None });
        let asker = Asker {
            to,
            reply,
            _slot: slot,
        };
        self.waiting.insert(id, asker);
    }

    /// Nobody who left answers, and whoever asked need not wait until the connection is closed.
    pub(super) fn fail_asked_of_retired(&mut self) {
        for (_, asker) in self.waiting.extract_if(|_, asker| asker.to.is_retired()) {
            let error = RequestError::Disconnected("it is no peer any more".to_owned());
            // Whoever asked may have stopped waiting.
            let _ = asker.reply.send(Err(error));
        }
    }

    pub(super) fn on_sync(&mut self, event: request_response::Event<Received, Bytes>) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request {
                    request_id,
                    request,
                    channel,
                } => {
                    self.on_operator_asks(
                        &peer,
                        request_id,
                        Asking {
                            received: request,
                            channel,
                        },
                    );
                }
                Message::Response { request_id, response } => self.answer(request_id, Ok(response)),
            },
            request_response::Event::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "our request failed");
                let error = failure(&error, self.names.sync.as_ref(), self.limits.sync_timeout);
                self.answer(request_id, Err(error));
            }
            request_response::Event::InboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "an operator's request failed");
                self.askers.on_written(Asked::Sync(request_id));
            }
            request_response::Event::ResponseSent { request_id, .. } => {
                self.askers.on_written(Asked::Sync(request_id));
            }
        }
    }

    fn answer(&mut self, id: OutboundRequestId, answer: Result<Bytes, RequestError>) {
        if let Some(asked) = self.waiting.remove(&id) {
            // Whoever asked may have stopped waiting.
            let _ = asked.reply.send(answer);
        }
    }
}

/// What a failure of libp2p means to whoever asked.
pub(crate) fn failure(failure: &OutboundFailure, protocol: &str, timeout: Duration) -> RequestError {
    match failure {
        OutboundFailure::DialFailure => RequestError::NotConnected,
        OutboundFailure::Timeout => RequestError::Timeout(timeout),
        OutboundFailure::ConnectionClosed => RequestError::Disconnected("closed by the peer".to_owned()),
        OutboundFailure::UnsupportedProtocols => RequestError::OtherChain {
            protocol: protocol.to_owned(),
        },
        OutboundFailure::Io(error) => error::response_failure(error),
    }
}
