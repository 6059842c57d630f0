//! Finds the crate in a folder and the workspace that it belongs to.

use super::{BuildError, environment, process};
use crate::output::Progress;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile that functions are built with where the workspace has it; elsewhere it is `release`.
const PROFILE: &str = "function";

/// What cargo is run once for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Workspace {
    /// Where it is run.
    pub(crate) root: PathBuf,
    /// Where it puts what it makes: not the workspace's own target folder, whose lock an outer cargo may hold.
    pub(crate) target_dir: PathBuf,
    /// `function` or `release`.
    pub(crate) profile: &'static str,
}

/// A function's crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    /// Its name.
    pub(crate) package: String,
    /// What cargo calls it in messages, and takes for `--package`: a name alone could be that of a dependency too.
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    id: String,
    manifest_path: PathBuf,
}

/// Asks cargo about a folder.
///
/// # Errors
/// [`BuildError::NoCrate`], or [`BuildError::Program`] without cargo.
pub(crate) fn find(folder: &Path) -> Result<(Workspace, Crate), BuildError> {
    let no_crate = |output: String| BuildError::NoCrate { folder: folder.to_path_buf(), output };
    let manifest = fs::canonicalize(folder.join("Cargo.toml")).map_err(|_| no_crate(String::new()))?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .current_dir(folder);
    let finished = process::run(environment::cleanse(&mut cargo), &Progress::hidden())?;
    if !finished.status.success() {
        return Err(no_crate(finished.stderr));
    }
    let metadata: Metadata = serde_json::from_str(&finished.stdout).map_err(|error| no_crate(error.to_string()))?;
    let package = metadata.packages.into_iter().find(|package| is_same(&package.manifest_path, &manifest));
    let package = package.ok_or_else(|| no_crate("its Cargo.toml has no [package]".to_owned()))?;
    let workspace = Workspace {
        profile: profile(&metadata.workspace_root),
        root: metadata.workspace_root,
        target_dir: metadata.target_directory.join("functions"),
    };
    Ok((workspace, Crate { package: package.name, id: package.id }))
}

fn is_same(path: &Path, canonical: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| path == canonical)
}

/// Profiles are those of the workspace's root; cargo's metadata does not tell them.
fn profile(root: &Path) -> &'static str {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let has = manifest
        .parse::<toml::Table>()
        .is_ok_and(|manifest| manifest.get("profile").and_then(|profiles| profiles.get(PROFILE)).is_some());
    if has { PROFILE } else { "release" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_in(folder: &Path, name: &str, more: &str) {
        fs::create_dir_all(folder.join("src")).expect("a folder");
        fs::write(folder.join("src/lib.rs"), "").expect("a file");
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}");
        fs::write(folder.join("Cargo.toml"), manifest).expect("a file");
    }

    #[test]
    fn crates_of_one_workspace_are_found_together_and_a_lone_crate_is_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("workspace");
        for name in ["one", "two"] {
            crate_in(&root.join(name), name, "");
        }
        let manifest = "[workspace]\nmembers = [\"one\", \"two\"]\n[profile.function]\ninherits = \"release\"\n";
        fs::write(root.join("Cargo.toml"), manifest).expect("a file");
        crate_in(&folder.path().join("lone"), "lone", "");
        let (one, package) = find(&root.join("one")).expect("a crate");
        let (two, _) = find(&root.join("two")).expect("a crate");
        let (lone, _) = find(&folder.path().join("lone")).expect("a crate");
        assert_eq!((one.profile, lone.profile, package.package.as_str()), ("function", "release", "one"));
        assert_eq!(one, two);
        assert_ne!(one, lone);
        assert!(one.target_dir.ends_with("functions"), "{}", one.target_dir.display());
    }

    #[test]
    fn a_folder_without_a_crate_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(find(folder.path()), Err(BuildError::NoCrate { .. })));
        fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").expect("a file");
        assert!(matches!(find(folder.path()), Err(BuildError::NoCrate { .. })));
    }
}
