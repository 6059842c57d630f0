//! The binary at work: `flint up` on free ports and in a temporary folder, ended when the test is.

use super::client::{Client, Response};
use super::{eventually, root};
use bytes::Bytes;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Its answer, of a command with `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// The binary, with nothing of the environment that would change what it does.
fn command(folder: &Path, args: &[OsString]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flint"));
    command.args(args).current_dir(folder).env_remove("FLINT_LOG").env_remove("FLINT_SDK").env("NO_COLOR", "1");
    command
}

/// Runs a command to its end, in a folder.
pub(crate) fn flint(folder: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
    let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let output = command(folder, &args).stdin(Stdio::null()).output().expect("the binary runs");
    let run = Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(run.code.is_some(), "a signal ended it: {run:?}");
    assert!(!run.stderr.lines().any(is_panic), "the binary panicked: {run:?}");
    run
}

/// Whether a line of standard error tells of a panic. What a guest says when it panics stands in a line of the log.
fn is_panic(line: &str) -> bool {
    line.starts_with("thread '")
}

/// Whether a line of the log tells of a defect of the host.
fn is_defect(line: &Value) -> bool {
    let said = line["message"].as_str().unwrap_or_default();
    line["level"] == "error" && (line["fields"]["code"] == "host/internal" || said.contains("a defect of the host"))
}

/// What a host is started with.
pub(crate) struct Launch {
    /// Where it is started, and where its data is; removed with the last host that uses it.
    folder: Arc<TempDir>,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    /// Whether components that other hosts compiled are taken as they are.
    shares_compiled: bool,
}

impl Launch {
    fn new(args: Vec<OsString>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder: Arc::new(folder), args, env: Vec::new(), shares_compiled: true }
    }

    /// The demo platform.
    pub(crate) fn platform() -> Self {
        Self::new(vec!["--config".into(), root().join("platform.toml").into()])
    }

    /// The platform of fixtures.
    pub(crate) fn fixtures() -> Self {
        Self::new(vec!["--config".into(), root().join("tests/fixtures.toml").into()])
    }

    /// The platform of a file.
    pub(crate) fn config_file(mut self, file: &Path) -> Self {
        self.args = vec!["--config".into(), file.into()];
        self
    }

    /// A platform of the test's own. Sources have to be absolute: see [`guest`](super::guest).
    pub(crate) fn config(text: &str) -> Self {
        let launch = Self::new(Vec::new());
        fs::write(launch.folder.path().join("platform.toml"), text).expect("a configuration");
        launch
    }

    /// One component, without a configuration.
    pub(crate) fn component(file: &Path) -> Self {
        Self::new(vec![file.into()])
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// Compiles everything anew.
    pub(crate) fn compile_anew(mut self) -> Self {
        self.shares_compiled = false;
        self
    }

    /// The folder of the host's data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder that paths of the configuration are relative to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the folder of the host's data, with what other tests compiled in it: compiling takes most of a start.
    fn make_data_dir(&self) {
        let data = self.data_dir();
        if self.shares_compiled && !data.exists() {
            let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
            fs::create_dir_all(&shared).expect("a folder");
            fs::create_dir(&data).expect("a folder");
            std::os::unix::fs::symlink(shared, data.join("compiled")).expect("a link");
        }
    }

    /// Starts a host and waits until it is ready.
    pub(crate) fn start(self) -> Host {
        Host::start(Arc::new(self))
    }
}

/// A host that runs. Killed when it is dropped.
pub(crate) struct Host {
    launch: Arc<Launch>,
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: Value,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads its log, to its end.
    reader: JoinHandle<()>,
    /// Whether the test ended it.
    is_ended: AtomicBool,
}

impl Host {
    fn start(launch: Arc<Launch>) -> Self {
        launch.make_data_dir();
        let free = ["up", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"];
        let mut args: Vec<OsString> = free.iter().map(OsString::from).collect();
        args.push(launch.data_dir().into());
        args.extend(launch.args.iter().cloned());
        let mut command = command(launch.folder.path(), &args);
        command.envs(launch.env.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let log = Arc::default();
        let reader = follow(child.stderr.take().expect("piped"), &log);
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("readable");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
            let _ = child.wait();
            panic!("the host did not start ({error}): {line}\n{}", log.lock().expect("a log").join("\n"));
        });
        let host = Self { launch, child, ready, log, reader, is_ended: AtomicBool::new(false) };
        assert!(host.ready.get("http").is_some(), "the host did not start: {}", host.ready);
        host
    }

    fn address(&self, of: &str) -> SocketAddr {
        let url = self.ready[of].as_str().expect("a URL");
        url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Asks for what the functions answer.
    pub(crate) fn http(&self) -> Client {
        Client::new(self.address("http"))
    }

    /// Asks through TLS for what the functions answer.
    pub(crate) fn https(&self) -> Client {
        let url = self.ready["https"].as_str().expect("a URL");
        Client::new(url.strip_prefix("https://").and_then(|address| address.parse().ok()).expect("an address"))
    }

    /// Manages the host.
    pub(crate) fn admin(&self) -> Client {
        Client::new(self.address("admin"))
    }

    /// Calls a function with a payload, and reads the answer.
    pub(crate) fn invoke(&self, function: &str, payload: impl Into<Bytes>) -> Response {
        self.admin().send(Method::POST, &format!("/v1/functions/{function}/invoke"), &[], payload)
    }

    /// The value of a metric: its name with its labels, as `/metrics` writes it. 0 if it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.admin().get("/metrics").expect(200);
        let value = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// How often it panicked; none: it does not say.
    pub(crate) fn panics(&self) -> Option<f64> {
        let run: Value = serde_json::from_slice(&fs::read(self.data_dir().join("run.json")).ok()?).ok()?;
        let token = format!("Bearer {}", run["token"].as_str().unwrap_or_default());
        let metrics = self.admin().try_send(Method::GET, "/metrics", &[("authorization", &token)], "").ok()?;
        metrics.text().lines().find_map(|line| line.strip_prefix("flint_panics_total "))?.parse().ok()
    }

    /// Waits until invocations of a function by HTTP ended so often in this way.
    pub(crate) fn wait_for_outcome(&self, function: &str, outcome: &str, count: f64) {
        let labels = format!(r#"{{function="{function}",trigger="http",outcome="{outcome}"}}"#);
        let name = format!("flint_invocations_total{labels}");
        eventually(&format!("{count} of {name}"), || (self.metric(&name) >= count).then_some(()));
    }

    /// Waits until so many invocations of a function run.
    pub(crate) fn wait_for_running(&self, function: &str, count: f64) {
        let name = format!(r#"flint_in_flight{{function="{function}"}}"#);
        eventually(&format!("{count} of {name}"), || (self.metric(&name) == count).then_some(()));
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.launch.data_dir()
    }

    /// The folder that paths of its configuration are relative to.
    pub(crate) fn folder(&self) -> &Path {
        self.launch.folder()
    }

    /// Runs a command on the folder of this host.
    pub(crate) fn flint<const N: usize>(&self, args: [&str; N]) -> Run {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        args.extend(["--data-dir".into(), self.data_dir().into()]);
        if let Some(config) = self.launch.args.iter().position(|arg| arg == "--config") {
            args.extend(self.launch.args[config..config + 2].iter().cloned());
        }
        flint(self.launch.folder.path(), args)
    }

    /// The lines of its log so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        parsed(&self.log.lock().expect("a log"))
    }

    /// Waits for a line of its log.
    pub(crate) fn logged(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("a line of the log: {what}"), || self.log().into_iter().find(&is_it))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if signal != Signal::HUP {
            self.is_ended.store(true, Ordering::Relaxed);
        }
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(process, signal).expect("the process is there");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the end of the host", || self.child.try_wait().expect("a child"))
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Ends it like a loss of power, and starts another one on the same data.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.signal(Signal::KILL);
        self.wait();
        self.start_again()
    }

    /// Starts another one on the data of one that has ended.
    pub(crate) fn start_again(self) -> Self {
        Self::start(Arc::clone(&self.launch))
    }

    /// Ends it in order, and starts another one on the same data.
    pub(crate) fn restart(mut self) -> Self {
        self.signal(Signal::TERM);
        assert!(self.wait().success(), "{:?}", self.log());
        Self::start(Arc::clone(&self.launch))
    }
}

impl Host {
    /// What went wrong that the test did not ask about.
    fn faults(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.child.try_wait().expect("a child") {
            // One that is told to end stops answering; then its log has to do.
            None if self.is_ended.load(Ordering::Relaxed) => {}
            None => {
                let panics = self.panics();
                faults.extend((panics != Some(0.0)).then(|| format!("the host counts {panics:?} panics")));
            }
            Some(status) => {
                let signal = status.signal().filter(|_| !self.is_ended.load(Ordering::Relaxed));
                faults.extend(signal.map(|signal| format!("the host was ended by signal {signal}")));
            }
        }
        self.kill();
        let log = self.log.lock().expect("a log");
        faults.extend(log.iter().filter(|line| is_panic(line)).cloned());
        faults.extend(parsed(&log).iter().filter(|line| is_defect(line)).map(Value::to_string));
        faults
    }

    /// Ends the process, and reads its log to the end.
    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A build that the host began may outlive it, and keep the pipe open.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            return self.kill();
        }
        let faults = self.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// Lines of a log as JSON, as far as they are.
fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.clone()))).collect()
}

/// Reads a log as it comes: a pipe that nobody reads would fill up.
fn follow(stderr: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.lock().expect("a log").push(line);
        }
    })
}
