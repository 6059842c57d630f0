//! Values between JSON and JSONata. Only what an expression names is converted.

use super::guard::Names;
use crate::number;
use crate::scene::Scene;
use indexmap::IndexMap;
use jsonata_core::evaluator::Context;
use jsonata_core::value::{JArray, JValue};
use serde_json::{Map, Value};

/// How deep a result may be nested: as deep as JSON that is parsed again.
const DEPTH_MAX: usize = 127;

/// Binds `$states` and the variables that the expression names.
pub(super) fn bind(context: &mut Context, scene: &Scene<'_>, names: &Names) {
    for (name, value) in scene.variables.iter().filter(|(name, _)| names.used.contains(*name)) {
        context.bind(name.clone(), from_json(value));
    }
    if names.used.contains("states") {
        context.bind("states".to_owned(), states(scene, names));
    }
}

fn states(scene: &Scene<'_>, names: &Names) -> JValue {
    let fields = [
        ("input", Some(scene.input)),
        ("context", Some(scene.context)),
        ("result", scene.result),
        ("errorOutput", scene.error),
    ];
    let wanted = |field: &str| names.states.as_ref().is_none_or(|fields| fields.contains(field));
    let present = fields.into_iter().filter(|(field, _)| wanted(field));
    let pairs = present.filter_map(|(field, value)| Some((field.to_owned(), from_json(value?))));
    JValue::object(pairs.collect())
}

/// A value of JSON as JSONata's.
pub(super) fn from_json(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(truth) => JValue::Bool(*truth),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => JValue::from(text.as_str()),
        Value::Array(items) => {
            let flat = !items.iter().any(Value::is_array);
            JValue::Array(JArray::new_flat(items.iter().map(from_json).collect(), flat))
        }
        Value::Object(fields) => {
            let fields: IndexMap<_, _> = fields.iter().map(|(key, value)| (key.clone(), from_json(value))).collect();
            JValue::object(fields)
        }
    }
}

/// A value of JSONata as JSON; none if JSON can't say it: functions, and numbers without an end.
pub(super) fn to_json(value: &JValue, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match value {
        JValue::Null | JValue::Undefined => Value::Null,
        JValue::Bool(truth) => Value::Bool(*truth),
        JValue::Number(number) if number.is_finite() => number::plain(*number),
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => {
            let items = items.iter().map(|item| to_json(item, depth + 1));
            Value::Array(items.collect::<Option<_>>()?)
        }
        JValue::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_undefined());
            let fields = fields.map(|(key, value)| Some((key.clone(), to_json(value, depth + 1)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

/// A copy whose numbers read as if they had gone through JSONata, which only has doubles.
pub(super) fn settled(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, number::plain),
        Value::Array(items) => Value::Array(items.iter().map(settled).collect()),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), settled(value))).collect(),
        other => other.clone(),
    }
}
