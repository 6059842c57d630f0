//! What creates containers: runc from a bundle, Podman and Docker from an image that has nothing in it.

use super::CONTAINER;
use super::spec::Spec;
use crate::bench::compare::peer::{Broken, Missing, version};
use serde_json::Value;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One of those that create containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Runc,
    Podman,
    Docker,
}

/// One that does so here. Its image is removed when it is dropped.
pub(super) struct Engine {
    pub(super) kind: Kind,
    program: PathBuf,
    pub(super) version: String,
    image: String,
}

/// Whether there is one.
pub(super) enum Presence {
    Here(Engine),
    Missing(Missing),
    Broken(Broken),
}

/// The end of an archive of files, without any: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>.
const EMPTY_ARCHIVE: [u8; 10240] = [0; 10240];

/// What does not depend on what runs. The limits are those of Lambda: Podman would raise its own, which not everybody may.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const OPTIONS: [&str; 8] =
    ["run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Runc, Self::Podman, Self::Docker];

    pub(super) fn system(self) -> &'static str {
        match self {
            Self::Runc => CONTAINER,
            Self::Podman => "Podman",
            Self::Docker => "Docker",
        }
    }

    /// Its command, which is also the name of its option here.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    fn missing(self) -> Missing {
        match self {
            Self::Runc => Missing { system: "container-based Lambda", install: "apt-get install runc, and be root" },
            Self::Podman => Missing { system: "container-based Lambda with Podman", install: "apt-get install podman" },
            Self::Docker => Missing {
                system: "container-based Lambda with Docker",
                install: "apt-get install docker.io, and start its daemon",
            },
        }
    }
}

impl Engine {
    /// Tries whether containers can be created here: a short one is.
    pub(super) fn find(kind: Kind, program: &Path) -> Presence {
        let Some(version) = answers(kind, program) else { return Presence::Missing(kind.missing()) };
        let image = format!("flint-bench-{:016x}", rand::random::<u64>());
        let version = format!("{} {version}", kind.program());
        let engine = Self { kind, program: program.to_owned(), version, image };
        match engine.prepare().and_then(|()| engine.attempt()) {
            Ok(()) => Presence::Here(engine),
            Err(reason) => Presence::Broken(Broken { system: kind.missing().system, reason: reason.to_string() }),
        }
    }

    /// How a container is created in words.
    pub(super) fn command(&self) -> String {
        match self.kind {
            Kind::Runc => "runc run --bundle .".to_owned(),
            kind => format!("{} {} IMAGE", kind.program(), OPTIONS.join(" ")),
        }
    }

