//! JSON bodies.

use ::http::HeaderValue;
use serde::Serialize;

use super::body::BodyError;
use super::problem::Problem;
use super::response::{IntoResponse, Response};
use super::{StatusCode, header};

/// A value that is answered as JSON. To read one, see [`RequestExt::json`](super::RequestExt::json).
///
/// ```
/// use flint_sdk::http::{IntoResponse, Json};
///
/// let response = Json(["a", "b"]).into_response();
/// assert_eq!(response.headers()["content-type"], "application/json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(
    /// The value.
    pub T,
);

impl<T: Serialize> IntoResponse for Json<T> {
    /// With content type `application/json`; 500 if the value has no JSON form, such as a map with keys that are no text.
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => {
                let mut response = Response::new(json.into());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().append(header::CONTENT_TYPE, json);
                response
            }
            Err(error) => Problem::from(JsonError::Unwritable(error)).into_response(),
        }
    }
}

/// Why there is no JSON.
///
/// ```
/// use flint_sdk::http::{JsonError, Problem, StatusCode};
///
/// let problem = Problem::from(JsonError::ContentType);
/// assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The request says that its body is something else.
    #[error("the body has to be application/json")]
    ContentType,
    /// The body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is no JSON, or not of the expected form.
    #[error("the body is not the expected JSON: {0}")]
    Syntax(serde_json::Error),
    /// The value to be sent has no JSON form.
    #[error("a value can't be written as JSON: {0}")]
    Unwritable(serde_json::Error),
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let (status, code) = match error {
            JsonError::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "json/content-type"),
            JsonError::Body(error) => return error.into(),
            JsonError::Syntax(_) => (StatusCode::BAD_REQUEST, "json/syntax"),
            JsonError::Unwritable(_) => (StatusCode::INTERNAL_SERVER_ERROR, "json/unwritable"),
        };
        Self::new(status).code(code).detail(error.to_string())
    }
}
