//! `flint:platform/secrets`: the secrets that platform.toml gives the function.

use crate::bindings::platform::secrets::{Error, Host, HostWithStore};
use crate::state::{Platform, State};
use wasmtime::component::Accessor;

impl Host for &mut State {}

impl<T> HostWithStore<T> for Platform {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<Vec<u8>, Error> {
        accessor.with(|mut access| {
            let secret = access.get().function.secrets.get(name.as_str());
            secret.map(|secret| secret.expose().to_vec()).ok_or(Error::NoSuchSecret(name))
        })
    }
}
