//! The end of an instance that serves several events at once, and what becomes of those events.

use crate::GUEST;
use crate::harness::{Bare, on_demand, pool, slots};
use flint_engine::admission::AdmissionOptions;
use flint_engine::shared::{End, Job};
use flint_engine::{Engine, Fault, Isolation, Pool, PoolOptions, Settings, Shared};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const SHARED: Isolation = Isolation::Shared { uses: 100 };

/// A pool whose only instance is shared, by as many events as come.
async fn only_one() -> (Pool<Bare>, Shared<Bare>) {
    let settings = Settings { admission: AdmissionOptions::default(), ..slots(1) };
    let engine = Engine::new(&settings).unwrap();
    let pool = pool(&engine, GUEST, None, PoolOptions { isolation: SHARED, ..on_demand() }).await;
    let shared = Shared::new(&pool).expect("it is shared");
    (pool, shared)
}

/// Runs a job to its end.
async fn run(shared: &Shared<Bare>, job: Job<Bare>) -> Result<(), Fault> {
    let ticket = shared.submit(job, End::WithJob).await.expect("there is room");
    tokio::time::timeout(Duration::from_secs(60), ticket).await.expect("it ends")
}

fn answers() -> Job<Bare> {
    Box::new(|_, _| Box::pin(async { Ok(()) }))
}

#[test]
fn an_event_waits_for_no_guest_that_computes_if_another_instance_is_ready() {
    let anywhere = Runtime::new().unwrap();
    let shared = anywhere.block_on(async {
        let settings = Settings { admission: AdmissionOptions::default(), ..slots(2) };
        let engine = Engine::new(&settings).unwrap();
        let pool = pool(&engine, GUEST, None, PoolOptions { isolation: SHARED, ..on_demand() }).await;
        pool.prepare(2).await.unwrap();
        Shared::new(&pool).expect("it is shared")
    });
    // Both events come on one core: on another they would look for another instance anyway.
    let mut core = CpuSet::new();
    core.set(sched_getcpu());
    let stay = move || sched_setaffinity(None, &core).expect("this thread was there");
    let here = Builder::new_multi_thread().worker_threads(2).on_thread_start(stay).enable_all().build().unwrap();
    let come = |job| {
        let shared = shared.clone();
        here.spawn(async move { run(&shared, job).await })
    };
    let ((entering, entered), (leave, leaving)) = (mpsc::channel(), mpsc::channel());
    let computes: Job<Bare> = Box::new(move |_, _| {
        entering.send(()).expect("the test listens");
        leaving.recv().expect("the test tells");
        Box::pin(async { Ok(()) })
    });
    let computed = come(computes);
    entered.recv_timeout(Duration::from_secs(60)).expect("it has begun");
    assert_eq!(here.block_on(come(answers())).expect("it ends"), Ok(()));
    leave.send(()).expect("it waits");
    assert_eq!(here.block_on(computed).expect("it ends"), Ok(()));
}

#[tokio::test]
async fn a_panic_ends_all_events_of_the_instance_and_another_one_serves_the_next() {
    let (_pool, shared) = only_one().await;
    assert_eq!(run(&shared, answers()).await, Ok(()));
    let waits: Job<Bare> = Box::new(|_, _| Box::pin(pending()));
    let panics: Job<Bare> = Box::new(|_, _| Box::pin(async { panic!("as asked") }));
    let (waited, panicked) = tokio::join!(run(&shared, waits), run(&shared, panics));
    assert!(waited.is_err() && waited == panicked, "{waited:?} and {panicked:?}");
    assert_eq!(run(&shared, answers()).await, Ok(()));
}

#[test]
fn an_instance_ends_with_the_runtime_that_ran_it_and_another_one_serves_the_next() {
    let (here, elsewhere) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (_pool, shared) = here.block_on(only_one());
    assert_eq!(elsewhere.block_on(run(&shared, answers())), Ok(()));
    drop(elsewhere);
    assert_eq!(here.block_on(run(&shared, answers())), Ok(()));
}

#[tokio::test]
async fn an_instance_without_events_ends_after_a_while() {
    let (pool, shared) = only_one().await;
    assert_eq!(run(&shared, answers()).await, Ok(()));
    assert!(pool.lease().await.is_err(), "the instance has the only slot");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let free = async {
        while pool.lease().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), free).await.expect("the slot is free");
}
