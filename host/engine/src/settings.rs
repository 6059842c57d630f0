//! The settings of wasmtime, each with the figure that earned it.
//!
//! Figures: µs of store, instantiate, call and drop for an async event, 50th percentile, one thread of the development
//! machine; `flint bench cold-start` prints them anew as ratios of one run.

use crate::admission::AdmissionOptions;
use crate::residency::{Reason, Residency};
use crate::snapshot::InitLimits;
use flint_model::ByteSize;
use std::time::Duration;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How the engine is set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which configuration of wasmtime is used.
    pub preset: Preset,
    /// How many instances can be alive at once, of each of the two kinds (see [`Calls`](crate::Calls)): those that run and those that
    /// are spare.
    ///
    /// Each takes two memory maps of the kernel for its stack and up to four for its memory, so that
    /// `vm.max_map_count` (65,530 by default) allows about 10,900. With more than 4,000, both kinds have one pool.
    pub instances_max: u32,
    /// How many invocations of all functions without reserved ones run at once, how many wait, and for how long.
    /// `instances_max` has to have room for them, for those that are reserved, and for the spares.
    pub admission: AdmissionOptions,
    /// How large a linear memory can grow, of any function. At most 4 GiB.
    pub memory_max: ByteSize,
    /// How many core instances a component can be made of: one of the SDK has three, one composed of others theirs together.
    pub core_instances_max: u32,
    /// How many linear memories a component can have.
    pub memories_max: u32,
    /// How many tables a component can have.
    pub tables_max: u32,
    /// How many elements a table can have.
    pub table_elements_max: usize,
    /// How much stack a guest can use.
    pub stack_size_max: ByteSize,
    /// How much memory all instances together can have, each but for its first 4 MiB; none: as much as they are granted.
    pub guest_memory_max: Option<ByteSize>,
    /// How long an instance may take to start that is made ahead of its event.
    pub start_timeout: Duration,
    /// What an init function may use.
    pub init: InitLimits,
    /// How many slots are made resident ahead of their first use: 16 KiB each.
    pub touched_max: usize,
    /// How often a guest that runs on and on lets others run, and its CPU time is looked at. While none does, four times as long, which
    /// is also how late a time-out may be.
    pub tick: Duration,
    /// Whether `PAGEMAP_SCAN` is considered; none: decided at start.
    pub residency: Option<Residency>,
}

/// Which configuration of wasmtime is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// What makes cold starts fast.
    Tuned,
    /// wasmtime's pooling allocator with its default settings: what benchmarks compare with.
    WasmtimeDefaults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            preset: Preset::Tuned,
            instances_max: 1500,
            admission: AdmissionOptions { concurrency: 1000, queue: 1000, queue_timeout: Duration::from_secs(1) },
            memory_max: ByteSize::gib(4),
            core_instances_max: 50,
            memories_max: 8,
            tables_max: 16,
            table_elements_max: 100_000,
            stack_size_max: ByteSize::kib(512),
            guest_memory_max: None,
            start_timeout: Duration::from_secs(2),
            init: InitLimits::default(),
            touched_max: 1000,
            // Beside four that spin on two threads, a hello keeps 31 % of its requests a second with ticks of 1 ms alone, 44 % with 500 µs,
            // and 52 % with 250 µs. While nothing but a shared instance is there, the ticker takes 2 % of a core with 1 ms, and would take
            // 5 % with 250 µs.
            tick: Duration::from_micros(250),
            residency: None,
        }
    }
}

/// Each memory reserves 4 GiB of addresses, of which there are 128 TiB, and 85 TiB in one piece.
const MEMORIES_MAX: u32 = 19_000;

/// With more instances there is one pool for all. An instance of two pools takes 16 of the kernel's maps at worst: two for each of
/// two stacks, and four for each of three memories, since a pool keeps those that were used. A process may have 65,530.
const TWO_POOLS_MAX: u32 = 4000;

/// What a fiber has for the host's own calls, behind what the guest may use.
const HOST_STACK: usize = 1536 << 10;

