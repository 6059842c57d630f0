//! A folder behind a route.

use super::*;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A folder with files in it, and secrets in it and beside it.
fn folder() -> (TempDir, Door<()>) {
    let root = tempfile::tempdir().expect("a folder");
    let public = root.path().join("public");
    fs::create_dir_all(public.join("docs/.git")).expect("a folder");
    fs::create_dir_all(public.join("empty")).expect("a folder");
    for (name, text) in [
        ("secret.txt", "secret"),
        ("public/index.html", "<p>hello"),
        ("public/a b.txt", "0123456789"),
        ("public/.env", "secret"),
        ("public/docs/index.html", "<p>docs"),
        ("public/docs/.git/config", "secret"),
        ("public/app.wasm", "\0asm"),
    ] {
        fs::write(root.path().join(name), text).expect("a file");
    }
    fs::write(public.join("large.bin"), vec![b'x'; 1_000_000]).expect("a file");
    symlink("../secret.txt", public.join("escape.txt")).expect("a link");
    symlink("/etc/passwd", public.join("absolute.txt")).expect("a link");
    symlink("..", public.join("up")).expect("a link");
    symlink("docs/index.html", public.join("inside.html")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, public.join("pipe"), rustix::fs::Mode::RUSR).expect("a pipe");
    let dir = Dir::open_ambient_dir(&public, ambient_authority()).expect("the folder");
    let endpoint = Endpoint { target: Target::Files(Folder::new(dir)), ..Endpoint::new(()) };
    (root, door_to("/s/{*path}", endpoint))
}

#[tokio::test]
async fn what_lies_in_the_folder_is_served_and_nothing_else() {
    let (_root, door) = folder();
    for (path, kind, text) in [
        ("/s/", "text/html; charset=utf-8", "<p>hello"),
        ("/s/index.html", "text/html; charset=utf-8", "<p>hello"),
        ("/s/a%20b.txt", "text/plain; charset=utf-8", "0123456789"),
        ("/s/docs/", "text/html; charset=utf-8", "<p>docs"),
        ("/s/docs%2Findex.html", "text/html; charset=utf-8", "<p>docs"),
        ("/s/inside.html", "text/html; charset=utf-8", "<p>docs"),
        ("/s/app.wasm", "application/wasm", "\0asm"),
    ] {
        let got = ask(&door, request("GET", path, &[]), never).await;
        assert_eq!(
            (got.status, got.header("content-type"), got.body.as_deref()),
            (200, Some(kind), Ok(text)),
            "{path}"
        );
        assert_eq!(got.header("content-length"), Some(text.len().to_string().as_str()), "{path}");
        let head = ask(&door, request("HEAD", path, &[]), never).await;
        assert_eq!((head.status, head.body.as_deref()), (200, Ok("")), "{path}");
        for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges"] {
            assert!(got.header(name).is_some() && got.header(name) == head.header(name), "{name} of {path}");
        }
    }
    let large = ask(&door, request("GET", "/s/large.bin", &[]), never).await;
    assert_eq!(large.body.expect("a body").len(), 1_000_000);
    for path in [
        "/s/nowhere",
        "/s/empty/",
        "/s/.env",
        "/s/docs/.git/config",
        "/s/docs%2F.git%2Fconfig",
        "/s/up/secret.txt",
        "/s/escape.txt",
        "/s/absolute.txt",
        "/s//etc/passwd",
        "/s/%2Fetc%2Fpasswd",
        "/s/docs//index.html",
        "/s//",
        "/s/pipe",
        "/s/index.html/",
        "/s/index.html/more",
    ] {
        let got = ask(&door, request("GET", path, &[]), never).await;
        assert_eq!((got.status, got.code().as_str()), (404, "http/no-file"), "{path}");
    }
    let got = ask(&door, request("GET", "/s/docs?q=1", &[]), never).await;
    assert_eq!((got.status, got.header("location")), (308, Some("/s/docs/?q=1")));
    for path in
        ["/s/../secret.txt", "/s/%2e%2e/secret.txt", "/s/..%2Fsecret.txt", "/s/docs%2F..%2F..%2Fsecret.txt", "/s/%00"]
    {
        assert_eq!(ask(&door, request("GET", path, &[]), never).await.status, 400, "{path}");
    }
    assert_eq!(ask(&door, request("POST", "/s/", &[]), never).await.status, 405);
}

