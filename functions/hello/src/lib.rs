//! Says hello: over HTTP, and to who invokes it.

use flint_sdk::http::Params;
use flint_sdk::prelude::*;

#[flint_sdk::http]
async fn hello(params: Params) -> String {
    greeting(params.get("name"))
}

/// The payload is the name, as text.
#[flint_sdk::invoke]
async fn greet(payload: Payload) -> Result<Payload, Failure> {
    let name =
        std::str::from_utf8(&payload).map_err(|_| Failure::new("InvalidName", "a name is a UTF-8 text").never())?;
    Ok(greeting(Some(name)).into())
}

fn greeting(name: Option<&str>) -> String {
    let name = name.filter(|name| !name.is_empty()).unwrap_or("world");
    format!("Hello, {name}!\n")
}
