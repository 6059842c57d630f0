//! Runs a program, shows what it says while it runs, and keeps the last of it.

use super::BuildError;
use crate::output::Progress;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// So much of what a program says on standard error is kept, for the case that it fails.
const KEPT_MAX: usize = 32 << 10;

/// How a program ended, and what it said.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    /// The last of standard error.
    pub(crate) stderr: String,
}

/// Runs a program to its end.
///
/// # Errors
/// [`BuildError::Program`] if it could not be started.
pub(crate) fn run(command: &mut Command, progress: &Progress) -> Result<Finished, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| BuildError::Program { program: program.clone(), reason: error.to_string() };
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // Both at once: a program that fills one pipe while nobody reads it would never end.
    let (stdout, stderr) = thread::scope(|scope| {
        let stderr = scope.spawn(|| err.map(|err| follow(err, progress)).unwrap_or_default());
        let mut stdout = Vec::new();
        let read = out.map_or(Ok(0), |mut out| out.read_to_end(&mut stdout));
        let stderr = stderr.join().unwrap_or_default();
        read.map(|_| (stdout, stderr))
    })
    .map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    Ok(Finished { status, stdout: String::from_utf8_lossy(&stdout).into_owned(), stderr })
}

fn follow(stderr: impl Read, progress: &Progress) -> String {
    let mut kept = String::new();
    let mut line = Vec::new();
    let mut reader = BufReader::new(stderr);
    // A read that fails ends what can be shown, not the build.
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        progress.detail(text.trim());
        kept.push_str(&text);
        if kept.len() > KEPT_MAX {
            let cut = kept.ceil_char_boundary(kept.len() - KEPT_MAX / 2);
            kept.drain(..cut);
        }
        line.clear();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Finished, BuildError> {
        run(Command::new("sh").args(["-c", script]), &Progress::hidden())
    }

    #[test]
    fn both_outputs_are_read_to_the_end_and_the_last_of_the_errors_is_kept() {
        let finished = shell("seq 1 100000; seq 1 100000 >&2; echo last >&2; exit 3").expect("sh runs");
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.stdout.lines().count(), 100_000);
        assert!(
            finished.stderr.ends_with("100000\nlast\n") && finished.stderr.len() <= KEPT_MAX,
            "{}",
            finished.stderr
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program"), &Progress::hidden()).err().expect("no such program");
        assert!(matches!(error, BuildError::Program { program, .. } if program == "no-such-program"));
    }
}
