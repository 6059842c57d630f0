//! Blobs: writing, linking, reading, conditions, copies, limits, and what happens to a reader meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{BucketName, Clock as _};
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{Setup, commit_one, delete, message, put, put_if, receive, send, store, value};
use crate::{
    Blob, BlobExpectation, BlobInfo, Body, BucketRules, Commit, CommitError, Content, Effect, Etag, Expectation,
    Invalid, Linked, Missing, Outcome, Range, ReadError, Stores, TooLarge, What, WriteError,
};

/// The buckets of [`Setup`].
pub(super) fn rules() -> BTreeMap<BucketName, BucketRules> {
    let small =
        BucketRules { blob_size_max: 100_000, key_size_max: 8, metadata_size_max: 16, list_page_max: 4, batch_max: 3 };
    let plain = ["default", "other", "watched"].map(|name| (name, BucketRules::default()));
    let rules = plain.into_iter().chain([("small", small)]);
    rules.map(|(name, rules)| (bucket(name), rules)).collect()
}

pub(crate) fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).expect("the suite uses good names")
}

/// Bytes that no other length and seed has, in no short cycle.
pub(crate) fn bytes(len: usize, seed: u8) -> Bytes {
    let byte = |n: usize| ((n * 31) ^ (n >> 8) ^ (n >> 17)) as u8 ^ seed;
    (0..len).map(byte).collect::<Vec<_>>().into()
}

/// Writes content in pieces of some bytes.
pub(crate) async fn written(stores: &Arc<dyn Stores>, bytes: &Bytes, piece: usize) -> Content {
    let default = bucket("default");
    let mut writer = stores.blobs().write(&default).await.expect("a writer");
    for start in (0..bytes.len()).step_by(piece.max(1)) {
        let piece = bytes.slice(start..(start + piece).min(bytes.len()));
        writer.write(piece).await.expect("there is room");
    }
    writer.finish().await.expect("content")
}

pub(crate) async fn content(stores: &Arc<dyn Stores>, bytes: &Bytes) -> Content {
    written(stores, bytes, 1 << 20).await
}

pub(crate) fn link(bucket: &BucketName, key: &str, content: &Content) -> Effect {
    let (bucket, key, content) = (bucket.clone(), key.to_owned(), content.clone());
    Effect::BlobLink { bucket, key, content, content_type: None, metadata: BTreeMap::new(), expect: None }
}

pub(crate) fn link_if(bucket: &BucketName, key: &str, content: &Content, expect: BlobExpectation) -> Effect {
    let mut effect = link(bucket, key, content);
    if let Effect::BlobLink { expect: none, .. } = &mut effect {
        *none = Some(expect);
    }
    effect
}

pub(crate) fn unlink(bucket: &BucketName, key: &str, expect: Option<BlobExpectation>) -> Effect {
    Effect::BlobUnlink { bucket: bucket.clone(), key: key.to_owned(), expect }
}

pub(crate) fn copy(bucket: &BucketName, from: &str, key: &str) -> Effect {
    Effect::BlobCopy {
        from_bucket: bucket.clone(),
        from_key: from.to_owned(),
        from_expect: None,
        bucket: bucket.clone(),
        key: key.to_owned(),
        expect: None,
    }
}

/// Writes content and links it.
pub(crate) async fn put_blob(stores: &Arc<dyn Stores>, bucket: &BucketName, key: &str, bytes: &Bytes) -> Linked {
    let content = content(stores, bytes).await;
    match commit_one(stores, link(bucket, key, &content)).await {
        Ok(Outcome::BlobLink { linked }) => linked,
        other => panic!("the link came to {other:?}"),
    }
}

pub(crate) async fn head(stores: &Arc<dyn Stores>, bucket: &BucketName, key: &str) -> Option<BlobInfo> {
    stores.blobs().head(bucket, key).await.expect("a look-up")
}

async fn open(stores: &Arc<dyn Stores>, bucket: &BucketName, key: &str, range: Range) -> Option<Blob> {
    stores.blobs().read(bucket, key, range).await.expect("a look-up")
}

async fn all(body: Body) -> Bytes {
    let blocks: Vec<Bytes> = body.bytes.try_collect().await.expect("it reads to its end");
    assert!(blocks.iter().all(|block| !block.is_empty()), "no block is empty");
    let bytes = blocks.concat();
    assert_eq!(bytes.len() as u64, body.span.end - body.span.start, "as long as was said");
    bytes.into()
}

