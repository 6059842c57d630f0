//! The ceiling of rates, and the floor of times: the same hello as a native server of axum, in a process of its own that this very program runs as.

use super::peer::{Peer, Server};
use super::wire;
use crate::bench::rival::Program;
use crate::error::Error;
use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;

pub(super) const SYSTEM: &str = "axum";

/// Serves until the process is ended.
///
/// # Errors
/// If the address is taken.
pub(crate) async fn serve(address: SocketAddr) -> Result<(), Error> {
    let hello = async || "Hello, world!\n";
    let router = Router::new().route("/{*path}", get(hello));
    let listener = tokio::net::TcpListener::bind(address).await.map_err(Error::io("listen"))?;
    axum::serve(listener, router).await.map_err(Error::io("serve"))
}

/// Starts it; none if this program is gone.
///
/// # Errors
/// If it does not listen.
pub(super) async fn start() -> Result<Option<Server>, Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let process = Program::start(&program, |address, _| {
        Ok(["bench", "compare", "--native"].map(str::to_owned).into_iter().chain([address.to_string()]).collect())
    });
    let Some(process) = process.await? else { return Ok(None) };
    let peer = Peer {
        system: SYSTEM,
        variant: "native".to_owned(),
        version: "0.8".to_owned(),
        command: "flint bench compare --native ADDRESS".to_owned(),
        settings: "as it comes".to_owned(),
    };
    Ok(Some(Server::own(peer, process, |address| wire::get(address, "/hello-axu"))))
}
