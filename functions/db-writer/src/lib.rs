//! The pattern *reserved concurrency*: a queue smooths what comes, and two invocations at once write it.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a database takes for a row: what a store is too quick for.
const LATENCY: Duration = Duration::from_millis(5);

/// What is to be written.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Row {
    id: String,
    text: String,
}

#[flint_sdk::queue]
async fn write(message: Message<Row>) -> Result<(), kv::Error> {
    let row = message.body;
    time::sleep(LATENCY).await;
    // By its id: written twice, it is there once.
    kv::open("database").put(&format!("row/{}", row.id), &row).await?;
    Ok(())
}
