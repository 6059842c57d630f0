//! A state machine for terminals.

use super::{Marks, arrows, kind, layers, short, within};
use crate::definition::{Graph, Kind, Machine, Next};
use std::fmt::Write;

/// Draws a state machine as lines of text: each state with where it leads, those within it further to the right.
#[must_use]
pub fn text(machine: &Machine, marks: &Marks) -> String {
    let mut drawn = String::new();
    graph(&machine.graph, marks, 0, &mut drawn);
    drawn
}

fn graph(graph: &Graph, marks: &Marks, depth: usize, drawn: &mut String) {
    let indent = "  ".repeat(depth);
    for name in layers(graph).into_iter().flatten() {
        let Some(state) = graph.states.get(name) else { continue };
        let sign = marks.get(name).map_or("•", |mark| mark.sign());
        let end = match (&state.kind, &state.next) {
            (Kind::Choice(_) | Kind::Succeed | Kind::Fail(_), _) | (_, Next::To(_)) => "",
            (_, Next::End) => ", end",
        };
        // Writing to a string does not fail.
        _ = writeln!(drawn, "{indent}{sign} {} ({}{end})", short(name, 80), kind(&state.kind));
        for (what, inner) in within(state) {
            _ = writeln!(drawn, "{indent}  ┌ {what}");
            self::graph(inner, marks, depth + 2, drawn);
        }
        for (target, why) in arrows(state) {
            let why = if why.is_empty() { String::new() } else { format!("  [{}]", short(&why, 60)) };
            _ = writeln!(drawn, "{indent}    → {}{why}", short(target, 80));
        }
    }
}
