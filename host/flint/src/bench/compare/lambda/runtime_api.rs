//! The Lambda Runtime API, as much of it as a runtime needs that answers events: it asks for the next one, and posts what came
//! of it. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::error::Error;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderName, StatusCode};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:hello";
/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What came of an event: the answer, or what the runtime says of its failure.
type Outcome = Result<Bytes, String>;

/// Serves one container at a time.
pub(in crate::bench::compare) struct RuntimeApi {
    pub(in crate::bench::compare) address: SocketAddr,
    shared: Arc<Shared>,
    server: AbortHandle,
}

struct Shared {
    offer: mpsc::UnboundedSender<(u64, Bytes)>,
    offers: tokio::sync::Mutex<mpsc::UnboundedReceiver<(u64, Bytes)>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Outcome>>>,
    next: AtomicU64,
}

impl RuntimeApi {
    /// Listens on this machine.
    ///
    /// # Errors
    /// If it can't.
    pub(in crate::bench::compare) async fn start() -> Result<Self, Error> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::io("listen"))?;
        let address = listener.local_addr().map_err(Error::io("listen"))?;
        let (offer, offers) = mpsc::unbounded_channel();
        let offers = tokio::sync::Mutex::new(offers);
        let shared = Arc::new(Shared { offer, offers, waiting: Mutex::default(), next: AtomicU64::new(1) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, shared, server })
    }

    /// Has an event wait for whoever asks for the next one, from now on; answers what came of it.
    pub(in crate::bench::compare) fn invoke(&self, event: Bytes) -> impl Future<Output = Result<Bytes, Error>> + use<> {
        let (answer, answered) = oneshot::channel();
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        self.shared.waiting.lock().insert(id, answer);
        // Who receives is in the same struct.
        _ = self.shared.offer.send((id, event));
        async move {
            match tokio::time::timeout(TIMEOUT, answered).await {
                Ok(Ok(Ok(answer))) => Ok(answer),
                Ok(Ok(Err(failure))) => Err(Error::Bug(format!("the Lambda failed: {failure}"))),
                Ok(Err(_)) | Err(_) => Err(Error::Bug("the Lambda did not answer".to_owned())),
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn settle(&self, id: u64, outcome: Outcome) -> StatusCode {
        match self.waiting.lock().remove(&id) {
            // Who does not wait any more is not told.
            Some(answer) => _ = answer.send(outcome),
            None => return StatusCode::BAD_REQUEST,
        }
        StatusCode::ACCEPTED
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let Some((id, event)) = shared.offers.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
    let header = HeaderName::from_static;
    let headers = [
        (header("lambda-runtime-aws-request-id"), id.to_string()),
        (header("lambda-runtime-deadline-ms"), deadline.as_millis().to_string()),
        (header("lambda-runtime-invoked-function-arn"), FUNCTION.to_owned()),
        (http::header::CONTENT_TYPE, "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<u64>, answer: Bytes) -> StatusCode {
    shared.settle(id, Ok(answer))
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<u64>, failure: Bytes) -> StatusCode {
    shared.settle(id, Err(String::from_utf8_lossy(&failure).into_owned()))
}

/// A runtime that can't start: all that wait for it are told.
async fn init_error(State(shared): State<Arc<Shared>>, failure: Bytes) -> StatusCode {
    let failure = String::from_utf8_lossy(&failure).into_owned();
    let waiting = std::mem::take(&mut *shared.waiting.lock());
    waiting.into_values().for_each(|answer| _ = answer.send(Err(failure.clone())));
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::wire::Connection;

    async fn asked(connection: &mut Connection, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let length = body.len();
        let request = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let status = connection.ask(request.as_bytes()).await.expect("an answer");
        (status, connection.body().expect("a body"))
    }

    #[tokio::test]
    async fn a_runtime_is_given_events_in_their_order_and_its_answers_reach_who_waits() {
        let api = RuntimeApi::start().await.expect("a server");
        let mut runtime = Connection::open(api.address).await.expect("it listens");
        let (first, second) =
            (api.invoke(Bytes::from_static(b"{\"n\":1}")), api.invoke(Bytes::from_static(b"{\"n\":2}")));
        assert_eq!(asked(&mut runtime, "GET", "invocation/next", "").await, (200, b"{\"n\":1}".to_vec()));
        assert_eq!(asked(&mut runtime, "POST", "invocation/1/response", "one").await.0, 202);
        assert_eq!(asked(&mut runtime, "POST", "invocation/1/response", "again").await.0, 400, "it was settled");
        assert_eq!(first.await.expect("an answer"), "one");
        assert_eq!(asked(&mut runtime, "GET", "invocation/next", "").await.1, b"{\"n\":2}");
        assert_eq!(asked(&mut runtime, "POST", "invocation/2/error", "{\"errorMessage\":\"no\"}").await.0, 202);
        let failure = second.await.expect_err("a failure").to_string();
        assert!(failure.contains("{\"errorMessage\":\"no\"}"), "{failure}");
    }

    #[tokio::test]
    async fn who_waits_for_a_runtime_that_can_not_start_is_told_why() {
        let api = RuntimeApi::start().await.expect("a server");
        let waiting = api.invoke(Bytes::from_static(b"{}"));
        let mut runtime = Connection::open(api.address).await.expect("it listens");
        assert_eq!(asked(&mut runtime, "POST", "init/error", "no such handler").await.0, 202);
        let failure = waiting.await.expect_err("a failure").to_string();
        assert!(failure.contains("no such handler"), "{failure}");
    }
}
