//! A state machine as an SVG image: a box for each state, in layers from the start downwards; what is within a state stands in
//! its box.

use super::{Mark, Marks, arrows, kind, layers, short, within};
use crate::definition::{Graph, Machine, State};
use std::collections::HashMap;
use std::fmt::Write;

/// In pixels: a plain box, the gaps between boxes, and the border of a box that has boxes in it.
const WIDTH: usize = 180;
const HEIGHT: usize = 46;
const GAP: usize = 44;
const BORDER: usize = 22;

/// A state with its place, relative to what it is in.
struct Placed<'a> {
    name: &'a str,
    state: &'a State,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    inner: Vec<(String, Layout<'a>)>,
}

/// States with their places.
struct Layout<'a> {
    states: Vec<Placed<'a>>,
    width: usize,
    height: usize,
}

/// Draws a state machine as a standalone SVG image.
#[must_use]
pub fn svg(machine: &Machine, marks: &Marks) -> String {
    let layout = layout(&machine.graph);
    let (width, height) = (layout.width + 2 * BORDER, layout.height + 2 * BORDER);
    let mut drawn = String::new();
    // Writing to a string does not fail.
    _ = writeln!(
        drawn,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">"
    );
    drawn.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"#555\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
    );
    draw(&layout, marks, (BORDER, BORDER), &mut drawn);
    drawn.push_str("</svg>\n");
    drawn
}

fn layout(graph: &Graph) -> Layout<'_> {
    let mut states = Vec::new();
    let (mut top, mut widest) = (0, 0);
    for layer in layers(graph) {
        let (mut left, mut highest) = (0, 0);
        for name in layer {
            let Some(state) = graph.states.get(name) else { continue };
            let inner: Vec<_> = within(state).into_iter().map(|(what, graph)| (what, layout(graph))).collect();
            let (width, height) = size(&inner);
            states.push(Placed { name, state, left, top, width, height, inner });
            left += width + GAP;
            highest = highest.max(height);
        }
        widest = widest.max(left.saturating_sub(GAP));
        top += highest + GAP;
    }
    Layout { states, width: widest, height: top.saturating_sub(GAP) }
}

/// How large a box is with these in it, side by side.
fn size(inner: &[(String, Layout)]) -> (usize, usize) {
    if inner.is_empty() {
        return (WIDTH, HEIGHT);
    }
    let width: usize = inner.iter().map(|(_, layout)| layout.width + BORDER).sum();
    let height = inner.iter().map(|(_, layout)| layout.height).max().unwrap_or(0);
    ((width + BORDER).max(WIDTH), height + HEIGHT + 2 * BORDER)
}

fn draw(layout: &Layout, marks: &Marks, at: (usize, usize), drawn: &mut String) {
    let places: HashMap<_, _> = layout.states.iter().map(|placed| (placed.name, placed)).collect();
    for placed in &layout.states {
        for (target, why) in arrows(placed.state) {
            if let Some(target) = places.get(target) {
                arrow(placed, target, &why, at, drawn);
            }
        }
    }
    for placed in &layout.states {
        let (left, top) = (at.0 + placed.left, at.1 + placed.top);
        let mark = marks.get(placed.name);
        let (fill, stroke) = mark.map_or(("#f8fafc", "#64748b"), |mark| mark.colours());
        let (width, height) = (placed.width, placed.height);
        _ = writeln!(
            drawn,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"7\" fill=\"{fill}\" stroke=\"{stroke}\"/>"
        );
        let sign = mark.map_or(String::new(), |mark: &Mark| format!("{} ", mark.sign()));
        let middle = left + width / 2;
        let letters = (width / 8).max(8);
        _ = writeln!(
            drawn,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\"><title>{}</title>{sign}{}</text>\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#555\">{}</text>",
            top + 20,
            escaped(placed.name),
            escaped(&short(placed.name, letters)),
            top + 36,
            kind(&placed.state.kind),
        );
        let mut inner_left = left + BORDER;
        for (what, inner) in &placed.inner {
            let inner_top = top + HEIGHT + BORDER;
            _ = writeln!(
                drawn,
                "<text x=\"{inner_left}\" y=\"{}\" font-size=\"10\" fill=\"#555\">{what}</text>",
                inner_top - 8
            );
            draw(inner, marks, (inner_left, inner_top), drawn);
            inner_left += inner.width + BORDER;
        }
    }
}

/// A line from a state to another one: straight downwards, or around the side upwards.
fn arrow(from: &Placed, to: &Placed, why: &str, at: (usize, usize), drawn: &mut String) {
    let (from_x, from_y) = (at.0 + from.left + from.width / 2, at.1 + from.top + from.height);
    let (to_x, to_y) = (at.0 + to.left + to.width / 2, at.1 + to.top);
    let path = if to.top > from.top {
        let bend = usize::midpoint(from_y, to_y);
        format!("M{from_x} {from_y}C{from_x} {bend} {to_x} {bend} {to_x} {to_y}")
    } else {
        let (start, end) = (at.0 + from.left + from.width, at.0 + to.left + to.width);
        let (start_y, end_y) = (at.1 + from.top + HEIGHT / 2, at.1 + to.top + HEIGHT / 2);
        let side = start.max(end) + GAP / 2;
        format!("M{start} {start_y}C{side} {start_y} {side} {end_y} {end} {end_y}")
    };
    _ = writeln!(drawn, "<path d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>");
    if !why.is_empty() {
        let (x, y) = (usize::midpoint(from_x, to_x), usize::midpoint(from_y, to_y.max(from_y)) + 4);
        _ = writeln!(
            drawn,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"9\" fill=\"#555\"><title>{}</title>{}</text>",
            escaped(why),
            escaped(&short(why, 24)),
        );
    }
}

/// A text within XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
