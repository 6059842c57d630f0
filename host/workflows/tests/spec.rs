//! What the specification says, run: each case names the rule that it comes from, in short and not word by word, and
//! where that stands.
//!
//! The place is a section of the [Amazon States Language](https://states-language.net/spec.html); or a page of AWS's
//! developer guide (`Guide`), of its API's reference (`API`) or of JSONata's documentation, with the section after a
//! colon; or what the service was seen to do where no text tells it (`Seen`). `places.json` lists them. Each section of
//! the specification has a case.
//!
//! A file of `spec/` is about a part of the language. A case is a definition with its input and its mocks, and what
//! comes out; or a definition that is refused, with the code of the mistake and its place. Expected objects are
//! compared as a whole, `"history"` as the list of the types of events, `"links"` as that of the events before them and
//! their types, `"details"` as what the events with these numbers tell.

use flint_workflows::failure::Failure;
use flint_workflows::history::Happened;
use flint_workflows::run::TaskOrder;
use flint_workflows::trial::{Mocks, Options, World, run};
use flint_workflows::{source, trial};
use serde_json::{Value, json};
use std::collections::BTreeSet;
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

/// The cases, each with the file that it is in.
fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of cases") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let cases: Vec<Value> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.extend(cases.into_iter().map(|case| (file.clone(), case)));
    }
    all
}

/// What is in the parentheses at the end of what a case says, which may have some in them.
fn place(case: &Value) -> Option<&str> {
    let says = case["says"].as_str()?.strip_suffix(')')?;
    let mut depth = 1;
    let start = says.char_indices().rev().find(|(_, letter)| {
        depth += match letter {
            ')' => 1,
            '(' => -1,
            _ => 0,
        };
        depth == 0
    });
    start.filter(|(at, _)| *at > 0).map(|(at, _)| &says[at + 1..])
}

#[test]
fn every_sentence_holds() {
    let cases = cases();
    let mut wrong = Vec::new();
    for (file, case) in &cases {
        let outcome = outcome(case);
        if outcome != case["expect"] {
            wrong.push(format!("{file}: {}\n  expected {}\n  got      {outcome}", case["says"], case["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} do not hold:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    println!("{} cases", cases.len());
}

#[test]
fn every_case_cites_a_place_and_every_section_has_a_case() {
    let places: Value = serde_json::from_str(include_str!("places.json")).expect("places");
    let listed = |name: &str| -> BTreeSet<&str> {
        places[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (sections, pages) = (listed("specification"), listed("pages"));
    let (mut cited, mut wrong) = (BTreeSet::new(), Vec::new());
    let cases = cases();
    for (file, case) in &cases {
        let place = place(case).unwrap_or_default();
        let page = place.split_once(": ").map_or(place, |(page, _)| page);
        match [place, page].into_iter().find(|place| sections.contains(place) || pages.contains(place)) {
            Some(place) => _ = cited.insert(place),
            None => wrong.push(format!("{file}: {} cites no place that is listed", case["says"])),
        }
    }
    wrong.extend(
        sections.union(&pages).filter(|place| !cited.contains(*place)).map(|place| format!("{place}: no case")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
