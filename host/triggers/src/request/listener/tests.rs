//! Real sockets on loopback, with handlers that need no guest. Times are short, and asserted with room on the late side only.

use super::*;
use crate::request::body::BoxError;
use crate::request::turn;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

type TestBody = UnsyncBoxBody<Bytes, BoxError>;

const SOON: Duration = Duration::from_secs(5);
const GET: &str = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

struct Host {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Host {
    async fn with<H, F>(limits: Limits, drain_timeout: Duration, handler: H) -> Self
    where
        H: Fn(Request<ClientBody>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<TestBody>> + Send + 'static,
    {
        // What holds on a busy thread holds on one that is not, which the binary's tests have.
        while !turn::count_answer() {}
        let listener = Listener::bind("127.0.0.1:0".parse().expect("an address"), limits).await.expect("a free port");
        let (address, shutdown) = (listener.address(), CancellationToken::new());
        let serving = tokio::spawn(listener.serve(
            move |request, _| handler(request),
            shutdown.clone(),
            Drain { timeout: drain_timeout, ..Drain::default() },
        ));
        Self { address, shutdown, serving }
    }

    async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Request<ClientBody>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<TestBody>> + Send + 'static,
    {
        Self::with(Limits::default(), SOON, handler).await
    }

    async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.expect("accepted"))
    }

    /// A client at an address of its own.
    async fn connect_from(&self, client: &str) -> Wire {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(client.parse().expect("an address"), 0)).expect("a free port");
        Wire(socket.connect(self.address).await.expect("accepted"))
    }

    async fn stop(self) -> Drained {
        self.shutdown.cancel();
        timeout(SOON * 2, self.serving).await.expect("ends").expect("no panic")
    }
}

struct Wire(TcpStream);

impl Wire {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
    }

    /// Reads until `end` has come.
    async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&text).ends_with(end) {
                let byte =
                    self.0.read_u8().await.unwrap_or_else(|e| panic!("{e} after {}", String::from_utf8_lossy(&text)));
                text.push(byte);
            }
        };
        timeout(SOON, reading).await.expect("in time");
        String::from_utf8(text).expect("text")
    }

    /// Reads until the other side ends the connection.
    async fn read_to_end(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        timeout(SOON, self.0.read_to_end(&mut bytes)).await.expect("in time")?;
        Ok(String::from_utf8(bytes).expect("text"))
    }

    async fn ask(&mut self, request: &str) -> String {
        self.send(request).await;
        self.read_to_end().await.expect("ended well")
    }
}

fn text(text: &'static str) -> Response<TestBody> {
    Response::new(Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync())
}

fn frames(frames: impl futures::Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static) -> Response<TestBody> {
    Response::new(StreamBody::new(frames).boxed_unsync())
}

