//! Cursors and keys of key-value stores, as guests and management hand them in.

use crate::{fuzz, split, text};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::StoreName;
use flint_stores::{Catalog, Commit, Effect, KvLimits, Stores as _, cursor};
use flint_stores_embedded::{Embedded, Options};
use std::collections::BTreeMap;

const PIECES: &[&str] =
    &["a", "b/", "b/c", "é", "\u{0}", "\u{10ffff}", "=", "-", "_", "AAAAAAAAAAA", "long-long-long-long-"];

fn store() -> StoreName {
    StoreName::parse("default").expect("a name")
}

#[test]
fn a_cursor_that_is_read_was_given_out_for_this_scan() {
    fuzz!("cursor", |input| {
        let (prefix, rest) = split(input);
        let (prefix, rest) = (text(prefix, PIECES), text(rest, PIECES));
        if let Ok(key) = cursor::decode(&store(), &prefix, &rest) {
            assert!(key.starts_with(&prefix));
            assert_eq!(cursor::decode(&store(), &prefix, &cursor::encode(&store(), &prefix, &key)), Ok(key));
        }
        let key = format!("{prefix}{rest}");
        assert_eq!(cursor::decode(&store(), &prefix, &cursor::encode(&store(), &prefix, &key)), Ok(key));
    });
}

#[test]
fn a_scan_takes_any_prefix_and_any_cursor_and_stays_within_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the folder");
    let stores = BTreeMap::from([(store(), KvLimits::default())]);
    let catalog = Catalog { stores, ..Catalog::default() };
    let embedded = Embedded::open(dir, Options { catalog, ..Options::default() }).expect("a new store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for key in PIECES {
        let value = bytes::Bytes::from_static(b"value");
        let put = Effect::KvPut { store: store(), key: (*key).to_owned(), value, expires_at: None, expect: None };
        runtime.block_on(embedded.commit(Commit::from(put))).expect("written");
    }
    let embedded = std::panic::AssertUnwindSafe((embedded, runtime));
    fuzz!("scan", |input| {
        let (embedded, runtime) = &*embedded;
        let (prefix, rest) = split(input);
        let (prefix, rest) = (text(prefix, PIECES), text(rest, PIECES));
        let given_out = cursor::encode(&store(), &prefix, &format!("{prefix}{rest}"));
        for cursor in [None, Some(rest.as_str()), Some(given_out.as_str())] {
            let store = store();
            let page = runtime.block_on(embedded.kv().scan(&store, &prefix, cursor, 3));
            let keys: Vec<_> = page.into_iter().flat_map(|page| page.items).map(|item| item.key).collect();
            assert!(keys.len() <= 3 && keys.is_sorted() && keys.iter().all(|key| key.starts_with(&prefix)), "{keys:?}");
        }
        let store = store();
        // Any text is a key that is there or not, or is refused.
        let found = runtime.block_on(embedded.kv().get(&store, &rest));
        assert!(
            found.is_err() || found.is_ok_and(|entry| entry.is_some() == PIECES.contains(&rest.as_str())),
            "{rest}"
        );
    });
    drop(embedded);
}
