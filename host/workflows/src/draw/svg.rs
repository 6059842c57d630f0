//! A state machine as an SVG image: a box for each state, in layers from the start downwards; what is within a state stands in
//! its box.

use super::layout::{Arrow, BORDER, HEIGHT, Layout, Path, Placed, layout};
use super::{Mark, Marks, kind, short, visible};
use crate::definition::Machine;
use std::fmt::Write;

const TIP: &str = "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
    orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#555\"/></marker></defs>\n\
    <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

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
    drawn.push_str(TIP);
    graph(&layout, marks, (BORDER, BORDER), &mut drawn);
    drawn.push_str("</svg>\n");
    drawn
}

/// Draws lines first, then boxes, then what is written at lines, so nothing hides a text.
fn graph(layout: &Layout, marks: &Marks, at: (usize, usize), drawn: &mut String) {
    for arrow in &layout.arrows {
        line(arrow, at, drawn);
    }
    for placed in &layout.states {
        state(placed, marks, (at.0 + placed.left, at.1 + placed.top), drawn);
    }
    for arrow in layout.arrows.iter().filter(|arrow| !arrow.why.is_empty()) {
        let (x, y) = (at.0 + arrow.why_at.0, at.1 + arrow.why_at.1);
        _ = writeln!(
            drawn,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"9\" fill=\"#555\" stroke=\"#fff\" \
             stroke-width=\"3\" paint-order=\"stroke\"><title>{}</title>{}</text>",
            escaped(&arrow.why),
            escaped(&short(&arrow.why, 34)),
        );
    }
}

fn state(placed: &Placed, marks: &Marks, (left, top): (usize, usize), drawn: &mut String) {
    let mark = marks.get(placed.name);
    let (fill, stroke) = mark.map_or(("#f8fafc", "#64748b"), |mark| mark.colours());
    let (width, height) = (placed.width, placed.height);
    _ = writeln!(
        drawn,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"7\" fill=\"{fill}\" stroke=\"{stroke}\"/>"
    );
    let sign = mark.map_or(String::new(), |mark: &Mark| format!("{} ", mark.sign()));
    let middle = left + width / 2;
    _ = writeln!(
        drawn,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\"><title>{}</title>{sign}{}</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#555\">{}</text>",
        top + 20,
        escaped(placed.name),
        escaped(&fitting(placed.name, width / 8 - 3)),
        top + 36,
        kind(&placed.state.kind),
    );
    let (mut inner_left, inner_top) = (left + BORDER / 2, top + HEIGHT);
    for (what, inner) in &placed.inner {
        let (width, height) = (inner.width + 2 * BORDER - BORDER / 2, inner.height + 2 * BORDER + BORDER / 2);
        _ = writeln!(
            drawn,
            "<rect x=\"{inner_left}\" y=\"{inner_top}\" width=\"{width}\" height=\"{height}\" rx=\"5\" fill=\"#fff\" \
             stroke=\"#94a3b8\" stroke-dasharray=\"4 3\"/>\
             <text x=\"{}\" y=\"{}\" font-size=\"10\" fill=\"#555\">{what}</text>",
            inner_left + 8,
            inner_top + 14,
        );
        graph(inner, marks, (inner_left + BORDER * 3 / 4, inner_top + BORDER + BORDER / 4), drawn);
        inner_left += inner.width + 2 * BORDER;
    }
}

fn line(arrow: &Arrow, at: (usize, usize), drawn: &mut String) {
    let moved = |(x, y): (usize, usize)| (at.0 + x, at.1 + y);
    let path = match arrow.path {
        Path::Down(points) => {
            let [(from_x, from_y), (_, bottom), (to_x, to_y)] = points.map(moved);
            let bend = usize::midpoint(bottom, to_y);
            format!("M{from_x} {from_y}V{bottom}C{from_x} {bend} {to_x} {bend} {to_x} {to_y}")
        }
        Path::Around(points) => {
            let [(from_x, from_y), (lane_x, out_y), (_, in_y), (to_x, to_y)] = points.map(moved);
            format!("M{from_x} {from_y}V{out_y}H{lane_x}V{in_y}H{to_x}V{to_y}")
        }
    };
    _ = writeln!(drawn, "<path d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>");
}

/// A text that is not wider than so many plain letters; others count twice.
fn fitting(text: &str, most: usize) -> String {
    let mut wide = 0;
    let count = text.chars().take_while(|letter| {
        wide += if letter.is_ascii() { 1 } else { 2 };
        wide <= most
    });
    short(text, count.count())
}

/// A text within XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars().map(visible) {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
