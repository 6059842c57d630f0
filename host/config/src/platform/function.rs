//! A function, ready to be loaded.

use super::Outbound;
use flint_model::{ByteSize, Grants, Secret, SecretName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A function: what it is made from, what it may use, what it may do.
#[derive(Debug, Clone)]
pub struct Function {
    /// What its component is made from.
    pub source: FunctionSource,
    /// All memory of an instance together.
    pub memory: ByteSize,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long the head of an answer to an HTTP request may take; none: as long as the invocation.
    pub first_byte_timeout: Option<Duration>,
    /// How much CPU time an invocation may use.
    pub cpu: Duration,
    /// Invocations that run at once.
    pub concurrency: usize,
    /// Invocations that wait for their turn.
    pub queue: usize,
    /// How long an invocation waits for its turn.
    pub queue_timeout: Duration,
    /// Instances that are always kept ready.
    pub warm: usize,
    /// How many events an instance serves.
    pub isolation: Isolation,
    /// Largest payload or body that is handed over whole.
    pub request_size_max: ByteSize,
    /// Largest answer that is taken whole.
    pub response_size_max: ByteSize,
    /// Largest HTTP body that is streamed, either way; none: no limit.
    pub http_body_max: Option<ByteSize>,
    /// How much one invocation may log.
    pub log_size_max: ByteSize,
    /// How many resources of the host an instance may hold.
    pub handles_max: usize,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Values that are read through `wasi:config`.
    pub config: BTreeMap<String, String>,
    /// Secrets, read when the configuration was loaded.
    pub secrets: BTreeMap<SecretName, Secret>,
    /// What it may do with the platform's stores.
    pub grants: Grants,
    /// The hosts it may call.
    pub outbound: Vec<Outbound>,
}

/// What a component is made from. Paths are joined to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionSource {
    /// It is there already, in this file.
    Component(PathBuf),
    /// It is built from this folder.
    Folder {
        /// The folder.
        path: PathBuf,
        /// How to build it; none: it is a Rust crate, and flint knows how.
        build: Option<Build>,
    },
}

/// How to build a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// For a shell, in the function's folder.
    pub command: String,
    /// The file in which the command leaves the component.
    pub artifact: PathBuf,
}

/// How many events an instance serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// One: every invocation has a sandbox of its own.
    Fresh,
    /// Several, one after the other: what one leaves in memory, the next one sees.
    Serial {
        /// Events before the instance is replaced.
        uses: usize,
    },
    /// Several at once: they share memory, and a trap takes all of them down.
    Shared {
        /// Events before the instance is replaced.
        uses: usize,
    },
}
