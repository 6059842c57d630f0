//! A component of `functions/`, and a world to run it in.

use flint_engine::{Engine, Settings};
use flint_model::{ByteSize, SystemClock};
use flint_stores::Stores;
use flint_stores::blob::sign::Signer;
use flint_telemetry::{Options, Telemetry};
use flint_world::{HeadLimits, NoFunctions, NoWorkflows, OutboundOptions, World, WorldOptions};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Builds a function as `flint build` does, into a folder of its own: cargo keeps the other one locked.
pub(crate) fn component(function: &str) -> Vec<u8> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "function", "--target", "wasm32-wasip2", "--package", function])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(built.success(), "{function} does not build");
    std::fs::read(target.join(format!("wasm32-wasip2/function/{function}.wasm"))).unwrap()
}

/// A world for a handful of instances.
pub(crate) fn world(stores: Arc<dyn Stores>) -> World {
    let world = World::new(WorldOptions {
        engine: Engine::new(&Settings { instances_max: 16, ..Settings::default() }).unwrap(),
        cache: None,
        stores,
        functions: Arc::new(NoFunctions),
        workflows: Arc::new(NoWorkflows),
        invoke_depth_max: 16,
        signer: Arc::new(Signer::new([7; 32], "")),
        telemetry: Telemetry::new(Options::default()),
        clock: Arc::new(SystemClock),
        spares_max: 1,
        request_memory_max: ByteSize::mib(64),
        head_max: HeadLimits::default(),
        outbound: OutboundOptions::default(),
    });
    world.unwrap()
}
