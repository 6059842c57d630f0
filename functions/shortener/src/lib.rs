//! Shortens URLs: a key-value store, a counter, and a router.
//!
//! Keys: `link/CODE` holds the URL, `visits/CODE` counts.

use flint_sdk::http::Uri;
use flint_sdk::kv::{Expect, Store};
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// What a client sends to have a link.
#[derive(Deserialize)]
struct NewLink {
    url: String,
}

/// What it gets.
#[derive(Serialize)]
struct Link {
    code: String,
    url: String,
}

#[derive(Serialize)]
struct Stats {
    code: String,
    url: String,
    visits: i64,
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .post("/links", create)
        .get("/links/{code}", follow)
        .delete("/links/{code}", remove)
        .get("/links/{code}/stats", stats)
        .handle(request)
        .await
}

async fn create(request: Request) -> Result<Response, Problem> {
    let NewLink { url } = request.json().await?;
    if !is_web_address(&url) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
            .code("shortener/invalid-url")
            .detail("`url` has to be an absolute http or https URL"));
    }
    let code = claim(&links(), &url).await?;
    log::info!("link created", code = &code);
    let location = format!("/links/{code}");
    let link = Json(Link { code, url });
    Ok((StatusCode::CREATED, [("location", location)], link).into_response())
}

async fn follow(request: Request) -> Result<Response, Problem> {
    let code: String = request.param_as("code")?;
    let links = links();
    let url = target(&links, &code).await?;
    // A HEAD is no visit.
    if request.method() == Method::GET {
        links.increment(&visits_key(&code), 1).await?;
        // Somebody may have removed the link in between, and its count with it: nothing would remove this one.
        if !links.exists(&link_key(&code)).await? {
            links.delete(&visits_key(&code)).await?;
            return Err(unknown(&code));
        }
    }
    Ok((StatusCode::FOUND, [("location", url)], "").into_response())
}

async fn remove(request: Request) -> Result<StatusCode, Problem> {
    let code: String = request.param_as("code")?;
    let batch = kv::Batch::new().delete(&link_key(&code)).delete(&visits_key(&code));
    match links().batch(batch).await?.first() {
        Some(kv::Outcome::Deleted(true)) => Ok(StatusCode::NO_CONTENT),
        _ => Err(unknown(&code)),
    }
}

async fn stats(request: Request) -> Result<Json<Stats>, Problem> {
    let code: String = request.param_as("code")?;
    let links = links();
    let visits_key = visits_key(&code);
    let (url, visits) = flint_sdk::join!(target(&links, &code), links.counter(&visits_key));
    Ok(Json(Stats { url: url?, visits: visits?, code }))
}

/// The code of a URL: a hash of it, so the same URL always has the same code. Should another URL have it already, the next
/// hash is tried.
async fn claim(links: &Store, url: &str) -> Result<String, kv::Error> {
    let mut attempt = 0;
    loop {
        let code = code(url, attempt);
        match links.compare_and_set(&link_key(&code), Expect::Absent, url).await {
            Ok(_version) => return Ok(code),
            Err(error) if error.is_conflict() => {
                match links.get::<String>(&link_key(&code)).await? {
                    Some(other) if other != url => attempt += 1,
                    Some(_) => return Ok(code),
                    // Removed in between: it is free again.
                    None => {}
                }
            }
            Err(error) => return Err(error),
        }
    }
}

async fn target(links: &Store, code: &str) -> Result<String, Problem> {
    links.get(&link_key(code)).await?.ok_or_else(|| unknown(code))
}

fn links() -> Store {
    kv::open("links")
}

fn link_key(code: &str) -> String {
    format!("link/{code}")
}

fn visits_key(code: &str) -> String {
    format!("visits/{code}")
}

fn unknown(code: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND).code("shortener/unknown-link").detail(format!("there is no link {code}"))
}

fn is_web_address(url: &str) -> bool {
    let uri = url.parse::<Uri>();
    uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

/// Seven characters of base 62, from a 64-bit FNV-1a hash of the attempt and the URL.
fn code(url: &str, attempt: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes = attempt.to_le_bytes().into_iter().chain(url.bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let digit = || {
        let digit = DIGITS[(hash % 62) as usize];
        hash /= 62;
        char::from(digit)
    };
    std::iter::repeat_with(digit).take(7).collect()
}