/// What a key leads to.
pub(crate) async fn blob(stores: &Arc<dyn Stores>, bucket: &BucketName, key: &str) -> Option<Bytes> {
    match open(stores, bucket, key, Range::ALL).await {
        Some(blob) => Some(all(blob.body).await),
        None => None,
    }
}

/// Small content, and content that is larger than any block: engines keep them in two ways.
fn small_and_large() -> [Bytes; 2] {
    [bytes(1000, 1), bytes(1_500_000, 2)]
}

/// Written content is nowhere; a commit links it, and tells what it linked.
pub async fn a_blob_is_there_once_it_is_linked(setup: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for (key, bytes) in ["small", "large"].into_iter().zip(small_and_large()) {
        let content = content(stores, &bytes).await;
        assert_eq!((content.size(), content.etag()), (bytes.len() as u64, Etag::of(&bytes)));
        assert_eq!(head(stores, &b, key).await, None);
        assert!(open(stores, &b, key, Range::ALL).await.is_none());
        let mut effect = link(&b, key, &content);
        let Effect::BlobLink { content_type, metadata, .. } = &mut effect else { unreachable!("it is a link") };
        *content_type = Some("image/png; q=\"1\"".to_owned());
        metadata.insert("of".to_owned(), "a cat, größer\u{0}".to_owned());
        setup.clock.advance(Duration::from_millis(7));
        let committed = stores.commit(effect.into()).await.expect("a commit");
        let linked = Linked {
            size: content.size(),
            etag: content.etag(),
            modified_at: setup.clock.now(),
            sequence: committed.version,
        };
        assert_eq!(committed.outcomes, [Outcome::BlobLink { linked }]);
        let info = head(stores, &b, key).await.expect("it is linked");
        let expected = BlobInfo {
            key: key.to_owned(),
            size: linked.size,
            etag: linked.etag,
            content_type: Some("image/png; q=\"1\"".to_owned()),
            metadata: BTreeMap::from([("of".to_owned(), "a cat, größer\u{0}".to_owned())]),
            modified_at: linked.modified_at,
            sequence: linked.sequence,
        };
        assert_eq!(info, expected);
        let blob = open(stores, &b, key, Range::ALL).await.expect("it is linked");
        assert_eq!(blob.info, expected);
        assert!(all(blob.body).await == bytes, "{key} reads back");
        let gone = commit_one(stores, unlink(&b, key, None)).await;
        assert_eq!(gone, Ok(Outcome::BlobUnlink { existed: true }));
        assert_eq!(commit_one(stores, unlink(&b, key, None)).await, Ok(Outcome::BlobUnlink { existed: false }));
        assert_eq!(head(stores, &b, key).await, None);
    }
}

/// Around every power of two at which an engine could do another thing; in one piece, in many, and with empty ones.
pub async fn content_of_any_size_reads_back_however_it_was_written(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for shift in [0, 10, 16, 19, 20, 21] {
        for size in [(1 << shift) - 1, 1 << shift, (1 << shift) + 1] {
            let bytes = bytes(size, shift);
            for piece in [size, 65_537, 4096] {
                let content = written(stores, &bytes, piece.max(size / 500)).await;
                assert_eq!(content.etag(), Etag::of(&bytes), "{size} bytes in pieces of {piece}");
                commit_one(stores, link(&b, "k", &content)).await.expect("a link");
                assert!(blob(stores, &b, "k").await == Some(bytes.clone()), "{size} bytes in pieces of {piece}");
            }
        }
    }
    let mut writer = stores.blobs().write(&b).await.expect("a writer");
    for piece in ["", "a", "", "bc", ""] {
        writer.write(piece.into()).await.expect("there is room");
    }
    assert_eq!(writer.finish().await.expect("content").etag(), Etag::of(b"abc"));
}

