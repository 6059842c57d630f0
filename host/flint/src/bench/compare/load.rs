//! Requests over connections: each again as soon as it has its answer, for a time; or all of them at once.
//!
//! One thread asks, with a runtime of its own or without any, whoever it is that answers: so nobody's server shares a runtime with it.

use super::ratio;
use super::wire::{Blocking, Connection};
use crate::bench::measure::{micros, nanos, times};
use crate::error::Error;
use bytes::Bytes;
use hdrhistogram::Histogram;
use rand::RngExt as _;
use serde::Serialize;
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// Who is asked, and for what: one of the requests each time, by chance.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) requests: Arc<[Bytes]>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answers {
    /// Those that came within the span.
    in_time: u64,
    /// How long each took that succeeded, in nanoseconds.
    pub(super) times: Histogram<u64>,
    /// Those that had no answer, or one that tells of a failure.
    pub(super) failed: u64,
    pub(super) span: Duration,
    /// Those that were counted with these, in their order.
    rounds: Vec<Round>,
}

/// What came of one round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Round {
    pub(super) per_second: f64,
    pub(super) p99_us: f64,
}

/// The same for people.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) max_us: f64,
    pub(super) failed: u64,
    /// Of how many percent of the answers it is known how long they took, in microseconds, at most.
    pub(super) percentiles: Vec<(f64, f64)>,
    /// Of each round alone, in their order.
    pub(super) rounds: Vec<Round>,
}

/// The percentiles that are told.
const PERCENTILES: [f64; 12] = [1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.99];

impl Target {
    /// One that is always asked for the same.
    pub(super) fn new(address: SocketAddr, request: Bytes) -> Self {
        Self { address, requests: [request].into() }
    }

    /// Asks once over a connection of its own, and answers the body.
    ///
    /// # Errors
    /// If there is no answer, or one that tells of a failure.
    pub(super) async fn once(&self) -> Result<Vec<u8>, Error> {
        patiently(self.however_long()).await?
    }

    /// The same, of whom it may take for ever.
    ///
    /// # Errors
    /// If there is an answer that tells of a failure, or none any more.
    pub(super) async fn however_long(&self) -> Result<Vec<u8>, Error> {
        self.again(&mut self.connect().await?).await
    }

    /// A connection that is kept open.
    ///
    /// # Errors
    /// If nobody listens.
    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        Connection::open(self.address).await.map_err(Error::io("connect"))
    }

    /// Asks over a connection that is open, and answers the body.
    ///
    /// # Errors
    /// If there is no answer, or one that tells of a failure.
    pub(super) async fn again(&self, connection: &mut Connection) -> Result<Vec<u8>, Error> {
        let status = connection.ask(self.request()).await.map_err(Error::io("ask for an answer"))?;
        let body = connection.body().map_err(Error::io("ask for an answer"))?;
        match status {
            200..300 => Ok(body),
            _ => Err(Error::Bug(format!("{}: {status}: {}", self.address, String::from_utf8_lossy(&body)))),
        }
    }

    fn request(&self) -> &Bytes {
        &self.requests[if self.requests.len() == 1 { 0 } else { rand::rng().random_range(0..self.requests.len()) }]
    }
}

impl Figures {
    /// Whether all were answered, so that times and rates say something.
    pub(super) fn is_whole(&self) -> bool {
        self.failed == 0 && self.p50_us > 0.0
    }

    /// The p99 of each round: their median.
    pub(super) fn median_p99_us(&self) -> f64 {
        let mut tails: Vec<_> = self.rounds.iter().map(|round| round.p99_us).collect();
        tails.sort_by(f64::total_cmp);
        ratio::median(&tails)
    }

    /// All rounds as one.
    pub(super) fn together(&self) -> Round {
        Round { per_second: self.per_second, p99_us: self.p99_us }
    }
}

