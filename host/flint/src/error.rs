//! Why a command failed: what is told, what helps, and how the process ends.

use crate::admin::api::Problem;
use crate::admin::client::ClientError;
use crate::build::BuildError;
use crate::commands::workflow::WorkflowError;
use crate::exit::Exit;
use crate::inspect::more_of;
use crate::output::Output;
use flint_config::{Code, Colour, Diagnostics, ReadError};
use flint_engine::EngineError;
use flint_engine::compile::CompileError;
use flint_model::FunctionName;
use flint_stores_embedded::OpenError;
use flint_triggers::request::{BindError, CertificateError};
use flint_world::{AuthoritiesError, LoadError, WorldError};
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration has mistakes.
    #[error(transparent)]
    Configuration(#[from] Diagnostics),
    /// There is no configuration, or it can't be read.
    #[error("can't read the configuration {}", path.display())]
    NoConfiguration {
        path: PathBuf,
        #[source]
        source: ReadError,
    },
    /// Two parts of the host disagree about a rule: a defect.
    #[error("a defect of the host: {0}")]
    Bug(String),
    /// The one component of `flint up some.wasm` can't be read.
    #[error("can't read the component {}", path.display())]
    NoComponent {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file is no component.
    #[error("{} is no component", path.display())]
    NotAComponent {
        path: PathBuf,
        #[source]
        source: CompileError,
    },
    /// A component takes more than the host allows, or its init function fails.
    #[error("{} can't be run here", path.display())]
    UnfitComponent {
        path: PathBuf,
        #[source]
        source: CompileError,
    },
    /// The one component of `flint up some.wasm` can't answer requests.
    #[error("{} answers no HTTP requests", path.display())]
    NoHttpHandler { path: PathBuf },
    /// The component imports what this host does not serve.
    #[error("{} wants {interface}, which this host does not serve", path.display())]
    Unserved { path: PathBuf, interface: String },
    /// A function can't be built.
    #[error("can't build the function {function}: {error}")]
    Build { function: FunctionName, error: BuildError },
    /// A command names a function that the configuration does not have.
    #[error("the configuration has no function {name}")]
    NoSuchFunction { name: FunctionName, known: Vec<FunctionName> },
    /// A function can't be loaded.
    #[error("can't load the function {function}")]
    Load {
        function: FunctionName,
        #[source]
        source: LoadError,
    },
    /// A component is another one than it was when it was compiled.
    #[error("the component {} changed while it was loaded", path.display())]
    ComponentChanged { path: PathBuf },
    /// The component of a version is not in the data folder, or is another one.
    #[error("the component of version {version} of {function} is lost")]
    VersionLost { function: FunctionName, version: u64 },
    /// The versions of a function can't be read, and may well be there.
    #[error("can't read the versions of {function} in {}", folder.display())]
    Versions {
        function: FunctionName,
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A version that is to serve was right for another configuration.
    #[error("version {version} of {function} does not fit the configuration: {problem}")]
    Misfit { function: FunctionName, version: u64, problem: Problem },
    /// What is asked for fits the limits of the file, and not those that the host was started with.
    #[error("{what} {wanted}, and `{key}` is {in_force} until the next start")]
    NotInForce { what: String, wanted: String, key: &'static str, in_force: String },
    /// The certificates of own authorities can't be used.
    #[error("can't trust the certificates in {}", path.display())]
    Authorities {
        path: PathBuf,
        #[source]
        source: AuthoritiesError,
    },
    /// The data folder can't be made.
    #[error("can't make the data folder {}", path.display())]
    DataDir {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A folder whose files are to be served can't be opened.
    #[error("can't open the folder {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The stores can't be opened.
    #[error("can't open the stores in {}", path.display())]
    Stores {
        path: PathBuf,
        #[source]
        source: OpenError,
    },
    /// The address is taken, or none of this machine's.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What encrypted requests are to be encrypted with is of no use.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// WebAssembly can't be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A defect of the host.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A command needs a host, and none runs.
    #[error("no host runs with the data folder {}", data_dir.display())]
    NoHost { data_dir: PathBuf },
    /// Management could be reached from other machines, and asks for no token.
    #[error("the admin address {address} could be reached from other machines")]
    AdminNotLoopback { address: std::net::SocketAddr },
    /// Sources can't be watched.
    #[error("can't watch the sources")]
    Watch(#[from] notify::Error),
    /// A host was asked and gave no answer.
    #[error(transparent)]
    Client(ClientError),
    /// What was asked for did not work.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A workflow's definition can't be tried.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// A comparison has no prices.
    #[error(transparent)]
    Prices(#[from] crate::bench::compare::PricesError),
    /// `flint new` can't write a function.
    #[error(transparent)]
    New(#[from] crate::commands::new::NewError),
    /// The payload can't be read, or the answer can't be written.
    #[error("can't {what}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => Self::Problem(problem),
            other => Self::Client(other),
        }
    }
}

impl Error {
    /// Makes an error of reading or writing.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Configuration(mistakes) if mistakes.iter().all(|mistake| mistake.code() == Code::NoComponent) => {
                Exit::Build
            }
            Self::Configuration(_) | Self::NoConfiguration { .. } => Exit::Configuration,
            Self::Misfit { .. } | Self::NotInForce { .. } => Exit::Configuration,
            Self::Authorities { .. } | Self::Certificate(_) => Exit::Configuration,
            Self::Build { .. } => Exit::Build,
            Self::AdminNotLoopback { .. } | Self::Prices(_) => Exit::Configuration,
            Self::Bind(_) | Self::Engine(_) | Self::Client(_) | Self::NoHost { .. } | Self::Watch(_) => {
                Exit::Unavailable
            }
            Self::Stores { source: OpenError::InUse { .. }, .. } => Exit::Unavailable,
            Self::Problem(problem) if problem.is_passing() => Exit::Unavailable,
            Self::Workflow(WorkflowError::Definition(_)) => Exit::Configuration,
            Self::NoComponent { .. }
            | Self::NotAComponent { .. }
            | Self::UnfitComponent { .. }
            | Self::NoHttpHandler { .. }
            | Self::Unserved { .. }
            | Self::Load { .. }
            | Self::ComponentChanged { .. }
            | Self::VersionLost { .. }
            | Self::Versions { .. }
            | Self::NoSuchFunction { .. }
            | Self::DataDir { .. }
            | Self::Folder { .. }
            | Self::Stores { .. }
            | Self::World(_)
            | Self::Bug(_)
            | Self::Problem(_)
            | Self::Workflow(_)
            | Self::New(_)
            | Self::Io { .. } => Exit::Failed,
        }
    }

    /// A stable code for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Configuration(_) => "config/invalid",
            Self::NoConfiguration { source: ReadError::NoText(_), .. } => "config/not-utf-8",
            Self::NoConfiguration { source: ReadError::Io(source), .. } if source.kind() != io::ErrorKind::NotFound => {
                "config/unreadable"
            }
            Self::NoConfiguration { .. } => "config/not-found",
            Self::NoComponent { .. } => "component/not-found",
            Self::NotAComponent { source, .. } | Self::UnfitComponent { source, .. } => uncompiled(source),
            Self::NoHttpHandler { .. } => "component/no-http-handler",
            Self::Unserved { .. } => "component/unserved-import",
            Self::Build { .. } => "function/not-built",
            Self::NoSuchFunction { .. } => "function/not-found",
            Self::Load { .. } => "function/not-loaded",
            Self::ComponentChanged { .. } => "component/changed",
            Self::VersionLost { .. } => "version/lost",
            Self::Versions { .. } => "version/unreadable",
            Self::Misfit { problem, .. } => &problem.code,
            Self::NotInForce { .. } => "config/limit-not-in-force",
            Self::Authorities { .. } => "outbound/invalid-ca",
            Self::DataDir { .. } => "data-dir/unusable",
            Self::Folder { .. } => "files/unusable",
            Self::Stores { source: OpenError::InUse { .. }, .. } => "data-dir/in-use",
            Self::Stores { .. } => "data-dir/unusable",
            Self::Bind(_) => "listener/unusable-address",
            Self::Certificate(_) => "config/bad-certificate",
            Self::Engine(_) => "host/engine",
            Self::World(_) | Self::Bug(_) => "host/internal",
            Self::Client(_) | Self::NoHost { .. } => "host/unreachable",
            Self::AdminNotLoopback { .. } => "config/admin-not-loopback",
            Self::Watch(_) => "host/watch",
            Self::Problem(problem) => &problem.code,
            Self::Workflow(error) => error.code(),
            Self::Prices(_) => "bench/prices",
            Self::New(_) => "new/refused",
            Self::Io { .. } => "io",
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> Option<String> {
        let text = match self {
            Self::NoConfiguration { source: ReadError::NoText(_), .. } => "save it as UTF-8".to_owned(),
            Self::NoConfiguration { source: ReadError::Io(source), .. } if source.kind() != io::ErrorKind::NotFound => {
                return None;
            }
            Self::NoConfiguration { .. } => "name it with --config, start with `flint new http greeter`, or serve one component with `flint up some.wasm`".to_owned(),
            Self::NotAComponent { .. } => "build it for the target wasm32-wasip2, or make a component of a module with `wasm-tools component new`".to_owned(),
            Self::UnfitComponent { source: CompileError::Excess { setting, .. }, .. } => more_of(setting),
            Self::NoHttpHandler { .. } => "export wasi:http/handler@0.3, wasi:http/incoming-handler@0.2 or flint:platform/http-handler; a function with other handlers needs a platform.toml".to_owned(),
            Self::ComponentChanged { .. } => "try again when it is built".to_owned(),
            Self::Versions { folder, .. } => format!("let flint read {0}; or move {0} away, and the function starts over with what its source is built to", folder.display()),
            Self::Misfit { function, .. } => format!("deploy or roll back to a version of {function} that fits, undo the change, or change the source: then that is served"),
            Self::NotInForce { .. } => "start the host again, or ask for less".to_owned(),
            Self::Build { error, .. } => error.help()?,
            Self::NoSuchFunction { known, .. } => {
                let names: Vec<_> = known.iter().map(FunctionName::as_str).collect();
                format!("it has: {}", names.join(", "))
            }
            Self::Stores { source: OpenError::InUse { .. }, .. } => "end the other process, or give this one a folder of its own with --data-dir".to_owned(),
            Self::Stores { source: OpenError::Corrupt(_), .. } => "restore the data folder from a backup. Without one, copy the folder and let flint work with the copy unchecked, `store-check-max = \"0B\"` under [limits]: what is readable can be saved, if anything is, though what is not may end it".to_owned(),
            Self::Bind(BindError::InUse(_)) => "end the other process, or choose another address with --listen and --admin-listen; port 0 takes a free one".to_owned(),
            Self::Certificate(_) => "`certificate` under [listener] is a PEM file with the host's certificate first, `key` one with its private key".to_owned(),
            Self::Engine(EngineError::Pool { .. }) => "choose smaller `invocations-max`, `spares-max` or `memory-max` under [limits]".to_owned(),
            Self::NoHost { .. } => "start one with `flint up`, or name its admin address with --admin".to_owned(),
            Self::AdminNotLoopback { .. } => "set `admin-token` under [listener], or choose a loopback address".to_owned(),
            Self::Problem(problem) if problem.code == "admin/unauthorized" => {
                "set FLINT_TOKEN, or name a file that holds the token with --token-file".to_owned()
            }
            Self::Client(_) => "is `flint up` running? It prints its admin address, which --admin takes".to_owned(),
            Self::New(error) => error.help()?,
            Self::Prices(error) => error.help()?,
            _ => return None,
        };
        Some(text)
    }

    /// Tells it: for people on standard error, for programs on standard output.
    pub(crate) fn report(&self, output: Output) {
        if output.is_json() {
            let json = match self {
                Self::Configuration(diagnostics) => diagnostics.to_json(),
                Self::Workflow(WorkflowError::Definition(mistakes)) => mistakes.to_json(),
                other => json!({ "error": {
                    "code": other.code(),
                    "message": other.with_causes(),
                    "help": other.help(),
                    "invocation": other.invocation(),
                }}),
            };
            // Whoever closed standard output does not want to know.
            let _ = output.answer(&json, String::new);
            return;
        }
        self.tell(output);
    }

    /// Tells it to people, on standard error.
    pub(crate) fn tell(&self, output: Output) {
        match self {
            Self::Configuration(diagnostics) => {
                let colour = if output.is_colored() { Colour::Always } else { Colour::Never };
                output.note(diagnostics.render(colour).trim_end());
            }
            Self::Workflow(WorkflowError::Definition(mistakes)) => output.note(mistakes),
            other => {
                output.note(format_args!("error: {}", other.with_causes()));
                if let Some(invocation) = other.invocation() {
                    output.note(format_args!("invocation: {invocation}"));
                }
                if let Some(help) = other.help() {
                    output.note(format_args!("help: {help}"));
                }
            }
        }
    }

    fn invocation(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.invocation.as_deref(),
            _ => None,
        }
    }

    /// The text with all that caused it, since a cause is not in the text of what it caused.
    pub(crate) fn with_causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}

/// A stable code for why a component can't be compiled.
pub(crate) fn uncompiled(error: &CompileError) -> &'static str {
    match error {
        CompileError::Invalid(_) => "component/invalid",
        CompileError::Excess { .. } => "component/over-limit",
        CompileError::Init(_) => "component/init-failed",
        CompileError::Interrupted => "host/interrupted",
    }
}
