//! Turns the sources of functions into components.
//!
//! Functions that are Rust crates are built with cargo, those of one workspace in one run; a function with a `build` command
//! of its own is built by a shell. Comes in: the functions as the configuration has them. Leaves: for each the file that
//! holds its component, or what stood in the way, so that one function that does not build hides no mistake of another.
//!
//! Deliberately absent: a cache of our own. cargo knows best what changed.

mod cargo;
mod environment;
mod message;
mod process;
mod shell;
mod toolchain;
mod workspace;

use crate::output::Progress;
use flint_config::platform::{Function, FunctionSource};
use flint_model::FunctionName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use workspace::{Crate, Workspace};

/// The target that functions are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Why a function has no component.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BuildError {
    /// A program could not be started.
    #[error("can't run `{program}`: {reason}")]
    Program {
        /// The program.
        program: String,
        /// What the system says.
        reason: String,
    },
    /// The folder holds no crate that cargo understands.
    #[error("{} is no Rust crate", folder.display())]
    NoCrate {
        /// The folder.
        folder: PathBuf,
        /// What cargo says.
        output: String,
    },
    /// The toolchain lacks the target, and it could not be added.
    #[error("the Rust toolchain lacks the target {TARGET}")]
    NoTarget {
        /// What rustup says.
        output: String,
    },
    /// The compiler refused the crate.
    #[error("the function does not compile")]
    Compile {
        /// The compiler's errors.
        output: String,
    },
    /// The crate compiles to something that is no component.
    #[error("the crate {package} makes no component")]
    NoComponent {
        /// The crate.
        package: String,
    },
    /// The function's own command failed.
    #[error("its build command failed with {status}")]
    Command {
        /// How it ended.
        status: String,
        /// The last of what it said.
        output: String,
    },
    /// The function's own command left nothing where it should.
    #[error("its build command left no file {}", artifact.display())]
    NoArtifact {
        /// Where it should be.
        artifact: PathBuf,
    },
}

impl BuildError {
    /// What to do about it, and what the tools said.
    pub(crate) fn help(&self) -> Option<String> {
        let said = |output: &str| (!output.trim().is_empty()).then(|| output.trim_end().to_owned());
        match self {
            Self::Program { program, .. } => {
                Some(format!("install `{program}`, or make sure that PATH has it (Rust: https://rustup.rs)"))
            }
            Self::NoCrate { output, .. } => Some(format!(
                "give a folder with a Cargo.toml, a .wasm file, or `build` and `artifact`\n{}",
                output.trim_end()
            )),
            Self::NoTarget { output } => Some(format!("run `rustup target add {TARGET}`\n{}", output.trim_end())),
            Self::Compile { output } | Self::Command { output, .. } => said(output),
            Self::NoComponent { .. } => {
                Some("add this to its Cargo.toml:\n[lib]\ncrate-type = [\"cdylib\"]".to_owned())
            }
            Self::NoArtifact { .. } => Some("set `artifact` to the file that the command makes".to_owned()),
        }
    }
}

/// The component of a function, or why there is none.
pub(crate) type Built = Result<PathBuf, BuildError>;

/// Builds all functions that have to be built, and finds the others.
pub(crate) fn all(
    functions: &BTreeMap<&FunctionName, &Function>,
    progress: &Progress,
) -> BTreeMap<FunctionName, Built> {
    let mut built = BTreeMap::new();
    let mut crates: BTreeMap<&FunctionName, &Path> = BTreeMap::new();
    for (name, function) in functions {
        match &function.source {
            FunctionSource::Component(file) => {
                built.insert((*name).clone(), Ok(file.clone()));
            }
            FunctionSource::Folder { path, build: Some(build) } => {
                progress.step(format!("building {name}"));
                built.insert((*name).clone(), shell::build(path, build, progress));
            }
            FunctionSource::Folder { path, build: None } => {
                crates.insert(name, path);
            }
        }
    }
    built.extend(build_crates(&crates, progress));
    built
}

fn build_crates(folders: &BTreeMap<&FunctionName, &Path>, progress: &Progress) -> BTreeMap<FunctionName, Built> {
    let mut built = BTreeMap::new();
    let mut workspaces: BTreeMap<Workspace, Vec<(&FunctionName, Crate)>> = BTreeMap::new();
    for (name, folder) in folders {
        match workspace::find(folder) {
            Ok((workspace, package)) => workspaces.entry(workspace).or_default().push((name, package)),
            Err(error) => {
                built.insert((*name).clone(), Err(error));
            }
        }
    }
    for (workspace, members) in workspaces {
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        progress.step(format!("building {}", names.join(", ")));
        let packages: Vec<&Crate> = members.iter().map(|(_, package)| package).collect();
        let results = match toolchain::ensure_target(&workspace.root, progress) {
            Ok(()) => cargo::build(&workspace, &packages, progress),
            Err(error) => vec![Err(error); packages.len()],
        };
        built.extend(members.iter().map(|(name, _)| (*name).clone()).zip(results));
    }
    built
}
