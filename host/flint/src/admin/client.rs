//! Asks a running host.

mod blob;
mod workflow;

use super::api::topic::Publish;
use super::api::{
    Changed, Deploy, Functions, Item, Live, Page, Problem, Put, Rollback, Scan, Split, Versions, Written,
};
use super::api::{invoke, queue, schedule};
use super::run_file::RunFile;
use bytes::Bytes;
use flint_model::{FunctionName, InvocationId, QueueName, ScheduleName, Secret, StoreName, TopicName};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a host may take to say that it lives. It is on this machine.
const LIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The type of what has none: a payload, a value, a component.
const OCTETS: &str = "application/octet-stream";

/// Why a host gave no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody answers there, or no HTTP.
    #[error("no host answers at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What stood in the way.
        reason: String,
    },
    /// What answers there is no host of this version.
    #[error("what answers at {address} is no flint host of this version: {reason}")]
    Foreign {
        /// Where.
        address: SocketAddr,
        /// What was odd.
        reason: String,
    },
    /// The host answered with an error.
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// A host that runs.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    token: Option<Secret>,
}

/// What a function answered.
#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) invocation: Option<String>,
    pub(crate) answer: Bytes,
}

impl Client {
    /// Asks the host at an admin address, with a token if it wants one.
    pub(crate) fn new(address: SocketAddr, token: Option<Secret>) -> Self {
        Self { address, token }
    }

    /// Finds the host that runs with a data folder, if one does. The token of its run file is used, if it has one.
    pub(crate) async fn find(data_dir: &Path, token: Option<Secret>) -> Option<Self> {
        let run = RunFile::read(data_dir)?;
        // Without a token: until it has said which host it is, anybody may listen there.
        let client = Self::new(reachable(run.admin), None);
        let live = tokio::time::timeout(LIVE_TIMEOUT, client.live()).await.ok()?.ok()?;
        // The file's own token ends with the host. One that is good for other hosts too goes only where there is no other.
        let token = run.token.map(Secret::new).or(token);
        (live.host == run.host).then_some(Self { token, ..client })
    }

    async fn live(&self) -> Result<Live, ClientError> {
        self.json(Method::GET, "/health/live", Bytes::new()).await
    }

