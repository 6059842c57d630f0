//! Notices that the configuration or the sources of functions have changed.
//!
//! What the kernel tells is only taken as a reason to look: a look compares names, times and sizes of all sources with those of
//! the look before. So a build that writes into its own folder does not start another one, and an event that is lost among
//! others does no harm. Now and then it looks without a reason: the kernel forgets a folder that is removed and made again, and
//! tells nothing of what a link leads to. Folders that start with a dot, and `target`, are not looked into; nor is what a
//! function's crate depends on outside of its folder.

use flint_config::Platform;
use flint_config::platform::FunctionSource;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long is waited for more changes after the first: an editor writes a file in several steps, and many at once.
const SETTLE: Duration = Duration::from_millis(100);

/// How often it looks although it was told nothing, and tries again what could not be watched.
const UNTOLD: Duration = Duration::from_secs(2);

/// A folder that tools fill and nobody edits.
const TARGET: &str = "target";

/// What is watched, and how it was seen last.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    events: mpsc::Receiver<()>,
    /// Whether there is a reason to look.
    stirred: bool,
    /// Folders that the kernel tells about, with what shows that one is not another of the same name.
    told: BTreeMap<PathBuf, (RecursiveMode, Option<u64>)>,
    sources: BTreeMap<PathBuf, Kind>,
    seen: BTreeMap<PathBuf, Look>,
}

/// Who writes to a source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// People and tools from outside.
    Outside,
    /// Its own build too, here and elsewhere in the folder.
    Build { artifact: PathBuf },
}

/// All files of a source, with what shows that one is another than before.
type Look = BTreeMap<PathBuf, Stamp>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

