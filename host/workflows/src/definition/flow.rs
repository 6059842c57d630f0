//! Reading what becomes of a state's input and output, in either language.

use super::fields::{Fields, Mistakes, a};
use super::{Flow, JsonPathFlow, JsonataFlow, Language};
use crate::jsonata;
use crate::mistake::Place;
use crate::path::{self, Path};
use crate::reference::ReferencePath;
use crate::template::Template;
use serde_json::Value;

/// Why a field of JSONPath does not stand in a state of JSONata.
const OF_JSONPATH: &str = "it is of JSONPath, and the state is in JSONata";
/// Why a field of JSONata does not stand in a state of JSONPath.
const OF_JSONATA: &str = "it is of JSONata, and the state is in JSONPath";

/// Reads the fields for input and output.
pub(super) fn read(fields: &mut Fields, kind: &str, language: Language, mistakes: &mut Mistakes) -> Flow {
    match language {
        Language::JsonPath => Flow::JsonPath(Box::new(jsonpath(fields, kind, mistakes))),
        Language::Jsonata => Flow::Jsonata(Box::new(jsonata(fields, kind, mistakes))),
    }
}

fn jsonpath(fields: &mut Fields, kind: &str, mistakes: &mut Mistakes) -> JsonPathFlow {
    for name in ["Arguments", "Output"] {
        fields.forbid(name, OF_JSONATA);
    }
    let mut flow = JsonPathFlow {
        input_path: Some(Path::whole()),
        parameters: None,
        result_selector: None,
        result_path: Some(ReferencePath::whole()),
        output_path: Some(Path::whole()),
    };
    if kind != "Fail" {
        flow.input_path = selected(fields, "InputPath", mistakes);
        flow.output_path = selected(fields, "OutputPath", mistakes);
    }
    if matches!(kind, "Task" | "Parallel" | "Pass") {
        flow.parameters = payload(fields, "Parameters", Language::JsonPath, mistakes);
    }
    if matches!(kind, "Task" | "Parallel" | "Map") {
        flow.result_selector = payload(fields, "ResultSelector", Language::JsonPath, mistakes);
    }
    if matches!(kind, "Task" | "Parallel" | "Map" | "Pass") {
        flow.result_path = result_path(fields, mistakes);
    }
    flow
}

/// `InputPath` or `OutputPath`: the whole if it is not there, nothing if it is `null`.
fn selected(fields: &mut Fields, name: &'static str, mistakes: &mut Mistakes) -> Option<Path> {
    match fields.get(name) {
        None => Some(Path::whole()),
        Some(Value::Null) => None,
        Some(_) => Some(fields.path(name, mistakes).unwrap_or_else(Path::whole)),
    }
}

/// `ResultPath`: `$` if it is not there, nothing if it is `null`.
pub(super) fn result_path(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<ReferencePath> {
    match fields.get("ResultPath") {
        None => Some(ReferencePath::whole()),
        Some(Value::Null) => None,
        Some(_) => {
            let text = fields.text("ResultPath", mistakes)?;
            let place = fields.at("ResultPath");
            ReferencePath::parse(text).map_err(|message| mistakes.add("workflow/path", &place, message, None)).ok()
        }
    }
}

fn jsonata(fields: &mut Fields, kind: &str, mistakes: &mut Mistakes) -> JsonataFlow {
    for name in ["InputPath", "OutputPath", "Parameters", "ResultSelector", "ResultPath"] {
        fields.forbid(name, OF_JSONPATH);
    }
    let arguments = match kind {
        "Task" | "Parallel" => template(fields, "Arguments", Language::Jsonata, mistakes),
        _ => None,
    };
    let output = match kind {
        "Fail" => None,
        _ => output(fields, kind, mistakes),
    };
    JsonataFlow { arguments, output }
}

/// `Output` of a state, a catcher or a rule in JSONata.
pub(super) fn output(fields: &mut Fields, kind: &str, mistakes: &mut Mistakes) -> Option<Template> {
    let (value, place) = (fields.get("Output")?, fields.at("Output"));
    Some(template_of(value, Language::Jsonata, result_of(kind), &place, mistakes))
}

/// The field of `$states` that `Output` and `Assign` have besides the input and the context ("Using Arguments and
/// Output").
fn result_of(kind: &str) -> Option<&'static str> {
    match kind {
        "Task" | "Parallel" | "Map" => Some("result"),
        "catcher" => Some("errorOutput"),
        _ => None,
    }
}

