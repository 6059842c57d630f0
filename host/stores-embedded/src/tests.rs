//! The engine as a whole: the suite of flint-stores, restarts, failing disks, and `kill -9`.

use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_stores::conformance::{Setup, Subject};
use tempfile::TempDir;

use crate::{Embedded, Options};

/// A folder that is gone when the test is.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn dir(folder: &TempDir) -> Dir {
    Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the temporary folder")
}

async fn embedded(setup: Setup) -> Subject {
    let folder = folder();
    let options = Options { stores: setup.stores, clock: setup.clock, ..Options::default() };
    let stores = Arc::new(Embedded::open(dir(&folder), options).expect("a new folder"));
    Subject { stores, keep: Box::new(folder) }
}

flint_stores::conformance!(embedded);
