//! Scans: order, prefixes, pages and cursors.

use std::sync::Arc;
use std::time::Duration;

use super::{Setup, commit_one, delete, keys, put, put_for, store, written};
use crate::{Commit, Invalid, ReadError, Stores};

/// Keys come byte by byte, and no key of another prefix or store comes.
pub async fn a_scan_reads_in_byte_order_and_stays_in_its_prefix(_: &Setup, stores: &Arc<dyn Stores>) {
    let (s, other) = (store("default"), store("other"));
    for key in ["b", "a/2", "é", "a/10", "a", "a0", "a/", "\u{10ffff}", "a/\u{10ffff}", "A"] {
        written(stores, put(&s, key, key)).await;
    }
    written(stores, put(&other, "a/3", "")).await;
    assert_eq!(
        keys(stores, &s, "", 100).await,
        ["A", "a", "a/", "a/10", "a/2", "a/\u{10ffff}", "a0", "b", "é", "\u{10ffff}"]
    );
    assert_eq!(keys(stores, &s, "a/", 100).await, ["a/", "a/10", "a/2", "a/\u{10ffff}"]);
    assert_eq!(keys(stores, &s, "\u{10ffff}", 100).await, ["\u{10ffff}"]);
    assert!(keys(stores, &s, "c", 100).await.is_empty());
    let page = stores.kv().scan(&s, "a/1", None, 1).await.expect("a page");
    assert_eq!((&page.items[0].entry.value[..], page.cursor), (&b"a/10"[..], None), "the last page has no cursor");
}

/// Whatever the size of the pages, all keys come once.
pub async fn pages_meet_without_gap_or_overlap(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let all: Vec<_> = (0..25).map(|n| format!("k{n:02}")).collect();
    let effects = all.iter().map(|key| put(&s, key, key)).collect();
    stores.commit(Commit::new(effects)).await.expect("a batch");
    for limit in [1, 2, 5, 24, 25, 26] {
        assert_eq!(keys(stores, &s, "k", limit).await, all, "pages of {limit}");
    }
}

/// A page ends where its bytes end, but the cursor leads to the rest.
pub async fn pages_are_cut_at_their_bytes_but_go_on(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("small");
    for key in ["a", "b", "c"] {
        written(stores, put(&s, key, [0; 14])).await;
    }
    let page = stores.kv().scan(&s, "", None, 4).await.expect("a page");
    assert_eq!(page.items.len(), 2, "15 bytes each, 32 a page");
    assert!(page.cursor.is_some());
    assert_eq!(keys(stores, &s, "", 4).await, ["a", "b", "c"]);
}

/// Who asks for more than a page may have gets a page as long as it may be, and a cursor.
pub async fn a_page_that_may_not_be_so_long_is_shorter(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("small");
    let all: Vec<_> = (0..10).map(|n| format!("k{n}")).collect();
    for key in &all {
        written(stores, put(&s, key, "")).await;
    }
    for limit in [4, 5, 1000, u32::MAX] {
        let page = stores.kv().scan(&s, "", None, limit).await.expect("a page");
        assert_eq!((page.items.len(), page.cursor.is_some()), (4, true), "{limit}");
        assert_eq!(keys(stores, &s, "", limit).await, all, "{limit}");
    }
}

/// Keys that are there all the time come exactly once, in order, also if the key of the cursor goes.
pub async fn a_scan_goes_on_while_others_write(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let steady: Vec<_> = (0..40).map(|n| format!("k{n:02}")).collect();
    for key in &steady {
        written(stores, put(&s, key, "")).await;
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    for round in 0..100 {
        let passing = format!("k{:02}x", (round * 7) % 40);
        written(stores, put(&s, &passing, "")).await;
        let page = stores.kv().scan(&s, "k", cursor.as_deref(), 3).await.expect("a page");
        seen.extend(page.items.into_iter().map(|item| item.key));
        commit_one(stores, delete(&s, &passing)).await.expect("a delete");
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        assert!(round < 99, "a page goes on");
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "in order, none twice: {seen:?}");
    let rest: Vec<_> = seen.into_iter().filter(|key| key.len() == 3).collect();
    assert_eq!(rest, steady);
}

/// Neither as an item nor as a reason for another page.
pub async fn an_expired_entry_is_not_scanned(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    written(stores, put(&s, "a", "")).await;
    for n in 0..30 {
        written(stores, put_for(setup, &s, &format!("b{n}"), "", Duration::from_millis(1))).await;
    }
    written(stores, put(&s, "c", "")).await;
    setup.clock.advance(Duration::from_millis(1));
    assert_eq!(keys(stores, &s, "", 1).await, ["a", "c"]);
    let page = stores.kv().scan(&s, "b", None, 10).await.expect("a page");
    assert_eq!((page.items.len(), page.cursor), (0, None));
}

/// A cursor works for its store and prefix only, and other text never.
pub async fn a_cursor_of_another_scan_is_invalid(_: &Setup, stores: &Arc<dyn Stores>) {
    let (s, other) = (store("default"), store("other"));
    for key in ["a1", "a2"] {
        written(stores, put(&s, key, "")).await;
    }
    let page = stores.kv().scan(&s, "a", None, 1).await.expect("a page");
    let cursor = page.cursor.expect("there is a second page");
    let invalid = Err(ReadError::Invalid(Invalid::Cursor));
    for (store, prefix, cursor) in
        [(&other, "a", cursor.as_str()), (&s, "", &cursor), (&s, "a", "a1"), (&s, "a", ""), (&s, "a", "AAAAAAAAAAAA")]
    {
        assert_eq!(stores.kv().scan(store, prefix, Some(cursor), 1).await, invalid, "{store} {prefix:?} {cursor:?}");
    }
    assert!(stores.kv().scan(&s, "a", Some(&cursor), 1).await.is_ok());
}
