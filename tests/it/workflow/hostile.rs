//! Workflows that mean harm, to a host that serves others: each is refused or ended with a clear error, in time and in little
//! memory, and the others are answered all along.

use super::services::platform;
use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch, eventually, flint, meanwhile, resident};
use http::Method;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// More than the host may grow by, whatever it is told to do: four executions at once may hold 128 MiB each.
const GROWTH_MAX: usize = 800 << 20;

fn passes() -> Value {
    json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
}

/// A platform with a function that others ask, and a workflow.
fn site(more: &str, workflows: &[(&str, Value)]) -> Launch {
    platform(&format!("{}{}{more}", function("hello", ""), route("/hello", "hello")), workflows)
}

/// States that follow each other.
fn chain(length: usize) -> String {
    let pass = |at: usize| (format!("S{at}"), json!({"Type": "Pass", "Next": format!("S{}", at + 1)}));
    let mut states: serde_json::Map<_, _> = (0..length - 1).map(pass).collect();
    states.insert(format!("S{}", length - 1), json!({"Type": "Succeed"}));
    json!({"StartAt": "S0", "States": states}).to_string()
}

/// States within states.
fn nested(depth: usize) -> String {
    let inner = r#"{"StartAt":"L","States":{"L":{"Type":"Pass","End":true}}}"#.to_owned();
    (0..depth).fold(inner, |inner, level| {
        format!(
            r#"{{"StartAt":"P{level}","States":{{"P{level}":{{"Type":"Parallel","End":true,"Branches":[{inner}]}}}}}}"#
        )
    })
}

