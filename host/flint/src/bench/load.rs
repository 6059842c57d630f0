//! Load on something that is to be durable: so many tasks, each again as soon as it has its answer, for some time.

use crate::bench::measure::{micros, times};
use crate::error::Error;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The bytes of a message or a value.
pub(super) const SIZE: usize = 256;
pub(super) static BODY: [u8; SIZE] = [b'x'; SIZE];

/// The figures of a system at a work.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) system: &'static str,
    pub(super) work: &'static str,
    pub(super) per_second: f64,
    /// How long one operation took, be it of one or of several.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

impl Row {
    /// Of operations that moved so many each.
    pub(super) fn new(
        system: &'static str,
        work: &'static str,
        each: usize,
        span: Duration,
        times: &Histogram<u64>,
    ) -> Self {
        Self {
            system,
            work,
            per_second: times.len() as f64 * each as f64 / span.as_secs_f64(),
            p50_us: micros(times.value_at_quantile(0.5)),
            p99_us: micros(times.value_at_quantile(0.99)),
        }
    }
}

/// What one task does: it makes an operation each time.
pub(super) trait Operation: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Has tasks work for a time; answers how long each operation took, and how long all of it.
///
/// # Errors
/// What an operation fails with.
pub(super) async fn work<O: Operation>(tasks: Vec<O>, time: Duration) -> Result<(Histogram<u64>, Duration), Error> {
    let began = Instant::now();
    let mut running = JoinSet::new();
    for mut operation in tasks {
        running.spawn(async move {
            let mut times = times()?;
            while began.elapsed() < time {
                let started = Instant::now();
                operation.once().await?;
                times.saturating_record(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
            Ok::<_, Error>(times)
        });
    }
    let mut all = times()?;
    while let Some(times) = running.join_next().await {
        let times = times.map_err(|error| Error::Bug(format!("a task: {error}")))??;
        all.add(times).map_err(|error| Error::Bug(error.to_string()))?;
    }
    Ok((all, began.elapsed()))
}

/// The rows, each beside flint's of the same work.
pub(super) fn table(title: &str, rows: &[Row]) -> String {
    let mut text = format!("{title}\n\n");
    // Writing to a string can't fail.
    _ = writeln!(
        text,
        "{:<34} {:<7} {:>12} {:>10} {:>10} {:>8}",
        "work", "system", "per s", "p50 µs", "p99 µs", "flint is"
    );
    for Row { system, work, per_second, p50_us, p99_us } in rows {
        let ours = rows.iter().find(|row| row.system == "flint" && row.work == *work);
        let ratio = match ours {
            Some(ours) if *system != "flint" && *per_second > 0.0 => format!("{:.1}x", ours.per_second / per_second),
            _ => String::new(),
        };
        _ = writeln!(text, "{work:<34} {system:<7} {per_second:>12.0} {p50_us:>10.1} {p99_us:>10.1} {ratio:>8}");
    }
    text
}