impl Watch {
    /// Starts to watch the configuration, if there is one, and what functions are made from.
    ///
    /// # Errors
    /// If the kernel has no watches left, or a folder is not there.
    pub(crate) fn start(config: Option<&Path>, platform: &Platform) -> Result<Self, notify::Error> {
        // One that waits says all that there is to say.
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_read = matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_)));
            if !is_read {
                let _ = sender.try_send(());
            }
        })?;
        let (told, sources, seen) = Default::default();
        let mut watch = Self { watcher, events, stirred: false, told, sources, seen };
        watch.follow(config, platform)?;
        Ok(watch)
    }

    /// Waits for a change. Dropping the future loses none.
    pub(crate) async fn changed(&mut self) {
        loop {
            if !self.stirred {
                let told = tokio::time::timeout(UNTOLD, self.events.recv()).await;
                if told.is_err() && self.look() == self.seen {
                    // What is not there is there another time.
                    let _ = self.watch();
                    continue;
                }
                self.stirred = true;
            }
            tokio::time::sleep(SETTLE).await;
            // What came meanwhile is seen by the look that follows.
            let _ = self.events.try_recv();
            self.stirred = false;
            let now = self.look();
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    /// Follows another configuration: what is made from other sources, and what builds have written since.
    ///
    /// # Errors
    /// If the kernel has no watches left, or a folder is not there. Then others are watched.
    pub(crate) fn follow(&mut self, config: Option<&Path>, platform: &Platform) -> Result<(), notify::Error> {
        let known: BTreeSet<_> = self.sources.keys().cloned().collect();
        self.sources = sources(config, platform);
        let failed = self.watch();
        let mut now = self.look();
        for (source, kind) in &self.sources {
            // A change of a source that came while another was built has still to be built.
            if let (Kind::Outside, true, Some(before)) = (kind, known.contains(source), self.seen.remove(source)) {
                now.insert(source.clone(), before);
            }
        }
        self.seen = now;
        failed
    }

    /// Asks the kernel to tell about what is watched, as far as it does not yet.
    fn watch(&mut self) -> Result<(), notify::Error> {
        let places = places(self.sources.keys());
        self.told.retain(|folder, (mode, inode)| {
            let is_kept = places.get(folder) == Some(mode) && *inode == inode_of(folder);
            if !is_kept {
                // It may not be there any more.
                let _ = self.watcher.unwatch(folder);
            }
            is_kept
        });
        let mut failed = Ok(());
        for (folder, mode) in places {
            if self.told.contains_key(&folder) {
                continue;
            }
            let inode = inode_of(&folder);
            match self.watcher.watch(&folder, mode) {
                Ok(()) => drop(self.told.insert(folder, (mode, inode))),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    fn look(&self) -> BTreeMap<PathBuf, Look> {
        let look = |(source, kind): (&PathBuf, &Kind)| (source.clone(), look(source, kind));
        self.sources.iter().map(look).collect()
    }
}

fn sources(config: Option<&Path>, platform: &Platform) -> BTreeMap<PathBuf, Kind> {
    let functions = platform.functions.values().map(|function| match &function.source {
        FunctionSource::Component(file) => (file.clone(), Kind::Outside),
        FunctionSource::Folder { path, build: None } => (path.clone(), Kind::Outside),
        FunctionSource::Folder { path, build: Some(build) } => {
            (path.clone(), Kind::Build { artifact: build.artifact.clone() })
        }
    });
    functions.chain(config.map(|config| (config.to_owned(), Kind::Outside))).collect()
}

/// What the kernel is asked to tell about. A folder that is a source, and has another one in it, is watched with all in it.
fn places<'s>(sources: impl Iterator<Item = &'s PathBuf>) -> BTreeMap<PathBuf, RecursiveMode> {
    let mut places = BTreeMap::new();
    for (folder, mode) in sources.filter_map(|source| place(source)) {
        let known = places.entry(folder).or_insert(mode);
        if mode == RecursiveMode::Recursive {
            *known = mode;
        }
    }
    places
}

fn inode_of(folder: &Path) -> Option<u64> {
    fs::metadata(folder).ok().map(|metadata| metadata.ino())
}

/// A folder with all in it, or the folder that a file is in, since a file that is replaced is another one.
fn place(source: &Path) -> Option<(PathBuf, RecursiveMode)> {
    let source = std::path::absolute(source).ok()?;
    if source.is_dir() {
        return Some((source, RecursiveMode::Recursive));
    }
    source.parent().map(|folder| (folder.to_owned(), RecursiveMode::NonRecursive))
}

fn look(source: &Path, kind: &Kind) -> Look {
    let mut found = Look::new();
    let mut folders = vec![source.to_owned()];
    if let Ok(metadata) = fs::metadata(source)
        && metadata.is_file()
    {
        found.insert(source.to_owned(), stamp(&metadata));
    }
    // What can't be read is not there, until it can be read.
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let (name, path) = (entry.file_name(), entry.path());
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            let is_artifact = matches!(kind, Kind::Build { artifact } if *artifact == path);
            // Of the entry itself: a link may lead back.
            let Ok(metadata) = entry.metadata() else { continue };
            if is_hidden || is_artifact {
                continue;
            }
            if metadata.is_dir() {
                if name != TARGET {
                    folders.push(path);
                }
            } else {
                found.insert(path, stamp(&metadata));
            }
        }
    }
    found
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp { modified: (metadata.mtime(), metadata.mtime_nsec()), size: metadata.len(), inode: metadata.ino() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_watched_with_all_in_it_also_if_it_has_the_configuration_too() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("platform.toml"), "").expect("written");
        let sources = [folder.path().to_owned(), folder.path().join("platform.toml")];
        for sources in [[&sources[0], &sources[1]], [&sources[1], &sources[0]]] {
            let places = places(sources.into_iter());
            assert_eq!(places, BTreeMap::from([(folder.path().to_owned(), RecursiveMode::Recursive)]));
        }
    }

    #[test]
    fn a_look_sees_what_people_change_and_not_what_tools_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for made in ["src", "target", ".git"] {
            fs::create_dir(path(made)).expect("a folder");
        }
        fs::write(path("src/lib.rs"), "one").expect("written");
        let kind = Kind::Build { artifact: path("out.wasm") };
        let first = look(folder.path(), &kind);
        for ignored in ["target/a", ".git/b", ".hidden", "out.wasm"] {
            fs::write(path(ignored), "tool").expect("written");
            assert_eq!(look(folder.path(), &kind), first, "{ignored}");
        }
        for seen in ["src/lib.rs", "src/new.rs", "build.rs"] {
            let before = look(folder.path(), &kind);
            fs::write(path(seen), "changed").expect("written");
            assert_ne!(look(folder.path(), &kind), before, "{seen}");
        }
        let before = look(folder.path(), &kind);
        fs::remove_file(path("build.rs")).expect("removed");
        assert_ne!(look(folder.path(), &kind), before);
        assert_eq!(look(&path("out.wasm"), &Kind::Outside).len(), 1);
    }
}
