//! The pattern *large payload by reference*: content goes into a bucket as it comes, and what is passed on is its name.
//!
//! The body of an upload is put without being read first, and a download is written while the bucket is read: a piece is in
//! memory at a time, whatever the size. For messages that are merely larger than their queue's limit there is `large-payloads` of
//! `platform.toml`, which does the same unseen.

use std::time::Duration;

use flint_sdk::blob::{self, Bucket, Put};
use flint_sdk::http::Sender;
use flint_sdk::prelude::*;
use serde::Serialize;

/// How long the URL of an upload is good.
const EXPIRES_IN: Duration = Duration::from_secs(3600);

/// What others get in the place of the content.
#[derive(Debug, Serialize)]
struct Reference {
    key: String,
    size: u64,
    etag: String,
    url: String,
}

#[flint_sdk::http]
async fn depot(request: Request) -> Result<Response, Problem> {
    let key: String = request.param_as("key")?;
    let depot = blob::open("depot");
    match *request.method() {
        Method::PUT => Ok(Json(store(&depot, &key, request.into_body()).await?).into_response()),
        Method::DELETE => Ok(Json(depot.delete(&key).await?).into_response()),
        _ => download(&depot, &key).await,
    }
}

async fn store(depot: &Bucket, key: &str, body: Body) -> Result<Reference, blob::Error> {
    let info = depot.put(key, body, Put::new()).await?;
    let url = depot.download_url(key, EXPIRES_IN).await?;
    Ok(Reference { key: info.key, size: info.size, etag: info.etag, url })
}

async fn download(depot: &Bucket, key: &str) -> Result<Response, Problem> {
    let Some(blob) = depot.get(key).await? else { return Err(Problem::new(StatusCode::NOT_FOUND)) };
    let (sender, body) = Body::channel();
    // What breaks off is not finished, so the client sees that it is not whole.
    flint_sdk::spawn(async { drop(pass_on(blob.content, sender).await) });
    Ok(Response::new(body))
}

async fn pass_on(mut content: blob::Content, mut sender: Sender) -> Result<(), blob::Error> {
    while let Some(chunk) = content.chunk().await? {
        if sender.send(chunk).await.is_err() {
            return Ok(());
        }
    }
    sender.finish();
    Ok(())
}
