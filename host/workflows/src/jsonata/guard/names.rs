//! The names in an expression: what it uses, what it binds.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;
use std::collections::BTreeSet;

/// The functions of the language that make text, arrays or objects, or pass such on.
const FUNCTIONS: [&str; 34] = [
    "append",
    "base64decode",
    "base64encode",
    "decodeUrl",
    "decodeUrlComponent",
    "distinct",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "filter",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "keys",
    "lowercase",
    "map",
    "match",
    "merge",
    "pad",
    "parse",
    "replace",
    "reverse",
    "shuffle",
    "sift",
    "sort",
    "split",
    "spread",
    "string",
    "substring",
    "trim",
    "uppercase",
    "zip",
];

/// Whether a function of the language with this name makes something of a size.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

/// What an expression names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The variables and functions that it uses, without the `$`.
    pub used: BTreeSet<String>,
    /// Those that it gives a meaning of its own somewhere.
    pub bound: BTreeSet<String>,
    /// The fields of `$states` that it uses; none if all.
    pub states: Option<BTreeSet<String>>,
    /// Whether it uses `%`, `@` or `#`.
    pub tuples: bool,
}

impl Names {
    /// The names in a tree.
    #[must_use]
    pub fn of(tree: &AstNode) -> Self {
        let (mut names, mut fields, mut states) = (Self::default(), BTreeSet::new(), 0_usize);
        look(tree, &mut |node| names.note(node, &mut fields, &mut states));
        // Each `$states` that a path begins with was counted twice: with its field, and by itself.
        names.states = (states == 0).then_some(fields);
        names
    }

    fn note(&mut self, node: &AstNode, fields: &mut BTreeSet<String>, states: &mut usize) {
        match node {
            AstNode::Variable(name) => {
                *states = states.wrapping_add(usize::from(name == "states"));
                self.used.insert(name.clone());
            }
            AstNode::Function { name, .. } => {
                self.used.insert(name.clone());
            }
            AstNode::Lambda { params, .. } => self.bound.extend(params.iter().cloned()),
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
                if let AstNode::Variable(name) = &**lhs {
                    self.bound.insert(name.clone());
                }
            }
            AstNode::Parent(_) | AstNode::Binary { op: BinaryOp::FocusBind | BinaryOp::IndexBind, .. } => {
                self.tuples = true
            }
            AstNode::Path { steps } => {
                for step in steps {
                    self.note_step(step);
                }
                if let Some(field) = field_of_states(steps) {
                    *states = states.wrapping_sub(1);
                    fields.insert(field.to_owned());
                }
            }
            _ => {}
        }
    }

    fn note_step(&mut self, step: &PathStep) {
        let indexes = step.stages.iter().filter_map(|stage| match stage {
            Stage::Index(name) => Some(name.clone()),
            _ => None,
        });
        let bound: Vec<_> = indexes.chain(step.focus.clone()).chain(step.index_var.clone()).collect();
        self.tuples |= step.is_tuple || step.inner_tuple || step.ancestor_label.is_some() || !bound.is_empty();
        self.bound.extend(bound);
    }
}

fn field_of_states(steps: &[PathStep]) -> Option<&str> {
    match steps {
        [first, second, ..] => match (&first.node, &second.node) {
            (AstNode::Variable(name), AstNode::Name(field)) if name == "states" && first.stages.is_empty() => {
                Some(field)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Calls `f` with each node of a tree.
fn look<'a>(node: &'a AstNode, f: &mut dyn FnMut(&'a AstNode)) {
    f(node);
    with_stack(|| children(node).into_iter().for_each(|child| look(child, f)));
}

/// Changes each node of a tree.
pub(super) fn each(node: &mut AstNode, f: &mut dyn FnMut(&mut AstNode)) {
    f(node);
    with_stack(|| children_mut(node).into_iter().for_each(|child| each(child, f)));
}

macro_rules! children {
    ($node:expr, $iter:ident, $as:ident $(, $m:tt)?) => {
        match $node {
            AstNode::Path { steps } => steps
                .$iter()
                .flat_map(|step| {
                    let filters = step.stages.$iter().filter_map(|stage| match stage {
                        Stage::Filter(predicate) => Some(predicate.$as()),
                        _ => None,
                    });
                    filters.chain(std::iter::once(&$($m)? step.node))
                })
                .collect(),
            AstNode::Binary { lhs, rhs, .. } => vec![lhs.$as(), rhs.$as()],
            AstNode::Unary { operand: inner, .. } | AstNode::FunctionApplication(inner) => vec![inner.$as()],
            AstNode::Lambda { body, .. } => vec![body.$as()],
            AstNode::Function { args: items, .. }
            | AstNode::Array(items)
            | AstNode::Block(items)
            | AstNode::ArrayGroup(items) => items.$iter().collect(),
            AstNode::Call { procedure, args } => std::iter::once(procedure.$as()).chain(args.$iter()).collect(),
            AstNode::Object(pairs) => pairs.$iter().flat_map(|(key, value)| [key, value]).collect(),
            AstNode::ObjectTransform { input, pattern } => {
                std::iter::once(input.$as()).chain(pattern.$iter().flat_map(|(key, value)| [key, value])).collect()
            }
            AstNode::Conditional { condition, then_branch, else_branch } => {
                let otherwise = else_branch.$iter().map(|node| node.$as());
                [condition.$as(), then_branch.$as()].into_iter().chain(otherwise).collect()
            }
            AstNode::Sort { input, terms } => {
                std::iter::once(input.$as()).chain(terms.$iter().map(|(term, _)| term)).collect()
            }
            AstNode::Transform { location, update, delete } => {
                let deleted = delete.$iter().map(|node| node.$as());
                [location.$as(), update.$as()].into_iter().chain(deleted).collect()
            }
            _ => Vec::new(),
        }
    };
}

fn children(node: &AstNode) -> Vec<&AstNode> {
    children!(node, iter, as_ref)
}

fn children_mut(node: &mut AstNode) -> Vec<&mut AstNode> {
    children!(node, iter_mut, as_mut, mut)
}
