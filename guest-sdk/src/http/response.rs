//! Responses, and what turns into one.

use ::http::HeaderValue;
use bytes::Bytes;

use super::body::Body;
use super::problem::Problem;
use super::{HeaderName, StatusCode, header};

/// A response: that of crate `http`, with a [`Body`].
///
/// ```
/// use flint_sdk::http::{Body, Response, StatusCode};
///
/// let response: Response = Response::builder()
///     .status(StatusCode::FOUND)
///     .header("location", "https://example.com")
///     .body(Body::empty())
///     .unwrap();
/// ```
pub type Response<B = Body> = ::http::Response<B>;

/// What a handler can answer.
///
/// Texts and bytes are answered with 200; a [`StatusCode`] alone, or before another answer; headers as pairs between the
/// two; [`Json`](super::Json); and `Result`, whose error turns into a [`Problem`].
///
/// ```
/// use flint_sdk::http::{IntoResponse, Json, StatusCode};
///
/// let created = (StatusCode::CREATED, [("location", "/orders/7")], Json(7)).into_response();
/// assert_eq!(created.status(), 201);
/// assert_eq!(created.headers()["location"], "/orders/7");
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler can't answer `{Self}`",
    label = "is no HTTP response",
    note = "answer a `Response`, a text, `Json(value)`, a `StatusCode`, `(StatusCode, answer)`, or a `Result` of these \
            with an error that turns into a `Problem`"
)]
pub trait IntoResponse {
    /// Turns it into a response.
    ///
    /// ```
    /// use flint_sdk::http::{IntoResponse, StatusCode};
    /// assert_eq!(StatusCode::GONE.into_response().status(), 410);
    /// ```
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self;
        response
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        typed("application/octet-stream", self)
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Bytes::from(self).into_response()
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        typed("text/plain; charset=utf-8", self)
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        typed("text/plain; charset=utf-8", self)
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        *response.status_mut() = self.0;
        response
    }
}

/// A name that comes once takes the place of what the answer says under it; one that comes several times, such as `set-cookie`,
/// is sent as often. A name or a value that no header can have is answered with 500.
impl<K, V, const N: usize, T> IntoResponse for (StatusCode, [(K, V); N], T)
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
    T: IntoResponse,
{
    fn into_response(self) -> Response {
        let (status, headers, answer) = self;
        let mut response = (status, answer).into_response();
        let mut given: Vec<HeaderName> = Vec::with_capacity(N);
        for (name, value) in headers {
            let (Ok(name), Ok(value)) = (name.try_into(), value.try_into()) else {
                return Problem::internal("http/invalid-header").into_response();
            };
            if given.contains(&name) {
                response.headers_mut().append(name, value);
            } else {
                given.push(name.clone());
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl<T: IntoResponse, E: Into<Problem>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(answer) => answer.into_response(),
            Err(error) => error.into().into_response(),
        }
    }
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().append(header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::{IntoResponse, StatusCode};

    #[test]
    fn a_header_that_is_given_twice_is_there_twice_and_one_of_the_answer_is_replaced() {
        let headers = [("set-cookie", "a=1"), ("content-type", "text/css"), ("Set-Cookie", "b=2")];
        let response = (StatusCode::OK, headers, "").into_response();
        let values = |name: &str| response.headers().get_all(name).into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(values("content-type"), ["text/css"]);
    }
}
