//! Where the boxes and the arrows of an image are.
//!
//! Arrows to the next layer go straight down. All others go through the gap below their layer to a lane at the right and back
//! through the gap above their target, so no arrow crosses a box.

use super::{arrows, layers, within};
use crate::definition::{Graph, State};
use std::collections::HashMap;

/// In pixels: a plain box, the gap between boxes, the border within a box that has boxes in it.
pub(super) const WIDTH: usize = 190;
pub(super) const HEIGHT: usize = 46;
pub(super) const BORDER: usize = 22;
const GAP: usize = 30;
/// The least gap between layers, and how much each arrow that leaves sideways adds.
const LAYER_GAP: usize = 56;
const SLOT: usize = 11;
const SLOTS_MAX: usize = 6;
/// The lanes at the right; more arrows share them.
const LANE: usize = 9;
const LANES_MAX: usize = 12;

/// A state with its place, relative to what it is in.
pub(super) struct Placed<'a> {
    pub(super) name: &'a str,
    pub(super) state: &'a State,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) inner: Vec<(String, Layout<'a>)>,
    layer: usize,
}

/// An arrow, and what is written at it.
pub(super) struct Arrow {
    pub(super) path: Path,
    pub(super) why: String,
    pub(super) why_at: (usize, usize),
}

/// The way of an arrow, as points.
pub(super) enum Path {
    /// From a box down to the end of its layer, and from there in a bend.
    Down([(usize, usize); 3]),
    /// From a box down, to the lane, along it, and to the other box: its start, both ends of
    /// the lane, its end.
    Around([(usize, usize); 4]),
}

/// States and arrows with their places.
pub(super) struct Layout<'a> {
    pub(super) states: Vec<Placed<'a>>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Where a layer begins and ends.
#[derive(Clone, Copy)]
struct Band {
    top: usize,
    bottom: usize,
}

/// An arrow between two of the states, by their indexes.
struct Link {
    from: usize,
    to: usize,
    why: String,
}

/// Finds places for the states of a graph, and for what is within them.
pub(super) fn layout(graph: &Graph) -> Layout<'_> {
    let (mut states, mut widths) = (Vec::new(), Vec::new());
    for (layer, names) in layers(graph).into_iter().enumerate() {
        let mut left = 0;
        for name in names {
            let Some(state) = graph.states.get(name) else { continue };
            let inner: Vec<_> = within(state).into_iter().map(|(what, graph)| (what, layout(graph))).collect();
            let (width, height) = size(&inner);
            states.push(Placed { name, state, left, top: 0, width, height, inner, layer });
            left += width + GAP;
        }
        widths.push(left.saturating_sub(GAP));
    }
    let links = links(&states);
    let widest = widths.iter().copied().max().unwrap_or(0);
    let (bands, height) = bands(&states, &links, widths.len());
    for placed in &mut states {
        placed.left += (widest - widths[placed.layer]) / 2;
        placed.top = bands[placed.layer].top;
    }
    let around = links.iter().filter(|link| !goes_down(&states, link)).count();
    let lanes = if around == 0 { 0 } else { GAP / 2 + around.min(LANES_MAX) * LANE };
    let arrows = route(&states, links, &bands, widest);
    Layout { states, arrows, width: widest + lanes, height }
}

/// How large a box is with these in it, side by side.
fn size(inner: &[(String, Layout)]) -> (usize, usize) {
    if inner.is_empty() {
        return (WIDTH, HEIGHT);
    }
    let width: usize = inner.iter().map(|(_, layout)| layout.width + 2 * BORDER).sum();
    let height = inner.iter().map(|(_, layout)| layout.height).max().unwrap_or(0);
    ((width + BORDER).max(WIDTH), HEIGHT + height + 3 * BORDER)
}

fn links(states: &[Placed]) -> Vec<Link> {
    let indexes: HashMap<_, _> = states.iter().enumerate().map(|(index, placed)| (placed.name, index)).collect();
    let of = |(from, placed): (usize, &Placed)| {
        arrows(placed.state)
            .into_iter()
            .filter_map(|(target, why)| Some(Link { from, to: *indexes.get(target)?, why }))
            .collect::<Vec<_>>()
    };
    states.iter().enumerate().flat_map(of).collect()
}

fn goes_down(states: &[Placed], link: &Link) -> bool {
    states[link.to].layer == states[link.from].layer + 1
}

/// The layers' places from the top, and the height of all.
fn bands(states: &[Placed], links: &[Link], count: usize) -> (Vec<Band>, usize) {
    let (mut heights, mut slots) = (vec![0; count], vec![0; count]);
    for placed in states {
        heights[placed.layer] = placed.height.max(heights[placed.layer]);
    }
    let around = || links.iter().filter(|link| !goes_down(states, link));
    around().for_each(|link| slots[states[link.from].layer] += 1);
    let mut top = if around().any(|link| states[link.to].layer == 0) { LAYER_GAP / 2 } else { 0 };
    let (mut bands, mut end) = (Vec::new(), 0);
    for (height, slots) in heights.into_iter().zip(slots) {
        let bottom = top + height;
        let slots = slots.min(SLOTS_MAX) * SLOT;
        bands.push(Band { top, bottom });
        end = if slots == 0 { bottom } else { bottom + slots + SLOT };
        top = bottom + LAYER_GAP + slots;
    }
    (bands, end)
}

fn route(states: &[Placed], links: Vec<Link>, bands: &[Band], widest: usize) -> Vec<Arrow> {
    let (mut slots, mut coming, mut lane) = (vec![0; bands.len()], vec![0; states.len()], 0);
    let mut route = |link: Link| {
        let (from, to) = (&states[link.from], &states[link.to]);
        let bottom = bands[from.layer].bottom;
        let (from_x, from_y) = (from.left + from.width / 2, from.top + from.height);
        let (to_x, to_y) = (to.left + to.width / 2, to.top);
        if goes_down(states, &link) {
            // Those that come to the same box are told one above the other.
            let row = coming[link.to] % 3;
            coming[link.to] += 1;
            let why_at = ((from_x + 3 * to_x) / 4, to_y.saturating_sub(16 + row * SLOT));
            let path = Path::Down([(from_x, from_y), (from_x, bottom), (to_x, to_y)]);
            return Arrow { path, why: link.why, why_at };
        }
        let slot = slots[from.layer] % SLOTS_MAX;
        slots[from.layer] += 1;
        let out_y = bottom + (slot + 1) * SLOT;
        let in_y = to_y.saturating_sub(10 + lane % 3 * 3);
        let lane_x = widest + GAP / 2 + lane % LANES_MAX * LANE;
        lane += 1;
        let (out_x, in_x) = (from_x + 12, to_x + 12);
        let path = Path::Around([(out_x, from_y), (lane_x, out_y), (lane_x, in_y), (in_x, to_y)]);
        Arrow { path, why: link.why, why_at: (out_x + 60, out_y.saturating_sub(2)) }
    };
    links.into_iter().map(&mut route).collect()
}
