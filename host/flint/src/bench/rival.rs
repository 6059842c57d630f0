//! Those that flint is compared with in the same run, on the same disk: each its own program, as durable as flint is.
//!
//! Their clients here speak just enough of each protocol, without a library's overhead, which is to their favour; so is that
//! nobody handles their messages but this program.

pub(super) mod nats;
pub(super) mod redis;

use crate::bench::host::{self, Memory};
use crate::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a rival may take to listen.
const START: Duration = Duration::from_secs(20);
/// How often is looked whether it does.
const LOOK: Duration = Duration::from_millis(1);

/// A program that runs; ended when it is dropped.
pub(super) struct Program {
    child: Child,
    /// When its process was started.
    pub(super) began: Instant,
    pub(super) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts a program in a temporary folder, on a free port of this machine; none if there is no such program.
    ///
    /// # Errors
    /// If it does not listen.
    pub(super) async fn start(
        program: &Path,
        arguments: impl Fn(SocketAddr, &Path) -> std::io::Result<Vec<String>>,
    ) -> Result<Option<Self>, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let address = free_port()?;
        let arguments = arguments(address, folder.path()).map_err(Error::io("configure a rival"))?;
        // A path means what it means here, and not in the folder that it runs in.
        let program = match program.components().count() {
            0 | 1 => program.to_owned(),
            _ => std::path::absolute(program).map_err(Error::io("find a rival"))?,
        };
        let began = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("start a rival")(error)),
        };
        let program = Self { child, began, address, _folder: folder };
        program.listens().await?;
        Ok(Some(program))
    }

    /// How much memory the process has, in KiB.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(super) fn memory_kib(&self, which: Memory) -> Result<f64, Error> {
        host::memory_kib(self.child.id(), which)
    }

    async fn listens(&self) -> Result<(), Error> {
        let began = Instant::now();
        while let Err(error) = tokio::net::TcpStream::connect(self.address).await {
            if began.elapsed() > START {
                return Err(Error::io("reach a rival")(error));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on this machine where nobody listened a moment ago.
///
/// # Errors
/// If there is none.
pub(super) fn free_port() -> Result<SocketAddr, Error> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map_err(Error::io("find a free port"))
}

/// An answer that is none of those that the protocol has here.
pub(super) fn odd(what: impl std::fmt::Display) -> std::io::Error {
    std::io::Error::other(format!("an odd answer: {what}"))
}
