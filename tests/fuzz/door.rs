//! What clients send to the door: whatever comes, it answers in HTTP or hangs up, and goes on.

use crate::{Script, fuzz};
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::ByteSize;
use flint_triggers::request::rate::{Key, Limit};
use flint_triggers::request::{
    Client, Cors, Door, Drain, Endpoint, Folder, HostPattern, Limits, Listener, PathPattern, Rate, Route, Router,
    Target,
};
use flint_world::{Failure, Invocation};
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "OPTIONS", "GET", "POST", "CONNECT", "PRI", "x", ""];

const TARGETS: &[&str] =
    &["/", "/form", "/files/", "/files/large.txt", "/files/sub", "/rare/", "/a/b", "http://a/", "*", ""];

const PATHS: &[&str] = &[
    "/",
    "a",
    "sub",
    "large.txt",
    "page.html",
    "empty",
    "index.html",
    "link",
    "loop",
    ".secret",
    "..",
    "%2e%2e/",
    "%2f",
    "%00",
    "%ff",
    "%",
    "?",
    "#",
    "é",
    " ",
];

const NAMES: &[&str] = &[
    "range",
    "if-range",
    "if-none-match",
    "if-match",
    "if-modified-since",
    "if-unmodified-since",
    "accept-encoding",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "forwarded",
    "x-real-ip",
    "x-key",
    "traceparent",
    "tracestate",
    "flint-version",
    "flint-route",
    "connection",
    "te",
    "trailer",
    "expect",
    "upgrade",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "",
    "a b",
];

const VALUES: &[&str] = &[
    "bytes=",
    "0-",
    "-5",
    "18446744073709551615",
    "3",
    "W/",
    "\"",
    "*",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "gzip",
    "br",
    "zstd",
    "identity",
    ";q=0.5",
    ";q=1e9",
    "https://a.org",
    "POST",
    "x-own",
    "for=",
    "proto=https",
    "https",
    "1.2.3.4",
    "127.0.0.1",
    "[::1]:80",
    "unknown",
    ",",
    ";",
    "=",
    " ",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "close",
    "upgrade",
    "websocket",
    "h2c",
    "trailers",
    "100-continue",
    "chunked",
    "a@b",
    "b.example.com",
    ":80",
    "\t",
    "\r\n ",
    "\n",
    "\u{0}",
    "é",
];

/// Bodies that are announced, and some that are not as announced.
const BODIES: &[&str] = &[
    "\r\n",
    "content-length: 3\r\n\r\nabc",
    "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "transfer-encoding: chunked\r\ntrailer: x\r\n\r\n3;x=y\r\nabc\r\n0\r\nx: y\r\n\r\n",
    "content-length: 70\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789",
    "transfer-encoding: chunked\r\n\r\n46\r\n0123456789012345678901234567890123456789012345678901234567890123456789\r\n0\r\n\r\n",
    "expect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
    "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "transfer-encoding: chunked\r\n\r\n3\nabc0\r\n",
    "content-length: 3\r\ncontent-length: 5\r\n\r\nabcde",
    "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: identity\r\n\r\n",
    "content-length: -1\r\n\r\n",
];

/// Lies beside the folder that is served, and in files of it whose names begin with a dot.
const SECRET: &str = "hunter2-is-a-secret";

/// The largest body that `/form` takes.
const FORM_MAX: u64 = 64;

/// A door that says nothing for so long waits for more. What is slower than that is not heard, which is no failure.
const PAUSE: Duration = Duration::from_millis(3);

/// A door that has not hung up after so long, though its client has, never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whatever the door's own threads are called: they may not panic.
const THREAD: &str = "door";

/// How often one did.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A door with routes of all kinds, that answers with the body that came, on a thread of its own.
pub(crate) struct Served {
    address: SocketAddr,
    /// Another client's connection, which stays.
    other: Mutex<TcpStream>,
}

