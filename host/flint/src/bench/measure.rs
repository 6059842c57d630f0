//! Times one row.

use crate::bench::subject::Subject;
use crate::error::Error;
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Invocations before the figures are taken, or as many as are timed then: code, slots and stacks are touched.
const WARM_UP: u32 = 500;

/// The figures of a row, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) n: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// CPU time of the whole process an invocation: the making and the dropping of the instance included.
    pub(crate) cpu_us: f64,
    /// How long each took, in nanoseconds.
    #[serde(skip)]
    pub(crate) times: Histogram<u64>,
}

/// What is timed of an invocation, from the acceptance of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// To the last byte of the answer: the instance was there before, and is dropped when the answer has left.
    Answer {
        /// So many instances are made ahead, outside of the time, whenever they are used up.
        spares: usize,
        /// How long nothing happens before.
        idle: Duration,
    },
    /// To the end of the instance: it is made for the event and dropped behind it, a whole cold invocation.
    Whole,
}

impl Span {
    /// For a warm-up, which touches as much without.
    fn without_idleness(self) -> Self {
        match self {
            Self::Answer { spares, .. } => Self::Answer { spares, idle: Duration::ZERO },
            Self::Whole => Self::Whole,
        }
    }
}

/// Invokes one after the other, and times each.
///
/// # Errors
/// If an invocation fails.
pub(crate) async fn row(name: String, subject: &Subject, invocations: u32, span: Span) -> Result<Row, Error> {
    let mut times = times()?;
    round(subject, invocations.min(WARM_UP), span.without_idleness(), &mut |_| ()).await?;
    let cpu = cpu_time();
    round(subject, invocations, span, &mut |time| times.saturating_record(nanos(time))).await?;
    let cpu = cpu_time().saturating_sub(cpu);
    Ok(Row {
        name,
        n: times.len(),
        p50_us: micros(times.value_at_quantile(0.5)),
        p99_us: micros(times.value_at_quantile(0.99)),
        p999_us: micros(times.value_at_quantile(0.999)),
        cpu_us: cpu.as_secs_f64() * 1e6 / f64::from(invocations),
        times,
    })
}

/// Counts times in nanoseconds: an hour at most, to three digits.
///
/// # Errors
/// None: these are constants that fit.
pub(crate) fn times() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).map_err(|error| Error::Bug(error.to_string()))
}

/// Nanoseconds as microseconds.
pub(crate) fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

async fn round(subject: &Subject, invocations: u32, span: Span, taken: &mut impl FnMut(Duration)) -> Result<(), Error> {
    for _ in 0..invocations {
        if let Span::Answer { spares, idle } = span {
            if spares > 0 && subject.spares() == 0 {
                subject.prepare(spares).await?;
            }
            if !idle.is_zero() {
                tokio::time::sleep(idle).await;
            }
        }
        let event = subject.event()?;
        let start = Instant::now();
        subject.invoke(event).await?;
        let answered = start.elapsed();
        let_others_run().await;
        taken(if span == Span::Whole { start.elapsed() } else { answered });
    }
    Ok(())
}

/// Lets the runtime drop the instance, as it does when an answer has left.
///
/// Not `yield_now`, which asks the kernel for events each time.
async fn let_others_run() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A time in nanoseconds.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
