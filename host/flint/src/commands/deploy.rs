//! `flint deploy`, `rollback`, `split` and `versions`: which version of a function a host serves.

use super::functions::host;
use crate::admin::api::{Changed, Deploy, Rollback, Split, Version, Versions};
use crate::build;
use crate::cli;
use crate::error::Error;
use crate::live::record::Origin;
use crate::load;
use crate::output::Output;
use flint_config::Platform;
use flint_config::platform::{Function, FunctionSource};
use flint_model::FunctionName;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Deploys a component, or what a folder is built to.
pub(crate) async fn deploy(args: &cli::Deploy, output: Output) -> Result<(), Error> {
    let (name, file) = component(args, output)?;
    let bytes = std::fs::read(&file).map_err(|source| Error::NoComponent { path: file, source })?;
    let from = std::path::absolute(&args.component).unwrap_or_else(|_| args.component.clone());
    let how = Deploy { weight: args.weight, from: Some(from.display().to_string()) };
    print(&host(&args.host).await?.deploy(&name, bytes.into(), how).await?, output)
}

/// Goes back to a version.
pub(crate) async fn roll_back(args: &cli::Rollback, output: Output) -> Result<(), Error> {
    let rollback = Rollback { to: args.to };
    print(&host(&args.host).await?.roll_back(&args.function, &rollback).await?, output)
}

/// Leads some of the requests to a version.
pub(crate) async fn split(args: &cli::Split, output: Output) -> Result<(), Error> {
    // The command line has exactly one of the three.
    let weight = if args.promote { 100 } else { args.weight.unwrap_or(0) };
    let split = Split { version: args.to, weight };
    print(&host(&args.host).await?.split(&args.function, &split).await?, output)
}

/// Lists the versions of a function.
pub(crate) async fn versions(args: &cli::Versions, output: Output) -> Result<(), Error> {
    let versions = host(&args.host).await?.versions(&args.function).await?;
    output.answer(&versions, || text(&versions)).map_err(Error::io("write the answer"))
}

/// The function that is meant, and its component, which is built if need be.
fn component(args: &cli::Deploy, output: Output) -> Result<(FunctionName, PathBuf), Error> {
    let alone = || Platform::single(&args.component).functions.pop_first();
    let Some((called, mut function)) = alone() else {
        return Err(Error::Bug("a platform of one component has no function".to_owned()));
    };
    if !args.component.is_dir() {
        return Ok((args.function.clone().unwrap_or(called), args.component.clone()));
    }
    // How a folder is built, and what its function is called, the configuration knows, if there is one.
    let configured = load::unbuilt(&args.host.config).ok().and_then(|platform| of_folder(platform, &args.component));
    let name = args.function.clone().or_else(|| configured.as_ref().map(|(name, _)| name.clone())).unwrap_or(called);
    function.source = match configured {
        Some((_, configured)) => configured.source,
        None => FunctionSource::Folder { path: args.component.clone(), build: None },
    };
    let progress = output.progress();
    let mut built = build::all(&BTreeMap::from([(&name, &function)]), &progress);
    match built.remove(&name) {
        Some(Ok(file)) => Ok((name, file)),
        Some(Err(error)) => Err(Error::Build { function: name, error }),
        None => Err(Error::Bug(format!("{name} was not built"))),
    }
}

/// The function that is made from a folder.
fn of_folder(platform: Platform, folder: &Path) -> Option<(FunctionName, Function)> {
    let folder = folder.canonicalize().ok()?;
    platform.functions.into_iter().find(|(_, function)| match &function.source {
        FunctionSource::Folder { path, .. } => path.canonicalize().is_ok_and(|path| path == folder),
        FunctionSource::Component(_) => false,
    })
}

fn print(changed: &Changed, output: Output) -> Result<(), Error> {
    let told = || {
        let Versions { function, active, canary, versions } = &changed.versions;
        let mut text = match changed.changed {
            true => format!("{function} is served by version {active}"),
            false => format!("{function} is served by version {active} already"),
        };
        if let Some(canary) = versions.iter().find(|version| Some(version.version) == *canary) {
            // Writing to a string does not fail.
            let _ = write!(text, ", and {} of 100 requests by version {}", canary.weight, canary.version);
        }
        text
    };
    output.answer(changed, told).map_err(Error::io("write the answer"))
}

fn text(versions: &Versions) -> String {
    versions.versions.iter().map(line).collect()
}

fn line(version: &Version) -> String {
    let Version { version, weight, origin, from, sha256, bytes, .. } = version;
    let serves = if *weight > 0 { format!("{weight} %") } else { "-".to_owned() };
    let origin = match origin {
        Origin::Source => "source",
        Origin::Deploy => "deploy",
    };
    let sum = sha256.get(..12).unwrap_or(sha256);
    format!("{version:>4}  {serves:>5}  {origin}  {sum}  {} kB  {from}\n", bytes.div_ceil(1000))
}
