//! `flint new`: writes a first function to start from. What it writes are the files of `template/`.

use crate::cli;
use crate::error::Error;
use crate::output::Output;
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a function starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// Answers HTTP requests
    Http,
    /// Keeps state in a key-value store
    Kv,
    /// Is called with a payload
    Invoke,
}

/// A file of a template: where it goes, and its text with `{{name}}` and `{{sdk}}` in it.
type File = (&'static str, &'static str);

macro_rules! files {
    ($template:literal) => {
        [
            ("Cargo.toml", include_str!(concat!("../template/", $template, "/Cargo.toml"))),
            ("src/lib.rs", include_str!(concat!("../template/", $template, "/src/lib.rs"))),
            ("platform.toml", include_str!(concat!("../template/", $template, "/platform.toml"))),
            ("README.md", include_str!(concat!("../template/", $template, "/README.md"))),
        ]
    };
}

impl Template {
    fn files(self) -> [File; 4] {
        match self {
            Self::Http => files!("http"),
            Self::Kv => files!("kv"),
            Self::Invoke => files!("invoke"),
        }
    }
}

/// Why a function can't be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewError {
    /// Nothing is ever overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// The function would have nothing to depend on.
    #[error("can't find the SDK, the crate flint-sdk{}", given.as_ref().map_or_else(String::new, |given| format!(", in {}", given.display())))]
    NoSdk {
        /// Where it should be, if somebody said so.
        given: Option<PathBuf>,
    },
    /// The file system refused.
    #[error("can't write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What it says.
        #[source]
        source: io::Error,
    },
}

impl NewError {
    /// What to do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another name, or move what is there away".to_owned()),
            Self::NoSdk { .. } => {
                Some("name its folder with --sdk or FLINT_SDK: it is `guest-sdk` in flint's repository".to_owned())
            }
            Self::Write { .. } => None,
        }
    }
}

/// Writes a function into a folder of its name.
pub(crate) fn run(args: &cli::New, output: Output) -> Result<(), Error> {
    let name = args.name.as_str();
    let sdk = sdk(args.sdk.as_deref())?;
    let folder = Path::new(name);
    write(args.template, folder, name, &sdk)?;
    let next = next(args.template, name);
    let files: Vec<_> = args.template.files().iter().map(|(file, _)| folder.join(file)).collect();
    output
        .answer(&json!({ "function": name, "files": files, "next": next }), || {
            let written: String = files.iter().map(|file| format!("  {}\n", file.display())).collect();
            let next: String = next.iter().map(|step| format!("  {step}\n")).collect();
            format!("wrote\n{written}next\n{next}")
        })
        .map_err(Error::io("write the answer"))
}

/// What to do next: what the function's README shows.
fn next(template: Template, name: &str) -> Vec<String> {
    let files = template.files();
    let readme = files.iter().filter(|(file, _)| *file == "README.md").flat_map(|(_, text)| text.lines());
    let steps = readme.filter_map(|line| line.strip_prefix("    ")).map(|step| fill(step, name, Path::new("")));
    std::iter::once(format!("cd {name}")).chain(steps).collect()
}

fn write(template: Template, folder: &Path, name: &str, sdk: &Path) -> Result<(), NewError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => NewError::Exists { path },
            _ => NewError::Write { path, source },
        }
    };
    // Refuses a folder that is there, so that nothing below can meet a file.
    fs::create_dir(folder).map_err(failed(folder))?;
    for (file, text) in template.files() {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fs::write(&path, fill(text, name, sdk)).map_err(failed(&path))?;
    }
    Ok(())
}

fn fill(text: &str, name: &str, sdk: &Path) -> String {
    // It stands in a TOML string.
    let sdk = sdk.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    text.replace("{{name}}", name).replace("{{sdk}}", &sdk)
}

/// Finds the SDK: where it is said to be, else in a folder around the program or around the working folder.
fn sdk(given: Option<&Path>) -> Result<PathBuf, NewError> {
    let places: Vec<PathBuf> = match given {
        Some(given) => vec![given.to_path_buf()],
        None => {
            let starts = [std::env::current_exe(), std::env::current_dir()];
            let around = |start: &PathBuf| start.ancestors().map(|folder| folder.join("guest-sdk")).collect::<Vec<_>>();
            starts.iter().flatten().flat_map(around).collect()
        }
    };
    let found = places.into_iter().find(|place| is_sdk(place)).and_then(|place| fs::canonicalize(place).ok());
    found.ok_or_else(|| NewError::NoSdk { given: given.map(Path::to_path_buf) })
}

fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let manifest = manifest.parse::<toml::Table>().unwrap_or_default();
    let name = manifest.get("package").and_then(|package| package.get("name"));
    name.and_then(toml::Value::as_str) == Some("flint-sdk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_template_is_filled_in_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        for template in Template::value_variants() {
            let function = folder.path().join(format!("{template:?}"));
            write(*template, &function, "greeter", Path::new("/path/to/\"sdk\"")).expect("written");
            for (file, _) in template.files() {
                let text = fs::read_to_string(function.join(file)).expect("written");
                assert!(!text.contains("{{"), "{template:?} {file}\n{text}");
                if file.ends_with(".toml") {
                    text.parse::<toml::Table>().expect("TOML");
                }
            }
            let again = write(*template, &function, "greeter", Path::new("/sdk"));
            assert!(matches!(again, Err(NewError::Exists { path }) if path == function));
        }
    }

    #[test]
    fn the_sdk_is_told_by_the_name_of_its_crate() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(sdk(Some(folder.path())), Err(NewError::NoSdk { given: Some(_) })));
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"flint-sdk\"\n").expect("written");
        assert_eq!(sdk(Some(folder.path())).expect("found"), fs::canonicalize(folder.path()).expect("a path"));
    }
}
