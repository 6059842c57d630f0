//! HTTP/2 by prior knowledge: the same answers as by HTTP/1.1, and what only HTTP/2 can do to a host.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::http2::{
    self, CONTINUATION, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, Http2, PING, RST_STREAM, head, pieces,
    request, whole,
};
use crate::harness::{Host, Launch, Wire, eventually, meanwhile, tls};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use rustix::process::Signal;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

fn host_with(limits: &str) -> Host {
    let sections = [
        &format!("[limits]\n{limits}\n"),
        &misbehave("timeout = \"1m\"\ncpu = \"1m\""),
        &function("echo", "timeout = \"5m\""),
        &route("/echo", "echo"),
        &function("hello", ""),
        &route("/hello", "hello"),
    ];
    Launch::config(&sections.map(String::as_str).concat()).start()
}

fn host() -> Host {
    host_with("")
}

#[test]
fn both_versions_of_http_get_the_same_answers() {
    let host = host();
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        let hello = client.send(request("GET", "/hello", whole(""))).await.expect(200);
        assert_eq!(hello.text(), "Hello, world!\n");
        assert!(hello.header("flint-invocation-id").len() == 26 && hello.headers.contains_key("date"), "{hello:?}");
        let lost = client.send(request("GET", "/%zz", whole(""))).await.expect(400);
        assert_eq!(
            (lost.header("content-type"), &lost.json()["code"]),
            ("application/problem+json", &json!("http/bad-path"))
        );
        let mut seen = request("GET", "/headers?q", whole(""));
        for (name, value) in [("cookie", "a=1"), ("cookie", "b=2"), ("flint-route", "/forged"), ("te", "trailers")] {
            seen.headers_mut().append(name, HeaderValue::from_static(value));
        }
        let seen = client.send(seen).await.expect(200).json();
        let headers = seen["headers"].as_array().expect("a list");
        for header in [["host", "test"], ["cookie", "a=1; b=2"], ["flint-route", "/{*rest}"], ["te", "trailers"]] {
            assert_eq!(headers.iter().filter(|seen| **seen == json!(header)).count(), 1, "{header:?} in {seen}");
        }
        assert_eq!(seen["target"], "/headers?q");
        let head = client.send(request("HEAD", "/hello", whole(""))).await.expect(200);
        assert!(head.body.is_empty(), "{head:?}");
    });
}

#[test]
fn bodies_and_trailers_stream_both_ways() {
    let host = host();
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        for path in ["/echo", "/echo?upper"] {
            let large: Vec<u8> = (0..5_000_001_u32).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
            let back = client.send(request("POST", path, whole(large.clone()))).await.expect(200);
            assert!(back.body == if path == "/echo" { large } else { large.to_ascii_uppercase() }, "{path}");
            let sums = HeaderMap::from_iter([("x-sum".parse().expect("a name"), HeaderValue::from_static("42"))]);
            let back = client.send(request("POST", path, pieces(vec!["FI", "RST"], sums))).await.expect(200);
            assert_eq!(
                (back.text(), &back.trailers.as_ref().expect("trailers")["x-sum"]),
                ("FIRST", &HeaderValue::from_static("42"))
            );
            // An answer begins before its request ends.
            let (sender, pieces) = futures::channel::mpsc::unbounded();
            let body = StreamBody::new(pieces).boxed();
            sender.unbounded_send(Ok(Frame::data(Bytes::from_static(b"ONE")))).expect("sent");
            let mut answer = client.ask(request("POST", path, body)).await.expect("an answer").into_body();
            assert_eq!(answer.frame().await.expect("a piece").expect("a piece").into_data().expect("data"), "ONE");
            sender.unbounded_send(Ok(Frame::data(Bytes::from_static(b"TWO")))).expect("sent");
            assert_eq!(answer.frame().await.expect("a piece").expect("a piece").into_data().expect("data"), "TWO");
            drop(sender);
            assert!(answer.collect().await.expect("the end").to_bytes().is_empty());
        }
    });
}

