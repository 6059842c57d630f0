//! What in an expression means the input document of JSONata, which states do not have.
//!
//! "A JSONata expression MUST NOT reference "$" or unqualified field names at the top level, but MAY reference "$" or unqualified
//! field names nested inside an expression … a JSONata expression MUST NOT reference "$$"" (JSONata Restrictions).

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

/// The first thing in a tree that means the input document: `$`, `$$` or a name.
pub(super) fn reference(tree: &AstNode) -> Option<String> {
    with_stack(|| look(tree, false))
}

/// The same of a node. Within steps of paths, predicates, functions and the like, `$` and names mean something.
fn look(node: &AstNode, is_nested: bool) -> Option<String> {
    let here = |node: &AstNode| with_stack(|| look(node, is_nested));
    let nested = |node: &AstNode| with_stack(|| look(node, true));
    match node {
        AstNode::Variable(name) if name == "$" => Some("$$".to_owned()),
        AstNode::ParentVariable(name) => Some(format!("$${name}")),
        AstNode::Variable(name) if name.is_empty() && !is_nested => Some("$".to_owned()),
        AstNode::Name(name) if !is_nested => Some(name.clone()),
        AstNode::Path { steps } => {
            let (first, rest) = steps.split_first()?;
            let start = here(&first.node).or_else(|| in_stages(first));
            start.or_else(|| rest.iter().find_map(|step| nested(&step.node).or_else(|| in_stages(step))))
        }
        AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => here(rhs),
        AstNode::Binary { op: BinaryOp::FocusBind | BinaryOp::IndexBind, lhs, .. } => here(lhs),
        AstNode::Binary { lhs, rhs, .. } => here(lhs).or_else(|| here(rhs)),
        AstNode::Unary { operand, .. } => here(operand),
        AstNode::Function { args: items, .. } | AstNode::Array(items) | AstNode::Block(items) => {
            items.iter().find_map(here)
        }
        AstNode::Call { procedure, args } => here(procedure).or_else(|| args.iter().find_map(here)),
        AstNode::Object(pairs) => pairs.iter().find_map(|(key, value)| here(key).or_else(|| here(value))),
        AstNode::Conditional { condition, then_branch, else_branch } => {
            let otherwise = || else_branch.as_deref().and_then(here);
            here(condition).or_else(|| here(then_branch)).or_else(otherwise)
        }
        AstNode::ObjectTransform { input, pattern } => {
            here(input).or_else(|| pattern.iter().find_map(|(key, value)| nested(key).or_else(|| nested(value))))
        }
        AstNode::Sort { input, terms } => here(input).or_else(|| terms.iter().find_map(|(term, _)| nested(term))),
        AstNode::Lambda { body: inner, .. } | AstNode::FunctionApplication(inner) => nested(inner),
        AstNode::ArrayGroup(items) => items.iter().find_map(nested),
        AstNode::Transform { location, update, delete } => {
            nested(location).or_else(|| nested(update)).or_else(|| delete.as_deref().and_then(nested))
        }
        _ => None,
    }
}

fn in_stages(step: &PathStep) -> Option<String> {
    step.stages.iter().find_map(|stage| match stage {
        Stage::Filter(predicate) => with_stack(|| look(predicate, true)),
        _ => None,
    })
}
