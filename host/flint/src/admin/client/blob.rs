//! Asks a running host for blobs, whose content streams.

use super::{Client, ClientError, OCTETS, encode, query};
use crate::admin::api::blob::{BlobInfo, BlobPage, Condition, List, Removed, Sign, SignedUrl};
use crate::admin::blob::Content;
use bytes::Bytes;
use flint_model::BucketName;
use futures::{StreamExt as _, TryStreamExt as _};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use std::io;

impl Client {
    /// Opens a blob.
    pub(crate) async fn blob(&self, bucket: &BucketName, key: &str) -> Result<Content, ClientError> {
        let response = self.stream(Method::GET, &blob_path(bucket, key, ""), OCTETS, Full::new(Bytes::new())).await?;
        let frames = futures::TryStreamExt::map_err(BodyStream::new(response.into_body()), io::Error::other);
        Ok(frames.try_filter_map(async |frame| Ok(frame.into_data().ok())).boxed())
    }

    /// Writes a blob.
    pub(crate) async fn put_blob(
        &self,
        bucket: &BucketName,
        key: &str,
        content: Content,
        kind: Option<&str>,
        condition: &Condition,
    ) -> Result<BlobInfo, ClientError> {
        let path = blob_path(bucket, key, &conditions(condition));
        let body = StreamBody::new(content.map_ok(Frame::data));
        let response = self.stream(Method::PUT, &path, kind.unwrap_or(OCTETS), body).await?;
        let bytes = response.into_body().collect().await.map_err(|error| self.unreachable(error))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| self.foreign(error))
    }

    /// Removes a blob.
    pub(crate) async fn remove_blob(
        &self,
        bucket: &BucketName,
        key: &str,
        condition: &Condition,
    ) -> Result<Removed, ClientError> {
        self.json(Method::DELETE, &blob_path(bucket, key, &conditions(condition)), Bytes::new()).await
    }

    /// Lists blobs.
    pub(crate) async fn blobs(&self, bucket: &BucketName, list: &List) -> Result<BlobPage, ClientError> {
        let query = query([
            ("prefix", Some(list.prefix.clone())),
            ("delimiter", list.delimiter.clone()),
            ("cursor", list.cursor.clone()),
            ("limit", list.limit.map(|limit| limit.to_string())),
        ]);
        self.json(Method::GET, &format!("/v1/buckets/{bucket}{query}"), Bytes::new()).await
    }

    /// Makes a URL.
    pub(crate) async fn sign(&self, sign: &Sign) -> Result<SignedUrl, ClientError> {
        self.ask(Method::POST, "/v1/signed-urls", sign).await
    }

    /// Sends one request over a connection of its own, and does not wait for the end of the answer.
    async fn stream<B>(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: B,
    ) -> Result<Response<Incoming>, ClientError>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let (mut sender, connection) = self.connect().await?;
        // It ends with the answer, or when nobody reads that any more.
        tokio::spawn(connection);
        let response = sender.send_request(self.request(method, path, kind, body)?).await;
        let response = response.map_err(|error| self.unreachable(error))?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| self.unreachable(error))?.to_bytes();
        Err(self.refused(parts.status, &bytes))
    }
}

fn blob_path(bucket: &BucketName, key: &str, query: &str) -> String {
    format!("/v1/buckets/{bucket}/{}{query}", encode(key))
}

fn conditions(condition: &Condition) -> String {
    query([("if-absent", condition.if_absent.then(|| "true".to_owned())), ("if-match", condition.if_match.clone())])
}
