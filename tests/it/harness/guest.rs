//! Components of the functions, built once for all tests.

use super::host::flint;
use super::root;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The component of a function of `platform.toml` or `tests/fixtures.toml`.
pub(crate) fn component(name: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let configs = ["platform.toml", "tests/fixtures.toml"];
        configs.iter().flat_map(|config| build(config)).collect()
    });
    built.get(name).cloned().unwrap_or_else(|| panic!("there is no function {name}"))
}

/// The section of a function whose component is built, with further lines.
pub(crate) fn function(name: &str, lines: &str) -> String {
    format!("[function.{name}]\nsource = {:?}\n{lines}\n", component(name))
}

/// The section of the function that misbehaves, and a route of every path to it.
pub(crate) fn misbehave(lines: &str) -> String {
    function("misbehave", &format!("secrets = {{}}\noutbound = []\n{lines}")) + &route("/{*rest}", "misbehave")
}

/// The section of a route.
pub(crate) fn route(path: &str, function: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\nfunction = \"{function}\"\n")
}

fn build(config: &str) -> Vec<(String, PathBuf)> {
    let built = flint(&root(), ["build", "--json", "--config", config]).ok().json();
    let components = built["components"].as_array().expect("components").iter();
    components
        .map(|built| {
            let text = |key: &str| built[key].as_str().expect("text").to_owned();
            (text("function"), text("component").into())
        })
        .collect()
}
