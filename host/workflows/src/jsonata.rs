//! JSONata as states use it: `{% ... %}` parsed once, evaluated over a [`Scene`], within [`Limits`].
//!
//! The language is jsonata-core's. Around it this module binds `$states` and the variables (only those that the text names),
//! adds the functions of AWS, takes `$eval` away, and makes time and chance come from the scene, so that a replay sees the same.
//!
//! What is bounded, and how:
//! - time: the evaluator looks at the clock at each node and each turn of a loop ([`Limits::time`]), the first time that a
//!   state is evaluated; a replay is told what ran out of time then ([`crate::clock`]);
//! - nesting: the evaluator counts levels ([`Limits::depth`]), and its stack grows on the heap;
//! - sequences: no query may return more items than [`Limits::sequence`];
//! - memory: [`guard`] rewrites the syntax tree so that what makes text, arrays and objects is weighed by [`meter`] as it
//!   is made. The sum may not exceed [`Limits::memory`], whether freed since or not, so that the verdict is the same in each
//!   replay. Functions that make much of little (`$pad`, `$join`, `$replace`) are asked before they do it. A single value may not
//!   be larger than the limit when written out either, so sharing (`{'a': $x, 'b': $x}` again and again) is no way around;
//! - what is bound to items (`%`, `@`, `#`): expressions with these have a sixteenth of the limits of sequences and of memory,
//!   because the evaluator makes an object of each item of their paths;
//! - regular expressions: those of the `regex` crate take time linear in the text, and have no back-references.
//!
//! The limit of time does not interrupt a single function of the language; the limits of memory and sequences bound each of those.

mod aws;
mod convert;
mod document;
pub mod guard;
mod meter;
mod shortcut;
#[cfg(test)]
mod tests;

use crate::clock::{Allowed, Evaluation};
use crate::failure::name::QUERY_EVALUATION_ERROR;
use crate::scene::{Scene, Trouble};
use guard::Names;
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use meter::Meter;
use serde_json::Value;
use shortcut::{Found, Shortcut};
use std::sync::Arc;
use std::time::Duration;

/// What is said of `$`, `$$` and names that would mean the input document.
pub(crate) const NO_DOCUMENT: &str = "there is no input document that it could mean";

/// What is said of a call of something that is no function.
const NO_FUNCTION: &str = "T1006: Attempted to invoke a non-function";

/// The code of an evaluation that ran out of time, and what is said of one.
const LATE: &str = "D1012";
const IS_LATE: &str =
    "threw an error during evaluation. D1012: The evaluation takes too long. Check for an infinite loop";

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// How many levels of the expression may be evaluated inside one another. A call that isn't a tail call takes about four.
    pub depth: usize,
    /// How many items a query may return.
    pub sequence: usize,
    /// How many bytes it may produce altogether.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(1), depth: 2_000, sequence: 100_000, memory: 64 << 20 }
    }
}

/// An expression of JSONata, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Jsonata {
    parsed: Arc<Parsed>,
    limits: Limits,
}

#[derive(Debug)]
struct Parsed {
    text: String,
    tree: AstNode,
    names: Names,
    shortcut: Option<Shortcut>,
}

