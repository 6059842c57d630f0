//! Says hello through the lean handler that takes requests whole: the shortest way from a request to an answer.

use flint_sdk::http::Params;

#[flint_sdk::http(buffered)]
async fn hello(params: Params) -> String {
    format!("Hello, {}!\n", params.get("name").unwrap_or("world"))
}
