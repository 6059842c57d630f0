//! Clients that are slow, that break off, and that write what may be read in two ways.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Host, Launch, PATIENCE, Wire, meanwhile, resident};
use http::Method;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

fn host_with(limits: &str, misbehaves: &str) -> Host {
    let sections = [
        &format!("[limits]\n{limits}\n"),
        &misbehave(&format!("cpu = \"1m\"\n{misbehaves}")),
        &function("echo", "timeout = \"5m\""),
        &route("/echo", "echo"),
        &function("order", "grants = { kv = { orders = \"read-write\" } }\n[kv.orders]"),
        &route("/orders", "order"),
        &function("digest", ""),
        &route("/digest", "digest"),
        &function("hello", ""),
        &route("/hello", "hello"),
    ];
    Launch::config(&sections.map(String::as_str).concat()).start()
}

#[test]
fn a_head_that_trickles_and_a_body_that_stops_cost_their_client_the_connection() {
    let host = host_with("header-timeout = \"500ms\"\nbody-timeout = \"700ms\"", "timeout = \"1m\"");
    let begun = Instant::now();
    let mut trickling = Wire::open(host.http());
    trickling.say("GET /hello HTTP/1.1\r\n");
    while trickling.stream().write_all(b"x").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it may trickle for ever");
        thread::sleep(Duration::from_millis(50));
    }
    // One that reads all of its body before it answers, and one that has begun.
    let mut unanswered = Wire::open(host.http());
    unanswered.say_head(&["POST /orders", "content-type: application/json", "content-length: 100"]);
    unanswered.say("{");
    let answer = unanswered.hear_to_the_end();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("http/slow-body"), "{answer}");
    let mut begun = Wire::open(host.http());
    begun.say_head(&["POST /echo?upper", "transfer-encoding: chunked"]);
    begun.say_chunk("first");
    begun.hear_until("FIRST");
    let rest = begun.hear_to_the_end();
    assert!(!rest.ends_with("0\r\n\r\n"), "it looks complete: {rest:?}");
    // A slow one that keeps going is served.
    let mut patient = Wire::open(host.http());
    patient.say_head(&["POST /echo", "content-length: 10", "connection: close"]);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(150));
        patient.say("x");
    }
    let answer = patient.hear_to_the_end();
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert_eq!(body.matches('x').count(), 10, "{answer}");
    host.http().get("/hello").expect(200);
}

#[test]
fn a_body_that_nobody_reads_is_not_waited_for() {
    let host = host_with("body-timeout = \"200ms\"", "timeout = \"1m\"");
    let mut wire = Wire::open(host.http());
    // It sleeps for longer than a body may take, and does not read it.
    wire.say_head(&["GET /sleep/1000", "content-length: 5", "connection: close"]);
    assert!(wire.hear_to_the_end().starts_with("HTTP/1.1 200 "));
}

#[test]
fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let host = host_with("", "timeout = \"1m\"\nfirst-byte-timeout = \"300ms\"");
    let late = host.http().get("/sleep/50000").expect(504);
    assert_eq!(late.json()["code"], "function/no-first-byte");
    host.wait_for_outcome("misbehave", "function/no-first-byte", 1.0);
    host.wait_for_running("misbehave", 0.0);
    // What has begun may take longer.
    assert_eq!(host.http().get("/events/5/200").expect(200).text().matches("data: ").count(), 5);
}

#[test]
fn an_upload_that_breaks_off_ends_its_function_and_nothing_else() {
    let host = host_with("", "timeout = \"1m\"");
    for head in [&["POST /echo", "content-length: 1000000"][..], &["POST /echo?upper", "transfer-encoding: chunked"]] {
        let mut wire = Wire::open(host.http());
        wire.say_head(head);
        if head[1].starts_with("transfer") {
            wire.say("5\r\nhel");
        } else {
            wire.say("hello");
        }
        host.wait_for_running("echo", 1.0);
        meanwhile(&host, |_| {
            wire.hang_up();
            host.wait_for_running("echo", 0.0);
        });
    }
    host.http().get("/hello").expect(200);
}