impl Answers {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self { in_time: 0, times: times()?, failed: 0, span: Duration::ZERO, rounds: Vec::new() })
    }

    /// Counts those of one more round with these, as of one longer time.
    ///
    /// # Errors
    /// None: all count alike.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), Error> {
        self.in_time += other.in_time;
        self.failed += other.failed;
        self.span += other.span;
        self.rounds.push(Round { per_second: other.per_second(), p99_us: other.quantile_us(0.99) });
        self.times.add(&other.times).map_err(|error| Error::Bug(error.to_string()))
    }

    fn per_second(&self) -> f64 {
        self.in_time as f64 / self.span.as_secs_f64().max(1e-9)
    }

    fn quantile_us(&self, quantile: f64) -> f64 {
        micros(self.times.value_at_quantile(quantile))
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            per_second: self.per_second(),
            p50_us: self.quantile_us(0.5),
            p99_us: self.quantile_us(0.99),
            max_us: micros(self.times.max()),
            failed: self.failed,
            percentiles: PERCENTILES.map(|percent| (percent, self.quantile_us(percent / 100.0))).into(),
            rounds: self.rounds.clone(),
        }
    }

    fn note(&mut self, status: std::io::Result<u16>, took: Duration, is_in_time: bool) {
        if status.is_ok_and(|status| (200..300).contains(&status)) {
            self.times.saturating_record(nanos(took));
            self.in_time += u64::from(is_in_time);
        } else {
            self.failed += 1;
        }
    }
}

/// How long answers may take until they have failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many connections, each of which asks again as soon as it has its answer. Each has asked once before it counts.
///
/// # Errors
/// If nobody answers to begin with.
pub(super) async fn steady(target: &Target, connections: usize, time: Duration) -> Result<Answers, Error> {
    let target = target.clone();
    apart(async move || {
        let open = open(&target, connections).await?;
        let answers = Rc::new(RefCell::new(Answers::new()?));
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for mut connection in open {
            let (answers, target) = (Rc::clone(&answers), target.clone());
            asking.spawn_local(async move {
                while began.elapsed() < time {
                    let asked = Instant::now();
                    let status = connection.ask(target.request()).await;
                    let is_open = status.is_ok();
                    answers.borrow_mut().note(status, asked.elapsed(), began.elapsed() <= time);
                    if !is_open {
                        // Whoever does not listen any more fails again until the time is over, but not without a pause.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        connection = Connection::open(target.address).await.unwrap_or(connection);
                    }
                }
            });
        }
        let asked = async { while asking.join_next().await.is_some() {} };
        let is_over = tokio::time::timeout(time + PATIENCE, asked).await.is_ok();
        // An answer that comes late does not make those that came less a second.
        answers.borrow_mut().span = time;
        if !is_over {
            answers.borrow_mut().failed += asking.len() as u64;
            asking.shutdown().await;
        }
        own(answers)
    })
    .await
}

/// Connections of requests that come evenly.
const EVENLY: u32 = 16;

/// So many requests a second, each at its own moment, over a few connections; at least one.
///
/// A connection that still waits for an answer sends its next request late, and one that fails sends no more.
///
/// # Errors
/// If nobody answers to begin with.
pub(super) async fn evenly(target: &Target, per_second: f64, time: Duration) -> Result<Answers, Error> {
    let target = target.clone();
    apart(async move || {
        let requests = count(per_second * time.as_secs_f64());
        let connections = EVENLY.min(requests);
        let open = open(&target, connections as usize).await?;
        let answers = Rc::new(RefCell::new(Answers::new()?));
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for (first, mut connection) in (0..connections).zip(open) {
            let (answers, target) = (Rc::clone(&answers), target.clone());
            asking.spawn_local(async move {
                for number in (first..requests).step_by(connections as usize) {
                    let due = began + Duration::from_secs_f64(f64::from(number) / per_second);
                    tokio::time::sleep_until(due.into()).await;
                    let asked = Instant::now();
                    let status = patiently(connection.ask(target.request())).await;
                    let status = status.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
                    let is_open = status.is_ok();
                    answers.borrow_mut().note(status, asked.elapsed(), true);
                    if !is_open {
                        break;
                    }
                }
            });
        }
        while asking.join_next().await.is_some() {}
        answers.borrow_mut().span = began.elapsed();
        own(answers)
    })
    .await
}

/// A whole number of requests; at least one.
fn count(requests: f64) -> u32 {
    // Such a conversion ends at the bounds of the type.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let requests = requests.round() as u32;
    requests.max(1)
}

/// How long a server has to take all connections before it is asked over them.
const SETTLE: Duration = Duration::from_millis(200);

