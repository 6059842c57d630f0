//! `flint check`: every mistake of the configuration.

use crate::cli;
use crate::commands::workflow::Warnings;
use crate::error::Error;
use crate::inspect::Purpose;
use crate::load::{self, Loaded};
use crate::output::Output;
use flint_workflows::source;
use serde_json::json;

/// Loads the configuration as `flint up` would, and serves nothing.
pub(crate) fn run(args: &cli::Check, output: Output) -> Result<(), Error> {
    let loaded = load::built(&args.config, Purpose::Look, output)?;
    let (warnings, platform) = (warnings(&loaded), loaded.platform);
    let file = &args.config.config;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![
        count(platform.functions.len(), "function"),
        count(platform.routes.len(), "route"),
        count(platform.kv.len(), "store"),
    ];
    // Those that the host keeps are not in the file.
    let queues = platform.queues.keys().filter(|queue| !queue.is_internal()).count();
    let events = [(queues, "queue"), (platform.topics.len(), "topic"), (platform.triggers.len(), "trigger")];
    parts.extend(events.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)));
    let diagnostics: Vec<_> =
        warnings.iter().flat_map(|found| found.to_json()["diagnostics"].as_array().cloned()).flatten().collect();
    let told = warnings.iter().map(ToString::to_string).collect::<String>();
    output
        .answer(&json!({ "file": file, "diagnostics": diagnostics }), || {
            format!("{told}{} is valid: {}", file.display(), parts.join(", "))
        })
        .map_err(Error::io("write the answer"))
}

/// What is worth a look in the definitions of workflows.
fn warnings(loaded: &Loaded) -> Vec<Warnings> {
    let of = |(name, text): (_, &String)| {
        let workflow = loaded.platform.workflows.get(name)?;
        Some(Warnings::of(&workflow.definition, text.clone(), &source::load(text).ok()?))
    };
    loaded.definitions.iter().filter_map(of).collect()
}
