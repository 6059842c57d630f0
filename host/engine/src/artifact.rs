//! Compiled components on disk.
//!
//! `KEY.cwasm` holds machine code, `KEY.sum` its length and SHA-256. The key is taken from the component's bytes and from
//! everything that decides what they compile to, so an artifact of another version, other settings or another CPU is never
//! found; one that was torn, truncated or changed does not match its sum, and is removed and built again.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// So many artifacts are kept; the oldest go first.
const ARTIFACTS_MAX: usize = 512;

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub struct ArtifactCache {
    folder: PathBuf,
}

/// Names an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Makes the key of a component, compiled by an engine, after an init function.
    pub(crate) fn new(engine: &wasmtime::Engine, bytes: &[u8], init: Option<&str>) -> Self {
        let mut digest = Digester(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut digest);
        init.hash(&mut digest);
        digest.0.update(bytes);
        Self(hex(&digest.0.finalize()))
    }
}

/// Lets a digest take in what can be hashed.
struct Digester(Sha256);

impl Hasher for Digester {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sum_of(code: &[u8]) -> String {
    format!("{} {}\n", code.len(), hex(&Sha256::digest(code)))
}

impl ArtifactCache {
    /// Uses a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn code_path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.cwasm", key.0))
    }

    fn sum_path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.sum", key.0))
    }

    /// Finds an artifact that is whole.
    pub(crate) fn get(&self, key: &Key) -> Option<PathBuf> {
        let path = self.code_path(key);
        let sum = fs::read_to_string(self.sum_path(key)).ok()?;
        let code = fs::read(&path).ok()?;
        if sum == sum_of(&code) {
            return Some(path);
        }
        tracing::warn!(artifact = %path.display(), "a compiled component is corrupt, and is built again");
        self.remove(key);
        None
    }

    /// Removes an artifact that turned out to be unusable.
    pub(crate) fn remove(&self, key: &Key) {
        for path in [self.sum_path(key), self.code_path(key)] {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, artifact = %path.display(), "can't remove a compiled component");
            }
        }
    }

    /// Keeps machine code, durably: first the code, then its sum, each written aside and renamed.
    pub(crate) fn put(&self, key: &Key, code: &[u8]) -> io::Result<PathBuf> {
        let path = self.code_path(key);
        self.write_aside(&path, code)?;
        self.write_aside(&self.sum_path(key), sum_of(code).as_bytes())?;
        self.prune()?;
        Ok(path)
    }

    fn write_aside(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    fn prune(&self) -> io::Result<()> {
        let mut sums: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "sum"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        sums.sort();
        for (_, sum) in sums.iter().take(sums.len().saturating_sub(ARTIFACTS_MAX)) {
            fs::remove_file(sum)?;
            fs::remove_file(sum.with_extension("cwasm"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, ArtifactCache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = ArtifactCache::open(folder.path().join("cache")).unwrap();
        (folder, cache)
    }

    #[test]
    fn an_artifact_that_was_changed_is_not_found_and_gone() {
        let (_folder, cache) = cache();
        let key = Key("k".into());
        let path = cache.put(&key, b"machine code").unwrap();
        assert_eq!(cache.get(&key).as_ref(), Some(&path));
        for damaged in [&b"machine c0de"[..], b"machine", b"", b"machine code and more"] {
            cache.put(&key, b"machine code").unwrap();
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.get(&key), None);
            assert!(!path.exists());
        }
    }

    #[test]
    fn the_key_follows_from_component_init_and_settings() {
        let plain = wasmtime::Engine::default();
        let key = Key::new(&plain, b"a", None);
        assert_eq!(key, Key::new(&plain, b"a", None));
        assert_ne!(key, Key::new(&plain, b"b", None));
        assert_ne!(key, Key::new(&plain, b"a", Some("init")));
        let other = wasmtime::Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        assert_ne!(key, Key::new(&other, b"a", None));
    }
}