#[tokio::test]
async fn a_large_file_is_open_until_it_is_sent_and_there_are_not_too_many() {
    let (_root, door) = folder();
    let door = Door { room: Room { files: Arc::new(Semaphore::new(1)), ..Room::default() }, ..door };
    let call = |(): &(), _: Invocation, _: Request<Capped<Sent>>| std::future::ready(never());
    let first = door.answer(request("GET", "/s/large.bin", &[]), &client(), call).await;
    let second = ask(&door, request("GET", "/s/large.bin", &[]), never).await;
    assert_eq!(
        (second.status, second.code().as_str(), second.header("retry-after")),
        (503, "host/exhausted", Some("1"))
    );
    // What is read at once needs no room, nor what is not read.
    assert_eq!(ask(&door, request("GET", "/s/index.html", &[]), never).await.status, 200);
    assert_eq!(ask(&door, request("HEAD", "/s/large.bin", &[]), never).await.status, 200);
    drop(first);
    assert_eq!(ask(&door, request("GET", "/s/large.bin", &[]), never).await.status, 200);
}

#[tokio::test]
async fn caches_are_told_the_same_of_a_file_whether_it_is_sent_whole_or_in_part_or_not() {
    let (root, _) = folder();
    let dir = Dir::open_ambient_dir(root.path().join("public"), ambient_authority()).expect("the folder");
    let compress = Some(ByteSize::bytes(4));
    let endpoint = Endpoint { target: Target::Files(Folder::new(dir)), compress, ..Endpoint::new(()) };
    let door = door_to("/s/{*path}", endpoint);
    for (accept, is_weak) in [("br", true), ("identity", false)] {
        let accept = ("accept-encoding", accept);
        let whole = ask_head(&door, &[accept]).await;
        let etag = whole["etag"].to_str().expect("text");
        assert_eq!(etag.starts_with("W/"), is_weak);
        let unchanged = ask(&door, request("GET", "/s/a%20b.txt", &[accept, ("if-none-match", etag)]), never).await;
        assert_eq!(
            (unchanged.status, unchanged.header("etag"), unchanged.header("vary")),
            (304, Some(etag), Some("accept-encoding"))
        );
        for name in ["content-type", "content-length", "content-encoding", "accept-ranges"] {
            assert_eq!(unchanged.header(name), None);
        }
        let part = ask(&door, request("GET", "/s/a%20b.txt", &[accept, ("range", "bytes=0-1")]), never).await;
        assert_eq!(
            (part.status, part.header("vary"), part.header("content-encoding")),
            (206, Some("accept-encoding"), None)
        );
    }
}

/// The head of the answer, whose body may be compressed.
async fn ask_head(door: &Door<()>, headers: &[(&'static str, &str)]) -> HeaderMap {
    let call = |(): &(), _: Invocation, _: Request<Capped<Sent>>| std::future::ready(never());
    door.answer(request("GET", "/s/a%20b.txt", headers), &client(), call).await.headers().clone()
}

#[tokio::test]
async fn a_client_gets_what_it_does_not_have_yet() {
    let (_root, door) = folder();
    let get = |headers: &[(&'static str, &str)]| {
        let sent = request("GET", "/s/a%20b.txt", headers);
        let door = &door;
        async move { ask(door, sent, never).await }
    };
    let first = get(&[]).await;
    let (etag, date) = (first.header("etag").expect("a tag"), first.header("last-modified").expect("a date"));
    for headers in [&[("if-none-match", etag)][..], &[("if-modified-since", date)]] {
        let got = get(headers).await;
        assert_eq!((got.status, got.body.as_deref(), got.header("etag")), (304, Ok(""), Some(etag)));
    }
    assert_eq!(get(&[("if-none-match", "\"other\"")]).await.status, 200);
    assert_eq!(get(&[("if-match", "\"other\"")]).await.code(), "http/precondition-failed");
    for (headers, part, text) in [
        (&[("range", "bytes=2-4")][..], "bytes 2-4/10", "234"),
        (&[("range", "bytes=-1"), ("if-range", etag)], "bytes 9-9/10", "9"),
    ] {
        let got = get(headers).await;
        assert_eq!((got.status, got.header("content-range"), got.body.as_deref()), (206, Some(part), Ok(text)));
        assert_eq!(got.header("content-length"), Some(text.len().to_string().as_str()));
    }
    let beyond = get(&[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.status, 200);
}
