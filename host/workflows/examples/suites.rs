//! Runs the conformance suites of the query languages and prints what fails.
//!
//! `cargo run --example suites -- jsonata DIR` runs the suite of jsonata-js (DIR is its `test` folder) through the evaluator, and
//! again through the trees that weigh what they make; `-- jsonpath FILE` runs the JSONPath compliance suite; `-- definitions DIR`
//! reads all definitions in a folder (`*.asl.json`).

#![expect(clippy::print_stdout, reason = "it prints a report")]

use flint_workflows::jsonata::guard::{self, Names};
use flint_workflows::source::{self, Located};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

type Outcome = Result<Option<Value>, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["jsonata", folder] => jsonata(Path::new(folder)),
        ["jsonpath", file] => jsonpath(Path::new(file)),
        ["definitions", folder] => definitions(Path::new(folder)),
        _ => Err("usage: suites jsonata DIR | suites jsonpath FILE | suites definitions DIR".into()),
    }
}

/// How many cases passed, and why the others didn't.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: Vec<String>,
}

impl Report {
    fn note(&mut self, name: &str, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => self.passed += 1,
            Err(reason) => self.failed.push(format!("{name}: {}", reason.replace('\n', " "))),
        }
    }

    fn print(&self, title: &str) {
        let all = self.passed + self.failed.len();
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let rate = self.passed as f64 * 100.0 / all.max(1) as f64;
        println!("{title}: {} of {all} pass ({rate:.2} %)", self.passed);
        self.failed.iter().for_each(|line| println!("  {line}"));
    }
}

fn jsonata(folder: &Path) -> Result<(), Box<dyn Error>> {
    let suite = folder.join("test-suite");
    let mut data = BTreeMap::new();
    for file in sorted(&suite.join("datasets"))? {
        data.insert(stem(&file), serde_json::from_str::<Value>(&fs::read_to_string(&file)?)?);
    }
    let (mut plain, mut guarded) = (Report::default(), Report::default());
    for group in sorted(&suite.join("groups"))? {
        for file in sorted(&group)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "json")) {
            let cases = match serde_json::from_str(&fs::read_to_string(&file)?) {
                Ok(Value::Array(cases)) => cases,
                Ok(case) => vec![case],
                // Half a surrogate pair is a string of JavaScript, and none of Rust.
                Err(error) => {
                    let name = format!("{}/{}", stem(&group), stem(&file));
                    plain.note(&name, Err(format!("the case can't be read: {error}")));
                    guarded.note(&name, Err(format!("the case can't be read: {error}")));
                    continue;
                }
            };
            for (place, case) in cases.iter().enumerate() {
                let name = format!("{}/{}[{place}]", stem(&group), stem(&file));
                let text = match (case["expr"].as_str(), case["expr-file"].as_str()) {
                    (Some(text), _) => text.to_owned(),
                    (_, Some(other)) => fs::read_to_string(group.join(other))?,
                    _ => continue,
                };
                plain.note(&name, check(case, &evaluate(&text, case, &data, false)));
                guarded.note(&name, check(case, &evaluate(&text, case, &data, true)));
            }
        }
    }
    plain.print("jsonata-core");
    guarded.print("jsonata-core, trees that weigh");
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>, std::io::Error> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();
    Ok(files)
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn evaluate(text: &str, case: &Value, data: &BTreeMap<String, Value>, weigh: bool) -> Outcome {
    let mut tree: AstNode = parser::parse(text).map_err(|error| error.to_string())?;
    let mut context = Context::new();
    for (name, value) in case["bindings"].as_object().into_iter().flatten() {
        context.bind(name.clone(), JValue::from(value.clone()));
    }
    let options = EvaluatorOptions {
        timeout_ms: case["timelimit"].as_u64().or(Some(20_000)),
        max_stack_depth: case["depth"].as_u64().and_then(|depth| usize::try_from(depth).ok()),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(context, options);
    if weigh {
        tree = guard::guarded(tree, &Names::of(&parser::parse(text).map_err(|error| error.to_string())?).bound)?;
        guard::register(&mut evaluator, 1 << 40, 1 << 30).map_err(|error| error.to_string())?;
    }
    let input = match (case.get("data"), case["dataset"].as_str()) {
        (Some(input), _) => JValue::from(input.clone()),
        (None, Some(name)) => data.get(name).map_or(JValue::Undefined, |value| JValue::from(value.clone())),
        (None, None) => JValue::Undefined,
    };
    let value = evaluator.evaluate(&tree, &input).map_err(|error| error.message().to_owned())?;
    Ok((!value.is_undefined()).then(|| Value::from(&value)))
}

fn check(case: &Value, outcome: &Outcome) -> Result<(), String> {
    let code = case["code"].as_str().or_else(|| case["error"]["code"].as_str());
    match (case.get("result"), code, outcome) {
        (Some(wanted), _, Ok(Some(got))) if same(wanted, got) => Ok(()),
        (None, None, Ok(None)) => Ok(()),
        (_, Some(code), Err(message)) if message.contains(&format!("{code}: ")) => Ok(()),
        (wanted, code, outcome) => {
            let wanted = wanted.map_or_else(|| code.unwrap_or("nothing").to_owned(), ToString::to_string);
            Err(format!(
                "wanted {wanted:.100}, got {:.140} for {:.120}",
                format!("{outcome:?}"),
                case["expr"].to_string()
            ))
        }
    }
}

/// Whether two values are equal, where 1 and 1.0 are, and what serde_json reads of one number: its last bit may be off.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => (left - right).abs() <= left.abs() * 2.0 * f64::EPSILON,
            _ => false,
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let in_right = |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| same(value, other));
            left.len() == right.len() && left.iter().all(in_right)
        }
        (left, right) => left == right,
    }
}

fn jsonpath(file: &Path) -> Result<(), Box<dyn Error>> {
    let suite: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let mut report = Report::default();
    for case in suite["tests"].as_array().into_iter().flatten() {
        report.note(case["name"].as_str().unwrap_or_default(), query(case));
    }
    report.print("serde_json_path");
    Ok(())
}

fn query(case: &Value) -> Result<(), String> {
    let selector = case["selector"].as_str().unwrap_or_default();
    let invalid = case["invalid_selector"] == true;
    let path = match serde_json_path::JsonPath::parse(selector) {
        Ok(_) if invalid => return Err(format!("accepts the invalid selector {selector:?}")),
        Ok(path) => path,
        Err(_) if invalid => return Ok(()),
        Err(error) => return Err(format!("refuses {selector:?}: {error}")),
    };
    let found = Value::Array(path.query(&case["document"]).all().into_iter().cloned().collect());
    let several = case["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if case.get("result").into_iter().chain(several).any(|wanted| same(wanted, &found)) {
        return Ok(());
    }
    Err(format!("{selector:?} finds {found}, wanted {}", case.get("result").unwrap_or(&case["results"])))
}

fn definitions(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut report = Report::default();
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let (inner, found): (Vec<_>, Vec<_>) = sorted(&folder)?.into_iter().partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(found.into_iter().filter(|file| file.to_string_lossy().ends_with(".asl.json")));
    }
    for file in files {
        let told = |mistakes: Vec<Located>| {
            let told = |located: &Located| format!("{}: {}", located.line, located.mistake.message);
            mistakes.iter().map(told).collect::<Vec<_>>().join("; ")
        };
        let verdict = source::load(&fs::read_to_string(&file)?).map(|_| ()).map_err(told);
        report.note(&file.to_string_lossy(), verdict);
    }
    report.print("definitions");
    Ok(())
}
