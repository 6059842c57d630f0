//! `flint invoke --async` and `--status`: calls that are accepted for later, through the host that runs, or, if none does, by itself.

use super::kv::running;
use crate::admin::api::invoke::{Accepted, Progress, Status};
use crate::admin::invoke;
use crate::cli;
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::wire;
use bytes::Bytes;
use flint_model::{FunctionName, InvocationId};

/// Has a call accepted for later, and prints its id.
pub(super) async fn send(
    host: &cli::Host,
    function: &FunctionName,
    payload: Bytes,
    output: Output,
) -> Result<(), Error> {
    let accepted = match running(host).await? {
        Some(client) => client.invoke_later(function, payload).await?,
        None => send_here(host, function, payload).await?,
    };
    output.answer(&accepted, || accepted.invocation.clone()).map_err(Error::io("write the answer"))
}

async fn send_here(host: &cli::Host, function: &FunctionName, payload: Bytes) -> Result<Accepted, Error> {
    let platform = load::stores(&host.config)?;
    let Some(known) = platform.functions.get(function) else {
        let known = platform.functions.into_keys().collect();
        return Err(Error::NoSuchFunction { name: function.clone(), known });
    };
    let stores = tokio::task::block_in_place(|| wire::open_stores(&platform))?;
    let accepted = invoke::send(&*stores, function, &known.asynchronous, payload).await;
    stores.close().await;
    Ok(accepted?)
}

/// Prints what became of a call.
pub(super) async fn status(host: &cli::Host, id: InvocationId, output: Output) -> Result<(), Error> {
    let status = match running(host).await? {
        Some(client) => client.invocation(id).await?,
        None => {
            let stores = tokio::task::block_in_place(|| wire::open_stores(&load::stores(&host.config)?))?;
            let status = invoke::status(&*stores, id).await;
            stores.close().await;
            status?
        }
    };
    output.answer(&status, || line(&status)).map_err(Error::io("write the answer"))
}

fn line(status: &Status) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().escape_debug().to_string();
    match status.status {
        Progress::Queued => "queued".to_owned(),
        Progress::Running => format!("running\tattempt {}", status.attempt.unwrap_or(1)),
        Progress::Succeeded => match &status.answer_base64 {
            Some(bytes) => format!("succeeded\tbase64:{bytes}"),
            None => format!("succeeded\t{}", text(&status.answer)),
        },
        Progress::Failed => format!("failed\t{}\t{}", text(&status.error), text(&status.message)),
    }
}
