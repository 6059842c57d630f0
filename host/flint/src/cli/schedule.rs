//! `flint schedule`.

use super::Host;
use clap::{Args, Subcommand};
use flint_model::ScheduleName;

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder; if none does, opens the stores itself.

Examples:
  flint schedule list            when each is due, and what its last tick was
  flint schedule run cleanup     call its function now, beside its ticks
  flint queue peek schedule/cleanup/dead   ticks that were given up")]
pub(crate) struct Schedule {
    #[command(subcommand)]
    pub(crate) command: ScheduleCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Print all schedules, with their last and next ticks
    List,
    /// Send a tick that falls due now, and print its id
    Run {
        /// The schedule
        schedule: ScheduleName,
    },
}
