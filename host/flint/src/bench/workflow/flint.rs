//! flint's figures: a host with the machines, asked as any user asks it.

use super::{ALONE, EXPRESS, MANY, Map, STARTERS, STEPS, Starter, Waiting, row};
use crate::admin::api::blob::Condition;
use crate::admin::client::Client;
use crate::bench::caller::Caller;
use crate::bench::host::{Host, Memory};
use crate::bench::load::{Operation, Row};
use crate::bench::subject::{self, Kind};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use flint_model::BucketName;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const CONFIGURATION: &str = "platform.toml";
const PLATFORM: &str = r#"data-dir = "data"
[function.nothing]
source = "nothing.wasm"
[bucket.lists]
[workflow.durable]
definition = "ten.json"
[workflow.express]
definition = "ten.json"
type = "express"
[workflow.map]
definition = "map.json"
[workflow.waiting]
definition = "waiting.json"
"#;

/// The list of the items.
const LIST: &str = "items.json";

const DURABLE: (&str, &str, &str) = ("/v1/workflows/durable/run", "{}", SUCCEEDED);
const IN_MEMORY: (&str, &str, &str) = ("/v1/workflows/express/run", "{}", SUCCEEDED);
const MAP: (&str, &str, &str) = ("/v1/workflows/map/run", "{}", SUCCEEDED);
const SUCCEEDED: &str = "\"SUCCEEDED\"";
const WAITING: &str = "/v1/workflows/waiting/executions";

/// For how long it is looked at what executions cost that wait.
const LOOK: Duration = Duration::from_secs(5);
/// What is left of starting them has this long to settle.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    pub(super) map: Map,
    pub(super) waiting: Waiting,
}

/// Everything, each on a host of its own.
pub(super) async fn measure(args: &cli::BenchWorkflow, progress: &Progress) -> Result<Measured, Error> {
    progress.step("building the function");
    let component = subject::component(&args.functions, Kind::Event, progress)?;
    progress.step("flint");
    let rows = on_a_host(&component, async |host, _| rows(host, args.time).await).await?;
    progress.step(format!("a map over {} items", args.items));
    let map = on_a_host(&component, async |host, client| map(host, client, args.items).await).await?;
    progress.step(format!("{} executions that wait", args.waiting));
    let waiting = on_a_host(&component, async |host, _| waiting(host, args.waiting).await).await?;
    Ok(Measured { rows, map, waiting })
}

async fn on_a_host<T>(component: &[u8], what: impl AsyncFnOnce(&Host, Client) -> Result<T, Error>) -> Result<T, Error> {
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    write(folder.path(), component).map_err(Error::io("write a configuration"))?;
    let host = tokio::task::block_in_place(|| Host::start(folder.path(), CONFIGURATION))?;
    let client = Client::new(host.admin, None);
    let measured = what(&host, client).await;
    // It takes leave in its own time.
    tokio::task::block_in_place(|| drop(host));
    measured
}

fn write(folder: &Path, component: &[u8]) -> std::io::Result<()> {
    std::fs::write(folder.join(CONFIGURATION), PLATFORM)?;
    std::fs::write(folder.join("nothing.wasm"), component)?;
    for (name, definition) in [("ten.json", ten()), ("map.json", over_a_list()), ("waiting.json", for_a_day())] {
        std::fs::write(folder.join(name), definition.to_string())?;
    }
    Ok(())
}

/// Tasks that do nothing, one after the other.
fn ten() -> Value {
    let task = |number: usize| match number {
        STEPS => json!({"Type": "Task", "Resource": "nothing", "End": true}),
        _ => json!({"Type": "Task", "Resource": "nothing", "Next": format!("Step{}", number + 1)}),
    };
    let states = (1..=STEPS).map(|number| (format!("Step{number}"), task(number)));
    json!({"StartAt": "Step1", "States": serde_json::Map::from_iter(states)})
}

fn over_a_list() -> Value {
    let each = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Each",
        "States": {"Each": {"Type": "Task", "Resource": "nothing", "End": true}}
    });
    let reader = json!({
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "lists", "Key": LIST}
    });
    // What comes of a hundred thousand items is too large to be told: it is in files.
    let writer = json!({
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "lists", "Prefix": "done"}
    });
    let map = json!({"Type": "Map", "ItemReader": reader, "ItemProcessor": each, "ResultWriter": writer, "End": true});
    json!({"StartAt": "Map", "States": {"Map": map}})
}

fn for_a_day() -> Value {
    json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": true}}})
}

async fn rows(host: &Host, time: Duration) -> Result<Vec<Row>, Error> {
    let row =
        async |name, count, work, time| row("flint", name, Starter::many(count, host.admin, work).await?, time).await;
    // Nothing is cold when it counts.
    row(MANY, STARTERS, DURABLE, time / 4).await?;
    row(EXPRESS, STARTERS, IN_MEMORY, time / 4).await?;
    Ok(vec![
        row(MANY, STARTERS, DURABLE, time).await?,
        row(ALONE, 1, DURABLE, time).await?,
        row(EXPRESS, STARTERS, IN_MEMORY, time).await?,
    ])
}

async fn map(host: &Host, client: Client, items: u64) -> Result<Map, Error> {
    let list: Value = (0..items).map(|number| json!({"number": number})).collect();
    let bucket = BucketName::parse("lists").map_err(|error| Error::Bug(error.to_string()))?;
    let content = stream::iter([Ok(Bytes::from(list.to_string()))]).boxed();
    client.put_blob(&bucket, LIST, content, None, &Condition::default()).await?;
    let memory_before_mib = host.memory_kib(Memory::Now)? / 1024.0;
    host.forget_peak()?;
    let began = Instant::now();
    for mut starter in Starter::many(1, host.admin, MAP).await? {
        starter.once().await?;
    }
    let items_per_second = items as f64 / began.elapsed().as_secs_f64();
    let memory_mib = host.memory_kib(Memory::Peak)? / 1024.0;
    Ok(Map { items, items_per_second, memory_mib, memory_before_mib })
}

async fn waiting(host: &Host, executions: u64) -> Result<Waiting, Error> {
    let began = Instant::now();
    let starters = STARTERS as u64;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..starters {
        let mut caller = Caller::open(host.admin).await?;
        // The first ones start what is left of an even share.
        let share = executions / starters + u64::from(number < executions % starters);
        running.spawn(async move {
            for _ in 0..share {
                caller.ask(WAITING, Bytes::from_static(b"{}")).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| Error::Bug(error.to_string()))??;
    }
    let starts_per_second = executions as f64 / began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let before = host.cpu_time()?;
    tokio::time::sleep(LOOK).await;
    let used = host.cpu_time()?.saturating_sub(before);
    let cpu_percent = 100.0 * used.as_secs_f64() / LOOK.as_secs_f64();
    let memory_mib = host.memory_kib(Memory::Now)? / 1024.0;
    Ok(Waiting { executions, starts_per_second, memory_mib, cpu_percent })
}
