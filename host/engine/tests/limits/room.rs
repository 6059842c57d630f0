//! Room: who is let in, what there are slots for, and how often an instance is used.

use crate::GUEST;
use crate::harness::{call, on_demand, patient, pool, pool_of, slots};
use flint_engine::admission::{AdmissionOptions, Overloaded};
use flint_engine::{Calls, Engine, Fault, Isolation, PoolOptions, Refusal, Settings, Start};
use std::sync::Mutex;
use std::time::Duration;

use Start::{OnDemand, Reused};

#[tokio::test]
async fn who_comes_over_the_limit_waits_and_who_waits_too_long_or_in_vain_is_refused() {
    let engine = Engine::new(&slots(4)).unwrap();
    let admission = AdmissionOptions { concurrency: 1, queue: 1, queue_timeout: Duration::from_millis(100) };
    let pool = pool(&engine, GUEST, None, PoolOptions { admission, ..on_demand() }).await;
    let refused = Some(Refusal::Overloaded(Overloaded { limit: 1 }));
    let lease = pool.lease().await.unwrap();
    let (waited, came_third) = tokio::join!(pool.lease(), pool.lease());
    assert_eq!(waited.err(), refused, "it waited too long");
    assert_eq!(came_third.err(), refused, "there was no place to wait");
    let (next, ()) = tokio::join!(pool.lease(), async { drop(lease) });
    assert!(next.is_ok(), "it waited until the first was done");
    assert_eq!(pool.running(), 1);
}

#[tokio::test]
async fn a_host_without_a_free_slot_says_so_and_serves_again_when_there_is_one() {
    // The host's own count of those who run refuses first, or, where more may run than there are slots, the pool does.
    let counted = slots(2);
    let uncounted = Settings { admission: AdmissionOptions::default(), ..slots(2) };
    for settings in [counted, uncounted] {
        let engine = Engine::new(&settings).unwrap();
        let pool = pool(&engine, GUEST, None, on_demand()).await;
        let first = pool.lease().await.unwrap();
        let _second = pool.lease().await.unwrap();
        assert_eq!(pool.lease().await.err(), Some(Refusal::Fault(Fault::Exhausted)));
        assert_eq!(pool.running(), 2, "who was refused has left");
        drop(first);
        patient::until("the slot is free", || pool.running() == 1).await;
        let mut third = pool.lease().await.unwrap();
        assert_eq!(call(&mut third, "answer", ()).await, Ok((42_u32,)));
    }
}

