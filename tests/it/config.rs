//! The configuration, as `flint check` and `flint up` judge it; and what never shows: secrets.

use crate::harness::guest::{component, function, route};
use crate::harness::{Launch, Run, flint};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Ten mistakes, each of another kind.
fn ten_mistakes() -> String {
    let (hello, event) = (component("hello"), component("event"));
    format!(
        r#"data-dir = "${{NOWHERE}}"

[listener]
admin = "0.0.0.0:9090"

[limits]
drain-timeout = "soon"

[function.Hello]
source = {hello:?}

[function.hello]
source = "nowhere"
memory = 128
memroy = "128MiB"

[function.event]
source = {event:?}
grants = {{ kv = {{ links = "read" }} }}

[[route]]
path = "/event"
function = "event"

[[route]]
path = "/{{a}}"
function = "hello"

[[route]]
path = "/{{b}}"
function = "hello"
"#
    )
}

/// Where each of them is, by which code, and a word of what helps.
const TEN: [(u64, u64, &str, &str); 10] = [
    (1, 13, "config/no-such-variable", "NOWHERE"),
    (4, 9, "config/admin-not-loopback", "127.0.0.1:9090"),
    (7, 17, "config/bad-duration", "30s"),
    (9, 11, "config/bad-name", "lower-case"),
    (13, 10, "config/no-such-file", "folder"),
    (14, 10, "config/wrong-type", "in quotes"),
    (15, 1, "config/unknown-key", "did you mean `memory`"),
    (19, 19, "config/no-such-store", "[kv.links]"),
    (23, 12, "config/no-handler", "export"),
    (30, 8, "config/overlapping-routes", "another"),
];

fn folder_with(config: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("platform.toml"), config).expect("written");
    folder
}

#[test]
fn ten_mistakes_are_all_reported_at_once_with_their_places_and_what_helps() {
    let folder = folder_with(&ten_mistakes());
    for command in ["check", "up"] {
        let people = flint(folder.path(), [command]);
        assert_eq!((people.code, people.stdout.as_str()), (Some(3), ""), "{command}: {people:?}");
        for (line, column, code, help) in TEN {
            for part in [&format!("platform.toml:{line}:{column}"), code, help] {
                assert!(people.stderr.contains(part), "{command}: {part} is not in\n{}", people.stderr);
            }
        }
        assert!(people.stderr.contains("10 mistakes"), "{}", people.stderr);
        let programs = flint(folder.path(), [command, "--json"]);
        assert_eq!(programs.code, Some(3), "{programs:?}");
        let json = programs.json();
        let told = json["diagnostics"].as_array().expect("a list").iter();
        let told: Vec<_> = told
            .map(|told| {
                let text = |key: &str| told[key].as_str().expect("text");
                assert!(!text("help").is_empty() && !text("message").is_empty(), "{told}");
                assert!(!text("text").is_empty() && text("file").ends_with("platform.toml"), "{told}");
                (told["line"].as_u64().expect("a line"), told["column"].as_u64().expect("a column"), text("code"))
            })
            .collect();
        assert_eq!(told, TEN.map(|(line, column, code, _)| (line, column, code)), "{command}");
    }
    // A host that could not start has left nothing behind that another one would stumble over.
    assert!(!folder.path().join("run.json").exists());
}

const FROM_FILE: &str = "sesame-of-the-file";
const FROM_ENVIRONMENT: &str = "sesame-of-the-environment";

fn tells_no_secret(what: &str, text: &str) {
    assert!(!text.contains("sesame"), "{what} tells a secret:\n{text}");
}

fn run_tells_no_secret(run: &Run) {
    tells_no_secret("standard output", &run.stdout);
    tells_no_secret("standard error", &run.stderr);
}

fn config_with_secrets(folder: &Path, mistake: &str) -> String {
    fs::write(folder.join("key.txt"), FROM_FILE).expect("written");
    let secrets = "outbound = []\nsecrets = { by-file = { file = \"key.txt\" }, by-env = { env = \"THE_SECRET\" } }";
    function("misbehave", &format!("{secrets}\n{mistake}")) + &route("/{*rest}", "misbehave")
}

#[test]
fn secrets_reach_their_function_and_show_nowhere_else() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("platform.toml");
    fs::write(&file, config_with_secrets(folder.path(), "")).expect("written");
    let launch = Launch::platform().config_file(&file).arg("--log").arg("trace");
    let host = launch.env("THE_SECRET", FROM_ENVIRONMENT).start();
    let secret = |name: &str| host.http().get(&format!("/secret/{name}"));
    assert_eq!(secret("by-file").expect(200).text(), FROM_FILE);
    assert_eq!(secret("by-env").expect(200).text(), FROM_ENVIRONMENT);
    let other = secret("another");
    assert!(other.status.as_u16() >= 400, "{other:?}");
    for path in ["/env", "/context", "/headers", "/trap", "/grow/100000", "/nowhere", "/log/3"] {
        tells_no_secret(path, &format!("{:?}", host.http().get(path)));
    }
    for path in ["/metrics", "/health/live", "/health/ready", "/v1/functions/misbehave", "/v1/kv/links", "/"] {
        tells_no_secret(path, &format!("{:?}", host.admin().get(path)));
    }
    tells_no_secret("an error of invoke", &format!("{:?}", host.invoke("misbehave", "")));
    tells_no_secret("the ready line", &host.ready.to_string());
    tells_no_secret("the run file", &fs::read_to_string(host.data_dir().join("run.json")).expect("a run file"));
    host.logged("a line of the function", |line| line["source"] == "log");
    let log: Vec<String> = host.log().iter().map(Value::to_string).collect();
    tells_no_secret("the log", &log.join("\n"));
}

#[test]
fn secrets_do_not_show_in_what_is_said_of_a_configuration() {
    let folder = TempDir::new().expect("a temporary folder");
    for mistake in
        ["", "memroy = \"1MiB\"", "environment = { COPY = \"${NOWHERE}\" }", "secrets = { by-file = \"sesame\" }"]
    {
        let config = config_with_secrets(folder.path(), mistake).replace("env = \"THE_SECRET\"", "env = \"PATH\"");
        fs::write(folder.path().join("platform.toml"), config).expect("written");
        let path = std::env::var("PATH").expect("a path");
        for args in [&["check"][..], &["check", "--json"], &["build", "--json"]] {
            let run = flint(folder.path(), args);
            assert_eq!(run.code, Some(if mistake.is_empty() { 0 } else { 3 }), "{run:?}");
            run_tells_no_secret(&run);
            assert!(!run.stdout.contains(&path) && !run.stderr.contains(&path), "{run:?}");
        }
    }
    // A secret that can't be had is told by its name and place.
    let config = config_with_secrets(folder.path(), "").replace("key.txt", "missing.txt");
    fs::write(folder.path().join("platform.toml"), config).expect("written");
    let run = flint(folder.path(), ["check"]);
    assert!(run.code == Some(3) && run.stderr.contains("missing.txt") && run.stderr.contains("THE_SECRET"), "{run:?}");
}
