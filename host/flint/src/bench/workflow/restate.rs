//! Restate's figures: its server, and a handler of as many durable steps as the machines have tasks, in Node.js as its packages
//! come: <https://docs.restate.dev>. Each step is on the disk before the next begins, as a transition of flint's is.

use super::{ALONE, MANY, STARTERS, Starter, row};
use crate::bench::caller::Caller;
use crate::bench::load::Row;
use crate::bench::rival::{Program, free_port};
use crate::error::Error;
use bytes::Bytes;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const HANDLER: &str = include_str!("restate.mjs");
const RUN: (&str, &str, &str) = ("/steps/run", "{}", "\"SUCCEEDED\"");

/// How long the server may take until it knows its handler.
const REGISTER: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Rival {
    server: Program,
    _handler: Program,
}

/// Starts both; none if they are not there: what npm installed in a folder, and the program `node`.
pub(super) async fn start(folder: &Path, node: &Path) -> Result<Option<Rival>, Error> {
    let folder = std::path::absolute(folder).map_err(Error::io("find Restate"))?.join("node_modules");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let server = folder.join(format!("@restatedev/restate-server-linux-{architecture}/bin/restate-server"));
    if !server.exists() {
        return Ok(None);
    }
    let handler = Program::start(node, |address, own| {
        let script = own.join("restate.mjs");
        std::fs::write(&script, HANDLER)?;
        // A module is looked for beside the script.
        std::os::unix::fs::symlink(&folder, own.join("node_modules"))?;
        Ok(vec![script.display().to_string(), address.port().to_string()])
    });
    let Some(handler) = handler.await? else { return Ok(None) };
    let (node, admin) = (free_port()?, free_port()?);
    let server = Program::start(&server, |ingress, own| {
        let file = own.join("restate.toml");
        std::fs::write(&file, configuration(own, node, admin, ingress))?;
        Ok(vec!["--config-file".to_owned(), file.display().to_string()])
    });
    let Some(server) = server.await? else { return Ok(None) };
    register(admin, handler.address).await?;
    Ok(Some(Rival { server, _handler: handler }))
}

/// Everything on this machine, and nothing told to anybody.
fn configuration(folder: &Path, node: SocketAddr, admin: SocketAddr, ingress: SocketAddr) -> String {
    format!(
        "node-name = \"bench\"\nbase-dir = {folder:?}\ndisable-telemetry = true\nlisten-mode = \"tcp\"\n\
         bind-address = \"{node}\"\n\
         [admin]\nbind-address = \"{admin}\"\ndisable-web-ui = true\n\
         [ingress]\nbind-address = \"{ingress}\"\n"
    )
}

/// Tells the server where its handler is, as soon as it takes that.
async fn register(admin: SocketAddr, handler: SocketAddr) -> Result<(), Error> {
    let body = Bytes::from(json!({ "uri": format!("http://{handler}") }).to_string());
    let began = Instant::now();
    loop {
        let told = async { Caller::open(admin).await?.ask("/deployments", body.clone()).await };
        match told.await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > REGISTER => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

pub(super) async fn rows(rival: &Rival, time: Duration) -> Result<Vec<Row>, Error> {
    let row = async |name, count, time| {
        row("restate", name, Starter::many(count, rival.server.address, RUN).await?, time).await
    };
    // Compiled and warm when it counts.
    row(MANY, STARTERS, time / 4).await?;
    Ok(vec![row(MANY, STARTERS, time).await?, row(ALONE, 1, time).await?])
}
