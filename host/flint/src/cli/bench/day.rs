//! The load whose cost `flint bench compare` tells.

use clap::{Args, ValueEnum};
use flint_model::ByteSize;
use std::path::PathBuf;

/// A day, and the prices that it is reckoned with.
#[derive(Debug, Args)]
pub(crate) struct Day {
    /// The cost of so many requests a day is told, spread evenly
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) requests_per_day: u64,
    /// The function that answers them
    #[arg(long, value_name = "FUNCTION", default_value = "hello-buffered")]
    pub(crate) day_function: DayFunction,
    /// Memory that a Lambda would be given, 128MiB to 10240MiB
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = lambda_memory)]
    pub(crate) lambda_memory: ByteSize,
    /// Of a hundred requests to a Lambda, so many would have a container created
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    pub(crate) cold_percent: f64,
    /// Prices, as TOML; without it, public list prices
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
}

/// A function that says hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DayFunction {
    HelloBuffered,
    #[value(name = "hello-02")]
    Hello02,
    #[value(name = "hello-plain-03")]
    HelloPlain03,
}

/// What AWS takes: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
fn lambda_memory(text: &str) -> Result<ByteSize, String> {
    let size = text.parse::<ByteSize>().map_err(|error| error.to_string())?;
    if (ByteSize::mib(128)..=ByteSize::mib(10_240)).contains(&size) {
        return Ok(size);
    }
    Err("a Lambda has 128MiB to 10240MiB".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err("it is 0 to 100".to_owned()) }
}
