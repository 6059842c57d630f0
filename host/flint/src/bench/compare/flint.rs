//! flint, as a host of its own: the components that the others run too, and the configuration that serves them.

use super::load::Target;
use super::peer::{Peer, Process, Server};
use super::work::{Task, Work};
use super::{Component, Reuse, wire};
use crate::bench::density::marked;
use crate::bench::host::Host;
use crate::bench::subject::{self, Kind};
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use rand::RngExt as _;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFIGURATION: &str = "platform.toml";

/// Those that are asked under steady load, each a function with a route of its own.
pub(super) const HELLOS: [(Component, Reuse); 6] = [
    (Component::Buffered, Reuse::Fresh),
    (Component::Http02, Reuse::Fresh),
    (Component::Http03, Reuse::Fresh),
    (Component::Http02, Reuse::Serial),
    (Component::Http03, Reuse::Serial),
    (Component::Http03, Reuse::Shared),
];

/// Marks of a component are below.
const MARKS: usize = 100_000_000;

/// Requests of an instance that serves many: as many as with wasmtime.
const USES: u32 = 128;

/// A folder with the components.
pub(super) struct Platform {
    folder: tempfile::TempDir,
}

/// A function of a configuration, with a route that begins with its name.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) path: String,
    pub(super) file: String,
    /// More lines of its section.
    pub(super) settings: String,
}

impl Component {
    const ALL: [Self; 7] =
        [Self::Http02, Self::Http03, Self::Buffered, Self::Misbehaving, Self::Deposit, Self::Shrink, Self::SlowStart];

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Http02 => "hello-02.wasm",
            Self::Http03 => "hello-03.wasm",
            Self::Buffered => "hello.wasm",
            Self::Misbehaving => "misbehave.wasm",
            Self::Deposit => "deposit.wasm",
            Self::Shrink => "shrink.wasm",
            Self::SlowStart => "slow-start.wasm",
        }
    }

    /// The function of the repository that it is built from.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Http02 => Kind::Http02.function(),
            Self::Http03 => Kind::Http03.function(),
            Self::Buffered => Kind::Hello.function(),
            Self::Misbehaving => Kind::Spin.function(),
            Self::Deposit => "deposit",
            Self::Shrink => "shrink",
            Self::SlowStart => Kind::SlowStart.function(),
        }
    }
}

