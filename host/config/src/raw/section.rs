//! A table of the file, read key by key against the reference table.

use super::scalar::Scalar;
use super::{At, Field, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::reference::{self, Presence};
use crate::source::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A section: its path in the reference table, and what the file has of it.
pub(crate) struct Section<'t, 'i> {
    path: &'static str,
    table: Option<&'t DeTable<'i>>,
    /// Where a missing key is missing.
    at: Span,
}

impl<'t, 'i> Section<'t, 'i> {
    /// A section that the file does not have: all is as by default.
    pub(crate) fn absent(path: &'static str) -> Self {
        Self { path, table: None, at: 0..0 }
    }

    /// Opens a section. Reports keys that it does not know, and a value that is no table.
    pub(crate) fn open(
        reader: &mut Reader<'_>,
        path: &'static str,
        name: &str,
        at: Span,
        value: Option<&'t Spanned<DeValue<'i>>>,
    ) -> Self {
        let Some(value) = value else { return Self::absent(path) };
        let DeValue::Table(table) = value.get_ref() else {
            reader.wrong_type(value, name, "a table", format!("write `[{name}]` and its keys below"));
            return Self { path, table: None, at };
        };
        let section = Self { path, table: Some(table), at };
        section.check_keys(reader, name);
        section
    }

    /// Opens the root.
    pub(crate) fn root(reader: &mut Reader<'_>, table: &'t DeTable<'i>) -> Self {
        let section = Self { path: "", table: Some(table), at: 0..0 };
        section.check_keys(reader, "");
        section
    }

    /// Where it stands.
    pub(crate) fn at(&self) -> Span {
        self.at.clone()
    }

    /// Whether it is in the file, and a table.
    pub(crate) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    fn check_keys(&self, reader: &mut Reader<'_>, name: &str) {
        let known = reference::known(self.path);
        for (key, _) in self.table.into_iter().flatten() {
            if !known.contains(&key.get_ref().as_ref()) {
                reader.unknown_key(key.get_ref(), key.span(), name, &known);
            }
        }
    }

    /// A key's value as written, and where the key stands.
    pub(crate) fn get(&self, name: &str) -> Option<(Span, &'t Spanned<DeValue<'i>>)> {
        self.table?.get_key_value(name).map(|(key, value)| (key.span(), value))
    }

    /// Whether the file has the key, be its value right or wrong.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Reads a key that has a default.
    pub(crate) fn field<T: Scalar>(&self, reader: &mut Reader<'_>, name: &str) -> Field<T> {
        let read = self.optional(reader, name);
        let at = self.get(name).map(|(_, value)| value.span());
        let Presence::Default(default) = reference::key(self.path, name).presence else {
            unreachable!("only keys with a default are read as fields, `{name}` has none");
        };
        let value = read.map(|read: At<T>| read.value).or_else(|| T::from_default(default));
        Field { value: value.expect("defaults of the reference table are valid, as its test shows"), at }
    }

    /// Reads a key that may be left out.
    pub(crate) fn optional<T: Scalar>(&self, reader: &mut Reader<'_>, name: &str) -> Option<At<T>> {
        let (_, value) = self.get(name)?;
        let read = T::read(reader, value, name, reference::key(self.path, name))?;
        Some(At { value: read, at: value.span() })
    }

    /// Reads a key that has to be there.
    pub(crate) fn required<T: Scalar>(&self, reader: &mut Reader<'_>, name: &str) -> Option<At<T>> {
        if !self.has(name) && self.table.is_some() {
            let meaning = reference::key(self.path, name).meaning;
            let message = format!("`{name}` is missing");
            let label = format!("has no `{name}`");
            reader.report(
                Diagnostic::new(Code::MissingKey, self.at.clone(), message, label).help(format!("`{name}`: {meaning}")),
            );
        }
        self.optional(reader, name)
    }

    /// The texts of a key that is one or a list of them; none if there is no such key.
    pub(crate) fn texts(&self, reader: &mut Reader<'_>, name: &str, example: &str) -> Option<Vec<At<String>>> {
        let (_, value) = self.get(name)?;
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let texts = items.into_iter().filter_map(|item| {
            let value = reader.text(item, name, example)?;
            Some(At { value, at: item.span() })
        });
        Some(texts.collect())
    }

    /// Whether a key is a list of nothing.
    pub(crate) fn is_empty_list(&self, name: &str) -> bool {
        self.get(name).is_some_and(|(_, value)| matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()))
    }

    /// A table of what users name themselves: its entries; none if the file does not have it. `Some` is also what has another
    /// type, which is reported: something was meant.
    pub(crate) fn entries(&self, reader: &mut Reader<'_>, name: &str) -> Option<Vec<Entry<'t, 'i>>> {
        let (_, value) = self.get(name)?;
        let DeValue::Table(table) = value.get_ref() else {
            reader.wrong_type(value, name, "a table", format!("such as: {name} = {{ name = … }}"));
            return Some(Vec::new());
        };
        Some(table.iter().map(|(key, value)| Entry { name: key.get_ref(), at: key.span(), value }).collect())
    }
}

/// One entry of a table of what users name themselves.
pub(crate) struct Entry<'t, 'i> {
    pub(crate) name: &'t str,
    /// Where the name stands.
    pub(crate) at: Span,
    pub(crate) value: &'t Spanned<DeValue<'i>>,
}

impl Entry<'_, '_> {
    /// Parses the name; reports one that breaks the rule. `what` is such as `function`.
    pub(crate) fn named<N>(
        &self,
        reader: &mut Reader<'_>,
        what: &str,
        parse: impl FnOnce(&str) -> Result<N, flint_model::NameError>,
    ) -> Option<At<N>> {
        match parse(self.name) {
            Ok(value) => Some(At { value, at: self.at.clone() }),
            Err(error) => {
                let message = format!("`{}` is no name for a {what}", self.name);
                reader.report(
                    Diagnostic::new(Code::BadName, self.at.clone(), message, "not a name").help(error.to_string()),
                );
                None
            }
        }
    }
}
