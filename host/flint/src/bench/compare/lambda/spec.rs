//! What a container is, whoever creates it: what runs in it, with which folders of this machine.

use super::language::{Handler, Interpreter};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where a handler is in a container.
const TASK: &str = "/var/task";

/// Folders of this machine that are a container's, too.
const SYSTEM: [&str; 5] = ["/usr", "/lib", "/lib64", "/bin", "/etc"];

/// A folder of this machine in a container, where nothing is written.
#[derive(Debug, Clone)]
pub(super) struct Mount {
    source: PathBuf,
    destination: String,
}

/// What a container is created from.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) arguments: Vec<String>,
    environment: Vec<String>,
    mounts: Vec<Mount>,
}

/// Who serves what a handler asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) runtime_api: SocketAddr,
    pub(super) table: SocketAddr,
}

impl Mount {
    pub(super) fn new(source: &Path, destination: &str) -> Self {
        Self { source: source.to_owned(), destination: destination.to_owned() }
    }
}

impl Spec {
    /// Runs a handler, whose file lies in a folder.
    pub(super) fn new(interpreter: &Interpreter, handler: &Handler, task: &Path, addresses: Addresses) -> Self {
        let module = handler.work.module();
        let entry = format!("{module}.handler");
        let mut spec = Self::of_system([entry.clone()].into(), Mount::new(task, TASK));
        spec.arguments.splice(0..0, interpreter.arguments.iter().cloned());
        spec.mounts.extend(interpreter.mounts.iter().cloned());
        spec.environment.extend(environment(module, &entry, addresses));
        spec.environment.extend(interpreter.environment.iter().cloned());
        spec
    }

    /// Ends at once.
    pub(super) fn trial(task: &Path) -> Self {
        Self::of_system(["true".to_owned()].into(), Mount::new(task, TASK))
    }

    fn of_system(arguments: Vec<String>, task: Mount) -> Self {
        let folders = SYSTEM.map(|folder| Mount::new(Path::new(folder), folder));
        let there = folders.into_iter().filter(|mount| mount.source.exists());
        let environment = ["PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"].map(str::to_owned);
        Self { arguments, environment: environment.into(), mounts: [task].into_iter().chain(there).collect() }
    }

    /// As runc reads it: <https://github.com/opencontainers/runtime-spec/blob/main/config.md>.
    pub(super) fn bundle(&self) -> Value {
        let fresh = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
        let mut mounts = vec![
            fresh("/proc", "proc", &[]),
            fresh("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            fresh("/tmp", "tmpfs", &["nosuid", "nodev"]),
        ];
        mounts.extend(self.mounts.iter().map(|Mount { source, destination }| {
            json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "ro"]})
        }));
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": self.arguments,
                "env": self.environment,
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

    /// As the commands `podman` and `docker` take it, before and after the name of the image.
    pub(super) fn options(&self) -> Vec<String> {
        let option = |name: &str, value: String| [name.to_owned(), value];
        let mut options = [option("--workdir", TASK.to_owned()), option("--tmpfs", "/tmp".to_owned())].concat();
        for Mount { source, destination } in &self.mounts {
            options.extend(option("--volume", format!("{}:{destination}:ro", source.display())));
        }
        for variable in &self.environment {
            options.extend(option("--env", variable.clone()));
        }
        options
    }
}

/// What Lambda tells a handler: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
fn environment(function: &str, entry: &str, addresses: Addresses) -> [String; 13] {
    [
        format!("AWS_LAMBDA_RUNTIME_API={}", addresses.runtime_api),
        format!("AWS_ENDPOINT_URL_DYNAMODB=http://{}", addresses.table),
        format!("LAMBDA_TASK_ROOT={TASK}"),
        format!("_HANDLER={entry}"),
        format!("AWS_LAMBDA_FUNCTION_NAME={function}"),
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST".to_owned(),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128".to_owned(),
        format!("AWS_LAMBDA_LOG_GROUP_NAME={function}"),
        format!("AWS_LAMBDA_LOG_STREAM_NAME={function}"),
        "AWS_REGION=us-east-1".to_owned(),
        "AWS_DEFAULT_REGION=us-east-1".to_owned(),
        "AWS_ACCESS_KEY_ID=bench".to_owned(),
        "AWS_SECRET_ACCESS_KEY=bench".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_the_same_folders_and_variables_whoever_creates_it() {
        let mut spec = Spec::trial(Path::new("/somewhere/task"));
        spec.environment.push("_HANDLER=hello.handler".to_owned());
        let (bundle, options) = (spec.bundle(), spec.options());
        let after = |name: &str| -> Vec<_> {
            let places = options.iter().zip(options.iter().skip(1)).filter(|(option, _)| *option == name);
            places.map(|(_, value)| value.clone()).collect()
        };
        let binds = bundle["mounts"].as_array().expect("mounts").iter().filter(|mount| mount["type"] == "bind");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let binds: Vec<_> =
            binds.map(|mount| format!("{}:{}:ro", text(&mount["source"]), text(&mount["destination"]))).collect();
        assert!(binds.contains(&"/somewhere/task:/var/task:ro".to_owned()), "{binds:?}");
        assert_eq!(after("--volume"), binds);
        assert_eq!(json!(after("--env")), bundle["process"]["env"]);
        assert_eq!(json!(after("--workdir")), json!([bundle["process"]["cwd"]]));
    }
}
