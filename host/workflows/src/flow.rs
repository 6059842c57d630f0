//! What becomes of a state's input and output ("Processing input and output in Step Functions").
//!
//! JSONPath: `InputPath` → `Parameters` → work → `ResultSelector` → `ResultPath` → `OutputPath`. JSONata: `Arguments` → work →
//! `Output`. Pure: values and variables in, values out.

use crate::definition::{Flow, JsonPathFlow, State};
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use crate::template::Template;
use serde_json::{Map, Value};

/// What a state passes on, and the variables that it sets.
#[derive(Debug)]
pub struct Passed {
    /// The next state's input.
    pub output: Value,
    /// The variables to set, by name.
    pub assigned: Map<String, Value>,
}

impl State {
    /// The effective input: what `InputPath` selects, or all of it. The scene is that of the state's raw input.
    ///
    /// # Errors
    /// A path that finds nothing.
    pub fn effective(&self, scene: &Scene) -> Result<Value, Trouble> {
        match &self.flow {
            Flow::JsonPath(flow) => select(flow.input_path.as_ref(), scene),
            Flow::Jsonata(_) => Ok(scene.input.clone()),
        }
    }

    /// What the work gets: the effective input, or what `Parameters` or `Arguments` make of it.
    ///
    /// # Errors
    /// What kept an expression from having a value.
    pub fn arguments(&self, scene: &Scene) -> Result<Value, Trouble> {
        match &self.flow {
            Flow::JsonPath(flow) => {
                let effective = select(flow.input_path.as_ref(), scene)?;
                match &flow.parameters {
                    Some(parameters) => parameters.evaluate(&scene.of(&effective), "Parameters"),
                    None => Ok(effective),
                }
            }
            Flow::Jsonata(flow) => match &flow.arguments {
                Some(arguments) => arguments.evaluate(scene, "Arguments"),
                None => Ok(scene.input.clone()),
            },
        }
    }

    /// What the state passes on when its work had this result. The scene is that of the state's raw input.
    ///
    /// # Errors
    /// What kept an expression from having a value, or `States.ResultPathMatchFailure`.
    pub fn passed(&self, scene: &Scene, result: Value) -> Result<Passed, Trouble> {
        match &self.flow {
            Flow::JsonPath(flow) => {
                // `$` of Assign is the result, of which ResultSelector makes something else beside it ("Using Assign").
                let assigned = assigned(self.assign.as_ref(), &scene.of(&result))?;
                let result = match &flow.result_selector {
                    Some(selector) => selector.evaluate(&scene.of(&result), "ResultSelector")?,
                    None => result,
                };
                Ok(Passed { output: into_output(flow, scene, result)?, assigned })
            }
            Flow::Jsonata(flow) => {
                let scene = Scene { result: Some(&result), ..*scene };
                let assigned = assigned(self.assign.as_ref(), &scene)?;
                let output = flow.output.as_ref().map(|output| output.evaluate(&scene, "Output")).transpose()?;
                Ok(Passed { output: output.unwrap_or(result), assigned })
            }
        }
    }

    /// What a state passes on that has no result: Choice, Wait, Succeed. `assign` and `output` are those of the rule that
    /// matched, if there is one, in place of the state's.
    ///
    /// # Errors
    /// What kept an expression from having a value.
    pub fn passed_through(
        &self,
        scene: &Scene,
        rule: Option<(&Option<Template>, &Option<Template>)>,
    ) -> Result<Passed, Trouble> {
        let (assign, rule_output) = match rule {
            Some((assign, output)) => (assign.as_ref(), output.as_ref()),
            None => (self.assign.as_ref(), None),
        };
        match &self.flow {
            Flow::JsonPath(flow) => {
                let effective = select(flow.input_path.as_ref(), scene)?;
                let scene = scene.of(&effective);
                let assigned = assigned(assign, &scene)?;
                Ok(Passed { output: select(flow.output_path.as_ref(), &scene)?, assigned })
            }
            Flow::Jsonata(flow) => {
                let assigned = assigned(assign, scene)?;
                let own = if rule.is_some() { None } else { flow.output.as_ref() };
                let output = rule_output.or(own).map(|output| output.evaluate(scene, "Output")).transpose()?;
                Ok(Passed { output: output.unwrap_or_else(|| scene.input.clone()), assigned })
            }
        }
    }
}

/// The result in its place, and of that what `OutputPath` selects.
fn into_output(flow: &JsonPathFlow, scene: &Scene, result: Value) -> Result<Value, Trouble> {
    let whole = match &flow.result_path {
        Some(path) => path.put(scene.input.clone(), result)?,
        None => scene.input.clone(),
    };
    select(flow.output_path.as_ref(), &scene.of(&whole))
}

/// What a path selects; no path is `null`, which means an empty object.
fn select(path: Option<&Path>, scene: &Scene) -> Result<Value, Trouble> {
    path.map_or_else(|| Ok(Value::Object(Map::new())), |path| path.get(scene))
}

/// The variables that are set: all are computed from what they were before.
///
/// # Errors
/// What kept an expression from having a value.
pub fn assigned(assign: Option<&Template>, scene: &Scene) -> Result<Map<String, Value>, Trouble> {
    let Some(assign) = assign else { return Ok(Map::new()) };
    match assign.evaluate(scene, "Assign")? {
        Value::Object(variables) => Ok(variables),
        _ => Ok(Map::new()),
    }
}
