//! `flint up`: builds, serves, and says where.

use crate::cli;
use crate::error::Error;
use crate::load::{self, Loaded};
use crate::output::Output;
use crate::up::Host;
use flint_config::platform::{Methods, Route, Target};
use flint_telemetry::Telemetry;
use serde_json::{Value, json};
use std::fmt::Write;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until told to stop.
pub(crate) async fn run(args: cli::Up, output: Output, telemetry: &Telemetry) -> Result<(), Error> {
    let mut loaded = match &args.component {
        Some(component) => load::single(component, &args.config, output)?,
        None => load::built(&args.config, output)?,
    };
    let listener = &mut loaded.platform.listener;
    listener.http = args.listen.unwrap_or(listener.http);
    listener.admin = args.admin_listen.unwrap_or(listener.admin);
    // Not before now: until there is something to end in order, a signal ends the process as it does by default.
    let mut stop = Stop::listen().map_err(Error::io("listen for signals"))?;
    let host = {
        let progress = output.progress();
        tokio::select! {
            host = Host::start(&loaded, telemetry, &progress) => host?,
            () = stop.signal() => return Ok(()),
        }
    };
    // Who does not want to know where it serves can still be served.
    let _ = output.answer(&ready_json(&host, &loaded), || ready_text(&host, &loaded));
    stop.signal().await;
    tracing::info!("stopping");
    tokio::select! {
        () = host.stop() => {}
        // Who asks a second time does not want to wait.
        () = stop.signal() => tracing::warn!("stopped at once: what ran was cut"),
    }
    Ok(())
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
            "files": match &route.target {
                Target::Function(_) => None,
                Target::Files(folder) => Some(folder),
            },
        })
    });
    json!({
        "http": format!("http://{}", host.http()),
        "https": host.https().map(|https| format!("https://{https}")),
        "admin": format!("http://{}", host.admin()),
        "data_dir": loaded.platform.data_dir,
        "functions": loaded.platform.functions.keys().collect::<Vec<_>>(),
        "stores": loaded.platform.kv.keys().collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
    })
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
    let lines: Vec<_> =
        platform.routes.iter().map(|route| (methods(route), place(route), route.target.to_string())).collect();
    let width = |of: fn(&(String, String, String)) -> usize| lines.iter().map(of).max().unwrap_or(0);
    let (methods, places) = (width(|line| line.0.len()), width(|line| line.1.len()));
    for (method, place, target) in &lines {
        let _ = writeln!(text, "  {method:<methods$}  {place:<places$}  {target}");
    }
    if let Some(path) = platform.routes.iter().find_map(plain_path) {
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
