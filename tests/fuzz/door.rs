//! What clients send to the door: whatever comes, it answers in HTTP or hangs up, and goes on.

use crate::{fuzz, text};
use bytes::Bytes;
use flint_triggers::request::{Client, Door, Drain, Endpoint, Limits, Listener, PathPattern, Route, Router};
use flint_world::Failure;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET ",
    "POST ",
    "/",
    "/a/b",
    "http://a/",
    "*",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "\r\n",
    "\n",
    "host: a\r\n",
    "host: a@b\r\n",
    "content-length: 3\r\n",
    "content-length: 5\r\n",
    "content-length: -1\r\n",
    "transfer-encoding: chunked\r\n",
    "transfer-encoding: identity\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "expect: 100-continue\r\n",
    "connection: upgrade\r\nupgrade: websocket\r\n",
    "connection: close\r\n",
    "x-forwarded-for: ",
    "forwarded: for=",
    "1.2.3.4",
    "\"",
    ",",
    ";",
    "traceparent: 00-",
    "te: trailers\r\n",
    "trailer: x\r\n",
    ": ",
    "a: b\r\n",
    " ",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\u{0}",
    "é",
    "%2e%2e/",
    "CONNECT a:1",
    "OPTIONS ",
];

async fn echo<B: Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Full<Bytes>>, Failure> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(body)))
}

/// Starts a door that answers with the body that came, on a thread of its own.
fn start() -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let limits = Limits {
                header_timeout: Duration::from_millis(20),
                idle_timeout: Duration::from_millis(20),
                ..Limits::default()
            };
            let listener =
                Listener::bind("127.0.0.1:0".parse().expect("an address"), limits).await.expect("a listener");
            sender.send(listener.address()).expect("told");
            let path = PathPattern::parse("/{*rest}").expect("a pattern");
            let target = Endpoint::new(());
            let route = Route { host: None, methods: None, path, target };
            let door = Arc::new(Door::new(Router::new(vec![route]).expect("a router")));
            let handler = move |request, client: Arc<Client>| {
                let door = Arc::clone(&door);
                async move { door.answer(request, &client, |(): &(), _, request| echo(request)).await }
            };
            let _ = listener.serve(handler, CancellationToken::new(), Drain::default()).await;
        });
    });
    receiver.recv().expect("an address")
}

/// Says something, and hears what comes until the door hangs up or the patience is over.
fn say(door: SocketAddr, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(door).expect("the door is open");
    stream.set_read_timeout(Some(patience)).expect("set");
    // It may hang up before all is said.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn whatever_is_said_the_door_answers_in_http_or_hangs_up_and_goes_on() {
    let door = start();
    fuzz!("door", |input| {
        let said = text(input, PIECES);
        let answer = say(door, said.as_bytes(), Duration::from_millis(50));
        // Who begins as HTTP/2 does is answered with its frames.
        let speaks = said.starts_with("PRI * HTTP/2.0") || answer.is_empty() || answer.starts_with(b"HTTP/1.");
        assert!(speaks, "{said:?}: {}", String::from_utf8_lossy(&answer));
        let well = b"POST /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\nwell";
        let well = say(door, well, Duration::from_secs(30));
        assert!(
            well.starts_with(b"HTTP/1.1 200") && well.ends_with(b"well"),
            "{said:?}: {}",
            String::from_utf8_lossy(&well)
        );
    });
}
