//! What the benchmarks of queues and stores measure: a handler of messages that does nothing, and reads that are timed where
//! they are made.

use flint_sdk::prelude::*;
use std::time::Instant;

/// Reads between two looks at the clock, which costs about as much as a read.
const ROUND: u32 = 100;

#[flint_sdk::queue]
async fn take(batch: Batch<Payload>) -> BatchResult {
    batch.into_parts().1
}

/// Reads the key that the payload names, and answers how long each read took, in nanoseconds: one line a hundred reads.
#[flint_sdk::invoke]
async fn read(payload: Payload) -> Result<Payload, Failure> {
    let key = String::from_utf8_lossy(&payload).into_owned();
    let store = kv::open("yardstick");
    let mut lines = String::new();
    for _ in 0..20 {
        let began = Instant::now();
        for _ in 0..ROUND {
            if store.entry_bytes(&key).await?.is_none() {
                return Err(Failure::new("NoSuchKey", key).never());
            }
        }
        lines.push_str(&(began.elapsed() / ROUND).as_nanos().to_string());
        lines.push('\n');
    }
    Ok(lines.into())
}