fn data(text: &'static str) -> Result<Frame<Bytes>, BoxError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Sets a flag when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

async fn becomes_true(flag: &AtomicBool) {
    let waiting = async {
        while !flag.load(SeqCst) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, waiting).await.expect("in time");
}

#[tokio::test]
async fn a_burst_of_connections_finds_room_before_any_is_accepted() {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(loopback, Limits::default()).await.expect("a free port");
    let burst = async {
        let mut open = Vec::new();
        for _ in 0..500 {
            open.push(TcpStream::connect(listener.address()).await.expect("there is room"));
        }
    };
    timeout(SOON, burst).await.expect("none has to try again");
}

#[tokio::test]
async fn an_address_that_can_not_be_listened_on_says_why() {
    let first = Listener::bind("127.0.0.1:0".parse().expect("an address"), Limits::default()).await.expect("free");
    let second = Listener::bind(first.address(), Limits::default()).await;
    assert!(matches!(second, Err(BindError::InUse(at)) if at == first.address()));
    // An address of documentation, RFC 5737.
    let foreign = Listener::bind("192.0.2.1:0".parse().expect("an address"), Limits::default()).await;
    assert!(matches!(foreign, Err(BindError::NotLocal(_))), "{foreign:?}");
}

#[tokio::test]
async fn a_connection_is_kept_and_requests_in_a_row_are_answered_in_order() {
    let host =
        Host::start(|request| async move { text(if request.uri().path() == "/a" { "first" } else { "second" }) }).await;
    let mut client = host.connect().await;
    client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\n").await;
    client.read_until("first").await;
    // The next two come in one piece.
    client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    let both = client.read_to_end().await.expect("ended well");
    assert!(both.find("first") < both.find("second") && both.contains("date: "), "{both}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let limits = limits(|l| l.idle_timeout = Duration::from_secs(1));
    let host = Host::with(limits, SOON, |request| async move {
        if request.uri().path() == "/slow" {
            sleep(Duration::from_millis(1500)).await;
        }
        text("done")
    })
    .await;
    let mut client = host.connect().await;
    client.send("GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(client.read_to_end().await.expect("closed").ends_with("done"));
    // Each request begins a new pause.
    let mut client = host.connect().await;
    for _ in 0..5 {
        client.send(GET).await;
        client.read_until("done").await;
        sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(client.read_to_end().await.expect("closed"), "");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_closed() {
    struct Gone(Arc<Notify>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let gone = Arc::new(Notify::new());
    let host = {
        let gone = gone.clone();
        Host::with(limits(|l| l.idle_timeout = Duration::from_millis(100)), SOON, move |_| {
            let gone = Gone(gone.clone());
            let pieces = stream::repeat_with(move || {
                let _held = &gone;
                Ok(Frame::data(Bytes::from_static(&[b'x'; 64 << 10])))
            });
            async move { Response::new(StreamBody::new(pieces).boxed_unsync()) }
        })
        .await
    };
    let mut client = host.connect().await;
    client.send(GET).await;
    timeout(SOON, gone.notified()).await.expect("the answer is given up");
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_the_connection_however_it_trickles() {
    let limits = limits(|l| l.header_timeout = Duration::from_millis(200));
    let host = Host::with(limits, SOON, |_| async { text("done") }).await;
    // Silent from the start; silent after an answer's begin; trickling.
    let mut silent = host.connect().await;
    let mut second = host.connect().await;
    second.send(GET).await;
    second.read_until("done").await;
    second.send("GET / HT").await;
    let trickling = async {
        let mut client = host.connect().await;
        let begun = Instant::now();
        while client.0.write_all(b"G").await.is_ok() && begun.elapsed() < SOON {
            sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    };
    let (silent, second, trickled) = tokio::join!(silent.read_to_end(), second.read_to_end(), trickling);
    assert_eq!((silent.expect("closed").as_str(), second.expect("closed").as_str()), ("", ""));
    assert!(trickled < Duration::from_secs(3), "{trickled:?}");
}

#[tokio::test]
async fn what_is_no_http_or_too_large_is_refused_with_a_status() {
    let limits = limits(|l| (l.header_size_max, l.header_count_max) = (ByteSize::kib(4), 20));
    let host = Host::with(limits, SOON, |_| async { text("done") }).await;
    let large = format!("GET / HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "x".repeat(5_000));
    let many = format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", "x: y\r\n".repeat(21));
    let fits = format!("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(18));
    for (request, status) in [
        ("nonsense\r\n\r\n", "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "HTTP/1.1 400"),
        (&large, "HTTP/1.1 431"),
        (&many, "HTTP/1.1 431"),
        (&fits, "HTTP/1.1 200"),
    ] {
        let answer = host.connect().await.ask(request).await;
        assert!(answer.starts_with(status), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_drops_the_handler_and_the_body() {
    let (handler, body) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let host = {
        let (handler, body) = (handler.clone(), body.clone());
        Host::start(move |request| {
            let (handler, body) = (Dropped(handler.clone()), Dropped(body.clone()));
            async move {
                if request.uri().path() == "/waits" {
                    std::mem::forget(body);
                    std::future::pending::<()>().await;
                    drop(handler);
                    return text("");
                }
                std::mem::forget(handler);
                let begin = stream::iter([data("begin")]);
                frames(begin.chain(stream::pending().inspect(move |_: &Result<_, _>| _ = &body)))
            }
        })
        .await
    };
    let mut client = host.connect().await;
    client.send("GET /waits HTTP/1.1\r\nhost: h\r\n\r\n").await;
    sleep(Duration::from_millis(50)).await;
    assert!(!handler.load(SeqCst));
    drop(client);
    becomes_true(&handler).await;

    let mut client = host.connect().await;
    client.send("GET /streams HTTP/1.1\r\nhost: h\r\n\r\n").await;
    client.read_until("begin\r\n").await;
    assert!(!body.load(SeqCst));
    drop(client);
    becomes_true(&body).await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_missed_also_while_nobody_reads_its_body() {
    for reset in [false, true] {
        let dropped = Arc::new(AtomicBool::new(false));
        let host = {
            let dropped = dropped.clone();
            Host::start(move |_request| {
                let held = Dropped(dropped.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(held);
                    text("")
                }
            })
            .await
        };
        let mut client = host.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nx").await;
        sleep(Duration::from_millis(50)).await;
        assert!(!dropped.load(SeqCst));
        if reset {
            client.0.set_zero_linger().expect("set");
        }
        drop(client);
        becomes_true(&dropped).await;
    }
}

#[tokio::test]
async fn a_client_that_is_answered_before_it_has_sent_all_can_read_the_answer() {
    let host = Host::start(|_request| async { text("no") }).await;
    let mut client = host.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n").await;
    client.read_until("no").await;
    // It has been answered, and goes on as long as nobody resets the connection.
    for _ in 0..3 {
        client.send(&"x".repeat(50_000)).await;
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.read_to_end().await.expect("an end and no reset"), "");
    // One that goes on for ever is reset.
    let mut client = host.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 100000000\r\n\r\n").await;
    let sending = async { while client.0.write_all(&[b'x'; 10_000]).await.is_ok() {} };
    timeout(SOON, sending).await.expect("in time");
}

#[tokio::test]
async fn a_drain_lets_requests_finish_and_closes_what_is_idle() {
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let host = {
        let (started, go) = (started.clone(), go.clone());
        Host::start(move |request| {
            let (started, go) = (started.clone(), go.clone());
            async move {
                if request.uri().path() == "/slow" {
                    started.notify_one();
                    go.notified().await;
                }
                text("done")
            }
        })
        .await
    };
    let (mut idle, mut fresh, mut busy) = (host.connect().await, host.connect().await, host.connect().await);
    idle.send(GET).await;
    idle.read_until("done").await;
    busy.send("GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    started.notified().await;
    host.shutdown.cancel();
    assert_eq!(idle.read_to_end().await.expect("closed"), "");
    assert_eq!(fresh.read_to_end().await.expect("closed"), "");
    assert!(TcpStream::connect(host.address).await.is_err(), "nothing is accepted any more");
    assert!(!host.serving.is_finished());
    go.notify_one();
    let answer = busy.read_to_end().await.expect("ended well");
    assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
    assert_eq!(host.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn a_drain_cuts_what_is_not_done_in_time_and_counts_it() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let host = Host::with(Limits::default(), Duration::from_millis(50), move |_| {
        let dropped = Dropped(flag.clone());
        async move {
            std::future::pending::<()>().await;
            drop(dropped);
            text("")
        }
    })
    .await;
    let mut client = host.connect().await;
    client.send(GET).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(host.stop().await, Drained { cut: 1 });
    assert!(dropped.load(SeqCst));
    assert!(!matches!(client.read_to_end().await, Ok(text) if !text.is_empty()));
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_complete() {
    let host = Host::start(|_| async {
        let breaks = stream::once(async {
            sleep(Duration::from_millis(50)).await;
            Err("broken".into())
        });
        frames(stream::iter([data("begin")]).chain(breaks))
    })
    .await;
    let answer = host.connect().await.ask(GET).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("5\r\nbegin\r\n"), "{answer}");
    // Without chunks there is nothing but a reset to tell it.
    let mut old = host.connect().await;
    old.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.read_to_end().await.map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_body_is_asked_for_when_the_handler_reads_it() {
    let host = Host::start(|request| async move {
        if request.uri().path() == "/refuses" {
            return text("no");
        }
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, "hello");
        text("read")
    })
    .await;
    let head = |path| format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
    let mut client = host.connect().await;
    client.send(&head("/reads")).await;
    assert!(client.read_until("\r\n\r\n").await.starts_with("HTTP/1.1 100"));
    client.send("hello").await;
    assert!(client.read_until("read").await.starts_with("HTTP/1.1 200"));
    let mut client = host.connect().await;
    assert!(client.ask(&head("/refuses")).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let host = Host::start(|request| async move {
        let sent = request.into_body().collect().await.expect("a body");
        let sum = sent.trailers().expect("trailers")["x-sum"].clone();
        let trailers = HeaderMap::from_iter([("x-back".parse().expect("a name"), sum)]);
        let mut response = frames(stream::iter([data("body"), Ok(Frame::trailers(trailers))]));
        response.headers_mut().insert("trailer", HeaderValue::from_static("x-back"));
        response
    })
    .await;
    let request = "POST / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                   trailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n";
    let answer = host.connect().await.ask(request).await;
    assert!(answer.ends_with("4\r\nbody\r\n0\r\nx-back: 42\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_body_and_is_cut_when_it_stalls_for_too_long() {
    const PIECE: usize = 64 * 1024;
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let limits = limits(|l| l.idle_timeout = Duration::from_secs(1));
    let host = Host::with(limits, SOON, move |request| {
        let count = count.clone();
        async move {
            if request.uri().path() == "/complete" {
                let bytes = Bytes::from(vec![b'x'; 64 << 20]);
                return Response::new(Full::new(bytes).map_err(|never| match never {}).boxed_unsync());
            }
            frames(stream::repeat_with(move || {
                count.fetch_add(1, SeqCst);
                Ok(Frame::data(Bytes::from_static(&[b'x'; PIECE])))
            }))
        }
    })
    .await;
    let mut client = host.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: h\r\n\r\n").await;
    sleep(Duration::from_millis(300)).await;
    let before = pulled.load(SeqCst);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(pulled.load(SeqCst), before, "nobody reads, so nothing is made");
    assert!(before * PIECE < 32 << 20, "{before} pieces in buffers");
    client.0.read_exact(&mut vec![0; 32 << 20]).await.expect("goes on");
    drop(client);

    let mut client = host.connect().await;
    client.send("GET /complete HTTP/1.1\r\nhost: h\r\n\r\n").await;
    sleep(Duration::from_millis(1600)).await;
    let read = timeout(SOON, client.0.read_to_end(&mut Vec::new())).await.expect("in time");
    assert!(read.map_or(true, |size| size < 64 << 20), "cut before the end");
}

mod admission;
mod multiplexed;
