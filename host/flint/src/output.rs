//! What the commands print: answers on standard output, everything else on standard error.
//!
//! With `--json` an answer is one JSON document. Progress is drawn only where somebody watches: on a terminal, and not with
//! `--json`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    /// Whether somebody watches standard error.
    watched: bool,
    color: bool,
}

impl Output {
    /// Looks at the standard streams and at `NO_COLOR` (<https://no-color.org>).
    pub(crate) fn new(json: bool) -> Self {
        let watched = std::io::stderr().is_terminal();
        let color = watched && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, watched, color }
    }

    /// Whether answers are JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether standard error is a terminal.
    pub(crate) fn is_watched(self) -> bool {
        self.watched
    }

    /// Whether standard error takes colours.
    pub(crate) fn is_colored(self) -> bool {
        self.color
    }

    /// Prints the answer of a command.
    ///
    /// # Errors
    /// If standard output does not take it, such as a pipe whose reader went away.
    pub(crate) fn answer<T: Serialize>(self, json: &T, human: impl FnOnce() -> String) -> std::io::Result<()> {
        let mut text = if self.json { serde_json::to_string(json)? } else { human() };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.raw(text.as_bytes())
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// If standard output does not take them.
    pub(crate) fn raw(self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Says something beside the answer.
    pub(crate) fn note(self, text: impl Display) {
        // Who closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Shows that something goes on, until the answer is dropped.
    pub(crate) fn progress(self) -> Progress {
        let drawn = self.watched && !self.json;
        Progress { bar: drawn.then(bar), color: self.color }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Shows what goes on.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    color: bool,
}

impl Progress {
    /// Shows nothing.
    pub(crate) fn hidden() -> Self {
        Self { bar: None, color: false }
    }

    /// Whether what is shown in the end may have colours.
    pub(crate) fn is_colored(&self) -> bool {
        self.color
    }

    /// Says what is done now.
    pub(crate) fn step(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(text.into());
            bar.set_message("");
        }
    }

    /// Says how far it is.
    pub(crate) fn detail(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, text: impl Display) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprint_line(&text)),
            None => eprint_line(&text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn eprint_line(text: &dyn Display) {
    // Who closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}
