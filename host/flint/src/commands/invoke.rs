//! `flint invoke`: calls a function of the host that runs, or, if none does, in this process.

use crate::admin::api::Printable;
use crate::admin::client::Invoked;
use crate::admin::functions;
use crate::cli;
use crate::error::Error;
use crate::inspect::Purpose;
use crate::live::{self, directory::Alone};
use crate::load;
use crate::output::Output;
use crate::signing;
use crate::wire;
use bytes::Bytes;
use flint_config::Platform;
use flint_model::{Capability, FunctionName};
use flint_telemetry::Telemetry;
use flint_world::Functions;
use serde_json::json;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

/// Calls a function and prints its answer.
pub(crate) async fn run(args: &cli::Invoke, output: Output, telemetry: &Telemetry) -> Result<(), Error> {
    let function = match (&args.function, args.status) {
        (_, Some(id)) => return super::invoke_later::status(&args.host, id, output).await,
        (Some(function), None) => function,
        (None, None) => return Err(Error::Bug("the command line asks for a function".to_owned())),
    };
    let payload = payload(args)?;
    if args.asynchronous {
        return super::invoke_later::send(&args.host, function, payload, output).await;
    }
    let invoked = match super::kv::running(&args.host).await? {
        Some(client) => client.invoke(function, payload).await?,
        None => here(args, function, payload, output, telemetry).await?,
    };
    print(&invoked, output).map_err(Error::io("write the answer"))
}

fn payload(args: &cli::Invoke) -> Result<Bytes, Error> {
    let read = match (&args.data, &args.data_file) {
        (Some(data), _) => return Ok(Bytes::copy_from_slice(data.as_bytes())),
        (None, None) => return Ok(Bytes::new()),
        (None, Some(file)) if file == Path::new("-") => {
            let mut payload = Vec::new();
            std::io::stdin().lock().read_to_end(&mut payload).map(|_| payload)
        }
        (None, Some(file)) => std::fs::read(file),
    };
    read.map(Bytes::from).map_err(Error::io("read the payload"))
}

/// Starts what the function needs, and no more.
async fn here(
    args: &cli::Invoke,
    function: &FunctionName,
    payload: Bytes,
    output: Output,
    telemetry: &Telemetry,
) -> Result<Invoked, Error> {
    let loaded = load::built(&args.host.config, Purpose::Start, output)?;
    if !loaded.platform.functions.contains_key(function) {
        let known = loaded.platform.functions.into_keys().collect();
        return Err(Error::NoSuchFunction { name: function.clone(), known });
    }
    let stores = tokio::task::block_in_place(|| wire::open_stores(&loaded.platform))?;
    let alone = Arc::new(Alone::default());
    let functions = {
        let progress = output.progress();
        let signer = Arc::new(signing::signer(&loaded.platform)?);
        let functions: Arc<dyn Functions> = Arc::<Alone>::clone(&alone);
        let callable = wire::Callable { functions, workflows: alone.executions() };
        let world = wire::world(&loaded, Arc::clone(&stores), callable, signer, telemetry)?;
        let calls = calls_others(&loaded.platform, function);
        live::slots(&world, &loaded, |name| calls || name == function, &progress).await?
    };
    let Some(slot) = functions.get(function).cloned() else {
        return Err(Error::Bug(format!("{function} was not loaded")));
    };
    alone.fill(functions, loaded.executions(&stores)?, loaded.platform);
    let answered = functions::invoke(&slot.choose().function, None, payload).await;
    stores.close().await;
    let (id, answer) = answered?;
    Ok(Invoked { invocation: Some(id.to_string()), answer })
}

/// Whether a function may call others, which may call others in turn.
fn calls_others(platform: &Platform, function: &FunctionName) -> bool {
    platform.functions.get(function).is_some_and(|function| function.grants.of(Capability::Invoke).next().is_some())
}

/// An answer is bytes and is printed as it is; on a terminal, with a line break behind it.
fn print(invoked: &Invoked, output: Output) -> std::io::Result<()> {
    if output.is_json() {
        let answer = match serde_json::from_slice::<serde_json::Value>(&invoked.answer) {
            Ok(json) => json!({ "answer": json }),
            Err(_) => match Printable::new(&invoked.answer) {
                Printable::Text(text) => json!({ "answer": text }),
                Printable::Base64(text) => json!({ "answer_base64": text }),
            },
        };
        let mut json = json!({ "invocation": invoked.invocation });
        if let (Some(json), serde_json::Value::Object(answer)) = (json.as_object_mut(), answer) {
            json.extend(answer);
        }
        return output.answer(&json, String::new);
    }
    output.raw(&invoked.answer)?;
    let ends = invoked.answer.is_empty() || invoked.answer.ends_with(b"\n");
    if std::io::stdout().is_terminal() && !ends { output.raw(b"\n") } else { Ok(()) }
}
