//! `flint functions`: what a host serves; `flint openapi`: how to ask it.

use crate::admin::api::{Function, Functions};
use crate::admin::client::Client;
use crate::admin::openapi;
use crate::cli;
use crate::error::Error;
use crate::output::Output;

/// Lists the functions that a host serves.
pub(crate) async fn run(args: &cli::Functions, output: Output) -> Result<(), Error> {
    let functions = host(&args.host).await?.functions().await?;
    output.answer(&functions, || text(&functions)).map_err(Error::io("write the answer"))
}

/// Prints the management API.
pub(crate) fn openapi(output: Output) -> Result<(), Error> {
    let document = openapi::document();
    let pretty = || serde_json::to_string_pretty(&document).unwrap_or_default();
    output.answer(&document, pretty).map_err(Error::io("write the answer"))
}

/// The host that a command needs.
///
/// # Errors
/// If none runs.
pub(crate) async fn host(host: &cli::Host) -> Result<Client, Error> {
    super::kv::running(host).await?.ok_or_else(|| Error::NoHost { data_dir: crate::load::data_dir(&host.config) })
}

fn text(functions: &Functions) -> String {
    let width = functions.functions.iter().map(|function| function.name.len()).max().unwrap_or(0);
    functions.functions.iter().map(|function| line(function, width)).collect()
}

fn line(function: &Function, width: usize) -> String {
    let versions: Vec<_> = function.serving.iter().map(|it| format!("{} ({} %)", it.version, it.weight)).collect();
    let spares: usize = function.serving.iter().map(|it| it.spares).sum();
    let Function { name, running, waiting, isolation, .. } = function;
    let versions = versions.join(", ");
    format!("{name:<width$}  version {versions}  {isolation}  {spares} ready, {running} running, {waiting} waiting\n")
}
