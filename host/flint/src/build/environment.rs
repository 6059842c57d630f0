//! Which variables of the environment a build of functions sees.
//!
//! flint often runs under `cargo run`, and what that cargo was told for the host would be wrong for a WebAssembly guest:
//! flags for the host's processor, the host's target, the variables that describe the host's package.

use std::process::Command;

/// Removes from a command what was meant for the build of the host.
pub(crate) fn cleanse(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(concerns_the_host) {
            command.env_remove(name);
        }
    }
    command
}

fn concerns_the_host(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        // Flags and choices for the host.
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WORKSPACE_WRAPPER",
        // What `cargo run` tells the program about its package.
        "CARGO",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_CRATE_NAME",
        "CARGO_BIN_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
        // Would make the guests' compiler load the libraries of another one.
        "LD_LIBRARY_PATH",
    ];
    NAMES.contains(&name) || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_BIN_EXE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_host_is_removed_and_what_describes_the_machine_stays() {
        for (name, removed) in [
            ("RUSTFLAGS", true),
            ("CARGO_PKG_NAME", true),
            ("CARGO_BIN_EXE_flint", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_NET_OFFLINE", false),
            ("RUSTUP_HOME", false),
            ("PATH", false),
        ] {
            assert_eq!(concerns_the_host(name), removed, "{name}");
        }
    }
}
