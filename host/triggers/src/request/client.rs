//! Who asks, and the body that comes from there.

use super::activity::Activity;
use super::body::BoxError;
use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The other side of a connection.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address: a proxy's, if one is in between.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// The IP address as a header has it, written once for all requests of the connection.
    name: HeaderValue,
}

impl Client {
    /// A client at this address.
    pub fn new(address: SocketAddr, secure: bool) -> Self {
        Self { address, secure, name: super::forwarded::name_of(address.ip()) }
    }

    /// The IP address as a header has it.
    pub(super) fn name(&self) -> &HeaderValue {
        &self.name
    }
}

/// Says that the next piece of a request's body took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more of the request body came within {}", flint_model::duration::display(*.0))]
pub struct SlowBody(pub Duration);

/// The body of a request as its client sends it. Who waits for it too long gets [`SlowBody`].
#[derive(Debug)]
pub struct ClientBody {
    incoming: Incoming,
    /// None: there is no body.
    waiting: Option<(Arc<Activity>, Duration)>,
}

impl ClientBody {
    /// Says through `activity` when the body is waited for; nobody may wait for longer than `timeout`.
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>, timeout: Duration) -> Self {
        let waiting = (!incoming.is_end_stream()).then(|| (Arc::clone(activity), timeout));
        Self { incoming, waiting }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = Pin::new(&mut this.incoming).poll_frame(cx);
        if let Some((activity, timeout)) = &this.waiting {
            if let Poll::Ready(frame) = &frame {
                activity.body_came();
                if frame.is_none() || this.incoming.is_end_stream() {
                    activity.body_ended();
                }
            } else if activity.take_body_overdue() {
                return Poll::Ready(Some(Err(SlowBody(*timeout).into())));
            } else {
                activity.body_is_awaited(cx.waker());
            }
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Some((activity, _)) = &self.waiting {
            activity.body_came();
        }
    }
}
