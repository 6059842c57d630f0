//! Containers of runc: a bundle of bind mounts, from which one is created for each event.
//! <https://github.com/opencontainers/runtime-spec/blob/main/config.md>

use super::Language;
use crate::bench::compare::cold::CONTAINER;
use crate::bench::compare::peer::{Peer, spell, version};
use crate::bench::host::{Memory, memory_kib};
use crate::cli;
use crate::error::Error;
use bytes::Bytes;
use serde_json::{Value, json};
use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tokio::process::Child;

/// What a container is created from, again and again.
pub(in crate::bench::compare) struct Bundle {
    pub(in crate::bench::compare) language: Language,
    /// Of the runtime interface client.
    version: String,
    command: String,
    runc: PathBuf,
    folder: tempfile::TempDir,
}

/// A container that runs. Removed when it is dropped.
pub(in crate::bench::compare) struct Container<'a> {
    bundle: &'a Bundle,
    name: String,
    child: Child,
    is_removed: bool,
}

/// What runc and the runtime say, in the folder of the bundle.
const SAID: &str = "said";

/// Whether containers can be created: runc wants to be root here.
pub(super) fn can_run(runc: &Path) -> bool {
    rustix::process::geteuid().is_root() && version(runc).is_some()
}

/// Where handler and packages are in a container.
const TASK: &str = "/var/task";
const PACKAGES: &str = "/opt/packages";

/// Folders of this machine that are a container's, too.
const SYSTEM: [&str; 5] = ["/usr", "/lib", "/lib64", "/bin", "/etc"];

impl Bundle {
    /// Makes a bundle of a language; none if it is not on this machine.
    ///
    /// # Errors
    /// If it can't be written.
    pub(in crate::bench::compare) fn prepare(
        language: Language,
        args: &cli::BenchCompare,
        api: SocketAddr,
    ) -> Result<Option<Self>, Error> {
        let Some(runtime) = Runtime::find(language, args) else { return Ok(None) };
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let write = || {
            let (name, text) = language.handler();
            let task = folder.path().join("task");
            std::fs::create_dir(folder.path().join("rootfs"))?;
            std::fs::create_dir(&task)?;
            std::fs::write(task.join(name), text)?;
            std::fs::write(folder.path().join("config.json"), configuration(&runtime, &task, api).to_string())
        };
        write().map_err(Error::io("write a bundle"))?;
        let command = spell("runc run --bundle .", &runtime.arguments, api);
        Ok(Some(Self { language, version: runtime.version, command, runc: args.runc.clone(), folder }))
    }

    /// Gives what is created from now on another handler.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn hand(&self, text: &str) -> Result<(), Error> {
        let (name, _) = self.language.handler();
        std::fs::write(self.folder.path().join("task").join(name), text).map_err(Error::io("write a handler"))
    }

    /// What was run.
    pub(in crate::bench::compare) fn peer(&self) -> Peer {
        Peer {
            system: CONTAINER,
            variant: self.language.label().to_owned(),
            version: self.version.clone(),
            command: self.command.clone(),
            settings: "bind mounts, the network of the host".to_owned(),
        }
    }

    /// Creates a container, and starts it.
    ///
    /// # Errors
    /// If runc can't be run.
    pub(in crate::bench::compare) fn run(&self) -> Result<Container<'_>, Error> {
        let name = format!("flint-bench-{:016x}", rand::random::<u64>());
        let said = File::create(self.folder.path().join(SAID)).map_err(Error::io("make a file"))?;
        let child = tokio::process::Command::new(&self.runc)
            .args(["run", "--bundle"])
            .arg(self.folder.path())
            .arg(&name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io("run runc"))?;
        Ok(Container { bundle: self, name, child, is_removed: false })
    }
}

