//! What a route does besides leading to a function: it counts, says who may ask, and compresses.

use super::*;
use crate::request::rate::{Key, Limit};
use http::HeaderName;
use std::time::Duration;

fn cors() -> Cors {
    Cors {
        origins: Some(vec!["https://a.org".to_owned()]),
        methods: vec!["GET".to_owned()],
        headers: Some(vec![]),
        expose: vec![],
        credentials: false,
        max_age: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_ask_again() {
    let limit = Limit { requests: 1, per: Duration::from_secs(90), burst: 2 };
    let rate = Rate::new(limit, Key::Header(HeaderName::from_static("x-key")), 100);
    let endpoint = Endpoint { rate: Some(Arc::new(rate)), cors: Some(cors()), ..Endpoint::new(()) };
    let door = door_to("/a", endpoint);
    let ok = || answer(200, &[], full("ok"));
    let origin = ("origin", "https://a.org");
    for (key, status) in [("one", 200), ("one", 200), ("one", 429), ("two", 200), ("one", 429)] {
        let got = ask(&door, request("GET", "/a", &[("x-key", key), origin]), ok).await;
        assert_eq!(got.status, status, "{key}");
        // The page has to be able to read that it was refused.
        assert_eq!(got.header("access-control-allow-origin"), Some("https://a.org"));
        if status == 429 {
            assert_eq!((got.code().as_str(), got.header("retry-after")), ("http/rate-limited", Some("90")));
        }
    }
    // Asking whether one may ask is free.
    for _ in 0..5 {
        let asks = [origin, ("access-control-request-method", "GET")];
        assert_eq!(ask(&door, request("OPTIONS", "/a", &asks), never).await.status, 204);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_answered_by_the_host() {
    let door = door_to("/a", Endpoint { cors: Some(cors()), ..Endpoint::new(()) });
    for (origin, allowed) in [("https://a.org", Some("https://a.org")), ("https://b.org", None)] {
        let asks = [("origin", origin), ("access-control-request-method", "GET")];
        let got = ask(&door, request("OPTIONS", "/a", &asks), never).await;
        assert_eq!((got.status, got.header("access-control-allow-origin")), (204, allowed));
        let forged = || answer(200, &[("access-control-allow-origin", "*"), ("vary", "x-own")], full("ok"));
        let got = ask(&door, request("GET", "/a", &[("origin", origin)]), forged).await;
        assert_eq!((got.status, got.header("access-control-allow-origin")), (200, allowed));
        let vary: Vec<_> = got.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["x-own", "origin"]);
    }
    // Without an origin, `OPTIONS` is the function's: this route takes all methods.
    assert_eq!(ask(&door, request("OPTIONS", "/a", &[]), || answer(200, &[], full("mine"))).await.status, 200);
}

#[tokio::test]
async fn an_answer_is_compressed_for_who_likes_that() {
    let door = door_to("/a", Endpoint { compress: Some(ByteSize::bytes(10)), ..Endpoint::new(()) });
    const TEXT: &str = "hello hello hello hello hello hello";
    let headers: &[_] = &[("content-type", "text/plain"), ("content-length", "35")];
    for (accept, coding) in [("br", Some("br")), ("zstd", Some("zstd")), ("gzip", Some("gzip")), ("identity", None)] {
        for body in [full(TEXT), pieces(&["hello hello hello hello ", "hello hello"], false)] {
            let sent = request("GET", "/a", &[("accept-encoding", accept)]);
            let call =
                |(): &(), _: Invocation, _: Request<Capped<Sent>>| std::future::ready(answer(200, headers, body));
            let response = door.answer(sent, &client(), call).await;
            let head = response.headers().clone();
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            assert_eq!(head.get("content-encoding").map(|coding| coding.to_str().expect("text")), coding);
            assert_eq!(head["vary"], "accept-encoding");
            assert_eq!(bytes == TEXT, coding.is_none(), "{accept}");
            assert_eq!(head.contains_key("content-length"), coding.is_none(), "{accept}");
        }
        let call = || answer(200, headers, full(TEXT));
        let got = ask(&door, request("HEAD", "/a", &[("accept-encoding", accept)]), call).await;
        assert_eq!((got.header("content-encoding"), got.body.as_deref()), (coding, Ok("")), "{accept}");
    }
    // Who finds no room gets it as it is.
    let crowded = Door {
        room: Room { compressions: Arc::new(Semaphore::new(0)), ..Room::default() },
        ..door_to("/a", Endpoint { compress: Some(ByteSize::bytes(10)), ..Endpoint::new(()) })
    };
    let got =
        ask(&crowded, request("GET", "/a", &[("accept-encoding", "gzip")]), || answer(200, headers, full(TEXT))).await;
    assert_eq!((got.header("content-encoding"), got.body.as_deref()), (None, Ok(TEXT)));
    let small = || answer(200, &[("content-type", "text/plain")], full("hello"));
    let got = ask(&door, request("GET", "/a", &[("accept-encoding", "gzip")]), small).await;
    assert_eq!((got.header("content-encoding"), got.body.as_deref()), (None, Ok("hello")));
    // What breaks off breaks off compressed too.
    let broken = || answer(200, &[("content-type", "text/plain")], pieces(&["hello"], true));
    let got = ask(&door, request("GET", "/a", &[("accept-encoding", "gzip")]), broken).await;
    assert_eq!(got.body, Err("broken".to_owned()));
}
