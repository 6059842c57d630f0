//! What has to hold between states: targets exist, each state can be reached, names and variables are used once.

use super::fields::{Mistakes, suggestion};
use super::{Graph, Kind, Next, State, flow};
use crate::mistake::Place;
use std::collections::{HashMap, HashSet};

/// Checks a machine's graph, with those in it.
pub(super) fn check(graph: &Graph, mistakes: &mut Mistakes) {
    let mut names = HashMap::new();
    walk(graph, &Place::default(), &mut |graph, place| {
        for name in graph.states.keys() {
            let place = place.field("States").field(name);
            if let Some(first) = names.insert(name.clone(), place.clone()) {
                mistakes.state = Some(name.clone());
                let message = format!(
                    "there is a state `{name}` at `{first}` already: names are used once in a whole state machine"
                );
                mistakes.add("workflow/name", &place, message, None);
            }
        }
    });
    check_labels(graph, mistakes);
    let all: HashSet<String> = names.into_keys().collect();
    walk(graph, &Place::default(), &mut |graph, place| check_targets(graph, place, &all, mistakes));
    check_variables(graph, &Place::default(), &mut HashSet::new(), mistakes);
    mistakes.state = None;
}

/// A label is used once in a whole state machine ("Distributed Map state fields").
fn check_labels(graph: &Graph, mistakes: &mut Mistakes) {
    let mut labels = HashSet::new();
    walk(graph, &Place::default(), &mut |graph, place| {
        for (name, state) in &graph.states {
            let Kind::Map(map) = &state.kind else { continue };
            let super::Mode::Distributed(distributed) = &map.mode else { continue };
            if let Some(label) = distributed.label.as_ref().filter(|label| !labels.insert((*label).clone())) {
                mistakes.state = Some(name.clone());
                let place = place.field("States").field(name).field("Label");
                mistakes.add(
                    "workflow/value",
                    &place,
                    format!("there is another Map state with the label `{label}`"),
                    None,
                );
            }
        }
    });
}

/// Visits a graph and those in it, with their places.
fn walk(graph: &Graph, place: &Place, visit: &mut impl FnMut(&Graph, &Place)) {
    visit(graph, place);
    for (name, state) in &graph.states {
        for (inner, place) in inner(state, &place.field("States").field(name)) {
            walk(inner, &place, visit);
        }
    }
}

/// The graphs in a state, with their places.
pub(super) fn inner<'a>(state: &'a State, place: &Place) -> Vec<(&'a Graph, Place)> {
    match &state.kind {
        Kind::Parallel(branches) => {
            let place = place.field("Branches");
            branches.iter().enumerate().map(|(index, branch)| (branch.as_ref(), place.item(index))).collect()
        }
        Kind::Map(map) => vec![(map.processor.as_ref(), place.field("ItemProcessor"))],
        _ => Vec::new(),
    }
}

fn check_targets(graph: &Graph, place: &Place, all: &HashSet<String>, mistakes: &mut Mistakes) {
    let states = place.field("States");
    let mut check = |target: &str, place: Place, state: Option<&str>| {
        if graph.states.contains_key(target) || !mistakes.has_room() {
            return;
        }
        mistakes.state = state.map(str::to_owned);
        let (message, help) = match all.contains(target) {
            true => (format!("the state `{target}` is in another graph: a state leads only to states beside it"), None),
            false => {
                let help = suggestion(target, graph.states.keys().map(String::as_str));
                (format!("there is no state `{target}`"), help)
            }
        };
        mistakes.add("workflow/target", &place, message, help);
    };
    check(&graph.start, place.field("StartAt"), None);
    for (name, state) in &graph.states {
        for (target, steps) in targets(state) {
            check(target, steps(&states.field(name)), Some(name));
        }
    }
    if !mistakes.is_empty() {
        // What could not be read may lead anywhere.
        return;
    }
    check_reachable(graph, &states, mistakes);
    let ends = graph.states.values().any(|state| match &state.kind {
        Kind::Succeed | Kind::Fail(_) => true,
        Kind::Choice(_) => false,
        _ => state.next == Next::End,
    });
    if !ends && !graph.states.is_empty() {
        mistakes.state = None;
        let message = "no state ends it: there is no `End`, no Succeed and no Fail state";
        mistakes.add("workflow/no-end", &states, message, None);
    }
}

type Steps<'a> = Box<dyn Fn(&Place) -> Place + 'a>;

/// Where a state leads, and where that is written.
fn targets(state: &State) -> Vec<(&str, Steps<'_>)> {
    let mut targets: Vec<(&str, Steps)> = Vec::new();
    if let Next::To(next) = &state.next {
        targets.push((next, Box::new(|place| place.field("Next"))));
    }
    for (index, catcher) in state.catch.iter().enumerate() {
        targets.push((&catcher.next, Box::new(move |place| place.field("Catch").item(index).field("Next"))));
    }
    if let Kind::Choice(choice) = &state.kind {
        for (index, rule) in choice.rules.iter().enumerate() {
            targets.push((&rule.next, Box::new(move |place| place.field("Choices").item(index).field("Next"))));
        }
        targets.extend(choice.default.iter().map(|default| {
            let steps: Steps = Box::new(|place| place.field("Default"));
            (default.as_str(), steps)
        }));
    }
    targets
}

fn check_reachable(graph: &Graph, states: &Place, mistakes: &mut Mistakes) {
    let mut reached = HashSet::new();
    let mut todo = vec![graph.start.as_str()];
    while let Some(name) = todo.pop() {
        if let Some(state) = graph.states.get(name)
            && reached.insert(name)
        {
            todo.extend(targets(state).into_iter().map(|(target, _)| target));
        }
    }
    if reached.is_empty() {
        return;
    }
    for name in graph.states.keys().filter(|name| !reached.contains(name.as_str())) {
        mistakes.state = Some(name.clone());
        let message = format!("nothing leads to the state `{name}`");
        mistakes.add(
            "workflow/unreachable",
            &states.field(name),
            message,
            Some("remove it, or let a state lead to it".to_owned()),
        );
    }
}

/// An inner scope can't set a variable that an outer one sets ("Variable scope"). `outer` is the same again afterwards.
fn check_variables(graph: &Graph, place: &Place, outer: &mut HashSet<String>, mistakes: &mut Mistakes) {
    let mut own = HashSet::new();
    for (name, state) in &graph.states {
        for variable in flow::variables(state.assign.as_ref()) {
            if outer.contains(&variable) {
                mistakes.state = Some(name.clone());
                let message = format!(
                    "`{variable}` is a variable of the graph around this one, which can be read here, but not set"
                );
                let place = place.field("States").field(name).field("Assign").field(&variable);
                mistakes.add("workflow/variable", &place, message, None);
            } else {
                own.insert(variable);
            }
        }
    }
    outer.extend(own.iter().cloned());
    for (name, state) in &graph.states {
        let place = place.field("States").field(name);
        for (inner, place) in inner(state, &place) {
            match &state.kind {
                Kind::Map(map) if matches!(map.mode, super::Mode::Distributed(_)) => {
                    check_variables(inner, &place, &mut HashSet::new(), mistakes);
                }
                _ => check_variables(inner, &place, outer, mistakes),
            }
        }
    }
    outer.retain(|variable| !own.contains(variable));
}