/// So many requests at once, each on a connection that is open already.
///
/// One thread sends them all, and takes the answers in the order of their requests: it costs the machine little, and since a time
/// is when an answer was taken, none is told shorter than it was.
///
/// # Errors
/// If nobody listens.
pub(super) async fn burst(target: &Target, requests: usize) -> Result<Answers, Error> {
    let target = target.clone();
    on_a_thread(move || {
        let open = (0..requests).map(|_| Blocking::open(target.address, PATIENCE)).collect::<std::io::Result<Vec<_>>>();
        let mut open = open.map_err(Error::io("connect"))?;
        let mut answers = Answers::new()?;
        // The kernel opens connections for a server that has not taken them yet.
        std::thread::sleep(SETTLE);
        // Whoever is sent last has waited since the first one.
        let began = Instant::now();
        let sent: Vec<_> = open.iter_mut().map(|connection| connection.send(target.request())).collect();
        for (connection, sent) in open.iter_mut().zip(sent) {
            let status = sent.and_then(|()| connection.answer(began + PATIENCE));
            answers.note(status, began.elapsed(), true);
        }
        answers.span = began.elapsed();
        Ok(answers)
    })
    .await
}

/// The answers, when nobody asks any more.
fn own(answers: Rc<RefCell<Answers>>) -> Result<Answers, Error> {
    Rc::into_inner(answers).map(RefCell::into_inner).ok_or_else(|| Error::Bug("a request still runs".to_owned()))
}

async fn open(target: &Target, connections: usize) -> Result<Vec<Connection>, Error> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let answered = async {
            let mut connection = Connection::open(target.address).await.map_err(Error::io("connect"))?;
            connection.ask(target.request()).await.map_err(Error::io("ask for a first answer"))?;
            Ok::<_, Error>(connection)
        };
        open.push(patiently(answered).await??);
    }
    Ok(open)
}

/// Waits for somebody who may never come back, but not for ever.
async fn patiently<T>(what: impl Future<Output = T>) -> Result<T, Error> {
    let late = |_| Error::Bug(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, what).await.map_err(late)
}

/// Does it on a thread of its own, which has a runtime.
async fn apart<T: Send + 'static>(what: impl AsyncFnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    on_a_thread(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io("start a runtime"))?;
        LocalSet::new().block_on(&runtime, what())
    })
    .await
}

async fn on_a_thread<T: Send + 'static>(what: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(what).await.map_err(|error| Error::Bug(format!("the load: {error}")))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn rounds_count_together_and_each_by_itself() {
        let mut all = Answers::new().expect("bounds");
        for (answers, micros) in [(10, 2), (30, 8)] {
            let mut round = Answers { span: Duration::from_secs(1), ..Answers::new().expect("bounds") };
            for _ in 0..answers {
                round.note(Ok(200), Duration::from_micros(micros), true);
            }
            all.add(&round).expect("the same bounds");
        }
        let figures = all.figures();
        // Times are told to three digits.
        assert_eq!((figures.per_second, figures.p50_us.round(), figures.median_p99_us().round()), (20.0, 8.0, 5.0));
        let rounds: Vec<_> = figures.rounds.iter().map(|round| (round.per_second, round.p99_us.round())).collect();
        assert_eq!(rounds, [(10.0, 2.0), (30.0, 8.0)]);
    }

    #[tokio::test]
    async fn no_answer_of_a_burst_is_told_shorter_than_it_was_and_those_that_fail_are_counted() {
        const WAIT: Duration = Duration::from_millis(50);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let target = Target::new(listener.local_addr().expect("its address"), Bytes::from_static(b"hello"));
        let serving = std::thread::spawn(move || {
            let open: Vec<_> = (0..10).map(|_| listener.accept().expect("a connection").0).collect();
            for mut connection in &open {
                connection.read_exact(&mut [0; 5]).expect("a request");
            }
            // The first of them is answered last, and one not at all.
            for (number, mut connection) in open.into_iter().enumerate().rev() {
                let status = if number == 7 { "503 Busy" } else { "200 OK" };
                let wait = if number == 0 { WAIT } else { Duration::ZERO };
                std::thread::sleep(wait);
                if number != 5 {
                    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").expect("an answer");
                }
            }
        });
        let answers = burst(&target, 10).await.expect("answers");
        serving.join().expect("the server");
        assert_eq!((answers.times.len(), answers.failed, answers.in_time), (8, 2, 8));
        let shortest = Duration::from_nanos(answers.times.min());
        assert!((WAIT * 9 / 10..WAIT * 100).contains(&shortest), "{shortest:?}");
    }
}
