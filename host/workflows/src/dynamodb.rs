//! What the integrations `dynamodb:getItem`, `putItem`, `updateItem` and `deleteItem` do, against a key-value store.
//!
//! Pure: a [`Request`] is read from the arguments of a task, tells which key of the store it is about, and makes of the value
//! that is there a [`Change`]: what is to be written, and what the task answers. Who reads and writes the store makes both one
//! step, for example with the version that was read as the precondition of the write.
//!
//! An item lies in a store as natural JSON, so that functions and workflows share it: `{"S": "x"}` is `"x"`, `{"N": "1"}` is
//! `1`, lists and maps are those of JSON. What JSON has not keeps the form of the API (`{"SS": ["a"]}`, `{"B": "aGk="}`, numbers
//! that a double can't hold), and a map of one member that would be mistaken for such a form is wrapped in `{"M": …}`. The key
//! of the store is the text of the key attribute (a number without an exponent, binary as Base64), or, of two attributes, both
//! with a slash between, `~` and `/` in them being `~0` and `~1`: so all items of a partition lie together, behind `partition/`.
//! A function need not write the key attributes into a value: they are known from the key.
//!
//! Sources: DynamoDB's API reference and developer guide, and where those are silent what others have recorded of the
//! service. *Absent:* the legacy parameters that expressions replaced, consumed capacity, types of key attributes (a store
//! declares none, so `{"S": "1"}` and `{"N": "1"}` are one key, and the second finds a value that is not its own).

mod arguments;
mod attribute;
mod condition;
mod decimal;
mod fault;
mod key;
mod natural;
mod parse;
mod path;
mod selection;
mod terms;
mod token;
mod update;
mod wire;

pub use fault::table_not_found;
pub use key::Schema;

use crate::failure::Failure;
use arguments::{Arguments, Returns};
use attribute::{DEPTH_MAX, Map, SIZE_MAX};
use condition::Condition;
use fault::invalid;
use key::Key;
use selection::Selection;
use serde_json::{Value, json};
use terms::Terms;
use update::Update;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `dynamodb:getItem`.
    GetItem,
    /// `dynamodb:putItem`.
    PutItem,
    /// `dynamodb:updateItem`.
    UpdateItem,
    /// `dynamodb:deleteItem`.
    DeleteItem,
}

/// A request that is valid, whatever the store holds.
#[derive(Clone, Debug)]
pub struct Request {
    key: Key,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Get(Option<Selection>),
    Put { item: Map, condition: Option<Condition>, returns: Returns },
    Update { update: Option<Update>, condition: Option<Condition>, returns: Returns },
    Delete { condition: Option<Condition>, returns: Returns },
}

/// What a request makes of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What becomes of the value in the store.
    pub write: Write,
    /// What the task answers: an object, with `Item` or `Attributes` if there are any to tell.
    pub answer: Value,
}

/// What becomes of a value in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Nothing.
    Keep,
    /// It is replaced by this one.
    Put(Vec<u8>),
    /// It is deleted.
    Delete,
}

/// The table that a task's arguments name, as they write it: of an ARN (`…:table/orders`) the last part. The caller knows
/// which store that is, and which [`Schema`] it has.
///
/// # Errors
/// `DynamoDB.AmazonDynamoDBException` if it is missing or no name of a table, `States.Runtime` if it is no text. A retry can't
/// help.
pub fn table(arguments: &Value) -> Result<&str, Failure> {
    arguments::table(arguments)
}

impl Request {
    /// Reads the arguments of a task.
    ///
    /// # Errors
    /// What the service refuses whatever the table holds, as Step Functions names it: `DynamoDB.AmazonDynamoDBException` for
    /// what DynamoDB calls a `ValidationException` (an expression that is wrong, a key that is not the table's, a value that is
    /// none), and `States.Runtime`, which nothing catches, for arguments that Step Functions can't pass on (an unknown
    /// parameter, a number where a text must be). A retry can't help.
    pub fn read(operation: Operation, arguments: &Value, schema: &Schema) -> Result<Self, Failure> {
        table(arguments)?;
        let arguments = Arguments::read(operation, arguments)?;
        let mut terms = arguments.terms()?;
        let request = match operation {
            Operation::GetItem => Self::get(&arguments, &mut terms, schema),
            Operation::PutItem => Self::put(&arguments, &mut terms, schema),
            Operation::UpdateItem => Self::update(&arguments, &mut terms, schema),
            Operation::DeleteItem => Self::delete(&arguments, &mut terms, schema),
        }?;
        terms.are_all_used()?;
        Ok(request)
    }

    fn get(arguments: &Arguments, terms: &mut Terms, schema: &Schema) -> Result<Self, Failure> {
        let field = "ProjectionExpression";
        let read = |text| parse::whole(field, text, terms, parse::projection);
        let projection = arguments.text(field)?.map(read).transpose()?;
        Ok(Self { key: Key::of_key(schema, arguments.attributes("Key")?)?, action: Action::Get(projection) })
    }

