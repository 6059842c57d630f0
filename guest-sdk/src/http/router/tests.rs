//! Cases of the router.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::super::RequestExt;
use super::*;

fn router() -> Router<'static> {
    Router::new()
        .get("/", async |_| "root")
        .get("/links/{code}", async |request: Request| format!("link {}", request.param("code").unwrap_or_default()))
        .get("/links/recent", async |_| "recent")
        .get("/files/{*path}", async |request: Request| request.param("path").unwrap_or_default().to_owned())
        .post("/links", async |_| StatusCode::CREATED)
        .delete("/links/{id}", async |request: Request| format!("deleted {}", request.param("id").unwrap_or_default()))
}

fn ask(method: &str, path: &str) -> (u16, String, String) {
    let router = router();
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let mut answer = pin!(async {
        let response = router.handle(request).await;
        let allow = response.headers().get("allow");
        let allow = allow.map(|allow| allow.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().bytes().await.unwrap();
        (status, allow.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    });
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the handlers wait for nothing"),
    }
}

#[test]
fn the_most_specific_path_answers() {
    for (method, path, answer) in [
        ("GET", "/", "root"),
        ("GET", "/links/abc?x=1", "link abc"),
        ("GET", "/links/recent", "recent"),
        ("GET", "/files/a/b", "a/b"),
        ("DELETE", "/links/abc", "deleted abc"),
    ] {
        assert_eq!(ask(method, path), (200, String::new(), answer.to_owned()), "{method} {path}");
    }
}

#[test]
fn what_no_path_matches_is_not_found() {
    for path in ["/nothing", "/links/", "/links/a/b", "/files/"] {
        assert_eq!(ask("GET", path).0, 404, "{path}");
    }
}

#[test]
fn another_method_is_told_which_there_are() {
    let (status, allow, _) = ask("PUT", "/links/abc");
    assert_eq!((status, allow.as_str()), (405, "GET, DELETE, HEAD, OPTIONS"));
    let (status, allow, _) = ask("GET", "/links");
    assert_eq!((status, allow.as_str()), (405, "POST, OPTIONS"));
}

#[test]
fn head_is_answered_as_get_without_its_body() {
    assert_eq!(ask("HEAD", "/links/abc"), (200, String::new(), String::new()));
    assert_eq!(ask("HEAD", "/links").0, 405);
}

#[test]
fn options_are_answered_by_the_router() {
    assert_eq!(ask("OPTIONS", "/links"), (204, "POST, OPTIONS".to_owned(), String::new()));
    assert_eq!(ask("OPTIONS", "/nothing").0, 404);
}

#[test]
#[should_panic(expected = "two handlers for GET /links/{id}")]
fn a_path_has_one_handler_a_method() {
    let _router = router().get("/links/{id}", async |_| "again");
}
