//! What a route does besides leading to a function: files, compression, pages of other origins, rates; and who is said to ask.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::http2::{self, Http2, request, whole};
use crate::harness::{Host, Launch, Response, Wire, eventually, flint};
use http::Method;
use serde_json::json;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

/// A site with a page, and a secret beside it.
fn site(folder: &Path) {
    let site = folder.join("site");
    fs::create_dir_all(site.join("docs")).expect("a folder");
    for (name, text) in [
        ("secret.txt", "secret".to_owned()),
        ("site/index.html", "<p>hello</p>\n".repeat(200)),
        ("site/.env", "secret".to_owned()),
        ("site/docs/index.html", "<p>docs".to_owned()),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
    fs::write(site.join("film.mp4"), vec![7; 3_000_000]).expect("a file");
    symlink("../secret.txt", site.join("escape.txt")).expect("a link");
}

const SITE: &str = "[[route]]\npath = \"/site/{*file}\"\nfiles = \"site\"\ncompress = true\n";

fn host(sections: &[&str]) -> Host {
    let launch = Launch::config(&sections.concat());
    site(launch.folder());
    launch.start()
}

#[test]
fn the_files_of_a_folder_are_served_and_what_lies_beside_it_is_not() {
    let host = host(&[SITE]);
    let routes = &host.ready["routes"];
    assert_eq!((&routes[0]["function"], &routes[0]["methods"]), (&json!(null), &json!(["GET"])));
    let page = host.http().get("/site/").expect(200);
    assert_eq!((page.header("content-type"), page.body.len()), ("text/html; charset=utf-8", 13 * 200));
    assert!(page.header("flint-invocation-id").len() == 26);
    let film = host.http().get("/site/film.mp4").expect(200);
    assert!(film.body.iter().all(|byte| *byte == 7) && film.body.len() == 3_000_000);
    let with = |path: &str, headers: &[(&str, &str)]| host.http().send(Method::GET, path, headers, "");
    with("/site/film.mp4", &[("if-none-match", film.header("etag"))]).expect(304);
    let part = with("/site/film.mp4", &[("range", "bytes=2999990-")]).expect(206);
    assert_eq!((part.body.len(), part.header("content-range")), (10, "bytes 2999990-2999999/3000000"));
    assert_eq!(with("/site/film.mp4", &[("range", "bytes=3000000-")]).expect(416).json()["code"], "http/bad-range");
    for path in ["/site/escape.txt", "/site/.env", "/site/nowhere"] {
        assert_eq!(host.http().get(path).expect(404).json()["code"], "http/no-file", "{path}");
    }
    assert_eq!(host.http().get("/site/..%2Fsecret.txt").expect(400).json()["code"], "http/bad-path");
    assert_eq!(host.http().get("/site/docs").expect(308).header("location"), "/site/docs/");
    host.http().send(Method::PUT, "/site/index.html", &[], "x").expect(405);
    // A file that is new is there at once, and one that changed has another tag.
    fs::write(host.folder().join("site/film.mp4"), "short").expect("a file");
    let changed = with("/site/film.mp4", &[("if-none-match", film.header("etag"))]).expect(200);
    assert_eq!(changed.text(), "short");
    // By HTTP/2 as well.
    http2::run(async {
        let client = Http2::connect(host.http()).await;
        let page = client.send(request("GET", "/site/docs/", whole(""))).await.expect(200);
        assert_eq!(page.text(), "<p>docs");
    });
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("platform.toml"), SITE).expect("a file");
    let run = flint(folder.path(), ["check"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("config/no-such-file"), "{run:?}");
}

/// The body of an answer that was compressed with gzip.
fn unpacked(answer: &Response) -> String {
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("gzip");
    text
}

#[test]
fn answers_are_compressed_where_the_route_says_so_and_the_client_likes_it() {
    let compressing = route("/headers", "misbehave") + "compress = true\n" + &route("/events/{n}/{ms}", "misbehave");
    let host =
        host(&["[limits]\ncompress-size-min = \"100B\"\n", SITE, &misbehave(""), &compressing, "compress = true\n"]);
    let gzip = [("accept-encoding", "gzip")];
    let plain = host.http().get("/site/").expect(200);
    let packed = host.http().send(Method::GET, "/site/", &gzip, "").expect(200);
    assert_eq!(unpacked(&packed), plain.text());
    assert_eq!((packed.header("vary"), plain.header("vary")), ("accept-encoding", "accept-encoding"));
    assert_eq!(packed.header("etag"), format!("W/{}", plain.header("etag")));
    host.http().send(Method::GET, "/site/", &[("if-none-match", packed.header("etag"))], "").expect(304);
    // A function's answer, and not what is compressed already, is a part, or is small.
    assert!(unpacked(&host.http().send(Method::GET, "/headers", &gzip, "").expect(200)).contains("accept-encoding"));
    for (path, headers) in [
        ("/site/film.mp4", &gzip[..]),
        ("/site/docs/", &gzip),
        ("/site/", &[("accept-encoding", "gzip"), ("range", "bytes=0-999")]),
        ("/site/", &[("accept-encoding", "gzip;q=0")]),
        ("/context", &gzip),
    ] {
        let answer = host.http().send(Method::GET, path, headers, "");
        assert_eq!(answer.header("content-encoding"), "", "{path} {headers:?}");
    }
    // Events still come one by one.
    let mut wire = Wire::open(host.http());
    let begun = Instant::now();
    wire.say_head(&["GET /events/2/30000", "accept-encoding: gzip"]);
    let head = wire.hear_head();
    assert!(head.contains("content-encoding: gzip") && head.contains("etag: W/\"events\""), "{head}");
    // The size of the first piece, before the second event.
    assert_ne!(wire.hear_until("\r\n"), "0\r\n");
    assert!(begun.elapsed() < Duration::from_secs(20), "it came after {:?}", begun.elapsed());
}

#[test]
fn pages_of_other_origins_are_answered_by_the_host() {
    let cors = "cors = { origins = [\"https://a.example\"], methods = [\"GET\", \"PUT\"], headers = [\"x-own\"], expose = \
                \"flint-invocation-id\", credentials = true, max-age = \"1m\" }\n";
    let host = host(&[&function("hello", ""), &route("/hello", "hello"), cors, &route("/open", "hello")]);
    let ask = |method: Method, path: &str, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "PUT")];
        host.http().send(method, path, &headers, "")
    };
    let preflight = ask(Method::OPTIONS, "/hello", "https://a.example").expect(204);
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-own"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(preflight.header(name), value, "{preflight:?}");
    }
    let answer = ask(Method::GET, "/hello", "https://a.example").expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(
        (answer.header("access-control-expose-headers"), answer.header("vary")),
        ("flint-invocation-id", "origin")
    );
    for method in [Method::OPTIONS, Method::GET] {
        let other = ask(method, "/hello", "https://b.example");
        assert_eq!(other.header("access-control-allow-origin"), "", "{other:?}");
    }
    assert_eq!(ask(Method::GET, "/open", "https://a.example").expect(200).header("access-control-allow-origin"), "");
    // No function was asked whether one may ask.
    assert_eq!(host.metric(r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"}"#), 3.0);
}

#[test]
fn who_asks_too_often_is_refused_and_others_are_answered() {
    let rate = "rate = { requests = 2, per = \"1h\", burst = 3, key = \"header:x-key\" }\n";
    let soon = "rate = { requests = 2, per = \"2s\", key = \"header:x-key\" }\n";
    let hello = function("hello", "");
    let host =
        host(&[&hello, &route("/hello", "hello"), rate, &route("/soon", "hello"), soon, &route("/free", "hello")]);
    let ask = |key: &str| host.http().send(Method::GET, "/hello", &[("x-key", key)], "");
    for _ in 0..3 {
        ask("one").expect(200);
    }
    let refused = ask("one").expect(429);
    assert_eq!(refused.json()["code"], "http/rate-limited");
    // Half an hour, but for what has passed.
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1700..=1800).contains(&wait), "{wait}");
    ask("two").expect(200);
    host.http().get("/free").expect(200);
    // Who waits is answered again.
    let soon = || host.http().send(Method::GET, "/soon", &[("x-key", "one")], "").status.as_u16();
    eventually("too many", || (soon() == 429).then_some(()));
    eventually("room for more", || (soon() == 200).then_some(()));
}