#[test]
fn many_requests_run_side_by_side_on_one_connection() {
    let host = host();
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        let begun = Instant::now();
        let sleeps = (0..50).map(|_| client.send(request("GET", "/sleep/1000", whole(""))));
        for awake in futures::future::join_all(sleeps).await {
            awake.expect(200);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        let asks = (0..2000).map(|_| client.send(request("GET", "/hello", whole(""))));
        for answer in futures::future::join_all(asks).await {
            assert_eq!(answer.expect(200).text(), "Hello, world!\n");
        }
    });
}

#[test]
fn a_guest_ends_when_its_stream_is_taken_back_and_others_go_on() {
    let host = host();
    let mut frames = Frames::open(host.http(), &[]);
    let mut ended = 0.0;
    for (stream, path) in [(1, "/sleep/50000"), (3, "/spin")] {
        frames.say(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", path, &[])).expect("sent");
        host.wait_for_running("misbehave", 1.0);
        frames.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).expect("sent");
        ended += 1.0;
        host.wait_for_outcome("misbehave", "caller/gone", ended);
        host.wait_for_running("misbehave", 0.0);
    }
    // So it does when the whole connection goes.
    frames.say(HEADERS, END_HEADERS | END_STREAM, 5, &head("GET", "/hello", &[])).expect("sent");
    assert_eq!(frames.hear_kind(HEADERS).stream, 5);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 7, &head("GET", "/sleep/50000", &[])).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    drop(frames);
    host.wait_for_running("misbehave", 0.0);
}

#[test]
fn who_takes_back_request_after_request_is_disconnected_and_others_are_answered() {
    let host = host_with("http2-resets-max = 50");
    let mut frames = Frames::open(host.http(), &[]);
    let mut sent = 0;
    for stream in (1..200_001).step_by(2) {
        let block = head("GET", "/sleep/50000", &[]);
        let asked = frames.say(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        if asked.and_then(|()| frames.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).is_err() {
            break;
        }
        sent += 1;
        if sent % 1000 == 0 {
            assert_eq!(host.http().get("/hello").expect(200).text(), "Hello, world!\n");
        }
    }
    assert!(sent < 100_000, "it could go on for ever");
    frames.hear_to_the_end();
    host.wait_for_running("misbehave", 0.0);
    // One that waits until its request is being answered gets no further.
    let mut frames = Frames::open(host.http(), &[]);
    let block = head("GET", "/sleep/50000", &[]);
    let mut began = 0;
    for stream in (1..2001).step_by(2) {
        let asked = frames.say(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        if asked.and_then(|()| frames.say(PING, 0, 0, &[7; 8])).is_err() || !frames.hears_pong() {
            break;
        }
        began += 1;
        if frames.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).is_err() {
            break;
        }
    }
    assert!((40..200).contains(&began), "{began} of 1000 requests began");
    host.wait_for_running("misbehave", 0.0);
    // One that now and then changes its mind is kept.
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        for _ in 0..100 {
            let unwanted = client.ask(request("GET", "/sleep/50000", whole("")));
            assert!(tokio::time::timeout(Duration::from_millis(5), unwanted).await.is_err());
            // Ten make good for one.
            for _ in 0..10 {
                client.send(request("GET", "/hello", whole(""))).await.expect(200);
            }
        }
    });
}

