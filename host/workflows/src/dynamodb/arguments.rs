//! The parameters of a request, in Pascal case as Step Functions has them.

use super::Operation;
use super::attribute::Map;
use super::condition::Condition;
use super::fault::{invalid, unfit};
use super::terms::Terms;
use super::wire;
use crate::failure::Failure;
use serde_json::Value;

/// What every operation has.
const COMMON: [&str; 3] = ["TableName", "ExpressionAttributeNames", "ReturnConsumedCapacity"];

/// What every operation has that writes.
const WRITING: [&str; 5] = [
    "ConditionExpression",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure",
];

/// What expressions have replaced.
const LEGACY: [(&str, &str); 4] = [
    ("AttributeUpdates", "UpdateExpression"),
    ("AttributesToGet", "ProjectionExpression"),
    ("ConditionalOperator", "ConditionExpression"),
    ("Expected", "ConditionExpression"),
];

/// The values of parameters that change nothing here, where nothing is metered.
const IGNORED: [(&str, &[&str]); 3] = [
    ("ReturnConsumedCapacity", &["INDEXES", "TOTAL", "NONE"]),
    ("ReturnItemCollectionMetrics", &["SIZE", "NONE"]),
    ("ReturnValuesOnConditionCheckFailure", &["ALL_OLD", "NONE"]),
];

/// What a write answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returns {
    None,
    AllOld,
    UpdatedOld,
    AllNew,
    UpdatedNew,
}

/// The names of [`Returns`]. A put and a delete answer one of the first two.
const RETURNS: [(&str, Returns); 5] = [
    ("NONE", Returns::None),
    ("ALL_OLD", Returns::AllOld),
    ("UPDATED_OLD", Returns::UpdatedOld),
    ("ALL_NEW", Returns::AllNew),
    ("UPDATED_NEW", Returns::UpdatedNew),
];

/// The parameters of a request, each known to its operation.
pub(super) struct Arguments<'a> {
    operation: Operation,
    fields: &'a serde_json::Map<String, Value>,
}

impl<'a> Arguments<'a> {
    /// Looks at the names of all, and at the values of those that nobody else looks at.
    pub(super) fn read(operation: Operation, arguments: &'a Value) -> Result<Self, Failure> {
        let fields = fields(arguments)?;
        fields.keys().try_for_each(|name| known(operation, name))?;
        let arguments = Self { operation, fields };
        for (name, values) in IGNORED {
            arguments.text(name)?.map_or(Ok(()), |value| among(name, value, values.iter().copied()))?;
        }
        match arguments.get("ConsistentRead") {
            None | Some(Value::Bool(_)) => Ok(arguments),
            Some(_) => Err(unfit("The value for the field 'ConsistentRead' must be a BOOLEAN")),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        text(self.fields, name)
    }

    /// `Key` or `Item`.
    pub(super) fn attributes(&self, name: &str) -> Result<Map, Failure> {
        match self.get(name) {
            Some(Value::Object(members)) => wire::read_map(members),
            Some(_) => Err(unfit(format!("The value for the field '{name}' must be an OBJECT"))),
            None => Err(missing(name)),
        }
    }

    pub(super) fn terms(&self) -> Result<Terms, Failure> {
        Terms::read(self.get("ExpressionAttributeNames"), self.get("ExpressionAttributeValues"))
    }

    pub(super) fn condition(&self, terms: &mut Terms) -> Result<Option<Condition>, Failure> {
        self.text("ConditionExpression")?.map(|text| Condition::parse(text, terms)).transpose()
    }

    pub(super) fn returns(&self) -> Result<Returns, Failure> {
        let Some(name) = self.text("ReturnValues")? else { return Ok(Returns::None) };
        among("ReturnValues", name, RETURNS.iter().map(|(name, _)| *name))?;
        let count = if self.operation == Operation::UpdateItem { RETURNS.len() } else { 2 };
        let returns = RETURNS.iter().take(count).find(|(allowed, _)| *allowed == name);
        returns.map(|(_, returns)| *returns).ok_or_else(|| invalid("Return values set to invalid value"))
    }
}

/// The last part of `TableName`, which is a name or an ARN.
pub(super) fn table(arguments: &Value) -> Result<&str, Failure> {
    let written = text(fields(arguments)?, "TableName")?.ok_or_else(|| missing("TableName"))?;
    let name = written.split_once(":table/").map_or(written, |(_, name)| name);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if is_name {
        return Ok(name);
    }
    Err(constraint(&format!("'{written}'"), "TableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"))
}

fn fields(arguments: &Value) -> Result<&serde_json::Map<String, Value>, Failure> {
    arguments.as_object().ok_or_else(|| unfit("They must be an OBJECT"))
}

fn text<'a>(fields: &'a serde_json::Map<String, Value>, name: &str) -> Result<Option<&'a str>, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(unfit(format!("The value for the field '{name}' must be a STRING"))),
    }
}

fn known(operation: Operation, name: &str) -> Result<(), Failure> {
    if let Some((_, instead)) = LEGACY.iter().find(|(legacy, _)| *legacy == name) {
        return Err(unfit(format!(
            "The field '{name}' is a legacy parameter, which is not served here: use '{instead}'"
        )));
    }
    let own: &[&str] = match operation {
        Operation::GetItem => &["Key", "ProjectionExpression", "ConsistentRead"],
        Operation::PutItem => &["Item"],
        Operation::UpdateItem => &["Key", "UpdateExpression"],
        Operation::DeleteItem => &["Key"],
    };
    let writes = operation != Operation::GetItem;
    if COMMON.contains(&name) || own.contains(&name) || writes && WRITING.contains(&name) {
        return Ok(());
    }
    Err(unfit(format!("The field '{name}' is not supported by Step Functions")))
}

fn among<'v>(name: &str, value: &str, mut values: impl Iterator<Item = &'v str> + Clone) -> Result<(), Failure> {
    let all = values.clone();
    if values.any(|known| known == value) {
        return Ok(());
    }
    let all = all.collect::<Vec<_>>().join(", ");
    Err(constraint(&format!("'{value}'"), name, &format!("satisfy enum value set: [{all}]")))
}

fn missing(name: &str) -> Failure {
    constraint("null", name, "not be null")
}

/// What DynamoDB says of a parameter that can't have its value: names of parameters start with a small letter there.
fn constraint(value: &str, name: &str, must: &str) -> Failure {
    let (first, rest) = name.split_at(1);
    let name = first.to_ascii_lowercase() + rest;
    invalid(format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {must}"
    ))
}
