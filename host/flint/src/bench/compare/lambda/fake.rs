//! For tests: a program that notes what it is told, and answers as Podman and Docker do.

use std::path::PathBuf;
use std::process::Command;

/// Such a program, in a folder of its own.
pub(super) struct Fake {
    pub(super) folder: tempfile::TempDir,
    pub(super) program: PathBuf,
}

/// What it does of itself stands behind what else it does.
const SCRIPT: &str = r#"#!/bin/sh
cd "${0%/*}"
echo "$*" >> told
case "$*" in
MORE
version*) echo 9.8.7;;
esac
"#;

impl Fake {
    /// `more` has cases of a shell's `case`, of all that it is told.
    pub(super) fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("engine");
        // By another process: a file that this one writes can't be run while a thread of it begets a child.
        let write = r#"printf %s "$1" > "$0" && chmod +x "$0""#;
        let script = SCRIPT.replace("MORE", more);
        let written = Command::new("sh").args(["-c", write]).arg(&program).arg(script).status();
        assert!(written.expect("a shell").success());
        Self { folder, program }
    }

    /// What it was told, a line each time.
    pub(super) fn told(&self) -> Vec<String> {
        let told = std::fs::read_to_string(self.folder.path().join("told")).expect("what it was told");
        told.lines().map(str::to_owned).collect()
    }
}
