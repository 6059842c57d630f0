//! HTTP: requests and responses, streaming bodies, a small router, problem documents, and a [`client`].
//!
//! Requests and responses are those of crate [`http`](https://docs.rs/http), with a [`Body`] that can be read and written
//! piece by piece. A handler takes a [`Request`] and answers whatever is [`IntoResponse`]; `?` turns the errors of this
//! crate into problem documents.
//!
//! ```
//! use flint_sdk::http::{Json, Problem, Request, RequestExt};
//!
//! #[flint_sdk::http]
//! async fn double(request: Request) -> Result<Json<u64>, Problem> {
//!     let n: u64 = request.param_as("n")?;
//!     Ok(Json(n * 2))
//! }
//! ```

mod body;
mod channel;
pub mod client;
mod incoming;
mod json;
mod params;
mod pattern;
mod percent;
mod problem;
mod request;
mod response;
mod router;
pub(crate) mod wire;

pub use self::body::{Body, BodyError};
pub use self::channel::{Closed, Sender};
pub use self::client::{SendError, send};
pub use self::json::{Json, JsonError};
pub use self::params::{ParamError, Params};
pub use self::problem::Problem;
pub use self::request::{Request, RequestExt};
pub use self::response::{IntoResponse, Response};
pub use self::router::Router;

#[doc(no_inline)]
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
