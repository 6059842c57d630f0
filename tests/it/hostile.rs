//! Guests that mean harm, or are broken: each is ended or refused, its caller is told, and others are answered all along.

use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch, Response, Wire, meanwhile, resident};
use http::Method;
use std::io::Read;
use std::thread;
use std::time::Duration;

/// The fixtures that mean harm within these limits, and one that does not.
fn host(limits: &str) -> Host {
    let flood = function("flood", &format!("grants = {{ kv = {{ litter = \"read-write\" }} }}\n{limits}"));
    let improper = function("improper-02", limits.split("[limits]").next().unwrap_or_default());
    let sections = [
        improper,
        route("/improper-02/{*rest}", "improper-02"),
        function("hello", ""),
        route("/hello", "hello"),
        "[kv.litter]\n".to_owned(),
        route("/flood/{*rest}", "flood"),
        flood,
    ];
    Launch::config(&sections.concat()).start()
}

/// Fails unless an answer is this problem.
#[track_caller]
fn is_problem(answer: Response, status: u16, code: &str) {
    assert_eq!(answer.expect(status).json()["code"], code);
}

#[test]
fn a_guest_that_writes_lines_without_end_is_ended_and_fills_nothing() {
    let host = host("cpu = \"500ms\"\nlog-size-max = \"64KiB\"");
    let before = resident(&host);
    for path in ["/flood/stdout", "/flood/log"] {
        is_problem(meanwhile(&host, |client| client.get(path)), 504, "function/cpu-exceeded");
    }
    let said: usize =
        host.log().iter().filter(|line| line["function"] == "flood").map(|line| line.to_string().len()).sum();
    assert!(said < 1 << 20, "{said} bytes of log");
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}

#[test]
fn an_answer_without_end_is_as_fast_as_its_reader_and_ends_with_it() {
    // Longer than the test waits: nothing but the end of its reader ends it.
    let host = host("timeout = \"10m\"\ncpu = \"10m\"");
    let before = resident(&host);
    for (path, ended) in [("/flood/response", 1.0), ("/flood/deaf", 2.0)] {
        meanwhile(&host, |client| {
            let mut wire = Wire::open(client);
            wire.say_head(&[&format!("GET {path}")]);
            assert!(wire.hear_head().starts_with("HTTP/1.1 200 "));
            let mut piece = vec![0; 1 << 20];
            for _ in 0..20 {
                wire.stream().read_exact(&mut piece).expect("more");
            }
            // Nobody reads now: the guest stands still.
            thread::sleep(Duration::from_millis(200));
            let grown = resident(&host).saturating_sub(before);
            assert!(grown < 64 << 20, "{grown} bytes");
            wire.hang_up();
        });
        // That nobody is there any longer ends the guest, whether it wants to know or not.
        host.wait_for_outcome("flood", "caller/gone", ended);
        host.wait_for_running("flood", 0.0);
    }
}

#[test]
fn an_answer_larger_than_its_limit_breaks_off_and_one_that_is_not_read_meets_its_time_out() {
    let host = host("timeout = \"1s\"\n[limits]\nidle-timeout = \"2s\"");
    meanwhile(&host, |client| {
        let mut wire = Wire::open(client);
        wire.say_head(&["GET /flood/deaf"]);
        // The guest is ended at once, the connection when it took nothing for so long.
        host.wait_for_outcome("flood", "function/timed-out", 1.0);
    });
    let host = self::host("http-response-max = \"1MiB\"");
    let broken = meanwhile(&host, |client| client.try_send(Method::GET, "/flood/response", &[], ""));
    assert!(broken.is_err(), "{broken:?}");
    host.wait_for_outcome("flood", "http/too-large", 1.0);
}

#[test]
fn a_guest_uses_the_stores_as_much_as_it_may_and_no_more() {
    let host = host("kv-size-max = \"1MiB\"\nkv-calls-max = 20");
    let told = meanwhile(&host, |client| client.get("/flood/store")).expect(200);
    assert!(told.text().starts_with("15: ") && told.text().contains("bytes"), "{}", told.text());
    // The next invocation begins anew.
    let told = meanwhile(&host, |client| client.get("/flood/read")).expect(200);
    assert!(told.text().starts_with("15: ") && told.text().contains("bytes"), "{}", told.text());
    let host = self::host("kv-calls-max = 5");
    let told = meanwhile(&host, |client| client.get("/flood/store")).expect(200);
    assert!(told.text().starts_with("5: ") && told.text().contains("calls"), "{}", told.text());
}

#[test]
fn a_guest_that_waits_for_ever_more_is_ended() {
    let host = host("timeout = \"50s\"\ncpu = \"40s\"\nhandles-max = 200");
    let before = resident(&host);
    is_problem(meanwhile(&host, |client| client.get("/flood/timers")), 500, "function/trapped");
    host.logged("why", |line| line["level"] == "warn" && line.to_string().contains("handles-max"));
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes");
}

#[test]
fn a_guest_without_an_answer_or_with_half_of_one_is_told_from_one_that_answers() {
    let host = host("timeout = \"1s\"");
    is_problem(meanwhile(&host, |client| client.get("/improper-02/none")), 502, "function/no-answer");
    host.logged("why", |line| line["function"] == "improper-02" && line.to_string().contains("gave no answer"));
    let error = meanwhile(&host, |client| client.get("/improper-02/error"));
    assert!(!error.text().contains("secret"), "{error:?}");
    is_problem(error, 502, "function/no-answer");
    for path in ["/improper-02/early", "/improper-02/keep"] {
        let broken = meanwhile(&host, |client| client.try_send(Method::GET, path, &[], ""));
        let refused = broken.as_ref().map_or(true, |answer| answer.status.is_server_error());
        assert!(refused, "{path}: {broken:?}");
    }
}

