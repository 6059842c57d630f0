//! `ExpressionAttributeNames` and `ExpressionAttributeValues`: what `#name` and `:value` stand for.

use super::attribute::Attribute;
use super::fault::{invalid, unfit};
use super::wire;
use crate::failure::Failure;
use indexmap::IndexMap;
use serde_json::Value;
use std::sync::Arc;

/// The bytes of an attribute's name ("Attribute names" of DynamoDB's limits).
const NAME_MAX: usize = 65_535;

/// What expressions refer to, and what of it none has used yet.
///
/// What is used is shared, not copied: a short expression can use a long value very often.
pub(super) struct Terms {
    names: IndexMap<String, Term<Arc<str>>>,
    values: IndexMap<String, Term<Arc<Attribute>>>,
}

struct Term<T> {
    meaning: T,
    is_used: bool,
}

impl Terms {
    /// Reads both.
    ///
    /// # Errors
    /// They have the wrong shape, are empty, or have keys that can't be used.
    pub(super) fn read(names: Option<&Value>, values: Option<&Value>) -> Result<Self, Failure> {
        Ok(Self {
            names: all("ExpressionAttributeNames", '#', names, name)?,
            values: all("ExpressionAttributeValues", ':', values, |value| wire::read(value).map(Arc::new))?,
        })
    }

    /// The name that `#name` stands for.
    ///
    /// # Errors
    /// It stands for none.
    pub(super) fn name(&mut self, key: &str) -> Result<Arc<str>, String> {
        used(&mut self.names, key).ok_or_else(|| {
            format!("An expression attribute name used in the document path is not defined; attribute name: {key}")
        })
    }

    /// The value that `:value` stands for.
    ///
    /// # Errors
    /// It stands for none.
    pub(super) fn value(&mut self, key: &str) -> Result<Arc<Attribute>, String> {
        used(&mut self.values, key).ok_or_else(|| {
            format!("An expression attribute value used in expression is not defined; attribute value: {key}")
        })
    }

    /// Whether expressions have used all that there is.
    ///
    /// # Errors
    /// They have not.
    pub(super) fn are_all_used(&self) -> Result<(), Failure> {
        unused("ExpressionAttributeNames", &self.names)?;
        unused("ExpressionAttributeValues", &self.values)
    }
}

fn all<T>(
    field: &str,
    sign: char,
    given: Option<&Value>,
    read: impl Fn(&Value) -> Result<T, Failure>,
) -> Result<IndexMap<String, Term<T>>, Failure> {
    let Some(given) = given else { return Ok(IndexMap::new()) };
    let members =
        given.as_object().ok_or_else(|| unfit(format!("The value for the field '{field}' must be an OBJECT")))?;
    if members.is_empty() {
        return Err(invalid(format!("{field} must not be empty")));
    }
    let term = |(key, value): (&String, &Value)| {
        let is_valid = key.strip_prefix(sign).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_valid {
            return Err(invalid(format!("{field} contains invalid key: Syntax error; key: \"{key}\"")));
        }
        Ok((key.clone(), Term { meaning: read(value)?, is_used: false }))
    };
    members.iter().map(term).collect()
}

fn name(value: &Value) -> Result<Arc<str>, Failure> {
    match value.as_str() {
        None => Err(unfit("The values of 'ExpressionAttributeNames' must be a STRING")),
        Some("") => Err(invalid("ExpressionAttributeNames contains invalid value: it is empty")),
        Some(name) if name.len() > NAME_MAX => {
            Err(invalid(format!("Attribute name is too large, must be less than {} bytes", NAME_MAX + 1)))
        }
        Some(name) => Ok(Arc::from(name)),
    }
}

fn used<T: Clone>(terms: &mut IndexMap<String, Term<T>>, key: &str) -> Option<T> {
    let term = terms.get_mut(key)?;
    term.is_used = true;
    Some(term.meaning.clone())
}

fn unused<T>(field: &str, terms: &IndexMap<String, Term<T>>) -> Result<(), Failure> {
    let keys: Vec<_> = terms.iter().filter(|(_, term)| !term.is_used).map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(invalid(format!("Value provided in {field} unused in expressions: keys: {{{}}}", keys.join(", "))))
}