/// Across blocks, past the end, empty, and from the end.
pub async fn a_range_reads_what_there_is_of_it(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for bytes in small_and_large().into_iter().chain([Bytes::new()]) {
        let size = bytes.len() as u64;
        put_blob(stores, &b, "k", &bytes).await;
        for range in [
            Range::ALL,
            Range::from(size / 3),
            Range::from(size),
            Range::from(size + 1),
            Range::Span(0..1),
            Range::Span(size / 2..size / 2),
            Range::Span(size / 2..size / 2 + 1),
            Range::Span(1..size * 2 / 3),
            Range::Span(size.saturating_sub(1)..size + 10),
            Range::Span(size + 5..size + 9),
            Range::Last(0),
            Range::Last(size / 2),
            Range::Last(size + 1),
        ] {
            let blob = open(stores, &b, "k", range.clone()).await.expect("it is linked");
            let span = range.of(size);
            assert_eq!((blob.info.size, &blob.body.span), (size, &span), "{range:?} of {size}");
            let expected = bytes.slice(span.start as usize..span.end as usize);
            assert!(all(blob.body).await == expected, "{range:?} of {size}");
        }
    }
}

/// A key is no path: whatever is in it, it is that key and nothing else.
pub async fn keys_of_blobs_are_any_text(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    let long = "k".repeat(1024);
    let keys = [
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "/absolute",
        "a//b",
        "\0",
        "a\0b",
        "\u{1}\u{7f}\r\n",
        "é\u{10ffff}",
        "con",
        "a\\b",
        "%2e%2e%2f",
        " ",
        "*",
        &long,
    ];
    for (n, key) in keys.iter().enumerate() {
        // Some large, since these are where files could be.
        put_blob(stores, &b, key, &bytes(if n % 2 == 0 { 200_000 } else { 20 }, n as u8)).await;
    }
    for (n, key) in keys.iter().enumerate() {
        let expected = bytes(if n % 2 == 0 { 200_000 } else { 20 }, n as u8);
        assert!(blob(stores, &b, key).await == Some(expected), "{key:?}");
    }
    for key in keys {
        assert_eq!(
            commit_one(stores, unlink(&b, key, None)).await,
            Ok(Outcome::BlobUnlink { existed: true }),
            "{key:?}"
        );
    }
}

/// The same key in two buckets is two blobs, and a bucket without a name is none.
pub async fn buckets_do_not_share_keys(_: &Setup, stores: &Arc<dyn Stores>) {
    let (one, two, none) = (bucket("default"), bucket("other"), bucket("defaul"));
    put_blob(stores, &one, "k", &bytes(10, 1)).await;
    put_blob(stores, &two, "k", &bytes(10, 2)).await;
    assert_eq!(blob(stores, &one, "k").await, Some(bytes(10, 1)));
    commit_one(stores, unlink(&one, "k", None)).await.expect("an unlink");
    assert_eq!(blob(stores, &two, "k").await, Some(bytes(10, 2)));
    let missing = Missing::Bucket(none.clone());
    let content = content(stores, &bytes(1, 1)).await;
    let refused = Err(CommitError::NoSuch(missing.clone()));
    assert_eq!(commit_one(stores, link(&none, "k", &content)).await, refused);
    assert_eq!(commit_one(stores, unlink(&none, "k", None)).await, refused);
    assert_eq!(stores.blobs().head(&none, "k").await, Err(ReadError::NoSuch(missing.clone())));
    assert_eq!(stores.blobs().read(&none, "k", Range::ALL).await.err(), Some(ReadError::NoSuch(missing.clone())));
    assert_eq!(stores.blobs().write(&none).await.err(), Some(WriteError::NoSuch(missing)));
}

/// Whatever the pieces, keys and buckets; and nothing else has it.
pub async fn etags_are_equal_where_bytes_are(_: &Setup, stores: &Arc<dyn Stores>) {
    for bytes in small_and_large() {
        let first = put_blob(stores, &bucket("default"), "a", &bytes).await.etag;
        assert_eq!(put_blob(stores, &bucket("other"), "b", &bytes).await.etag, first);
        let mut other = bytes.to_vec();
        *other.last_mut().expect("some bytes") ^= 1;
        assert_ne!(put_blob(stores, &bucket("default"), "a", &other.into()).await.etag, first);
    }
}

