//! The calls that guarding puts into a tree, and the functions that stand in for those of the language.

use crate::jsonata::meter::{PADDED, REPLACED, SHALLOW};
use jsonata_core::ast::{AstNode, BinaryOp};

/// What stands in for [`super::REPLACED`], in JSONata, for calls that don't name them directly. `$flint_x` is renamed to a name that no expression can use.
const PRELUDE: &str = r"(
    $flint_pad := function($s, $n, $c)<s-ns?:s> { ($flint_padded($, $s, $n, $c); $pad($s, $n, $c)) };
    $flint_join := function($a, $s)<a<s>s?:s> { ($flint_joined($, $a, $s); $join($a, $s)) };
    $flint_replace := function($s, $p, $r, $l)<s-(sf)(sf)n?:s> {
        $flint_replaced($, $s, $p, $r, $l)
            ? $flint_shallow($replace($s, $p, function($m) { $flint_shallow($r($m)) }, $l))
            : $flint_shallow($replace($s, $p, $r, $l))
    };
    $flint_now := function($p, $z)<s?s?:s> { $fromMillis($millis(), $p, $z) };
    0
)";

/// The definitions of those functions, a block that ends with a number.
pub(super) fn prelude() -> Result<AstNode, String> {
    let mut tree = jsonata_core::parser::parse(PRELUDE).map_err(|error| error.to_string())?;
    super::names::each(&mut tree, &mut |node| {
        if let AstNode::Variable(name) | AstNode::Function { name, .. } = node
            && let Some(rest) = name.strip_prefix("flint_")
        {
            *name = format!("flint {rest}");
        }
    });
    Ok(tree)
}

/// A call that may mean `$` by what it leaves out: the arguments are evaluated, room is asked for, then it is done.
pub(super) fn of_context(name: &str, args: Vec<AstNode>) -> AstNode {
    let forecast = if name == "pad" { PADDED } else { REPLACED };
    let variables: Vec<_> = (0..args.len()).map(|place| AstNode::Variable(format!("flint {place}"))).collect();
    let bind = |(place, arg)| {
        let lhs = Box::new(AstNode::Variable(format!("flint {place}")));
        AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs: Box::new(arg) }
    };
    let mut nodes: Vec<_> = args.into_iter().enumerate().map(bind).collect();
    let mut asked = vec![AstNode::Variable(String::new())];
    asked.extend(variables.iter().cloned());
    let asked = call(forecast, asked);
    let done = |args| call(SHALLOW, vec![call(name, args)]);
    let direct = done(variables.clone());
    nodes.push(match weighed(&variables) {
        Some(weighed) if name == "replace" => AstNode::Conditional {
            condition: Box::new(asked),
            then_branch: Box::new(done(weighed)),
            else_branch: Some(Box::new(direct)),
        },
        _ => AstNode::Block(vec![asked, direct]),
    });
    AstNode::Block(nodes)
}

/// The arguments of `$replace`, where each that is a function is wrapped in one that weighs what it returns.
fn weighed(variables: &[AstNode]) -> Option<Vec<AstNode>> {
    let last = variables.len().checked_sub(1)?;
    let AstNode::Variable(name) = variables.get(last)? else { return None };
    let result = call(name, vec![AstNode::Variable("m".to_owned())]);
    let body = Box::new(call(SHALLOW, vec![result]));
    let lambda = AstNode::Lambda { params: vec!["m".to_owned()], body, signature: None, thunk: false };
    let mut args = variables.to_vec();
    args[last] = lambda;
    Some(args)
}

/// Puts a function that weighs around a node.
pub(super) fn weigh(node: &mut AstNode, with: &str, more: Option<usize>) {
    let inner = std::mem::replace(node, AstNode::Undefined);
    let mut given = vec![inner];
    #[expect(clippy::cast_precision_loss, reason = "no text is so long")]
    given.extend(more.map(|more| AstNode::Number(more as f64)));
    *node = call(with, given);
}

/// A call of a function of the language, or of this crate.
pub(super) fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}
