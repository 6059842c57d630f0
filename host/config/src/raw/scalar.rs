//! Single values: read from the file by the rules of the reference table.

use super::Reader;
use crate::diagnostic::{Code, Diagnostic};
use crate::reference::{Key, Kind};
use crate::source::Span;
use flint_model::{ByteSize, duration};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// A value that a key of the reference table can have.
pub(crate) trait Scalar: Sized {
    /// Reads a value; what is wrong with it is reported.
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, key: &Key) -> Option<Self>;

    /// Reads a default of the table.
    fn from_default(text: &str) -> Option<Self>;
}

/// Reports a value outside of its range.
fn in_range<T: PartialOrd>(
    reader: &mut Reader<'_>,
    value: T,
    at: Span,
    name: &str,
    (min, max): (T, T),
    show: impl Fn(T) -> String,
) -> Option<T> {
    let (label, too_large) = match () {
        () if value < min => ("too small", false),
        () if value > max => ("too large", true),
        () => return Some(value),
    };
    let bound = if too_large { "most" } else { "least" };
    let message = format!("{} is {label} for `{name}`", reader.quote(&at));
    let nearest = if too_large { show(max) } else { show(min) };
    reader.report(Diagnostic::new(Code::OutOfRange, at, message, label).help(format!("at {bound} {nearest}")));
    None
}

/// Reports a text that can't be read.
fn malformed<T>(reader: &mut Reader<'_>, code: Code, at: Span, what: &str, help: impl Display) -> Option<T> {
    let message = format!("{} is no {what}", reader.quote(&at));
    reader.report(Diagnostic::new(code, at, message, format!("not a valid {what}")).help(help.to_string()));
    None
}

impl Scalar for ByteSize {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, key: &Key) -> Option<Self> {
        let text = reader.text(value, name, "\"64MiB\"")?;
        match text.parse::<Self>() {
            Ok(size) => {
                let Kind::Size { min, max } = key.kind else { return Some(size) };
                in_range(reader, size, value.span(), name, (min, max), |size| size.to_string())
            }
            Err(error) => malformed(reader, Code::BadSize, value.span(), "size", error),
        }
    }

    fn from_default(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar for Duration {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, key: &Key) -> Option<Self> {
        let text = reader.text(value, name, "\"30s\"")?;
        match duration::parse(&text) {
            Ok(length) => {
                let Kind::Duration { min, max } = key.kind else { return Some(length) };
                in_range(reader, length, value.span(), name, (min, max), |d| duration::display(d).to_string())
            }
            Err(error) => malformed(reader, Code::BadDuration, value.span(), "duration", error),
        }
    }

    fn from_default(text: &str) -> Option<Self> {
        duration::parse(text).ok()
    }
}

impl Scalar for usize {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, key: &Key) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            reader.wrong_type(value, name, "a whole number", "write it without quotes".to_owned());
            return None;
        };
        // TOML's integers have 64 bits; one that has more is out of range in any case.
        let number = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX);
        let Kind::Count { min, max } = key.kind else { return Self::try_from(number).ok() };
        let range = (i128::from(min), i128::from(max));
        let number = in_range(reader, number, value.span(), name, range, |number| number.to_string())?;
        Self::try_from(number).ok()
    }

    fn from_default(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar for bool {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, _: &Key) -> Option<Self> {
        let DeValue::Boolean(flag) = value.get_ref() else {
            reader.wrong_type(value, name, "true or false", "write it without quotes".to_owned());
            return None;
        };
        Some(*flag)
    }

    fn from_default(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar for SocketAddr {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, _: &Key) -> Option<Self> {
        let text = reader.text(value, name, "\"127.0.0.1:8080\"")?;
        text.parse().ok().or_else(|| {
            let help =
                "an address is an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`, or `0.0.0.0:8080` for all";
            malformed(reader, Code::BadAddress, value.span(), "address", help)
        })
    }

    fn from_default(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar for String {
    /// Reads a text; one of the possible words, if the table lists them.
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, key: &Key) -> Option<Self> {
        let Kind::Choice(words) = key.kind else { return reader.text(value, name, "\"text\"") };
        let text = reader.text(value, name, &format!("\"{}\"", words[0]))?;
        if words.contains(&text.as_str()) {
            return Some(text);
        }
        let message = format!("{} is not possible for `{name}`", reader.quote(&value.span()));
        let help =
            crate::suggest::help(&text, words.iter().copied()).map(|help| help.replace("known here", "possible"));
        reader.report(Diagnostic::new(Code::BadValue, value.span(), message, "not possible").help(help));
        None
    }

    fn from_default(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Scalar for PathBuf {
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, name: &str, _: &Key) -> Option<Self> {
        let path = reader.text(value, name, "\"folder/file\"")?;
        if path.is_empty() || path.contains('\0') {
            return malformed(reader, Code::BadValue, value.span(), "path", "a path has at least one character");
        }
        Some(path.into())
    }

    fn from_default(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{KEYS, Presence};

    #[test]
    fn every_default_of_the_reference_is_valid_and_in_range() {
        for key in KEYS {
            let Presence::Default(text) = key.presence else { continue };
            let valid = match key.kind {
                Kind::Size { min, max } => ByteSize::from_default(text).is_some_and(|v| (min..=max).contains(&v)),
                Kind::Duration { min, max } => Duration::from_default(text).is_some_and(|v| (min..=max).contains(&v)),
                Kind::Count { min, max } => text.parse().is_ok_and(|v: u64| (min..=max).contains(&v)),
                Kind::Address => SocketAddr::from_default(text).is_some(),
                Kind::Choice(words) => words.contains(&text),
                Kind::Flag => bool::from_default(text).is_some(),
                Kind::Path | Kind::Text => !text.is_empty(),
                Kind::List | Kind::OneOrList | Kind::Table => false,
            };
            assert!(valid, "{}: {text}", key.path);
        }
    }
}