/// States that go round, unless their input says that they stop.
fn round(timeout: Option<u64>) -> Value {
    let choice =
        json!({"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "C"}], "Default": "A"});
    let mut round =
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": choice, "C": {"Type": "Succeed"}}});
    if let Some(timeout) = timeout {
        round["TimeoutSeconds"] = json!(timeout);
    }
    round
}

/// How an execution of `steps` ended.
fn ran(host: &Host, name: &str) -> Value {
    let started = host.admin().post_json("/v1/workflows/steps/executions", &json!({"name": name, "input": {}}));
    started.expect(200);
    ended(host, name)
}

fn ended(host: &Host, name: &str) -> Value {
    eventually("an execution to end", || {
        let execution = host.admin().get(&format!("/v1/workflows/steps/executions/{name}")).expect(200).json();
        (execution["status"] != "RUNNING").then_some(execution)
    })
}

#[test]
fn definitions_that_are_too_large_or_too_deep_are_refused_or_served_and_others_are_answered() {
    let host = site("", &[("steps", passes())]).start();
    let file = host.folder().join("steps.asl.json");
    let before = resident(&host);
    let read = |text: &str| {
        fs::write(&file, text).expect("written");
        meanwhile(&host, |_| {
            let lines = host.log().len();
            host.signal(rustix::process::Signal::HUP);
            let is_answer = |line: &Value| line["message"].as_str().is_some_and(|said| said.contains("served"));
            eventually("the reload to be told", || host.log().into_iter().skip(lines).find(is_answer))
        });
        flint(host.folder(), ["check", "--json"])
    };
    for (name, text, code) in [
        ("ten MB", chain(10_000).replacen('{', &format!("{{{}", " ".repeat(10_000_000)), 1), "workflow/too-large"),
        ("no end of arrays", "[".repeat(500_000), "workflow/json"),
        ("two hundred levels", nested(200), "workflow/json"),
        ("deeper than anybody reads", nested(5_000), "workflow/json"),
    ] {
        let began = Instant::now();
        let run = read(&text);
        assert_eq!((run.code, &run.json()["diagnostics"][0]["code"]), (Some(3), &json!(code)), "{name}");
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
        assert_eq!(
            ran(&host, &name.replace(' ', "-"))["status"],
            "SUCCEEDED",
            "what was served before is still served"
        );
    }
    for (name, text, events) in [("states", chain(10_000), 1_000), ("levels", nested(70), 280)] {
        let began = Instant::now();
        assert_eq!(read(&text).ok().json()["diagnostics"], json!([]), "{name}");
        let ended = meanwhile(&host, |_| ran(&host, name));
        assert_eq!(ended["status"], "SUCCEEDED", "{name}: {ended}");
        let told = host.admin().get(&format!("/v1/workflows/steps/executions/{name}/history")).expect(200).json();
        let count = told["events"].as_array().map_or(0, Vec::len);
        assert!(count >= events, "{name}: {count} events");
        assert!(began.elapsed() < Duration::from_secs(40), "{name}: {:?}", began.elapsed());
    }
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
    // And a host that is started with what is refused says so, and ends.
    let launch = site("", &[("steps", passes())]);
    fs::write(launch.folder().join("steps.asl.json"), nested(5_000)).expect("written");
    let up = flint(launch.folder(), ["up", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert_eq!((up.code, &up.json()["diagnostics"][0]["code"]), (Some(3), &json!("workflow/json")), "{up:?}");
}

#[test]
fn expressions_that_would_never_end_or_take_all_memory_end_their_execution_alone() {
    let deep = (0..40).fold(json!(vec![1; 300]), |inner, _| json!([inner]));
    let path = |path: String| json!({"QueryLanguage": "JSONPath", "Type": "Pass", "InputPath": path, "End": true});
    let makes = |input: &Value, next: &Value| json!({"StartAt": "Make", "States": {"Make": {"Type": "Pass", "Result": input, "Next": "Do"}, "Do": next}});
    let many = |count: usize, path: &str| -> Value { (0..count).map(|at| (format!("a{at}.$"), json!(path))).collect() };
    let parameters = |all: &Value| json!({"Type": "Pass", "Parameters": all, "End": true});
    let jsonata = |text: &str| json!({"QueryLanguage": "JSONata", "Type": "Pass", "Output": format!("{{% {text} %}}"), "End": true});
    let large = json!("x".repeat(200_000));
    let branch = |at: usize| json!({"StartAt": format!("B{at}"), "States": {format!("B{at}"): {"Type": "Succeed"}}});
    let branches: Vec<_> = (0..5_000).map(branch).collect();
    let cases = [
        ("below", makes(&deep, &path(format!("${}", "..*".repeat(12)))), "States.Runtime"),
        ("twice", makes(&deep, &path(format!("${}", "[*,*]".repeat(35)))), "States.Runtime"),
        ("filters", makes(&deep, &path(format!("$..{}*{}", "[?@..".repeat(11), "]".repeat(11)))), "States.Runtime"),
        ("copies", makes(&large, &parameters(&many(20_000, "$"))), "States.DataLimitExceeded"),
        (
            "recursion",
            makes(&json!(1), &jsonata("($f := function($n) { $f($n + 1) }; $f(0))")),
            "States.QueryEvaluationError",
        ),
        (
            "doubling",
            makes(&json!(1), &jsonata("($f := function($s) { $f($s & $s) }; $f('x'))")),
            "States.QueryEvaluationError",
        ),
        ("pad", makes(&json!(1), &jsonata("$pad('x', 1e9)")), "States.QueryEvaluationError"),
        (
            "branches",
            makes(&large, &json!({"Type": "Parallel", "End": true, "Branches": branches})),
            "States.DataLimitExceeded",
        ),
        ("round", round(None), "States.Runtime"),
    ];
    let mut workflows: Vec<_> = cases.iter().map(|(name, definition, _)| (*name, definition.clone())).collect();
    workflows.push(("steps", passes()));
    let host = site("", &workflows).start();
    let before = resident(&host);
    for (workflow, _, error) in &cases {
        let began = Instant::now();
        let executions = format!("/v1/workflows/{workflow}/executions");
        let ends = || {
            // Several, since one alone may leave a processor to the others.
            for name in 0..4 {
                let start = json!({"name": format!("e{name}"), "input": {}});
                host.admin().post_json(&executions, &start).expect(200);
            }
            let ended = |name: usize| {
                eventually("an execution to end", || {
                    let execution = host.admin().get(&format!("{executions}/e{name}")).expect(200).json();
                    (execution["status"] != "RUNNING").then_some(execution)
                })
            };
            (0..4).map(ended).collect::<Vec<_>>()
        };
        for ended in meanwhile(&host, |_| ends()) {
            assert_eq!(
                json!([ended["status"], ended["error"]]),
                json!(["FAILED", error]),
                "{workflow}: {}",
                ended["cause"]
            );
        }
        println!("{workflow:10} {:?} {} MiB", began.elapsed(), resident(&host).saturating_sub(before) >> 20);
        assert!(began.elapsed() < Duration::from_secs(40), "{workflow}: {:?}", began.elapsed());
    }
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
    assert_eq!(ran(&host, "after")["status"], "SUCCEEDED");
}

#[test]
fn an_express_execution_that_goes_round_for_ever_is_ended_by_its_time_and_others_are_answered() {
    let round = round(Some(2));
    let launch = site("", &[("steps", passes())]);
    let config = launch.folder().join("platform.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    let express = "[workflow.round]\ndefinition = \"round.asl.json\"\ntype = \"express\"\n\
        [[route]]\npath = \"/round\"\nmethod = \"POST\"\nworkflow = \"round\"\n";
    fs::write(&config, text + express).expect("written");
    fs::write(launch.folder().join("round.asl.json"), round.to_string()).expect("written");
    let host = launch.start();
    let before = resident(&host);
    meanwhile(&host, |client| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let answer = client.send(Method::POST, "/round", &[], "{}").expect(504);
                    assert_eq!(answer.json()["code"], "workflow/timed-out");
                });
            }
        });
    });
    let grown = resident(&host).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
}

