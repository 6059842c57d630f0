//! `wasi:cli/exit`: a guest that ends itself has failed, whatever its status says, since nobody gets its answer.

use crate::state::State;
use flint_engine::fault::Exited;
use wasmtime_wasi::{p2, p3};

fn exit(status: Result<(), ()>) -> wasmtime::Result<()> {
    Err(Exited(u8::from(status.is_err())).into())
}

fn exit_with_code(status: u8) -> wasmtime::Result<()> {
    Err(Exited(status).into())
}

impl p2::bindings::cli::exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        exit(status)
    }

    fn exit_with_code(&mut self, status: u8) -> wasmtime::Result<()> {
        exit_with_code(status)
    }
}

impl p3::bindings::cli::exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        exit(status)
    }

    fn exit_with_code(&mut self, status: u8) -> wasmtime::Result<()> {
        exit_with_code(status)
    }
}
