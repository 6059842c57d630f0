//! What a function may use: each limit ends what goes beyond it, tells the caller which one it was, and leaves others alone.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Client, Host, Launch, Response, Wire, eventually, meanwhile, resident};
use http::Method;
use rustix::process::{Resource, Signal, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// The function that misbehaves, within these limits, and one that does not.
fn host(limits: &str) -> Host {
    let sections = [misbehave(limits), function("hello", ""), route("/hello", "hello")];
    Launch::config(&sections.concat()).start()
}

/// The problem that an answer is, with what every problem has.
#[track_caller]
fn problem(answer: Response, status: u16, code: &str) -> Value {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = answer.json();
    assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{problem}");
    assert_eq!(problem["invocation"], answer.header("flint-invocation-id"), "{answer:?}");
    problem
}

#[test]
fn functions_that_spin_are_ended_and_keep_nobody_from_being_answered() {
    let host = host("cpu = \"1s\"\ntimeout = \"50s\"");
    let client = host.http();
    // More than there are threads to run them.
    let spinning: Vec<_> = (0..6).map(|_| thread::spawn(move || client.get("/spin"))).collect();
    host.wait_for_running("misbehave", 6.0);
    meanwhile(&host, |_| {
        for spun in spinning {
            problem(spun.join().expect("an answer"), 504, "function/cpu-exceeded");
        }
    });
    client.get("/sleep/1").expect(200);
}

#[test]
fn a_function_that_waits_too_long_is_ended_however_it_waits() {
    let host = host("timeout = \"500ms\"");
    for path in ["/sleep/50000", "/block/50000"] {
        let timed_out = problem(host.http().get(path), 504, "function/timed-out");
        assert!(timed_out["detail"].as_str().is_some_and(|detail| detail.contains("500ms")), "{timed_out}");
    }
    host.http().get("/sleep/1").expect(200);
}

#[test]
fn a_function_gets_the_memory_that_it_may_have_and_no_more() {
    let host = host("memory = \"16MiB\"");
    let grown = host.http().get("/grow").expect(200);
    let mib: u32 = grown.text().trim_end_matches(" MiB\n").parse().expect("a number");
    assert!((8..16).contains(&mib), "{mib} MiB of 16");
    host.http().get("/grow/8").expect(200);
    // It fails by itself when it is refused, and the caller is told why.
    problem(host.http().get("/grow/20"), 500, "function/out-of-memory");
    // What one invocation took, the next one has again.
    host.http().get("/grow/8").expect(200);
    let peak = host.metric(r#"flint_memory_peak_bytes{function="misbehave"}"#);
    assert!((8.0 * 1048576.0..=16.0 * 1048576.0).contains(&peak), "{peak}");
}

#[test]
fn a_trap_tells_the_log_everything_and_the_caller_nothing() {
    let host = host("");
    for (path, cause) in
        [("/trap", "unreachable"), ("/stack", "out of bounds"), ("/deep/1000000000", "call stack exhausted")]
    {
        let answer = host.http().get(path);
        let told = answer.text().to_owned();
        let problem = problem(answer, 500, "function/trapped");
        assert_eq!(problem["detail"], "the function failed");
        for inside in ["wasm", "panic", "src/", "stack", "unreachable", "bounds", "as asked", "backtrace"] {
            assert!(!told.contains(inside), "{inside} in {told}");
        }
        let invocation = problem["invocation"].clone();
        host.logged(cause, |line| line["invocation"] == invocation && line.to_string().contains(cause));
        // An instance that failed is gone: the next one knows nothing of it.
        host.http().get("/sleep/1").expect(200);
    }
    // What the guest said before it fell is in the log too.
    host.logged("the panic", |line| line["source"] == "stderr" && line.to_string().contains("as asked"));
}

#[test]
fn a_function_calls_itself_as_deep_as_its_stack_allows() {
    // Far above the one, and far below the other, whatever a call takes.
    const DEPTH: &str = "/deep/4000";
    host("").http().get(DEPTH).expect(200);
    let host = Launch::config(&["[limits]\nstack-size-max = \"64KiB\"\n", &misbehave("")].concat()).start();
    host.http().get("/deep/100").expect(200);
    problem(host.http().get(DEPTH), 500, "function/trapped");
    host.logged("why", |line| line.to_string().contains("call stack exhausted"));
    host.http().get("/deep/100").expect(200);
}

#[test]
fn a_function_that_exits_has_failed_by_itself_whatever_its_status() {
    let host = host("");
    for status in ["0", "1"] {
        let exited = problem(host.http().get(&format!("/exit/{status}")), 500, "function/trapped");
        assert_eq!(exited["detail"], "the function failed");
        let cause = format!("it called exit({status})");
        let line = host.logged(&cause, |line| line.to_string().contains(&cause));
        assert_eq!((&line["level"], &line["invocation"]), (&json!("warn"), &exited["invocation"]), "{line}");
    }
    assert!(!host.log().iter().any(|line| line["level"] == "error"), "{:?}", host.log());
}

#[test]
fn an_answer_that_breaks_off_does_not_look_complete() {
    let host = host("timeout = \"500ms\"");
    let mut wire = Wire::open(host.http());
    wire.say_head(&["GET /stream-then-trap"]);
    assert!(wire.hear_head().starts_with("HTTP/1.1 200 "));
    wire.hear_until("half a body\n");
    let rest = wire.hear_to_the_end();
    assert!(!rest.contains("\r\n0\r\n"), "{rest:?}");
    let broken = host.http().try_send(Method::GET, "/stream-then-trap", &[], "");
    assert!(broken.is_err(), "{broken:?}");
    host.wait_for_outcome("misbehave", "function/trapped", 2.0);
}

#[test]
fn an_answer_with_a_length_is_complete_when_its_function_has_ended() {
    let host = host("");
    let answer = host.http().get("/measured/50").expect(200);
    assert_eq!((answer.text(), answer.header("content-length")), ("all of it\n", "10"));
    let id = answer.header("flint-invocation-id").to_owned();
    host.logged("the work behind the last byte", |line| is_done_behind(line, &id));
    host.wait_for_outcome("misbehave", "ok", 1.0);
    // All of its bytes are there, but it failed.
    let broken = host.http().try_send(Method::GET, "/measured-then-trap", &[], "");
    assert!(broken.is_err(), "{broken:?}");
    host.wait_for_outcome("misbehave", "function/trapped", 1.0);
}

fn is_done_behind(line: &Value, invocation: &str) -> bool {
    line["invocation"] == invocation && line.to_string().contains("the work behind the answer is done")
}

#[test]
fn what_a_handler_of_events_spawns_is_done_behind_its_answer() {
    for lines in ["", "isolation = \"serial\"\nuses = 100", "isolation = \"shared\"\nuses = 100"] {
        let host = host(lines);
        let invoke = |payload: &str| {
            let answer = host.invoke("misbehave", payload.to_owned()).expect(200);
            assert_eq!(answer.text(), "answered");
            answer.header("flint-invocation-id").to_owned()
        };
        let first = invoke("100");
        // Those that come meanwhile do not do it for the first one.
        let others: Vec<String> = (0..5).map(|_| invoke("0")).collect();
        if lines.contains("shared") {
            // A shared instance can't tell whose it is.
            host.logged("all of the work", |line| line.to_string().contains("the work behind the answer is done"));
            continue;
        }
        for invocation in others.iter().chain([&first]) {
            host.logged(&format!("{lines}: the work of {invocation}"), |line| is_done_behind(line, invocation));
        }
    }
}

#[test]
fn what_a_function_does_behind_its_answer_is_waited_for_at_the_end_and_cut_by_its_time_out() {
    // A reserved one does not count among those of the host.
    for limits in ["", "concurrency = 5"] {
        let mut waiting = host(limits);
        let id = waiting.invoke("misbehave", "1000".to_owned()).expect(200).header("flint-invocation-id").to_owned();
        waiting.signal(Signal::TERM);
        assert_eq!(waiting.wait().code(), Some(0));
        assert!(waiting.log().iter().any(|line| is_done_behind(line, &id)), "{limits}: {:?}", waiting.log());
    }
    let cut = host("timeout = \"200ms\"");
    cut.invoke("misbehave", "50000".to_owned()).expect(200);
    assert_eq!(cut.stop().code(), Some(0));
}

#[test]
fn a_request_that_stops_in_the_middle_is_ended_by_the_time_out() {
    let echo = function("echo", "timeout = \"500ms\"") + &route("/echo", "echo");
    let host = Launch::config(&echo).start();
    // The guest that changes the body still runs then; the other one has handed it over and ended.
    for (runs, (path, heard)) in [("/echo?upper", "FIRST"), ("/echo", "first")].into_iter().enumerate() {
        let mut wire = Wire::open(host.http());
        wire.say_head(&[&format!("POST {path}"), "transfer-encoding: chunked"]);
        wire.say_chunk("first");
        wire.hear_until(heard);
        let rest = wire.hear_to_the_end();
        assert!(!rest.contains("\r\n0\r\n"), "{rest:?}");
        host.wait_for_outcome("echo", "function/timed-out", (runs + 1) as f64);
    }
}

#[test]
fn what_an_invocation_logs_beyond_its_volume_is_dropped_and_told_once() {
    let host = host("log-size-max = \"3KiB\"");
    let of_it = |n: u32| {
        let answer = host.http().get(&format!("/log/{n}")).expect(200);
        answer.header("flint-invocation-id").to_owned()
    };
    let (loud, quiet) = (of_it(1000), of_it(5));
    let lines = |invocation: &str, level: &str| {
        let log = host.log();
        log.iter().filter(|line| line["invocation"] == invocation && line["level"] == level).count()
    };
    // Lines come in their order, and the quiet invocation came last.
    host.logged("the last line", |line| line["invocation"] == *quiet && line["fields"]["line"] == 5);
    assert_eq!((lines(&quiet, "info"), lines(&quiet, "warn")), (5, 0));
    // However short a line is, the host writes 200 bytes beside it.
    assert!((5..=3072 / 200).contains(&lines(&loud, "info")), "{} lines", lines(&loud, "info"));
    assert_eq!(lines(&loud, "warn"), 1);
    assert!(host.metric(r#"flint_log_lines_total{function="misbehave"}"#) >= 1005.0);
}

#[test]
fn the_context_of_a_line_counts_as_what_it_says() {
    let host = host("log-size-max = \"1KiB\"");
    let answer = host.http().get("/log/20/context/400").expect(200);
    let invocation = answer.header("flint-invocation-id").to_owned();
    host.logged("the end", |line| line["invocation"] == *invocation && line["level"] == "warn");
    let said = host.log().iter().filter(|line| line["invocation"] == *invocation && line["level"] == "info").count();
    assert_eq!(said, 1, "lines of 613 bytes in 1,024");
}

#[test]
fn a_function_that_holds_too_many_handles_is_ended() {
    let drafts = "handles-max = 1\ngrants = { kv = { drafts = \"read-write\" } }\n[kv.drafts]\n";
    let host = Launch::config(&function("kv-drafts2", drafts)).start();
    let ask = |op: &str| {
        host.invoke("kv-drafts2", json!({"op": op, "store": "drafts", "key": "a", "value": "b"}).to_string())
    };
    // An opened store is one handle, a compare-and-swap in it a second one.
    ask("set").expect(200);
    let ended = ask("cas").expect(500).json();
    assert_eq!(ended["code"], "function/trapped", "{ended}");
    host.logged("why", |line| line.to_string().contains("handles-max"));
    ask("set").expect(200);
}

#[test]
fn who_finds_no_room_is_asked_to_come_again_and_who_waits_gets_its_turn() {
    let host = host("concurrency = 1\nqueue = 1\nqueue-timeout = \"50s\"");
    let client = host.http();
    let mut running = Wire::open(client);
    running.say_head(&["GET /sleep/20000"]);
    host.wait_for_running("misbehave", 1.0);
    let waiting = thread::spawn(move || client.get("/sleep/1"));
    host.wait_for_running("misbehave", 2.0);
    let refused = client.get("/sleep/1");
    assert_eq!(refused.header("retry-after"), "1");
    problem(refused, 503, "function/overloaded");
    // Another function has room.
    client.get("/hello").expect(200);
    running.hang_up();
    waiting.join().expect("an answer").expect(200);
}

#[test]
fn a_host_that_is_full_asks_to_come_again_too() {
    let full = "[limits]\ninvocations-max = 2\nspares-max = 0\n";
    let host = Launch::config(&[full, &misbehave("warm = 0")].concat()).start();
    let sleeping: Vec<_> = (0..2)
        .map(|_| {
            let mut wire = Wire::open(host.http());
            wire.say_head(&["GET /sleep/20000"]);
            wire
        })
        .collect();
    host.wait_for_running("misbehave", 2.0);
    let refused = host.http().get("/sleep/1");
    assert_eq!(refused.header("retry-after"), "1");
    problem(refused, 503, "host/exhausted");
    sleeping.into_iter().for_each(Wire::hang_up);
    host.wait_for_running("misbehave", 0.0);
    host.http().get("/sleep/1").expect(200);
}

#[test]
fn who_waits_for_a_full_host_gets_in_when_there_is_room() {
    let full = "[limits]\ninvocations-max = 1\nspares-max = 0\n";
    let waits = "warm = 0\nqueue = 5\nqueue-timeout = \"50s\"\ntimeout = \"55s\"";
    let host = Launch::config(&[full, &misbehave(waits)].concat()).start();
    let client = host.http();
    let mut running = Wire::open(client);
    running.say_head(&["GET /sleep/50000"]);
    host.wait_for_running("misbehave", 1.0);
    let waiting = thread::spawn(move || client.get("/sleep/1"));
    host.wait_for_running("misbehave", 2.0);
    running.hang_up();
    waiting.join().expect("an answer").expect(200);
}

#[test]
fn what_a_function_reserves_no_other_function_takes() {
    let limits = "[limits]\ninvocations-max = 3\n";
    let hello = function("hello", "concurrency = 1") + &route("/hello", "hello");
    let host = Launch::config(&[limits, &misbehave("timeout = \"50s\""), &hello].concat()).start();
    let mut sleeping: Vec<_> = (0..2).map(|_| Wire::open(host.http())).collect();
    sleeping.iter_mut().for_each(|wire| wire.say_head(&["GET /sleep/20000"]));
    host.wait_for_running("misbehave", 2.0);
    problem(host.http().get("/sleep/1"), 503, "host/exhausted");
    host.http().get("/hello").expect(200);
}

#[test]
fn requests_that_are_held_whole_have_so_much_memory_together() {
    let limits = "[limits]\nrequest-memory-max = \"1MiB\"\n";
    let host = Launch::config(&[limits, &function("digest", ""), &route("/digest", "digest")].concat()).start();
    let body = "x".repeat(700 << 10);
    let mut slow = Wire::open(host.http());
    slow.say_head(&["POST /digest", "content-length: 716801"]);
    slow.say(&body);
    eventually("all of it is held", || (host.metric("flint_request_memory_bytes") == 716_800.0).then_some(()));
    // Refused as soon as it is held, with its length announced or not.
    let other = || host.http().send(Method::POST, "/digest", &[], body.clone());
    let refused = other();
    assert_eq!(refused.header("retry-after"), "1");
    problem(refused, 503, "host/request-memory");
    slow.say("x");
    assert!(slow.hear_head().starts_with("HTTP/1.1 200 "));
    slow.hear_until("716801 ");
    drop(slow);
    host.wait_for_running("digest", 0.0);
    assert!(other().expect(200).text().starts_with("716800 "));
}

/// Requests at once.
const AT_ONCE: usize = 10_000;

#[test]
fn answers_that_are_held_whole_have_the_same_memory_until_they_have_left() {
    let digest = function("digest", "response-size-max = \"16MiB\"") + &route("/digest", "digest");
    let host = Launch::config(&format!("[limits]\nrequest-memory-max = \"16MiB\"\n{digest}")).start();
    // More than the kernel takes of a client that does not read.
    let path = "/digest?bytes=12582912";
    let mut slow = Wire::open(host.http());
    slow.say_head(&[&format!("GET {path}")]);
    assert!(slow.hear_head().starts_with("HTTP/1.1 200 "));
    let refused = host.http().get(path);
    assert_eq!(refused.header("retry-after"), "1");
    problem(refused, 503, "host/request-memory");
    // The small ones of others fit beside it.
    host.http().get("/digest").expect(200);
    slow.hang_up();
    let answer = eventually("room", || Some(host.http().get(path)).filter(|answer| answer.status == 200));
    assert_eq!(answer.body.len(), 12 << 20);
}

#[test]
fn sizes_beyond_128_mib_can_be_had_if_they_are_asked_for() {
    let limits = "response-size-max = \"192MiB\"\nmemory = \"512MiB\"\ncpu = \"30s\"";
    let digest = function("digest", limits) + &route("/digest", "digest");
    let host = Launch::config(&digest).start();
    assert_eq!(host.http().get("/digest?bytes=150000000").expect(200).body.len(), 150_000_000);
    problem(host.http().get("/digest?bytes=202000000"), 502, "http/too-large");
}

#[test]
fn the_head_of_an_answer_and_what_a_failure_says_are_limited_too() {
    let digest = function("digest", "") + &route("/digest", "digest");
    let host = Launch::config(&[misbehave(""), digest].concat()).start();
    host.http().get("/digest?headers=90").expect(200);
    problem(host.http().get("/digest?headers=101"), 502, "function/no-answer");
    let failed = host.invoke("misbehave", "fail 100000");
    let told = failed.text().len();
    assert!((1000..20_000).contains(&told), "{told} bytes");
}

#[test]
fn ten_thousand_requests_at_once_are_all_answered_in_their_order() {
    raise_descriptors();
    let limits = "concurrency = 10\nqueue = 5000\nqueue-timeout = \"50s\"\ntimeout = \"55s\"";
    let host = Launch::config(&[misbehave(limits), function("hello", ""), route("/hello", "hello")].concat()).start();
    let before = resident(&host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answered = runtime.block_on(async {
        let all: Vec<_> = (0..AT_ONCE).map(|_| host.http().ask("/sleep/1")).collect();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let local = tokio::task::LocalSet::new();
        for asking in all {
            let sender = sender.clone();
            local.spawn_local(async move { sender.send(asking.await.expect("an answer")).expect("a reader") });
        }
        drop(sender);
        local.await;
        let mut answered = Vec::new();
        while let Ok(answer) = receiver.try_recv() {
            answered.push(answer);
        }
        answered
    });
    assert_eq!(answered.len(), AT_ONCE);
    let served: Vec<_> = answered.iter().filter(|answer| answer.status == 200).collect();
    assert!(served.len() >= 5010, "{} were served", served.len());
    assert!(answered.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 503)));
    // An id begins with the millisecond of its arrival: who came earlier was served earlier, but for those of a moment.
    let arrivals: Vec<_> = served.iter().map(|answer| answer.header("flint-invocation-id")).collect();
    let mut sorted = arrivals.clone();
    sorted.sort_unstable();
    let place = |id: &&str| sorted.binary_search(id).expect("it is there");
    let moved: usize = arrivals.iter().enumerate().map(|(at, id)| place(id).abs_diff(at)).sum();
    assert!(moved / served.len() < served.len() / 20, "moved by {} of {}", moved / served.len(), served.len());
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < 512 << 20, "{grown} bytes");
    host.http().get("/hello").expect(200);
}

/// Lets this process have as many connections as the system allows.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a process may raise its own limit up to the maximum");
    // One each, and those of the tests beside it.
    let needed = AT_ONCE as u64 + 2_000;
    let enough = limit.maximum.is_none_or(|maximum| maximum >= needed);
    assert!(enough, "this test needs {needed} descriptors: `ulimit -Hn` allows {:?}", limit.maximum);
}

#[test]
fn a_payload_or_an_answer_that_is_too_large_is_refused() {
    let host = Launch::config(&function("event", "request-size-max = \"1KiB\"")).start();
    host.invoke("event", vec![b'x'; 1024]).expect(200);
    problem_of_invoke(host.invoke("event", vec![b'x'; 1025]), 413);
    let host = Launch::config(&function("event", "response-size-max = \"1KiB\"")).start();
    host.invoke("event", vec![b'x'; 1024]).expect(200);
    problem_of_invoke(host.invoke("event", vec![b'x'; 1025]), 502);
}

#[track_caller]
fn problem_of_invoke(answer: Response, status: u16) {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], "http/too-large", "{problem}");
}