#[test]
fn a_component_for_0_2_that_spins_is_ended_and_the_next_request_finds_another_instance() {
    for isolation in ["fresh", "serial"] {
        let host = host(&format!("isolation = \"{isolation}\"\ncpu = \"500ms\""));
        let answer = || meanwhile(&host, |client| client.get("/improper-02/nothing")).expect(200);
        assert_eq!(answer().text(), "there is no /nothing");
        is_problem(meanwhile(&host, |client| client.get("/improper-02/spin")), 504, "function/cpu-exceeded");
        for _ in 0..3 {
            assert_eq!(answer().text(), "there is no /nothing");
        }
        let reused = host.metric(r#"flint_starts_total{function="improper-02",start="reused"}"#);
        assert_eq!(reused > 0.0, isolation == "serial", "{isolation}: {reused}");
    }
}

#[test]
fn headers_and_statuses_that_no_answer_has_are_refused_to_the_guest() {
    let host = host("");
    for (path, told) in
        [("/improper-02/connection", "forbidden"), ("/improper-02/break", "invalid"), ("/improper-02/status/99", "Err")]
    {
        let answer = meanwhile(&host, |client| client.get(path)).expect(200);
        assert!(answer.text().to_lowercase().contains(&told.to_lowercase()), "{path}: {}", answer.text());
        assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
    }
    for path in ["/improper-02/coding", "/improper-02/answer/4,4/0/0/4", "/improper-02/answer/-1/0/0/4"] {
        let answer = meanwhile(&host, |client| client.get(path)).expect(200);
        assert!(answer.text().contains("HeaderError"), "{path}: {}", answer.text());
        assert!(!answer.headers.contains_key("content-length"), "{answer:?}");
    }
    // Whatever has three digits is a status (RFC 9110, section 15), but those that promise another answer are none.
    for code in [600, 999] {
        meanwhile(&host, |client| client.get(&format!("/improper-02/status/{code}"))).expect(code);
    }
    for code in [100, 101, 103, 199] {
        let interim = meanwhile(&host, |client| client.get(&format!("/improper-02/status/{code}")));
        is_problem(interim, 502, "function/no-answer");
    }
}

#[test]
fn an_answer_that_lies_about_its_length_does_not_look_complete() {
    let host = host("");
    for (announced, written) in [(10, 4), (2, 4), (1_000_000_000, 4), (1, 0)] {
        let path = format!("/improper-02/answer/{announced}/0/0/{written}");
        let broken = meanwhile(&host, |client| client.try_send(Method::GET, &path, &[], ""));
        assert!(broken.as_ref().map_or(true, |answer| answer.status.is_server_error()), "{path}: {broken:?}");
        // Nor does what comes behind it begin where it should not.
        let mut wire = Wire::open(host.http());
        wire.say_head(&[&format!("GET {path}")]);
        wire.say_head(&["GET /hello"]);
        assert!(!wire.hear_to_the_end().contains("Hello, world!"), "{path}: the connection goes on");
    }
    assert_eq!(host.http().get("/improper-02/answer/4/0/0/4").expect(200).text(), "wwww");
}

#[test]
fn who_answers_twice_or_with_too_many_headers_has_failed_by_itself() {
    let host = host("");
    let twice = meanwhile(&host, |client| client.try_send(Method::GET, "/improper-02/twice", &[], ""));
    // The first answer may be on its way already; then it breaks off.
    if let Ok(answer) = twice {
        is_problem(answer, 500, "function/trapped");
    }
    host.wait_for_outcome("improper-02", "function/trapped", 1.0);
    // Ten thousand headers, and a large one.
    for path in ["/improper-02/answer//10000/10/4", "/improper-02/answer//1/1000000/4"] {
        is_problem(meanwhile(&host, |client| client.get(path)), 500, "function/trapped");
    }
    let streams = meanwhile(&host, |client| client.get("/improper-02/streams")).expect(200);
    assert_eq!(streams.text(), "Err(())", "a body has one stream");
}

#[test]
fn a_guest_that_holds_handles_without_end_is_ended() {
    let host = host("handles-max = 100");
    let before = resident(&host);
    is_problem(meanwhile(&host, |client| client.get("/improper-02/leak")), 500, "function/trapped");
    host.logged("why", |line| line.to_string().contains("handles-max"));
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}

#[test]
fn what_a_guest_writes_into_requests_that_it_never_sends_is_little() {
    let host = host("");
    let before = resident(&host);
    let held = meanwhile(&host, |client| client.get("/improper-02/hold")).expect(200);
    let bytes: u64 = held.text().trim_end_matches(" bytes\n").parse().expect("a number");
    // Of 100 requests, so that a host without the bound does not fall over.
    assert!(bytes <= 100 * (64 << 10), "{bytes} bytes");
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
    // What is read streams all the same.
    assert_eq!(host.http().get("/improper-02/bytes").expect(200).body.len(), 20_000_000);
}

#[test]
fn what_a_guest_does_wrong_at_the_border_is_its_own_failure_and_no_defect_of_the_host() {
    let host = host("");
    is_problem(meanwhile(&host, |client| client.get("/improper-02/orphan")), 500, "function/trapped");
    host.logged("why", |line| line["level"] == "warn" && line.to_string().contains("has children"));
    assert!(!host.log().iter().any(|line| line["level"] == "error"), "{:?}", host.log());
}