    /// How a container differs from one of a cloud.
    pub(super) fn settings(&self) -> &'static str {
        match self.kind {
            Kind::Runc => "bind mounts, the network of the host",
            Kind::Podman | Kind::Docker => "an empty image, bind mounts, the network of the host",
        }
    }

    /// Writes what is read when a container is created.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn write(&self, spec: &Spec, folder: &Path) -> io::Result<()> {
        if self.kind != Kind::Runc {
            return Ok(());
        }
        std::fs::create_dir(folder.join("rootfs"))?;
        std::fs::write(folder.join("config.json"), spec.bundle().to_string())
    }

    /// The command that creates a container of a name, and stays with it until it is gone.
    pub(super) fn run(&self, spec: &Spec, folder: &Path, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Runc => command.args(["run", "--bundle"]).arg(folder).arg(name),
            Kind::Podman | Kind::Docker => {
                command.args(OPTIONS).args(["--name", name]).args(spec.options()).arg(&self.image).args(&spec.arguments)
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Ends a container; it is gone then.
    ///
    /// # Errors
    /// If there is none, or it does not end.
    pub(super) fn end(&self, name: &str) -> io::Result<()> {
        match self.kind {
            Kind::Runc => self.said(&["delete", "--force", name]).map(drop),
            Kind::Podman | Kind::Docker => self.said(&["kill", name]).map(drop),
        }
    }

    /// The first process of a container.
    ///
    /// # Errors
    /// If that is not told.
    pub(super) fn process(&self, name: &str) -> io::Result<u32> {
        let told = match self.kind {
            Kind::Runc => {
                let state = serde_json::from_slice::<Value>(&self.said(&["state", name])?.stdout)?;
                state["pid"].to_string()
            }
            Kind::Podman | Kind::Docker => {
                let told = self.said(&["inspect", "--format", "{{.State.Pid}}", name])?;
                String::from_utf8_lossy(&told.stdout).trim().to_owned()
            }
        };
        told.parse().map_err(|_| io::Error::other(format!("no process: {told}")))
    }

    /// Has an image from which containers are created, if it takes one.
    fn prepare(&self) -> io::Result<()> {
        if self.kind == Kind::Runc {
            return Ok(());
        }
        let mut importing = Command::new(&self.program)
            .args(["import", "-", &self.image])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        // Closed behind it. If it is not taken, its reader says why.
        _ = importing.stdin.take().map(|mut archive| archive.write_all(&EMPTY_ARCHIVE));
        succeeded(importing.wait_with_output()?).map(drop)
    }

    fn attempt(&self) -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let task = folder.path().join("task");
        std::fs::create_dir(&task)?;
        let spec = Spec::trial(&task);
        self.write(&spec, folder.path())?;
        let name = format!("{}-trial", self.image);
        succeeded(self.run(&spec, folder.path(), &name).output()?).map(drop)
    }

    /// What a command of it prints.
    fn said(&self, arguments: &[&str]) -> io::Result<Output> {
        succeeded(Command::new(&self.program).args(arguments).stdin(Stdio::null()).output()?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.kind != Kind::Runc {
            // Without it nothing would go wrong; it is only clutter.
            _ = self.said(&["rmi", "--force", &self.image]);
        }
    }
}

/// The version of an engine that answers: runc wants to be root here, and Docker's program a daemon.
fn answers(kind: Kind, program: &Path) -> Option<String> {
    let format = match kind {
        Kind::Runc => return version(program).filter(|_| rustix::process::geteuid().is_root()),
        Kind::Podman => "{{.Client.Version}}",
        Kind::Docker => "{{.Server.Version}}",
    };
    let said = Command::new(program).args(["version", "--format", format]).stdin(Stdio::null()).output().ok()?;
    let said = succeeded(said).ok()?;
    Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// An error that tells what a program said, if it failed.
fn succeeded(output: Output) -> io::Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {}", output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    #[test]
    fn containers_come_from_an_image_that_is_made_for_them_and_removed_behind_them() {
        for kind in [Kind::Podman, Kind::Docker] {
            let fake = Fake::new("inspect*) echo 42;;");
            let Presence::Here(engine) = Engine::find(kind, &fake.program) else { panic!("{}", kind.program()) };
            assert_eq!(engine.version, format!("{} 9.8.7", kind.program()));
            let image = engine.image.clone();
            let spec = Spec::trial(fake.folder.path());
            let ended = engine.run(&spec, fake.folder.path(), "one").status().expect("a process");
            assert!(ended.success());
            assert_eq!(engine.process("one").expect("a process"), 42);
            engine.end("one").expect("its end");
            drop(engine);

            let said = fake.told();
            let image_and_command = format!(" {image} true");
            for (said, (begin, end)) in said.iter().zip([
                ("version", ""),
                ("import -", image.as_str()),
                ("run --rm --network host", image_and_command.as_str()),
                ("run --rm --network host", image_and_command.as_str()),
                ("inspect", "one"),
                ("kill", "one"),
                ("rmi", image.as_str()),
            ]) {
                assert!(said.starts_with(begin) && said.ends_with(end), "{said}: {begin} … {end}");
            }
            assert_eq!(said.len(), 7, "{said:?}");
            assert!(said[3].contains(" --name one ") && said[3].contains(":/var/task:ro "), "{}", said[3]);
        }
    }

    #[test]
    fn an_engine_that_creates_no_container_is_named_with_what_it_said() {
        for (refuses, said) in [("run", "no control group"), ("import", "no space left")] {
            let fake = Fake::new(&format!("{refuses}*) echo {said} >&2; exit 125;;"));
            let Presence::Broken(broken) = Engine::find(Kind::Podman, &fake.program) else { panic!("{refuses}") };
            assert!(broken.reason.contains(said), "{}", broken.reason);
        }
        let fake = Fake::new("version*) echo no daemon >&2; exit 1;;");
        assert!(matches!(Engine::find(Kind::Docker, &fake.program), Presence::Missing(_)), "nobody answers");
        assert!(matches!(Engine::find(Kind::Podman, Path::new("no-such-program")), Presence::Missing(_)));
    }
}