/// Another server, which answers everything with its name.
fn another_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..read]);
            let line = request.lines().next().unwrap_or_default();
            let text = format!("another server got {line}\n");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            stream.write_all((head + &text).as_bytes()).expect("answered");
        }
    });
    address
}

fn ask(client: Client, url: &str) -> Response {
    client.get(&format!("/outbound?url={}", url.replace(':', "%3A").replace('/', "%2F")))
}

#[test]
fn a_function_calls_the_hosts_that_it_may_call_and_no_other() {
    let (allowed, denied) = (another_server(), another_server());
    let lines = format!("secrets = {{}}\noutbound = [\"{allowed}\"]");
    let host = Launch::config(&(function("misbehave", &lines) + &route("/{*rest}", "misbehave"))).start();
    let answer = ask(host.http(), &format!("http://{allowed}/a?b=c")).expect(200);
    assert_eq!(answer.text(), "another server got GET /a?b=c HTTP/1.1\n");
    let port = denied.port();
    for url in [format!("http://{denied}/"), format!("http://localhost:{port}/")] {
        let refused = ask(host.http(), &url);
        assert!(refused.status.is_client_error() || refused.status.is_server_error(), "{url}: {refused:?}");
        assert!(refused.text().to_lowercase().contains("denied"), "{url}: {refused:?}");
        assert_eq!(refused.json()["retryable"], false, "{url}: {refused:?}");
    }
}
