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
    request::Received,
};

/// Requests without an answer yet; as many as there are slots in the handle.
pub(super) type Waiting = HashMap<OutboundRequestId, Asker>;

/// One of them.
#[derive(Debug)]
pub(super) struct Asker {
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
        let Some(line) = self.lines.get(to).map(Arc::clone) else {
            return;
        };
        if !self.swarm.is_connected(&line.peer_id) {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(Err(RequestError::NotConnected));
            return;
        }
        let sync = self.swarm.behaviour_mut().sync.inner();
        let id = sync.send_request(&line.peer_id, Received { bytes, held: None });
        self.waiting.insert(id, Asker { reply, _slot: slot });
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