#[test]
fn only_trusted_proxies_say_who_asks() {
    let said = [
        ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
    ];
    let rate = "[[route]]\npath = \"/limited\"\nfunction = \"misbehave\"\nrate = { requests = 1, per = \"1h\" }\n";
    for (listener, address, proto, forwarded_host) in [
        ("", "127.0.0.1", "http", None),
        ("[listener]\ntrusted-proxies = [\"10.0.0.0/8\"]\n", "127.0.0.1", "http", None),
        ("[listener]\ntrusted-proxies = [\"127.0.0.0/8\"]\n", "198.51.100.7", "https", Some("public.example")),
    ] {
        let host = host(&[listener, &misbehave(""), rate]);
        let seen = host.http().send(Method::GET, "/headers", &said, "").expect(200).json();
        let header = |name: &str| {
            let headers = seen["headers"].as_array().expect("a list").iter();
            let found: Vec<_> = headers.filter(|header| header[0] == name).map(|header| header[1].clone()).collect();
            assert!(found.len() < 2, "{name} in {seen}");
            found.into_iter().next()
        };
        assert_eq!(header("x-forwarded-for"), Some(json!(address)), "{listener}");
        assert_eq!(header("x-forwarded-proto"), Some(json!(proto)), "{listener}");
        assert_eq!(header("x-forwarded-host"), forwarded_host.map(|host| json!(host)), "{listener}");
        assert_eq!((header("forwarded"), header("x-real-ip")), (None, None));
        // And the believed address is the one that is counted.
        let ask = |from: &str| host.http().send(Method::GET, "/limited", &[("x-forwarded-for", from)], "").status;
        let statuses = [ask("198.51.100.1"), ask("198.51.100.2"), ask("198.51.100.1")].map(|status| status == 429);
        assert_eq!(statuses, [false, address == "127.0.0.1", true], "{listener}");
    }
}
