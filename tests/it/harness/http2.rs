//! HTTP/2: a client, and one connection frame by frame, for what no client does.

use super::{Client, PATIENCE, Response};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// What goes through a client.
pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A client of one connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<Body>,
}

impl Http2 {
    /// Connects by prior knowledge.
    pub(crate) async fn connect(client: Client) -> Self {
        Self::over(tokio::net::TcpStream::connect(client.address()).await.expect("connected")).await
    }

    /// Speaks HTTP/2 on a connection that is there. It ends with the runtime.
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self { sender }
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        let (head, body) = self.ask(request).await.expect("an answer").into_parts();
        let collected = body.collect().await.expect("a body");
        let trailers = collected.trailers().cloned();
        Response { status: head.status, headers: head.headers, trailers, body: collected.to_bytes() }
    }

    /// Asks, and gives out the answer as it comes.
    ///
    /// # Errors
    /// What the connection, or the stream, says.
    pub(crate) async fn ask(
        &self,
        request: Request<Body>,
    ) -> Result<http::Response<hyper::body::Incoming>, hyper::Error> {
        let mut sender = self.sender.clone();
        sender.ready().await?;
        sender.send_request(request).await
    }
}

/// A request for a path of the host `test`.
pub(crate) fn request(method: &str, path: &str, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(format!("http://test{path}")).body(body).expect("a request")
}

/// A body that is there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// A body in pieces, with trailers.
pub(crate) fn pieces(pieces: Vec<&'static str>, trailers: HeaderMap) -> Body {
    let pieces = pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
    let frames: Vec<_> = pieces.chain([Ok(Frame::trailers(trailers))]).collect();
    StreamBody::new(futures::stream::iter(frames)).boxed()
}

/// Runs what is asynchronous in a test, for as long as anything may take.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("in time") })
}

/// The kinds of frames that tests use (RFC 9113, section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as it came.
#[derive(Debug, Clone)]
pub(crate) struct RawFrame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection, frame by frame.
pub(crate) struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Connects and says the preface, with settings (RFC 9113, section 6.5.2).
    pub(crate) fn open(client: Client, settings: &[(u16, u32)]) -> Self {
        let stream = client.connect();
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut frames = Self { stream };
        frames.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
            .collect();
        frames.say(SETTINGS, 0, 0, &settings).expect("sent");
        frames
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The other side has ended the connection.
    pub(crate) fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat())
    }

    /// The next frame; none: the connection has ended, in order or not.
    pub(crate) fn hear(&mut self) -> Option<RawFrame> {
        let mut head = [0; 9];
        self.read(&mut head)?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).expect("small");
        let mut payload = vec![0; length];
        self.read(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(RawFrame { kind: head[3], flags: head[4], stream, payload })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("waited in vain for a frame")
            }
            Err(_) => None,
        }
    }

    /// The next frame of a kind.
    #[track_caller]
    pub(crate) fn hear_kind(&mut self, kind: u8) -> RawFrame {
        loop {
            let frame = self.hear().expect("the connection goes on");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Whether an answer to a ping comes, before the connection ends.
    pub(crate) fn hears_pong(&mut self) -> bool {
        std::iter::from_fn(|| self.hear()).any(|frame| frame.kind == PING && frame.flags & 1 == 1)
    }

    /// What comes until a frame of a kind, or until the connection ends.
    pub(crate) fn hear_to_the_end_or(&mut self, kind: u8) -> Vec<RawFrame> {
        let mut heard: Vec<RawFrame> = Vec::new();
        while heard.last().is_none_or(|frame| frame.kind != kind) {
            match self.hear() {
                Some(frame) => heard.push(frame),
                None => break,
            }
        }
        heard
    }

    /// What comes until the connection ends.
    pub(crate) fn hear_to_the_end(mut self) -> Vec<RawFrame> {
        std::iter::from_fn(|| self.hear()).collect()
    }
}

/// The head of a request for a path of the host `test`, in HPACK without compression (RFC 7541).
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "test")];
    pseudo.iter().chain(headers).flat_map(|(name, value)| literal(name, value)).collect()
}

/// A header that is in no table and goes into none.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("a short text"));
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
