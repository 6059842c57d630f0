//! For tests: counts how often something was done, so that a test can tell that it was done once.

use flint_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// Something to do.
#[derive(Debug, Deserialize)]
struct Deed {
    /// Under this key it is counted.
    key: String,
    /// So often it fails before it goes well.
    #[serde(default)]
    fails: i64,
}

/// Counts, and answers what it was asked.
#[flint_sdk::invoke]
async fn tally(asked: Value) -> Result<Value, Failure> {
    let deed = Deed::deserialize(&asked).map_err(|error| Failure::new("BadDeed", error.to_string()).never())?;
    let count = kv::open("tallies").increment(&deed.key, 1).await?;
    match count <= deed.fails {
        true => Err(Failure::new("Busy", format!("{count} of {} failures", deed.fails))),
        false => Ok(asked),
    }
}
