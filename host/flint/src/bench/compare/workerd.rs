//! workerd, with a hello in JavaScript: what people use today at the edge.

use super::peer::{Missing, Peer, Server, spell, version};
use super::wire;
use crate::bench::rival::Program;
use crate::error::Error;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

pub(super) const MISSING: Missing = Missing { system: "workerd", install: "npm install workerd" };

const SCRIPT: &str = r#"export default {
  fetch(request) {
    const path = new URL(request.url).pathname;
    return new Response(`Hello from JavaScript! You asked for ${path}.\n`);
  },
};
"#;

/// What runs it: <https://github.com/cloudflare/workerd#configuring-workerd>.
fn configuration(address: std::net::SocketAddr) -> String {
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n  \
           services = [(name = \"hello\", worker = .hello)],\n  \
           sockets = [(name = \"http\", address = \"{address}\", http = (), service = \"hello\")],\n);\n\
         const hello :Workerd.Worker = (\n  \
           modules = [(name = \"hello.js\", esModule = embed \"hello.js\")],\n  \
           compatibilityDate = \"2026-01-01\",\n);\n"
    )
}

/// Where npm puts it.
pub(super) fn program(packages: &Path) -> PathBuf {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    packages.join(format!("node_modules/@cloudflare/workerd-linux-{architecture}/bin/workerd"))
}

/// Starts it; none if there is no such program.
///
/// # Errors
/// If it does not listen.
pub(super) async fn start(packages: &Path) -> Result<Option<Server>, Error> {
    let program = std::path::absolute(program(packages)).map_err(Error::io("find workerd"))?;
    let Some(version) = version(&program) else { return Ok(None) };
    let command = RefCell::new(String::new());
    let process = Program::start(&program, |address, folder| {
        std::fs::write(folder.join("hello.js"), SCRIPT)?;
        std::fs::write(folder.join("hello.capnp"), configuration(address))?;
        let arguments = ["serve", "hello.capnp"].map(str::to_owned).to_vec();
        *command.borrow_mut() = spell("workerd", &arguments, address);
        Ok(arguments)
    });
    let Some(process) = process.await? else { return Ok(None) };
    let peer = Peer {
        system: MISSING.system,
        variant: "JavaScript".to_owned(),
        version,
        command: command.into_inner(),
        settings: "one isolate for all requests".to_owned(),
    };
    Ok(Some(Server::own(peer, process, |address| wire::get(address, "/hello-jsx"))))
}
