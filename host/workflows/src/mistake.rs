//! What is wrong with a definition.

use std::fmt;

/// A mistake in a definition: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Stable, such as `workflow/unknown-field`.
    pub code: &'static str,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Where in the JSON: names of fields and indices.
    pub place: Place,
    /// The state that it is in, if any: the innermost one's name.
    pub state: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in a JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

/// A step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The field of an object.
    Field(String),
    /// The item of an array.
    Item(usize),
}

impl Place {
    /// The place of a field of what is here.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Step::Field(name.to_owned()))
    }

    /// The place of an item of what is here.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.with(Step::Item(index))
    }

    /// The steps from the top.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// Such as `/States/Check/Retry[0]/ErrorEquals`.
impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(to, "/");
        }
        self.0.iter().try_for_each(|step| match step {
            Step::Field(name) => write!(to, "/{name}"),
            Step::Item(index) => write!(to, "[{index}]"),
        })
    }
}
