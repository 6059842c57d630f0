//! What is right in a definition, and yet most likely not what was meant, or not for everywhere.

use super::fields::suggestion;
use super::graph::inner;
use super::{Graph, Machine, State};
use crate::failure::name;
use crate::mistake::{Mistake, Place};
use crate::resource::Resource;

/// What the names of the errors of `http:invoke` start with.
const HTTP: &str = "States.Http.";

impl Machine {
    /// The tasks that no platform can do; a trial does them by mocks.
    #[must_use]
    pub fn unserved(&self) -> Vec<Mistake> {
        let unserved = |task: super::TaskAt| {
            let message = task.resource.unserved()?;
            let help = Resource::near(&task.resource.text).map(|near| format!("did you mean `{near}`?"));
            let state = Some(task.state.to_owned());
            Some(Mistake { code: "workflow/unserved", message, place: task.place, state, help })
        };
        self.tasks().into_iter().filter_map(unserved).collect()
    }

    /// What keeps a definition from nothing, and is worth a look: what no platform can do, and errors that nothing raises.
    #[must_use]
    pub fn warnings(&self) -> Vec<Mistake> {
        let mut found = self.unserved();
        let mut todo: Vec<(&Graph, Place)> = vec![(&self.graph, Place::default())];
        while let Some((graph, place)) = todo.pop() {
            for (name, state) in &graph.states {
                let place = place.field("States").field(name);
                found.extend(errors(name, state, &place));
                todo.extend(inner(state, &place));
            }
        }
        found
    }
}

/// The names in `ErrorEquals` that start as the reserved ones do, and are none of them.
fn errors(name: &str, state: &State, place: &Place) -> Vec<Mistake> {
    let retriers = state.retry.iter().map(|retrier| &retrier.errors).enumerate();
    let catchers = state.catch.iter().map(|catcher| &catcher.errors).enumerate();
    let of = |field: &'static str| move |(index, errors)| (place.field(field).item(index).field("ErrorEquals"), errors);
    let lists = retriers.map(of("Retry")).chain(catchers.map(of("Catch")));
    lists.flat_map(|(place, errors): (Place, &Vec<String>)| unknown(name, &place, errors)).collect()
}

fn unknown(state: &str, place: &Place, errors: &[String]) -> Vec<Mistake> {
    let is_unknown =
        |error: &str| error.starts_with("States.") && !error.starts_with(HTTP) && !name::RESERVED.contains(&error);
    let of = |(index, error): (usize, &String)| Mistake {
        code: "workflow/error-equals",
        message: format!("`{error}` is not one of the reserved names that start with `States.`, so nothing raises it"),
        place: place.item(index),
        state: Some(state.to_owned()),
        help: suggestion(error, name::RESERVED.into_iter()),
    };
    errors.iter().enumerate().filter(|(_, error)| is_unknown(error)).map(of).collect()
}
