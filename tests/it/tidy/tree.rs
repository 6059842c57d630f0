//! The repository as the rules see it: every file by its path, as text. A test may change it, in memory, to break a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files by path, with `/` between the parts.
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads all files but those of git and those that `.gitignore` names, which are folders of the top level.
    pub(super) fn read(root: &Path) -> Self {
        let ignored = fs::read_to_string(root.join(".gitignore")).expect("a .gitignore");
        let mut skipped: BTreeSet<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
        skipped.insert(".git");
        let mut files = BTreeMap::new();
        collect(root, root, &skipped, &mut files);
        Self(files)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Files whose paths start and end so, with their texts.
    pub(super) fn files<'t>(&'t self, start: &'t str, end: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let files = self.0.iter().filter(move |(path, _)| path.starts_with(start) && path.ends_with(end));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of a file; empty if there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The names of the folders in a folder.
    pub(super) fn folders(&self, parent: &str) -> BTreeSet<&str> {
        let below = self.paths().filter_map(|path| path.strip_prefix(parent)?.strip_prefix('/'));
        below.filter_map(|rest| rest.split_once('/').map(|(folder, _)| folder)).collect()
    }

    pub(super) fn put(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    pub(super) fn append(&mut self, path: &str, text: &str) {
        self.0.entry(path.to_owned()).or_default().push_str(text);
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.0.remove(path).expect("the file to remove");
    }

    pub(super) fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} does not have {from}");
        let text = text.replace(from, to);
        self.put(path, &text);
    }
}

fn collect(root: &Path, folder: &Path, skipped: &BTreeSet<&str>, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("inside").to_str().expect("UTF-8").to_owned();
        if skipped.contains(name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, skipped, files);
        } else {
            files.insert(name, String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned());
        }
    }
}