impl Served {
    /// Starts the door, and serves until the process ends.
    pub(crate) fn start() -> Self {
        count_panics();
        let (sender, receiver) = std::sync::mpsc::channel();
        let serve = move || {
            let folder = folder();
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.thread_name(THREAD).enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let address = "127.0.0.1:0".parse().expect("an address");
                let listener = Listener::bind(address, Limits::default()).await.expect("a listener");
                sender.send(listener.address()).expect("told");
                let door = Arc::new(door(&folder.path().join("served")));
                let handler = move |request: Request<_>, client: Arc<Client>| {
                    let door = Arc::clone(&door);
                    async move {
                        let answer = door.answer(request, &client, |(): &(), _: Invocation, it| echo(it)).await;
                        check_answer(answer.status(), answer.headers());
                        answer
                    }
                };
                let _ = listener.serve(handler, CancellationToken::new(), Drain::default()).await;
            });
        };
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(serve).expect("a thread");
        let address = receiver.recv().expect("an address");
        let other = TcpStream::connect(address).expect("the door is open");
        other.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { address, other: Mutex::new(other) }
    }

    /// Says something, hears what comes until the door is done, hangs up, and waits until the door has hung up too. `is_done`
    /// looks at the answer.
    pub(crate) fn say(&self, said: &[u8], is_done: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("the door is open");
        // It may hang up before all is said.
        let _ = stream.write_all(said);
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(PAUSE)).expect("set");
        while !is_done(&answer) && hear(&mut stream, &mut answer).is_ok_and(|length| length > 0) {}
        // It may have hung up already.
        let _ = stream.shutdown(Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        loop {
            match hear(&mut stream, &mut answer) {
                Ok(0) => break,
                Ok(_) => {}
                // What was said and not heard makes a hard end.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("the door does not hang up: {error}"),
            }
        }
        answer
    }

    /// Looks whether another client, who did nothing, is served as ever, and whether all threads of the door are.
    pub(crate) fn check(&self) {
        let mut other = self.other.lock().unwrap_or_else(PoisonError::into_inner);
        other.write_all(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nwell").expect("it is there");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nwell") {
            assert_ne!(hear(&mut other, &mut answer).expect("an answer"), 0, "{}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(PANICS.load(Relaxed), 0, "the door panicked: see above");
    }
}

fn hear(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; 16 << 10];
    let length = stream.read(&mut piece)?;
    answer.extend_from_slice(&piece[..length]);
    Ok(length)
}

/// A task that panics is not the end of the door, so who is told of panics has to count them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some(THREAD) {
                PANICS.fetch_add(1, Relaxed);
            }
            before(panic);
        }));
    });
}

