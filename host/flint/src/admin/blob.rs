//! Reads and writes blobs, on behalf of whoever runs the host: no grants are asked. Content streams both ways.

use super::api::Problem;
use super::api::blob::{BlobInfo, BlobPage, Condition, List, Removed, Sign, SignMethod, SignedUrl};
use super::problem;
use bytes::Bytes;
use flint_model::BucketName;
use flint_stores::blob::sign::{SignedMethod, Signer};
use flint_stores::{
    Blob, BlobExpectation, Commit, CommitError, Effect, Linked, Listing, Outcome, Range, ReadError, Stores, WriteError,
};
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use http::StatusCode;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// How many blobs a page has when nobody says.
const PAGE: u32 = 100;

/// How much of refused content is read away before the answer, in bytes.
const DRAIN_MAX: usize = 16 << 20;

/// How long refused content is read away.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Content on its way.
pub(crate) type Content = BoxStream<'static, io::Result<Bytes>>;

/// Opens a blob.
///
/// # Errors
/// A problem; `blob/no-such-blob` if there is none.
pub(crate) async fn get(stores: &dyn Stores, bucket: &BucketName, key: &str) -> Result<Blob, Problem> {
    let blob = stores.blobs().read(bucket, key, Range::ALL).await.map_err(of_read)?;
    blob.ok_or_else(|| missing(bucket, key))
}

/// What says that there is no such blob.
pub(crate) fn missing(bucket: &BucketName, key: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "blob/no-such-blob", format!("bucket {bucket} has no blob {key:?}"))
}

/// Writes a blob. Nothing is left of content that breaks off.
///
/// # Errors
/// A problem; `blob/conflict` if the blob is not what was expected, `blob/interrupted` if the content breaks off.
pub(crate) async fn put(
    stores: &dyn Stores,
    bucket: &BucketName,
    key: &str,
    mut content: Content,
    content_type: Option<String>,
    condition: &Condition,
) -> Result<BlobInfo, Problem> {
    let expect = expectation(condition)?;
    let written = async {
        let mut writer = stores.blobs().write(bucket).await.map_err(of_write)?;
        while let Some(piece) = content.try_next().await.map_err(|error| interrupted(&error))? {
            writer.write(piece).await.map_err(of_write)?;
        }
        writer.finish().await.map_err(of_write)
    };
    let content = match written.await {
        Ok(written) => written,
        Err(problem) => {
            drain(content).await;
            return Err(problem);
        }
    };
    let effect = Effect::BlobLink {
        bucket: bucket.clone(),
        key: key.to_owned(),
        content,
        content_type: content_type.clone(),
        metadata: BTreeMap::new(),
        expect,
    };
    match change(stores, effect).await? {
        Outcome::BlobLink { linked } => Ok(linked_info(key, linked, content_type)),
        _ => Err(unexpected()),
    }
}

/// Reads what a refused client still sends: a connection that is closed over unread content is reset, and the client might
/// never see why it was refused.
async fn drain(mut content: Content) {
    let rest = async {
        let mut left = DRAIN_MAX;
        while let Ok(Some(piece)) = content.try_next().await {
            let Some(less) = left.checked_sub(piece.len()) else { return };
            left = less;
        }
    };
    // A client that is slower than this may well be cut off.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, rest).await;
}

/// Removes a blob.
///
/// # Errors
/// A problem; `blob/conflict` if the blob is not what was expected.
pub(crate) async fn remove(
    stores: &dyn Stores,
    bucket: &BucketName,
    key: &str,
    condition: &Condition,
) -> Result<Removed, Problem> {
    let effect = Effect::BlobUnlink { bucket: bucket.clone(), key: key.to_owned(), expect: expectation(condition)? };
    match change(stores, effect).await? {
        Outcome::BlobUnlink { existed } => Ok(Removed { existed }),
        _ => Err(unexpected()),
    }
}

/// Lists blobs.
///
/// # Errors
/// A problem.
pub(crate) async fn list(stores: &dyn Stores, bucket: &BucketName, list: &List) -> Result<BlobPage, Problem> {
    let listing = Listing { prefix: &list.prefix, delimiter: list.delimiter.as_deref() };
    let page = stores.blobs().list(bucket, listing, list.cursor.as_deref(), list.limit.unwrap_or(PAGE));
    let page = page.await.map_err(of_read)?;
    Ok(BlobPage { blobs: page.blobs.into_iter().map(info).collect(), prefixes: page.prefixes, cursor: page.cursor })
}

/// Makes a URL with which anybody may read or write one blob. Whether there is such a blob is not looked at.
///
/// # Errors
/// A problem; `blob/no-such-bucket` if there is none.
pub(crate) async fn sign(stores: &dyn Stores, signer: &Signer, ask: &Sign) -> Result<SignedUrl, Problem> {
    let bucket: BucketName = super::parse(&ask.bucket)?;
    // Looks whether there is the bucket, and whether the key could be one.
    stores.blobs().head(&bucket, &ask.key).await.map_err(of_read)?;
    let method = match ask.method {
        SignMethod::Get => SignedMethod::Get,
        SignMethod::Put => SignedMethod::Put,
    };
    let url = signer.url(stores.now(), method, &bucket, &ask.key, Duration::from_millis(ask.expires_in_ms));
    let url = url.map_err(|invalid| Problem::new(StatusCode::BAD_REQUEST, "blob/invalid", invalid.to_string()))?;
    Ok(SignedUrl { url })
}

/// Describes a blob in the words of management.
pub(crate) fn info(info: flint_stores::BlobInfo) -> BlobInfo {
    BlobInfo {
        key: info.key,
        size: info.size,
        etag: info.etag.to_string(),
        content_type: info.content_type,
        metadata: info.metadata,
        modified_at_ms: info.modified_at.as_millis(),
        sequence: info.sequence,
    }
}

fn linked_info(key: &str, linked: Linked, content_type: Option<String>) -> BlobInfo {
    let Linked { size, etag, modified_at, sequence } = linked;
    let (key, metadata) = (key.to_owned(), BTreeMap::new());
    info(flint_stores::BlobInfo { key, size, etag, content_type, metadata, modified_at, sequence })
}

async fn change(stores: &dyn Stores, effect: Effect) -> Result<Outcome, Problem> {
    let committed = stores.commit(Commit::from(effect)).await.map_err(|error| of_commit(&error))?;
    committed.outcomes.into_iter().next().ok_or_else(unexpected)
}

fn expectation(condition: &Condition) -> Result<Option<BlobExpectation>, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "blob/invalid", detail);
    match (condition.if_absent, &condition.if_match) {
        (false, None) => Ok(None),
        (true, None) => Ok(Some(BlobExpectation::Absent)),
        (false, Some(etag)) => match etag.parse() {
            Ok(etag) => Ok(Some(BlobExpectation::Etag(etag))),
            Err(error) => Err(bad(flint_stores::blob::EtagError::to_string(&error))),
        },
        (true, Some(_)) => Err(bad("a blob can't be absent and have an etag".to_owned())),
    }
}

fn unexpected() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host/internal", "the store answered another change")
}

fn interrupted(error: &io::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "blob/interrupted", format!("the content broke off: {error}"))
}

fn of_write(error: WriteError) -> Problem {
    match error {
        WriteError::NoSuch(missing) => problem::no_such(&missing),
        WriteError::TooLarge(too_large) => of_read(too_large.into()),
        WriteError::Unavailable { reason } => of_read(reason.into()),
    }
}

fn of_read(error: ReadError) -> Problem {
    problem::of_read("blob", &error)
}

fn of_commit(error: &CommitError) -> Problem {
    problem::of_commit("blob", error)
}
