//! No byte that one instance wrote is readable by another.
//!
//! Guests of many sizes share the slots of one pool in an order that is random but seeded. Each writes into its memories, its
//! tables and its globals, ends in one of the ways in which an instance can end, and the next in the slot looks at all it can
//! reach: the memory and the elements it starts with, and those it can grow. That is done with each way to reset a slot, and
//! both for images that are mapped from a file and for images that are copied.
//!
//! Not looked at: the stack of a guest. It lies outside of what a guest can address, and the locals of a function start as
//! zero by the language's rules, whatever the stack held.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

#[path = "../harness/mod.rs"]
mod harness;
mod tenant;

use flint_engine::residency::{Reason, Residency};
use flint_engine::{ArtifactCache, Calls, Engine, Fault, Isolation, Lease, Pool, PoolOptions, Preset, Settings, Start};
use harness::{Bare, call};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::sync::Arc;
use std::time::Duration;
use tenant::{Extent, TENANTS, Tenant};

/// So many instances are made of each pool of slots, by each of its drivers.
const ROUNDS: usize = 200;

/// So many take and drop instances at the same time.
const DRIVERS: usize = 2;

fn scan() -> Settings {
    Settings { residency: Some(Residency::Scan(Reason::Configured)), ..Settings::default() }
}

fn decommit() -> Settings {
    Settings { residency: Some(Residency::Decommit(Reason::Configured)), ..Settings::default() }
}

fn defaults() -> Settings {
    Settings { preset: Preset::WasmtimeDefaults, ..Settings::default() }
}

