//! Asks a program over HTTP, flint and its rivals alike: one connection each, kept open.

use crate::error::Error;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A connection.
pub(super) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Caller {
    /// Opens a connection.
    ///
    /// # Errors
    /// If nobody listens there.
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(Error::io("connect"))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // Ends with its sender; what goes wrong before, the next request says.
        tokio::spawn(connection);
        Ok(Self { sender, address })
    }

    /// Posts JSON, and answers what comes back.
    ///
    /// # Errors
    /// If the connection fails, or what is asked does not succeed.
    pub(super) async fn ask(&mut self, path: &str, body: Bytes) -> Result<Bytes, Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        self.sender.ready().await.map_err(|error| failed(&error))?;
        let (head, body) = self.sender.send_request(request).await.map_err(|error| failed(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
        match head.status.is_success() {
            true => Ok(body),
            false => Err(Error::Bug(format!("{path}: {}: {}", head.status, String::from_utf8_lossy(&body)))),
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Bug(format!("a request of the benchmark: {error}"))
}
