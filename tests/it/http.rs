//! The request door: what a client says, what a guest sees of it, and what comes back.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Client, Host, Launch, Response, Wire, eventually, resident, status};
use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// The function that shows what it is given, on every path; and the one that streams.
fn host() -> Host {
    let sections = [
        misbehave("timeout = \"1m\"\ncpu = \"1m\""),
        route("/headers/{name}/{*rest}", "misbehave"),
        function("echo", "timeout = \"5m\""),
        route("/echo", "echo"),
    ];
    Launch::config(&sections.concat()).start()
}

#[test]
fn the_demo_platform_says_hello_by_both_versions_of_http() {
    let host = Launch::platform().start();
    for (path, text) in [
        ("/hello", "Hello, world!\n"),
        ("/hello/Ada", "Hello, Ada!\n"),
        ("/hello/Ad%C3%A0%20%2F", "Hello, Adà /!\n"),
        ("/hello/Ada%20", "Hello, Ada !\n"),
        ("/hello/Ada%2520", "Hello, Ada%20!\n"),
        ("/hello-02", "Hello from wasi:http 0.2! You asked for /hello-02.\n"),
        ("/hello-02?who=Ada", "Hello from wasi:http 0.2! You asked for /hello-02?who=Ada.\n"),
    ] {
        let answer = host.http().get(path).expect(200);
        assert_eq!(answer.text(), text, "{path}");
        assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
    }
    for path in ["/lookup/%ff", "/hello/a%0Ab"] {
        assert_eq!(host.http().get(path).expect(400).json()["code"], "http/bad-path", "{path}");
    }
}

#[test]
fn a_connection_that_was_answered_and_stays_open_takes_little() {
    const CONNECTIONS: usize = 200;
    // Without a function, so that nothing else is made or given back meanwhile.
    let host = Launch::config("[kv.nothing]\n").start();
    let answered = || {
        let mut wire = Wire::open(host.http());
        wire.say_head(&["GET /nowhere"]);
        assert!(wire.hear_head().starts_with("HTTP/1.1 404 "));
        wire
    };
    // What is made once.
    drop((0..20).map(|_| answered()).collect::<Vec<_>>());
    let before = resident(&host);
    let open: Vec<_> = (0..CONNECTIONS).map(|_| answered()).collect();
    let each = resident(&host).saturating_sub(before) / open.len();
    assert!(each < 15 << 10, "{each} bytes each");
    // Were it given huge pages, what it takes would depend on what the system has of them.
    assert!(status(&host).contains("THP_enabled:\t0\n"), "{}", status(&host));
}

