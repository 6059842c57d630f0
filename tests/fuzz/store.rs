//! The file of the stores, damaged: it is refused, or what is read of it is an answer or an error.

use crate::fuzz;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::StoreName;
use flint_stores::{Catalog, Commit, Effect, KvLimits, Stores as _};
use flint_stores_embedded::{Embedded, OpenError, Options};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn store() -> StoreName {
    StoreName::parse("default").expect("a name")
}

fn open(folder: &Path) -> Result<Embedded, OpenError> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).expect("the folder");
    let stores = BTreeMap::from([(store(), KvLimits::default())]);
    let catalog = Catalog { stores, ..Catalog::default() };
    Embedded::open(dir, Options { catalog, ..Options::default() })
}

fn put(key: &str) -> Commit {
    let value = bytes::Bytes::from(vec![7; 500]);
    Effect::KvPut { store: store(), key: key.to_owned(), value, expires_at: None, expect: None }.into()
}

#[test]
fn a_damaged_file_never_takes_the_host_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        let stores = open(folder.path()).expect("a new store");
        for n in 0..200 {
            stores.commit(put(&format!("key/{n:03}"))).await.expect("written");
        }
        stores.close().await;
    });
    let file = folder.path().join("stores.redb");
    let good = fs::read(&file).expect("the file of the stores");
    let runtime = std::panic::AssertUnwindSafe(runtime);
    fuzz!("store", |input| {
        let mut bytes = good.clone();
        // Three bytes say where, one says what. The first pages say where all others are, so half of the changes are there.
        for change in input.chunks_exact(4) {
            let at = usize::try_from(u32::from_le_bytes([change[0], change[1], change[2], 0])).unwrap_or(0);
            let at = if at % 2 == 0 { at / 2 % 1024 } else { at / 2 };
            let at = at % bytes.len().max(1);
            match change[3] {
                0xff => bytes.truncate(at),
                what => bytes[at] = what,
            }
            if bytes.is_empty() {
                break;
            }
        }
        fs::write(&file, &bytes).expect("written");
        // What panics inside of redb is an error outside.
        if let Ok(stores) = open(folder.path()) {
            runtime.block_on(async {
                let store = store();
                let _ = stores.kv().scan(&store, "key/", None, 1000).await;
                let _ = stores.kv().get(&store, "key/100").await;
                let _ = stores.commit(put("key/new")).await;
                stores.close().await;
            });
        }
    });
}
