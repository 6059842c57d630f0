//! What a machine asks of where it runs: its tasks, and the buckets of its distributed Maps, wherever they are.

use super::graph::inner;
use super::{Distributed, Flow, Graph, Kind, Machine, Mode, State};
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

/// A bucket of a distributed Map.
#[derive(Clone, Debug)]
pub struct BucketAt<'m> {
    /// The state's name.
    pub state: &'m str,
    /// Where the bucket is written.
    pub place: Place,
    /// The bucket's name.
    pub bucket: &'m str,
}

/// A state, wherever it is.
struct StateAt<'m> {
    name: &'m str,
    place: Place,
    state: &'m State,
}

impl Machine {
    /// All tasks, those within branches and item processors too.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskAt<'_>> {
        let task = |StateAt { name, place, state }| match &state.kind {
            Kind::Task(task) => Some(TaskAt { state: name, place: place.field("Resource"), resource: &task.resource }),
            _ => None,
        };
        self.states().into_iter().filter_map(task).collect()
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
        let states = self.states().into_iter().filter(|at| distributed(at.state).is_some());
        states.map(|StateAt { name, place, .. }| (name, place)).collect()
    }

    /// The buckets that distributed Map states read and write, as far as their names are no expressions.
    #[must_use]
    pub fn buckets(&self) -> Vec<BucketAt<'_>> {
        let mut found = Vec::new();
        for StateAt { name, place, state } in self.states() {
            let Some(Distributed { reader, writer, .. }) = distributed(state) else { continue };
            let arguments = match state.flow {
                Flow::JsonPath(_) => "Parameters",
                Flow::Jsonata(_) => "Arguments",
            };
            let reads = reader.as_ref().map(|reader| ("ItemReader", &reader.arguments));
            let writes = writer.as_ref().and_then(|writer| Some(("ResultWriter", writer.arguments.as_ref()?)));
            for (field, template) in [reads, writes].into_iter().flatten() {
                let place = place.field(field).field(arguments).field("Bucket");
                found.extend(template.text("Bucket").map(|bucket| BucketAt { state: name, place, bucket }));
            }
        }
        found
    }

    /// All states, those within branches and item processors too.
    fn states(&self) -> Vec<StateAt<'_>> {
        let mut found = Vec::new();
        let mut todo: Vec<(&Graph, Place)> = vec![(&self.graph, Place::default())];
        while let Some((graph, place)) = todo.pop() {
            for (name, state) in &graph.states {
                let place = place.field("States").field(name);
                todo.extend(inner(state, &place));
                found.push(StateAt { name, place, state });
            }
        }
        found
    }
}

fn distributed(state: &State) -> Option<&Distributed> {
    match &state.kind {
        Kind::Map(map) => match &map.mode {
            Mode::Distributed(distributed) => Some(distributed),
            Mode::Inline => None,
        },
        _ => None,
    }
}