/// What the function saw of a request: its target and its headers.
fn seen(answer: Response) -> (Value, Vec<(String, String)>) {
    let seen = answer.expect(200).json();
    let headers = seen["headers"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (seen["target"].clone(), headers.map(|header| (text(&header[0]), text(&header[1]))).collect())
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Vec<&'h str> {
    headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn a_guest_sees_the_route_and_its_parameters_and_no_client_can_forge_them() {
    let host = host();
    let forged = [
        ("flint-route", "/admin"),
        ("flint-param-name", "Eve"),
        ("flint-param-other", "Eve"),
        ("flint-invocation-id", "00000000000000000000000000"),
        ("x-own", "1"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    let answer = host.http().send(Method::GET, "/headers/Ad%C3%A0/b/c?q=%20", &forged, "");
    let id = answer.header("flint-invocation-id").to_owned();
    let (target, headers) = seen(answer);
    assert_eq!(target, "/headers/Ad%C3%A0/b/c?q=%20");
    assert_eq!(value(&headers, "flint-route"), ["/headers/{name}/{*rest}"]);
    assert_eq!(value(&headers, "flint-invocation-id"), [id]);
    assert_eq!(value(&headers, "flint-param-rest"), ["b/c"]);
    assert_eq!(value(&headers, "flint-param-name").len(), 1, "{headers:?}");
    assert_eq!(value(&headers, "x-own"), ["1"]);
    for gone in ["flint-param-other", "connection", "x-hop"] {
        assert!(value(&headers, gone).is_empty(), "{gone} in {headers:?}");
    }
    assert_eq!(value(&headers, "host"), [host.http().address().to_string()]);
}

#[test]
fn head_and_options_and_what_no_route_takes_are_answered_as_the_standard_says() {
    let host = Launch::platform().start();
    let ask = |method: &Method, path: &str| host.http().send(method.clone(), path, &[], "");
    for path in ["/hello", "/hello-02"] {
        let head = ask(&Method::HEAD, path).expect(200);
        assert!(head.body.is_empty() && head.header("content-type").starts_with("text/plain"), "{head:?}");
    }
    let options = ask(&Method::OPTIONS, "/hello").expect(204);
    assert!(options.header("allow").contains("GET") && options.header("allow").contains("HEAD"), "{options:?}");
    ask(&Method::OPTIONS, "*").expect(204);
    for (method, path, status, code) in [
        (Method::POST, "/hello", 405, "http/method-not-allowed"),
        (Method::GET, "/echo", 405, "http/method-not-allowed"),
        (Method::GET, "/nowhere", 404, "http/no-route"),
        (Method::GET, "/hello/a/b", 404, "http/no-route"),
        (Method::GET, "/hello/%zz", 400, "http/bad-path"),
    ] {
        let answer = ask(&method, path).expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
        assert_eq!(problem["invocation"], answer.header("flint-invocation-id"), "{answer:?}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{answer:?}");
    }
    let allow = ask(&Method::GET, "/echo");
    assert!(allow.header("allow").contains("POST") && !allow.header("allow").contains("GET"), "{allow:?}");
    // What the door refuses has no body either where there is none.
    assert!(ask(&Method::HEAD, "/nowhere").expect(404).body.is_empty());
}

#[test]
fn bodies_of_any_size_come_back_as_they_were() {
    let host = host();
    for size in [0, 1, 1000, 65_536, 5_000_001] {
        let body: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
        for path in ["/echo", "/echo?upper"] {
            let answer = host.http().send(Method::POST, path, &[("content-type", "x/y")], body.clone()).expect(200);
            let expected = if path == "/echo" { body.clone() } else { body.to_ascii_uppercase() };
            assert!(answer.body == expected, "{size} bytes through {path}");
            assert_eq!(answer.header("content-type"), "x/y");
        }
    }
}

#[test]
fn an_answer_begins_before_its_request_ends_and_both_have_trailers() {
    let host = host();
    for path in ["/echo", "/echo?upper"] {
        let mut wire = Wire::open(host.http());
        let post = format!("POST {path}");
        // Twice on one connection: a body in pieces does not end it.
        for _ in 0..2 {
            wire.say_head(&[&post, "transfer-encoding: chunked", "te: trailers", "trailer: x-sum"]);
            wire.say_chunk("first");
            let head = wire.hear_head();
            assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("transfer-encoding: chunked"), "{head}");
            let heard = |text: &str| if path == "/echo" { text.to_owned() } else { text.to_uppercase() };
            wire.hear_until(&heard("first"));
            wire.say_chunk("second");
            wire.hear_until(&heard("second"));
            wire.say("0\r\nx-sum: 42\r\n\r\n");
            let end = wire.hear_until("\r\n\r\n");
            assert!(end.contains("0\r\n"), "{end:?}");
        }
    }
}

#[test]
fn trailers_come_back_to_a_client_that_takes_them() {
    let host = host();
    for path in ["/echo", "/echo?upper"] {
        for (takes, end) in [("te: trailers", "\r\n0\r\nx-sum: 42\r\n\r\n"), ("x-own: 1", "\r\n0\r\n\r\n")] {
            let mut wire = Wire::open(host.http());
            let post = format!("POST {path}");
            wire.say_head(&[&post, "transfer-encoding: chunked", "trailer: x-sum", takes, "connection: close"]);
            wire.say_chunk("BODY");
            wire.say("0\r\nx-sum: 42\r\n\r\n");
            let answer = wire.hear_to_the_end();
            assert!(answer.ends_with(&format!("BODY{end}")), "{answer:?}");
        }
    }
}

#[test]
fn trailers_that_were_not_announced_are_not_sent_and_the_log_says_so() {
    let echo = function("echo", "") + &route("/echo", "echo");
    let host = Launch::config(&echo).arg("--log").arg("info,flint_triggers=debug").start();
    let mut wire = Wire::open(host.http());
    wire.say_head(&["POST /echo?upper", "transfer-encoding: chunked", "te: trailers", "connection: close"]);
    wire.say_chunk("body");
    wire.say("0\r\nx-sum: 42\r\n\r\n");
    let answer = wire.hear_to_the_end();
    assert!(answer.ends_with("BODY\r\n0\r\n\r\n"), "{answer:?}");
    let told = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("no header `trailer`"));
    let line = host.logged("what became of the trailers", told).to_string();
    let (_, id) = answer.split_once("flint-invocation-id: ").expect("an id");
    assert!(line.contains(&id[..26]), "{line}");
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let order =
        function("order", "grants = { kv = { orders = \"read-write\" } }\n[kv.orders]") + &route("/orders", "order");
    let host = Launch::config(&order).start();
    let body = r#"{"orderId": "o-1", "items": [{"sku": "mug", "quantity": 1, "price": 1}]}"#;
    let mut wire = Wire::open(host.http());
    let length = format!("content-length: {}", body.len());
    wire.say_head(&["POST /orders", "content-type: application/json", &length, "expect: 100-continue"]);
    let leave = wire.hear_head();
    assert!(leave.starts_with("HTTP/1.1 100 "), "{leave}");
    wire.say(body);
    let head = wire.hear_head();
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
}

#[test]
fn a_reader_that_does_not_read_stalls_the_sender_and_loses_nothing() {
    const TOTAL: usize = 128 << 20;
    let host = host();
    for path in ["/echo", "/echo?upper"] {
        let wire = Wire::open(host.http());
        let mut stream = wire.stream();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {TOTAL}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let piece = vec![b'x'; 256 << 10];
        let mut sent = 0;
        stream.set_write_timeout(Some(Duration::from_secs(2))).expect("set");
        while sent < TOTAL {
            match stream.write(&piece[..piece.len().min(TOTAL - sent)]) {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
        // What the kernel holds for both ends of both directions, and a little in between.
        assert!(sent < 48 << 20, "{path} took {sent} bytes that nobody read");
        stream.set_write_timeout(None).expect("set");
        let read = thread::scope(|scope| {
            scope.spawn(|| send_rest(stream, TOTAL - sent));
            let mut read = 0;
            let mut buffer = vec![0; 256 << 10];
            while let Ok(more @ 1..) = stream.read(&mut buffer) {
                read += buffer[..more].iter().filter(|byte| byte.eq_ignore_ascii_case(&b'x')).count();
            }
            read
        });
        // The head has letters of its own.
        assert!((TOTAL..TOTAL + 100).contains(&read), "{read} of {TOTAL} bytes came back through {path}");
    }
}

fn send_rest(mut stream: &TcpStream, mut left: usize) {
    let piece = vec![b'x'; 256 << 10];
    while left > 0 {
        left -= stream.write(&piece[..piece.len().min(left)]).expect("sent");
    }
}

#[test]
fn a_body_over_its_limit_is_refused_announced_or_not() {
    let echo = function("echo", "http-body-max = \"1KiB\"") + &route("/echo", "echo");
    let host = Launch::config(&echo).start();
    host.http().send(Method::POST, "/echo", &[], vec![b'x'; 1024]).expect(200);
    let refused = host.http().send(Method::POST, "/echo", &[], vec![b'x'; 1025]).expect(413);
    assert_eq!(refused.json()["code"], "http/too-large");
    let mut wire = Wire::open(host.http());
    wire.say_head(&["POST /echo", "transfer-encoding: chunked"]);
    wire.say_chunk(&"x".repeat(1025));
    let answer = wire.hear_to_the_end();
    assert!(answer.starts_with("HTTP/1.1 413 ") || !answer.contains("\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn a_trace_goes_through_a_function_as_a_span_of_its_own() {
    let host = host();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("traceparent", parent.as_str()), ("tracestate", "vendor=1")];
    let answer = host.http().send(Method::GET, "/context", &headers, "").expect(200);
    let (span, context) = (answer.header("traceparent"), answer.json());
    assert!(span.contains(trace) && span != parent, "{span}");
    assert_eq!((&context["traceparent"], &context["tracestate"]), (&json!(span), &json!("vendor=1")));
    assert_eq!((&context["function"], &context["attempt"]), (&json!("misbehave"), &json!(1)));
    assert_eq!(context["id"], answer.header("flint-invocation-id"));
    let (_, seen) = seen(host.http().send(Method::GET, "/headers", &headers, ""));
    assert!(value(&seen, "traceparent")[0].contains(trace), "{seen:?}");
    assert_eq!(value(&seen, "tracestate"), ["vendor=1"]);
    // Without a trace, or with one that is none, a new one begins.
    for headers in [&[][..], &[("traceparent", "00-0-0-00")]] {
        let answer = host.http().send(Method::GET, "/context", headers, "").expect(200);
        assert_eq!(answer.header("traceparent").len(), parent.len(), "{answer:?}");
        assert!(!answer.header("traceparent").contains(trace));
        assert_eq!(answer.json()["tracestate"], Value::Null);
    }
}

#[test]
fn a_guest_ends_when_its_caller_goes_away() {
    let host = host();
    let mut ended = 0.0;
    // One that waits, one that blocks, one that computes.
    for path in ["/sleep/60000", "/block/60000", "/spin"] {
        let mut wire = Wire::open(host.http());
        wire.say_head(&[&format!("GET {path}")]);
        host.wait_for_running("misbehave", 1.0);
        wire.hang_up();
        ended += 1.0;
        host.wait_for_outcome("misbehave", "caller/gone", ended);
        host.wait_for_running("misbehave", 0.0);
    }
    // And one in the middle of both bodies.
    let mut wire = Wire::open(host.http());
    wire.say_head(&["POST /echo", "transfer-encoding: chunked"]);
    wire.say_chunk("first");
    wire.hear_until("first");
    wire.hang_up();
    host.wait_for_running("echo", 0.0);
    host.http().send(Method::POST, "/echo", &[], "another").expect(200);
}

#[test]
fn a_host_that_can_wait_no_longer_tells_who_has_no_answer_yet() {
    let sections = ["[limits]\ndrain-timeout = \"300ms\"\n", &misbehave("timeout = \"1m\"")];
    let mut host = Launch::config(&sections.concat()).start();
    let mut waiting = Wire::open(host.http());
    waiting.say_head(&["GET /sleep/50000"]);
    host.wait_for_running("misbehave", 1.0);
    host.signal(Signal::TERM);
    let answer = waiting.hear_until("host/draining");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
    waiting.hear_to_the_end();
    assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
}

#[test]
fn a_host_that_ends_finishes_what_runs_and_takes_nothing_new() {
    let mut host = host();
    let (http, admin): (Client, Client) = (host.http(), host.admin());
    let mut running = Wire::open(http);
    running.say_head(&["POST /echo", "transfer-encoding: chunked"]);
    running.say_chunk("first");
    running.hear_until("first");
    let idle = {
        let mut idle = Wire::open(http);
        idle.say_head(&["GET /context"]);
        idle.hear_until("traceparent");
        idle
    };
    host.signal(Signal::TERM);
    eventually("that no connection is taken", || TcpStream::connect(http.address()).err());
    // The one that waited for another request is closed at once; whoever watches is told.
    idle.hear_to_the_end();
    admin.get("/health/ready").expect(503);
    admin.get("/health/live").expect(200);
    running.say_chunk("second");
    running.hear_until("second");
    running.say("0\r\n\r\n");
    running.hear_until("0\r\n\r\n");
    running.hear_to_the_end();
    assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
    host.logged("the end", |line| line["message"] == "stopped");
}

#[test]
fn a_handler_that_takes_requests_whole_says_hello() {
    let routes = route("/hello", "hello-buffered") + &route("/hello/{name}", "hello-buffered");
    let host = Launch::config(&(function("hello-buffered", "") + &routes)).start();
    assert_eq!(host.http().get("/hello").expect(200).text(), "Hello, world!\n");
    assert_eq!(host.http().get("/hello/Ada").expect(200).text(), "Hello, Ada!\n");
}
