//! Runs a test of the same executable as a process, and kills it.
//!
//! The process tells on its standard output what was acknowledged to it, a line each that begins with `ack`.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Tells the process its data folder. Without it, the test that is such a process does nothing.
pub(crate) const FOLDER: &str = "FLINT_STORES_KILL_FOLDER";
/// Tells the process the number of the round.
pub(crate) const ROUND: &str = "FLINT_STORES_KILL_ROUND";

/// From when on the time to the kill is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since {
    Start,
    FirstAcknowledgement,
}

/// Runs the test of a name, which is ignored otherwise, and kills it. Answers the lines that it told; those that are whole.
pub(crate) fn run_and_kill(test: &str, folder: &Path, round: usize, since: Since, after: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the process");
    let mut output = child.stdout.take().expect("a pipe");
    // Someone has to read all the time, or the process would wait for the pipe instead of for the disk.
    let (acknowledged, is_acknowledged) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut buffer = [0; 1 << 16];
        loop {
            let count = output.read(&mut buffer).expect("the pipe");
            if count == 0 {
                return String::from_utf8(text).expect("plain text");
            }
            text.extend(&buffer[..count]);
            if buffer[..count].windows(4).any(|word| word == b"ack ") {
                // Only the first one is waited for.
                let _heard = acknowledged.send(());
            }
        }
    });
    if matches!(since, Since::FirstAcknowledgement) {
        is_acknowledged.recv_timeout(Duration::from_secs(30)).expect("it begins");
    }
    std::thread::sleep(after);
    child.kill().expect("kill");
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(9), "it did not end by itself: {status}");
    let text = reader.join().expect("the reader");
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect()
}