    /// Calls a function.
    pub(crate) async fn invoke(&self, function: &FunctionName, payload: Bytes) -> Result<Invoked, ClientError> {
        let path = format!("/v1/functions/{function}/invoke");
        let response = self.send(Method::POST, &path, OCTETS, payload).await?;
        let invocation = response.headers().get(super::api::INVOCATION_HEADER);
        let invocation = invocation.and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Invoked { invocation, answer: response.into_body() })
    }

    /// Has a call of a function accepted for later.
    pub(crate) async fn invoke_later(
        &self,
        function: &FunctionName,
        payload: Bytes,
    ) -> Result<invoke::Accepted, ClientError> {
        self.json(Method::POST, &format!("/v1/functions/{function}/invoke?async=true"), payload).await
    }

    /// Tells what became of a call that was accepted for later.
    pub(crate) async fn invocation(&self, id: InvocationId) -> Result<invoke::Status, ClientError> {
        self.json(Method::GET, &format!("/v1/invocations/{id}"), Bytes::new()).await
    }

    /// Tells all functions.
    pub(crate) async fn functions(&self) -> Result<Functions, ClientError> {
        self.json(Method::GET, "/v1/functions", Bytes::new()).await
    }

    /// Tells the versions of a function.
    pub(crate) async fn versions(&self, function: &FunctionName) -> Result<Versions, ClientError> {
        self.json(Method::GET, &format!("/v1/functions/{function}/versions"), Bytes::new()).await
    }

    /// Deploys a component.
    pub(crate) async fn deploy(
        &self,
        function: &FunctionName,
        component: Bytes,
        how: Deploy,
    ) -> Result<Changed, ClientError> {
        let query = query([("weight", how.weight.map(|weight| weight.to_string())), ("from", how.from)]);
        self.json(Method::POST, &format!("/v1/functions/{function}/versions{query}"), component).await
    }

    /// Goes back to a version.
    pub(crate) async fn roll_back(&self, function: &FunctionName, rollback: &Rollback) -> Result<Changed, ClientError> {
        self.ask(Method::POST, &format!("/v1/functions/{function}/rollback"), rollback).await
    }

    /// Splits the requests.
    pub(crate) async fn split(&self, function: &FunctionName, split: &Split) -> Result<Changed, ClientError> {
        self.ask(Method::PUT, &format!("/v1/functions/{function}/split"), split).await
    }

    /// Reads a key.
    pub(crate) async fn get(&self, store: &StoreName, key: &str) -> Result<Item, ClientError> {
        self.json(Method::GET, &key_path(store, key), Bytes::new()).await
    }

    /// Writes a key.
    pub(crate) async fn put(
        &self,
        store: &StoreName,
        key: &str,
        value: Bytes,
        put: &Put,
    ) -> Result<Written, ClientError> {
        let query = query([
            ("ttl-ms", put.ttl_ms.map(|ttl| ttl.to_string())),
            ("if-absent", put.if_absent.then(|| "true".to_owned())),
            ("if-version", put.if_version.map(|version| version.to_string())),
        ]);
        self.json(Method::PUT, &format!("{}{query}", key_path(store, key)), value).await
    }

    /// Reads some keys.
    pub(crate) async fn scan(&self, store: &StoreName, scan: &Scan) -> Result<Page, ClientError> {
        let query = query([
            ("prefix", Some(scan.prefix.clone())),
            ("cursor", scan.cursor.clone()),
            ("limit", scan.limit.map(|limit| limit.to_string())),
        ]);
        self.json(Method::GET, &format!("/v1/kv/{store}{query}"), Bytes::new()).await
    }

    /// Tells what a queue holds.
    pub(crate) async fn queue(&self, queue: &QueueName) -> Result<queue::Queue, ClientError> {
        self.json(Method::GET, &queue_path(queue, ""), Bytes::new()).await
    }

    /// Tells what all queues hold.
    pub(crate) async fn queues(&self) -> Result<queue::Queues, ClientError> {
        self.json(Method::GET, "/v1/queues", Bytes::new()).await
    }

    /// Looks at messages.
    pub(crate) async fn peek(&self, queue: &QueueName, peek: &queue::Peek) -> Result<queue::Messages, ClientError> {
        let query = query([("cursor", peek.cursor.clone()), ("limit", peek.limit.map(|limit| limit.to_string()))]);
        self.json(Method::GET, &queue_path(queue, &format!("/messages{query}")), Bytes::new()).await
    }

    /// Publishes messages to a topic.
    pub(crate) async fn publish(&self, topic: &TopicName, publish: &Publish) -> Result<queue::Sent, ClientError> {
        self.ask(Method::POST, &format!("/v1/topics/{topic}/messages"), publish).await
    }

    /// Has a host do something with a queue: `what` is the page below it.
    pub(crate) async fn with_queue<T: DeserializeOwned>(
        &self,
        queue: &QueueName,
        what: &str,
        ask: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.ask(Method::POST, &queue_path(queue, &format!("/{what}")), ask).await
    }

    /// Tells all schedules.
    pub(crate) async fn schedules(&self) -> Result<schedule::Schedules, ClientError> {
        self.json(Method::GET, "/v1/schedules", Bytes::new()).await
    }

    /// Has a tick sent.
    pub(crate) async fn run_schedule(&self, name: &ScheduleName) -> Result<schedule::Ran, ClientError> {
        self.json(Method::POST, &format!("/v1/schedules/{name}/run"), Bytes::new()).await
    }

    async fn json<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let response = self.send(method, path, OCTETS, body).await?;
        serde_json::from_slice(response.body()).map_err(|error| self.foreign(error))
    }

    /// The same with a body that is JSON.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.foreign(error))?;
        let response = self.send(method, path, "application/json", body.into()).await?;
        serde_json::from_slice(response.body()).map_err(|error| self.foreign(error))
    }

    /// Sends one request over a connection of its own, and reads the answer whole.
    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Bytes,
    ) -> Result<http::Response<Bytes>, ClientError> {
        let (mut sender, connection) = self.connect().await?;
        let request = self.request(method, path, kind, Full::new(body))?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(http::Response::from_parts(head, body))
        };
        tokio::pin!(exchange);
        let response = tokio::select! {
            response = &mut exchange => response,
            // The connection ends first when the host closes it right behind its answer.
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(error),
            },
        };
        let response = response.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response.status(), response.body()))
    }

    /// Opens a connection of its own.
    async fn connect<B>(&self) -> Result<(SendRequest<B>, Connection<TokioIo<TcpStream>, B>), ClientError>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        let stream = TcpStream::connect(self.address).await.map_err(|error| self.unreachable(error))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        shaken.map_err(|error| self.unreachable(error))
    }

    fn request<B>(&self, method: Method, path: &str, kind: &str, body: B) -> Result<Request<B>, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, kind);
        let request = match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, bearer(token).map_err(|error| self.foreign(error))?),
            None => request,
        };
        request.body(body).map_err(|error| self.foreign(error))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> ClientError {
        let problem = serde_json::from_slice::<Problem>(body);
        problem.map_or_else(|_| self.foreign(format!("status {status}")), ClientError::Problem)
    }

    fn unreachable(&self, reason: impl ToString) -> ClientError {
        ClientError::Unreachable { address: self.address, reason: reason.to_string() }
    }

    fn foreign(&self, reason: impl ToString) -> ClientError {
        ClientError::Foreign { address: self.address, reason: reason.to_string() }
    }
}

/// Where a host that listens on all addresses can be reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = if address.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    SocketAddr::new(if address.ip().is_unspecified() { loopback } else { address.ip() }, address.port())
}

/// The header with a token, which no log shows.
fn bearer(token: &Secret) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token.expose()].concat())?;
    value.set_sensitive(true);
    Ok(value)
}

fn queue_path(queue: &QueueName, below: &str) -> String {
    format!("/v1/queues/{}{below}", encode(queue.as_str()))
}

fn key_path(store: &StoreName, key: &str) -> String {
    format!("/v1/kv/{store}/{}", encode(key))
}

fn query<const N: usize>(parameters: [(&str, Option<String>); N]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let pairs: Vec<_> = given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Percent-encodes everything but unreserved characters
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_can_stand_in_a_path() {
        let store = StoreName::parse("links").expect("a name");
        assert_eq!(key_path(&store, "a/b ?#%é~"), "/v1/kv/links/a%2Fb%20%3F%23%25%C3%A9~");
        assert_eq!(query([("prefix", Some("a&b=".to_owned())), ("cursor", None)]), "?prefix=a%26b%3D");
        assert_eq!(query([("cursor", None)]), "");
    }
}