#[tokio::test]
async fn who_finds_no_slot_waits_for_its_turn() {
    let settings = Settings { admission: AdmissionOptions::default(), ..slots(2) };
    let engine = Engine::new(&settings).unwrap();
    let pool = pool(&engine, GUEST, None, on_demand()).await;
    let held = [pool.lease().await.unwrap(), pool.lease().await.unwrap()];
    let order = Mutex::new(Vec::new());
    let wait = async |number: u32| {
        let lease = pool.lease().await.unwrap();
        order.lock().unwrap().push(number);
        drop(lease);
    };
    tokio::join!(wait(1), wait(2), wait(3), async {
        tokio::task::yield_now().await;
        drop(held);
    });
    assert_eq!(order.into_inner().unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn an_event_that_is_there_comes_before_those_that_another_function_may_get() {
    let engine = Engine::new(&slots(2)).unwrap();
    let greedy = pool(&engine, GUEST, None, PoolOptions { warm: 2, spares_max: 2, ..PoolOptions::default() }).await;
    patient::until("all slots are taken", || greedy.spares() == 2).await;
    let other = pool(&engine, GUEST, None, on_demand()).await;
    let mut lease = other.lease().await.unwrap();
    assert_eq!(call(&mut lease, "answer", ()).await, Ok((42_u32,)));
    assert_eq!(greedy.spares(), 1);
}

#[tokio::test]
async fn a_serial_instance_serves_its_number_of_events_unless_one_fails() {
    let engine = Engine::new(&slots(4)).unwrap();
    let isolation = Isolation::Serial { uses: 3 };
    let pool = pool(&engine, GUEST, None, PoolOptions { isolation, ..on_demand() }).await;
    let mut starts = Vec::new();
    for _ in 0..7 {
        let lease = pool.lease().await.unwrap();
        starts.push(lease.start());
        lease.finish();
    }
    assert_eq!(starts, [OnDemand, Reused, Reused, OnDemand, Reused, Reused, OnDemand]);
    let mut lease = pool.lease().await.unwrap();
    assert_eq!(lease.start(), Reused);
    call::<_, ()>(&mut lease, "trap", ()).await.unwrap_err();
    drop(lease);
    assert_eq!(pool.lease().await.unwrap().start(), OnDemand, "what failed is not used again");
}

#[tokio::test]
async fn instances_that_wait_for_another_event_leave_room_for_other_functions() {
    let engine = Engine::new(&slots(3)).unwrap();
    let options = PoolOptions { isolation: Isolation::Serial { uses: 100 }, spares_total_max: 2, ..on_demand() };
    let serial = pool(&engine, GUEST, None, options).await;
    let leases = [serial.lease().await.unwrap(), serial.lease().await.unwrap(), serial.lease().await.unwrap()];
    for lease in leases {
        lease.finish();
    }
    patient::until("the third is dropped", || serial.running() == 0).await;
    let other = pool(&engine, GUEST, None, on_demand()).await;
    assert_eq!(other.lease().await.err(), None, "no more than `spares_total_max` are kept");
    let starts = [serial.lease().await.unwrap(), serial.lease().await.unwrap()].map(|lease| lease.start());
    assert_eq!(starts, [Reused; 2]);
}

#[tokio::test]
async fn a_function_that_has_all_it_may_have_leaves_others_their_part() {
    let settings = Settings { core_instances_max: 20, admission: AdmissionOptions::default(), ..slots(6) };
    let engine = Engine::new(&settings).unwrap();
    let (memories, tables) = ("(memory 1)".repeat(8), "(table 10 funcref)".repeat(16));
    let module = format!("(core module $all {memories} {tables}) (core instance (instantiate $all))");
    let empty = "(core module $none)".to_owned() + &"(core instance (instantiate $none))".repeat(19);
    let greedy = pool(&engine, &format!("(component {module} {empty})"), None, on_demand()).await;
    let other = pool(&engine, GUEST, None, on_demand()).await;
    // Beyond one memory each, there are seven for all six: enough for one of these, and the next one waits.
    let first = greedy.lease().await.unwrap();
    let (waited, ()) = tokio::join!(greedy.lease(), async {
        for _ in 0..5 {
            assert_eq!(other.lease().await.err(), None, "it has one memory");
        }
        drop(first);
    });
    let _second = waited.unwrap();
    let refused = greedy.lease().await.err();
    assert_eq!(refused, Some(Refusal::Fault(Fault::Exhausted)), "it waited for too long");
    let mut lease = other.lease().await.unwrap();
    assert_eq!(call(&mut lease, "answer", ()).await, Ok((42_u32,)));
    let one_more = "(core instance (instantiate $none))";
    let too_many = wat::parse_str(format!("(component {module} {empty} {one_more})")).unwrap();
    let refused = engine.load(Calls::Concurrent, &too_many, None, None).await.err().unwrap().to_string();
    assert!(refused.contains("core module instances"), "{refused}");
}

#[tokio::test]
async fn who_waits_for_a_slot_is_given_none_that_is_of_the_other_kind() {
    let settings = Settings { admission: AdmissionOptions::default(), ..slots(1) };
    let engine = Engine::new(&settings).unwrap();
    let sequential = pool_of(Calls::Sequential, &engine, GUEST, None, PoolOptions::default()).await;
    sequential.prepare(1).await.unwrap();
    let concurrent = pool_of(Calls::Concurrent, &engine, GUEST, None, on_demand()).await;
    let _held = concurrent.lease().await.unwrap();
    let (refused, mut lease) = tokio::join!(concurrent.lease(), async {
        tokio::task::yield_now().await;
        // Nobody waits for this one.
        sequential.lease().await.unwrap()
    });
    assert_eq!(refused.err(), Some(Refusal::Fault(Fault::Exhausted)));
    assert_eq!((lease.start(), call(&mut lease, "answer", ()).await), (Start::Pooled, Ok((42_u32,))));
}

#[tokio::test]
async fn a_component_has_as_many_memories_and_tables_as_it_may() {
    let engine = Engine::new(&Settings { memories_max: 3, tables_max: 5, ..slots(1) }).unwrap();
    let load = async |memories: usize, tables: usize| {
        let (memories, tables) = ("(memory 1)".repeat(memories), "(table 1000 funcref)".repeat(tables));
        let module = format!("(core module $m {memories} {tables})");
        let text = format!("(component {module} (core instance (instantiate $m)) {SECOND})");
        engine.load(Calls::Concurrent, &wat::parse_str(text).unwrap(), None, None).await
    };
    // The second module has one of each.
    load(2, 4).await.map(drop).unwrap();
    for (memories, tables, told) in [(4, 1, "memories"), (3, 1, "memories"), (1, 6, "table"), (1, 5, "table")] {
        let refused = load(memories, tables).await.err().unwrap().to_string();
        assert!(refused.contains(told), "{memories} {tables}: {refused}");
    }
}

const SECOND: &str = "(core module $n (memory 1) (table 1 funcref)) (core instance (instantiate $n))";