#[test]
fn an_input_that_is_too_large_is_refused_wherever_it_comes_from() {
    let host = site("", &[("steps", passes())]).start();
    let start = |name: &str, input: Value| {
        host.admin().post_json("/v1/workflows/steps/executions", &json!({"name": name, "input": input}))
    };
    // The quotes count.
    assert_eq!(start("fits", json!("x".repeat((256 << 10) - 2))).expect(200).json()["is_new"], true);
    for (name, size) in [("over", (256 << 10) - 1), ("far-over", 60 << 20)] {
        let refused = meanwhile(&host, |_| start(name, json!("x".repeat(size))).expect(413).json());
        assert_eq!(refused["code"], "workflow/too-large", "{refused}");
    }
    let file = host.folder().join("input.json");
    let file = file.to_str().expect("a path");
    for (size, code) in [(256 << 10, "workflow/too-large"), (80 << 20, "admin/too-large")] {
        fs::write(file, json!("x".repeat(size)).to_string()).expect("written");
        let refused = host.flint(["workflow", "start", "steps", "--name", "file", "--input-file", file, "--json"]);
        assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(1), &json!(code)), "{refused:?}");
    }
    fs::write(file, json!("x".repeat(200 << 10)).to_string()).expect("written");
    host.flint(["workflow", "start", "steps", "--name", "file", "--input-file", file]).ok();
    for name in ["fits", "file"] {
        assert_eq!(ended(&host, name)["status"], "SUCCEEDED", "{name}");
    }
    let listed = host.admin().get("/v1/workflows/steps/executions").expect(200).json();
    assert_eq!(listed["executions"].as_array().map(Vec::len), Some(2));
}

/// States that take a second each to find that an expression has no end, one after the other without a wait.
fn slow(states: usize) -> Value {
    let endless = json!({"QueryLanguage": "JSONata", "Type": "Pass", "Output": "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}", "End": true});
    let state = |at: usize| {
        let next = if at + 1 == states { "Done".to_owned() } else { format!("S{}", at + 1) };
        let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": next}]);
        let branch = json!({"StartAt": format!("B{at}"), "States": {format!("B{at}"): endless}});
        (format!("S{at}"), json!({"Type": "Parallel", "Branches": [branch], "Catch": catch, "Next": next}))
    };
    let mut all: serde_json::Map<_, _> = (0..states).map(state).collect();
    all.insert("Done".to_owned(), json!({"Type": "Succeed"}));
    json!({"StartAt": "S0", "States": all})
}

#[test]
fn executions_that_only_compute_leave_others_their_turn() {
    let count = std::thread::available_parallelism().map_or(2, usize::from) + 2;
    let names: Vec<_> = (0..count).map(|at| format!("slow-{at}")).collect();
    let workflows: Vec<_> = names.iter().map(|name| (name.as_str(), slow(6))).collect();
    let launch = site("", &workflows);
    let config = launch.folder().join("platform.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    let express = "[workflow.express]\ndefinition = \"slow-0.asl.json\"\ntype = \"express\"\n\
        [[route]]\npath = \"/express\"\nmethod = \"POST\"\nworkflow = \"express\"\n";
    fs::write(&config, text + express).expect("written");
    let host = launch.start();
    meanwhile(&host, |_| {
        for name in &names {
            let path = format!("/v1/workflows/{name}/executions");
            host.admin().post_json(&path, &json!({"name": "one", "input": {}})).expect(200);
        }
        for name in &names {
            let ended = eventually("an execution to end", || {
                let path = format!("/v1/workflows/{name}/executions/one");
                let execution = host.admin().get(&path).expect(200).json();
                (execution["status"] != "RUNNING").then_some(execution)
            });
            assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
        }
    });
    meanwhile(&host, |client| {
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| client.send(Method::POST, "/express", &[], "{}").expect(200));
            }
        });
    });
}
