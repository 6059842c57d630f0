//! `flint up`: builds, serves, and says where.

use crate::cli;
use crate::error::Error;
use crate::inspect::Purpose;
use crate::live::reload::Reloaded;
use crate::live::watch::Watch;
use crate::load::{self, Loaded};
use crate::machine;
use crate::output::Output;
use crate::up::Host;
use flint_config::Platform;
use flint_config::platform::{Handler, Methods, Route, Source, Target, Trigger};
use flint_model::FunctionName;
use flint_telemetry::Telemetry;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until told to stop, and whatever the configuration comes to meanwhile.
pub(crate) async fn run(args: cli::Up, output: Output, telemetry: &Telemetry) -> Result<(), Error> {
    machine::use_small_pages();
    // Before anything is built: what changes meanwhile is not missed.
    let mut changes = Changes::start(&args)?;
    let loaded = load(&args, Purpose::Start, output)?;
    changes.follow(&args);
    // Not before now: until there is something to end in order, a signal ends the process as it does by default.
    let mut stop = Stop::listen().map_err(Error::io("listen for signals"))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::io("listen for signals"))?;
    let host = {
        let progress = output.progress();
        tokio::select! {
            host = Host::start(&loaded, telemetry, &progress) => host?,
            () = stop.signal() => return Ok(()),
        }
    };
    // Who does not want to know where it serves can still be served.
    let _ = output.answer(&ready_json(&host, &loaded), || ready_text(&host, &loaded));
    drop(loaded);
    loop {
        tokio::select! {
            () = stop.signal() => break,
            _ = hangup.recv() => {}
            () = changes.next() => {}
        }
        tokio::select! {
            () = stop.signal() => break,
            () = reload(&args, output, &host, &mut changes) => {}
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = host.stop() => {}
        // Who asks a second time does not want to wait.
        () = stop.signal() => tracing::warn!("stopped at once: what ran was cut"),
    }
    Ok(())
}

/// Builds what is to be served. Blocks.
fn load(args: &cli::Up, purpose: Purpose, output: Output) -> Result<Loaded, Error> {
    let mut loaded = match &args.component {
        Some(component) => load::single(component, &args.config, purpose, output)?,
        None => load::built(&args.config, purpose, output)?,
    };
    let listener = &mut loaded.platform.listener;
    listener.http = args.listen.unwrap_or(listener.http);
    listener.admin = args.admin_listen.unwrap_or(listener.admin);
    if !listener.admin.ip().is_loopback() && listener.admin_token.is_none() {
        return Err(Error::AdminNotLoopback { address: listener.admin });
    }
    Ok(loaded)
}

/// Serves what the configuration comes to now, or says why not.
async fn reload(args: &cli::Up, output: Output, host: &Host, changes: &mut Changes) {
    let (owned, purpose) = (args.clone(), Purpose::Change(host.engine().clone()));
    let loading = tokio::task::spawn_blocking(move || load(&owned, purpose, output));
    let loaded = loading.await.unwrap_or_else(|error| Err(Error::Bug(format!("loading ended early: {error}"))));
    changes.follow(args);
    let reloaded = match loaded {
        Ok(loaded) => {
            let progress = output.progress();
            host.reload(&loaded, &progress).await
        }
        Err(error) => Err(error),
    };
    match reloaded {
        Ok(reloaded) => tell(&reloaded),
        Err(error) => refuse(&error, output),
    }
}

fn tell(reloaded: &Reloaded) {
    let Reloaded { added, removed, changed, routes, stores, triggers, waiting } = reloaded;
    if !waiting.is_empty() {
        let waiting = waiting.join(", ");
        tracing::warn!(waiting, "a change of this takes effect at the next start");
    }
    if reloaded.is_nothing() {
        tracing::info!("nothing else is served than before");
    } else {
        let names = |names: &[FunctionName]| names.iter().map(FunctionName::as_str).collect::<Vec<_>>().join(", ");
        let (added, removed, changed) = (names(added), names(removed), names(changed));
        tracing::info!(added, removed, changed, routes, stores, triggers, "the change is served");
    }
}

/// Tells all mistakes: to people as the command line does, to programs as lines of the log.
fn refuse(error: &Error, output: Output) {
    match error {
        Error::Configuration(mistakes) if output.is_json() => {
            for mistake in mistakes {
                let position = mistakes.position(mistake);
                tracing::error!(
                    code = mistake.code().as_str(),
                    file = %mistakes.path().display(),
                    line = position.line,
                    column = position.column,
                    help = mistake.help_text(),
                    "{}",
                    mistake.message()
                );
            }
        }
        error if output.is_json() => {
            tracing::error!(code = error.code(), help = error.help(), "{}", error.with_causes());
        }
        error => error.tell(output),
    }
    tracing::error!("the change is not served: all goes on as before");
}

/// Changes of the sources, if they are watched.
struct Changes(Option<Watch>);

impl Changes {
    fn start(args: &cli::Up) -> Result<Self, Error> {
        if !args.watch {
            return Ok(Self(None));
        }
        Ok(Self(Some(Watch::start(configuration(args), &named(args)?)?)))
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }

