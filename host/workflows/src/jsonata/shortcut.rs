//! Plain paths such as `$states.input.order.id`, walked over JSON itself: no conversion of a large input for one of its fields.

use super::convert::settled;
use crate::scene::Scene;
use jsonata_core::ast::{AstNode, PathStep};
use serde_json::Value;

/// A variable, and the names of fields below it.
#[derive(Debug)]
pub(super) struct Shortcut {
    variable: String,
    fields: Vec<String>,
}

/// What a shortcut leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A value.
    Value(Value),
    /// Nothing, for sure.
    Nothing,
    /// What only the evaluator can tell.
    Unsure,
}

impl Shortcut {
    /// The shortcut for an expression that is such a path.
    pub(super) fn of(tree: &AstNode) -> Option<Self> {
        let (variable, fields) = match tree {
            AstNode::Variable(variable) => (variable, Vec::new()),
            AstNode::Path { steps } => {
                let (first, rest) = steps.split_first()?;
                let AstNode::Variable(variable) = plain(first)? else { return None };
                (variable, rest.iter().map(field).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        let whole = variable == "states" && fields.is_empty();
        (!variable.is_empty() && !whole).then(|| Self { variable: variable.clone(), fields })
    }

    /// What the path finds. Unsure if it meets an array, which JSONata maps over, or a variable that doesn't exist, which may be
    /// a function.
    pub(super) fn find(&self, scene: &Scene<'_>) -> Found {
        let Some((start, fields)) = self.start(scene) else { return Found::Unsure };
        let mut here = start;
        for field in fields {
            here = match here {
                Some(Value::Array(_)) => return Found::Unsure,
                Some(Value::Object(object)) => object.get(field),
                _ => None,
            };
        }
        here.map_or(Found::Nothing, |value| Found::Value(settled(value)))
    }

    /// What the path starts from, and the fields after that.
    fn start<'a>(&self, scene: &Scene<'a>) -> Option<(Option<&'a Value>, &[String])> {
        if self.variable != "states" {
            return Some((Some(scene.variables.get(&self.variable)?), &self.fields));
        }
        let (first, rest) = self.fields.split_first()?;
        let start = match first.as_str() {
            "input" => Some(scene.input),
            "context" => Some(scene.context),
            "result" => scene.result,
            "errorOutput" => scene.error,
            _ => None,
        };
        Some((start, rest))
    }
}

/// The node of a step that has nothing else to it.
fn plain(step: &PathStep) -> Option<&AstNode> {
    let bare = step.stages.is_empty() && step.focus.is_none() && step.index_var.is_none();
    (bare && step.ancestor_label.is_none() && !step.is_tuple && !step.inner_tuple).then_some(&step.node)
}

fn field(step: &PathStep) -> Option<String> {
    match plain(step)? {
        AstNode::Name(name) => Some(name.clone()),
        _ => None,
    }
}
