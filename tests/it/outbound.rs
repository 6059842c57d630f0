//! What functions ask of other hosts: what leaves, how, how much, and where to.

mod guard;
mod tls;

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Client, Host, Launch, Response, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A platform with the function that asks (0.3) and the one that asks by 0.2, and with one that misbehaves.
fn platform(lines: &str) -> String {
    let neighbour = misbehave("").replace("/{*rest}", "/neighbour/{*rest}");
    let ask = function("ask", lines) + &route("/ask/{*rest}", "ask");
    ask + &function("ask-02", lines) + &route("/ask-02/{*rest}", "ask-02") + &neighbour
}

fn allowing(upstream: &Upstream, lines: &str) -> String {
    platform(&format!("outbound = [\"{}\"]\n{lines}", upstream.address))
}

/// A platform that may ask one server.
fn host(upstream: &Upstream, lines: &str) -> Host {
    Launch::config(&allowing(upstream, lines)).start()
}

/// What stands in a query.
fn escaped(url: &str) -> String {
    url.replace('%', "%25").replace('&', "%26").replace('?', "%3F").replace('#', "%23").replace('+', "%2B")
}

/// Has the function that asks do something with a URL.
fn ask(client: Client, what: &str, url: &str, options: &str) -> Response {
    client.get(&format!("/ask/{what}?url={}{options}", escaped(url)))
}

fn get(client: Client, url: &str) -> Response {
    ask(client, "get", url, "")
}

/// Expects a refusal, with the detail of the problem having a text.
#[track_caller]
fn refused(answer: &Response, detail: &str, retryable: bool) {
    let problem = answer.json();
    let text = problem["detail"].as_str().unwrap_or_default();
    assert!(text.contains(detail), "{detail} is not in {problem}");
    assert_eq!(problem["retryable"], retryable, "{problem}");
}

fn header<'h>(head: &'h Value, name: &str) -> Vec<&'h str> {
    let headers = head["headers"].as_array().expect("headers").iter();
    headers.filter(|header| header[0] == name).map(|header| header[1].as_str().expect("text")).collect()
}

fn neighbour_answers(client: Client) {
    client.get("/neighbour/env").expect(404);
}

#[test]
fn calls_one_after_the_other_share_a_connection_and_those_at_once_do_not() {
    let upstream = Upstream::start();
    let host = host(&upstream, "");
    let answers = ask(host.http(), "times/20", &upstream.url("/hello"), "").expect(200).json();
    assert_eq!(answers, json!(vec!["200"; 20]));
    // One; or a few, where a busy machine was slow to give one back.
    let own = upstream.connections();
    assert!(upstream.requests() == 20 && own <= 3, "{own}");
    // Another invocation of the same function finds it too.
    assert_eq!(get(host.http(), &upstream.url("/hello")).expect(200).text(), "hello\n");
    assert_eq!(upstream.connections(), own);
    // Another function does not: what one did on a connection is nothing that another should meet.
    let answer = host.http().get(&format!("/ask-02/{}/hello", upstream.address)).expect(200);
    assert_eq!((answer.text(), upstream.connections()), ("hello\n", own + 1));
    let again = host.http().get(&format!("/ask-02/{}/hello", upstream.address)).expect(200);
    assert_eq!((again.text(), upstream.connections()), ("hello\n", own + 1), "0.2 keeps its connection too");
    // Those that run at once need one each; a slow answer keeps them apart.
    let answers = ask(host.http(), "at-once/10", &upstream.url("/slow/2000"), "").expect(200).json();
    assert_eq!(answers, json!(vec!["200"; 10]));
    assert_eq!(upstream.connections(), 11);
    // What nobody uses is closed.
    drop(host);
    eventually("the end of all connections", || (upstream.open() == 0).then_some(()));
}

#[test]
fn a_connection_is_not_used_again_when_it_is_old_or_was_closed_by_the_server() {
    let upstream = Upstream::start();
    let config = format!("[outbound]\nidle-timeout = \"300ms\"\n{}", allowing(&upstream, ""));
    let host = Launch::config(&config).start();
    get(host.http(), &upstream.url("/hello")).expect(200);
    eventually("the connection to be closed", || (upstream.open() == 0).then_some(()));
    ask(host.http(), "times/3", &upstream.url("/close"), "").expect(200);
    assert_eq!(upstream.connections(), 4);
    drop(host);
    let config = format!("[outbound]\nidle-max = 0\n{}", allowing(&upstream, ""));
    let host = Launch::config(&config).start();
    ask(host.http(), "times/3", &upstream.url("/hello"), "").expect(200);
    assert_eq!(upstream.connections(), 7);
}