#[test]
fn heads_without_an_end_and_with_too_much_in_them_are_refused() {
    let host = host_with("header-size-max = \"16KiB\"\nheader-count-max = 50");
    // More headers than may be, in a head that is small enough.
    let mut frames = Frames::open(host.http(), &[]);
    let many: Vec<_> = (0..60).map(|_| ("x", "y")).collect();
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/hello", &many)).expect("sent");
    let refused = frames.hear_kind(http2::DATA);
    assert!(String::from_utf8_lossy(&refused.payload).contains("http/too-many-headers"), "{refused:?}");
    // 10,000 headers, frame after frame.
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_STREAM, 1, &head("GET", "/hello", &[])).expect("sent");
    let block: Vec<u8> = (0..100).flat_map(|_| http2::literal("x-header", "value")).collect();
    let told = (0..100).try_for_each(|_| frames.say(CONTINUATION, 0, 1, &block));
    let told = told.and_then(|()| frames.say(CONTINUATION, END_HEADERS, 1, &[]));
    let heard = frames.hear_to_the_end_or(HEADERS);
    let refused = told.is_err() || heard.iter().any(|frame| matches!(frame.kind, GOAWAY | RST_STREAM | HEADERS));
    assert!(refused, "{heard:?}");
    // Nothing of it reached a function.
    assert_eq!(host.metric(r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"}"#), 0.0);
    // And frames that continue a head for ever.
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_STREAM, 1, &head("GET", "/hello", &[])).expect("sent");
    let endless = (0..1_000_000).find(|_| frames.say(CONTINUATION, 0, 1, &[]).is_err());
    assert!(endless.is_some(), "the host takes empty frames for ever");
    host.http().get("/hello").expect(200);
}

#[test]
fn what_breaks_the_rules_of_http2_is_refused() {
    let host = host();
    for headers in [
        &[("connection", "close")][..],
        &[("transfer-encoding", "chunked")],
        &[("upgrade", "websocket")],
        &[("te", "gzip")],
        &[("Upper", "x")],
    ] {
        let mut frames = Frames::open(host.http(), &[]);
        frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/hello", headers)).expect("sent");
        let refused = frames.hear_to_the_end_or(RST_STREAM);
        let last = refused.last().map(|frame| frame.kind);
        assert!(matches!(last, Some(RST_STREAM | GOAWAY)), "{headers:?}: {refused:?}");
    }
    // A host beside the authority that is another one.
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/hello", &[("host", "other")])).expect("sent");
    let refused = frames.hear_kind(http2::DATA);
    assert!(String::from_utf8_lossy(&refused.payload).contains("http/bad-host"), "{refused:?}");
    // A frame that is none.
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(0xff, 0xff, 0, &[0; 10]).expect("sent");
    frames.say(http2::DATA, 0, 99, b"of no stream").expect("sent");
    assert!(frames.hear_to_the_end().iter().any(|frame| frame.kind == GOAWAY));
    host.http().get("/hello").expect(200);
}

#[test]
fn a_client_that_takes_no_answer_loses_it_and_keeps_the_others() {
    let host = host_with("idle-timeout = \"1s\"");
    // No stream may send anything.
    let mut frames = Frames::open(host.http(), &[(4, 0)]);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/hello", &[])).expect("sent");
    assert_eq!(frames.hear_kind(HEADERS).stream, 1);
    assert_eq!(frames.hear_kind(RST_STREAM).stream, 1);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 3, &head("HEAD", "/hello", &[])).expect("sent");
    assert_eq!(frames.hear_kind(HEADERS).stream, 3);
    // With nothing left to answer, the connection ends, and says so.
    assert!(frames.hear_to_the_end().iter().any(|frame| frame.kind == GOAWAY));
}

#[test]
fn a_guest_ends_in_time_though_its_client_takes_nothing_of_its_answer() {
    let sections = ["[limits]\nidle-timeout = \"1h\"\n", &misbehave("timeout = \"500ms\""), &function("hello", "")];
    let host = Launch::config(&(sections.concat() + &route("/hello", "hello"))).start();
    let mut frames = Frames::open(host.http(), &[(4, 0)]);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/events/100/50", &[])).expect("sent");
    assert_eq!(frames.hear_kind(HEADERS).stream, 1);
    host.wait_for_running("misbehave", 0.0);
    host.wait_for_outcome("misbehave", "function/timed-out", 1.0);
    host.http().get("/hello").expect(200);
}