impl Container<'_> {
    /// Waits for an answer of it.
    ///
    /// # Errors
    /// If it gives none; with what was said, if it ends.
    pub(in crate::bench::compare) async fn answers(
        &mut self,
        answer: impl Future<Output = Result<Bytes, Error>>,
    ) -> Result<Bytes, Error> {
        tokio::select! {
            answer = answer => answer,
            _ended = self.child.wait() => {
                let said = std::fs::read(self.bundle.folder.path().join(SAID)).unwrap_or_default();
                let said = String::from_utf8_lossy(&said).trim().to_owned();
                let language = self.bundle.language.label();
                Err(Error::Bug(format!("the container of {language} ended: {said}; `--runc none` leaves containers out")))
            }
        }
    }

    /// What its first process has of memory.
    ///
    /// # Errors
    /// If runc or the kernel does not tell.
    pub(in crate::bench::compare) fn memory_mib(&self, which: Memory) -> Result<f64, Error> {
        let odd = || Error::Bug("runc does not tell of its container".to_owned());
        let state = Command::new(&self.bundle.runc).args(["state", &self.name]).output();
        let state = state.map_err(Error::io("run runc"))?;
        let state = serde_json::from_slice::<Value>(&state.stdout).map_err(|_| odd())?;
        let process = state["pid"].as_u64().and_then(|process| u32::try_from(process).ok()).ok_or_else(odd)?;
        Ok(memory_kib(process, which)? / 1024.0)
    }

    /// Ends it.
    ///
    /// # Errors
    /// If runc does not.
    pub(in crate::bench::compare) async fn remove(mut self) -> Result<(), Error> {
        let deleted = self.delete().map_err(Error::io("run runc"))?;
        if !deleted.success() {
            return Err(Error::Bug(format!("runc does not remove the container {}", self.name)));
        }
        self.is_removed = true;
        self.child.wait().await.map(drop).map_err(Error::io("remove a container"))
    }

    fn delete(&self) -> std::io::Result<ExitStatus> {
        Command::new(&self.bundle.runc)
            .args(["delete", "--force", &self.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !self.is_removed {
            // First who might still create it; then what there is. What could be done was.
            _ = self.child.start_kill();
            _ = self.delete();
        }
    }
}

/// A language's interpreter and packages, as they are on this machine.
struct Runtime {
    version: String,
    arguments: Vec<String>,
    /// Folders beyond those of the system.
    mounts: Vec<(PathBuf, String)>,
    environment: Vec<String>,
}

impl Runtime {
    fn find(language: Language, args: &cli::BenchCompare) -> Option<Self> {
        match language {
            Language::Python => Self::python(args),
            Language::Node => Self::node(args),
        }
    }

    fn python(args: &cli::BenchCompare) -> Option<Self> {
        let packages = std::path::absolute(&args.python_packages).ok()?;
        let client = version_of(&packages, "awslambdaric")?;
        let ask = "import sys; print(sys.version.split()[0]); print(sys.base_prefix); print(sys._base_executable)";
        let said = Command::new(&args.python).args(["-c", ask]).stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        let mut lines = said.lines();
        let (version, prefix, program) = (lines.next()?, PathBuf::from(lines.next()?), lines.next()?);
        let own = (!prefix.starts_with("/usr")).then(|| (prefix.clone(), prefix.display().to_string()));
        Some(Self {
            version: format!("awslambdaric {client}, Python {version}"),
            arguments: [program, "-m", "awslambdaric", "hello.handler"].map(str::to_owned).to_vec(),
            mounts: own.into_iter().chain([(packages, PACKAGES.to_owned())]).collect(),
            environment: vec![format!("PYTHONPATH={PACKAGES}")],
        })
    }

    fn node(args: &cli::BenchCompare) -> Option<Self> {
        let packages = std::path::absolute(args.packages.join("node_modules")).ok()?;
        let about = std::fs::read(packages.join("aws-lambda-ric/package.json")).ok()?;
        let about = serde_json::from_slice::<Value>(&about).ok()?;
        let client = about["version"].as_str()?;
        let said = Command::new(&args.node)
            .args(["-p", "process.versions.node + '\\n' + process.execPath"])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        let (version, program) = said.trim_end().split_once('\n')?;
        let folder = Path::new(program).parent()?;
        let own = (!folder.starts_with("/usr")).then(|| (folder.to_owned(), folder.display().to_string()));
        let main = format!("{PACKAGES}/aws-lambda-ric/bin/index.mjs");
        Some(Self {
            version: format!("aws-lambda-ric {client}, Node.js {version}"),
            arguments: vec![program.to_owned(), main, "hello.handler".to_owned()],
            mounts: own.into_iter().chain([(packages, PACKAGES.to_owned())]).collect(),
            environment: Vec::new(),
        })
    }
}

/// The version of a package of Python in a folder.
fn version_of(packages: &Path, name: &str) -> Option<String> {
    let entries = std::fs::read_dir(packages).ok()?;
    entries.flatten().find_map(|entry| {
        let file = entry.file_name().into_string().ok()?;
        Some(file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".dist-info")?.to_owned())
    })
}

fn configuration(runtime: &Runtime, task: &Path, api: SocketAddr) -> Value {
    let bind = |source: &Path, destination: &str| json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "ro"]});
    let fresh = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
    let mut mounts = vec![
        fresh("/proc", "proc", &[]),
        fresh("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        fresh("/tmp", "tmpfs", &["nosuid", "nodev"]),
        bind(task, TASK),
    ];
    mounts.extend(
        SYSTEM.iter().filter(|folder| Path::new(folder).exists()).map(|folder| bind(Path::new(folder), folder)),
    );
    mounts.extend(runtime.mounts.iter().map(|(source, destination)| bind(source, destination)));
    let mut environment = vec![
        "PATH=/usr/bin:/bin".to_owned(),
        "HOME=/tmp".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        format!("AWS_LAMBDA_RUNTIME_API={api}"),
        format!("LAMBDA_TASK_ROOT={TASK}"),
        "_HANDLER=hello.handler".to_owned(),
        "AWS_LAMBDA_FUNCTION_NAME=hello".to_owned(),
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST".to_owned(),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128".to_owned(),
        "AWS_LAMBDA_LOG_GROUP_NAME=hello".to_owned(),
        "AWS_LAMBDA_LOG_STREAM_NAME=hello".to_owned(),
        "AWS_REGION=us-east-1".to_owned(),
        "AWS_ACCESS_KEY_ID=bench".to_owned(),
        "AWS_SECRET_ACCESS_KEY=bench".to_owned(),
    ];
    environment.extend(runtime.environment.iter().cloned());
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": runtime.arguments,
            "env": environment,
            "cwd": TASK,
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": false},
        "hostname": "lambda",
        "mounts": mounts,
        // The network is the host's: less than one of its own takes.
        "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]},
    })
}