/// Create-only, replace-only and compare-and-set, of links, copies and unlinks; a conflict tells what is there.
pub async fn an_expectation_decides_whether_a_blob_changes(_: &Setup, stores: &Arc<dyn Stores>) {
    use BlobExpectation::{Absent, Exists};
    let b = bucket("default");
    let one = content(stores, &bytes(10, 1)).await;
    let two = content(stores, &bytes(100_000, 2)).await;
    let is = |content: &Content| BlobExpectation::Etag(content.etag());
    let conflict = |current| Err(CommitError::BlobConflict { index: 0, key: "k".to_owned(), current });
    for expect in [Exists, is(&one)] {
        assert_eq!(commit_one(stores, link_if(&b, "k", &one, expect)).await, conflict(None), "{expect:?}");
        assert_eq!(commit_one(stores, unlink(&b, "k", Some(expect))).await, conflict(None), "{expect:?}");
    }
    let absent = commit_one(stores, unlink(&b, "k", Some(Absent))).await;
    assert_eq!(absent, Ok(Outcome::BlobUnlink { existed: false }));
    commit_one(stores, link_if(&b, "k", &one, Absent)).await.expect("there is none");
    for expect in [Absent, is(&two)] {
        let found = conflict(Some(one.etag()));
        assert_eq!(commit_one(stores, link_if(&b, "k", &two, expect)).await, found, "{expect:?}");
        assert_eq!(commit_one(stores, unlink(&b, "k", Some(expect))).await, found, "{expect:?}");
    }
    commit_one(stores, link_if(&b, "k", &two, is(&one))).await.expect("it is the first");
    commit_one(stores, link_if(&b, "k", &one, Exists)).await.expect("there is one");
    assert_eq!(head(stores, &b, "k").await.map(|info| info.etag), Some(one.etag()));
    let gone = commit_one(stores, unlink(&b, "k", Some(is(&one)))).await;
    assert_eq!(gone, Ok(Outcome::BlobUnlink { existed: true }));
}

/// Content, content type and metadata are the copy's own.
pub async fn a_copy_stays_when_its_source_goes(setup: &Setup, stores: &Arc<dyn Stores>) {
    let (b, other) = (bucket("default"), bucket("other"));
    for bytes in small_and_large() {
        let mut effect = link(&b, "from", &content(stores, &bytes).await);
        let Effect::BlobLink { content_type, metadata, .. } = &mut effect else { unreachable!("it is a link") };
        *content_type = Some("text/plain".to_owned());
        metadata.insert("a".to_owned(), "b".to_owned());
        commit_one(stores, effect).await.expect("a link");
        let source = head(stores, &b, "from").await.expect("it is linked");
        setup.clock.advance(Duration::from_millis(1));
        let mut effect = copy(&b, "from", "to");
        let Effect::BlobCopy { bucket, .. } = &mut effect else { unreachable!("it is a copy") };
        *bucket = other.clone();
        let committed = stores.commit(effect.into()).await.expect("a copy");
        let copied = head(stores, &other, "to").await.expect("it is copied");
        let expected = BlobInfo {
            key: "to".to_owned(),
            modified_at: setup.clock.now(),
            sequence: committed.version,
            ..source.clone()
        };
        assert_eq!(copied, expected);
        commit_one(stores, copy(&b, "from", "second")).await.expect("a copy");
        commit_one(stores, unlink(&b, "from", None)).await.expect("an unlink");
        put_blob(stores, &b, "second", &Bytes::new()).await;
        assert!(blob(stores, &other, "to").await == Some(bytes), "it has its own content");
        commit_one(stores, unlink(&other, "to", None)).await.expect("an unlink");
    }
}

/// That it is there, or that it is this very one.
pub async fn a_copy_expects_its_source(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    let conflict = |key: &str, current| Err(CommitError::BlobConflict { index: 0, key: key.to_owned(), current });
    assert_eq!(commit_one(stores, copy(&b, "a", "b")).await, conflict("a", None));
    let etag = put_blob(stores, &b, "a", &bytes(10, 1)).await.etag;
    let stale = Etag::of(b"another");
    let with = |from: Option<Etag>, to: Option<BlobExpectation>| {
        let mut effect = copy(&b, "a", "b");
        let Effect::BlobCopy { from_expect, expect, .. } = &mut effect else { unreachable!("it is a copy") };
        (*from_expect, *expect) = (from, to);
        effect
    };
    assert_eq!(commit_one(stores, with(Some(stale), None)).await, conflict("a", Some(etag)));
    let exists = Some(BlobExpectation::Exists);
    assert_eq!(commit_one(stores, with(None, exists)).await, conflict("b", None));
    commit_one(stores, with(Some(etag), Some(BlobExpectation::Absent))).await.expect("as expected");
    assert_eq!(commit_one(stores, copy(&b, "a", "a")).await.map(drop), Ok(()), "onto itself");
    assert_eq!(blob(stores, &b, "a").await, blob(stores, &b, "b").await);
}

