//! The loop, step by step, on stores in memory and a clock that is turned by hand.

use super::*;
use flint_model::ManualClock;
use flint_stores::conformance::Memory;
use flint_stores::{Catalog, QueueRules, Receive, Settle};
use parking_lot::Mutex;
use std::collections::BTreeMap;

#[derive(Default)]
struct Counts(Mutex<BTreeMap<&'static str, u64>>);

impl Observer for Counts {
    fn ticked(&self, _: &ScheduleName, ticked: Ticked, ticks: u64) {
        let word = if ticked == Ticked::Sent { "sent" } else { "passed over" };
        *self.0.lock().entry(word).or_default() += ticks;
    }
}

/// A schedule that ticks every ten seconds, from the hundredth second on, and holds two ticks at most.
struct Fixture {
    stores: Arc<dyn Stores>,
    clock: Arc<ManualClock>,
    counts: Arc<Counts>,
}

fn queue() -> QueueName {
    QueueName::parse("schedule/often").expect("a path")
}

impl Fixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(100_000)));
        let rules = QueueRules { length_max: 2, ..QueueRules::default() };
        let catalog = Catalog { queues: BTreeMap::from([(queue(), rules)]), ..Catalog::default() };
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        Self { stores: Arc::new(Memory::new(catalog, as_clock)), clock, counts: Arc::default() }
    }

    fn scheduler(&self, missed: Missed, overlap: Overlap) -> Scheduler {
        let options = Options {
            schedule: ScheduleName::parse("often").expect("a name"),
            when: Schedule::parse("every 10s", "UTC").expect("a pace"),
            missed,
            grace: Duration::from_secs(25),
            overlap,
            queue: queue(),
            payload: Bytes::from_static(b"go"),
        };
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        Scheduler::new(options, Arc::clone(&self.stores), clock, Arc::<Counts>::clone(&self.counts))
    }

    /// Lets time pass, and the scheduler deal with all that is due then.
    async fn after(&self, scheduler: &Scheduler, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        while scheduler.step().await.expect("a step").is_some_and(|next| next <= self.clock.now()) {}
    }

    /// When the ticks fell due that are in the queue, in seconds; they are done then.
    async fn take(&self) -> Vec<u64> {
        let receive = Receive { max: 10, ..Receive::default() };
        let received = self.stores.queues().receive(&queue(), receive).await.expect("a receive").messages;
        let due = received.iter().map(|one| due_at(&one.stored.message).expect("a tick").as_millis() / 1_000);
        let due = due.collect();
        for one in received {
            self.stores.commit(Commit::settle(vec![Settle::done(one.receipt)])).await.expect("a settlement");
        }
        due
    }

    fn counted(&self, what: &str) -> u64 {
        self.counts.0.lock().get(what).copied().unwrap_or(0)
    }
}

#[tokio::test]
async fn a_new_schedule_begins_now_and_then_sends_each_tick_once() {
    let fixture = Fixture::new();
    let [one, other] = [(); 2].map(|()| fixture.scheduler(Missed::RunOnce, Overlap::Send));
    fixture.after(&one, 0).await;
    assert_eq!(fixture.take().await, [0; 0]);
    fixture.after(&one, 10).await;
    fixture.after(&other, 0).await;
    assert_eq!(fixture.take().await, [110], "the other scheduler finds that it was sent");
    fixture.after(&other, 20).await;
    fixture.after(&one, 0).await;
    assert_eq!(fixture.take().await, [120, 130]);
    assert_eq!((fixture.counted("sent"), fixture.counted("passed over")), (3, 0));
}

