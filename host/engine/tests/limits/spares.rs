//! Spares: made ahead, brought back, as many as arrivals need, and given up when nobody comes.

use crate::harness::{Bare, call, on_demand, patient, pool, slots};
use crate::{GUEST, SPINS_AT_START, STARTS_SLOWLY};
use flint_engine::fault::CpuExceeded;
use flint_engine::{Engine, Fault, Isolation, Lease, Limits, Pool, PoolOptions, Start};
use std::time::Duration;

fn spares(warm: usize, spares_max: usize) -> PoolOptions {
    PoolOptions { warm, spares_max, ..PoolOptions::default() }
}

#[tokio::test]
async fn without_a_spare_the_instance_is_made_when_the_event_comes() {
    let engine = Engine::new(&slots(8)).unwrap();
    let pool = pool(&engine, GUEST, None, on_demand()).await;
    pool.prepare(2).await.unwrap();
    let mut leases = Vec::new();
    for expected in [Start::Pooled, Start::Pooled, Start::OnDemand] {
        let mut lease = pool.lease().await.unwrap();
        assert_eq!(lease.start(), expected);
        assert_eq!(call(&mut lease, "answer", ()).await, Ok((42_u32,)));
        leases.push(lease);
    }
}

#[tokio::test]
async fn the_floor_is_there_without_any_event_and_comes_back() {
    let engine = Engine::new(&slots(64)).unwrap();
    let pool = pool(&engine, GUEST, None, spares(4, 4)).await;
    for _ in 0..3 {
        patient::until("four spares", || pool.spares() == 4).await;
        for _ in 0..4 {
            assert_eq!(pool.lease().await.unwrap().start(), Start::Pooled);
        }
    }
}

#[tokio::test]
async fn a_single_spare_that_is_gone_is_replaced_however_long_that_takes() {
    let engine = Engine::new(&slots(64)).unwrap();
    let pool = pool(&engine, STARTS_SLOWLY, None, spares(4, 4)).await;
    for _ in 0..3 {
        patient::until("four spares", || pool.spares() == 4).await;
        assert_eq!(pool.lease().await.unwrap().start(), Start::Pooled);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spares_follow_the_arrivals_and_go_when_nobody_comes() {
    let engine = Engine::new(&slots(128)).unwrap();
    for floor in [0, 2] {
        let pool = pool(&engine, GUEST, None, spares(floor, 40)).await;
        // As many at once as there can be spares, so that they run out and are missed.
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                while pool.spares() < 20 {
                    let mut leases = Vec::new();
                    for _ in 0..30 {
                        leases.push(pool.lease().await.unwrap());
                    }
                    drop(leases);
                    tokio::task::yield_now().await;
                }
            }
        });
        patient::until("spares for those who come", || busy.is_finished()).await;
        busy.await.unwrap();
        patient::until("no more than the floor", || pool.spares() == floor).await;
    }
}

/// A function that keeps what it used, as long as there is room in all functions together.
fn keeps(spares_total_max: usize) -> PoolOptions {
    PoolOptions { isolation: Isolation::Serial { uses: 100 }, spares_total_max, ..on_demand() }
}

/// Runs so many events at once, and waits until their instances were kept or dropped.
async fn serve(pool: &Pool<Bare>, events: usize) {
    let mut leases = Vec::new();
    for _ in 0..events {
        leases.push(pool.lease().await.unwrap());
    }
    leases.into_iter().for_each(Lease::finish);
    patient::until("all have ended", || pool.running() == 0).await;
}

/// How many of so many events at once find an instance that was used before.
async fn reused(pool: &Pool<Bare>, events: usize) -> usize {
    let mut leases = Vec::new();
    for _ in 0..events {
        leases.push(pool.lease().await.unwrap());
    }
    leases.iter().filter(|lease| lease.start() == Start::Reused).count()
}

#[tokio::test]
async fn the_floor_of_a_function_holds_even_where_others_took_the_room() {
    let engine = Engine::new(&slots(64)).unwrap();
    let greedy = pool(&engine, GUEST, None, keeps(3)).await;
    serve(&greedy, 3).await;
    let modest = pool(&engine, GUEST, None, PoolOptions { spares_total_max: 3, ..spares(2, 2) }).await;
    patient::until("its floor", || modest.spares() == 2).await;
    assert_eq!(reused(&greedy, 3).await, 3);
}

#[tokio::test]
async fn all_functions_together_keep_no_more_beyond_their_floors_than_the_host_allows() {
    let engine = Engine::new(&slots(64)).unwrap();
    let modest = pool(&engine, GUEST, None, PoolOptions { spares_total_max: 5, ..spares(4, 4) }).await;
    let greedy = pool(&engine, GUEST, None, keeps(5)).await;
    // Whether the floor of the other one is filled yet makes no difference.
    serve(&greedy, 3).await;
    assert_eq!(reused(&greedy, 3).await, 1);
    patient::until("the floor", || modest.spares() == 4).await;
    patient::until("all have ended", || greedy.running() == 0).await;
    serve(&greedy, 3).await;
    assert_eq!(reused(&greedy, 3).await, 1);
    patient::until("all have ended", || greedy.running() == 0).await;
    drop(modest);
    // The refilling thread may hold it for a moment longer.
    let all_kept = async {
        while reused(&greedy, 3).await < 3 {
            patient::until("all have ended", || greedy.running() == 0).await;
            serve(&greedy, 3).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_kept).await.expect("room for more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_never_starts_is_given_up_and_keeps_no_other_from_its_spares() {
    let engine = Engine::new(&slots(8)).unwrap();
    let quick = |limit| PoolOptions { limits: limit, ..spares(1, 1) };
    let timeout = Limits { timeout: Duration::from_millis(200), ..Limits::default() };
    let stuck = pool(&engine, SPINS_AT_START, None, quick(timeout)).await;
    let given_up = stuck.prepare(1).await;
    assert!(matches!(&given_up, Err(Fault::Trap(why)) if why.contains("200ms")), "{given_up:?}");
    let cpu = Limits { cpu: Duration::from_millis(100), ..Limits::default() };
    let busy = pool(&engine, SPINS_AT_START, None, quick(cpu)).await;
    assert_eq!(busy.prepare(1).await, Err(Fault::Cpu(CpuExceeded(cpu.cpu))));
    let other = pool(&engine, GUEST, None, spares(2, 2)).await;
    patient::until("spares of another function", || other.spares() == 2).await;
}
