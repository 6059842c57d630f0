//! Structured logging: a text, and fields that programs can find.
//!
//! Lines go to `wasi:logging`, whose message is one text. Fields follow the text after a tab, as one JSON object:
//! `order created<TAB>{"id":"o-7","items":3}`. A host that knows this finds the fields behind the last tab; another prints a
//! readable line. The macros give the module as the context of a line.
//!
//! ```no_run
//! use flint_sdk::log;
//!
//! let order = "o-7";
//! log::info!("order created", id = order, items = 3);
//! log::warn("slow store", &[("ms", 250.into())]);
//! ```

use std::borrow::Cow;
use std::fmt::Write;

use crate::bindings::imports::wasi::logging::logging as wit;

/// How much a line matters.
///
/// ```
/// use flint_sdk::log::Level;
/// assert!(Level::Error > Level::Info);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Step by step, to find a fault.
    Trace,
    /// What helps a developer.
    Debug,
    /// What is normal and worth knowing.
    Info,
    /// What is not as it should be, and was dealt with.
    Warn,
    /// What failed.
    Error,
    /// What makes the function useless.
    Critical,
}

/// The value of a field.
///
/// ```
/// use flint_sdk::log::Value;
/// assert_eq!(Value::from(3), Value::Integer(3));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i128),
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
}

/// Writes a line.
///
/// ```no_run
/// use flint_sdk::log::{self, Level};
/// log::write(Level::Info, "orders", "order created", &[("id", "o-7".into())]);
/// ```
pub fn write(level: Level, context: &str, text: &str, fields: &[(&str, Value<'_>)]) {
    let level = match level {
        Level::Trace => wit::Level::Trace,
        Level::Debug => wit::Level::Debug,
        Level::Info => wit::Level::Info,
        Level::Warn => wit::Level::Warn,
        Level::Error => wit::Level::Error,
        Level::Critical => wit::Level::Critical,
    };
    match fields {
        [] => wit::log(level, context, text),
        fields => wit::log(level, context, &message(text, fields)),
    }
}

/// Writes a line of level `trace`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::trace("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::trace!("order created", id = "o-7");
/// ```
pub fn trace(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Trace, "", text, fields);
}

/// Writes a line of level `debug`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::debug("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::debug!("order created", id = "o-7");
/// ```
pub fn debug(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Debug, "", text, fields);
}

/// Writes a line of level `info`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::info("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::info!("order created", id = "o-7");
/// ```
pub fn info(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Info, "", text, fields);
}

/// Writes a line of level `warn`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::warn("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::warn!("order created", id = "o-7");
/// ```
pub fn warn(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Warn, "", text, fields);
}

/// Writes a line of level `error`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::error("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::error!("order created", id = "o-7");
/// ```
pub fn error(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Error, "", text, fields);
}

/// Writes a line of level `critical`, without context; the macro of the same name gives the module.
///
/// ```no_run
/// flint_sdk::log::critical("order created", &[("id", "o-7".into())]);
/// flint_sdk::log::critical!("order created", id = "o-7");
/// ```
pub fn critical(text: &str, fields: &[(&str, Value<'_>)]) {
    write(Level::Critical, "", text, fields);
}

// A macro and a function may share a name: `info!(…)` and `info(…)`.
#[doc(hidden)]
pub use crate::{
    __log_critical as critical, __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace,
    __log_warn as warn,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $text:expr $(, $field:ident = $value:expr)* $(,)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            ::core::module_path!(),
            $text,
            &[$((::core::stringify!($field), $crate::log::Value::from($value))),*],
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($line:tt)+) => { $crate::__log!(Info, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($line:tt)+) => { $crate::__log!(Error, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_critical {
    ($($line:tt)+) => { $crate::__log!(Critical, $($line)+) };
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

macro_rules! integers {
    ($($integer:ty)+) => {
        $(impl From<$integer> for Value<'_> {
            fn from(number: $integer) -> Self {
                // No integer of these types is outside of 128 bits.
                Self::Integer(number as i128)
            }
        })+
    };
}

integers! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

fn message(text: &str, fields: &[(&str, Value<'_>)]) -> String {
    let mut message = format!("{text}\t{{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            message.push(',');
        }
        push_text(&mut message, name);
        message.push(':');
        push_value(&mut message, value);
    }
    message.push('}');
    message
}

fn push_value(json: &mut String, value: &Value<'_>) {
    // Writing to a `String` does not fail.
    let _infallible = match value {
        Value::Text(text) => {
            push_text(json, text);
            Ok(())
        }
        Value::Integer(number) => write!(json, "{number}"),
        Value::Number(number) if number.is_finite() => write!(json, "{number}"),
        Value::Number(number) => write!(json, "\"{number}\""),
        Value::Bool(value) => write!(json, "{value}"),
    };
}

/// A JSON string (RFC 8259, section 7).
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\t' => json.push_str("\\t"),
            '\r' => json.push_str("\\r"),
            control if control < ' ' => {
                let _infallible = write!(json, "\\u{:04x}", control as u32);
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_the_text_as_one_json_object() {
        let fields = [
            ("id", Value::from("o-7")),
            ("items", 3.into()),
            ("total", 9.5.into()),
            ("paid", true.into()),
            ("rate", f64::NAN.into()),
            ("big", u64::MAX.into()),
        ];
        let message = message("order created", &fields);
        let (text, json) = message.rsplit_once('\t').unwrap();
        assert_eq!(text, "order created");
        let expected = serde_json::json!({
            "id": "o-7", "items": 3, "total": 9.5, "paid": true, "rate": "NaN", "big": u64::MAX,
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap(), expected);
    }

    #[test]
    fn whatever_a_text_holds_comes_back() {
        let text: String = (0..0x250).filter_map(char::from_u32).chain("\u{1F980}".chars()).collect();
        let mut json = String::new();
        push_text(&mut json, &text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