/// A value with expressions in it.
pub(super) fn template(
    fields: &mut Fields,
    name: &'static str,
    language: Language,
    mistakes: &mut Mistakes,
) -> Option<Template> {
    let (value, place) = (fields.get(name)?, fields.at(name));
    Some(template_of(value, language, None, &place, mistakes))
}

/// An object with expressions in it ("Payload Template"); of JSONata, it may be an expression as a whole.
pub(super) fn payload(
    fields: &mut Fields,
    name: &'static str,
    language: Language,
    mistakes: &mut Mistakes,
) -> Option<Template> {
    let value = fields.get(name)?;
    if value.is_object() || (language == Language::Jsonata && is_expression(value)) {
        return template(fields, name, language, mistakes);
    }
    mistakes.add("workflow/type", &fields.at(name), format!("`{name}` is an object, not {}", a(value)), None);
    None
}

/// A value with expressions in it; `result` is what they may ask `$states` for besides the input and the context.
fn template_of(
    value: &Value,
    language: Language,
    result: Option<&str>,
    place: &Place,
    mistakes: &mut Mistakes,
) -> Template {
    let mut found = Vec::new();
    let template = Template::parse(value, language, place, &mut found);
    mistakes.add_expressions(found);
    check_states(&template, result, place, mistakes);
    template
}

/// Notes expressions that ask `$states` for what it does not have where they stand.
fn check_states(template: &Template, result: Option<&str>, place: &Place, mistakes: &mut Mistakes) {
    match template {
        Template::Jsonata(expression) => mistakes.add_states(expression, result, place),
        Template::Object(fields) => {
            for (name, field) in fields {
                check_states(field, result, &place.field(name), mistakes);
            }
        }
        Template::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_states(item, result, &place.item(index), mistakes);
            }
        }
        Template::Fixed(_) | Template::Path(_) | Template::Intrinsic(_) => {}
    }
}

/// `Assign` of a state, a catcher or a rule. `Succeed` and `Fail` have none.
pub(super) fn assign(fields: &mut Fields, kind: &str, language: Language, mistakes: &mut Mistakes) -> Option<Template> {
    if matches!(kind, "Succeed" | "Fail") {
        return None;
    }
    let (value, place) = (fields.get("Assign")?, fields.at("Assign"));
    Fields::of(value, &place, "`Assign`", mistakes)?;
    for name in value.as_object().into_iter().flat_map(|variables| variables.keys()) {
        let variable = if language == Language::JsonPath { name.strip_suffix(".$").unwrap_or(name) } else { name };
        let wrong = match variable {
            "states" => Some("the name `states` is taken"),
            variable if !path::is_variable(variable) => {
                Some("it has a letter first, then letters, digits and `_`, 80 characters at most")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            mistakes.add(
                "workflow/variable",
                &place.field(name),
                format!("`{variable}` is not the name of a variable: {wrong}"),
                None,
            );
        }
    }
    Some(template_of(value, language, result_of(kind), &place, mistakes))
}

/// Whether a value is a text in `{% … %}`.
pub(super) fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| jsonata::text_of(text).is_some())
}

/// Names of variables that an `Assign` sets.
pub(crate) fn variables(assign: Option<&Template>) -> Vec<String> {
    match assign {
        Some(Template::Object(fields)) => fields.iter().map(|(name, _)| name.clone()).collect(),
        Some(Template::Fixed(Value::Object(fields))) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
