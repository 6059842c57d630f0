//! `#[flint_sdk::init]`: `flint:platform/init-handler`.

pub use crate::bindings::init::export_init as export;
pub use crate::bindings::init::exports::flint::platform::init_handler::Guest;
