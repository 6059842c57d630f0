//! Listing blobs: order, prefixes, delimiters, pages, cursors.

use std::sync::Arc;

use bytes::Bytes;
use flint_model::BucketName;

use super::blob::{bucket, content, link, put_blob, unlink};
use super::{Setup, commit_one};
use crate::{Commit, Content, Invalid, Listing, ReadError, Stores, TooLarge, What};

/// Links one empty content to many keys.
async fn fill(stores: &Arc<dyn Stores>, bucket: &BucketName, keys: &[impl AsRef<str>]) {
    let content: Content = content(stores, &Bytes::new()).await;
    for keys in keys.chunks(1000) {
        let links = keys.iter().map(|key| link(bucket, key.as_ref(), &content)).collect();
        stores.commit(Commit::new(links)).await.expect("links");
    }
}

/// Reads all pages; answers the keys and the common prefixes, each in the order in which it came.
pub(super) async fn list(
    stores: &Arc<dyn Stores>,
    bucket: &BucketName,
    listing: Listing<'_>,
    limit: u32,
) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = stores.blobs().list(bucket, listing, cursor.as_deref(), limit).await.expect("a page");
        let count = page.blobs.len() + page.prefixes.len();
        assert!(count <= limit as usize, "a page holds what was asked for at most");
        assert!(count > 0 || page.cursor.is_none(), "a page goes on");
        keys.extend(page.blobs.into_iter().map(|info| info.key));
        prefixes.extend(page.prefixes);
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return (keys, prefixes),
        }
    }
}

fn below(prefix: &str) -> Listing<'_> {
    Listing { prefix, delimiter: None }
}

fn rolled(prefix: &str) -> Listing<'_> {
    Listing { prefix, delimiter: Some("/") }
}

/// Keys of all kinds.
pub async fn a_list_is_in_byte_order_and_stays_in_its_prefix(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    fill(stores, &b, &["b", "a/2", "é", "a/10", "a", "a0", "a/", "\u{10ffff}", "a/\u{10ffff}", "A", "\0"]).await;
    fill(stores, &bucket("other"), &["a/3"]).await;
    let keys = async |prefix| list(stores, &b, below(prefix), 100).await.0;
    assert_eq!(keys("").await, ["\0", "A", "a", "a/", "a/10", "a/2", "a/\u{10ffff}", "a0", "b", "é", "\u{10ffff}"]);
    assert_eq!(keys("a/").await, ["a/", "a/10", "a/2", "a/\u{10ffff}"]);
    assert!(keys("c").await.is_empty());
    put_blob(stores, &b, "a/1", &Bytes::from_static(b"123")).await;
    let page = stores.blobs().list(&b, below("a/1"), None, 1).await.expect("a page");
    let head = stores.blobs().head(&b, "a/1").await.expect("a look-up").expect("it is linked");
    assert_eq!(page.blobs, [head], "a list tells what a look-up tells");
    assert!(page.cursor.is_some(), "there is a/10");
}

/// As folders do, though there are none.
pub async fn a_delimiter_rolls_up_what_is_behind_it(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    fill(stores, &b, &["a", "a/b", "a/b/c", "a/b/d", "a/c", "a0", "b//c", "b/d", "/x", "c::d::e", "c:d"]).await;
    for (listing, keys, prefixes) in [
        (rolled(""), &["a", "a0", "c::d::e", "c:d"][..], &["/", "a/", "b/"][..]),
        (rolled("a"), &["a", "a0"], &["a/"]),
        (rolled("a/"), &["a/b", "a/c"], &["a/b/"]),
        (rolled("a/b"), &["a/b"], &["a/b/"]),
        (rolled("a/b/"), &["a/b/c", "a/b/d"], &[]),
        (rolled("b/"), &["b/d"], &["b//"]),
        (rolled("x"), &[], &[]),
        (Listing { prefix: "c", delimiter: Some("::") }, &["c:d"], &["c::"]),
    ] {
        for limit in [1, 2, 100] {
            let (found, rolled_up) = list(stores, &b, listing, limit).await;
            assert_eq!(found, keys, "{listing:?} in pages of {limit}");
            assert_eq!(rolled_up, prefixes, "{listing:?} in pages of {limit}");
        }
    }
}

