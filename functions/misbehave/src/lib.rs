//! Does what functions should not do, and shows what they are given: a fixture of the tests.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use flint_sdk::http;
use flint_sdk::prelude::*;
use serde_json::json;

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .get("/spin", spin)
        .get("/trap", trap)
        .post("/once/{ms}", once)
        .get("/exit/{status}", exit)
        .get("/grow", grow)
        .get("/grow/{mib}", grow_to)
        .get("/sleep/{ms}", sleep)
        .get("/block/{ms}", block)
        .get("/stack", stack)
        .get("/deep/{depth}", deep)
        .get("/log/{n}", write_log)
        .get("/log/{n}/context/{bytes}", write_log_with_context)
        .get("/stdout", write_stdout)
        .get("/env", environment)
        .get("/context", invocation)
        .get("/headers", headers)
        .get("/headers/{name}/{*rest}", headers)
        .get("/secret/{name}", secret)
        .get("/outbound", outbound)
        .get("/stream-then-trap", stream_then_trap)
        .get("/events/{n}/{ms}", events)
        .get("/served", served)
        .get("/measured/{ms}", measured)
        .get("/measured-then-trap", measured_then_trap)
        .handle(request)
        .await
}

/// Never comes back.
async fn spin(_: Request) -> &'static str {
    let mut n = 0_u64;
    while black_box(n) != u64::MAX {
        n = n.wrapping_add(2);
    }
    "unreachable"
}

/// Sleeps, then answers with its invocation and what it was sent, or with what the query asks for.
async fn once(request: Request) -> Result<Response, Problem> {
    flint_sdk::time::sleep(milliseconds(&request)?).await;
    let asked = |name: &str| request.query_param(name).and_then(|text| text.parse().ok());
    let (status, bytes): (u16, u16) = (asked("status").unwrap_or(201), asked("bytes").unwrap_or_default());
    assert!(request.query_param("trap").is_none(), "the function panics, as asked");
    let mut answer = Response::new(Body::from("x".repeat(usize::from(bytes))));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let invocation = http::HeaderValue::try_from(context::current().id.to_string()).expect("a value");
    answer.headers_mut().insert("x-done-by", invocation);
    Ok(answer)
}

/// Panics, which is a trap.
async fn trap(_: Request) -> &'static str {
    panic!("the function panics, as asked")
}

/// Ends itself, as a program would.
async fn exit(request: Request) -> Result<&'static str, Problem> {
    std::process::exit(request.param_as("status")?)
}

/// Takes memory until it is refused, and says how much it got.
async fn grow(_: Request) -> String {
    format!("{} MiB\n", take(u32::MAX))
}

/// Takes so much memory, and fails if it does not get it.
async fn grow_to(request: Request) -> Result<String, Problem> {
    let wanted = request.param_as("mib")?;
    let got = take(wanted);
    assert!(got == wanted, "got {got} MiB of {wanted}");
    Ok(format!("{got} MiB\n"))
}

/// Takes up to so many MiB, one by one, each touched.
fn take(mib: u32) -> u32 {
    const MIB: usize = 1024 * 1024;
    let mut taken: Vec<Vec<u8>> = Vec::new();
    for got in 0..mib {
        let mut piece = Vec::new();
        if taken.try_reserve(1).is_err() || piece.try_reserve_exact(MIB).is_err() {
            return got;
        }
        piece.resize(MIB, 0xA5);
        taken.push(black_box(piece));
    }
    mib
}

/// Waits for the host, so that others can run.
async fn sleep(request: Request) -> Result<&'static str, Problem> {
    flint_sdk::time::sleep(milliseconds(&request)?).await;
    Ok("awake\n")
}

/// Waits in a blocking call.
async fn block(request: Request) -> Result<&'static str, Problem> {
    std::thread::sleep(milliseconds(&request)?);
    Ok("awake\n")
}

fn milliseconds(request: &Request) -> Result<Duration, Problem> {
    Ok(Duration::from_millis(request.param_as("ms")?))
}

/// Calls itself until there is no stack left.
async fn stack(_: Request) -> String {
    format!("{}\n", deeper(1))
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    deeper(depth + 1) + frame[(depth % 64) as usize]
}

/// Calls itself so deep, and keeps nothing in memory: it is the host's stack that gives way, not the one in its memory.
async fn deep(request: Request) -> Result<String, Problem> {
    Ok(format!("{}\n", below(0, request.param_as("depth")?)))
}

/// What it does with the result keeps the compiler from making a loop of it.
#[inline(never)]
fn below(depth: u64, bottom: u64) -> u64 {
    if depth == bottom { depth } else { below(depth + 1, bottom).rotate_left(1) ^ depth }
}

/// Writes so many log lines, with fields.
async fn write_log(request: Request) -> Result<&'static str, Problem> {
    for line in 1..=request.param_as("n")? {
        let line: u32 = line;
        log::info!("a line of log", line = line);
    }
    Ok("logged\n")
}

/// Writes so many log lines, each with a context of so many bytes.
async fn write_log_with_context(request: Request) -> Result<&'static str, Problem> {
    let context = "c".repeat(request.param_as("bytes")?);
    for _ in 0..request.param_as("n")? {
        log::write(log::Level::Info, &context, "a line of log", &[]);
    }
    Ok("logged\n")
}

