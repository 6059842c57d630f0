//! That others are answered while something goes on.

use super::{Client, Host, eventually};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What takes this long leaves time for an answer, even where other tests run beside it.
const LONG: Duration = Duration::from_millis(500);

/// No answer takes longer, whatever goes on.
const SLOWEST: Duration = Duration::from_secs(5);

/// Does something while the function `hello` is asked over and over, which has to answer every time.
///
/// What came after the act proves nothing: if that took a while, there was an answer that began and ended meanwhile.
#[track_caller]
pub(crate) fn meanwhile<T>(host: &Host, act: impl FnOnce(Client) -> T) -> T {
    let (client, done, asked, slowest) = (host.http(), AtomicBool::new(false), AtomicUsize::new(0), AtomicU64::new(0));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(client.get("/hello").expect(200).text(), "Hello, world!\n");
                let took = u64::try_from(begun.elapsed().as_millis()).expect("not that long");
                slowest.fetch_max(took, Ordering::Relaxed);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Also when it fails, or the scope would wait for ever.
        let _done = Done(&done);
        eventually("the other one answers", || (asked.load(Ordering::Relaxed) > 0).then_some(()));
        let (begun, before) = (Instant::now(), asked.load(Ordering::Relaxed));
        let result = act(client);
        let (took, during) = (begun.elapsed(), asked.load(Ordering::Relaxed) - before);
        // The first of them may have been asked for before.
        assert!(took < LONG || during > 1, "{during} answers in {took:?}");
        result
    });
    let slowest = Duration::from_millis(slowest.into_inner());
    assert!(slowest < SLOWEST, "another one was answered after {slowest:?}");
    result
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