/// Where the images of components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Images {
    Mapped,
    Copied,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_instance_if_written_pages_are_found_by_scanning() {
    if !wasmtime::PoolingAllocationConfig::is_pagemap_scan_available() {
        println!("this kernel has no PAGEMAP_SCAN, so there is nothing to test");
        return;
    }
    nothing_is_left(&scan(), Images::Mapped).await;
    nothing_is_left(&scan(), Images::Copied).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_instance_if_memory_is_given_back() {
    nothing_is_left(&decommit(), Images::Mapped).await;
    nothing_is_left(&decommit(), Images::Copied).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_instance_with_the_defaults_of_wasmtime() {
    nothing_is_left(&defaults(), Images::Mapped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serial_does_see_what_the_event_before_left() {
    let engine = Engine::new(&harness::slots(64)).unwrap();
    for tenant in &TENANTS {
        let text = tenant.text();
        for extent in Extent::ALL {
            for seed in [2, 3] {
                let pool = harness::pool(&engine, &text, None, serial()).await;
                let mut lease = pool.lease().await.unwrap();
                write(tenant, &mut lease, "write", seed, extent).await.unwrap();
                lease.finish();
                let mut lease = pool.lease().await.unwrap();
                assert_eq!(lease.start(), Start::Reused);
                for suffix in tenant.suffixes() {
                    let found = found(&mut lease, suffix).await;
                    assert!(found >= 10, "{}, {extent:?}, seed {seed}: {found}", tenant.name);
                }
            }
        }
        let pool = harness::pool(&engine, &text, None, serial()).await;
        let mut lease = pool.lease().await.unwrap();
        receive(tenant, &mut lease).await;
        lease.finish();
        let left = found(&mut pool.lease().await.unwrap(), 'a').await;
        assert!(left >= 100, "{}: the host wrote 1,000 bytes, and {left} words are not as they were", tenant.name);
    }
}

fn serial() -> PoolOptions {
    PoolOptions { isolation: Isolation::Serial { uses: 2 }, ..harness::on_demand() }
}

/// Lets all tenants live in one pool of slots, for several sizes of it.
async fn nothing_is_left(settings: &Settings, images: Images) {
    let folder = tempfile::tempdir().unwrap();
    let cache = ArtifactCache::open(folder.path()).unwrap();
    for (slots, calls) in [(8, Calls::Sequential), (8, Calls::Concurrent), (64, Calls::Concurrent)] {
        let mut settings =
            Settings { residency: settings.residency.clone(), preset: settings.preset, ..harness::slots(slots) };
        // Some tenants have two memories, and slots are counted for each.
        settings.admission.concurrency = slots as usize * 3 / 8;
        let engine = Engine::new(&settings).unwrap();
        let mut pools = Vec::new();
        for tenant in &TENANTS {
            let cache = (images == Images::Mapped).then_some(&cache);
            pools.push((tenant, harness::pool_of(calls, &engine, &tenant.text(), cache, options(slots)).await));
        }
        let pools = Arc::new(pools);
        let held = slots as usize / 6;
        let drivers: Vec<_> = (0..DRIVERS)
            .map(|_| tokio::spawn(Driver { pools: Arc::clone(&pools), held, seed: rand::random() }.run(images)))
            .collect();
        for driver in drivers {
            driver.await.unwrap();
        }
    }
}

/// In a small pool every slot is for those that run; in a large one some hold spares, made long before they are looked at.
fn options(slots: u32) -> PoolOptions {
    if slots < 16 { harness::on_demand() } else { PoolOptions { warm: 1, spares_max: 2, ..PoolOptions::default() } }
}

/// Takes and drops instances.
struct Driver {
    pools: Arc<Vec<(&'static Tenant, Pool<Bare>)>>,
    /// So many at once.
    held: usize,
    seed: u64,
}

impl Driver {
    async fn run(self, images: Images) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut held: Vec<(&Tenant, Lease<Bare>)> = Vec::new();
        for round in 0..ROUNDS {
            while held.len() >= self.held || (!held.is_empty() && rng.random_ratio(1, 3)) {
                let (tenant, lease) = held.swap_remove(rng.random_range(0..held.len()));
                end(tenant, lease, &mut rng).await;
            }
            let (tenant, pool) = self.pools.choose(&mut rng).expect("there are tenants");
            let mut lease = pool.lease().await.unwrap();
            // One in four does not look: what is only written, never read before, takes other ways through the kernel.
            if rng.random_ratio(3, 4) {
                for suffix in tenant.suffixes() {
                    let found = found(&mut lease, suffix).await;
                    let (seed, name, start) = (self.seed, tenant.name, lease.start());
                    assert_eq!(found, 0, "seed {seed}, round {round}: {name}, {images:?}, {start:?}, module {suffix}");
                }
            }
            if rng.random_ratio(1, 2) {
                let extent = *Extent::ALL.choose(&mut rng).expect("there are some");
                write(tenant, &mut lease, "write", rng.random(), extent).await.unwrap();
            }
            held.push((tenant, lease));
        }
    }
}

/// Ends an instance, in one of the ways in which one can end, after it wrote.
async fn end(tenant: &Tenant, mut lease: Lease<Bare>, rng: &mut StdRng) {
    let extent = *Extent::ALL.choose(rng).expect("there are some");
    match rng.random_range(0..5) {
        0 => {
            write(tenant, &mut lease, "write", rng.random(), extent).await.unwrap();
            lease.finish();
        }
        1 => {
            let trapped = write(tenant, &mut lease, "trap", rng.random(), extent).await;
            assert!(matches!(trapped, Err(Fault::Trap(_))), "{trapped:?}");
        }
        2 => {
            let spinning = write(tenant, &mut lease, "spin", rng.random(), extent);
            assert!(tokio::time::timeout(Duration::from_millis(2), spinning).await.is_err(), "it spins");
        }
        3 => receive(tenant, &mut lease).await,
        _ => drop(lease),
    }
}

async fn write(tenant: &Tenant, lease: &mut Lease<Bare>, export: &str, seed: u64, extent: Extent) -> Result<(), Fault> {
    for suffix in tenant.suffixes() {
        call::<_, ()>(lease, &format!("{export}-{suffix}"), (seed, extent.number())).await?;
    }
    Ok(())
}

/// Has the host write into the guest.
async fn receive(tenant: &Tenant, lease: &mut Lease<Bare>) {
    for suffix in tenant.suffixes() {
        call::<_, ()>(lease, &format!("receive-{suffix}"), (vec![0x5A_u8; 1000],)).await.unwrap();
    }
}

/// How many words, elements, sizes and globals are not as they were at first.
async fn found(lease: &mut Lease<Bare>, suffix: char) -> u64 {
    let (found,): (u64,) = call(lease, &format!("scan-{suffix}"), ()).await.unwrap();
    found
}
