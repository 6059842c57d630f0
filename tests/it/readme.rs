//! The README: what it promises happens, and what it quotes is what the code says.

use crate::harness::{Launch, flint, root};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Any text within a line; alone on a line, any number of lines.
const ANYTHING: &str = "…";

/// A line that stands before the output of each command.
const MARK: &str = "=== output of a command";

#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    output: Vec<String>,
}

/// The blocks of kind `console`: a line that starts with `$ ` is a command, the lines behind it are its output.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (line.strip_prefix("```"), line.strip_prefix("$ ")) {
            (Some(kind), _) => inside = !inside && kind == "console",
            (None, Some(command)) if inside => {
                steps.push(Step { command: command.to_owned(), output: Vec::new() });
            }
            (None, None) if inside => steps.last_mut().expect("a command first").output.push(line.to_owned()),
            _ => {}
        }
    }
    steps
}

fn matches(expected: &[String], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line == ANYTHING => (0..=found.len()).any(|skipped| matches(rest, &found[skipped..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, others)| is_like(line, first) && matches(rest, others))
        }
    }
}

fn is_like(expected: &str, found: &str) -> bool {
    match expected.split_once(ANYTHING) {
        None => expected == found,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|found| {
            found.char_indices().map(|(at, _)| at).chain([found.len()]).any(|at| is_like(rest, &found[at..]))
        }),
    }
}

#[test]
fn an_expected_output_may_leave_open_what_differs() {
    for (expected, found, fits) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("id=…", "id=7", true),
        ("id=… end", "id=7 end", true),
        ("id=… end", "id=7", false),
        ("a\n…", "a\nb\nc", true),
        ("…\nc", "a\nb\nc", true),
        ("a\n…\nc", "a\nb", false),
    ] {
        let expected: Vec<_> = expected.lines().map(str::to_owned).collect();
        assert_eq!(matches(&expected, &found.lines().collect::<Vec<_>>()), fits, "{expected:?} {found}");
    }
}

/// Runs all commands in one shell, against a host of the demo platform, and tells what each printed.
fn run(steps: &[Step]) -> Vec<String> {
    let launch = Launch::platform();
    let data_dir = launch.data_dir();
    let host = launch.start();
    let address = |of: &str| host.ready[of].as_str().expect("a URL").trim_start_matches("http://").to_owned();
    let addresses = [("127.0.0.1:8080", address("http")), ("127.0.0.1:9090", address("admin"))];

    let folder = TempDir::new().expect("a temporary folder");
    put_flint_into(folder.path(), &data_dir);
    let path = std::env::var("PATH").expect("a PATH");
    let script: String = steps.iter().map(|step| format!("{}\nprintf '\\n{MARK}\\n'\n", step.command)).collect();
    let script = addresses.iter().fold(script, |script, (told, real)| script.replace(told, real));
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("bash");
    let output = String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "");
    let output = addresses.iter().fold(output, |output, (told, real)| output.replace(real, told));
    let printed: Vec<_> = output.split(&format!("\n{MARK}\n")).map(|printed| printed.trim_end().to_owned()).collect();
    assert_eq!(printed.len(), steps.len() + 1, "the shell ended early: {output}");
    printed
}

/// A program `flint` that means the host of this test.
fn put_flint_into(folder: &Path, data_dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let config = root().join("platform.toml");
    let binary = env!("CARGO_BIN_EXE_flint");
    let script = format!(
        "#!/bin/sh\nexec '{binary}' \"$@\" --config '{}' --data-dir '{}' 2>&1\n",
        config.display(),
        data_dir.display()
    );
    let file = folder.join("flint");
    fs::write(&file, script).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a program");
}

#[test]
fn every_command_of_the_readme_answers_as_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let steps = steps(&readme);
    assert!(steps.len() > 10, "few commands were found: {steps:?}");
    let printed = run(&steps);
    let wrong: Vec<_> = steps
        .iter()
        .zip(&printed)
        .filter(|(step, printed)| !matches(&step.output, &printed.lines().collect::<Vec<_>>()))
        .map(|(step, printed)| format!("$ {}\nsays:\n{}\nprints:\n{printed}\n", step.command, step.output.join("\n")))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_readme_shows_the_routes_of_the_demo_platform() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let lines: Vec<Vec<_>> = readme.lines().map(|line| line.split_whitespace().collect()).collect();
    let host = Launch::platform().start();
    for route in host.ready["routes"].as_array().expect("routes") {
        let text = |key: &str| route[key].as_str().expect("a text");
        let methods = route["methods"].as_array().map_or("*".to_owned(), |methods| {
            methods.iter().map(|method| method.as_str().expect("a method")).collect::<Vec<_>>().join(",")
        });
        let target = match route["workflow"].as_str() {
            Some(workflow) => vec!["workflow", workflow],
            None => vec![text("function")],
        };
        let line = [vec![methods.as_str(), text("path")], target].concat();
        assert!(lines.contains(&line), "README.md does not show {line:?}");
    }
}

#[test]
fn the_readme_lists_every_code_of_an_http_error_and_every_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let mut codes = 0;
    for file in ["host/world/src/failure.rs", "host/triggers/src/request/problem.rs"] {
        let source = fs::read_to_string(root().join(file)).expect("a source");
        for code in source.split('"').filter(|text| is_code(text)) {
            assert!(readme.contains(&format!("`{code}`")), "README.md does not list {code}");
            codes += 1;
        }
    }
    assert!(codes > 20, "only {codes} were found");
    let help = flint(&root(), ["--help"]).ok().stdout;
    let (_, exits) = help.split_once("Exit codes:\n").expect("the exit codes");
    for (number, _) in exits.lines().filter_map(|line| line.trim().split_once("  ")) {
        assert!(readme.contains(&format!("\n| {number} | ")), "README.md does not list the exit code {number}");
    }
}

/// Such as `http/no-route`.
fn is_code(text: &str) -> bool {
    let after = ["function/", "host/", "http/"].iter().find_map(|area| text.strip_prefix(area));
    after.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
}

#[test]
fn the_readme_names_the_metrics_that_there_are() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let host = Launch::platform().start();
    let page = host.admin().get("/metrics").expect(200);
    let metrics = page.text();
    let named: Vec<_> = readme.split('`').filter(|text| text.starts_with("flint_") && is_metric(text)).collect();
    assert!(named.len() > 10, "few metrics are named: {named:?}");
    for name in &named {
        let family = name.trim_end_matches("_total").trim_end_matches("_info");
        assert!(metrics.contains(&format!("# TYPE {family} ")), "there is no metric {name}");
    }
    for family in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(named.iter().any(|name| name.starts_with(family)), "README.md does not name {family}");
    }
}

fn is_metric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// `UPDATE_README=1 cargo test --test it readme` writes it anew.
#[test]
fn the_readme_quotes_the_reference_of_the_configuration() {
    const START: &str = "<!-- reference:start -->\n";
    const END: &str = "<!-- reference:end -->";
    let file = root().join("README.md");
    let readme = fs::read_to_string(&file).expect("a README");
    let (before, rest) = readme.split_once(START).expect("the start of the reference");
    let (quoted, after) = rest.split_once(END).expect("the end of the reference");
    let reference = flint_config::reference::markdown();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&file, format!("{before}{START}{reference}{END}{after}")).expect("a README");
    } else {
        assert!(quoted == reference, "README.md is behind: run the tests with UPDATE_README=1\n{reference}");
    }
}
