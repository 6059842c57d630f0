//! The door without a socket: a request goes in, what the target saw and what the client gets come out.

mod files;
mod routes;

use super::*;
use crate::request::router::{PathPattern, Route};
use futures::{FutureExt, stream};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use std::sync::Mutex;

type Sent = UnsyncBoxBody<Bytes, BoxError>;
type Guest = Result<Response<Sent>, Failure>;
/// What a guest does, and the status and length that the client gets.
type HeadCase = (fn() -> Guest, u16, Option<&'static str>);

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn full(text: &'static str) -> Sent {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync()
}

/// A body whose length nobody knows, ending in an error if `broken`.
fn pieces(pieces: &[&'static str], broken: bool) -> Sent {
    let mut frames: Vec<Result<_, BoxError>> =
        pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
    frames.extend(broken.then(|| Err("broken".into())));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A door with one route to a function, or to something else.
fn door_to(path: &str, target: Endpoint<()>) -> Door<()> {
    let path = PathPattern::parse(path).expect("a path");
    let methods = matches!(target.target, Target::Files(_)).then(|| vec![Method::GET]);
    Door::new(Router::new(vec![Route { host: None, methods, path, target }]).expect("one"))
}

fn door(routes: &[(&str, &str)], cap: Option<u64>) -> Door<()> {
    let routes = routes.iter().map(|(method, path)| Route {
        host: None,
        methods: (*method != "*").then(|| vec![method.parse().expect("a method")]),
        path: PathPattern::parse(path).expect("a path"),
        target: Endpoint { request_body_max: cap.map(ByteSize::bytes), ..Endpoint::new(()) },
    });
    Door::new(Router::new(routes.collect()).expect("no ambiguity"))
}

fn request(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Request<Sent> {
    let mut request = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = uri.parse().expect("a target");
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("h.org"));
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().expect("a value"));
    }
    request
}

/// Who asks, where that makes no difference.
fn client() -> Client {
    Client::new("192.0.2.1:1".parse().expect("an address"), false)
}

/// An answer, as the client gets it: status, headers, body or what broke it.
async fn ask(door: &Door<()>, request: Request<Sent>, guest: impl FnOnce() -> Guest) -> Answer {
    let call = |(): &(), _: Invocation, _: Request<Capped<Sent>>| std::future::ready(guest());
    read(door.answer(request, &client(), call).await).await
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Result<String, String>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(self.body.as_deref().expect("a body")).expect("JSON");
        assert_eq!(body["invocation"], self.header("flint-invocation-id").expect("an id"));
        assert_eq!(body["status"], self.status);
        body["code"].as_str().expect("a code").to_owned()
    }
}

