//! Says hello: over HTTP, streaming by the standard, and to who invokes it.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

#[flint_sdk::http]
async fn hello(request: Request) -> String {
    greeting(request.param("name"))
}

/// Whom to greet; nobody is everybody.
#[derive(Deserialize)]
struct Guest {
    name: Option<String>,
}

#[derive(Serialize)]
struct Greeting {
    greeting: String,
}

#[flint_sdk::invoke]
async fn greet(guest: Guest) -> Result<Greeting, Failure> {
    let greeting = greeting(guest.name.as_deref());
    Ok(Greeting { greeting })
}

fn greeting(name: Option<&str>) -> String {
    format!("Hello, {}!\n", name.unwrap_or("world"))
}