#[test]
fn connections_are_bounded_and_those_that_wait_get_the_ones_that_become_free() {
    let upstream = Upstream::start();
    let lines = allowing(&upstream, "");
    let host = Launch::config(&format!("[outbound]\nconnections-max = 2\n{lines}")).start();
    let answers = ask(host.http(), "at-once/12", &upstream.url("/slow/30"), "").expect(200).json();
    assert_eq!(answers, json!(vec!["200"; 12]));
    // The other function needs one that this one keeps.
    host.http().get(&format!("/ask-02/{}/hello", upstream.address)).expect(200);
    assert!(upstream.open() <= 2, "{}", upstream.open());
    drop(host);
    let host = Launch::config(&format!("[outbound]\nconnections-max = 1\nconnect-timeout = \"1s\"\n{lines}")).start();
    let answers = ask(host.http(), "at-once/2", &upstream.url("/slow/10000"), "").expect(200).json();
    let limited = answers.as_array().expect("answers").iter().filter(|text| text.to_string().contains("Limit")).count();
    assert_eq!(limited, 1, "{answers}");
}

#[test]
fn what_is_about_the_connection_stays_with_it_and_the_trace_goes_on() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let upstream = Upstream::start();
    let host = host(&upstream, "");
    let path = format!("/ask/get?url={}", upstream.url("/seen"));
    let headers = [("traceparent", PARENT), ("tracestate", "a=1")];
    let seen = host.http().send(Method::GET, &path, &headers, "").expect(200).json();
    let parent = header(&seen, "traceparent");
    assert_eq!((parent.len(), &parent[0][..36]), (1, &PARENT[..36]), "{seen}");
    assert_ne!(parent[0], PARENT, "the span is the invocation's own");
    assert_eq!(header(&seen, "tracestate"), ["a=1"]);
    assert_eq!(header(&seen, "host"), [upstream.address.to_string()]);
    assert!(header(&seen, "transfer-encoding").is_empty() && header(&seen, "connection").is_empty(), "{seen}");
    // A trace of the guest's own is left alone.
    let seen = ask(host.http(), "get", &upstream.url("/seen"), &format!("&header=traceparent={PARENT}")).json();
    assert_eq!((header(&seen, "traceparent"), header(&seen, "tracestate")), (vec![PARENT], vec![]));
    // 0.2 too.
    let seen = host.http().get(&format!("/ask-02/{}/seen", upstream.address)).expect(200).json();
    assert_eq!((header(&seen, "traceparent").len(), header(&seen, "host").len()), (1, 1), "{seen}");
    for forbidden in ["host=elsewhere", "transfer-encoding=chunked", "connection=x", "upgrade=h2c", "keep-alive=1"] {
        let answer = ask(host.http(), "get", &upstream.url("/seen"), &format!("&header={forbidden}"));
        // The SDK drops `host` itself, since the host makes it.
        if forbidden.starts_with("host") {
            assert_eq!(header(&answer.expect(200).json(), "host"), [upstream.address.to_string()]);
        } else {
            refused(&answer, "refuses a header", false);
        }
    }
    let answer = get(host.http(), &upstream.url("/hops")).expect(200);
    assert_eq!((answer.header("x-kept"), answer.header("x-hop")), ("1", ""));
}

#[test]
fn large_bodies_stream_both_ways_with_their_trailers() {
    const LARGE: u64 = 80 << 20;
    let upstream = Upstream::start();
    // More than the guest could hold.
    let host = host(&upstream, "memory = \"16MiB\"");
    let sent = ask(host.http(), &format!("send/{LARGE}"), &upstream.url("/count"), "").expect(200).json();
    assert_eq!(sent, json!({ "bytes": LARGE, "trailers": { "checksum": "all-x" }, "complete": true }));
    let got = get(host.http(), &upstream.url(&format!("/bytes/{LARGE}"))).expect(200);
    assert_eq!(got.body.len() as u64, LARGE);
    let answer = get(host.http(), &upstream.url("/pause/1")).expect(200);
    assert_eq!(answer.text(), "one\ntwo\n");
    let path = format!("/ask/upload?url={}", upstream.url("/count"));
    let passed = host.http().send(Method::POST, &path, &[], vec![b'z'; 1 << 20]).expect(200).json();
    assert_eq!(passed["bytes"], 1 << 20);
    // 0.2 collects what it reads.
    let got = host.http().get(&format!("/ask-02/{}/bytes/3000000", upstream.address)).expect(200);
    assert_eq!(got.body.len(), 3_000_000);
}

