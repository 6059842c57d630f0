//! Builds a function by its own command.

use super::{BuildError, Built, environment, process};
use crate::output::Progress;
use flint_config::platform::Build;
use std::path::Path;
use std::process::Command;

/// Runs the command in the function's folder and looks for what it should leave there.
pub(crate) fn build(folder: &Path, build: &Build, progress: &Progress) -> Built {
    let mut shell = Command::new("sh");
    shell.args(["-c", &build.command]).current_dir(folder);
    let finished = process::run(environment::cleanse(&mut shell), progress)?;
    if !finished.status.success() {
        let output = format!("{}{}", finished.stdout, finished.stderr);
        return Err(BuildError::Command { status: finished.status.to_string(), output });
    }
    if !build.artifact.is_file() {
        return Err(BuildError::NoArtifact { artifact: build.artifact.clone() });
    }
    Ok(build.artifact.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> (std::path::PathBuf, Built) {
        let folder = tempfile::tempdir().expect("a folder");
        let artifact = folder.path().join("out.wasm");
        let build = Build { command: command.to_owned(), artifact: artifact.clone() };
        (artifact, super::build(folder.path(), &build, &Progress::hidden()))
    }

    #[test]
    fn a_command_leaves_a_component_or_says_why_not() {
        let (artifact, built) = run("echo component > out.wasm");
        assert_eq!(built.expect("built"), artifact);
        let (_, built) = run("echo to the user; echo why >&2; exit 7");
        let error = built.expect_err("failed");
        assert_eq!(error.to_string(), "its build command failed with exit status: 7");
        assert_eq!(error.help().as_deref(), Some("to the user\nwhy"));
        let (artifact, built) = run("true");
        assert!(matches!(built, Err(BuildError::NoArtifact { artifact: missing }) if missing == artifact));
    }
}
