//! `wasi:logging`: lines of the log, each with function, invocation and trace.

use crate::bindings::wasi::logging::logging;
use crate::state::State;
use flint_telemetry::{Level, Source};

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, context: String, message: String) -> wasmtime::Result<()> {
        let level = match level {
            logging::Level::Trace => Level::Trace,
            logging::Level::Debug => Level::Debug,
            logging::Level::Info => Level::Info,
            logging::Level::Warn => Level::Warn,
            logging::Level::Error => Level::Error,
            logging::Level::Critical => Level::Critical,
        };
        self.log_gate().say(level, Source::Log, &context, &message);
        Ok(())
    }
}
