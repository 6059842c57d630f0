//! Intrinsic functions (`States.Format(…)`), which payload templates of JSONPath may call.
//!
//! What they do is told by AWS's developer guide, "Intrinsic functions for JSONPath states". A call is parsed once, when a
//! definition is read. It depends on its scene alone: also what is random comes from the scene's seed.

mod array;
mod chance;
mod encode;
mod format;
mod function;
mod given;
mod json;
mod math;
mod parse;
mod text;

use crate::chance::seed_at;
use crate::failure::name;
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use function::Function;
use given::Given;
use serde_json::Value;

/// A call of an intrinsic function, parsed.
#[derive(Clone, Debug)]
pub struct Intrinsic {
    text: String,
    call: Call,
}

/// A function with its arguments, which can be calls too.
#[derive(Clone, Debug)]
struct Call {
    function: &'static Function,
    arguments: Vec<Argument>,
    /// As it is written.
    text: String,
    /// Where that is in the whole, in bytes.
    position: usize,
}

/// What stands between two commas of a call.
#[derive(Clone, Debug)]
enum Argument {
    /// A string in single quotes: what it says, and how that is written.
    Text { value: String, raw: String },
    /// A number, `true`, `false` or `null`.
    Fixed(Value),
    /// What is at a path.
    Path(Path),
    /// What another function gives.
    Call(Call),
}

impl Intrinsic {
    /// Parses a call.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), call: parse::whole(text)? })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Lists all paths in its arguments, in the order in which they are written.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        self.call.paths()
    }

    /// Calls the function.
    ///
    /// A scene with the same seed gives the same random values. Two calls within this text get different ones; for those in
    /// two fields, the caller gives each field a seed of its own (`chance::seed_at`).
    ///
    /// # Errors
    /// `States.IntrinsicFailure` for what a function can't take, `States.Runtime` for a path that finds nothing.
    pub fn call(&self, scene: &Scene) -> Result<Value, Trouble> {
        self.call.run(scene)
    }
}

impl Call {
    fn paths<'a>(&'a self) -> Vec<&'a Path> {
        let of_argument = |argument: &'a Argument| match argument {
            Argument::Path(path) => vec![path],
            Argument::Call(call) => call.paths(),
            Argument::Text { .. } | Argument::Fixed(_) => Vec::new(),
        };
        self.arguments.iter().flat_map(of_argument).collect()
    }

    fn run(&self, scene: &Scene) -> Result<Value, Trouble> {
        let values = self.arguments.iter().map(|argument| argument.value(scene)).collect::<Result<_, _>>()?;
        let literal = self.arguments.first().and_then(Argument::raw);
        let seed = seed_at(scene.seed, &format!("{} {}", self.position, self.text));
        (self.function.run)(&Given { values, literal, seed }).map_err(|reason| self.failed(&reason))
    }

    /// That the function could not take its arguments.
    fn failed(&self, reason: &str) -> Trouble {
        let cause = format!("The function '{}' had the following error: {reason}", self.text);
        Trouble::new(name::INTRINSIC_FAILURE, cause)
    }
}

impl Argument {
    fn value(&self, scene: &Scene) -> Result<Value, Trouble> {
        match self {
            Self::Text { value, .. } => Ok(Value::from(value.as_str())),
            Self::Fixed(value) => Ok(value.clone()),
            Self::Path(path) => path.find(scene)?.ok_or_else(|| missing(path, scene)),
            Self::Call(call) => call.run(scene),
        }
    }

    fn raw(&self) -> Option<&str> {
        match self {
            Self::Text { raw, .. } => Some(raw),
            Self::Fixed(_) | Self::Path(_) | Self::Call(_) => None,
        }
    }
}

/// That nothing is at a path.
fn missing(path: &Path, scene: &Scene) -> Trouble {
    let (path, input) = (path.text(), scene.input);
    Trouble::runtime(format!("The JSONPath '{path}' could not be found in the input '{input}'"))
}

#[cfg(test)]
mod tests;
