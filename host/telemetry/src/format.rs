//! One line, for people or for programs.
//!
//! For people: time, level, function, what was said, then the ids. For programs: one JSON object a line with the keys
//! `time`, `level`, `source`, `function`, `invocation`, `trace`, `context`, `message` and `fields`; those that do not apply
//! are left out, but for the ids, which are `null` then.

use crate::log::Level;
use serde_json::{Map, Value, json};
use std::fmt::{self, Write};
use std::time::SystemTime;

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human {
        /// With the colours of a terminal.
        color: bool,
    },
    /// For programs.
    Json,
}

/// All that a line can say.
pub(crate) struct Line<'a> {
    pub(crate) time: SystemTime,
    pub(crate) level: Level,
    /// Where it comes from: `log`, `stdout`, `stderr`, `record` or `host`.
    pub(crate) source: &'static str,
    pub(crate) function: Option<&'a str>,
    pub(crate) invocation: Option<&'a dyn fmt::Display>,
    pub(crate) trace: Option<&'a dyn fmt::Display>,
    pub(crate) context: &'a str,
    pub(crate) message: &'a str,
    pub(crate) fields: Map<String, Value>,
}

impl Format {
    /// Writes a line, with the break at its end.
    pub(crate) fn line(self, line: Line<'_>) -> String {
        match self {
            Self::Human { color } => human(&line, Paint { on: color }),
            Self::Json => json(line),
        }
    }
}

fn json(line: Line<'_>) -> String {
    let text = |value: Option<&dyn fmt::Display>| value.map_or(Value::Null, |v| Value::String(v.to_string()));
    let mut object = json!({
        "time": humantime::format_rfc3339_micros(line.time).to_string(),
        "level": line.level.label(),
        "source": line.source,
        "function": line.function,
        "invocation": text(line.invocation),
        "trace": text(line.trace),
        "message": line.message,
    });
    if !line.context.is_empty() {
        object["context"] = line.context.into();
    }
    if !line.fields.is_empty() {
        object["fields"] = line.fields.into();
    }
    format!("{object}\n")
}

fn human(line: &Line<'_>, paint: Paint) -> String {
    let mut text = String::with_capacity(line.message.len() + 160);
    // Writing to a string does not fail.
    let _ = write!(text, "{}", paint.dim(humantime::format_rfc3339_millis(line.time)));
    let _ = write!(text, " {}", paint.level(line.level));
    let origin = line.function.unwrap_or("flint");
    let _ = write!(text, " {}", paint.bold(origin));
    if line.source != "log" && line.source != "host" {
        let _ = write!(text, " {}", paint.dim(line.source));
    }
    if !line.context.is_empty() {
        text.push(' ');
        printable(line.context, &mut text);
    }
    text.push_str(": ");
    printable(line.message, &mut text);
    for (name, value) in &line.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(text, " {name}=");
        printable(&value, &mut text);
    }
    for (name, value) in [("invocation", line.invocation), ("trace", line.trace)] {
        if let Some(value) = value {
            let _ = write!(text, " {}", paint.dim(format_args!("{name}={value}")));
        }
    }
    text.push('\n');
    text
}

/// Appends a text without what a terminal would obey, so that no guest can move the cursor or forge a line: a line break
/// becomes an indented line, other control characters are spelled out.
fn printable(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\n    | "),
            '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}

#[derive(Clone, Copy)]
struct Paint {
    on: bool,
}

impl Paint {
    fn dim(self, text: impl fmt::Display) -> impl fmt::Display {
        self.with("2", text)
    }

    fn bold(self, text: impl fmt::Display) -> impl fmt::Display {
        self.with("1", text)
    }

    fn level(self, level: Level) -> impl fmt::Display {
        let code = match level {
            Level::Trace | Level::Debug => "2",
            Level::Info => "32",
            Level::Warn => "33",
            Level::Error | Level::Critical => "31",
        };
        self.with(code, format!("{:<8}", level.label().to_uppercase()))
    }

    fn with(self, code: &'static str, text: impl fmt::Display) -> impl fmt::Display {
        struct Painted<T>(bool, &'static str, T);
        impl<T: fmt::Display> fmt::Display for Painted<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.0 { write!(f, "\x1b[{}m{}\x1b[0m", self.1, self.2) } else { write!(f, "{}", self.2) }
            }
        }
        Painted(self.on, code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn line<'a>(message: &'a str) -> Line<'a> {
        Line {
            time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
            level: Level::Warn,
            source: "stdout",
            function: Some("hello"),
            invocation: Some(&"01INVOCATION"),
            trace: Some(&"4bf9"),
            context: "",
            message,
            fields: Map::from_iter([("n".to_owned(), json!(3)), ("wall".to_owned(), json!("5ms"))]),
        }
    }

    #[test]
    fn people_read_one_line() {
        assert_eq!(
            Format::Human { color: false }.line(line("careful")),
            "2023-11-14T22:13:20.123Z WARN     hello stdout: careful n=3 wall=5ms invocation=01INVOCATION trace=4bf9\n"
        );
    }

    #[test]
    fn no_guest_can_move_the_cursor_or_forge_a_line() {
        let text = Format::Human { color: false }.line(line("a\x1b[2Jb\r\n2023-11-14 INFO other: forged"));
        assert!(text.contains(r"a\u{1b}[2Jb\r") && text.contains("\n    | 2023"), "{text}");
        assert!(!text.contains(['\x1b', '\r']), "{text}");
    }

    #[test]
    fn programs_read_one_object_a_line() {
        let text = Format::Json.line(line("two\nlines \x1b"));
        assert_eq!(text.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            value,
            json!({"time": "2023-11-14T22:13:20.123456Z", "level": "warn", "source": "stdout", "function": "hello",
                   "invocation": "01INVOCATION", "trace": "4bf9", "message": "two\nlines \u{1b}",
                   "fields": {"wall": "5ms", "n": 3}})
        );
    }

    #[test]
    fn ids_that_do_not_apply_are_null_for_programs_and_absent_for_people() {
        let of_host = || Line { function: None, invocation: None, trace: None, source: "host", ..line("ready") };
        let value: Value = serde_json::from_str(&Format::Json.line(of_host())).expect("JSON");
        assert_eq!(
            (&value["function"], &value["invocation"], &value["trace"]),
            (&json!(null), &json!(null), &json!(null))
        );
        let text = Format::Human { color: true }.line(of_host());
        assert!(text.contains("\x1b[1mflint\x1b[0m: ready") && !text.contains("invocation="), "{text}");
    }
}