impl Jsonata {
    /// Parses an expression, given without the `{%` and `%}` around it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, with the code of JSONata; also of one that means an input document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tree = jsonata_core::parser::parse(text).map_err(|error| {
            let message = error.to_string();
            format!("The JSONata expression '{text}' is not valid. {}", coded(&message))
        })?;
        if let Some(reference) = document::reference(&tree) {
            return Err(format!(
                "The JSONata expression '{text}' has `{reference}` at its top level, where {NO_DOCUMENT}"
            ));
        }
        let names = Names::of(&tree);
        let shortcut = Shortcut::of(&tree);
        let tree = guard::guarded(tree, &names.bound)?;
        let parsed = Arc::new(Parsed { text: text.to_owned(), tree, names, shortcut });
        Ok(Self { parsed, limits: Limits::default() })
    }

    /// The same expression, within other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether an expression of this text is no more than a look-up for sure, such as `$states.input.order`.
    #[must_use]
    pub fn is_lookup(text: &str) -> bool {
        text.starts_with('$') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$_.".contains(&byte))
    }

    /// The text that was parsed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.parsed.text
    }

    /// Whether it asks `$states` for this field.
    #[must_use]
    pub fn asks_states_for(&self, field: &str) -> bool {
        let names = &self.parsed.names;
        !names.bound.contains("states") && names.states.as_ref().is_some_and(|fields| fields.contains(field))
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// `States.QueryEvaluationError` if it fails, returns nothing, or returns what JSON can't say.
    pub fn evaluate(&self, scene: &Scene<'_>, location: &str) -> Result<Value, Trouble> {
        // Look-ups are counted too, so that another version, which has more or fewer of them, counts the same.
        let evaluation = scene.clock.evaluation();
        match self.parsed.shortcut.as_ref().map_or(Found::Unsure, |shortcut| shortcut.find(scene)) {
            Found::Value(found) => Ok(found),
            Found::Nothing => Err(self.trouble(location, "returned nothing (undefined).")),
            Found::Unsure => self.evaluate_tree(scene, location, evaluation),
        }
    }

    /// Evaluates a condition, which has to be true or false.
    ///
    /// # Errors
    /// Those of `evaluate`, and `States.QueryEvaluationError` if the value is no boolean.
    pub fn truth(&self, scene: &Scene<'_>, location: &str) -> Result<bool, Trouble> {
        match self.evaluate(scene, location)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(unexpected(self.text(), location, "boolean", &other)),
        }
    }

    fn evaluate_tree(&self, scene: &Scene<'_>, location: &str, evaluation: Evaluation) -> Result<Value, Trouble> {
        let time = match scene.clock.allows(evaluation, self.limits.time) {
            Allowed::For(time) => Some(time),
            Allowed::Any => None,
            Allowed::Nothing => return Err(self.trouble(location, IS_LATE)),
        };
        let new = if self.parsed.names.tuples { Meter::of_tuples } else { Meter::new };
        let meter = new(self.limits.memory, self.limits.sequence);
        let value = self.run(scene, location, &meter, time).map_err(|error| match coded(error.message()) {
            late if late.starts_with(LATE) => {
                scene.clock.ran_out(evaluation);
                self.trouble(location, IS_LATE)
            }
            message => self.thrown(location, message),
        })?;
        if value.is_undefined() {
            return Err(self.trouble(location, "returned nothing (undefined)."));
        }
        meter.whole(&value).map_err(|error| self.thrown(location, error.message()))?;
        convert::to_json(&value, 0).ok_or_else(|| self.trouble(location, "returned an unsupported result type."))
    }

    fn run(
        &self,
        scene: &Scene<'_>,
        location: &str,
        meter: &Meter,
        time: Option<Duration>,
    ) -> Result<JValue, EvaluatorError> {
        let mut context = Context::new();
        convert::bind(&mut context, scene, &self.parsed.names);
        let mut evaluator = Evaluator::with_options(context, self.options(meter.sequence, time));
        meter.register(&mut evaluator)?;
        aws::register(&mut evaluator, scene, location, meter)?;
        match self.tree_for(scene) {
            Some(tree) => evaluator.evaluate(&tree, &JValue::Undefined),
            None => evaluator.evaluate(&self.parsed.tree, &JValue::Undefined),
        }
    }

    /// A tree for the rare scene whose variables have the names of functions that are guarded: there the name means the variable.
    fn tree_for(&self, scene: &Scene<'_>) -> Option<AstNode> {
        let hides = |name: &str| self.parsed.names.used.contains(name) && scene.variables.contains_key(name);
        guard::REPLACED.into_iter().find(|name| hides(name))?;
        let mut bound = self.parsed.names.bound.clone();
        bound.extend(scene.variables.keys().cloned());
        let tree = jsonata_core::parser::parse(self.text()).ok()?;
        guard::guarded(tree, &bound).ok()
    }

    fn options(&self, sequence: usize, time: Option<Duration>) -> EvaluatorOptions {
        EvaluatorOptions {
            timeout_ms: time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            max_stack_depth: Some(self.limits.depth),
            max_sequence_length: Some(sequence),
            ..EvaluatorOptions::default()
        }
    }

    fn thrown(&self, location: &str, message: &str) -> Trouble {
        self.trouble(location, &format!("threw an error during evaluation. {}", coded(message)))
    }

    fn trouble(&self, location: &str, what: &str) -> Trouble {
        trouble(self.text(), location, what)
    }
}

/// The failure of an expression whose value has another type than the field needs (`expected`: `boolean`, `string` …).
#[must_use]
pub fn unexpected(text: &str, location: &str, expected: &str, value: &Value) -> Trouble {
    let was = kind(value);
    let what = format!("returned an unexpected result type. Expected '{expected}', but was '{was}' for value: {value}");
    trouble(text, location, &what)
}

fn trouble(text: &str, location: &str, what: &str) -> Trouble {
    let cause = format!("The JSONata expression '{text}' specified for the field '{location}' {what}");
    Trouble::new(QUERY_EVALUATION_ERROR, cause).at(location)
}

/// A message from its code on, without the words that the evaluator sometimes has before it.
fn coded(message: &str) -> &str {
    let mut starts = message.match_indices(": ").map(|(end, _)| end).filter(|end| *end >= 5);
    let code =
        |end: usize| message.get(end - 5..).filter(|rest| jsonata_core::evaluator::error_code_prefix(rest).is_some());
    let message = starts.find_map(code).unwrap_or(message);
    // The language's own message does not name what is no function.
    if message.starts_with(NO_FUNCTION) { NO_FUNCTION } else { message }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The expression in a text that is `{% … %}`; nothing of any other text.
#[must_use]
pub fn text_of(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}
