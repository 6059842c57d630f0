//! Who is compared: what each row says of what was run, who is on this machine, and how they are started.

use super::load::Target;
use super::{flint, native, wasmtime, workerd};
use crate::bench::host::{Host, Memory};
use crate::bench::rival::Program;
use crate::cli;
use crate::error::Error;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// What was run, so that anybody can run it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Peer {
    pub(super) system: &'static str,
    /// What it is measured with: the interface, and how long an instance lives.
    pub(super) variant: String,
    pub(super) version: String,
    /// The command that started it, with `ADDRESS` and file names without their folder.
    pub(super) command: String,
    pub(super) settings: String,
}

/// The command of what nobody else's process answers.
pub(super) const IN_PROCESS: &str = "flint bench compare, in its own process";

/// One that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Missing {
    pub(super) system: &'static str,
    /// What installs it.
    pub(super) install: &'static str,
}

/// One that was found, and does not do here what it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Broken {
    pub(super) system: &'static str,
    /// What it said.
    pub(super) reason: String,
}

/// A server that answers.
pub(super) struct Server {
    pub(super) peer: Peer,
    pub(super) target: Target,
    pub(super) process: Process,
}

/// Who runs for as long as the server is kept.
pub(super) enum Process {
    Own {
        program: Program,
    },
    /// One that serves others, too.
    Host {
        host: Arc<Host>,
    },
}

/// A server that flint is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rival {
    Wasmtime(wasmtime::Setup),
    Workerd,
    Native,
}

impl Rival {
    /// Those that are on this machine, and those that are not.
    pub(super) fn find(args: &cli::BenchCompare) -> (Vec<Self>, Vec<Missing>) {
        let (mut found, mut missing) = (vec![Self::Native], Vec::new());
        match version(&args.wasmtime) {
            Some(_) => found.extend(wasmtime::setups().map(Self::Wasmtime)),
            None => missing.push(wasmtime::MISSING),
        }
        match version(&workerd::program(&args.packages)) {
            Some(_) => found.push(Self::Workerd),
            None => missing.push(workerd::MISSING),
        }
        (found, missing)
    }

    /// Whether it is its program as most people start it, with a fresh instance for each request if it has any: one of each.
    pub(super) fn is_plain(self) -> bool {
        match self {
            Self::Wasmtime(setup) => setup == wasmtime::PLAIN,
            Self::Workerd | Self::Native => true,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// If it does not listen.
    pub(super) async fn start(self, args: &cli::BenchCompare, platform: &flint::Platform) -> Result<Server, Error> {
        let server = match self {
            Self::Wasmtime(setup) => wasmtime::start(&args.wasmtime, setup, platform).await?,
            Self::Workerd => workerd::start(&args.packages).await?,
            Self::Native => native::start().await?,
        };
        server.ok_or_else(|| Error::Bug("a program is gone that was there".to_owned()))
    }
}

impl Peer {
    /// Whether it is this variant of a system.
    pub(super) fn is(&self, system: &str, variant: &str) -> bool {
        self.system == system && self.variant == variant
    }
}

impl Server {
    /// One that has a process of its own.
    pub(super) fn own(peer: Peer, program: Program, request: impl FnOnce(SocketAddr) -> bytes::Bytes) -> Self {
        let target = Target::new(program.address, request(program.address));
        Self { peer, target, process: Process::Own { program } }
    }

    /// The program that runs for it alone; none of flint's, which serves others, too.
    pub(super) fn program(&self) -> Option<&Program> {
        match &self.process {
            Process::Own { program } => Some(program),
            Process::Host { .. } => None,
        }
    }

    /// How much memory its process has.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(super) fn memory_mib(&self, which: Memory) -> Result<f64, Error> {
        let kib = match &self.process {
            Process::Own { program } => program.memory_kib(which)?,
            Process::Host { host } => host.memory_kib(which)?,
        };
        Ok(kib / 1024.0)
    }
}

/// What a program says of its version; none if it is not on this machine.
pub(super) fn version(program: &Path) -> Option<String> {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout);
    // The name before it, and the revision behind it, say nothing more.
    said.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit())).map(str::to_owned)
}

/// A command as people read it: files without their folders.
pub(super) fn spell(program: &str, arguments: &[String], address: SocketAddr) -> String {
    let address = address.to_string();
    let word = |argument: &String| {
        let file = argument.starts_with('/').then(|| argument.rsplit('/').next()).flatten();
        file.unwrap_or(argument).replace(&address, "ADDRESS")
    };
    std::iter::once(program.to_owned()).chain(arguments.iter().map(word)).collect::<Vec<_>>().join(" ")
}
