//! The binary: command line, wiring, management. Depends on everything; nothing depends on it.
//!
//! [`cli`] says what can be asked, [`commands`] do it. [`load`] makes a platform of the configuration, with [`build`] and
//! [`inspect`] for the components; [`wire`] is the one place where the parts meet, [`up`] starts and stops them, [`live`] is
//! what is served and how it changes, [`admin`] manages what runs. All that is printed goes through [`output`]; every end of the process is an [`exit::Exit`].

mod admin;
mod bench;
mod build;
mod cli;
mod commands;
mod definitions;
mod descriptors;
mod error;
mod exit;
mod inspect;
mod live;
mod load;
mod machine;
mod output;
mod panics;
mod signing;
mod up;
mod wire;

use clap::Parser;
use exit::Exit;
use flint_triggers::request::thread_parks;
use output::Output;
use std::process::ExitCode;

/// An invocation makes and drops some hundred small objects: 4 to 10 % less than with the allocator of the C library. Large pages
/// for its heap (`MIMALLOC_ALLOW_LARGE_OS_PAGES`) gave no more than the noise, and see [`machine::use_small_pages`].
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before any thread: wasmtime would capture a backtrace for each error value, which halves the requests a second.
    flint_engine::backtrace::disable_capture();
    panics::count();
    // Prints help and mistakes of the command line itself, and ends with 0 or 2.
    let cli = cli::Cli::parse();
    let output = Output::new(cli.global.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_park(thread_parks).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output.note(format_args!("error: can't start the threads: {error}"));
            return Exit::Unavailable.into();
        }
    };
    let done = runtime.block_on(commands::run(cli, output));
    // A build that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            error.report(output);
            error.exit().into()
        }
    }
}
