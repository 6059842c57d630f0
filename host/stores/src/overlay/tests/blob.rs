//! Blobs that are held: what their writer sees of them, and what is committed in the end.

use std::sync::Arc;

use bytes::Bytes;
use flint_model::BucketName;
use futures::{FutureExt as _, TryStreamExt as _};

use super::{Subject, commit};
use crate::conformance::blob::{bucket, content, copy, link, link_if, unlink};
use crate::{BlobExpectation, CommitError, Content, Effect, Etag, Invalid, Outcome, Range, ReadError, Stores};

fn b() -> BucketName {
    bucket("default")
}

impl Subject {
    fn content(&self, text: &'static str) -> Content {
        let stores: Arc<dyn Stores> = self.stores.clone();
        content(&stores, &Bytes::from_static(text.as_bytes())).now_or_never().expect("memory does not wait")
    }

    /// What the transaction shows, and what the store does.
    fn blob(&self, key: &str) -> [Option<Bytes>; 2] {
        [read(&self.transaction, key), read(&*self.stores, key)]
    }

    fn outside_blob(&self, effect: Effect) {
        commit(&*self.stores, vec![effect]).expect("a write");
    }
}

fn read(stores: &dyn Stores, key: &str) -> Option<Bytes> {
    let bucket = b();
    let blob = stores.blobs().read(&bucket, key, Range::ALL).now_or_never().expect("memory does not wait");
    let blocks = blob.expect("a read")?.body.bytes.try_collect::<Vec<_>>();
    Some(blocks.now_or_never().expect("memory does not wait").expect("it reads to its end").concat().into())
}

fn text(text: &'static str) -> Option<Bytes> {
    Some(Bytes::from_static(text.as_bytes()))
}

#[test]
fn a_held_blob_is_read_by_its_writer_alone() {
    let subject = Subject::new();
    subject.outside_blob(link(&b(), "old", &subject.content("1")));
    subject.hold(link(&b(), "new", &subject.content("2"))).expect("held");
    assert_eq!(subject.hold(unlink(&b(), "old", None)), Ok(Outcome::BlobUnlink { existed: true }));
    assert_eq!(subject.hold(unlink(&b(), "old", None)), Ok(Outcome::BlobUnlink { existed: false }));
    assert_eq!((subject.blob("new"), subject.blob("old")), ([text("2"), None], [None, text("1")]));
    subject.end().expect("nobody else wrote");
    let stored = |key| read(&*subject.stores, key);
    assert_eq!((stored("new"), stored("old")), (text("2"), None));
}

#[test]
fn a_copy_is_of_what_its_source_was_when_it_was_held() {
    let subject = Subject::new();
    subject.outside_blob(link(&b(), "stored", &subject.content("1")));
    for effect in [
        link(&b(), "held", &subject.content("2")),
        copy(&b(), "held", "a"),
        copy(&b(), "stored", "b"),
        link(&b(), "stored", &subject.content("3")),
        copy(&b(), "b", "c"),
        unlink(&b(), "held", None),
    ] {
        subject.hold(effect).expect("held");
    }
    assert_eq!([subject.blob("a")[0].clone(), subject.blob("c")[0].clone()], [text("2"), text("1")]);
    let gone = CommitError::BlobConflict { index: 0, key: "held".to_owned(), current: None };
    assert_eq!(subject.hold(copy(&b(), "held", "d")), Err(gone));
    subject.end().expect("nobody else wrote");
    for (key, value) in [("a", "2"), ("b", "1"), ("c", "1"), ("stored", "3")] {
        assert_eq!(read(&*subject.stores, key), text(value), "{key}");
    }
}

#[test]
fn an_expectation_is_of_what_the_writer_sees_and_the_first_one_is_kept() {
    let subject = Subject::new();
    let (one, two) = (subject.content("1"), subject.content("2"));
    subject.hold(link_if(&b(), "k", &one, BlobExpectation::Absent)).expect("it is");
    let conflict = CommitError::BlobConflict { index: 0, key: "k".to_owned(), current: Some(Etag::of(b"1")) };
    assert_eq!(subject.hold(link_if(&b(), "k", &two, BlobExpectation::Absent)), Err(conflict));
    subject.hold(unlink(&b(), "k", Some(BlobExpectation::Etag(Etag::of(b"1"))))).expect("it has");
    subject.hold(link(&b(), "k", &two)).expect("held");
    subject.outside_blob(link(&b(), "k", &one));
    let conflict = CommitError::BlobConflict { index: 0, key: "k".to_owned(), current: Some(Etag::of(b"1")) };
    assert_eq!(subject.end(), Err(conflict));
}

#[test]
fn what_is_rolled_back_is_not_seen() {
    let subject = Subject::new();
    subject.hold(link(&b(), "k", &subject.content("1"))).expect("held");
    subject.transaction.mark().expect("a mark");
    subject.hold(unlink(&b(), "k", None)).expect("held");
    assert_eq!(subject.blob("k")[0], None);
    subject.transaction.roll_back().expect("it has a mark");
    assert_eq!(subject.blob("k")[0], text("1"));
}

/// What it is said to be and its bytes would be those of two.
#[test]
fn a_copy_whose_source_was_changed_is_not_read() {
    for goes in [false, true] {
        let subject = Subject::new();
        subject.outside_blob(link(&b(), "stored", &subject.content("1")));
        subject.hold(copy(&b(), "stored", "a")).expect("held");
        assert_eq!(subject.blob("a"), [text("1"), None]);
        let other = link(&b(), "stored", &subject.content("22"));
        subject.outside_blob(if goes { unlink(&b(), "stored", None) } else { other });
        let bucket = b();
        let read = subject.transaction.blobs().read(&bucket, "a", Range::ALL).now_or_never().expect("no wait");
        let copied = Invalid::Copied { bucket: b(), key: "stored".to_owned() };
        assert_eq!(read.err(), Some(ReadError::Invalid(copied)));
        assert!(matches!(subject.end(), Err(CommitError::BlobConflict { .. })));
    }
}
