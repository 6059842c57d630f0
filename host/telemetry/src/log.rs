//! What a guest says: lines of `wasi:logging`, of standard output and of standard error.

use flint_model::{InvocationId, TraceContext};
use std::fmt;

/// How much a line matters. In order: `Trace < Debug < … < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What happens.
    Info,
    /// What may need somebody's attention.
    Warn,
    /// What failed.
    Error,
    /// What stops the whole from working.
    Critical,
}

impl Level {
    /// The word for it, in lower case.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

/// Which way a line came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `wasi:logging`.
    Log,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
}

impl Source {
    /// The word for it, in lower case.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One line of a guest. The function is the one whose telemetry it is given to.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// The invocation that said it.
    pub invocation: InvocationId,
    /// The span of the invocation.
    pub trace: &'a TraceContext,
    /// How much it matters.
    pub level: Level,
    /// What the guest calls the context of it; often empty.
    pub context: &'a str,
    /// The text, without the line break at its end.
    pub message: &'a str,
    /// Which way it came.
    pub source: Source,
}
