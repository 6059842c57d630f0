//! Bytes of a component to machine code, once.

use crate::artifact::{ArtifactCache, Key};
use crate::snapshot::{self, InitLimits, SnapshotError};
use std::path::Path;
use wasmtime::component::Component;

/// Why a component can't be loaded. A retry can't help.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The bytes are no component, or one that uses what this host does not know.
    #[error("not a component that this host can run: {0:#}")]
    Invalid(wasmtime::Error),
    /// It is made of more than an instance may be made of.
    #[error("the component takes more than `{setting}` allows: {cause:#}")]
    Excess {
        /// The setting that would have to be larger.
        setting: &'static str,
        /// What it takes.
        cause: wasmtime::Error,
    },
    /// The init function failed.
    #[error(transparent)]
    Init(#[from] SnapshotError),
    /// The thread that compiled it was lost.
    #[error("compiling was interrupted")]
    Interrupted,
}

/// Loads a component: from the cache, or by compiling it on a thread for long work.
pub(crate) async fn load(
    engine: &wasmtime::Engine,
    bytes: &[u8],
    init: Option<(&str, InitLimits)>,
    cache: Option<&ArtifactCache>,
) -> Result<Component, CompileError> {
    let key = Key::new(engine, bytes, init.map(|(init, _)| init));
    if let Some(found) = cache.and_then(|cache| find(engine, cache, &key)) {
        return Ok(found);
    }
    let bytes = match init {
        Some((init, limits)) => snapshot::take(bytes.to_vec(), init.to_owned(), limits).await?,
        None => bytes.to_vec(),
    };
    let theirs = engine.clone();
    let compiled = tokio::task::spawn_blocking(move || Component::new(&theirs, &bytes))
        .await
        .map_err(|_| CompileError::Interrupted)?
        .map_err(refusal)?;
    // A component mapped from a file shares its image with the page cache; one compiled in memory has it copied.
    Ok(cache.and_then(|cache| keep(engine, cache, &key, &compiled)).unwrap_or(compiled))
}

/// What wasmtime says when a component does not fit into its pool, and the setting that made the pool so small.
///
/// There is no type for it: `a_component_that_takes_more_than_a_limit_allows_is_told_which` would notice other words.
const EXCESSES: [(&str, &str); 7] = [
    ("core module instances, which exceeds", "limits.core-instances-max"),
    ("linear memories, which exceeds", "limits.memories-max"),
    ("defined memories count", "limits.memories-max"),
    ("tables, which exceeds", "limits.tables-max"),
    ("defined tables count", "limits.tables-max"),
    ("minimum element size", "limits.table-elements-max"),
    ("memory has a minimum byte size", "limits.memory-max"),
];

fn refusal(cause: wasmtime::Error) -> CompileError {
    let text = format!("{cause:#}");
    match EXCESSES.into_iter().find(|(words, _)| text.contains(words)) {
        Some((_, setting)) => CompileError::Excess { setting, cause },
        None => CompileError::Invalid(cause),
    }
}

fn find(engine: &wasmtime::Engine, cache: &ArtifactCache, key: &Key) -> Option<Component> {
    let path = cache.get(key)?;
    map(engine, &path)
        .inspect_err(|error| {
            tracing::warn!(error = format!("{error:#}"), artifact = %path.display(), "a compiled component is foreign, and is built again");
            cache.remove(key);
        })
        .ok()
}

fn keep(engine: &wasmtime::Engine, cache: &ArtifactCache, key: &Key, compiled: &Component) -> Option<Component> {
    let serialized = compiled.serialize().ok()?;
    match cache.put(key, &serialized) {
        Ok(path) => map(engine, &path).ok(),
        Err(error) => {
            tracing::warn!(%error, "can't keep a compiled component: it will be compiled again at the next start");
            None
        }
    }
}

fn map(engine: &wasmtime::Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file must be what `Component::serialize` gave, and must not change while it is mapped. It lies in the data
    // folder, which is as trusted as this binary; it was checked against the sum that was written with it; it is only ever
    // replaced by renaming, never written in place. `an_artifact_that_was_changed_is_not_found_and_gone` would notice.
    #[expect(unsafe_code, reason = "mapping takes 0.1 to 0.3 ms where compiling takes 75 to 110")]
    unsafe {
        Component::deserialize_file(engine, path)
    }
}
