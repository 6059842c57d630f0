//! `flint:platform/invoke-handler`: a payload in, a payload out.

use super::{Program, failure_of};
use crate::bindings::platform::types;
use crate::failure::Failure;
use bytes::Bytes;
use flint_engine::{Lease, Metered};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Calls the handler with a payload.
pub(crate) async fn call(mut lease: Lease<Program>, payload: Bytes) -> Result<Bytes, Failure> {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let Some(invoke) = &exports.invoke else { return Err(Failure::NoHandler("invoke")) };
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            invoke.flint_platform_invoke_handler().call_handle(accessor, payload.into()).await
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            answer.map(Bytes::from).map_err(Failure::from)
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let retry = match failure.retry {
            types::Retry::Never => None,
            types::Retry::Default => Some(Duration::ZERO),
            types::Retry::After(millis) => Some(Duration::from_millis(millis)),
        };
        Self::Handler { name: failure.name, message: failure.message, retry }
    }
}
