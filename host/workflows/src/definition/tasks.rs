//! All tasks of a machine, wherever they are.

use super::graph::inner;
use super::{Graph, Kind, Machine, State};
use crate::mistake::Place;
use crate::resource::Resource;

/// A task of a machine.
#[derive(Clone, Debug)]
pub struct TaskAt<'m> {
    /// The state's name.
    pub state: &'m str,
    /// Where its resource is written.
    pub place: Place,
    /// Who does it.
    pub resource: &'m Resource,
}

impl Machine {
    /// All tasks, those within branches and item processors too.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskAt<'_>> {
        let mut tasks = Vec::new();
        let mut todo: Vec<(&Graph, Place)> = vec![(&self.graph, Place::default())];
        while let Some((graph, place)) = todo.pop() {
            for (name, state) in &graph.states {
                let place = place.field("States").field(name);
                if let Kind::Task(task) = &state.kind {
                    tasks.push(TaskAt { state: name, place: place.field("Resource"), resource: &task.resource });
                }
                todo.extend(inner(state, &place));
            }
        }
        tasks
    }

    /// The state of this name, wherever it is: names are used once in a machine.
    #[must_use]
    pub fn state(&self, name: &str) -> Option<&State> {
        let mut todo: Vec<&Graph> = vec![&self.graph];
        while let Some(graph) = todo.pop() {
            if let Some(state) = graph.states.get(name) {
                return Some(state);
            }
            todo.extend(
                graph.states.values().flat_map(|state| inner(state, &Place::default())).map(|(graph, _)| graph),
            );
        }
        None
    }

    /// The names of the distributed Map states, and where they are.
    #[must_use]
    pub fn distributed(&self) -> Vec<(&str, Place)> {
        let mut found = Vec::new();
        let mut todo: Vec<(&Graph, Place)> = vec![(&self.graph, Place::default())];
        while let Some((graph, place)) = todo.pop() {
            for (name, state) in &graph.states {
                let place = place.field("States").field(name);
                if matches!(&state.kind, Kind::Map(map) if matches!(map.mode, super::Mode::Distributed(_))) {
                    found.push((name.as_str(), place.clone()));
                }
                todo.extend(inner(state, &place));
            }
        }
        found
    }
}
