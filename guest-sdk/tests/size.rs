//! How large a component gets by this crate: what a function carries is read, mapped and touched by every cold start.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

/// An HTTP handler with a path parameter, and a handler for invocations.
#[test]
fn a_hello_component_stays_under_120_kb() {
    let size = size_of("hello");
    assert!(size < 120_000, "hello has {size} bytes");
}

/// Builds a function as `flint build` does, into a folder of its own: cargo keeps the other one locked.
fn size_of(function: &str) -> u64 {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "function", "--target", "wasm32-wasip2", "--package", function])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(built.success(), "{function} does not build");
    std::fs::metadata(target.join(format!("wasm32-wasip2/function/{function}.wasm"))).unwrap().len()
}
