//! `flint bench`: measures.

use crate::bench;
use crate::cli::{self, BenchCommand};
use crate::error::Error;
use crate::output::Output;

/// Runs a benchmark and prints its figures.
pub(crate) async fn run(args: cli::Bench, output: Output) -> Result<(), Error> {
    match args.command {
        BenchCommand::ColdStart(args) => bench::cold_start::run(args, output).await,
        BenchCommand::Neighbours(args) => bench::neighbours::run(args, output).await,
        BenchCommand::Density(args) => bench::density::run(args, output).await,
        BenchCommand::Depth(args) => bench::depth::run(args, output).await,
        BenchCommand::Compare(args) => bench::compare::run(*args, output).await,
        BenchCommand::Queue(args) => bench::queue::run(args, output).await,
        BenchCommand::Kv(args) => bench::kv::run(args, output).await,
        BenchCommand::Workflow(args) => bench::workflow::run(args, output).await,
        BenchCommand::Blob(args) => bench::blob::run(args, output).await,
    }
}
