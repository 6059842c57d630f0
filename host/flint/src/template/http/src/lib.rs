//! Answers HTTP requests.

use flint_sdk::prelude::*;

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .get("/{{name}}", hello)
        .get("/{{name}}/{who}", hello)
        .handle(request)
        .await
}

async fn hello(request: Request) -> Result<String, Problem> {
    let who = request.param("who").unwrap_or("world");
    log::info!("somebody is greeted", who = who);
    Ok(format!("Hello, {who}!\n"))
}
