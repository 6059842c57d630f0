//! The pattern *batch worker with partial failures*: of ten jobs that come at once one fails, and nine are done.
//!
//! A job counts the words of a text. Each message of a batch is tried by itself: what fails comes again alone, after a back-off,
//! and what can never succeed goes to the dead-letter queue at once. The trigger is transactional, so a result is there if, and
//! only if, its job is done: a job that fails *after* it has written leaves nothing behind, and the counter counts each job once,
//! however often it was tried.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Job {
    id: String,
    text: String,
    /// Where to send the result as well.
    forward: Option<String>,
    /// What goes wrong when all is written.
    trouble: Option<Trouble>,
    /// How often it goes wrong; always, if it isn't said.
    times: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Trouble {
    /// It fails, and might succeed later.
    Fail,
    /// It fails for good.
    Refuse,
    /// It takes the instance with it.
    Trap,
    /// It never ends.
    Spin,
}

/// What is kept under the id of a job.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Done {
    words: usize,
    /// How often it was tried.
    attempts: u32,
}

#[flint_sdk::queue]
async fn handle(batch: Batch<Job>) -> Result<BatchResult, Failure> {
    // One after the other, unless platform.toml says how many at once: then, if one fails, none of the others is done either.
    let at_once: Option<usize> = config::get("at-once")?.and_then(|number| number.parse().ok());
    log::info!("a batch came", jobs = batch.len());
    Ok(match at_once {
        Some(at_once) => batch.each_at_once(at_once, work).await,
        None => batch.each(work).await,
    })
}

async fn work(message: Message<Job>) -> Result<(), Failure> {
    let job = message.body;
    if job.text.is_empty() {
        return Err(Failure::new("ValidationError", format!("the job {} has no text", job.id)).never());
    }
    let results = kv::open("results");
    let done = Done { words: job.text.split_whitespace().count(), attempts: message.receive_count };
    results.put(&format!("job/{}", job.id), &done).await?;
    results.increment("done", 1).await?;
    if let Some(queue) = job.forward {
        queue::open(queue).send_message(Outgoing::json(&done)?.attribute("job", &job.id)).await?;
    }
    match job.trouble {
        Some(trouble) if job.times.is_none_or(|times| message.receive_count <= times) => go_wrong(trouble),
        _ => Ok(()),
    }
}

fn go_wrong(trouble: Trouble) -> Result<(), Failure> {
    match trouble {
        Trouble::Fail => Err(Failure::new("Busy", "the counter of words is busy")),
        Trouble::Refuse => Err(Failure::new("Unreadable", "nobody can read this").never()),
        Trouble::Trap => panic!("the job asked for it"),
        Trouble::Spin => loop {
            std::hint::spin_loop();
        },
    }
}
