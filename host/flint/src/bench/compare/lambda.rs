//! Container-based Lambdas: AWS's own runtime interface clients, each in a container that is created for the event, and the API
//! that they ask for events.
//!
//! There is no image to be pulled, no daemon to be asked, no network of its own and no placement: a container that is created for an
//! event takes no less.

mod bundle;
mod runtime_api;

pub(super) use bundle::Bundle;
pub(super) use runtime_api::RuntimeApi;

use super::peer::Missing;
use crate::cli;
use crate::error::Error;

/// What a handler is written in, and the client of AWS that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Node,
}

/// A handler in Python that computes for about 100 ms when its module is loaded.
const SLOW_START: &str = include_str!("lambda/slow_start.py");

impl Language {
    const ALL: [Self; 2] = [Self::Python, Self::Node];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node.js",
        }
    }

    fn handler(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("hello.py", include_str!("lambda/hello.py")),
            Self::Node => ("hello.mjs", include_str!("lambda/hello.mjs")),
        }
    }

    /// What would have to be there.
    fn missing(self) -> Missing {
        match self {
            Self::Python => Missing {
                system: "container-based Lambda in Python",
                install: "pip install --target lambda-packages awslambdaric",
            },
            Self::Node => {
                Missing { system: "container-based Lambda in Node.js", install: "npm install aws-lambda-ric" }
            }
        }
    }
}

/// Makes a bundle whose handler computes at its start; none if it is not on this machine.
///
/// # Errors
/// If it can't be written.
pub(super) fn slow_start(args: &cli::BenchCompare, api: &RuntimeApi) -> Result<Option<Bundle>, Error> {
    let is_able = bundle::can_run(&args.runc);
    let bundle = if is_able { Bundle::prepare(Language::Python, args, api.address)? } else { None };
    bundle.iter().try_for_each(|bundle| bundle.hand(SLOW_START))?;
    Ok(bundle)
}

/// Makes a bundle of each language that is on this machine, and says which are not.
///
/// # Errors
/// If one can't be written.
pub(super) fn find(args: &cli::BenchCompare, api: &RuntimeApi) -> Result<(Vec<Bundle>, Vec<Missing>), Error> {
    if !bundle::can_run(&args.runc) {
        let install = "apt-get install runc, and be root";
        return Ok((Vec::new(), vec![Missing { system: "container-based Lambda", install }]));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for language in Language::ALL {
        match Bundle::prepare(language, args, api.address)? {
            Some(bundle) => found.push(bundle),
            None => missing.push(language.missing()),
        }
    }
    Ok((found, missing))
}
