//! A function, ready to be loaded.

use super::{Asynchronous, IpNet, Outbound};
use flint_model::{ByteSize, Grants, Secret, SecretName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A function: what it is made from, what it may use, what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Whether so many invocations are set aside for it, out of those of the host. If not, it shares what is left.
    pub is_reserved: bool,
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
    /// Largest body of a request that is streamed; none: no limit.
    pub http_body_max: Option<ByteSize>,
    /// Largest body of an answer that is streamed; none: no limit.
    pub http_response_max: Option<ByteSize>,
    /// How much one invocation may log.
    pub log_size_max: ByteSize,
    /// How many resources of the host an instance may hold.
    pub handles_max: usize,
    /// How many calls of key-value stores one invocation may make.
    pub kv_calls_max: usize,
    /// How much one invocation may read from and write to key-value stores.
    pub kv_size_max: ByteSize,
    /// Whether a request may choose the version that answers.
    pub version_header: bool,
    /// How it is invoked where nobody waits for its answer.
    pub asynchronous: Asynchronous,
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
    /// The internal networks that the names among them may lead to.
    pub outbound_internal: Vec<IpNet>,
    /// Calls of other hosts that one invocation may make.
    pub outbound_calls_max: usize,
    /// Bytes that one invocation may send to other hosts, and as many that it may receive.
    pub outbound_size_max: ByteSize,
    /// How long one call of another host may take.
    pub outbound_timeout: Duration,
    /// Calls of other hosts that all invocations have at once.
    pub outbound_concurrency: usize,
}

impl Function {
    /// The number of invocations that are set aside for it.
    pub fn reserved(&self) -> Option<usize> {
        self.is_reserved.then_some(self.concurrency)
    }
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