/// Makes what a client says of an input: as it is, if it starts with a space; else requests. Most are right, or wrong in one
/// place: what comes behind nonsense is not looked at.
fn requests(input: &[u8]) -> Vec<u8> {
    if let Some((b' ', rest)) = input.split_first() {
        return rest.to_vec();
    }
    let mut script = Script::of(input);
    let mut said = Vec::new();
    while !script.is_over() {
        let shape = script.byte();
        // Three in four methods and bodies are right.
        let some = |all: &[&'static str], right: usize| if shape & 3 == 0 { all.len() } else { right };
        let method = script.choose(&METHODS[..some(METHODS, 7)]);
        said.extend(method.bytes().chain(*b" ").chain(script.choose(TARGETS).bytes()));
        let pieces = (shape >> 2) & 3;
        (0..pieces).for_each(|_| text(&mut script, PATHS, &mut said));
        said.extend_from_slice(if shape & 0xf0 == 0 { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\nhost: a\r\n" });
        for _ in 0..script.byte() % 6 {
            said.extend(script.choose(&NAMES[..some(NAMES, 26)]).bytes().chain(*b": "));
            (0..=script.byte() % 4).for_each(|_| text(&mut script, &VALUES[..some(VALUES, 40)], &mut said));
            said.extend_from_slice(b"\r\n");
        }
        said.extend(script.choose(&BODIES[..some(BODIES, 7)]).bytes());
    }
    said
}

/// Says a piece, or, one time in sixteen, a byte that may be any.
fn text(script: &mut Script<'_>, pieces: &[&str], said: &mut Vec<u8>) {
    match script.byte() {
        0xf0.. => said.push(script.byte()),
        which => said.extend(pieces[usize::from(which) % pieces.len()].bytes()),
    }
}

/// A folder with files of all kinds in `served`, and a secret beside it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let served = folder.path().join("served");
    fs::create_dir_all(served.join("sub")).expect("a folder");
    let large = "large ".repeat(20_000);
    for (name, content) in [
        ("served/index.html", "the page"),
        ("served/page.html", "another page"),
        ("served/empty", ""),
        ("served/large.txt", &large),
        ("served/sub/index.html", "the page below"),
        ("served/.secret", SECRET),
        ("served/sub/.secret", SECRET),
        ("secret", SECRET),
    ] {
        fs::write(folder.path().join(name), content).expect("written");
    }
    std::os::unix::fs::symlink("../secret", served.join("link")).expect("a link");
    std::os::unix::fs::symlink("loop", served.join("loop")).expect("a link");
    folder
}

fn door(served: &Path) -> Door<()> {
    let dir = Dir::open_ambient_dir(served, ambient_authority()).expect("the folder");
    let own = Cors {
        origins: Some(vec!["https://a.org".to_owned()]),
        methods: vec!["GET".to_owned(), "POST".to_owned()],
        headers: Some(vec!["x-own".to_owned()]),
        expose: vec!["x-sum".to_owned()],
        credentials: true,
        max_age: Duration::from_secs(60),
    };
    let open = Cors { origins: None, headers: None, credentials: false, ..own.clone() };
    let rate = Rate::new(
        Limit { requests: 1, per: Duration::from_millis(10), burst: 2 },
        Key::Header(http::HeaderName::from_static("x-key")),
        4,
    );
    let compress = Some(ByteSize::bytes(1));
    let form =
        Endpoint { request_body_max: Some(ByteSize::bytes(FORM_MAX)), cors: Some(own), compress, ..Endpoint::new(()) };
    let files =
        Endpoint { target: Target::Files(Folder::new(dir)), cors: Some(open.clone()), compress, ..Endpoint::new(()) };
    let rare = Endpoint { rate: Some(rate.into()), cors: Some(open), ..Endpoint::new(()) };
    let route = |host: Option<&str>, methods, path, target| Route {
        host: host.map(|host| HostPattern::parse(host).expect("a pattern")),
        methods,
        path: PathPattern::parse(path).expect("a pattern"),
        target,
    };
    let routes = vec![
        route(None, None, "/{*rest}", Endpoint::new(())),
        route(None, Some(vec![Method::POST, Method::PUT]), "/form", form),
        route(None, None, "/rare/{id}", rare),
        route(None, Some(vec![Method::GET]), "/files/{*rest}", files),
        route(Some("*.example.com"), None, "/{a}/{b}", Endpoint::new(())),
    ];
    let mut door = Door::new(Router::new(routes).expect("a router"));
    door.trusted_proxies = ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).to_vec();
    door
}

/// A function that answers with the body that came, and looks at what it sees of a request.
async fn echo<B: Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Full<Bytes>>, Failure> {
    let (head, body) = request.into_parts();
    check_request(&head.headers);
    let is_form = head.headers.get("flint-route").is_some_and(|route| route == "/form");
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    assert!(!is_form || body.len() as u64 <= FORM_MAX, "{} bytes came", body.len());
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
    Ok(answer)
}

/// Whatever a client said, a function sees the host's words, and nothing of the connection.
fn check_request(headers: &HeaderMap) {
    let one = |name: &str| {
        let mut lines = headers.get_all(name).iter();
        let line = lines.next().and_then(|line| line.to_str().ok());
        assert!(lines.next().is_none(), "{name}: {headers:?}");
        line
    };
    assert!(one("x-forwarded-for").is_some_and(|client| client.parse::<IpAddr>().is_ok()), "{headers:?}");
    assert!(matches!(one("x-forwarded-proto"), Some("http" | "https")), "{headers:?}");
    assert!(one("flint-route").is_some() && one("flint-invocation-id").is_some(), "{headers:?}");
    assert_eq!(one("traceparent").map(str::len), Some(55), "{headers:?}");
    for name in ["connection", "transfer-encoding", "upgrade", "keep-alive", "forwarded", "x-real-ip", "flint-version"]
    {
        assert!(!headers.contains_key(name), "{headers:?}");
    }
}

/// Whatever the client said, it is no defect of the host.
fn check_answer(status: StatusCode, headers: &HeaderMap) {
    assert!(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED, "{status}: {headers:?}");
    assert_eq!(headers.get_all("flint-invocation-id").iter().count(), 1, "{headers:?}");
    assert!(headers.get_all("access-control-allow-origin").iter().count() <= 1, "{headers:?}");
}

#[test]
fn whatever_is_said_the_door_answers_in_http_or_hangs_up_and_goes_on() {
    let served = Served::start();
    fuzz!("door", |input| {
        let mut said = requests(input);
        let speaks_http2 = said.starts_with(b"PRI * HTTP/2.0");
        // A door that is still reading requests hangs up after this one.
        said.extend_from_slice(b"\r\n\r\nGET /end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = served.say(&said, |_| false);
        let shown = || format!("{}: {}", said.escape_ascii(), answer.escape_ascii());
        // Who begins as HTTP/2 does is answered with its frames.
        assert!(speaks_http2 || answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", shown());
        assert!(!answer.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{}", shown());
        served.check();
    });
}
