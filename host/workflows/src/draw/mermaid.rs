//! A state machine as a [Mermaid](https://mermaid.js.org/syntax/flowchart.html) flowchart.

use super::{Mark, Marks, arrows, kind, layers, short, visible, within};
use crate::definition::{Graph, Machine};
use std::collections::HashMap;
use std::fmt::Write;

const MARKS: [(Mark, &str); 5] = [
    (Mark::Running, "running"),
    (Mark::Succeeded, "succeeded"),
    (Mark::Failed, "failed"),
    (Mark::Caught, "caught"),
    (Mark::Aborted, "aborted"),
];

/// Draws a state machine as a Mermaid flowchart; branches and item processors are subgraphs.
#[must_use]
pub fn mermaid(machine: &Machine, marks: &Marks) -> String {
    let mut drawn = "flowchart TD\n".to_owned();
    let mut count = 0;
    graph(&machine.graph, marks, 1, &mut count, &mut drawn);
    for (mark, class) in MARKS {
        let (fill, stroke) = mark.colours();
        // Writing to a string does not fail.
        _ = writeln!(drawn, "  classDef {class} fill:{fill},stroke:{stroke},color:#111");
    }
    drawn
}

fn graph(graph: &Graph, marks: &Marks, depth: usize, count: &mut usize, drawn: &mut String) {
    let indent = "  ".repeat(depth);
    let names: Vec<_> = layers(graph).into_iter().flatten().collect();
    let ids: HashMap<_, _> =
        names.iter().enumerate().map(|(index, name)| (*name, format!("s{}", *count + index))).collect();
    *count += names.len();
    for name in &names {
        let (Some(state), Some(id)) = (graph.states.get(*name), ids.get(name)) else { continue };
        let mark = marks.get(*name);
        let sign = mark.map_or(String::new(), |mark| format!("{} ", mark.sign()));
        let class = mark
            .and_then(|mark| MARKS.iter().find(|(known, _)| known == mark))
            .map_or(String::new(), |(_, class)| format!(":::{class}"));
        let label = format!("{sign}{}<br/><small>{}</small>", escaped(name), kind(&state.kind));
        _ = writeln!(drawn, "{indent}{id}[\"{label}\"]{class}");
        for (what, inner) in within(state) {
            let inside = format!("g{count}");
            *count += 1;
            _ = writeln!(drawn, "{indent}subgraph {inside}[\"{} of {}\"]", what, escaped(name));
            self::graph(inner, marks, depth + 1, count, drawn);
            _ = writeln!(drawn, "{indent}end\n{indent}{id} -.-> {inside}");
        }
    }
    for name in &names {
        let (Some(state), Some(id)) = (graph.states.get(*name), ids.get(name)) else { continue };
        for (target, why) in arrows(state) {
            let Some(target) = ids.get(target) else { continue };
            let why = if why.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&short(&why, 60))) };
            _ = writeln!(drawn, "{indent}{id} -->{why} {target}");
        }
    }
}

/// A text within quotes: what means something to Mermaid, to Markdown or to HTML becomes an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let (mut before, mut is_list) = (' ', true);
    for letter in text.chars().map(visible) {
        let is_meant = match letter {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '|' | '[' | ']' | '{' | '}' | '*' | '_' | '~' | '\\' | ':' => {
                true
            }
            // Two of them begin a formula.
            '$' => before == '$',
            // At the start they make a list of it, which Mermaid does not draw.
            '-' | '+' | '.' | ')' => is_list,
            _ => false,
        };
        if is_meant {
            _ = write!(escaped, "#{};", u32::from(letter));
        } else {
            escaped.push(letter);
        }
        is_list &= letter.is_ascii_digit() || letter == ' ';
        before = letter;
    }
    escaped
}
