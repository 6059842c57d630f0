//! `#[flint_sdk::invoke]`: `flint:platform/invoke-handler`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::imports::flint::platform::types as wit;
use crate::{Failure, Payload};

pub use crate::bindings::invoke::export_invoke as export;
pub use crate::bindings::invoke::exports::flint::platform::invoke_handler::Guest;
pub use wit::Failure as Refusal;

/// What a handler can take: a [`Payload`] as it is, or any value that is read from JSON.
#[diagnostic::on_unimplemented(
    message = "a payload can't be read as `{Self}`",
    label = "has to be `Payload`, or a type that serde can deserialize",
    note = "derive it: `#[derive(serde::Deserialize)]`"
)]
pub trait FromPayload: Sized {
    /// Reads the payload.
    ///
    /// # Errors
    /// That the payload is of another form: a retry can't help.
    fn from_payload(payload: Payload) -> Result<Self, Failure>;
}

/// What a handler can answer when all went well: a [`Payload`] as it is, or any value that is written as JSON.
#[diagnostic::on_unimplemented(
    message = "an invocation can't answer `{Self}`",
    label = "has to be `Payload`, or a type that serde can serialize",
    note = "derive it: `#[derive(serde::Serialize)]`"
)]
pub trait IntoPayload {
    /// Writes the payload.
    ///
    /// # Errors
    /// That the value has no JSON form: a retry can't help.
    fn into_payload(self) -> Result<Payload, Failure>;
}

/// A handler's whole answer.
#[diagnostic::on_unimplemented(
    message = "`#[flint_sdk::invoke]` needs a handler that returns a `Result`, not `{Self}`",
    label = "has to be `Result<T, E>`",
    note = "`T` is a `Payload` or serializes, `E` turns into a `flint_sdk::Failure`"
)]
pub trait Answer {
    /// The two cases.
    ///
    /// # Errors
    /// The handler's.
    fn into_result(self) -> Result<Payload, Failure>;
}

impl FromPayload for Payload {
    fn from_payload(payload: Payload) -> Result<Self, Failure> {
        Ok(payload)
    }
}

impl<T: DeserializeOwned> FromPayload for T {
    fn from_payload(payload: Payload) -> Result<Self, Failure> {
        serde_json::from_slice(&payload).map_err(|error| {
            Failure::new("InvalidPayload", format!("the payload is not the expected JSON: {error}")).never()
        })
    }
}

impl IntoPayload for Payload {
    fn into_payload(self) -> Result<Payload, Failure> {
        Ok(self)
    }
}

impl<T: Serialize> IntoPayload for T {
    fn into_payload(self) -> Result<Payload, Failure> {
        Ok(serde_json::to_vec(&self)?.into())
    }
}

impl<T: IntoPayload, E: Into<Failure>> Answer for Result<T, E> {
    fn into_result(self) -> Result<Payload, Failure> {
        self.map_err(Into::into)?.into_payload()
    }
}

/// Answers an invocation of the host by a handler of the user.
///
/// # Errors
/// The handler's, or that the payload is of another form.
pub async fn serve<T, F>(payload: Vec<u8>, handler: impl FnOnce(T) -> F) -> Result<Vec<u8>, Refusal>
where
    T: FromPayload,
    F: Future<Output: Answer>,
{
    let answer = match T::from_payload(Payload(payload)) {
        Ok(value) => handler(value).await.into_result(),
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(payload) => Ok(payload.0),
        Err(failure) => Err(failure.into()),
    }
}
