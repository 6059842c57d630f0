//! Makes the answer: of what a function returned, and of what the host says itself.

use super::body::{AnswerBody, BoxError, Guest, Measured, WrongLength};
use super::encoding::{self, Coding};
use super::header as headers;
use bytes::Bytes;
use flint_model::{ByteSize, InvocationId};
use flint_world::Failure;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How much of a body that nobody gets is read, in bytes, before its guest is ended.
const DISCARD_MAX: u64 = 1 << 20;
/// How long a body that nobody gets is read before its guest is ended.
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Makes an answer of what a guest returned.
pub(super) async fn finish<G>(
    mut response: Response<G>,
    id: InvocationId,
    head: bool,
    version: Version,
) -> Result<Response<AnswerBody<G>>, Failure>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    headers::clean_response(response.headers_mut());
    let status = response.status();
    if status.is_informational() {
        return Err(Failure::NoAnswer(format!("a final answer can't have the status {status}")));
    }
    let declared = headers::content_length(response.headers_mut());
    let declared = declared.map_err(|error| Failure::NoAnswer(error.to_string()))?;
    let known = if response.body().is_end_stream() { Some(0) } else { response.body().size_hint().exact() };
    if head || has_no_body(status) {
        if !head {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        } else if let (None, Some(known @ 1..)) = (declared, known) {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(known));
        }
        let (parts, body) = response.into_parts();
        // In a box: it is rare, and an answer that has a body needs no room for it.
        Box::pin(discard(body)).await?;
        return Ok(Response::from_parts(parts, AnswerBody::Host(Bytes::new())));
    }
    let wrong = |declared| Failure::NoAnswer(WrongLength { declared }.to_string());
    match (declared, known) {
        (Some(declared), Some(known)) if declared != known => Err(wrong(declared)),
        (Some(declared), None) => Ok(response.map(|body| AnswerBody::Measured(Measured::new(body, id, declared)))),
        _ => {
            // HTTP/2 sends trailers in any case.
            let announced = version >= Version::HTTP_2 || response.headers().contains_key(header::TRAILER);
            Ok(response.map(|body| AnswerBody::Guest(Guest::new(body, id, announced))))
        }
    }
}

fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Reads a body that nobody gets, so that the guest that writes it comes to its end.
///
/// Dropping it at once would end the guest in the middle of its work, and a client would find that `HEAD` does something else
/// than `GET`. But a stream without an end is ended.
async fn discard<G>(mut body: G) -> Result<(), Failure>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let reading = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::NoAnswer(error.into().to_string()))?;
            read += frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            if read > DISCARD_MAX {
                break;
            }
        }
        Ok(())
    };
    // Out of time is no failure: the client has its answer.
    tokio::time::timeout(DISCARD_TIME, reading).await.unwrap_or(Ok(()))
}

pub(super) fn preflight<G>(headers: HeaderMap) -> Response<AnswerBody<G>> {
    let mut response = Response::new(AnswerBody::Host(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    response
}

/// Compresses an answer if it gets smaller by that, and says so in its head, which that of `HEAD` has in common with it.
pub(super) fn compressed<G>(
    mut response: Response<AnswerBody<G>>,
    min: ByteSize,
    chosen: Option<Coding>,
    head: bool,
    room: &Arc<Semaphore>,
) -> Response<AnswerBody<G>>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let announced = announced(response.headers());
    let known = if head { announced } else { announced.or_else(|| response.body().size_hint().exact()) };
    // Without room the answer is sent as it is, which costs nobody anything.
    let permit = chosen.and_then(|_| Arc::clone(room).try_acquire_owned().ok());
    let chosen = chosen.filter(|_| permit.is_some());
    match (encoding::prepare(&mut response, chosen, known, min), permit) {
        (Some(coding), Some(permit)) if !head => response.map(|body| AnswerBody::compressed(body, coding, permit)),
        _ => response,
    }
}

pub(super) fn options<G>(allow: Option<HeaderValue>) -> Response<AnswerBody<G>> {
    let mut response = Response::new(AnswerBody::Host(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The `content-length` that a head announces, if it can be read.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
