//! Spares: made ahead, brought back, as many as arrivals need, and given up when nobody comes.

use crate::GUEST;
use crate::harness::{call, on_demand, patient, pool, slots};
use flint_engine::{Engine, PoolOptions, Start};

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

#[tokio::test]
async fn all_functions_together_have_no_more_spares_than_the_host_allows() {
    let engine = Engine::new(&slots(64)).unwrap();
    let options = PoolOptions { spares_total_max: 5, ..spares(4, 4) };
    let first = pool(&engine, GUEST, None, options.clone()).await;
    patient::until("four spares", || first.spares() == 4).await;
    let second = pool(&engine, GUEST, None, options).await;
    patient::until("the fifth", || second.spares() == 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!((first.spares(), second.spares()), (4, 1), "after two reviews");
    drop(first);
    second.lease().await.unwrap();
    patient::until("room for more", || second.spares() == 4).await;
}
