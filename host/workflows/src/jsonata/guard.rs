//! The rewriting of a syntax tree, once after it is parsed, so that what it makes is weighed while it is made.
//!
//! Only nodes whose meaning the wrapping can't change are wrapped: the steps of a path, the inputs of a sort or a grouping, and
//! calls of the expression's own functions (which may be tail calls) stay as they are.

use super::meter::{ENTRY, Meter, PART, RANGE, SHALLOW, SLOT};
use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::with_stack;
use std::collections::BTreeSet;

mod calls;
mod names;

use calls::{call, of_context, prelude, weigh};
pub use names::Names;

/// The functions that an own one stands for.
pub const REPLACED: [&str; 4] = ["pad", "join", "replace", "now"];

/// The tree that weighs what it makes. `bound` are names that don't mean the functions of the language in it.
///
/// # Errors
/// If the prelude can't be parsed, which a test excludes.
pub fn guarded(mut tree: AstNode, bound: &BTreeSet<String>) -> Result<AstNode, String> {
    let names = Names::of(&tree);
    let mut guard = Guard { bound, replaced: false, tuples: names.tuples };
    guard.inside(&mut tree);
    wrap_value(&mut tree);
    if !guard.replaced {
        return Ok(tree);
    }
    let AstNode::Block(mut nodes) = prelude()? else { return Ok(tree) };
    nodes.pop();
    nodes.push(tree);
    Ok(AstNode::Block(nodes))
}

/// Makes the functions that a guarded tree calls known to an evaluator.
///
/// # Errors
/// Never: their names are no functions of the language.
pub fn register(evaluator: &mut Evaluator, memory: usize, sequence: usize) -> Result<(), EvaluatorError> {
    Meter::new(memory, sequence).register(evaluator)
}

struct Guard<'a> {
    bound: &'a BTreeSet<String>,
    replaced: bool,
    /// The expression uses `%`, `@` or `#`, for which steps hand more than their values to one another.
    tuples: bool,
}

