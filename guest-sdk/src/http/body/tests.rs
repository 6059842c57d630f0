//! Cases of bodies: pieces, limits, trailers, ends.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::super::{HeaderValue, IntoResponse, JsonError, Problem};
use super::*;

/// Runs futures that wait for nothing but each other.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the future never ends")
}

#[test]
fn a_whole_body_is_one_piece() {
    let mut body = Body::from("whole");
    assert_eq!(run(body.chunk()), Ok(Some(Bytes::from("whole"))));
    assert_eq!(run(body.chunk()), Ok(None));
    assert_eq!(run(body.trailers()), Ok(None));
}

#[test]
fn a_written_body_comes_in_its_pieces_and_its_trailers_behind_it() {
    let (mut sender, mut body) = Body::channel();
    run(async {
        let write = async {
            for piece in ["a", "", "b"] {
                sender.send(piece).await.unwrap();
            }
            let trailers = [(super::super::header::ETAG, HeaderValue::from_static("x"))];
            sender.finish_with_trailers(trailers.into_iter().collect());
        };
        let read = async {
            assert_eq!(body.chunk().await, Ok(Some(Bytes::from("a"))));
            assert_eq!(body.chunk().await, Ok(Some(Bytes::from("b"))));
            assert_eq!(body.chunk().await, Ok(None));
            assert_eq!(body.trailers().await.unwrap().unwrap()["etag"], "x");
        };
        futures::join!(write, read)
    });
}

#[test]
fn a_writer_waits_until_its_last_piece_was_taken() {
    let (mut sender, mut body) = Body::channel();
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(run(sender.send("first")), Ok(()));
    let mut second = Box::pin(sender.send("second"));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(run(body.chunk()), Ok(Some(Bytes::from("first"))));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

#[test]
fn a_writer_learns_that_the_reader_is_gone() {
    let (mut sender, body) = Body::channel();
    drop(body);
    assert!(run(sender.send("unwanted")).is_err());
}

#[test]
fn a_body_whose_writer_gave_up_is_not_complete() {
    let (mut sender, body) = Body::channel();
    run(sender.send("half")).unwrap();
    drop(sender);
    assert!(matches!(run(body.bytes()), Err(BodyError::Incomplete(_))));
}

#[test]
fn a_body_is_read_up_to_a_limit_whatever_its_pieces() {
    let pieces = |pieces: &'static [&'static str]| {
        let (mut sender, body) = Body::channel();
        (
            async move {
                for piece in pieces {
                    if sender.send(*piece).await.is_err() {
                        return;
                    }
                }
                sender.finish();
            },
            body,
        )
    };
    for (split, limit, expected) in [
        (&["abc", "def"][..], 6, Ok("abcdef")),
        (&["abc", "def"], 5, Err(BodyError::TooLarge { limit: 5 })),
        (&["abcdef"], 5, Err(BodyError::TooLarge { limit: 5 })),
        (&["a", "b", "c", "d"], 3, Err(BodyError::TooLarge { limit: 3 })),
        (&[], 0, Ok("")),
    ] {
        let (write, body) = pieces(split);
        let ((), read) = run(async { futures::join!(write, body.bytes_up_to(limit)) });
        assert_eq!(read, expected.map(Bytes::from), "{split:?} {limit}");
    }
}

#[test]
fn mistakes_in_json_are_the_fault_of_the_client() {
    let error = run(Body::from("{").json::<u8>()).unwrap_err();
    assert!(matches!(error, JsonError::Syntax(_)));
    assert_eq!(Problem::from(error).into_response().status(), 400);
}
