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
use std::time::{Duration, SystemTime};

/// So many artifacts are kept, unless a cache is told otherwise. More than any platform has functions: one of a hello takes
/// 300 KiB.
const ARTIFACTS_MAX: usize = 10_000;

/// What the names of files start with that are being written.
const ASIDE: &str = ".tmp";

/// What is not whole after so long was left behind by a process that was killed.
const LEFT_AFTER: Duration = Duration::from_secs(3600);

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub struct ArtifactCache {
    folder: PathBuf,
    artifacts_max: usize,
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
        Self(const_hex::encode(digest.0.finalize()))
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

fn sum_of(code: &[u8]) -> String {
    format!("{} {}\n", code.len(), const_hex::encode(Sha256::digest(code)))
}

impl ArtifactCache {
    /// Uses a folder, and makes it if it is not there. Removes what a process that was killed left in it, and artifacts that
    /// were not used for longest, if there are too many.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, artifacts_max: ARTIFACTS_MAX }.cleaned())
    }

    fn cleaned(self) -> Self {
        let cache = self;
        if let Err(error) = cache.remove_leftovers() {
            tracing::warn!(%error, folder = %cache.folder.display(), "can't remove what is left of compiled components");
        }
        if let Err(error) = cache.prune() {
            tracing::warn!(%error, folder = %cache.folder.display(), "can't remove old compiled components");
        }
        cache
    }

    /// Removes code without a sum, and files that were never renamed. Not the youngest: another process may be writing them.
    fn remove_leftovers(&self) -> io::Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.folder)?.filter_map(Result::ok) {
            let path = entry.path();
            let left = match path.extension() {
                Some(extension) => extension == "cwasm" && !path.with_extension("sum").exists(),
                None => entry.file_name().to_string_lossy().starts_with(ASIDE),
            };
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if left && age.is_some_and(|age| age >= LEFT_AFTER) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
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
            self.touch(key);
            return Some(path);
        }
        tracing::warn!(artifact = %path.display(), "a compiled component is corrupt, and is built again");
        self.remove(key);
        None
    }

    /// Says that an artifact is in use. If it can't, the artifact may go earlier than it should.
    fn touch(&self, key: &Key) {
        let touched = File::open(self.sum_path(key)).and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            tracing::debug!(%error, "can't say that a compiled component is in use");
        }
    }

    /// Removes an artifact that turned out to be unusable.
    pub(crate) fn remove(&self, key: &Key) {
        for path in [self.sum_path(key), self.code_path(key)] {
            if let Err(error) = remove_if_there(&path) {
                tracing::warn!(%error, artifact = %path.display(), "can't remove a compiled component");
            }
        }
    }

    /// Keeps machine code, durably: first the code, then its sum, each written aside and renamed.
    pub(crate) fn put(&self, key: &Key, code: &[u8]) -> io::Result<PathBuf> {
        let path = self.code_path(key);
        self.write_aside(&path, code)?;
        self.write_aside(&self.sum_path(key), sum_of(code).as_bytes())?;
        Ok(path)
    }

    fn write_aside(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(ASIDE).tempfile_in(&self.folder)?;
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
        for (_, sum) in sums.iter().take(sums.len().saturating_sub(self.artifacts_max)) {
            remove_if_there(sum)?;
            remove_if_there(&sum.with_extension("cwasm"))?;
        }
        Ok(())
    }
}

/// Removes a file. Another process may have been first.
fn remove_if_there(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
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
    fn what_a_process_that_was_killed_left_behind_is_gone_at_the_next_start() {
        let (_folder, cache) = cache();
        let [whole, torn, fresh] = ["whole", "torn", "fresh"].map(|key| Key(key.into()));
        for key in [&whole, &torn, &fresh] {
            cache.put(key, b"machine code").unwrap();
        }
        fs::remove_file(cache.sum_path(&torn)).unwrap();
        fs::remove_file(cache.sum_path(&fresh)).unwrap();
        let [aside, fresh_aside] = [".tmpOLD", ".tmpNEW"].map(|name| cache.folder.join(name));
        fs::write(&aside, b"machine").unwrap();
        fs::write(&fresh_aside, b"machine").unwrap();
        for old in [&cache.code_path(&whole), &cache.sum_path(&whole), &cache.code_path(&torn), &aside] {
            let file = File::options().write(true).open(old).unwrap();
            file.set_modified(SystemTime::now() - 2 * LEFT_AFTER).unwrap();
        }
        let cache = ArtifactCache::open(&cache.folder).unwrap();
        assert!(!aside.exists() && !cache.code_path(&torn).exists());
        assert!(cache.get(&whole).is_some());
        // Another process may be about to finish them.
        assert!(fresh_aside.exists() && cache.code_path(&fresh).exists());
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_what_can_not_go_stays() {
        let (_folder, mut cache) = cache();
        let keys = ["old", "used", "new"].map(|key| Key(key.into()));
        for (key, age) in keys.iter().zip([300, 200, 100]) {
            cache.put(key, b"machine code").unwrap();
            let sum = File::options().write(true).open(cache.sum_path(key)).unwrap();
            sum.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert!(cache.get(&keys[1]).is_some());
        cache.artifacts_max = 2;
        let cache = cache.cleaned();
        assert_eq!(keys.each_ref().map(|key| cache.get(key).is_some()), [false, true, true]);
        // Code that can't be removed: it is a folder.
        fs::remove_file(cache.code_path(&keys[2])).unwrap();
        fs::create_dir(cache.code_path(&keys[2])).unwrap();
        let mut cache = cache;
        cache.artifacts_max = 0;
        let cache = cache.cleaned();
        cache.put(&keys[0], b"machine code").unwrap();
        assert!(cache.get(&keys[0]).is_some());
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