    /// Watches what the configuration names now, also if it is not served.
    fn follow(&mut self, args: &cli::Up) {
        let Some(watch) = &mut self.0 else { return };
        // With a configuration that makes no sense, what was watched is watched on.
        if let Ok(platform) = named(args)
            && let Err(error) = watch.follow(configuration(args), &platform)
        {
            tracing::warn!(%error, "not all sources can be watched");
        }
    }
}

/// What is named as it stands now, before anything is built.
fn named(args: &cli::Up) -> Result<Platform, Error> {
    match &args.component {
        Some(component) => Ok(Platform::single(component)),
        None => load::unbuilt(&args.config),
    }
}

fn configuration(args: &cli::Up) -> Option<&Path> {
    args.component.is_none().then_some(&*args.config.config)
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    async fn signal(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn ready_json(host: &Host, loaded: &Loaded) -> Value {
    let routes = loaded.platform.routes.iter().map(|route| {
        json!({
            "host": route.host.as_ref().map(ToString::to_string),
            "methods": match &route.methods {
                Methods::Any => Value::Null,
                Methods::Only(methods) => methods.iter().map(ToString::to_string).collect(),
            },
            "path": route.path.as_str(),
            "function": route.target.function(),
            "workflow": route.target.workflow(),
            "files": match &route.target {
                Target::Function(_) | Target::Workflow(..) => None,
                Target::Files(folder) => Some(folder),
            },
        })
    });
    let triggers = loaded.platform.triggers.iter();
    let triggers = triggers.map(|trigger| {
        let (area, name) = listens_to(trigger);
        match &trigger.handler {
            Handler::Function(function) => json!({ area: name, "function": function }),
            Handler::Workflow(workflow) => json!({ area: name, "workflow": workflow }),
        }
    });
    json!({
        "http": format!("http://{}", host.http()),
        "https": host.https().map(|https| format!("https://{https}")),
        "admin": format!("http://{}", host.admin()),
        "data_dir": loaded.platform.data_dir,
        "functions": loaded.platform.functions.keys().collect::<Vec<_>>(),
        "stores": loaded.platform.kv.keys().collect::<Vec<_>>(),
        "queues": loaded.platform.queues.keys().collect::<Vec<_>>(),
        "topics": loaded.platform.topics.keys().collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "triggers": triggers.collect::<Vec<_>>(),
    })
}

/// What a trigger listens to: the capability, and the name.
fn listens_to(trigger: &Trigger) -> (&'static str, &str) {
    match &trigger.source {
        Source::Queue => ("queue", trigger.queue.as_str()),
        Source::Topic(topic) => ("topic", topic.as_str()),
        Source::Kv { store, .. } => ("kv", store.as_str()),
        Source::Bucket { bucket, .. } => ("bucket", bucket.as_str()),
    }
}

/// Every `http://` in it is the address that takes requests, so that a script may take the first.
fn ready_text(host: &Host, loaded: &Loaded) -> String {
    let platform = &loaded.platform;
    let http = format!("http://{}", host.http());
    // Writing to a string does not fail.
    let mut text = format!("flint serves at {http}\n");
    if let Some(https) = host.https() {
        let _ = writeln!(text, "            and https://{https}");
    }
    let routes = platform.routes.iter().map(|route| (methods(route), place(route), route.target.to_string()));
    let triggers = platform.triggers.iter();
    let triggers = triggers.map(|trigger| {
        let (area, name) = listens_to(trigger);
        (area.to_owned(), name.to_owned(), trigger.handler.to_string())
    });
    let lines: Vec<_> = routes.chain(triggers).collect();
    let width = |of: fn(&(String, String, String)) -> usize| lines.iter().map(of).max().unwrap_or(0);
    let (methods, places) = (width(|line| line.0.len()), width(|line| line.1.len()));
    for (method, place, target) in &lines {
        let _ = writeln!(text, "  {method:<methods$}  {place:<places$}  {target}");
    }
    // A route that names no method may want another one than `GET`.
    let names_methods = |route: &&Route| route.methods != Methods::Any;
    let mut tried = platform.routes.iter().filter(names_methods).chain(&platform.routes);
    if let Some(path) = tried.find_map(plain_path) {
        let _ = writeln!(text, "try:   curl {http}{path}");
    }
    let _ = writeln!(text, "admin: {} (/metrics, /health/ready)", host.admin());
    let _ = writeln!(text, "data:  {}", platform.data_dir.display());
    text.push_str("stop:  ctrl-c\n");
    text
}

fn methods(route: &Route) -> String {
    match &route.methods {
        Methods::Any => "*".to_owned(),
        Methods::Only(methods) => methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

fn place(route: &Route) -> String {
    let host = route.host.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{host}{}", route.path.as_str())
}

/// A path that can be asked for as it stands.
fn plain_path(route: &Route) -> Option<&str> {
    let gets = match &route.methods {
        Methods::Any => true,
        Methods::Only(methods) => methods.contains(&http::Method::GET),
    };
    let path = route.path.as_str();
    match path.find('{') {
        None if gets && route.host.is_none() => Some(path),
        Some(1) if gets && route.host.is_none() && path.starts_with("/{*") => Some("/"),
        _ => None,
    }
}
