//! Reads what cargo tells with `--message-format=json`: one JSON object a line
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).

use super::workspace::Crate;
use super::{BuildError, Built};
use serde::Deserialize;
use std::path::PathBuf;

/// What is of use of cargo's messages.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    artifacts: Vec<(String, PathBuf)>,
    errors: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact { package_id: String, filenames: Vec<PathBuf> },
    #[serde(rename = "compiler-message")]
    Diagnostic { package_id: String, message: Diagnostic },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

impl Messages {
    /// Reads all lines. Those that are none of cargo's, such as what a build script prints, are passed over.
    pub(crate) fn read(stdout: &str) -> Self {
        let mut messages = Self::default();
        for message in stdout.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match message {
                Message::Artifact { package_id, filenames } => {
                    let component = filenames.into_iter().find(|file| file.extension().is_some_and(|e| e == "wasm"));
                    messages.artifacts.extend(component.map(|component| (package_id, component)));
                }
                Message::Diagnostic { package_id, message } if message.level.starts_with("error") => {
                    messages.errors.extend(message.rendered.map(|rendered| (package_id, rendered)));
                }
                Message::Diagnostic { .. } | Message::Other => {}
            }
        }
        messages
    }

    /// What one crate came to. A crate without a component of its own is to blame for its own errors; without any, for
    /// those of what it depends on; without those, for what cargo itself says.
    pub(crate) fn of(&self, package: &Crate, succeeded: bool, stderr: &str) -> Built {
        if let Some((_, component)) = self.artifacts.iter().find(|(id, _)| *id == package.id) {
            return Ok(component.clone());
        }
        if succeeded {
            return Err(BuildError::NoComponent { package: package.package.clone() });
        }
        let own = self.errors(|id| id == package.id);
        let any = self.errors(|_| true);
        let output = [own, any, stderr.to_owned()].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        Err(BuildError::Compile { output })
    }

    fn errors(&self, of: impl Fn(&str) -> bool) -> String {
        self.errors.iter().filter(|(id, _)| of(id)).map(|(_, text)| text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDOUT: &str = r#"
{"reason":"compiler-artifact","package_id":"path+file:///f/sdk","filenames":["/t/libsdk.rlib"],"target":{}}
{"reason":"compiler-artifact","package_id":"path+file:///f/good","filenames":["/t/good.wasm"]}
something that a build script prints
{"reason":"compiler-message","package_id":"path+file:///f/bad","message":{"level":"warning","rendered":"warning: unused\n"}}
{"reason":"compiler-message","package_id":"path+file:///f/bad","message":{"level":"error","rendered":"error: bad\n"}}
{"reason":"build-finished","success":false}
"#;

    fn of(name: &str, succeeded: bool) -> Built {
        let package = Crate { package: name.to_owned(), id: format!("path+file:///f/{name}") };
        Messages::read(STDOUT).of(&package, succeeded, "error: from cargo")
    }

    #[test]
    fn each_crate_gets_its_component_or_the_errors_that_kept_it_from_one() {
        assert_eq!(of("good", false).expect("built"), PathBuf::from("/t/good.wasm"));
        assert_eq!(of("bad", false).expect_err("failed").help().as_deref(), Some("error: bad"));
        assert_eq!(
            of("other", false).expect_err("failed").help().as_deref(),
            Some("error: bad"),
            "of what it depends on"
        );
        assert!(matches!(of("other", true), Err(BuildError::NoComponent { package }) if package == "other"));
        let package = Crate { package: "x".to_owned(), id: "x".to_owned() };
        let error = Messages::read("").of(&package, false, "error: no network").expect_err("failed");
        assert_eq!(error.help().as_deref(), Some("error: no network"));
    }
}