#[test]
fn a_head_without_an_end_and_a_body_that_stops_cost_their_client_the_stream() {
    let host = host_with("header-timeout = \"500ms\"\nbody-timeout = \"700ms\"");
    let ended = meanwhile(&host, |client| {
        let mut frames = Frames::open(client, &[]);
        frames.say(HEADERS, END_STREAM, 1, &head("GET", "/hello", &[])).expect("sent");
        frames.hear_to_the_end_or(RST_STREAM)
    });
    assert!(!ended.iter().any(|frame| frame.kind == HEADERS), "{ended:?}");
    let ended = meanwhile(&host, |client| {
        let mut frames = Frames::open(client, &[]);
        frames.say(HEADERS, END_HEADERS, 1, &head("POST", "/echo", &[])).expect("sent");
        frames.say(http2::DATA, 0, 1, b"first").expect("sent");
        frames.hear_to_the_end_or(RST_STREAM)
    });
    assert_eq!(ended.last().map(|frame| frame.kind), Some(RST_STREAM), "{ended:?}");
    host.wait_for_running("echo", 0.0);
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_gone() {
    let host = host_with("http2-ping-interval = \"200ms\"\nhttp2-ping-timeout = \"300ms\"");
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/sleep/50000", &[])).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    assert!(frames.hear_to_the_end().iter().any(|frame| frame.kind == PING));
    host.wait_for_running("misbehave", 0.0);
}

#[test]
fn a_host_that_ends_says_goodbye_and_finishes_what_runs() {
    let mut host = host();
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        let idle = Http2::connect(host.http()).await;
        idle.send(request("GET", "/hello", whole(""))).await.expect(200);
        let asker = client.clone();
        let running = async move { asker.send(request("GET", "/sleep/1500", whole(""))).await };
        let stop = async {
            // Off the runtime, for the test's own client has one.
            tokio::task::block_in_place(|| host.wait_for_running("misbehave", 1.0));
            host.signal(Signal::TERM);
        };
        let running = tokio::spawn(running);
        stop.await;
        assert_eq!(running.await.expect("no panic").expect(200).text(), "awake\n");
        assert!(client.ask(request("GET", "/hello", whole(""))).await.is_err());
        assert!(idle.ask(request("GET", "/hello", whole(""))).await.is_err());
    });
    assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
}

#[test]
fn a_host_that_can_wait_no_longer_tells_who_has_no_answer_yet() {
    let mut host = host_with("drain-timeout = \"300ms\"");
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/sleep/50000", &[])).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    host.signal(Signal::TERM);
    let told = frames.hear_kind(http2::DATA);
    assert!(String::from_utf8_lossy(&told.payload).contains("host/draining"), "{told:?}");
    assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
}