async fn read(response: Response<Kept<AnswerBody<Sent>>>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| String::from_utf8(body.to_bytes().to_vec()).expect("text"));
    let body = body.map_err(|error| error.to_string());
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: Sent) -> Guest {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        response.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn never() -> Guest {
    panic!("no function is asked")
}

#[tokio::test]
async fn the_target_sees_route_parameters_and_its_own_span_and_nothing_forged() {
    let door = door(&[("GET", "/users/{id}/{*rest}")], None);
    let sent = request(
        "GET",
        "/users/a%20b/x/y?q=%20",
        &[
            ("flint-route", "/forged"),
            ("flint-param-id", "forged"),
            ("flint-param-other", "forged"),
            ("x-forwarded-for", "forged"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "forged"),
            ("forwarded", "for=forged"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
            ("accept", "text/plain"),
        ],
    );
    let seen = Mutex::new(None);
    let response = door
        .answer(sent, &client(), |(), invocation, request| {
            let (parts, _) = request.into_parts();
            *seen.lock().expect("unpoisoned") = Some((invocation, parts));
            std::future::ready(answer(200, &[("traceparent", "forged"), ("x-own", "1")], full("ok")))
        })
        .await;
    let got = read(response).await;
    let (invocation, parts) = seen.into_inner().expect("unpoisoned").expect("asked");
    let mut names: Vec<_> = parts.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "flint-invocation-id",
        "flint-param-id",
        "flint-param-rest",
        "flint-route",
        "host",
        "traceparent",
        "tracestate",
        "x-forwarded-for",
        "x-forwarded-proto",
    ];
    assert_eq!(names, expected);
    assert_eq!(parts.uri, "/users/a%20b/x/y?q=%20");
    assert_eq!(parts.headers["flint-route"], "/users/{id}/{*rest}");
    assert_eq!(
        (&parts.headers["flint-param-id"], &parts.headers["flint-param-rest"]),
        (&"a b".parse().unwrap(), &"x/y".parse().unwrap())
    );
    assert_eq!(parts.headers["flint-invocation-id"], invocation.id.to_string());
    assert_eq!(parts.headers["tracestate"], "a=1,b=2");
    let traceparent = invocation.trace.traceparent();
    assert!(traceparent.starts_with(&PARENT[..35]) && traceparent != PARENT);
    assert_eq!(parts.headers["traceparent"], traceparent);

    assert_eq!((got.status, got.body.as_deref()), (200, Ok("ok")));
    assert_eq!(got.header("flint-invocation-id"), Some(invocation.id.to_string().as_str()));
    assert_eq!((got.header("traceparent"), got.header("x-own")), (Some(traceparent.as_str()), Some("1")));
}

#[tokio::test]
async fn what_no_route_takes_is_refused_with_a_code() {
    let door = door(&[("GET", "/a"), ("POST", "/a"), ("GET", "/p/{x}")], Some(4));
    let long = format!("/{}", "a".repeat(URI_LENGTH_MAX));
    for (method, uri, headers, status, code) in [
        ("GET", "/b", &[][..], 404, "http/no-route"),
        ("PUT", "/a", &[], 405, "http/method-not-allowed"),
        ("GET", "/../a", &[], 400, "http/bad-path"),
        ("GET", "/p/%ff", &[], 400, "http/bad-path"),
        ("GET", "/a", &[("host", "second")], 400, "http/bad-host"),
        ("GET", "http://user@h.org/a", &[], 400, "http/bad-host"),
        ("GET", &long, &[], 414, "http/uri-too-long"),
        ("CONNECT", "h.org:80", &[], 501, "http/no-proxy"),
        ("GET", "/a", &[("connection", "upgrade"), ("upgrade", "websocket")], 501, "http/no-upgrade"),
        ("POST", "/a", &[("transfer-encoding", "gzip, chunked")], 400, "http/bad-framing"),
        ("POST", "/a", &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], 400, "http/bad-framing"),
        ("GET", "/a", &[("x", "y"); 100], 431, "http/too-many-headers"),
        ("POST", "/a", &[("content-length", "5")], 413, "http/too-large"),
    ] {
        let got = ask(&door, request(method, uri, headers), never).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{method} {uri}");
        assert_eq!(got.header("content-type"), Some("application/problem+json"));
        assert_eq!(got.header("allow"), (status == 405).then_some("GET, HEAD, OPTIONS, POST"));
    }
    let offers = request("GET", "/a", &[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")]);
    assert_eq!(ask(&door, offers, || answer(200, &[], full("as it stands"))).await.status, 200);
    let mut hostless = request("GET", "/a", &[]);
    hostless.headers_mut().clear();
    assert_eq!(ask(&door, hostless, never).await.code(), "http/bad-host");
    for (host, status) in [
        ("b/../@", 400),
        ("user@h.org", 400),
        ("user:secret@h.org:80", 400),
        ("h org", 400),
        ("h.org/a", 400),
        ("h.org?a", 400),
        ("h.org:80:80", 400),
        ("grün.org", 400),
        ("", 200),
        ("h.org", 200),
        ("h.org.:80", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
    ] {
        let mut asked = request("GET", "/a", &[]);
        asked.headers_mut().insert(header::HOST, host.parse().expect("a value"));
        assert_eq!(ask(&door, asked, || answer(200, &[], full("ok"))).await.status, status, "{host}");
    }
    let mut old = request("GET", "/a", &[]);
    old.headers_mut().clear();
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(ask(&door, old, || answer(200, &[], full("ok"))).await.status, 200);
}

#[tokio::test]
async fn a_target_with_an_authority_counts_before_the_host_header() {
    let route = |host| Route {
        host: Some(crate::request::router::HostPattern::parse(host).expect("a host")),
        methods: None,
        path: PathPattern::parse("/").expect("a path"),
        target: Endpoint::new(()),
    };
    let door = Door::new(Router::new(vec![route("a.org")]).expect("one"));
    assert_eq!(ask(&door, request("GET", "http://A.org:80/", &[]), || answer(200, &[], full(""))).await.status, 200);
    let door = Door::new(Router::new(vec![route("h.org")]).expect("one"));
    assert_eq!(ask(&door, request("GET", "http://a.org/", &[]), never).await.status, 404);
    assert_eq!(ask(&door, request("GET", "/", &[]), || answer(200, &[], full(""))).await.status, 200);
    // The function sees the host that the route was chosen by, and no other.
    let door = self::door(&[("*", "/")], None);
    let call = |(): &(), _: Invocation, request: Request<Capped<Sent>>| {
        assert_eq!(request.headers()[header::HOST], "a.org:81");
        std::future::ready(answer(200, &[], full("")))
    };
    assert_eq!(door.answer(request("GET", "http://a.org:81/", &[]), &client(), call).await.status(), 200);
}

#[tokio::test]
async fn a_request_counts_until_its_answer_is_gone_and_one_too_many_is_asked_to_come_again() {
    let door =
        Door { room: Room { requests: Arc::new(Permits::new(1)), ..Room::default() }, ..door(&[("*", "/")], None) };
    let call = |(): &(), _: Invocation, _: Request<Capped<Sent>>| std::future::ready(answer(200, &[], full("ok")));
    let first = door.answer(request("GET", "/", &[]), &client(), call).await;
    let second = ask(&door, request("GET", "/", &[]), never).await;
    assert_eq!(
        (second.status, second.code().as_str(), second.header("retry-after")),
        (503, "host/exhausted", Some("1"))
    );
    drop(first);
    assert_eq!(ask(&door, request("GET", "/", &[]), || answer(200, &[], full("ok"))).await.status, 200);
}

#[tokio::test]
async fn options_is_the_hosts_unless_a_route_takes_it() {
    let door = door(&[("GET", "/a"), ("*", "/all"), ("OPTIONS", "/own")], None);
    let got = ask(&door, request("OPTIONS", "/a", &[]), never).await;
    assert_eq!((got.status, got.header("allow"), got.body.as_deref()), (204, Some("GET, HEAD, OPTIONS"), Ok("")));
    assert_eq!(ask(&door, request("OPTIONS", "*", &[]), never).await.status, 204);
    assert_eq!(ask(&door, request("OPTIONS", "/none", &[]), never).await.status, 404);
    for path in ["/all", "/own"] {
        assert_eq!(ask(&door, request("OPTIONS", path, &[]), || answer(200, &[], full(""))).await.status, 200);
    }
}

#[tokio::test]
async fn a_head_has_the_headers_of_its_get_and_no_body() {
    let door = door(&[("GET", "/a")], None);
    let cases: [HeadCase; 6] = [
        (|| answer(200, &[], full("hello")), 200, Some("5")),
        (|| answer(200, &[("content-length", "7")], full("")), 200, Some("7")),
        (|| answer(200, &[], full("")), 200, None),
        (|| answer(200, &[], pieces(&["a", "b"], false)), 200, None),
        (|| answer(200, &[], pieces(&["a"], true)), 502, None),
        (|| Err(Failure::Internal), 500, None),
    ];
    for (guest, status, length) in cases {
        let got = ask(&door, request("HEAD", "/a", &[]), guest).await;
        assert_eq!((got.status, got.body.as_deref()), (status, Ok("")));
        // The length of a problem is that of its text, whatever that is.
        assert!(status >= 500 && got.header("content-length") > Some("100") || got.header("content-length") == length);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_of_a_stream_without_an_end_is_answered() {
    let door = door(&[("GET", "/a")], None);
    let silent = || answer(200, &[], StreamBody::new(stream::pending()).boxed_unsync());
    assert_eq!(ask(&door, request("HEAD", "/a", &[]), silent).await.status, 200);
    let piece = || Ok(Frame::data(Bytes::from_static(&[0; 4096])));
    let loud = || answer(200, &[], StreamBody::new(stream::repeat_with(piece)).boxed_unsync());
    assert_eq!(ask(&door, request("HEAD", "/a", &[]), loud).await.status, 200);
}

#[tokio::test]
async fn the_length_of_an_answer_is_what_it_says_or_the_answer_fails() {
    let door = door(&[("*", "/a")], None);
    let five: &[_] = &[("content-length", "5")];
    let cases: [(Guest, u16, Result<&str, &str>); 12] = [
        (answer(200, five, full("hello")), 200, Ok("hello")),
        (answer(200, five, full("hell")), 502, Err("")),
        (answer(200, five, full("")), 502, Err("")),
        (answer(200, five, pieces(&["he", "", "llo"], false)), 200, Ok("hello")),
        (answer(200, five, pieces(&["hell"], false)), 200, Err("5 bytes")),
        (answer(200, five, pieces(&["hello", "!"], false)), 200, Err("5 bytes")),
        (answer(200, five, pieces(&["hello"], true)), 200, Err("broken")),
        (answer(200, &[("content-length", "0")], pieces(&[""], false)), 200, Ok("")),
        (answer(200, &[("content-length", "x")], full("x")), 502, Err("")),
        (answer(200, &[("content-length", "1"), ("content-length", "2")], full("x")), 502, Err("")),
        (answer(204, five, full("hello")), 204, Ok("")),
        (answer(101, &[], full("")), 502, Err("")),
    ];
    for (index, (guest, status, body)) in cases.into_iter().enumerate() {
        let got = ask(&door, request("GET", "/a", &[]), || guest).await;
        assert_eq!(got.status, status, "case {index}");
        match (status, body) {
            (502, _) => assert_eq!(got.code(), "function/no-answer"),
            (_, Ok(body)) => assert_eq!(got.body.as_deref(), Ok(body), "case {index}"),
            (_, Err(why)) => assert!(got.body.expect_err("an error").contains(why), "case {index}"),
        }
        assert!(status != 204 || got.headers.get("content-length").is_none());
    }
}

#[tokio::test]
async fn a_request_that_grows_over_its_limit_is_too_large_unless_the_function_answers() {
    let door = door(&[("*", "/a")], Some(4));
    let body = |request: Request<Capped<Sent>>| request.into_body().collect().now_or_never().expect("it is all there");
    let read_all = |(): &(), _: Invocation, request| {
        std::future::ready(match body(request) {
            Ok(body) => answer(200, &[], full(if body.to_bytes() == "1234" { "all" } else { "other" })),
            Err(error) => Err(Failure::BadRequest(error.to_string())),
        })
    };
    for (sent, status) in
        [(pieces(&["12", "34"], false), 200), (pieces(&["12", "345"], false), 413), (pieces(&["1"], true), 400)]
    {
        let response = door.answer(request("POST", "/a", &[]).map(|_| sent), &client(), read_all).await;
        assert_eq!(response.status(), status);
    }
    let answers = |(): &(), _: Invocation, request| {
        assert!(body(request).is_err());
        std::future::ready(answer(422, &[], full("mine")))
    };
    let sent = request("POST", "/a", &[]).map(|_| pieces(&["12345"], false));
    let response = door.answer(sent, &client(), answers).await;
    assert_eq!(response.status(), 422);
}

#[tokio::test]
async fn a_failure_becomes_a_problem() {
    let door = door(&[("*", "/a")], None);
    let got = ask(&door, request("GET", "/a", &[]), || Err(Failure::Draining)).await;
    assert_eq!((got.status, got.code().as_str(), got.header("retry-after")), (503, "host/draining", Some("1")));
    assert!(got.header("traceparent").is_some());
}

#[tokio::test]
async fn a_request_of_http2_looks_like_one_of_http1() {
    let door = door(&[("*", "/a")], None);
    let mut sent = request("GET", "https://h.org/a?q", &[("cookie", "a=1"), ("cookie", "b=2")]);
    *sent.version_mut() = Version::HTTP_2;
    let seen = Mutex::new(None);
    let call = |(): &(), _: Invocation, request: Request<Capped<Sent>>| {
        *seen.lock().expect("unpoisoned") = Some(request.into_parts().0);
        std::future::ready(answer(200, &[], full("")))
    };
    assert_eq!(door.answer(sent, &client(), call).await.status(), 200);
    let parts = seen.into_inner().expect("unpoisoned").expect("asked");
    assert_eq!((parts.uri.to_string().as_str(), &parts.headers["host"]), ("/a?q", &"h.org".parse().unwrap()));
    assert_eq!(parts.headers["cookie"], "a=1; b=2");
    // A host of another name beside the authority.
    let mut torn = request("GET", "https://other.org/a", &[]);
    *torn.version_mut() = Version::HTTP_2;
    assert_eq!(ask(&door, torn, never).await.code(), "http/bad-host");
    let mut nameless = request("GET", "/a", &[]);
    (*nameless.version_mut(), _) = (Version::HTTP_2, nameless.headers_mut().remove("host"));
    assert_eq!(ask(&door, nameless, never).await.code(), "http/bad-host");
}

#[tokio::test]
async fn a_guest_learns_from_the_target_that_its_client_spoke_tls() {
    let door = door(&[("*", "/a")], None);
    for (secure, target) in [(true, "https://h.org/a"), (false, "/a")] {
        let client = Client::new("192.0.2.1:1".parse().expect("an address"), secure);
        let call = |(): &(), _: Invocation, request: Request<Capped<Sent>>| {
            assert_eq!(request.uri(), target);
            assert_eq!(request.headers()["x-forwarded-for"], "192.0.2.1");
            assert_eq!(request.headers()["x-forwarded-proto"], if secure { "https" } else { "http" });
            std::future::ready(answer(200, &[], full("")))
        };
        assert_eq!(door.answer(request("GET", "/a", &[]), &client, call).await.status(), 200);
    }
}
