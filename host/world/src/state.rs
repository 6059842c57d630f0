//! What the store of an instance holds.

use crate::context::FunctionContext;
use crate::imports::http::Hooks;
use crate::imports::stores::Calls;
use crate::imports::transaction::Open;
use crate::invocation::Invocation;
use crate::log::{LogGate, Stdio};
use flint_engine::{Budget, HasBudget, Meter};
use flint_telemetry::Source;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of a store: what the function was given, and the invocation that runs.
pub(crate) struct State {
    /// The budget and the invocation are there, where `wasi:http` can see them too.
    hooks: Hooks,
    pub(crate) function: Arc<FunctionContext>,
    pub(crate) table: ResourceTable,
    gate: Option<Arc<LogGate>>,
    /// Made with the first call.
    store_calls: Option<Arc<Calls>>,
    /// What stands in the place of the stores; none: the changes of each call are durable by themselves.
    pub(crate) open: Option<Open>,
    /// How many transactions the guest has begun.
    pub(crate) transactions: u64,
    /// Made when the guest asks for the first time: that costs 1 to 5 µs, and many guests never do.
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
}

impl State {
    pub(crate) fn new(budget: Budget, function: Arc<FunctionContext>) -> Self {
        let (mut table, mut http) = (ResourceTable::new(), WasiHttpCtx::new());
        http.set_field_size_limit(function.head_max.size.as_usize());
        // What stands behind a handle is the host's memory, which the guest's limit does not see.
        table.set_max_capacity(function.handles_max);
        Self {
            hooks: Hooks::new(budget, Arc::clone(&function.outbound)),
            function,
            table,
            gate: None,
            store_calls: None,
            open: None,
            transactions: 0,
            wasi: None,
            http,
        }
    }

    /// Starts an invocation.
    pub(crate) fn begin(&mut self, invocation: &Invocation) {
        if let Some(gate) = &self.gate {
            gate.begin(invocation);
        }
        self.hooks.begin(invocation);
        self.open = None;
    }

    /// The invocation that runs; none while the instance is made.
    pub(crate) fn invocation(&self) -> Option<&Invocation> {
        self.hooks.invocation.as_ref()
    }

    /// How long the invocation may still run.
    pub(crate) fn remaining(&self) -> Duration {
        self.hooks.remaining()
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        self.hooks.budget.meter()
    }

    /// Where lines of this instance go.
    pub(crate) fn log_gate(&mut self) -> &Arc<LogGate> {
        self.gate
            .get_or_insert_with(|| Arc::new(LogGate::new(Arc::clone(&self.function), self.hooks.invocation.as_ref())))
    }

    /// Where the store calls of this instance wait for their turn.
    pub(crate) fn store_calls(&mut self) -> &Arc<Calls> {
        let held_max = self.hooks.budget.limits().memory;
        self.store_calls.get_or_insert_with(|| Arc::new(Calls::new(held_max)))
    }

    fn make_wasi(&mut self) -> WasiCtx {
        let gate = Arc::clone(self.log_gate());
        let mut builder = WasiCtxBuilder::new();
        // No file, no socket, no name look-up, no standard input: the builder starts with nothing.
        builder
            .envs(&self.function.environment)
            .stdout(Stdio::new(Arc::clone(&gate), Source::Stdout))
            .stderr(Stdio::new(gate, Source::Stderr));
        builder.build()
    }
}

impl HasBudget for State {
    fn budget(&mut self) -> &mut Budget {
        &mut self.hooks.budget
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            self.wasi = Some(self.make_wasi());
        }
        let ctx = self.wasi.as_mut().expect("made a line above");
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// Gives the host functions of the platform their [`State`].
pub(crate) struct Platform;

impl HasData for Platform {
    type Data<'a> = &'a mut State;
}