/// A copy and an unlink of its source, in either order; also of many keys in a ring.
pub async fn a_rename_is_one_commit(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for bytes in small_and_large() {
        put_blob(stores, &b, "a", &bytes).await;
        stores.commit(Commit::new(vec![copy(&b, "a", "b"), unlink(&b, "a", None)])).await.expect("a rename");
        stores.commit(Commit::new(vec![unlink(&b, "b", None), copy(&b, "b", "c")])).await.expect("a rename");
        assert_eq!(head(stores, &b, "b").await, None);
        assert!(blob(stores, &b, "c").await == Some(bytes.clone()), "it has another name");
        put_blob(stores, &b, "d", &Bytes::from_static(b"d")).await;
        stores.commit(Commit::new(vec![copy(&b, "c", "d"), copy(&b, "d", "c")])).await.expect("an exchange");
        assert_eq!(blob(stores, &b, "c").await, Some(Bytes::from_static(b"d")));
        assert!(blob(stores, &b, "d").await == Some(bytes), "each has what the other had");
    }
}

/// It is read before it is linked, linked twice, and linked again after it was unlinked everywhere.
pub async fn content_is_read_and_linked_for_as_long_as_it_is_held(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for bytes in small_and_large() {
        let content = content(stores, &bytes).await;
        let read =
            async |range: Range| all(stores.blobs().read_content(&content, range).await.expect("it is held")).await;
        assert!(read(Range::ALL).await == bytes, "before it is linked");
        assert_eq!(read(Range::Span(3..7)).await, bytes.slice(3..7));
        assert!(read(Range::from(content.size())).await.is_empty(), "there is nothing behind it");
        let both = vec![link(&b, "a", &content), link(&b, "b", &content)];
        stores.commit(Commit::new(both)).await.expect("two links");
        for key in ["a", "b"] {
            assert!(blob(stores, &b, key).await == Some(bytes.clone()), "{key}");
            commit_one(stores, unlink(&b, key, None)).await.expect("an unlink");
        }
        let pair = vec![link(&b, "a", &content), put(&store("default"), "k", "")];
        stores.commit(Commit::new(pair)).await.expect("it is held");
        drop(content);
        assert!(blob(stores, &b, "a").await == Some(bytes), "it was linked again");
    }
}

/// A link, a message and a key happen together or not at all, whichever of them can't.
pub async fn a_blob_and_other_effects_are_one(_: &Setup, stores: &Arc<dyn Stores>) {
    let (b, s) = (bucket("default"), store("default"));
    let content = content(stores, &bytes(100_000, 1)).await;
    let absent = Expectation::Absent;
    commit_one(stores, put(&s, "taken", "")).await.expect("a put");
    let batch = vec![link(&b, "k", &content), send("jobs", message("m")), put_if(&s, "taken", "x", absent)];
    let failed = stores.commit(Commit::new(batch)).await;
    assert!(matches!(failed, Err(CommitError::Conflict { index: 2, .. })), "{failed:?}");
    assert_eq!(head(stores, &b, "k").await, None);
    let batch = vec![put(&s, "k", "v"), link_if(&b, "k", &content, BlobExpectation::Exists), delete(&s, "taken")];
    let failed = stores.commit(Commit::new(batch)).await;
    assert_eq!(failed, Err(CommitError::BlobConflict { index: 1, key: "k".to_owned(), current: None }));
    assert_eq!(value(stores, &s, "k").await, None);
    let batch = vec![link(&b, "k", &content), send("jobs", message("m")), put(&s, "k", "v")];
    let committed = stores.commit(Commit::new(batch)).await.expect("all can happen");
    assert_eq!(head(stores, &b, "k").await.map(|info| info.sequence), Some(committed.version));
    assert_eq!(receive(stores, "jobs", 9).await.len(), 1);
}