#[test]
fn garbage_is_no_http_and_hurts_nobody() {
    let host = host_with("header-timeout = \"500ms\"");
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0garbage and more garbage",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"GET",
        b"PRI * HT",
        b"SSH-2.0-client\r\n",
    ] {
        let answer = meanwhile(&host, |client| client.raw(garbage));
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..100 {
        let bytes: Vec<u8> = (0..200)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random.to_le_bytes()[3]
            })
            .collect();
        let mut wire = host.http().connect();
        // It may be refused before all of it was sent.
        let _ = std::io::Write::write_all(&mut wire, &bytes);
    }
    host.http().get("/hello").expect(200);
    let errors: Vec<_> = host.log().into_iter().filter(|line| line["level"] == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_preface_in_pieces_and_a_method_that_begins_like_it_are_told_apart() {
    let host = host();
    let mut wire = Wire::open(host.http());
    for piece in ["PRI ", "* HTTP/2.0\r\n\r\n", "SM\r\n", "\r\n"] {
        wire.say(piece);
        std::thread::sleep(Duration::from_millis(20));
    }
    wire.say("\0\0\0\x04\0\0\0\0\0");
    // The host's settings come first.
    wire.hear_until("\x04\0\0\0\0\0");
    let mut wire = Wire::open(host.http());
    wire.say("PR");
    std::thread::sleep(Duration::from_millis(20));
    wire.say("OPFIND /hello HTTP/1.1\r\nhost: test\r\n\r\n");
    assert!(wire.hear_head().starts_with("HTTP/1.1 200 "));
    eventually("that nothing runs", || (host.metric(r#"flint_in_flight{function="hello"}"#) == 0.0).then_some(()));
}

#[test]
fn uploads_that_nobody_reads_are_held_back_and_hold_up_no_others() {
    let host = host();
    let mut frames = Frames::open(host.http(), &[]);
    frames.say(HEADERS, END_HEADERS, 1, &head("GET", "/sleep/50000", &[])).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    // As much as one request may send ahead, and then it has to wait for leave: whoever sends more breaks the rules.
    let piece = vec![b'x'; 16 << 10];
    for _ in 0..16 {
        frames.say(http2::DATA, 0, 1, &piece).expect("sent");
    }
    frames.say(HEADERS, END_HEADERS, 3, &head("POST", "/echo", &[])).expect("sent");
    frames.say(http2::DATA, END_STREAM, 3, b"another").expect("sent");
    let back = frames.hear_kind(http2::DATA);
    assert_eq!((back.stream, &back.payload[..]), (3, &b"another"[..]));
    let told = (0..1000).try_for_each(|_| frames.say(http2::DATA, 0, 1, &piece));
    let refused = frames.hear_to_the_end_or(RST_STREAM);
    assert!(told.is_err() || refused.iter().any(|frame| matches!(frame.kind, RST_STREAM | GOAWAY)), "{refused:?}");
    host.wait_for_running("misbehave", 0.0);
}

#[test]
fn curl_speaks_it_too() {
    let host = host();
    let ask = |args: &[&str]| {
        let url = format!("http://{}/hello", host.http().address());
        let output =
            Command::new("curl").args(["-sS", "-w", " %{http_version} %{http_code}"]).args(args).arg(url).output();
        String::from_utf8(output.expect("curl runs, as for the README").stdout).expect("UTF-8")
    };
    assert_eq!(ask(&["--http2-prior-knowledge"]), "Hello, world!\n 2 200");
    // One that offers a change of protocol is answered as it asked.
    assert_eq!(ask(&["--http2"]), "Hello, world!\n 1.1 200");
    assert!(ask(&["--http1.0"]).ends_with(" 200"));
}

/// What the generator of load for HTTP/2 says of its requests, or nothing where it is not installed (package `nghttp2-client`);
/// continuous integration has to have it.
fn h2load(url: &str) -> Option<String> {
    let run = Command::new("h2load").args(["-n", "20000", "-c", "20", "-m", "50", url]).output();
    match run {
        Ok(run) => Some(String::from_utf8(run.stdout).expect("UTF-8")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "h2load: {error}; it is in the package nghttp2-client");
            None
        }
    }
}

#[test]
fn h2load_gets_all_of_its_answers() {
    // A thousand at once: on a busy machine some of them wait for longer than usual.
    let hello = function("hello", "queue = 1000\nqueue-timeout = \"50s\"\ntimeout = \"55s\"");
    let launch = Launch::config(&[tls::LISTENER, &hello, &route("/hello", "hello")].concat());
    tls::write(launch.folder());
    let host = launch.start();
    for url in [format!("http://{}/hello", host.http().address()), format!("https://{}/hello", host.https().address())]
    {
        let Some(told) = h2load(&url) else { return };
        let all = "20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(told.contains(all) && told.contains("20000 2xx"), "{url}: {told}");
    }
    // And curl, trusting the certificate.
    let port = host.https().address().port();
    let answer = Command::new("curl")
        .args(["-sS", "--http2", "--cacert", "certificate.pem", "-w", " %{http_version} %{http_code}"])
        .args(["--resolve", &format!("test:{port}:127.0.0.1"), &format!("https://test:{port}/hello")])
        .current_dir(host.folder())
        .output()
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "Hello, world!\n 2 200", "{answer:?}");
}
