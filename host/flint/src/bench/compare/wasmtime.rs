//! `wasmtime serve`, with the very same component files: as it comes, and with what flint sets of the same pool.

use super::flint::{Platform, path};
use super::peer::{Missing, Peer, Server, spell, version};
use super::{Component, Reuse, wire};
use crate::bench::rival::Program;
use crate::error::Error;
use flint_engine::residency::Residency;
use std::cell::RefCell;
use std::path::Path;

pub(super) const MISSING: Missing =
    Missing { system: "wasmtime serve", install: "cargo install wasmtime-cli --version 48.0.8 --locked" };

/// The memory of a slot is kept and reset page by page, as by flint: the rest of the pool is as it comes.
const TUNED: [&str; 6] = [
    "-Opooling-allocator=y",
    "-Opooling-memory-keep-resident=2097152",
    "-Opooling-table-keep-resident=262144",
    "-Opooling-async-stack-keep-resident=65536",
    "-Opooling-pagemap-scan=y",
    "-Opooling-max-unused-warm-slots=1500",
];

/// The settings of whom these are given to.
pub(super) const POOL: &str = "the pool of flint";

/// How a server is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) component: Component,
    pub(super) reuse: Reuse,
    pub(super) is_tuned: bool,
}

/// As most people start it.
pub(super) const PLAIN: Setup = Setup { component: Component::Http02, reuse: Reuse::Fresh, is_tuned: false };

/// Those that are compared. Of 0.2 an instance serves one request by default; of 0.3 many, several at once.
const SETUPS: [Setup; 7] = [
    PLAIN,
    Setup { component: Component::Http03, reuse: Reuse::Fresh, is_tuned: false },
    Setup { component: Component::Http02, reuse: Reuse::Serial, is_tuned: false },
    Setup { component: Component::Http03, reuse: Reuse::Serial, is_tuned: false },
    Setup { component: Component::Http03, reuse: Reuse::Shared, is_tuned: false },
    Setup { component: Component::Http02, reuse: Reuse::Fresh, is_tuned: true },
    Setup { component: Component::Http03, reuse: Reuse::Fresh, is_tuned: true },
];

/// Those that can be started here: the pool of flint only where flint has it, too.
pub(super) fn setups() -> impl Iterator<Item = Setup> {
    let has_pool = Residency::detect().scans();
    SETUPS.into_iter().filter(move |setup| has_pool || !setup.is_tuned)
}

impl Setup {
    fn settings(self) -> String {
        let pool = if self.is_tuned { POOL } else { "as it comes" };
        match (self.reuse, self.component) {
            (Reuse::Fresh, Component::Http02) | (Reuse::Shared, _) => pool.to_owned(),
            (Reuse::Fresh, _) => format!("{pool}, reuse 1"),
            (Reuse::Serial, Component::Http02) => format!("{pool}, reuse 128"),
            (Reuse::Serial, _) => format!("{pool}, one at once"),
        }
    }

    fn flags(self) -> Vec<&'static str> {
        let reuse: &[&str] = match (self.reuse, self.component) {
            // As it comes.
            (Reuse::Fresh, Component::Http02) | (Reuse::Shared, Component::Http03) => &[],
            (Reuse::Fresh, _) => &["--max-instance-reuse-count", "1"],
            (Reuse::Serial, Component::Http02) => &["--max-instance-reuse-count", "128"],
            (Reuse::Serial | Reuse::Shared, _) => &["--max-instance-concurrent-reuse-count", "1"],
        };
        let tuned: &[&str] = if self.is_tuned { &TUNED } else { &[] };
        [&["-Scli=y"], tuned, reuse].concat()
    }
}

/// Starts one; none if there is no such program.
///
/// # Errors
/// If it does not listen.
pub(super) async fn start(program: &Path, setup: Setup, platform: &Platform) -> Result<Option<Server>, Error> {
    let Some(version) = version(program) else { return Ok(None) };
    let file = platform.file(setup.component);
    let command = RefCell::new(String::new());
    let process = Program::start(program, |address, _| {
        let mut arguments = vec!["serve".to_owned(), "--addr".to_owned(), address.to_string()];
        arguments.extend(setup.flags().into_iter().map(str::to_owned));
        arguments.push(file.display().to_string());
        *command.borrow_mut() = spell("wasmtime", &arguments, address);
        Ok(arguments)
    });
    let Some(process) = process.await? else { return Ok(None) };
    let peer = Peer {
        system: MISSING.system,
        variant: setup.component.with(setup.reuse),
        version,
        command: command.into_inner(),
        settings: setup.settings(),
    };
    let path = path(setup.component, setup.reuse);
    Ok(Some(Server::own(peer, process, |address| wire::get(address, &path))))
}
