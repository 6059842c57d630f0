//! This very program, as `flint up`, in a process of its own.

use crate::error::Error;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A host that runs. Ended when it is dropped.
pub(super) struct Host {
    child: Child,
    /// From the start of the process to the line that says that it serves.
    pub(super) started: Duration,
    /// Where requests come in.
    pub(super) http: SocketAddr,
    /// Where it is managed.
    pub(super) admin: SocketAddr,
}

/// Which memory of a process: what the kernel calls resident, pages of files included.
#[derive(Debug, Clone, Copy)]
pub(super) enum Memory {
    Now,
    /// The most since the last [`Host::forget_peak`].
    Peak,
    /// Of what there is now, what no other process shares: neither its program nor other files that it maps.
    Own,
}

/// What a host says when it serves.
#[derive(Deserialize)]
struct Ready {
    http: String,
    admin: String,
}

impl Host {
    /// Starts a host in a folder, with a configuration that lies there, and waits until it serves.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn start(folder: &Path, configuration: &str) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::io("find this program"))?;
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(["up", "--json", "--config", configuration])
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("run this program"))?;
        let mut line = String::new();
        // What can't be read is no line that says that it serves.
        _ = child.stdout.as_mut().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let started = began.elapsed();
        let ready = serde_json::from_str::<Ready>(&line).ok();
        let address = |url: &str| url.strip_prefix("http://")?.parse::<SocketAddr>().ok();
        let addresses = ready.and_then(|ready| Some((address(&ready.http)?, address(&ready.admin)?)));
        match addresses {
            Some((http, admin)) => Ok(Self { child, started, http, admin }),
            None => {
                end(&mut child);
                Err(Error::Bug(format!("the host did not start: {line}")))
            }
        }
    }

    /// How much memory the process has, in KiB.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(super) fn memory_kib(&self, which: Memory) -> Result<f64, Error> {
        memory_kib(self.child.id(), which)
    }

    /// How much time of a core the process has used so far, to a hundredth of a second
    /// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, `utime` and `stime`).
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(super) fn cpu_time(&self) -> Result<Duration, Error> {
        let stat = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(stat).map_err(Error::io("read how long a process has run"))?;
        // The name before them may have spaces, but it ends with the last bracket.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().skip(11).take(2));
        let ticks = fields.into_iter().flatten().map(str::parse::<u64>).sum::<Result<u64, _>>();
        let ticks = ticks.map_err(|error| Error::Bug(format!("the kernel does not tell time: {error}")))?;
        Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
    }

    /// Ends the host as a crash would, at once.
    pub(super) fn kill(mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// From now on, the peak is counted anew: <https://docs.kernel.org/filesystems/proc.html>, `clear_refs`.
    ///
    /// # Errors
    /// If the kernel does not take it.
    pub(super) fn forget_peak(&self) -> Result<(), Error> {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(file, "5").map_err(Error::io("count a process's memory anew"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// How much memory a process has, in KiB.
///
/// # Errors
/// If the kernel does not tell.
pub(super) fn memory_kib(process: u32, which: Memory) -> Result<f64, Error> {
    let name = match which {
        Memory::Now => "VmRSS:",
        Memory::Peak => "VmHWM:",
        Memory::Own => "RssAnon:",
    };
    let status = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(status).map_err(Error::io("read how much memory a process has"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    line.and_then(|kib| kib.parse().ok()).ok_or_else(|| Error::Bug("the kernel does not tell memory".to_owned()))
}

fn end(child: &mut Child) {
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended by itself.
    _ = process.map(|process| kill_process(process, Signal::TERM));
    _ = child.wait();
}
