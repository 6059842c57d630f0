//! Asks other hosts what its request says: a fixture of the tests for calls of other hosts.

use std::time::Duration;

use flint_sdk::http::{self, SendError, client};
use flint_sdk::prelude::*;
use serde_json::json;

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .get("/ask/get", get)
        .get("/ask/first-piece", first_piece)
        .get("/ask/times/{n}", times)
        .get("/ask/at-once/{n}", at_once)
        .get("/ask/unread/{n}", unread)
        .get("/ask/unfinished/{n}", unfinished)
        .get("/ask/send/{bytes}", send)
        .get("/ask/give-up/{ms}", give_up)
        .post("/ask/upload", upload)
        .handle(request)
        .await
}

fn url(request: &Request) -> String {
    request.query_param("url").unwrap_or_default()
}

/// A call with the time-outs, redirects and header that the query names.
fn call(request: &Request) -> client::Call {
    let number = |name: &str| request.query_param(name).and_then(|text| text.parse::<u64>().ok());
    let mut call = client::get(url(request));
    if let Some(ms) = number("connect") {
        call = call.connect_timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = number("first-byte") {
        call = call.first_byte_timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = number("between-bytes") {
        call = call.between_bytes_timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = number("timeout") {
        call = call.timeout(Duration::from_millis(ms));
    }
    if let Some(most) = number("redirects") {
        call = call.redirects(most as u32);
    }
    if let Some((name, value)) = request.query_param("header").as_deref().and_then(|header| header.split_once('=')) {
        call = call.header(name, value);
    }
    call
}

fn problem(error: SendError) -> Problem {
    let (text, retryable) = (error.to_string(), error.is_retryable());
    Problem::from(error).detail(text).with("retryable", retryable)
}

/// Hands the answer on, or says why there is none.
async fn get(request: Request) -> Result<Response, Problem> {
    call(&request).send().await.map_err(problem)
}

/// Reads one piece of the answer, and drops the rest.
async fn first_piece(request: Request) -> Result<String, Problem> {
    let mut body = call(&request).send().await.map_err(problem)?.into_body();
    let piece = body.chunk().await?.unwrap_or_default();
    Ok(format!("{} bytes\n", piece.len()))
}

async fn ask(url: &str) -> String {
    match client::get(url).send().await {
        Ok(answer) => {
            let status = answer.status().as_u16().to_string();
            match answer.into_body().bytes().await {
                Ok(_) => status,
                Err(error) => error.to_string(),
            }
        }
        Err(error) => error.to_string(),
    }
}

/// Asks so often, one after the other.
async fn times(request: Request) -> Result<Json<Vec<String>>, Problem> {
    let (n, url): (u32, _) = (request.param_as("n")?, url(&request));
    let mut answers = Vec::new();
    for _ in 0..n {
        answers.push(ask(&url).await);
    }
    Ok(Json(answers))
}

/// Asks so often, all at once.
async fn at_once(request: Request) -> Result<Json<Vec<String>>, Problem> {
    let (n, url): (u32, _) = (request.param_as("n")?, url(&request));
    Ok(Json(flint_sdk::join_all((0..n).map(|_| ask(&url))).await))
}

/// Asks once more than so often, and reads the last answer alone while it holds the others.
async fn unread(request: Request) -> Result<String, Problem> {
    let (n, url): (u32, _) = (request.param_as("n")?, url(&request));
    let mut held = Vec::new();
    for _ in 0..n {
        held.push(client::get(&url).send().await.map_err(problem)?);
    }
    Ok(ask(&url).await)
}

/// Asks so often, one after the other: each answer is read to its end, and no request ends before the last answer is there.
async fn unfinished(request: Request) -> Result<Json<Vec<String>>, Problem> {
    let (n, url): (u32, _) = (request.param_as("n")?, url(&request));
    let (mut open, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (sender, body) = Body::channel();
        open.push(sender);
        answers.push(match client::post(&url).body(body).send().await {
            Ok(answer) => String::from_utf8_lossy(&answer.into_body().bytes().await?).into_owned(),
            Err(error) => error.to_string(),
        });
    }
    Ok(Json(answers))
}

/// Sends so many bytes in pieces, with trailers, and hands the answer on.
async fn send(request: Request) -> Result<Response, Problem> {
    const PIECE: usize = 64 << 10;
    let (mut left, url): (usize, _) = (request.param_as("bytes")?, url(&request));
    let (mut sender, body) = Body::channel();
    flint_sdk::spawn(async move {
        while left > 0 {
            let piece = left.min(PIECE);
            if sender.send(vec![b'x'; piece]).await.is_err() {
                return;
            }
            left -= piece;
        }
        let mut trailers = http::HeaderMap::new();
        trailers.insert("checksum", http::HeaderValue::from_static("all-x"));
        sender.finish_with_trailers(trailers);
    });
    client::post(url).header("trailer", "checksum").body(body).send().await.map_err(problem)
}

/// Hands the body of the request on, and the answer back.
async fn upload(request: Request) -> Result<Response, Problem> {
    let url = url(&request);
    client::post(url).body(request.into_body()).send().await.map_err(problem)
}

/// Gives the call up after so long, and goes on.
async fn give_up(request: Request) -> Result<Json<serde_json::Value>, Problem> {
    let patience = Duration::from_millis(request.param_as("ms")?);
    let error = client::get(url(&request)).timeout(patience).send().await.err();
    Ok(Json(json!({ "gave_up": matches!(error, Some(SendError::TimedOut(_))) })))
}
