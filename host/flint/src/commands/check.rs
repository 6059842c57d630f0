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
    output
        .answer(&json!({ "file": file, "diagnostics": [] }), || {
            format!(
                "{} is valid: {}, {}, {}",
                file.display(),
                count(platform.functions.len(), "function"),
                count(platform.routes.len(), "route"),
                count(platform.kv.len(), "store"),
            )
        })
        .map_err(Error::io("write the answer"))
}
