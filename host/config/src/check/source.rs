//! What a function's component is made from.

use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Build, FunctionSource};
use crate::raw::{At, Function, Reader};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Finds out what the source is; `None` if something is wrong with it, which is reported.
pub(crate) fn check(reader: &mut Reader<'_>, folder: &Path, function: &Function) -> Option<FunctionSource> {
    let source = function.source.as_ref()?;
    let path = folder.join(&source.value);
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() => from_folder(reader, path, source, function),
        Ok(_) => from_file(reader, path, source, function),
        Err(error) => {
            let message = format!("the source {} {}", reader.quote(&source.at), why_unreadable(&error));
            let help = "`source` is a folder that is built, or a `.wasm` file, relative to this file".to_owned();
            reader.report(Diagnostic::new(Code::NoSuchFile, source.at.clone(), message, "can't be read").help(help));
            None
        }
    }
}

/// Says why a file can't be read, without what the system says besides.
pub(super) fn why_unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::InvalidInput => "is no regular file".to_owned(),
        kind => format!("can't be read: {kind}"),
    }
}

fn from_file(
    reader: &mut Reader<'_>,
    path: PathBuf,
    source: &At<PathBuf>,
    function: &Function,
) -> Option<FunctionSource> {
    let mut valid = true;
    let build = function.build.as_ref().map(|build| ("build", &build.at));
    let artifact = function.artifact.as_ref().map(|artifact| ("artifact", &artifact.at));
    for (key, at) in [build, artifact].into_iter().flatten() {
        let message = format!("`{key}` is for a source that is a folder");
        let diagnostic = Diagnostic::new(Code::BadBuild, at.clone(), message, "is of no use");
        let diagnostic = diagnostic.also(Some(source.at.clone()), "this is a file");
        reader.report(diagnostic.help(format!("remove `{key}`, or let `source` name the folder")));
        valid = false;
    }
    if path.extension().is_none_or(|extension| extension != "wasm") {
        let message = format!("the source {} is neither a folder nor a `.wasm` file", reader.quote(&source.at));
        let help = "name the folder to have it built".to_owned();
        reader.report(Diagnostic::new(Code::BadBuild, source.at.clone(), message, "can't be loaded").help(help));
        valid = false;
    }
    valid.then_some(FunctionSource::Component(path))
}

fn from_folder(
    reader: &mut Reader<'_>,
    path: PathBuf,
    source: &At<PathBuf>,
    function: &Function,
) -> Option<FunctionSource> {
    let (at, message, help) = match (&function.build, &function.artifact) {
        (Some(build), Some(artifact)) => {
            let build = Build { command: build.value.clone(), artifact: path.join(&artifact.value) };
            return Some(FunctionSource::Folder { path, build: Some(build) });
        }
        (None, None) if path.join("Cargo.toml").is_file() => return Some(FunctionSource::Folder { path, build: None }),
        (None, None) => {
            let message = format!("the folder {} is no Rust crate", reader.quote(&source.at));
            (source.at.clone(), message, "say how to build it, with `build` and `artifact`")
        }
        (Some(build), None) => {
            let message = "`build` needs `artifact`".to_owned();
            (build.at.clone(), message, "add `artifact`: where the command leaves the component")
        }
        (None, Some(artifact)) => {
            let message = "`artifact` needs `build`".to_owned();
            (
                artifact.at.clone(),
                message,
                "add `build`: the command that makes it; or let `source` name the `.wasm` file",
            )
        }
    };
    reader.report(Diagnostic::new(Code::BadBuild, at, message, "can't be built").help(help.to_owned()));
    None
}
