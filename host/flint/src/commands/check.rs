//! `flint check`: every mistake of the configuration.

use crate::cli;
use crate::error::Error;
use crate::inspect::Purpose;
use crate::load;
use crate::output::Output;
use serde_json::json;

/// Loads the configuration as `flint up` would, and serves nothing.
pub(crate) fn run(args: &cli::Check, output: Output) -> Result<(), Error> {
    let platform = load::built(&args.config, Purpose::Look, output)?.platform;
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
    output
        .answer(&json!({ "file": file, "diagnostics": [] }), || {
            format!("{} is valid: {}", file.display(), parts.join(", "))
        })
        .map_err(Error::io("write the answer"))
}
