//! `flint build`: builds functions, and says where their components are.

use crate::build;
use crate::cli;
use crate::error::Error;
use crate::load;
use crate::output::Output;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Builds all functions of the configuration, or those that are named.
pub(crate) fn run(args: &cli::Build, output: Output) -> Result<(), Error> {
    let platform = load::unbuilt(&args.config)?;
    if let Some(name) = args.functions.iter().find(|name| !platform.functions.contains_key(*name)) {
        return Err(Error::NoSuchFunction { name: name.clone(), known: platform.functions.into_keys().collect() });
    }
    let wanted: BTreeMap<_, _> = platform
        .functions
        .iter()
        .filter(|(name, _)| args.functions.is_empty() || args.functions.contains(name))
        .collect();
    let built = {
        let progress = output.progress();
        build::all(&wanted, &progress)
    };
    let mut components = Vec::new();
    let mut failed = Vec::new();
    for (function, built) in built {
        match built {
            Ok(component) => components.push((function, component)),
            Err(error) => failed.push(Error::Build { function, error }),
        }
    }
    let json: Value = components
        .iter()
        .map(|(function, component)| json!({ "function": function, "component": component, "bytes": size(component) }))
        .collect();
    let text = || components.iter().map(|(function, component)| line(function, component)).collect();
    // With a failure, the one JSON document is the failure.
    if failed.is_empty() || !output.is_json() {
        output.answer(&json!({ "components": json }), text).map_err(Error::io("write the answer"))?;
    }
    // All are told; the last one, which ends the process, by the caller.
    let last = failed.pop();
    if !output.is_json() {
        failed.iter().for_each(|error| error.report(output));
    }
    last.map_or(Ok(()), Err)
}

fn size(component: &std::path::Path) -> Option<u64> {
    std::fs::metadata(component).ok().map(|metadata| metadata.len())
}

fn line(function: &flint_model::FunctionName, component: &std::path::Path) -> String {
    let size = size(component).map_or_else(String::new, |bytes| format!(" ({} kB)", bytes.div_ceil(1000)));
    format!("{function}  {}{size}\n", component.display())
}
