//! A component of `functions/`, and a world to run it in.

use flint_engine::{Engine, Settings};
use flint_stores::Stores;
use flint_stores::blob::sign::Signer;
use flint_world::{World, WorldOptions};
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
    // A library's file is named as its crate is.
    let file = function.replace('-', "_");
    std::fs::read(target.join(format!("wasm32-wasip2/function/{file}.wasm"))).unwrap()
}

/// A world for a handful of instances.
pub(crate) fn world(stores: Arc<dyn Stores>) -> World {
    let engine = Engine::new(&Settings { instances_max: 16, ..Settings::default() }).unwrap();
    let signer = Arc::new(Signer::new([7; 32], ""));
    World::new(WorldOptions { spares_max: 1, ..WorldOptions::new(engine, stores, signer) }).unwrap()
}
