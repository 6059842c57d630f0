//! What a guest says, on its way to the log: lines, within the volume that an invocation may have.

use crate::context::FunctionContext;
use crate::invocation::Invocation;
use flint_telemetry::{Level, LogLine, Source};
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// So many bytes count for what the host writes beside each line: when, who, and in which invocation. Without them, lines of one
/// byte would fill a disk a hundred times faster than `log-size-max` says.
const LINE_HEAD: u64 = 200;

/// Counts what an instance says, and passes it on.
pub(crate) struct LogGate {
    function: Arc<FunctionContext>,
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    invocation: Option<Invocation>,
    said: u64,
    silenced: bool,
}

impl LogGate {
    pub(crate) fn new(function: Arc<FunctionContext>, invocation: Option<&Invocation>) -> Self {
        let state = Mutex::new(GateState { invocation: invocation.cloned(), ..GateState::default() });
        Self { function, state }
    }

    pub(crate) fn begin(&self, invocation: &Invocation) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = GateState { invocation: Some(invocation.clone()), ..GateState::default() };
    }

    /// Passes a line on, unless the invocation has said as much as it may.
    pub(crate) fn say(&self, level: Level, source: Source, context: &str, message: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What is said while an instance is made belongs to no invocation, and comes again with each instance.
        let Some(invocation) = state.invocation.clone() else { return };
        let line = |level, message| {
            let (invocation, trace) = (invocation.id, &invocation.trace);
            self.function.telemetry.log(LogLine { invocation, trace, level, context, message, source });
        };
        // The context is written with each line.
        let size = message.len() as u64 + context.len() as u64 + LINE_HEAD;
        state.said = state.said.saturating_add(size);
        if state.said <= self.function.log_size_max {
            line(level, message);
            return;
        }
        self.function.telemetry.log_dropped();
        if !mem::replace(&mut state.silenced, true) {
            line(Level::Warn, "the invocation has logged as much as it may (`log-size-max`): what follows is dropped");
        }
    }
}

/// Standard output or standard error of an instance.
pub(crate) struct Stdio {
    gate: Arc<LogGate>,
    source: Source,
}

impl Stdio {
    pub(crate) fn new(gate: Arc<LogGate>, source: Source) -> Self {
        Self { gate, source }
    }
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { gate: Arc::clone(&self.gate), source: self.source, partial: Vec::new() })
    }
}

/// Cuts what is written into lines. What has no end yet is a line when the stream is dropped.
struct Lines {
    gate: Arc<LogGate>,
    source: Source,
    partial: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            // What is longer would be cut off later: it need not be held.
            let room = self.gate.function.telemetry.line_max().saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            self.gate.say(Level::Info, self.source, "", text);
        }
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_line();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}