#[test]
fn a_dropped_answer_ends_the_exchange() {
    let upstream = Upstream::start();
    let host = host(&upstream, "");
    let large = upstream.url(&format!("/bytes/{}", 1_u64 << 40));
    let first = ask(host.http(), "first-piece", &large, "").expect(200);
    assert!(first.text().ends_with(" bytes\n"), "{first:?}");
    eventually("the end of the connection", || (upstream.open() == 0).then_some(()));
    assert!(upstream.sent() < 64 << 20, "{} bytes were sent for one piece", upstream.sent());
    // So does a client that goes away.
    let mut wire = crate::harness::Wire::open(host.http());
    wire.say_head(&[&format!("GET /ask/get?url={large}")]);
    wire.hear_until("yyyy");
    wire.hang_up();
    eventually("the end of the connection", || (upstream.open() == 0).then_some(()));
    // And a call that is given up while it waits.
    let gave_up = ask(host.http(), "give-up/100", &upstream.url("/slow/30000"), "").expect(200).json();
    assert_eq!(gave_up, json!({ "gave_up": true }));
    eventually("the end of the connection", || (upstream.open() == 0).then_some(()));
}

#[test]
fn an_answer_that_takes_too_long_is_a_timeout_of_its_kind() {
    let upstream = Upstream::start();
    let lines = allowing(&upstream, "outbound-timeout = \"1500ms\"");
    let host = Launch::config(&format!("[outbound]\nfirst-byte-timeout = \"1s\"\n{lines}")).start();
    for (url, options, kind) in [
        ("/slow/5000", "&first-byte=100", "HttpResponseTimeout"),
        // The guest may want less than the host allows, and no more.
        ("/slow/5000", "&first-byte=60000", "HttpResponseTimeout"),
        ("/slow/5000", "&timeout=100", "no answer within"),
    ] {
        let begin = Instant::now();
        refused(&ask(host.http(), "get", &upstream.url(url), options), kind, true);
        assert!(begin.elapsed() < Duration::from_secs(4), "{url}{options} took {:?}", begin.elapsed());
    }
    // In the middle of the answer the connection to the client is all that can be cut.
    for options in ["&between-bytes=100", ""] {
        let begin = Instant::now();
        let url = format!("/ask/get?url={}{options}", upstream.url("/pause/10000"));
        assert!(host.http().try_send(Method::GET, &url, &[], "").is_err(), "{options}");
        assert!(begin.elapsed() < Duration::from_secs(6), "{options} took {:?}", begin.elapsed());
    }
    let answer = host.http().get(&format!("/ask-02/{}/slow/5000", upstream.address)).expect(502);
    assert_eq!(answer.text(), "ErrorCode::HttpResponseTimeout");
    neighbour_answers(host.http());
}