/// What stays resident of a linear memory between two instances: a guest that touches more pays page faults for the rest.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;
const TABLE_KEEP_RESIDENT: usize = 256 << 10;
const STACK_KEEP_RESIDENT: usize = 64 << 10;

impl Settings {
    /// Decides about memory resets, if the settings leave it open.
    pub(crate) fn decide_residency(&self) -> Residency {
        match self.preset {
            Preset::WasmtimeDefaults => Residency::Decommit(Reason::Configured),
            Preset::Tuned => self.residency.clone().unwrap_or_else(Residency::detect),
        }
    }

    /// Memories beyond the first one of each instance, of all instances together.
    ///
    /// There are too few addresses for every instance to have the most that it may have. So who has several waits for these, and
    /// who has one never does.
    pub(crate) fn more_memories(&self) -> u32 {
        let most = self.instances_max.min(MEMORIES_MAX.saturating_sub(self.instances_max));
        most.max(self.memories_max.saturating_sub(1))
    }

    pub(crate) fn wasmtime_config(&self, residency: &Residency) -> Config {
        let mut config = language();
        // Without epochs a guest that spins could not be interrupted. No cost was measurable.
        config.epoch_interruption(true);
        let stack = self.stack_size_max.as_usize();
        config.max_wasm_stack(stack).async_stack_size(stack.saturating_add(HOST_STACK));
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(self.instances_max)
            // As much as if each instance had the most that it may have: a function of many tables or modules must not use up
            // what others need. What nobody uses costs addresses only.
            .total_core_instances(self.instances_max.saturating_mul(self.core_instances_max))
            .total_memories(self.instances_max.saturating_add(self.more_memories()))
            .total_tables(self.instances_max.saturating_mul(self.tables_max))
            // An idle spare keeps its stack.
            .total_stacks(self.instances_max)
            .max_core_instances_per_component(self.core_instances_max)
            .max_memories_per_component(self.memories_max)
            .max_memories_per_module(self.memories_max)
            .max_tables_per_component(self.tables_max)
            .max_tables_per_module(self.tables_max)
            .max_memory_size(self.memory_max.as_usize())
            .table_elements(self.table_elements_max);
        if self.preset == Preset::Tuned {
            // A slot that last served another component costs 33 to 43 µs with the default of 100, 14 to 19 with as many as
            // there are slots, 11 if it served the same.
            pooling.max_unused_warm_slots(self.instances_max);
            if residency.scans() {
                // 47 → 13.4 µs, but only both together: a large keep-resident alone clears memory that was never touched,
                // and makes it worse.
                pooling
                    .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
                    .table_keep_resident(TABLE_KEEP_RESIDENT)
                    .async_stack_keep_resident(STACK_KEEP_RESIDENT)
                    .pagemap_scan(Enabled::Yes);
            } else {
                // 47 → 30 µs: the best that was found without the scan.
                pooling.linear_memory_keep_resident(64 << 10).table_keep_resident(64 << 10);
            }
        }
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
        config
    }

    /// The same for [`Calls::Sequential`](crate::Calls), in a pool of its own; none beyond [`TWO_POOLS_MAX`].
    ///
    /// Two hosts in turns, 64 connections, medians of six turns: a hello of 0.2 takes 17 % less CPU a request with a fresh instance,
    /// and 11 % less with one that is used again, than where `async` is possible; one of 0.3, which is there in both, differs by 1 %.
    pub(crate) fn sequential_config(&self, concurrent: &Config) -> Option<Config> {
        (self.instances_max <= TWO_POOLS_MAX && self.preset == Preset::Tuned).then(|| {
            let mut config = concurrent.clone();
            config.wasm_component_model_async(false).concurrency_support(false);
            config
        })
    }
}

/// What guests may use of WebAssembly, but for what [`Settings::sequential_config`] leaves out: the same for running and for making
/// snapshots.
pub(crate) fn language() -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    // A trap's message keeps its code; its backtrace would cost an unwinding for each error on the way.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(32));
    // Offsets of instructions, which only a backtrace tells, and tables for native unwinding, which only a debugger reads: a
    // third of what a compiled component takes on disk and in memory.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    config
}