impl Platform {
    /// Builds the functions.
    ///
    /// # Errors
    /// If one can't be built.
    pub(super) fn build(functions: &Path, progress: &Progress) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        progress.step("building the functions");
        let platform = Self { folder };
        let mut built = subject::components(functions, &Component::ALL.map(Component::function), progress)?;
        for component in Component::ALL {
            platform.put(component.file(), &built.remove(component.function()).unwrap_or_default())?;
        }
        Ok(platform)
    }

    /// Writes a file that a configuration may name.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        std::fs::write(self.folder.path().join(name), bytes).map_err(Error::io("write a file of the benchmark"))
    }

    /// Marks a component anew, so that nobody has seen it before; answers it.
    ///
    /// # Errors
    /// If its file can't be read or written.
    pub(super) fn renew(&self, component: Component) -> Result<Bytes, Error> {
        let seen = std::fs::read(self.file(component)).map_err(Error::io("read a component"))?;
        let marked = marked(&seen, rand::rng().random_range(0..MARKS));
        self.put(component.file(), &marked)?;
        Ok(marked.into())
    }

    /// Writes so many components that say hello, and answers a function for each.
    ///
    /// # Errors
    /// If one can't be written.
    pub(super) fn many(&self, count: usize) -> Result<Vec<Served>, Error> {
        let component = std::fs::read(self.file(Component::Buffered)).map_err(Error::io("read a component"))?;
        let served = |number: usize| {
            let file = format!("hello-{number}.wasm");
            self.put(&file, &marked(&component, number))?;
            Ok(Served { path: format!("/hello-{number:04}"), file, settings: String::new() })
        };
        (0..count).map(served).collect()
    }

    /// The file of a component.
    pub(super) fn file(&self, component: Component) -> PathBuf {
        self.folder.path().join(component.file())
    }

    /// Starts a host that serves functions, with what else its configuration says first.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn start(&self, first: &str, served: &[Served]) -> Result<Host, Error> {
        let mut text = format!("data-dir = \"data\"\n{first}");
        for Served { path, file, settings } in served {
            let name = path.split('/').nth(1).unwrap_or_default();
            // Writing to a string can't fail.
            _ = write!(
                text,
                "[function.{name}]\nsource = \"{file}\"\n{settings}\n[[route]]\npath = \"{path}\"\nfunction = \"{name}\"\n"
            );
        }
        self.put(CONFIGURATION, text.as_bytes())?;
        tokio::task::block_in_place(|| Host::start(self.folder.path(), CONFIGURATION))
    }

    /// Starts a host with one function that does a work, and answers it as a server, told as a variant.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn serve_work(&self, task: &Task, variant: &str) -> Result<Server, Error> {
        let (component, first, more) = match task.work {
            Work::Hello => (Component::Buffered, "", ""),
            Work::Deposit => {
                (Component::Deposit, "[kv.deposits]\n", "\ngrants = { kv = { deposits = \"read-write\" } }")
            }
            Work::Thumbnail => (Component::Shrink, "", ""),
            Work::SlowStart => (Component::SlowStart, "", ""),
        };
        let mut served = hello(component, Reuse::Fresh);
        served.settings.push_str(more);
        let (parameter, place) = if task.work == Work::SlowStart { ("/{place}", "/0") } else { ("", "") };
        let path = format!("{}{place}", served.path);
        served.path.push_str(parameter);
        let host = self.start(first, &[served])?;
        let request = match task.body_type {
            Some(kind) => wire::post(host.http, &path, kind, &task.body),
            None => wire::get(host.http, &path),
        };
        Ok(Server {
            peer: peer(variant.to_owned(), "as it comes".to_owned()),
            target: Target::new(host.http, request),
            process: Process::Host { host: Arc::new(host) },
        })
    }

    /// Starts a host with one function that says hello, or with all of them, and answers a server for each.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn serve(&self, hellos: &[(Component, Reuse)]) -> Result<Vec<Server>, Error> {
        let served: Vec<_> = hellos.iter().map(|(component, reuse)| hello(*component, *reuse)).collect();
        let host = Arc::new(self.start("", &served)?);
        Ok(hellos.iter().map(|(component, reuse)| server(&host, *component, *reuse)).collect())
    }
}

/// A function that says hello.
pub(super) fn hello(component: Component, reuse: Reuse) -> Served {
    let uses = if reuse == Reuse::Fresh { String::new() } else { format!("\nuses = {USES}") };
    let settings = format!("isolation = \"{}\"{uses}", reuse.label());
    Served { path: path(component, reuse), file: component.file().to_owned(), settings }
}

/// What is asked for: as long for all.
pub(super) fn path(component: Component, reuse: Reuse) -> String {
    let component = match component {
        Component::Http02 => "2",
        Component::Http03 => "3",
        Component::Buffered => "s",
        Component::Misbehaving => "m",
        Component::Deposit => "d",
        Component::Shrink => "t",
        Component::SlowStart => "i",
    };
    format!("/hello-{component}{}", &reuse.label()[..2])
}

fn server(host: &Arc<Host>, component: Component, reuse: Reuse) -> Server {
    Server {
        peer: peer(component.with(reuse), settings(reuse)),
        target: Target::new(host.http, wire::get(host.http, &path(component, reuse))),
        process: Process::Host { host: Arc::clone(host) },
    }
}

/// What is told of flint.
pub(super) fn peer(variant: String, settings: String) -> Peer {
    let (version, command) = (env!("CARGO_PKG_VERSION").to_owned(), UP.to_owned());
    Peer { system: "flint", variant, version, command, settings }
}

const UP: &str = "flint up --config platform.toml --listen ADDRESS";

fn settings(reuse: Reuse) -> String {
    match reuse {
        Reuse::Fresh => "as it comes".to_owned(),
        _ => format!("uses = {USES}"),
    }
}