/// Whatever the size of the pages, more than a page of it: all keys and prefixes come once.
pub async fn pages_of_a_list_meet_without_gap_or_overlap(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    let all: Vec<_> = (0..1200).map(|n| format!("k{n:04}")).collect();
    fill(stores, &b, &all).await;
    let nested: Vec<_> = (0..60).map(|n| format!("n/{:02}/{n}", n / 5)).collect();
    fill(stores, &b, &nested).await;
    let folders: Vec<_> = (0..12).map(|n| format!("n/{n:02}/")).collect();
    for limit in [7, 100, 1000, 1199, 1200, 1201] {
        assert_eq!(list(stores, &b, below("k"), limit).await.0, all, "pages of {limit}");
    }
    for limit in [1, 2, 5, 11, 12, 13] {
        assert_eq!(list(stores, &b, rolled("n/"), limit).await, (vec![], folders.clone()), "pages of {limit}");
        assert_eq!(list(stores, &b, below("n/"), limit).await.0.len(), 60, "pages of {limit}");
    }
    let (keys, prefixes) = list(stores, &b, rolled(""), 500).await;
    assert_eq!((keys.len(), prefixes), (1200, vec!["n/".to_owned()]));
}

/// Keys that are there all the time come exactly once, in order, also if the key of the cursor goes.
pub async fn a_list_goes_on_while_others_write(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    let steady: Vec<_> = (0..40).map(|n| format!("k{n:02}")).collect();
    fill(stores, &b, &steady).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    for round in 0..100 {
        let passing = format!("k{:02}x", (round * 7) % 40);
        fill(stores, &b, &[&passing]).await;
        let page = stores.blobs().list(&b, below("k"), cursor.as_deref(), 3).await.expect("a page");
        seen.extend(page.blobs.into_iter().map(|info| info.key));
        commit_one(stores, unlink(&b, &passing, None)).await.expect("an unlink");
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

/// Who asks for more gets a page as long as it may be, and a cursor; who asks for none, or with bad arguments, an error.
pub async fn a_page_of_a_list_may_not_be_so_long(_: &Setup, stores: &Arc<dyn Stores>) {
    let small = bucket("small");
    let all = ["a", "b", "c", "d", "e", "f"];
    for keys in all.chunks(3) {
        fill(stores, &small, keys).await;
    }
    for limit in [4, 5, u32::MAX] {
        let page = stores.blobs().list(&small, below(""), None, limit).await.expect("a page");
        assert_eq!((page.blobs.len(), page.cursor.is_some()), (4, true), "{limit}");
        assert_eq!(list(stores, &small, below(""), limit).await.0, all, "{limit}");
    }
    let ask = async |listing, limit| stores.blobs().list(&small, listing, None, limit).await.err();
    assert_eq!(ask(below(""), 0).await, Some(ReadError::Invalid(Invalid::EmptyPage)));
    let empty = Listing { prefix: "", delimiter: Some("") };
    assert_eq!(ask(empty, 1).await, Some(ReadError::Invalid(Invalid::Empty { what: What::Delimiter })));
    let long = |what| Some(ReadError::TooLarge(TooLarge { what, size: 9, limit: 8 }));
    assert_eq!(ask(below("123456789"), 1).await, long(What::Key));
    assert_eq!(ask(Listing { prefix: "", delimiter: Some("123456789") }, 1).await, long(What::Delimiter));
}

/// A cursor works for its bucket, prefix and delimiter only, and other text never.
pub async fn a_cursor_of_another_list_is_invalid(_: &Setup, stores: &Arc<dyn Stores>) {
    let (b, other) = (bucket("default"), bucket("other"));
    fill(stores, &b, &["a/1/x", "a/2/x", "a/3"]).await;
    let listing = rolled("a/");
    let page = stores.blobs().list(&b, listing, None, 1).await.expect("a page");
    let cursor = page.cursor.expect("there is a second page");
    for (bucket, listing, cursor) in [
        (&other, listing, cursor.as_str()),
        (&b, rolled("a"), &cursor),
        (&b, below("a/"), &cursor),
        (&b, Listing { delimiter: Some("1"), ..listing }, &cursor),
        (&b, listing, "a/1/"),
        (&b, listing, ""),
        (&b, listing, "AAAAAAAAAAAA"),
    ] {
        let found = stores.blobs().list(bucket, listing, Some(cursor), 1).await;
        assert_eq!(found, Err(ReadError::Invalid(Invalid::Cursor)), "{bucket} {listing:?} {cursor:?}");
    }
    assert!(stores.blobs().list(&b, listing, Some(&cursor), 1).await.is_ok());
}
