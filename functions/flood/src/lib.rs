//! Writes until something stops it: a fixture of the tests.

use std::time::Duration;

use flint_sdk::http;
use flint_sdk::prelude::*;

/// Of what is written over and over.
const PIECE: usize = 64 << 10;

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .get("/flood/stdout", stdout)
        .get("/flood/log", write_log)
        .get("/flood/response", response)
        .get("/flood/deaf", deaf)
        .get("/flood/store", store)
        .get("/flood/read", read)
        .get("/flood/timers", timers)
        .handle(request)
        .await
}

/// Writes to standard output, without end.
async fn stdout(_: Request) -> &'static str {
    loop {
        println!("{}", "flood ".repeat(100));
    }
}

/// Writes to the log, without end.
async fn write_log(_: Request) -> &'static str {
    loop {
        log::info!("a flood of lines");
    }
}

/// Sends a body as long as somebody reads it.
async fn response(_: Request) -> http::Body {
    let (mut sender, body) = http::Body::channel();
    flint_sdk::spawn(async move { while sender.send(vec![b'f'; PIECE]).await.is_ok() {} });
    body
}

/// Sends a body, and does not care that nobody reads it any longer.
async fn deaf(_: Request) -> http::Body {
    let (mut sender, body) = http::Body::channel();
    flint_sdk::spawn(async move {
        loop {
            if sender.send(vec![b'f'; PIECE]).await.is_err() {
                flint_sdk::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    body
}

/// Fills the store until it refuses, and says how far it came and why.
async fn store(_: Request) -> String {
    let store = kv::open("litter");
    let mut count = 0;
    loop {
        match store.put_bytes(&format!("piece-{count}"), vec![b'f'; PIECE], kv::Put::new()).await {
            Ok(_) => count += 1,
            Err(error) => return format!("{count}: {error}\n"),
        }
    }
}

/// Reads one key until it is refused, and says how far it came and why.
async fn read(_: Request) -> String {
    let store = kv::open("litter");
    let mut count = 0;
    loop {
        match store.entry_bytes("piece-0").await {
            Ok(_) => count += 1,
            Err(error) => return format!("{count}: {error}\n"),
        }
    }
}

/// Begins one wait after the other, and ends none.
async fn timers(_: Request) -> &'static str {
    loop {
        flint_sdk::spawn(flint_sdk::time::sleep(Duration::from_secs(1000)));
        flint_sdk::time::sleep(Duration::from_nanos(1)).await;
    }
}
