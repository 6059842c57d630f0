//! Where lines go: a bounded buffer, and a thread that empties it.
//!
//! Whoever has a line to write never waits for the output, only for the moment in which another one copies its line. The
//! thread takes all that has gathered and writes it at once, so a burst costs few system calls.
//!
//! A host that is killed loses what is still in the buffer, usually the last millisecond; one that ends in order flushes.

use crate::format::{Format, Line};
use crate::log::Level;
use parking_lot::{Condvar, Mutex};
use serde_json::Map;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How long the last owner waits for the output when it goes away without a flush.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes lines, and never makes anybody wait for the output.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    buffer_max: usize,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the writer: there are lines, or the sink was closed.
    filled: Condvar,
    /// Wakes who flushes: everything was written.
    emptied: Condvar,
    /// Lines that were dropped since the start.
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// Lines that were dropped since the last one that was written.
    dropped: u64,
    writing: bool,
    closed: bool,
}

impl State {
    fn idle(&self) -> bool {
        self.buffer.is_empty() && self.dropped == 0 && !self.writing
    }
}

impl Sink {
    pub(crate) fn new(output: Box<dyn Write + Send>, buffer_max: usize, format: Format) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let writer = std::thread::Builder::new().name("flint-log".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || write_all(&shared, output, format)
        });
        // Without the thread there is no output, but the functions still run: every line is dropped and counted.
        Self { shared, buffer_max, writer: writer.ok() }
    }

    /// Hands over a line. Drops it when the buffer is full.
    pub(crate) fn write(&self, line: &str) {
        let mut state = self.shared.state.lock();
        if self.writer.is_none() || state.buffer.len() + line.len() > self.buffer_max {
            state.dropped += 1;
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.buffer.extend_from_slice(line.as_bytes());
        drop(state);
        self.shared.filled.notify_one();
    }

    /// How many lines were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all is written, at most for `timeout`; says whether it is.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while !state.idle() {
            if self.shared.emptied.wait_until(&mut state, deadline).timed_out() {
                return state.idle();
            }
        }
        true
    }
}

impl Drop for Sink {
    /// Ends the thread, unless the output blocks it: such a thread is left to the end of the process.
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.filled.notify_one();
        if self.flush(CLOSE_TIMEOUT)
            && let Some(writer) = self.writer.take()
        {
            // A writer that panicked has nothing more to tell, and nobody to tell it to.
            let _ = writer.join();
        }
    }
}

fn write_all(shared: &Shared, mut output: Box<dyn Write + Send>, format: Format) {
    let mut taken = Vec::new();
    loop {
        let dropped = {
            let mut state = shared.state.lock();
            state.writing = false;
            if state.idle() {
                shared.emptied.notify_all();
            }
            while state.idle() {
                if state.closed {
                    return;
                }
                shared.filled.wait(&mut state);
            }
            state.writing = true;
            std::mem::swap(&mut state.buffer, &mut taken);
            std::mem::take(&mut state.dropped)
        };
        // An output that fails, such as a closed pipe, must not end the functions; and where would one say so?
        let _ = output.write_all(&taken);
        if dropped > 0 {
            let _ = output.write_all(notice(dropped, format).as_bytes());
        }
        let _ = output.flush();
        taken.clear();
    }
}

fn notice(dropped: u64, format: Format) -> String {
    format.line(Line {
        time: SystemTime::now(),
        level: Level::Warn,
        source: "host",
        function: None,
        invocation: None,
        trace: None,
        context: "",
        message: "log lines were dropped, since the output is slower than what is written",
        fields: Map::from_iter([("dropped".to_owned(), dropped.into())]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// An output that writes only when it is let: each write waits for a permit.
    struct Gate {
        permits: mpsc::Receiver<()>,
        written: mpsc::Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.permits.recv().map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            let _ = self.written.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn gated(buffer_max: usize) -> (Sink, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (permit, permits) = mpsc::channel();
        let (written, read) = mpsc::channel();
        (Sink::new(Box::new(Gate { permits, written }), buffer_max, Format::Json), permit, read)
    }

    #[test]
    fn a_blocked_output_makes_nobody_wait_and_what_was_dropped_is_told() {
        let (sink, permit, read) = gated(10);
        sink.write("first\n");
        while !sink.shared.state.lock().buffer.is_empty() {
            std::thread::yield_now();
        }
        // The writer holds the first line now and waits. Room is for one more.
        let begin = Instant::now();
        for _ in 0..1_000 {
            sink.write("second\n");
        }
        assert!(begin.elapsed() < Duration::from_secs(1));
        assert_eq!(sink.dropped(), 999);
        assert!(!sink.flush(Duration::from_millis(10)), "nothing was let through");
        for _ in 0..3 {
            permit.send(()).expect("the writer waits");
        }
        assert!(sink.flush(Duration::from_secs(10)));
        let lines: Vec<_> = read.try_iter().collect();
        assert_eq!(lines[..2], ["first\n", "second\n"]);
        assert!(lines[2].contains(r#""dropped":999"#), "{lines:?}");
    }

    #[test]
    fn what_was_written_before_the_end_is_not_lost() {
        let (sink, permit, read) = gated(1_000);
        for _ in 0..10 {
            permit.send(()).expect("the writer waits");
            sink.write("line\n");
        }
        drop(sink);
        assert_eq!(read.iter().collect::<String>().matches("line").count(), 10);
    }

    #[test]
    fn an_output_that_fails_ends_nothing() {
        let (sink, permit, _read) = gated(1_000);
        drop(permit);
        sink.write("line\n");
        assert!(sink.flush(Duration::from_secs(10)));
        sink.write("line\n");
        assert!(sink.flush(Duration::from_secs(10)));
    }
}