#[test]
fn two_hundred_clients_that_trickle_hold_up_nobody() {
    let host = host_with("header-timeout = \"2s\"\nbody-timeout = \"2s\"", "timeout = \"1m\"");
    let body = "POST /digest HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n";
    meanwhile(&host, |client| {
        let mut trickling: Vec<_> = (0..200).map(|_| Some(Wire::open(client))).collect();
        for (n, wire) in trickling.iter().flatten().enumerate() {
            let begin = if n % 2 == 0 { "GET /hello HTTP/1.1\r\n" } else { body };
            wire.stream().write_all(begin.as_bytes()).expect("sent");
        }
        let begun = Instant::now();
        while trickling.iter().any(Option::is_some) {
            assert!(begun.elapsed() < PATIENCE, "they may trickle for ever");
            for (n, slot) in trickling.iter_mut().enumerate() {
                // A head trickles, and a body stops.
                let goes_on = |wire: &Wire| match n % 2 {
                    0 => wire.stream().write_all(b"x").is_ok(),
                    _ => !wire.is_ended(),
                };
                slot.take_if(|wire| !goes_on(wire));
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
}

#[test]
fn who_holds_more_connections_than_there_may_be_keeps_nobody_out() {
    let host = host_with("connections-max = 20\nheader-timeout = \"5m\"\nidle-timeout = \"5m\"", "");
    // Some say nothing, and some nothing more.
    let hoard = (0..40).map(|n| {
        let mut wire = Wire::open(host.http());
        if n % 2 == 0 {
            wire.say_head(&["GET /hello"]);
            wire.hear_head();
        }
        wire
    });
    let mut hoard: Vec<_> = hoard.collect();
    host.http().get("/hello").expect(200);
    // The oldest gave way.
    hoard.remove(0).hear_to_the_end();
}

#[test]
fn ten_gigabytes_are_refused_or_held_back() {
    let host = host_with("", "timeout = \"1m\"");
    let before = resident(&host);
    meanwhile(&host, |client| {
        // Announced to somebody who wants it whole: refused before any of it is sent.
        let mut wire = Wire::open(client);
        wire.say_head(&["POST /digest", "content-length: 10737418240"]);
        assert!(wire.hear_head().starts_with("HTTP/1.1 413 "));
        wire.hear_until("http/too-large");
        let sent = pour(&wire, &[b' '; 1 << 20]);
        assert!(sent < 64 << 20, "{sent} bytes were taken");
        // Not announced: cut as soon as it is too much. Whoever still sends may miss the answer.
        let mut wire = Wire::open(client);
        wire.say_head(&["POST /digest", "transfer-encoding: chunked"]);
        let chunk = [b"100000\r\n", &[b' '; 1 << 20][..], b"\r\n"].concat();
        let sent = pour(&wire, &chunk);
        assert!(sent < 64 << 20, "{sent} bytes were taken");
        let answer = wire.hear_to_the_end();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
        // Streamed to somebody who does not read: held back.
        let mut wire = Wire::open(client);
        wire.stream().set_write_timeout(Some(Duration::from_secs(1))).expect("set");
        wire.say_head(&["POST /echo", "content-length: 10737418240"]);
        let sent = pour(&wire, &[b' '; 1 << 20]);
        assert!(sent < 64 << 20, "{sent} bytes that nobody read were taken");
        assert!(wire.hear_head().starts_with("HTTP/1.1 200 "), "it goes on when somebody reads");
    });
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}

/// Sends a piece over and over, up to ten gigabytes, until the other side has enough: how much it took.
fn pour(wire: &Wire, piece: &[u8]) -> usize {
    let mut sent = 0;
    while sent < 10 << 30 {
        let rest = &piece[sent % piece.len()..];
        match wire.stream().write(rest) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    sent
}

#[test]
fn ten_thousand_headers_are_refused() {
    let host = host_with("", "timeout = \"1m\"");
    let wire = Wire::open(host.http());
    let lines = "x-header: value\r\n".repeat(10_000);
    let answer = meanwhile(&host, |_| {
        // It may be refused before all of it was sent.
        let _ = wire.stream().write_all(format!("GET /hello HTTP/1.1\r\nhost: test\r\n{lines}\r\n").as_bytes());
        wire.hear_to_the_end()
    });
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let host = host_with("header-count-max = 5", "timeout = \"1m\"");
    let headers = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")];
    host.http().send(Method::GET, "/hello", &headers[..4], "").expect(200);
    assert_eq!(
        host.http().raw(b"GET /hello HTTP/1.1\r\nhost: h\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n")[..12],
        *"HTTP/1.1 431"
    );
}

/// Each with a second request behind, that must not be answered: whoever stands in between may see it as part of the first.
#[test]
fn what_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let host = host_with("", "timeout = \"1m\"");
    let second = "GET /hello HTTP/1.1\r\nhost: test\r\n\r\n";
    let post = "POST /echo HTTP/1.1\r\nhost: test\r\n";
    for (what, rest) in [
        ("two lengths", "content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        ("a list of lengths", "content-length: 5, 6\r\n\r\nhello"),
        ("a length with a sign", "content-length: +5\r\n\r\nhello"),
        ("a length in hexadecimal", "content-length: 0x5\r\n\r\nhello"),
        ("a length that is negative", "content-length: -5\r\n\r\nhello"),
        ("a coding after chunked", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("a coding before chunked", "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("a coding that looks like chunked", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("two codings", "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n"),
        ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a vertical tab before chunked", "transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
        ("a space before the colon", "content-length : 5\r\n\r\nhello"),
        ("a line that goes on", "x: a\r\n b\r\ncontent-length: 5\r\n\r\nhello"),
        ("a bare carriage return", "x: a\rb\r\ncontent-length: 0\r\n\r\n"),
        ("a zero byte", "x: a\0b\r\ncontent-length: 0\r\n\r\n"),
        ("no host twice", "host: other\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let answer = meanwhile(&host, |client| client.raw(format!("{post}{rest}{second}").as_bytes()));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        if what != "no host twice" {
            assert!(!answer.contains("Hello, world!"), "{what}: the connection goes on: {answer}");
        }
    }
    for (what, body) in [
        ("no size", "hello\r\n0\r\n\r\n"),
        ("a size that is too large", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a size that is too small", "4\r\nhello\r\n0\r\n\r\n"),
        ("a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("an end without a line's end", "5\r\nhello0\r\n\r\n"),
    ] {
        let request = format!("{post}transfer-encoding: chunked\r\n\r\n{body}{second}");
        let answer = meanwhile(&host, |client| client.raw(request.as_bytes()));
        assert!(!answer.contains("Hello, world!"), "{what}: the connection goes on: {answer}");
        assert!(!answer.contains("\r\n0\r\n\r\n"), "{what}: it looks complete: {answer}");
    }
    // With a length and chunks, the chunks count (RFC 9112, section 6.3), and the connection ends.
    for both in ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 50"]
    {
        let answer = host.http().raw(format!("{post}{both}\r\n\r\n2\r\nhi\r\n0\r\n\r\n{second}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("hi"), "{answer}");
        assert!(answer.contains("connection: close") && !answer.contains("Hello, world!"), "{answer}");
    }
    assert_eq!(host.http().get("/hello").expect(200).text(), "Hello, world!\n");
}

#[test]
fn who_wants_another_protocol_is_told_that_there_is_none() {
    let host = host_with("", "timeout = \"1m\"");
    let websocket = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let refused = host.http().send(Method::GET, "/hello", &websocket, "").expect(501);
    assert_eq!(refused.json()["code"], "http/no-upgrade");
    let offered =
        [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__")];
    host.http().send(Method::GET, "/hello", &offered, "").expect(200);
}

#[test]
fn events_arrive_one_by_one() {
    let host = host_with("", "timeout = \"1m\"");
    let mut wire = Wire::open(host.http());
    wire.say_head(&["GET /events/3/5000", "accept: text/event-stream"]);
    assert!(wire.hear_head().contains("content-type: text/event-stream"));
    for n in 1..=3 {
        // Each comes before the next one was sent, not with those behind it.
        let begun = Instant::now();
        wire.hear_until(&format!("data: event {n}\n\n"));
        assert!(n > 1 || begun.elapsed() < Duration::from_secs(4), "{n} came after {:?}", begun.elapsed());
        assert!(n == 3 || !wire.has_heard(&format!("event {}", n + 1)), "{n} waited for the next one");
    }
    wire.hear_until("0\r\n\r\n");
}