#[tokio::test]
async fn two_schedulers_at_the_same_moment_send_a_tick_once() {
    let fixture = Fixture::new();
    let [one, other] = [(); 2].map(|()| fixture.scheduler(Missed::RunOnce, Overlap::Send));
    fixture.after(&one, 0).await;
    fixture.clock.advance(Duration::from_secs(10));
    let (last, now) = (fixture.stores.schedules().last(&one.options.schedule).await.expect("a tick"), 110_000);
    let decision = one.options.when.decide(last, Timestamp::from_millis(now), Missed::RunOnce, Duration::MAX);
    one.commit(last, &decision, true).await.expect("the first");
    let second = other.commit(last, &decision, true).await;
    assert!(matches!(second, Err(CommitError::Ticked { .. })), "{second:?}");
    assert_eq!(fixture.take().await, [110]);
}

#[tokio::test]
async fn ticks_that_nobody_was_there_for_run_once_or_are_passed_over() {
    for (missed, due, passed_over) in [(Missed::RunOnce, vec![200], 9), (Missed::Skip, vec![], 10)] {
        let fixture = Fixture::new();
        let scheduler = fixture.scheduler(missed, Overlap::Send);
        fixture.after(&scheduler, 0).await;
        fixture.clock.advance(Duration::from_secs(103));
        // So long ago is the newest that all are too late.
        let late =
            Scheduler { options: Options { grace: Duration::from_secs(2), ..scheduler.options.clone() }, ..scheduler };
        fixture.after(&late, 0).await;
        assert_eq!((fixture.take().await, fixture.counted("passed over")), (due, passed_over), "{missed:?}");
    }
}

#[tokio::test]
async fn a_tick_is_passed_over_while_one_before_it_is_not_done_if_it_shall_be() {
    let fixture = Fixture::new();
    let scheduler = fixture.scheduler(Missed::RunOnce, Overlap::PassOver);
    fixture.after(&scheduler, 0).await;
    fixture.after(&scheduler, 10).await;
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [110]);
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [130]);
    assert_eq!((fixture.counted("sent"), fixture.counted("passed over")), (2, 1));
}

#[tokio::test]
async fn a_tick_that_finds_the_queue_full_is_passed_over() {
    let fixture = Fixture::new();
    let scheduler = fixture.scheduler(Missed::RunOnce, Overlap::Send);
    for seconds in [0, 10, 10, 10] {
        fixture.after(&scheduler, seconds).await;
    }
    assert_eq!(fixture.take().await, [110, 120]);
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [140]);
    assert_eq!(fixture.counted("passed over"), 1);
}

#[tokio::test]
async fn a_clock_that_is_turned_back_brings_no_tick_again() {
    let fixture = Fixture::new();
    let scheduler = fixture.scheduler(Missed::RunOnce, Overlap::Send);
    fixture.after(&scheduler, 0).await;
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [110]);
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(105_000)));
    let back = Scheduler { clock: Arc::<ManualClock>::clone(&clock) as Arc<dyn Clock>, ..scheduler };
    back.step().await.expect("a step");
    clock.advance(Duration::from_secs(6));
    back.step().await.expect("a step");
    assert_eq!(fixture.take().await, [0; 0]);
    clock.advance(Duration::from_secs(9));
    back.step().await.expect("a step");
    assert_eq!(fixture.take().await, [120]);
}

/// It would be silent for as long as the clock was ahead. A clock that is wrong only now is waited for.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_years_ahead_does_not_silence_a_schedule() {
    let fixture = Fixture::new();
    let scheduler = fixture.scheduler(Missed::RunOnce, Overlap::Send);
    fixture.after(&scheduler, 0).await;
    let right = fixture.clock.now();
    fixture.clock.set(Timestamp::from_millis(4_000_000_000_000));
    fixture.after(&scheduler, 0).await;
    assert!(!fixture.take().await.is_empty(), "it was time then");
    fixture.clock.set(right);
    fixture.after(&scheduler, 10).await;
    tokio::time::advance(PATIENCE - Duration::from_millis(1)).await;
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [0; 0]);
    tokio::time::advance(Duration::from_millis(1)).await;
    fixture.after(&scheduler, 10).await;
    fixture.after(&scheduler, 10).await;
    fixture.after(&scheduler, 10).await;
    assert_eq!(fixture.take().await, [140, 150]);
}
