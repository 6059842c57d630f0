//! Whether a component fits the function that it is to serve: by the rules of the configuration, and by no others.
//!
//! The configuration is checked again, as it was read, with the new component in the place of the old one. So a deployed
//! component is refused for the same reasons, with the same codes and the same places, as one that is built.

use crate::admin::api::Problem;
use crate::inspect::{AnyComponent, describe};
use flint_config::platform::Function;
use flint_config::{Code, Components, DescribeError, Diagnostics, Secrets, Source};
use flint_model::FunctionName;
use flint_world::{Import, Shape};
use http::StatusCode;
use std::cell::Cell;

/// What a component can do wrong, the worst first.
const CODES: [Code; 4] = [Code::UnservedImport, Code::NoHandler, Code::NotShareable, Code::MissingGrant];

/// Checks a component against its function. Without a configuration (`flint up some.wasm`) it has to answer requests.
///
/// # Errors
/// A problem with the code of the worst mistake, and the text of all.
pub(crate) fn check(source: Option<&Source>, name: &FunctionName, shape: &Shape) -> Result<(), Problem> {
    let Some(source) = source else { return check_alone(shape) };
    let environment = |name: &str| std::env::var(name).ok();
    let candidate = Candidate { name, shape, asked: Cell::new(false) };
    let found = flint_config::load(source, &environment, &candidate, Secrets::Unread).err();
    let has = |code: &Code| found.iter().flatten().any(|mistake| mistake.code() == *code);
    match (found.as_ref(), CODES.iter().find(|code| has(code))) {
        (Some(found), Some(misfit)) => Err(refusal(misfit.as_str(), found)),
        // Nothing was compared: the source that the function names is not there any more.
        (Some(found), None) if !candidate.asked.get() => Err(refusal("config/invalid", found)),
        _ => Ok(()),
    }
}

fn check_alone(shape: &Shape) -> Result<(), Problem> {
    if let Some(Import::Unknown(name)) = shape.imports.iter().find(|import| matches!(import, Import::Unknown(_))) {
        let detail = format!("the component imports `{name}`, which this host does not serve");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Code::UnservedImport.as_str(), detail));
    }
    if shape.http.is_none() {
        let detail = "a route leads to the function, and the component has no HTTP handler";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Code::NoHandler.as_str(), detail));
    }
    Ok(())
}

fn refusal(code: &str, found: &Diagnostics) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, found.to_string().trim_end())
}

/// One function has a new component, all others fit.
struct Candidate<'c> {
    name: &'c FunctionName,
    shape: &'c Shape,
    asked: Cell<bool>,
}

impl Components for Candidate<'_> {
    fn describe(&self, name: &FunctionName, function: &Function) -> Result<flint_config::Shape, DescribeError> {
        if name != self.name {
            return AnyComponent.describe(name, function);
        }
        self.asked.set(true);
        Ok(describe(self.shape))
    }
}
