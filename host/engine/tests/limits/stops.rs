//! What stops an instance: its CPU time, the wall time, its memory, and a caller who goes away.

use crate::harness::{call, on_demand, patient, pool, pool_of, slots};
use crate::{BOUNDED, GUEST, TWO_MEMORIES};
use flint_engine::admission::AdmissionOptions;
use flint_engine::deadline::{Elapsed, WithDeadline};
use flint_engine::fault::CpuExceeded;
use flint_engine::snapshot::InitLimits;
use flint_engine::{Calls, Engine, Fault, Isolation, Limits, PoolOptions, Refusal, Settings, Start};
use flint_model::ByteSize;
use std::io::{Read, Write};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const KIB_64: u64 = 64 << 10;

fn limited(limits: Limits) -> PoolOptions {
    PoolOptions { limits, ..on_demand() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_spins_is_cut_at_its_cpu_limit_and_others_get_on_meanwhile() {
    let cpu = Duration::from_millis(500);
    let engine = Engine::new(&slots(8)).unwrap();
    let spinning = pool(&engine, GUEST, None, limited(Limits { cpu, ..Limits::default() })).await;
    // As many as there are threads.
    let spinners: Vec<_> = (0..2)
        .map(|_| {
            let pool = spinning.clone();
            tokio::spawn(async move {
                let mut lease = pool.lease().await.unwrap();
                let fault = call::<_, ()>(&mut lease, "spin", ()).await.unwrap_err();
                (fault, lease.meter().cpu())
            })
        })
        .collect();
    let answering = tokio::spawn(async move {
        let pool = pool(&engine, GUEST, None, on_demand()).await;
        let mut answers = 0;
        while spinning.running() > 0 {
            let answer: (u32,) = call(&mut pool.lease().await.unwrap(), "answer", ()).await.unwrap();
            assert_eq!(answer, (42,));
            answers += 1;
        }
        answers
    });
    for spinner in spinners {
        let (fault, used) = spinner.await.unwrap();
        assert_eq!(fault, Fault::Cpu(CpuExceeded(cpu)));
        assert!(used >= cpu, "it was cut after {used:?}");
    }
    let answers = answering.await.unwrap();
    // Far more where the machine has nothing else to do; without turns there would be none until a spinner has ended.
    assert!(answers >= 3, "only {answers} answers beside two guests that spin");
}

#[tokio::test]
async fn a_guest_that_spins_is_cut_at_the_wall_time_even_on_the_only_thread() {
    for calls in [Calls::Sequential, Calls::Concurrent] {
        is_cut_at_the_wall_time(calls).await;
    }
}

async fn is_cut_at_the_wall_time(calls: Calls) {
    let engine = Engine::new(&slots(2)).unwrap();
    let pool = pool_of(calls, &engine, GUEST, None, on_demand()).await;
    let limit = Duration::from_millis(50);
    let began = Instant::now();
    {
        let mut lease = pool.lease().await.unwrap();
        let spin = pin!(call::<_, ()>(&mut lease, "spin", ()));
        assert_eq!(WithDeadline::new(spin, engine.deadline(began, limit)).await, Err(Elapsed(limit)));
    }
    assert!((limit..Duration::from_secs(60)).contains(&began.elapsed()), "{:?}", began.elapsed());
    patient::until("its slot is free", || pool.running() == 0).await;
}

#[tokio::test]
async fn what_comes_over_a_socket_is_seen_at_each_turn_beside_a_guest_that_spins() {
    let cpu = Duration::from_millis(500);
    let engine = Engine::new(&slots(2)).unwrap();
    let pool = pool(&engine, GUEST, None, limited(Limits { cpu, ..Limits::default() })).await;
    let (mut here, there) = UnixStream::pair().unwrap();
    let echo = std::thread::spawn(move || {
        let mut there = there.into_std().unwrap();
        there.set_nonblocking(false).unwrap();
        let mut byte = [0];
        while there.read(&mut byte).is_ok_and(|length| length > 0) {
            there.write_all(&byte).unwrap();
        }
    });
    let spinning = tokio::spawn(async move { call::<_, ()>(&mut pool.lease().await.unwrap(), "spin", ()).await });
    let mut trips = 0;
    while !spinning.is_finished() {
        here.write_all(&[0]).await.unwrap();
        here.read_exact(&mut [0]).await.unwrap();
        trips += 1;
    }
    assert_eq!(spinning.await.unwrap(), Err(Fault::Cpu(CpuExceeded(cpu))));
    drop(here);
    echo.join().unwrap();
    // Where sockets are looked at after every 61st turn, eight.
    assert!(trips > 25, "only {trips} in the half second that a guest had");
}

#[tokio::test]
async fn memory_is_refused_at_the_limit_and_a_trap_after_that_is_told_as_such() {
    let engine = Engine::new(&slots(2)).unwrap();
    let limits = Limits { memory: ByteSize::bytes(4 * KIB_64), ..Limits::default() };
    let pool = pool(&engine, GUEST, None, limited(limits)).await;
    let mut lease = pool.lease().await.unwrap();
    // A page and an element are there from the start.
    assert_eq!(call(&mut lease, "grow", (2_u32,)).await, Ok((1_i32,)));
    assert_eq!(call(&mut lease, "grow", (1_u32,)).await, Ok((-1_i32,)), "the element is in the way");
    assert_eq!(call(&mut lease, "grow-table", (8191_u32,)).await, Ok((1_i32,)));
    assert_eq!(call(&mut lease, "grow-table", (1_u32,)).await, Ok((-1_i32,)));
    assert_eq!(lease.meter().memory_peak(), 4 * KIB_64);
    drop(lease);

    let mut lease = pool.lease().await.unwrap();
    assert_eq!(call::<_, ()>(&mut lease, "grow-or-trap", (4_u32,)).await, Err(Fault::Memory));
    let mut lease = pool.lease().await.unwrap();
    let trapped = call::<_, ()>(&mut lease, "trap", ()).await;
    assert!(matches!(&trapped, Err(Fault::Trap(text)) if text.contains("unreachable")), "{trapped:?}");
}

#[tokio::test]
async fn an_init_function_has_its_memory_and_its_time() {
    let load = async |memory: &str, init: &str, limits: InitLimits| {
        let module = format!("(core module $m (memory {memory}) (func (export \"init\") {init}))");
        let lifted =
            "(core instance $i (instantiate $m)) (func (export \"init\") (canon lift (core func $i \"init\")))";
        let bytes = wat::parse_str(format!("(component {module} {lifted})")).unwrap();
        let engine = Engine::new(&Settings { init: limits, ..slots(1) }).unwrap();
        engine.load(Calls::Concurrent, &bytes, Some("init"), None).await.map(drop).map_err(|error| error.to_string())
    };
    let limits = InitLimits { memory: ByteSize::mib(1), timeout: Duration::from_secs(60) };
    let grows =
        |pages: u32| format!("(if (i32.eq (i32.const -1) (memory.grow (i32.const {pages}))) (then (unreachable)))");
    load("1", &grows(15), limits).await.unwrap();
    let refused = load("1", &grows(200), limits).await.unwrap_err();
    assert!(refused.contains("`limits.init-memory-max` is 1"), "{refused}");
    // The library panics where it finds no room for what it reads.
    let refused = load("1 1", "", limits).await.unwrap_err();
    assert!(refused.contains("no snapshot can be taken"), "{refused}");
    let limits = InitLimits { timeout: Duration::from_millis(50), ..limits };
    let refused = load("1", "(loop $on (br $on))", limits).await.unwrap_err();
    assert!(refused.contains("`limits.init-timeout`, which is 50ms"), "{refused}");
}

#[tokio::test]
async fn what_an_event_used_does_not_change_with_the_next_one_in_its_instance() {
    let engine = Engine::new(&slots(2)).unwrap();
    let options = PoolOptions { isolation: Isolation::Serial { uses: 9 }, ..on_demand() };
    let pool = pool(&engine, GUEST, None, options).await;
    let mut lease = pool.lease().await.unwrap();
    call::<_, (u32,)>(&mut lease, "answer", ()).await.unwrap();
    let first = lease.meter();
    let used = (first.cpu(), first.memory_peak());
    lease.finish();
    let mut lease = pool.lease().await.unwrap();
    assert_eq!(lease.start(), Start::Reused);
    assert_eq!(call(&mut lease, "grow", (2_u32,)).await, Ok((1_i32,)));
    assert_eq!((first.cpu(), first.memory_peak()), used);
    assert_eq!(lease.meter().memory_peak(), 3 * KIB_64 + 8);
}

#[tokio::test]
async fn the_memories_of_an_instance_share_one_limit() {
    let engine = Engine::new(&slots(4)).unwrap();
    let limits = Limits { memory: ByteSize::bytes(10 * KIB_64), ..Limits::default() };
    let pool = pool(&engine, TWO_MEMORIES, None, limited(limits)).await;
    let mut lease = pool.lease().await.unwrap();
    assert_eq!(call(&mut lease, "grow-one", (5_u32,)).await, Ok((1_i32,)));
    assert_eq!(call(&mut lease, "grow-two", (4_u32,)).await, Ok((-1_i32,)), "alone it would fit");
    assert_eq!(call(&mut lease, "grow-two", (3_u32,)).await, Ok((1_i32,)));
}

#[tokio::test]
async fn growth_that_something_else_refuses_uses_nothing_up() {
    let engine = Engine::new(&slots(4)).unwrap();
    let pool = pool(&engine, BOUNDED, None, limited(Limits { memory: ByteSize::mib(128), ..Limits::default() })).await;
    let mut lease = pool.lease().await.unwrap();
    for _ in 0..3 {
        assert_eq!(call(&mut lease, "grow-bounded", (1023_u32,)).await, Ok((-1_i32,)), "its declared maximum");
        assert_eq!(call(&mut lease, "grow-table", (65_000_u32,)).await, Ok((-1_i32,)), "its declared maximum");
        assert_eq!(call(&mut lease, "grow", (1023_u32,)).await, Ok((-1_i32,)), "a slot has 16 MiB");
    }
    assert_eq!(call(&mut lease, "grow", (1_u32,)).await, Ok((1_i32,)));
    assert_eq!(lease.meter().memory_peak(), 3 * KIB_64 + 8, "three pages and an element");
}

#[tokio::test]
async fn an_instance_whose_first_memory_is_too_large_is_not_made() {
    let engine = Engine::new(&slots(4)).unwrap();
    let limits = Limits { memory: ByteSize::bytes(KIB_64), ..Limits::default() };
    let pool = pool(&engine, TWO_MEMORIES, None, limited(limits)).await;
    assert_eq!(pool.lease().await.err(), Some(Refusal::Fault(Fault::Memory)));
    assert_eq!(pool.running(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_frees_slot_and_place() {
    let engine = Engine::new(&slots(2)).unwrap();
    let admission = AdmissionOptions { concurrency: 2, ..AdmissionOptions::default() };
    let pool = pool(&engine, GUEST, None, PoolOptions { admission, ..on_demand() }).await;
    for _ in 0..200 {
        let cancelled = async {
            let mut lease = pool.lease().await.unwrap();
            call::<_, ()>(&mut lease, "spin", ()).await
        };
        assert!(tokio::time::timeout(Duration::from_millis(2), cancelled).await.is_err(), "it spins");
    }
    patient::until("both slots and both places are free", || pool.running() == 0).await;
    let mut leases = [pool.lease().await.unwrap(), pool.lease().await.unwrap()];
    for lease in &mut leases {
        assert_eq!(call(lease, "answer", ()).await, Ok((42_u32,)));
    }
}
