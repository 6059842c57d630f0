//! `flint schedule`: shows schedules and sends ticks by hand, through the host that runs, or, if none does, by itself.

use super::kv::running;
use crate::admin::api::schedule::{Ran, Schedule, Schedules};
use crate::admin::client::Client;
use crate::admin::schedule;
use crate::cli::{self, ScheduleCommand};
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::wire;
use flint_config::platform;
use flint_model::ScheduleName;
use flint_stores_embedded::Embedded;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Runs a command on schedules.
pub(crate) async fn run(args: cli::Schedule, output: Output) -> Result<(), Error> {
    let access = Access::open(&args.host).await?;
    let done = work(&access, &args.command, output).await;
    access.close().await;
    done
}

async fn work(access: &Access, command: &ScheduleCommand, output: Output) -> Result<(), Error> {
    let printed = match command {
        ScheduleCommand::List => {
            let all = access.all().await?;
            output.answer(&all, || all.schedules.iter().map(line).collect())
        }
        ScheduleCommand::Run { schedule } => {
            let ran = access.run(schedule).await?;
            output.answer(&ran, || ran.id.clone())
        }
    };
    printed.map_err(Error::io("write the answer"))
}

fn line(schedule: &Schedule) -> String {
    let Schedule { schedule: name, when, zone, waiting, hidden, .. } = schedule;
    let workflow = schedule.workflow.iter().map(|workflow| format!("workflow {workflow}"));
    let handler = schedule.function.clone().into_iter().chain(workflow).collect::<String>();
    let (last, next) = (moment(schedule.last_ms), moment(schedule.next_ms));
    format!("{name}\t{when} {zone}\t{handler}\tlast {last}\tnext {next}\twaiting {waiting}\thidden {hidden}\n")
}

fn moment(millis: Option<u64>) -> String {
    let shown = |millis| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(millis)).to_string();
    millis.map_or_else(|| "never".to_owned(), shown)
}

/// The way to the schedules.
enum Access {
    Host(Client),
    Here { stores: Arc<Embedded>, schedules: BTreeMap<ScheduleName, platform::Schedule> },
}

impl Access {
    async fn open(host: &cli::Host) -> Result<Self, Error> {
        if let Some(client) = running(host).await? {
            return Ok(Self::Host(client));
        }
        let platform = load::stores(&host.config)?;
        let stores = tokio::task::block_in_place(|| wire::open_stores(&platform))?;
        Ok(Self::Here { stores, schedules: platform.schedules })
    }

    async fn all(&self) -> Result<Schedules, Error> {
        Ok(match self {
            Self::Host(client) => client.schedules().await?,
            Self::Here { stores, schedules } => schedule::all(&**stores, schedules).await?,
        })
    }

    async fn run(&self, name: &ScheduleName) -> Result<Ran, Error> {
        Ok(match self {
            Self::Host(client) => client.run_schedule(name).await?,
            Self::Here { stores, schedules } => schedule::run(&**stores, schedules, name).await?,
        })
    }

    async fn close(&self) {
        if let Self::Here { stores, .. } = self {
            stores.close().await;
        }
    }
}
