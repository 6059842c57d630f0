//! A server that functions call: it answers what its path says, and counts.

use super::eventually;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Request, Response, Version, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// The largest piece that is sent at once.
const PIECE: usize = 64 << 10;

/// What has come so far.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
    sent: AtomicU64,
    heads: Mutex<Vec<Value>>,
}

/// A server on a thread of its own. It ends when it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    _stop: oneshot::Sender<()>,
}

impl Upstream {
    /// Serves on a free port of loopback.
    pub(crate) fn start() -> Self {
        Self::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None)
    }

    /// Serves on an address that this machine has.
    pub(crate) fn at(ip: &str, port: u16) -> Self {
        let ip: IpAddr = ip.parse().expect("an address");
        Self::on(SocketAddr::new(ip, port), None)
    }

    /// Serves by TLS on a free port of loopback.
    pub(crate) fn with_tls(config: ServerConfig) -> Self {
        Self::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn on(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        // Another one on the same address may be about to end.
        let listener = eventually(&format!("the address {address}"), || std::net::TcpListener::bind(address).ok());
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::<Seen>::default();
        let (stop, stopped) = oneshot::channel();
        let counted = Arc::clone(&seen);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, tls, counted) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, _stop: stop }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Relaxed)
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Relaxed)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Relaxed)
    }

    /// Bytes of bodies that were handed to the connections so far.
    pub(crate) fn sent(&self) -> u64 {
        self.seen.sent.load(Relaxed)
    }

    /// The head of the last request.
    pub(crate) fn last(&self) -> Value {
        self.seen.heads.lock().expect("heads").last().cloned().expect("a request")
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        seen.connections.fetch_add(1, Relaxed);
        let (tls, seen) = (tls.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            seen.open.fetch_add(1, Relaxed);
            match tls {
                None => serve(stream, false, &seen).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        serve(stream, http2, &seen).await;
                    }
                }
            }
            seen.open.fetch_sub(1, Relaxed);
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, http2: bool, seen: &Arc<Seen>) {
    let service = service_fn(|request| {
        let seen = Arc::clone(seen);
        async move { Ok::<_, Infallible>(answer(request, &seen).await) }
    });
    let stream = TokioIo::new(stream);
    // How a connection ends is for the test to say.
    if http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(stream, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
    }
}

async fn answer(request: Request<Incoming>, seen: &Arc<Seen>) -> Answer {
    seen.requests.fetch_add(1, Relaxed);
    let head = head(&request);
    seen.heads.lock().expect("heads").push(head.clone());
    let path = request.uri().path().to_owned();
    let (what, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let number = rest.parse::<u64>().unwrap_or(0);
    match what {
        "seen" => whole(head.to_string()),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            whole("slow\n")
        }
        "pause" => pause(Duration::from_millis(number)),
        "bytes" => pieces(number, Arc::clone(seen)),
        "count" => count(request).await,
        "early" => {
            tokio::spawn(request.into_body().collect());
            whole("early")
        }
        "deaf" => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                drop(request);
            });
            whole("deaf")
        }
        "status" => {
            let mut answer = whole("");
            *answer.status_mut() = u16::try_from(number).ok().and_then(|n| n.try_into().ok()).expect("a status");
            answer
        }
        "redirect" => {
            let to = request.uri().query().unwrap_or_default().to_owned();
            with_headers(302, &[("location", &to)])
        }
        "close" => with_headers(200, &[("connection", "close")]),
        "hops" => with_headers(200, &[("connection", "x-hop"), ("x-hop", "1"), ("x-kept", "1"), ("keep-alive", "1")]),
        "cut" => {
            let mut answer = Response::new(cut());
            answer.headers_mut().insert(header::CONTENT_LENGTH, 1000.into());
            answer
        }
        _ => whole("hello\n"),
    }
}

fn head(request: &Request<Incoming>) -> Value {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = request.headers().iter().map(|(name, value)| json!([name.as_str(), text(value)])).collect();
    json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "http2": request.version() == Version::HTTP_2,
        "headers": headers,
    })
}

fn whole(text: impl Into<Bytes>) -> Answer {
    Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync())
}

fn with_headers(status: u16, headers: &[(&str, &str)]) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(whole("").into_body()).expect("a response")
}

/// A piece, a pause, another piece, and trailers.
fn pause(time: Duration) -> Answer {
    let pieces = stream::unfold(0, move |n| async move {
        let frame = match n {
            0 => Frame::data(Bytes::from_static(b"one\n")),
            1 => {
                tokio::time::sleep(time).await;
                Frame::data(Bytes::from_static(b"two\n"))
            }
            2 => {
                let mut trailers = HeaderMap::new();
                trailers.insert("checksum", http::HeaderValue::from_static("one-two"));
                Frame::trailers(trailers)
            }
            _ => return None,
        };
        Some((Ok(frame), n + 1))
    });
    let mut answer = Response::new(StreamBody::new(pieces).boxed_unsync());
    answer.headers_mut().insert(header::TRAILER, http::HeaderValue::from_static("checksum"));
    answer
}

/// A body that ends in the middle.
fn cut() -> UnsyncBoxBody<Bytes, io::Error> {
    let pieces = stream::unfold(false, |begun| async move {
        if !begun {
            return Some((Ok(Frame::data(Bytes::from_static(b"cut"))), true));
        }
        // The first piece leaves before.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((Err(io::Error::other("cut")), true))
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn pieces(bytes: u64, seen: Arc<Seen>) -> Answer {
    let pieces = stream::unfold((bytes, seen), |(left, seen)| async move {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        if length == 0 {
            return None;
        }
        seen.sent.fetch_add(length as u64, Relaxed);
        Some((Ok(Frame::data(Bytes::from(vec![b'y'; length]))), (left - length as u64, seen)))
    });
    Response::new(StreamBody::new(pieces.boxed()).boxed_unsync())
}

async fn count(request: Request<Incoming>) -> Answer {
    let mut body = request.into_body();
    let (mut bytes, mut trailers, mut complete) = (0, json!({}), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                bytes += frame.data_ref().map_or(0, Bytes::len);
                for (name, value) in frame.trailers_ref().into_iter().flatten() {
                    trailers[name.as_str()] = value.to_str().expect("text").into();
                }
            }
            Err(_) => {
                complete = false;
                break;
            }
        }
    }
    whole(json!({ "bytes": bytes, "trailers": trailers, "complete": complete }).to_string())
}