#[test]
fn the_deadline_of_the_invocation_ends_its_calls() {
    let upstream = Upstream::start();
    let host = host(&upstream, "timeout = \"700ms\"");
    let begin = Instant::now();
    for path in
        [format!("/ask/get?url={}", upstream.url("/slow/60000")), format!("/ask-02/{}/slow/60000", upstream.address)]
    {
        let status = host.http().get(&path).status.as_u16();
        assert!([502, 504].contains(&status), "{path}: {status}");
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    eventually("the end of all connections", || (upstream.open() == 0).then_some(()));
    neighbour_answers(host.http());
}

#[test]
fn an_invocation_makes_so_many_calls_and_no_more() {
    let upstream = Upstream::start();
    let host = host(&upstream, "outbound-calls-max = 3");
    let answers = ask(host.http(), "times/5", &upstream.url("/hello"), "").expect(200).json();
    let denied = "the function may not make this call";
    assert_eq!(answers, json!(["200", "200", "200", denied, denied]));
    // The next invocation starts at nothing.
    let answers = ask(host.http(), "times/1", &upstream.url("/hello"), "").expect(200).json();
    assert_eq!((answers, upstream.requests()), (json!(["200"]), 4));
    assert_eq!(host.metric(r#"flint_outbound_calls_total{function="ask"}"#), 4.0);
}

#[test]
fn an_invocation_sends_and_receives_so_much_and_no_more() {
    let upstream = Upstream::start();
    let host = host(&upstream, "outbound-size-max = \"1MiB\"");
    let mib = 1 << 20;
    ask(host.http(), &format!("send/{mib}"), &upstream.url("/count"), "").expect(200);
    let more = ask(host.http(), &format!("send/{}", mib + 1), &upstream.url("/count"), "");
    refused(&more, "HttpRequestBodySize(Some(1048576))", false);
    assert_eq!(get(host.http(), &upstream.url(&format!("/bytes/{mib}"))).expect(200).body.len(), mib);
    let url = format!("/ask/get?url={}", upstream.url(&format!("/bytes/{}", mib + 1)));
    assert!(host.http().try_send(Method::GET, &url, &[], "").is_err());
    let answers = ask(host.http(), "times/3", &upstream.url("/bytes/400000"), "").expect(200).json();
    let cut = answers[2].as_str().unwrap_or_default();
    assert!(answers[1] == "200" && cut.contains("HttpResponseBodySize"), "all calls of an invocation count: {answers}");
    let received = host.metric(r#"flint_outbound_bytes_total{function="ask",direction="in"}"#);
    assert!(received >= 1_048_576.0, "{received}");
    neighbour_answers(host.http());
}

#[test]
fn calls_at_once_wait_for_their_turn() {
    let upstream = Upstream::start();
    let host = host(&upstream, "outbound-concurrency = 2");
    let answers = ask(host.http(), "at-once/6", &upstream.url("/slow/50"), "").expect(200).json();
    assert_eq!(answers, json!(vec!["200"; 6]));
    // Two; or one more, where a busy machine was slow to give one back.
    assert!(upstream.connections() <= 4, "{}", upstream.connections());
}

#[test]
fn a_call_whose_answer_is_complete_keeps_its_turn_while_its_request_goes_on() {
    let upstream = Upstream::start();
    let lines = allowing(&upstream, "outbound-concurrency = 2");
    let host = Launch::config(&format!("[outbound]\nconnect-timeout = \"1s\"\n{lines}")).start();
    let answers = ask(host.http(), "unfinished/3", &upstream.url("/early"), "").expect(200).json();
    assert_eq!((&answers[0], &answers[1]), (&json!("early"), &json!("early")), "{answers}");
    assert_ne!(answers[2], "early");
    assert_eq!(upstream.connections(), 2);
    // With the invocation, its requests have ended.
    assert_eq!(get(host.http(), &upstream.url("/hello")).expect(200).text(), "hello\n");
}

#[test]
fn each_failure_has_its_own_error() {
    let upstream = Upstream::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let lines = format!("outbound = [\"{}\", \"{free}\", \"nowhere.invalid\"]", upstream.address);
    let host = Launch::config(&platform(&lines)).start();
    refused(&get(host.http(), &format!("http://{free}/")), "ConnectionRefused", true);
    refused(&get(host.http(), "http://elsewhere.invalid/"), "may not make this call", false);
    refused(&get(host.http(), "no-url"), "no absolute URI", false);
    refused(&get(host.http(), &upstream.url("/hello").replace("http:", "ftp:")), "HttpProtocolError", false);
    let cut = host.http().try_send(Method::GET, &format!("/ask/get?url={}", upstream.url("/cut")), &[], "");
    assert!(cut.is_err(), "{cut:?}");
    let answer = host.http().get(&format!("/ask-02/{free}/")).expect(502);
    assert_eq!(answer.text(), "ErrorCode::ConnectionRefused");
}

#[test]
fn a_redirect_is_an_answer_unless_the_guest_follows_it() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    let host = host(&upstream, "");
    let answer = get(host.http(), &upstream.url("/redirect?/hello"));
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, "/hello"));
    let follow = |url: &str| ask(host.http(), "get", url, "&redirects=3");
    assert_eq!(follow(&upstream.url("/redirect?/redirect?hello")).expect(200).text(), "hello\n");
    // Each is asked for again: the other server is none that the function may call.
    refused(&follow(&upstream.url(&format!("/redirect?{}", other.url("/")))), "may not make this call", false);
    assert_eq!(other.connections(), 0);
    refused(&follow(&upstream.url("/redirect?/redirect?/redirect?/redirect?/hello")), "more than 3 redirects", false);
}

#[test]
fn the_record_of_an_invocation_tells_its_calls() {
    let upstream = Upstream::start();
    let launch = Launch::config(&allowing(&upstream, "")).arg("--log").arg("info,function=debug");
    let host = launch.start();
    ask(host.http(), "times/2", &upstream.url("/hello"), "").expect(200);
    let line = host.logged("the record", |line| line["fields"]["outbound_calls"] == 2);
    assert_eq!(line["fields"]["outbound_bytes_received"], 12, "{line}");
}

#[test]
fn the_example_looks_at_several_sites_at_once() {
    let upstream = Upstream::start();
    let sites = [upstream.url("/slow/400"), upstream.url("/status/404"), upstream.url("/status/500")];
    let launch = Launch::platform().env("UPTIME_HOST", upstream.address);
    let host = launch.env("UPTIME_SITES", format!("{} http://other.invalid/", sites.join(" "))).start();
    let reports = host.http().get("/uptime").expect(200).json();
    let up: Vec<_> = reports.as_array().expect("reports").iter().map(|report| report["up"].as_bool()).collect();
    assert_eq!(up, [Some(true), Some(true), Some(false), Some(false)], "{reports}");
    assert_eq!((&reports[1]["answer"], &reports[2]["site"]), (&json!("404 Not Found"), &json!(sites[2])));
    assert_eq!(upstream.connections(), 3, "they are asked at once");
}
