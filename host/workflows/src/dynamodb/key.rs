//! Which key of a store an item has.

use super::attribute::{Attribute, Map};
use super::fault::invalid;
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes of the value of a partition key and of a sort key ("Partition keys and sort keys" of DynamoDB's limits).
const PARTITION_MAX: usize = 2_048;
const SORT_MAX: usize = 1_024;

/// The attributes that are a table's key. DynamoDB knows them from the table, a store from its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The name of the partition key, such as `orderId`.
    pub partition: String,
    /// The name of the sort key, if the key has two attributes.
    pub sort: Option<String>,
}

impl Schema {
    /// The names of both, the partition key first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.partition.as_str()).chain(self.sort.as_deref())
    }

    /// The most bytes that the value of each may have.
    fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names().zip([PARTITION_MAX, SORT_MAX])
    }
}

/// The key of an item.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its attributes.
    pub(super) attributes: Map,
    /// The key of the store.
    pub(super) text: String,
}

impl Key {
    /// Of a `Key`, which has these attributes and no other.
    ///
    /// # Errors
    /// It has others, or values that no key has.
    pub(super) fn of_key(schema: &Schema, attributes: Map) -> Result<Self, Failure> {
        let is_complete = schema.names().all(|name| attributes.get(name).is_some_and(|value| text(value).is_some()));
        if !is_complete || attributes.len() != schema.names().count() {
            return Err(invalid("The provided key element does not match the schema"));
        }
        Self::of_item(schema, &attributes)
    }

    /// Of a whole item.
    ///
    /// # Errors
    /// It lacks a key attribute, or has values there that no key has.
    pub(super) fn of_item(schema: &Schema, item: &Map) -> Result<Self, Failure> {
        let mut attributes = Map::new();
        let mut texts = Vec::new();
        for (name, size_max) in schema.sizes() {
            let value = item.get(name).ok_or_else(|| parameters(format!("Missing the key {name} in the item")))?;
            texts.push(part(name, value, size_max)?);
            attributes.insert(name.to_owned(), value.clone());
        }
        Ok(Self { attributes, text: joined(&texts) })
    }

    /// Adds to what a store holds the attributes of its key that it lacks: a function need not write them.
    ///
    /// # Errors
    /// It has another value for one of them.
    pub(super) fn complete(&self, item: &mut Map) -> Result<(), String> {
        for (name, value) in &self.attributes {
            let found = item.entry(name.clone()).or_insert_with(|| value.clone());
            if found != value {
                return Err(format!("has another value of the key attribute {name}"));
            }
        }
        Ok(())
    }
}

fn part(name: &str, value: &Attribute, size_max: usize) -> Result<String, Failure> {
    let text = text(value).ok_or_else(|| {
        parameters(format!("Type mismatch for key {name} expected: one of S, N and B actual: {}", value.tag()))
    })?;
    if text.is_empty() {
        return Err(invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             value. Key: {name}"
        )));
    }
    if value.size() > size_max {
        return Err(parameters(format!(
            "Size of the key {name} has exceeded the maximum size limit of {size_max} bytes"
        )));
    }
    Ok(text)
}

/// The text of a value that can be a key: a number as DynamoDB writes it, binary as Base64.
fn text(value: &Attribute) -> Option<String> {
    match value {
        Attribute::S(text) => Some(text.clone()),
        Attribute::N(number) => Some(number.to_string()),
        Attribute::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

/// One text as it is; two with a slash between, `~` and `/` in them being `~0` and `~1`, as JSON Pointer (RFC 6901) has it.
fn joined(texts: &[String]) -> String {
    match texts {
        [text] => text.clone(),
        texts => texts.iter().map(|text| text.replace('~', "~0").replace('/', "~1")).collect::<Vec<_>>().join("/"),
    }
}

fn parameters(message: String) -> Failure {
    invalid(format!("One or more parameter values were invalid: {message}"))
}
