//! From the command line to a platform whose components are there.

use crate::cli;
use crate::definitions::{self, Definitions};
use crate::error::Error;
use crate::inspect::{AnyComponent, Component, Made, NoComponent, Purpose, Workshop};
use crate::output::Output;
use flint_config::{Components, Platform, ReadError, Secrets, Source};
use flint_engine::{ArtifactCache, Engine};
use flint_model::FunctionName;
use flint_world::Import;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where the data folder is when nobody says.
const DATA_DIR: &str = ".flint";

/// A platform, and the components of its functions.
pub(crate) struct Loaded {
    pub(crate) platform: Platform,
    /// Compiled the components, and is to run them.
    pub(crate) engine: Engine,
    pub(crate) components: BTreeMap<FunctionName, Component>,
    /// The definitions of its workflows.
    pub(crate) definitions: Definitions,
    /// The configuration as it was read, if there is one.
    pub(crate) source: Option<Source>,
}

/// Loads the configuration, builds the functions, and looks at their components.
///
/// # Errors
/// Every mistake of the configuration, those of components included.
pub(crate) fn built(config: &cli::Config, purpose: Purpose, output: Output) -> Result<Loaded, Error> {
    let source = read(config)?;
    let progress = output.progress();
    let workshop = Workshop::new(purpose, cache(&data_dir_hint(config, &source)), &progress);
    let platform = platform(&source, config, &workshop, Secrets::Read);
    // Without an engine nothing could be described: that is what is wrong, and not the configuration.
    let made = workshop.finish()?;
    let (platform, Made { engine, components }) = (platform?, made.ok_or_else(not_made)?);
    let components = components.into_iter().filter_map(|(name, made)| Some((name, made.ok()?))).collect();
    let definitions = definitions::read(&platform)?;
    Ok(Loaded { platform, engine, components, definitions, source: Some(source) })
}

fn not_made() -> Error {
    Error::Bug("a configuration was found good and its components were not looked at".to_owned())
}

/// Loads the configuration for a command that runs no function: takes components on trust, and reads no secret.
///
/// # Errors
/// Every mistake of the configuration itself.
pub(crate) fn unbuilt(config: &cli::Config) -> Result<Platform, Error> {
    platform(&read(config)?, config, &AnyComponent, Secrets::Unread)
}

/// Makes the platform of one component.
///
/// # Errors
/// If the file is no component that can answer requests here.
pub(crate) fn single(file: &Path, config: &cli::Config, purpose: Purpose, output: Output) -> Result<Loaded, Error> {
    let path = || file.to_path_buf();
    let mut platform = Platform::single(file);
    override_data_dir(&mut platform, config);
    let progress = output.progress();
    let workshop = Workshop::new(purpose, cache(&platform.data_dir), &progress);
    workshop.prepare(&platform.functions.iter().collect(), &platform.limits);
    let Made { engine, mut components } = workshop.finish()?.ok_or_else(not_made)?;
    let (name, component) = components.pop_first().ok_or_else(not_made)?;
    let component = component.map_err(|error| match error {
        NoComponent::NotBuilt(error) => Error::Build { function: name.clone(), error },
        NoComponent::Unreadable { file: path, source } => Error::NoComponent { path, source },
        NoComponent::Invalid { file: path, source } => Error::NotAComponent { path, source },
        NoComponent::Unfit { file: path, source } => Error::UnfitComponent { path, source },
    })?;
    let shape = component.compiled.shape();
    if let Some(Import::Unknown(interface)) = shape.imports.iter().find(|import| matches!(import, Import::Unknown(_))) {
        return Err(Error::Unserved { path: path(), interface: interface.clone() });
    }
    if shape.http.is_none() {
        return Err(Error::NoHttpHandler { path: path() });
    }
    let (components, definitions) = (BTreeMap::from([(name, component)]), Definitions::new());
    Ok(Loaded { platform, engine, components, definitions, source: None })
}

/// The stores and the data folder of commands that work without functions: those of the configuration, or, where there is
/// none, those of `flint up some.wasm`.
///
/// # Errors
/// Every mistake of the configuration itself.
pub(crate) fn stores(config: &cli::Config) -> Result<Platform, Error> {
    match unbuilt(config) {
        Err(Error::NoConfiguration { source: ReadError::Io(source), .. })
            if source.kind() == io::ErrorKind::NotFound =>
        {
            let mut platform = Platform::single(Path::new("component.wasm"));
            override_data_dir(&mut platform, config);
            Ok(platform)
        }
        other => other,
    }
}

/// The data folder, without judging the rest of the configuration.
pub(crate) fn data_dir(config: &cli::Config) -> PathBuf {
    match read(config) {
        Ok(source) => data_dir_hint(config, &source),
        Err(_) => config.data_dir.clone().unwrap_or_else(|| DATA_DIR.into()),
    }
}

fn read(config: &cli::Config) -> Result<Source, Error> {
    Source::read(&config.config).map_err(|source| Error::NoConfiguration { path: config.config.clone(), source })
}

fn platform(
    source: &Source,
    config: &cli::Config,
    components: &dyn Components,
    secrets: Secrets,
) -> Result<Platform, Error> {
    let environment = |name: &str| std::env::var(name).ok();
    let mut platform = flint_config::load(source, &environment, components, secrets)?;
    override_data_dir(&mut platform, config);
    Ok(platform)
}

fn override_data_dir(platform: &mut Platform, config: &cli::Config) {
    if let Some(data_dir) = &config.data_dir {
        platform.data_dir.clone_from(data_dir);
    }
}

/// Where the data folder probably is, before the configuration is known to be valid: for finding what was compiled before, and
/// a host that runs. A wrong guess costs a compilation, or leads to the message that the folder is in use.
fn data_dir_hint(config: &cli::Config, source: &Source) -> PathBuf {
    if let Some(data_dir) = &config.data_dir {
        return data_dir.clone();
    }
    let table = source.text.parse::<toml::Table>().unwrap_or_default();
    let named = table.get("data-dir").and_then(toml::Value::as_str).unwrap_or(DATA_DIR);
    source.path.parent().unwrap_or(Path::new("")).join(expand(named))
}

/// Does for `${NAME}` what the configuration does, for the plain case.
fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let Some((reference, after)) = rest.split_once('}') else { return text.to_owned() };
    let (name, default) = reference.split_once(":-").unwrap_or((reference, ""));
    let value = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    format!("{before}{value}{}", expand(after))
}

/// Opens the cache of compiled components. Without one, they are compiled each time.
pub(crate) fn cache(data_dir: &Path) -> Option<ArtifactCache> {
    let folder = data_dir.join("compiled");
    ArtifactCache::open(&folder)
        .inspect_err(|error| tracing::warn!(%error, folder = %folder.display(), "compiled components are not kept"))
        .ok()
}
