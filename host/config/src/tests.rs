//! The crate through its only entry.

mod accepted;
mod arbitrary;
mod mistakes;
mod secrets;
mod workflows;

use crate::platform::{Function, HostLimits};
use crate::{Components, DescribeError, Diagnostics, HttpVersion, Import, Platform, Secrets, Shape, Source, load};
use flint_model::FunctionName;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

/// A folder with a few sources, an environment, and components whose shape follows from their function's name.
struct Fixture {
    folder: tempfile::TempDir,
    described: Mutex<Vec<String>>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        for name in ["crate", "plain"] {
            fs::create_dir(path.join(name)).expect("a folder");
        }
        for (name, content) in [
            ("crate/Cargo.toml", "".as_bytes()),
            ("app.wasm", b"\0asm"),
            ("notes.txt", b"notes"),
            ("key.pem", b"-----KEY-----\n"),
            ("large.bin", &[0; (64 << 10) + 1]),
        ] {
            fs::write(path.join(name), content).expect("a file");
        }
        Self { folder, described: Mutex::default() }
    }

    fn load(&self, text: &str) -> Result<Platform, Diagnostics> {
        self.load_with(text, Secrets::Read)
    }

    fn load_with(&self, text: &str, secrets: Secrets) -> Result<Platform, Diagnostics> {
        let source = Source { path: self.folder.path().join("platform.toml"), text: text.to_owned() };
        load(&source, &environment, self, secrets)
    }

    /// Loads what has mistakes, and shows it without the folder's name.
    fn mistakes(&self, text: &str) -> String {
        let found = self.load(text).expect_err(text).to_string();
        found.replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn accept(&self, text: &str) -> Platform {
        self.load(text).unwrap_or_else(|found| panic!("{found}"))
    }
}

fn environment(name: &str) -> Option<String> {
    match name {
        "GREETING" => Some("hello".to_owned()),
        "API_KEY" => Some("hunter2".to_owned()),
        _ => None,
    }
}

impl Components for Fixture {
    fn prepare(&self, functions: &BTreeMap<&FunctionName, &Function>, _: &HostLimits) {
        let names: Vec<_> = functions.keys().map(|name| name.as_str()).collect();
        self.described.lock().expect("no panic").push(format!("prepare {}", names.join(" ")));
    }

    fn describe(&self, name: &FunctionName, _: &Function) -> Result<Shape, DescribeError> {
        self.described.lock().expect("no panic").push(name.to_string());
        let http = |version| Shape { http: Some(version), ..Shape::default() };
        let importing = |import: Import| Ok(Shape { imports: vec![import.clone(), import], ..http(HttpVersion::V03) });
        match name.as_str() {
            "handlerless" => Ok(Shape { init: true, ..Shape::default() }),
            "event" => Ok(Shape { invoke: true, ..Shape::default() }),
            "worker" => Ok(Shape { queue: true, ..Shape::default() }),
            "ticked" => Ok(Shape { schedule: true, ..Shape::default() }),
            "listener" => Ok(Shape { topic: true, kv: true, blob: true, ..Shape::default() }),
            "sender" => importing(Import::Queue),
            "publisher" => importing(Import::Topic),
            "old" => Ok(http(HttpVersion::V02)),
            "store" => importing(Import::Kv),
            "asker" => importing(Import::Invoke),
            "starter" => importing(Import::Workflow),
            "caller" => importing(Import::Outbound),
            "keeper" => importing(Import::Secrets),
            "stranger" => importing(Import::Unknown("wasi:sockets/tcp@0.2.0".to_owned())),
            "broken" => Err(DescribeError {
                message: "building `broken` failed".to_owned(),
                help: Some("error[E0425]: cannot find value\n  --> src/lib.rs:1:1".to_owned()),
            }),
            _ => Ok(http(HttpVersion::V03)),
        }
    }
}
