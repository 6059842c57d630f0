//! How the process ends. Scripts rely on these numbers.

use std::process::ExitCode;

/// The exit codes, as `flint --help` lists them. The one that is missing, 2, is that of clap, for a command line that makes no
/// sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The work failed: a function answered with a failure, a key does not exist.
    Failed = 1,
    /// The configuration is not valid.
    Configuration = 3,
    /// A function could not be built.
    Build = 4,
    /// Something that is needed can't be had now: the address or the data folder is in use, no host answers.
    Unavailable = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The list for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  the work failed (a function answered with a failure, a key does not exist)
  2  the command line makes no sense
  3  the configuration is not valid
  4  a function could not be built
  5  something is not available now (address or data folder in use, no host answers)";
