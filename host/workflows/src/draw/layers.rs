//! The states of a graph in layers: each below all that lead to it, except where a loop leads back.

use super::targets;
use crate::definition::Graph;

/// The states of a graph, each once, by the longest way to them from the start.
pub(super) fn layers(graph: &Graph) -> Vec<Vec<&str>> {
    let leads: Vec<Vec<usize>> = graph
        .states
        .values()
        .map(|state| targets(state).filter_map(|target| graph.states.get_index_of(target)).collect())
        .collect();
    let Some(start) = graph.states.get_index_of(&graph.start) else { return Vec::new() };
    let order = order(start, &leads);
    let mut ranks = vec![None; leads.len()];
    order.iter().enumerate().for_each(|(rank, state)| ranks[*state] = Some(rank));
    let mut depths = vec![0; leads.len()];
    let mut layers: Vec<Vec<&str>> = Vec::new();
    for state in order {
        let depth = depths[state];
        for target in leads[state].iter().filter(|target| ranks[**target] > ranks[state]) {
            depths[*target] = depths[*target].max(depth + 1);
        }
        if layers.len() <= depth {
            layers.resize(depth + 1, Vec::new());
        }
        if let Some((name, _)) = graph.states.get_index(state) {
            layers[depth].push(name);
        }
    }
    layers
}

/// The states that can be reached, each before those that it leads to unless a loop leads back. Without recursion: a graph
/// may have ten thousand states in a row.
fn order(start: usize, leads: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; leads.len()];
    seen[start] = true;
    let mut stack = vec![(start, leads[start].len())];
    let mut order = Vec::new();
    while let Some((state, left)) = stack.last_mut() {
        // From the last one to the first, so the first one comes first when all is turned around.
        if *left == 0 {
            order.push(*state);
            stack.pop();
            continue;
        }
        *left -= 1;
        let target = leads[*state][*left];
        if !std::mem::replace(&mut seen[target], true) {
            stack.push((target, leads[target].len()));
        }
    }
    order.reverse();
    order
}