/// Neither its content nor what is known about it.
pub async fn a_failed_link_leaves_the_blob_before(setup: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    for bytes_before in small_and_large() {
        put_blob(stores, &b, "k", &bytes_before).await;
        let before = head(stores, &b, "k").await;
        setup.clock.advance(Duration::from_millis(1));
        let other = content(stores, &bytes(70_000, 9)).await;
        let failed = commit_one(stores, link_if(&b, "k", &other, BlobExpectation::Absent)).await;
        assert!(matches!(failed, Err(CommitError::BlobConflict { .. })), "{failed:?}");
        assert_eq!(head(stores, &b, "k").await, before);
        assert!(blob(stores, &b, "k").await == Some(bytes_before), "as it was");
    }
}

/// What is exactly at a limit passes, one more does not, and the error names both.
pub async fn what_is_linked_keeps_the_rules_of_the_bucket(_: &Setup, stores: &Arc<dyn Stores>) {
    let small = bucket("small");
    let too_large = |what, size, limit| TooLarge { what, size, limit };
    let most = content(stores, &bytes(100_000, 1)).await;
    commit_one(stores, link(&small, "12345678", &most)).await.expect("at the limits");
    let more = content(stores, &bytes(100_001, 1)).await;
    let blob = too_large(What::Blob, 100_001, 100_000);
    assert_eq!(commit_one(stores, link(&small, "k", &more)).await, Err(CommitError::TooLarge(blob.clone())));
    let mut writer = stores.blobs().write(&small).await.expect("a writer");
    writer.write(bytes(100_000, 1)).await.expect("at the limit");
    assert_eq!(writer.write(bytes(1, 1)).await, Err(WriteError::TooLarge(blob)));
    let key = too_large(What::Key, 9, 8);
    let long = commit_one(stores, link(&small, "123456789", &most)).await;
    assert_eq!(long, Err(CommitError::TooLarge(key.clone())));
    assert_eq!(commit_one(stores, unlink(&small, "123456789", None)).await, Err(CommitError::TooLarge(key.clone())));
    assert_eq!(commit_one(stores, copy(&small, "123456789", "k")).await, Err(CommitError::TooLarge(key.clone())));
    assert_eq!(stores.blobs().head(&small, "123456789").await, Err(ReadError::TooLarge(key)));
    assert_eq!(commit_one(stores, link(&small, "", &most)).await, Err(CommitError::Invalid(Invalid::EmptyKey)));
    let about = |text: &str, name: &str, value: &str| {
        let mut effect = link(&small, "k", &most);
        let Effect::BlobLink { content_type, metadata, .. } = &mut effect else { unreachable!("it is a link") };
        *content_type = Some(text.to_owned());
        metadata.insert(name.to_owned(), value.to_owned());
        effect
    };
    commit_one(stores, about("text/plain", "abc", "123")).await.expect("at the limit");
    let metadata = too_large(What::Metadata, 17, 16);
    let refused = commit_one(stores, about("text/plain", "abc", "1234")).await;
    assert_eq!(refused, Err(CommitError::TooLarge(metadata)));
    let unnamed = Invalid::Empty { what: What::MetadataName };
    assert_eq!(commit_one(stores, about("a", "", "b")).await, Err(CommitError::Invalid(unnamed)));
    for text in ["", "a\r\nb", "\u{7f}", "é", "\0"] {
        let refused = commit_one(stores, about(text, "a", "b")).await;
        assert_eq!(refused, Err(CommitError::Invalid(Invalid::ContentType)), "{text:?}");
    }
    let many = ["a", "b", "c", "d"].map(|key| link(&small, key, &most)).to_vec();
    assert_eq!(stores.commit(Commit::new(many)).await, Err(CommitError::TooLarge(too_large(What::Batch, 4, 3))));
}

/// A commit changes a key of a bucket once, however it does.
pub async fn one_key_is_not_changed_twice(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    put_blob(stores, &b, "a", &bytes(10, 1)).await;
    let content = content(stores, &bytes(10, 2)).await;
    let twice = Err(CommitError::Invalid(Invalid::BlobTwice { bucket: b.clone(), key: "k".to_owned() }));
    let changes = [link(&b, "k", &content), unlink(&b, "k", None), copy(&b, "a", "k")];
    for first in &changes {
        for second in &changes {
            let batch = Commit::new(vec![first.clone(), second.clone()]);
            assert_eq!(stores.commit(batch).await, twice, "{first:?} {second:?}");
        }
    }
    let others = vec![link(&b, "k", &content), link(&bucket("other"), "k", &content), put(&store("default"), "k", "")];
    stores.commit(Commit::new(others)).await.expect("each is another");
}