/// Writes to both standard streams.
async fn write_stdout(_: Request) -> &'static str {
    println!("a line on stdout");
    eprintln!("a line on stderr");
    "written\n"
}

/// What the function was given, besides secrets.
async fn environment(_: Request) -> Result<Json<serde_json::Value>, Problem> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let arguments: Vec<String> = std::env::args().collect();
    let config: BTreeMap<String, String> = config::all()?.into_iter().collect();
    Ok(Json(json!({
        "environment": environment,
        "arguments": arguments,
        "config": config,
    })))
}

/// What the request says beside its body.
async fn headers(request: Request) -> Json<serde_json::Value> {
    let headers = request.headers().iter();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = headers.map(|(name, value)| json!([name.as_str(), text(value)])).collect();
    Json(json!({ "method": request.method().as_str(), "target": request.uri().to_string(), "headers": headers }))
}

/// What the function can know about its invocation.
async fn invocation(_: Request) -> Json<serde_json::Value> {
    let invocation = context::current();
    let accepted_at = invocation.accepted_at.duration_since(std::time::UNIX_EPOCH);
    Json(json!({
        "id": invocation.id,
        "function": invocation.function,
        "accepted_at_ms": accepted_at.map_or(0, |since| since.as_millis() as u64),
        "remaining_ms": invocation.remaining.as_millis() as u64,
        "attempt": invocation.attempt,
        "traceparent": invocation.trace.parent,
        "tracestate": invocation.trace.state,
    }))
}

/// Shows a secret, to show that it has come.
async fn secret(request: Request) -> Result<Vec<u8>, Problem> {
    let name: String = request.param_as("name")?;
    let secret = secrets::get(&name).await?;
    Ok(secret.bytes().to_vec())
}

/// Asks another server, and hands its answer on; errors as a document that says which.
async fn outbound(request: Request) -> Response {
    let url = request.query_param("url").unwrap_or_default();
    let Ok(question) = Request::get(url).body(Body::empty()) else {
        return (StatusCode::BAD_REQUEST, "`url` is no URL\n").into_response();
    };
    match http::send(question).await {
        Ok(answer) => answer,
        Err(error) => Problem::from(error.clone())
            .detail(error.to_string())
            .with("retryable", error.is_retryable())
            .into_response(),
    }
}

/// Answers, sends half a body, and traps.
async fn stream_then_trap(_: Request) -> Body {
    let (mut sender, body) = Body::channel();
    flint_sdk::spawn(async move {
        for _ in 0..2 {
            if sender.send("half a body\n").await.is_err() {
                return;
            }
        }
        flint_sdk::time::sleep(Duration::from_millis(20)).await;
        panic!("the function panics in the middle of its answer, as asked")
    });
    body
}

/// Sends so many events, one every so many milliseconds.
async fn events(request: Request) -> Result<Response, Problem> {
    let (count, pause): (u32, _) = (request.param_as("n")?, milliseconds(&request)?);
    let (mut sender, body) = Body::channel();
    flint_sdk::spawn(async move {
        for n in 1..=count {
            if sender.send(format!("data: event {n}\n\n")).await.is_err() {
                return;
            }
            flint_sdk::time::sleep(pause).await;
        }
        sender.finish();
    });
    Ok((StatusCode::OK, [("content-type", "text/event-stream"), ("etag", "\"events\"")], body).into_response())
}

/// Says how many such requests this instance has served, this one included.
async fn served(_: Request) -> String {
    static SERVED: AtomicU32 = AtomicU32::new(0);
    (SERVED.fetch_add(1, Relaxed) + 1).to_string()
}

/// Announces its length, answers, and works on behind its last byte.
async fn measured(request: Request) -> Result<Response, Problem> {
    let behind = milliseconds(&request)?;
    Ok(announced(async move { work_behind(behind).await }))
}

/// Announces its length, answers, and traps behind its last byte.
async fn measured_then_trap(_: Request) -> Response {
    announced(async { panic!("the function panics behind its answer, as asked") })
}

fn announced(behind: impl Future<Output = ()> + 'static) -> Response {
    const TEXT: &str = "all of it\n";
    let (mut sender, body) = Body::channel();
    flint_sdk::spawn(async move {
        if sender.send(TEXT).await.is_ok() {
            flint_sdk::time::sleep(Duration::from_millis(1)).await;
            behind.await;
            sender.finish();
        }
    });
    (StatusCode::OK, [("content-length", TEXT.len().to_string())], body).into_response()
}

async fn work_behind(time: Duration) {
    flint_sdk::time::sleep(time).await;
    log::info!("the work behind the answer is done");
}

/// Answers at once, and works for so many milliseconds behind its answer; or fails, with so many bytes to say about it.
#[flint_sdk::invoke]
async fn behind(payload: Payload) -> Result<Payload, Failure> {
    let wordy = std::str::from_utf8(&payload).ok().and_then(|text| text.strip_prefix("fail ")?.parse().ok());
    if let Some(bytes) = wordy {
        return Err(Failure::new("N".repeat(bytes), "m".repeat(bytes)).never());
    }
    let milliseconds = std::str::from_utf8(&payload).ok().and_then(|text| text.parse().ok());
    let milliseconds = milliseconds.ok_or_else(|| Failure::new("InvalidTime", "a number of milliseconds").never())?;
    flint_sdk::spawn(work_behind(Duration::from_millis(milliseconds)));
    Ok("answered".into())
}