impl Guard<'_> {
    /// Rewrites what is in a node, and the node's own name.
    fn inside(&mut self, node: &mut AstNode) {
        with_stack(|| self.inside_here(node));
    }

    fn inside_here(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Variable(name) => self.rename(name),
            AstNode::Path { steps } => {
                for step in steps {
                    self.step(step);
                }
            }
            AstNode::Binary { op, lhs, rhs } => self.binary(*op, lhs, rhs),
            AstNode::Unary { operand, .. } => self.value(operand),
            AstNode::Function { name, args, .. } => {
                self.values(args.iter_mut());
                if self.takes_context(name, args) {
                    *node = of_context(name, std::mem::take(args));
                } else {
                    self.rename(name);
                }
            }
            AstNode::Call { procedure, args } => {
                self.inside(procedure);
                self.values(args);
            }
            AstNode::Lambda { body, .. } => self.value(body),
            AstNode::Array(items) => self.array(items),
            AstNode::Object(pairs) => self.pairs(pairs),
            AstNode::ObjectTransform { input, pattern } => {
                self.inside(input);
                self.pairs(pattern);
            }
            AstNode::Block(items) | AstNode::ArrayGroup(items) => {
                let last = items.len().saturating_sub(1);
                for (place, item) in items.iter_mut().enumerate() {
                    let value_only = place < last || !self.is_tuple(item);
                    self.inside(item);
                    if value_only {
                        wrap_value(item);
                    }
                }
            }
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.value(condition);
                self.value(then_branch);
                self.values(else_branch.as_deref_mut());
            }
            AstNode::FunctionApplication(inner) => self.inside(inner),
            AstNode::Sort { input, terms } => {
                self.inside(input);
                self.values(terms.iter_mut().map(|(term, _)| term));
            }
            AstNode::Transform { location, update, delete } => {
                self.inside(location);
                self.value(update);
                self.values(delete.as_deref_mut());
            }
            _ => {}
        }
    }

    fn rename(&mut self, name: &mut String) {
        if REPLACED.contains(&name.as_str()) && !self.bound.contains(name) {
            *name = format!("flint {name}");
            self.replaced = true;
        }
    }

    /// Whether a call leaves out its first argument, which is `$` then: the own functions can't see the `$` of their caller.
    fn takes_context(&self, name: &str, args: &[AstNode]) -> bool {
        let partial = args.iter().any(|node| matches!(node, AstNode::Placeholder));
        let short = (name == "pad" && args.len() < 3) || (name == "replace" && args.len() < 4);
        short && !partial && !self.bound.contains(name)
    }

    fn step(&mut self, step: &mut PathStep) {
        self.inside(&mut step.node);
        // Behind `[]` a sequence of one stays one, which the result of a function that weighs isn't.
        let tuple = self.is_tuple(&step.node);
        if is_heavy(&step.node) && !tuple && step.stages.is_empty() {
            weigh(&mut step.node, SHALLOW, None);
        }
        for stage in &mut step.stages {
            if let Stage::Filter(predicate) = stage {
                self.inside(predicate);
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, lhs: &mut Box<AstNode>, rhs: &mut Box<AstNode>) {
        match op {
            BinaryOp::ColonEqual => self.value(rhs),
            BinaryOp::ChainPipe => {
                self.value(lhs);
                self.inside(rhs);
            }
            BinaryOp::FocusBind | BinaryOp::IndexBind => self.inside(lhs),
            BinaryOp::Concatenate => {
                self.part(lhs, SLOT);
                self.part(rhs, 0);
            }
            BinaryOp::Range => {
                self.value(lhs);
                self.value(rhs);
                let to = std::mem::replace(&mut **rhs, AstNode::Undefined);
                **rhs = call(RANGE, vec![(**lhs).clone(), to]);
            }
            _ => {
                self.value(lhs);
                self.value(rhs);
            }
        }
    }

    fn array(&mut self, items: &mut [AstNode]) {
        let mut more = SLOT * (items.len() + 1);
        for item in items {
            self.inside(item);
            // Whether an item is an array in brackets decides whether its items are taken over, and a range is weighed already.
            if !matches!(item, AstNode::Array(_) | AstNode::Binary { op: BinaryOp::Range, .. }) {
                weigh(item, PART, Some(std::mem::take(&mut more)));
            }
        }
    }

    fn pairs(&mut self, pairs: &mut [(AstNode, AstNode)]) {
        let mut more = ENTRY * (pairs.len() + 1);
        for (key, value) in pairs {
            // A literal key is known to be the same for all items.
            if !matches!(key, AstNode::String(_)) {
                self.value(key);
            }
            self.part(value, std::mem::take(&mut more));
        }
    }

    /// Rewrites a node that a new text, array or object takes in.
    fn part(&mut self, node: &mut AstNode, more: usize) {
        self.inside(node);
        let small = matches!(node, AstNode::String(_) | AstNode::Number(_) | AstNode::Boolean(_) | AstNode::Null);
        if more > 0 || !small {
            weigh(node, PART, Some(more));
        }
    }

    fn values<'a>(&mut self, nodes: impl IntoIterator<Item = &'a mut AstNode>) {
        for node in nodes {
            self.value(node);
        }
    }

    /// Rewrites a node of which only the value matters.
    fn value(&mut self, node: &mut AstNode) {
        self.inside(node);
        wrap_value(node);
    }

    /// Whether a node may hand more than its value to the step around it.
    fn is_tuple(&self, node: &AstNode) -> bool {
        self.tuples && Names::of(node).tuples
    }
}

fn wrap_value(node: &mut AstNode) {
    let query = matches!(node, AstNode::Path { .. } | AstNode::Sort { .. } | AstNode::ObjectTransform { .. });
    let pipe = matches!(node, AstNode::Binary { op: BinaryOp::ChainPipe, .. });
    if is_heavy(node) || pipe || (query && !is_plain(node)) {
        weigh(node, SHALLOW, None);
    }
}

/// A call of a function of the language that makes something of a size.
fn is_heavy(node: &AstNode) -> bool {
    match node {
        AstNode::Function { name, args, is_builtin } => {
            let partial = args.iter().any(|node| matches!(node, AstNode::Placeholder));
            *is_builtin && names::is_function(name) && !partial
        }
        _ => false,
    }
}

/// A path of one step without anything to it, which returns what is there.
fn is_plain(node: &AstNode) -> bool {
    matches!(node, AstNode::Path { steps } if matches!(steps[..], [PathStep { ref stages, .. }] if stages.is_empty()))
}