/// Whenever it was dropped; and what goes on beside it is not disturbed.
pub async fn an_abandoned_write_leaves_nothing(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    put_blob(stores, &b, "k", &bytes(200_000, 1)).await;
    for size in [0, 10, 100_000, 1_500_000] {
        let mut writer = stores.blobs().write(&b).await.expect("a writer");
        writer.write(bytes(size, 2)).await.expect("there is room");
        drop(writer);
        drop(content(stores, &bytes(size, 3)).await);
        let unused = content(stores, &bytes(size, 4)).await;
        let mut writing = stores.blobs().write(&b).await.expect("a writer");
        let polled_once = futures::poll!(writing.write(bytes(size, 5)));
        drop((polled_once.is_ready(), writing, unused));
    }
    let page = stores.blobs().list(&b, crate::Listing::default(), None, 9).await.expect("a page");
    assert_eq!(page.blobs.into_iter().map(|info| info.key).collect::<Vec<_>>(), ["k"]);
    assert!(blob(stores, &b, "k").await == Some(bytes(200_000, 1)), "it is not disturbed");
}

/// Takes the first block, then something happens to the blob, then the rest.
async fn read_across(stores: &Arc<dyn Stores>, happens: impl AsyncFn(&BucketName, &str)) {
    let b = bucket("default");
    for (n, bytes) in small_and_large().into_iter().chain([bytes(9_000_000, 3)]).enumerate() {
        let key = format!("k{n}");
        put_blob(stores, &b, &key, &bytes).await;
        let untouched = open(stores, &b, &key, Range::from(1)).await.expect("it is linked");
        let mut begun = open(stores, &b, &key, Range::ALL).await.expect("it is linked").body.bytes;
        let mut read = begun.next().await.expect("a block").expect("it reads").to_vec();
        happens(&b, &key).await;
        while let Some(block) = begun.next().await {
            read.extend(block.expect("it reads to its end"));
        }
        assert!(read == bytes, "{n}: what was begun is read to its end");
        assert!(all(untouched.body).await == bytes.slice(1..), "{n}: also where nothing was taken yet");
    }
}

/// The old content to its end, and whoever comes later the new one.
pub async fn a_reader_reads_to_the_end_what_is_overwritten_meanwhile(_: &Setup, stores: &Arc<dyn Stores>) {
    let new = bytes(300_000, 9);
    read_across(stores, async |b, key| {
        put_blob(stores, b, key, &new).await;
        // What is collected by and by, is.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(blob(stores, b, key).await == Some(new.clone()), "{key} is new");
    })
    .await;
}

/// The old content to its end, and whoever comes later nothing.
pub async fn a_reader_reads_to_the_end_what_is_unlinked_meanwhile(_: &Setup, stores: &Arc<dyn Stores>) {
    read_across(stores, async |b, key| {
        commit_one(stores, unlink(b, key, None)).await.expect("an unlink");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(blob(stores, b, key).await.is_none(), "{key} is gone");
    })
    .await;
}

/// Writers overwrite one key all the time; every reader gets one of the contents, whole.
pub async fn many_readers_and_writers_see_whole_blobs(_: &Setup, stores: &Arc<dyn Stores>) {
    let b = bucket("default");
    put_blob(stores, &b, "k", &bytes(150_000, 0)).await;
    let writers = (0..4_u8).map(|writer| {
        let (stores, b) = (Arc::clone(stores), b.clone());
        tokio::spawn(async move {
            for n in 0..15 {
                put_blob(&stores, &b, "k", &bytes(150_000 + n, writer)).await;
            }
        })
    });
    let readers = (0..4).map(|_| {
        let (stores, b) = (Arc::clone(stores), b.clone());
        tokio::spawn(async move {
            for _ in 0..30 {
                let Blob { info, body } = open(&stores, &b, "k", Range::ALL).await.expect("it is always linked");
                assert_eq!(Etag::of(&all(body).await), info.etag, "it is whole");
            }
        })
    });
    for task in join_all(writers.chain(readers).collect::<Vec<_>>()).await {
        task.expect("a task of the suite");
    }
}
