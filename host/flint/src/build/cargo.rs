//! Runs cargo once for all functions of a workspace.

use super::message::Messages;
use super::workspace::{Crate, Workspace};
use super::{Built, TARGET, environment, process};
use crate::output::Progress;
use std::process::Command;

/// Builds crates of one workspace; answers in their order.
pub(crate) fn build(workspace: &Workspace, packages: &[&Crate], progress: &Progress) -> Vec<Built> {
    let format = if progress.is_colored() { "json-diagnostic-rendered-ansi" } else { "json" };
    let mut cargo = Command::new("cargo");
    cargo
        // One that does not compile must not keep the others from being built.
        .args(["build", "--keep-going", "--target", TARGET, "--profile", workspace.profile])
        .arg(format!("--message-format={format}"))
        .arg("--target-dir")
        .arg(&workspace.target_dir)
        .args(packages.iter().flat_map(|package| ["--package", &package.id]))
        .current_dir(&workspace.root);
    match process::run(environment::cleanse(&mut cargo), progress) {
        Ok(finished) => {
            let messages = Messages::read(&finished.stdout);
            let succeeded = finished.status.success();
            packages.iter().map(|package| messages.of(package, succeeded, &finished.stderr)).collect()
        }
        Err(error) => vec![Err(error); packages.len()],
    }
}