    fn put(arguments: &Arguments, terms: &mut Terms, schema: &Schema) -> Result<Self, Failure> {
        let item = arguments.attributes("Item")?;
        let key = Key::of_item(schema, &item)?;
        if attribute::size(&item) > SIZE_MAX {
            return Err(invalid("Item size has exceeded the maximum allowed size"));
        }
        let condition = arguments.condition(terms)?;
        Ok(Self { key, action: Action::Put { item, condition, returns: arguments.returns()? } })
    }

    fn update(arguments: &Arguments, terms: &mut Terms, schema: &Schema) -> Result<Self, Failure> {
        let key = Key::of_key(schema, arguments.attributes("Key")?)?;
        let read = |text| Update::parse(text, terms, schema);
        let update = arguments.text("UpdateExpression")?.map(read).transpose()?;
        let condition = arguments.condition(terms)?;
        Ok(Self { key, action: Action::Update { update, condition, returns: arguments.returns()? } })
    }

    fn delete(arguments: &Arguments, terms: &mut Terms, schema: &Schema) -> Result<Self, Failure> {
        let key = Key::of_key(schema, arguments.attributes("Key")?)?;
        let condition = arguments.condition(terms)?;
        Ok(Self { key, action: Action::Delete { condition, returns: arguments.returns()? } })
    }

    /// The key that the item has in the store. It may be longer than a store takes: 3 KiB before escaping.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key.text
    }

    /// Makes of the value that the store has under [`Self::key`], if it has one, what is to be written and answered.
    ///
    /// # Errors
    /// `DynamoDB.ConditionalCheckFailedException` if the condition does not hold; `DynamoDB.AmazonDynamoDBException` if the
    /// update does not fit the item, the item would be too large, or the value is no item. A retry helps if the value has
    /// changed by then.
    pub fn apply(&self, value: Option<&[u8]>) -> Result<Change, Failure> {
        let old = value.map(|bytes| self.item(bytes)).transpose()?;
        match &self.action {
            Action::Get(projection) => Ok(got(projection.as_ref(), old)),
            Action::Put { item, condition, returns } => {
                check(condition.as_ref(), old.as_ref())?;
                let write = Write::Put(natural::write_item(item));
                Ok(Change { write, answer: answered(*returns, Returns::AllOld, old) })
            }
            Action::Delete { condition, returns } => {
                check(condition.as_ref(), old.as_ref())?;
                let write = if old.is_some() { Write::Delete } else { Write::Keep };
                Ok(Change { write, answer: answered(*returns, Returns::AllOld, old) })
            }
            Action::Update { update, condition, returns } => {
                check(condition.as_ref(), old.as_ref())?;
                self.updated(update.as_ref(), *returns, old)
            }
        }
    }

    /// Reads what the store has.
    fn item(&self, bytes: &[u8]) -> Result<Map, Failure> {
        let item = natural::read_item(bytes).and_then(|mut item| self.key.complete(&mut item).map(|()| item));
        item.map_err(|reason| {
            invalid(format!("The value of the key '{}' is no item of this table: it {reason}", self.key()))
        })
    }

    fn updated(&self, update: Option<&Update>, returns: Returns, old: Option<Map>) -> Result<Change, Failure> {
        let new = match (update, &old) {
            (Some(update), old) => update.apply(old.as_ref(), &self.key.attributes).map_err(invalid)?,
            (None, Some(old)) => old.clone(),
            (None, None) => self.key.attributes.clone(),
        };
        if old.is_none() && update.is_some_and(|update| !update.creates()) {
            return Ok(Change { write: Write::Keep, answer: json!({}) });
        }
        if new.values().any(|value| value.depth() > DEPTH_MAX) {
            return Err(invalid("Nesting Levels have exceeded supported limits"));
        }
        let changed = |item: &Map| update.map(|update| update.changed().of_item(item)).unwrap_or_default();
        let write = Write::Put(natural::write_item(&new));
        let told = match returns {
            Returns::None => None,
            Returns::AllOld => old,
            Returns::AllNew => Some(new),
            Returns::UpdatedOld => old.as_ref().map(changed),
            Returns::UpdatedNew => Some(changed(&new)),
        };
        Ok(Change { write, answer: attributes(told) })
    }
}

fn got(projection: Option<&Selection>, old: Option<Map>) -> Change {
    let answer = match (old, projection) {
        (None, _) => json!({}),
        (Some(item), None) => json!({ "Item": wire::write_map(&item) }),
        (Some(item), Some(projection)) => json!({ "Item": wire::write_map(&projection.of_item(&item)) }),
    };
    Change { write: Write::Keep, answer }
}

fn check(condition: Option<&Condition>, old: Option<&Map>) -> Result<(), Failure> {
    let Some(condition) = condition else { return Ok(()) };
    match old {
        Some(item) => condition.check(item),
        None => condition.check(&Map::new()),
    }
}

/// The answer with these attributes, if they are wanted.
fn answered(returns: Returns, wanted: Returns, item: Option<Map>) -> Value {
    attributes(item.filter(|_| returns == wanted))
}

fn attributes(item: Option<Map>) -> Value {
    match item.filter(|item| !item.is_empty()) {
        Some(item) => json!({ "Attributes": wire::write_map(&item) }),
        None => json!({}),
    }
}

#[cfg(test)]
mod tests;
