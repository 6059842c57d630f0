//! The pages of buckets.

use super::{Host, Managed};
use crate::admin::api::blob::{BlobInfo, BlobPage, Condition, List, Removed, Sign, SignedUrl};
use crate::admin::api::{Problem, ProblemDetails};
use crate::admin::openapi::Octets;
use crate::admin::{blob, parse};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use flint_model::BucketName;
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, header};
use std::io;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The pages.
pub(super) fn routes() -> OpenApiRouter<Arc<Managed>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, put, remove)).routes(routes!(sign))
}

/// Some blobs of a bucket, in order of their keys.
#[utoipa::path(
    get,
    path = "/v1/buckets/{bucket}",
    params(("bucket" = String, Path), List),
    responses(
        (status = 200, body = BlobPage),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(managed): Host,
    Path(bucket): Path<String>,
    Query(ask): Query<List>,
) -> Result<Json<BlobPage>, Problem> {
    blob::list(&*managed.stores, &parse::<BucketName>(&bucket)?, &ask).await.map(Json)
}

/// The content of a blob, as bytes whatever it is.
#[utoipa::path(
    get,
    path = "/v1/buckets/{bucket}/{*key}",
    params(("bucket" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = Octets, content_type = "application/octet-stream"),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn get(State(managed): Host, Path((bucket, key)): Path<(String, String)>) -> Result<Response, Problem> {
    let blob = blob::get(&*managed.stores, &parse::<BucketName>(&bucket)?, &key).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, blob.info.size.to_string()),
        (header::ETAG, blob.info.etag.to_string()),
    ];
    Ok((headers, Body::from_stream(blob.body.bytes.map_err(io::Error::other))).into_response())
}

/// Writes a blob, durably; its content type is that of the request.
#[utoipa::path(
    put,
    path = "/v1/buckets/{bucket}/{*key}",
    params(("bucket" = String, Path), ("key" = String, Path), Condition),
    request_body(content = Octets, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = BlobInfo),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn put(
    State(managed): Host,
    Path((bucket, key)): Path<(String, String)>,
    Query(condition): Query<Condition>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<BlobInfo>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let content = content.into_data_stream().map_err(io::Error::other).boxed();
    blob::put(&*managed.stores, &parse::<BucketName>(&bucket)?, &key, content, kind, &condition).await.map(Json)
}

/// Removes a blob.
#[utoipa::path(
    delete,
    path = "/v1/buckets/{bucket}/{*key}",
    params(("bucket" = String, Path), ("key" = String, Path), Condition),
    responses(
        (status = 200, body = Removed),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn remove(
    State(managed): Host,
    Path((bucket, key)): Path<(String, String)>,
    Query(condition): Query<Condition>,
) -> Result<Json<Removed>, Problem> {
    blob::remove(&*managed.stores, &parse::<BucketName>(&bucket)?, &key, &condition).await.map(Json)
}

/// Makes a URL with which anybody may read or write one blob for a while.
#[utoipa::path(
    post,
    path = "/v1/signed-urls",
    request_body = Sign,
    responses(
        (status = 200, body = SignedUrl),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn sign(State(managed): Host, Json(ask): Json<Sign>) -> Result<Json<SignedUrl>, Problem> {
    blob::sign(&*managed.stores, &managed.served.signer, &ask).await.map(Json)
}
