//! What the specification says, run: each case names the rule that it comes from, in short and not word by word, and where
//! that stands.
//!
//! A file of `spec/` is about a part of the language. A case is a definition with its input and its mocks, and what comes out;
//! or a definition that is refused, with the code of the mistake and its place. Expected objects are compared as a whole,
//! `"history"` as the list of the types of events, `"links"` as that of the events before them and their types, `"details"` as
//! what the events with these numbers tell.

use flint_workflows::failure::Failure;
use flint_workflows::history::Happened;
use flint_workflows::run::TaskOrder;
use flint_workflows::trial::{Mocks, Options, World, run};
use flint_workflows::{source, trial};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A world without services, in which time passes at once.
struct Nothing;

impl World for Nothing {
    fn sleep(&mut self, _: Duration) {}

    fn call(&mut self, _: &TaskOrder) -> Option<Result<Value, Failure>> {
        None
    }
}

/// What came of a case, as far as it is compared.
fn outcome(case: &Value) -> Value {
    let machine = match source::load(&case["definition"].to_string()) {
        Ok(machine) => machine,
        Err(mistakes) => {
            let told = |located: &source::Located| json!([located.mistake.code, located.mistake.place.to_string()]);
            return json!({ "refused": mistakes.iter().map(told).collect::<Vec<_>>() });
        }
    };
    let mocks = Mocks::read(case.get("mocks").unwrap_or(&json!({}))).expect("mocks");
    let options =
        Options { name: "case".to_owned(), now: 1_770_000_000_000, seed: 7, skip_waits: true, is_express: false };
    let input = case.get("input").cloned().unwrap_or_else(|| json!({}));
    match run(Arc::new(machine), input, mocks, &options, &mut Nothing) {
        Ok(report) => compared(&report, &case["expect"]),
        Err(waits) => json!({ "waits": waits }),
    }
}

/// The parts of a report that a case expects something of, and its status.
fn compared(report: &trial::Report, expected: &Value) -> Value {
    let whole = report.to_json();
    let mut parts = json!({ "status": whole["status"] });
    for name in ["output", "error", "cause"] {
        if expected.get(name).is_some() || !whole[name].is_null() && name != "cause" {
            parts[name] = whole[name].clone();
        }
    }
    if expected.get("history").is_some() {
        parts["history"] = report.history.iter().map(|happened| happened.kind).collect();
    }
    if expected.get("links").is_some() {
        let link = |happened: &Happened| json!(format!("{} {}", happened.previous, happened.kind));
        parts["links"] = report.history.iter().map(link).collect();
    }
    if let Some(wanted) = expected.get("details").and_then(Value::as_object) {
        let told = |id: &String| report.history.iter().find(|happened| happened.id.to_string() == *id);
        let details = |id: &String| (id.clone(), told(id).and_then(|happened| happened.details.clone()).into());
        parts["details"] = Value::Object(wanted.keys().map(details).collect());
    }
    if expected.get("milliseconds").is_some() {
        let moments = report.history.iter().map(|happened| happened.at);
        parts["milliseconds"] = json!(moments.clone().max().zip(moments.min()).map(|(last, first)| last - first));
    }
    parts
}

#[test]
fn every_sentence_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of cases") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let cases: Vec<Value> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in cases {
            assert!(
                case["says"].as_str().is_some_and(|says| !says.is_empty()),
                "{}: a case cites nothing",
                path.display()
            );
            count += 1;
            let outcome = outcome(&case);
            if outcome != case["expect"] {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                wrong.push(format!("{file}: {}\n  expected {}\n  got      {outcome}", case["says"], case["expect"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} do not hold:\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} cases");
}
