//! `flint bench cold-start`: time from an event to the guest's answer, by where the instance comes from.

use crate::cli;
use crate::error::Error;
use crate::output::Output;

/// Measures each row and prints the figures.
pub(crate) async fn run(_args: cli::ColdStart, _output: Output) -> Result<(), Error> {
    Err(Error::Bug("this build has no cold-start benchmark".to_owned()))
}
