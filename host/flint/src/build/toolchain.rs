//! Makes sure that the Rust toolchain can build components.

use super::{BuildError, TARGET, environment, process};
use crate::output::Progress;
use std::path::Path;
use std::process::Command;

/// Adds the WebAssembly target to the toolchain of a folder, if it is missing.
///
/// A `targets` line in `rust-toolchain.toml` alone does not do it where rustup's automatic installation is switched off.
///
/// # Errors
/// [`BuildError::Program`] without Rust; [`BuildError::NoTarget`] if the target can't be added.
pub(crate) fn ensure_target(folder: &Path, progress: &Progress) -> Result<(), BuildError> {
    if has_target(folder, progress)? {
        return Ok(());
    }
    progress.note(format!("adding the target {TARGET} to the Rust toolchain (rustup target add {TARGET})"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(folder);
    let finished = process::run(environment::cleanse(&mut rustup), progress).map_err(|error| match error {
        // A toolchain that did not come from rustup.
        BuildError::Program { reason, .. } => BuildError::NoTarget { output: format!("can't run `rustup`: {reason}") },
        other => other,
    })?;
    if finished.status.success() { Ok(()) } else { Err(BuildError::NoTarget { output: finished.stderr }) }
}

fn has_target(folder: &Path, progress: &Progress) -> Result<bool, BuildError> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder);
    let finished = process::run(environment::cleanse(&mut rustc), progress)?;
    Ok(finished.status.success() && Path::new(finished.stdout.trim()).is_dir())
}
