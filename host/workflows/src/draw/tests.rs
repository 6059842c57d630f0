//! Drawings of a small machine, and of a large one.

use super::*;
use crate::failure::Failure;
use crate::history::Happened;
use crate::run::TaskOrder;
use crate::{source, trial};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const MACHINE: &str = r#"{"StartAt": "Check", "States": {
  "Check": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Both"}], "Default": "No <\"one\">"},
  "Both": {"Type": "Parallel", "Next": "Done", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "No <\"one\">"}],
    "Branches": [{"StartAt": "L", "States": {"L": {"Type": "Task", "Resource": "l", "End": true}}},
                 {"StartAt": "R", "States": {"R": {"Type": "Wait", "Seconds": 1, "End": true}}}]},
  "No <\"one\">": {"Type": "Fail"},
  "Done": {"Type": "Succeed"}}}"#;

fn machine() -> crate::definition::Machine {
    source::load(MACHINE).expect("it is valid")
}

fn marks(history: &[Happened]) -> Marks {
    let mut marking = Marking::default();
    history.iter().for_each(|happened| marking.add(happened));
    marking.marks()
}

fn some_marks() -> Marks {
    Marks::from([("Check".to_owned(), Mark::Succeeded), ("L".to_owned(), Mark::Running)])
}

#[test]
fn a_terminal_shows_states_arrows_and_what_is_within() {
    let drawn = text(&machine(), &some_marks());
    let expected = "\
✔ Check (Choice)
    → Both  [$.n NumericGreaterThan 5]
    → No <\"one\">  [otherwise]
• Both (Parallel)
  ┌ branch 1
    ▶ L (Task, end)
  ┌ branch 2
    • R (Wait, end)
    → Done
    → No <\"one\">  [on States.ALL]
• Done (Succeed)
• No <\"one\"> (Fail)
";
    assert_eq!(drawn, expected);
}

#[test]
fn mermaid_has_subgraphs_and_classes_and_no_letter_that_it_reads() {
    let drawn = mermaid(&machine(), &some_marks());
    let expected = r##"flowchart TD
  s0["✔ Check<br/><small>Choice</small>"]:::succeeded
  s1["Both<br/><small>Parallel</small>"]
  subgraph g4["branch 1 of Both"]
    s5["▶ L<br/><small>Task</small>"]:::running
  end
  s1 -.-> g4
  subgraph g6["branch 2 of Both"]
    s7["R<br/><small>Wait</small>"]
  end
  s1 -.-> g6
  s2["Done<br/><small>Succeed</small>"]
  s3["No #60;#34;one#34;#62;<br/><small>Fail</small>"]
  s0 -->|"$.n NumericGreaterThan 5"| s1
  s0 -->|"otherwise"| s3
  s1 --> s2
  s1 -->|"on States.ALL"| s3
  classDef running fill:#dbeafe,stroke:#1d4ed8,color:#111
  classDef succeeded fill:#dcfce7,stroke:#15803d,color:#111
  classDef failed fill:#fee2e2,stroke:#b91c1c,color:#111
  classDef caught fill:#ffedd5,stroke:#c2410c,color:#111
  classDef aborted fill:#e5e7eb,stroke:#4b5563,color:#111
"##;
    assert_eq!(drawn, expected);
}

#[test]
fn an_image_has_a_box_for_each_state_and_escapes_names() {
    let drawn = svg(&machine(), &some_marks());
    assert!(drawn.starts_with("<svg xmlns=") && drawn.ends_with("</svg>\n"));
    // Six states, and two branches around theirs.
    assert_eq!(drawn.matches("<rect x=").count(), 8);
    assert!(drawn.contains("No &lt;&quot;one&quot;&gt;") && !drawn.contains("No <"));
    assert!(drawn.contains("✔ Check") && drawn.contains(Mark::Running.colours().0));
}

#[test]
fn large_machines_with_loops_are_drawn() {
    let states: serde_json::Map<_, _> = (0..10_000)
        .map(|index| (format!("S{index}"), json!({"Type": "Pass", "Next": format!("S{}", (index + 1) % 10_000)})))
        .chain([("End".to_owned(), json!({"Type": "Succeed"}))])
        .collect();
    let mut definition = json!({"StartAt": "S0", "States": states});
    definition["States"]["S0"] =
        json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "End"}], "Default": "S1"});
    let machine = source::load(&definition.to_string()).expect("it is valid");
    for drawn in [text(&machine, &Marks::new()), mermaid(&machine, &Marks::new()), svg(&machine, &Marks::new())] {
        assert!(drawn.contains("S9999"));
    }
}

/// An event's number, the one that led to it, its kind, and the state that it names.
type Event = (u64, u64, &'static str, Option<&'static str>);

fn marked(events: &[Event]) -> Vec<(String, Mark)> {
    let history: Vec<_> = events
        .iter()
        .map(|(id, previous, kind, name)| Happened {
            id: *id,
            previous: *previous,
            at: 0,
            kind,
            details: name.map(|name| json!({"name": name})),
        })
        .collect();
    marks(&history).into_iter().collect()
}

fn expected<const N: usize>(marks: [(&str, Mark); N]) -> Vec<(String, Mark)> {
    marks.map(|(name, mark)| (name.to_owned(), mark)).to_vec()
}

#[test]
fn marks_come_from_the_history() {
    let history = [
        (1, 0, "ExecutionStarted", None),
        (2, 1, "PassStateEntered", Some("A")),
        (3, 2, "PassStateExited", Some("A")),
        (4, 3, "TaskStateEntered", Some("B")),
        (5, 4, "TaskFailed", None),
        (6, 5, "TaskStateExited", Some("B")),
        (7, 6, "ChoiceStateEntered", Some("C")),
        (8, 7, "ExecutionFailed", None),
    ];
    let before = [("A", Mark::Succeeded), ("B", Mark::Caught)];
    assert_eq!(marked(&history[..7]), expected([before[0], before[1], ("C", Mark::Running)]));
    assert_eq!(marked(&history), expected([before[0], before[1], ("C", Mark::Failed)]));
}

#[test]
fn a_branch_that_failed_stays_so_and_the_others_are_given_up_when_it_is_caught() {
    let history = [
        (2, 0, "ParallelStateEntered", Some("P")),
        (3, 2, "ParallelStateStarted", None),
        (4, 3, "TaskStateEntered", Some("L")),
        (5, 3, "WaitStateEntered", Some("R")),
        (6, 4, "TaskScheduled", None),
        (7, 6, "TaskFailed", None),
        (8, 7, "WaitStateAborted", None),
        (9, 7, "ParallelStateFailed", None),
        (10, 9, "ParallelStateExited", Some("P")),
        (11, 10, "SucceedStateEntered", Some("S")),
    ];
    let within = [("L", Mark::Failed), ("P", Mark::Caught), ("R", Mark::Aborted)];
    assert_eq!(marked(&history), expected([within[0], within[1], within[2], ("S", Mark::Running)]));
    assert_eq!(marked(&history[..8]), expected([("L", Mark::Failed), ("P", Mark::Failed), ("R", Mark::Aborted)]));
}

#[test]
fn a_task_that_is_tried_again_and_a_redriven_execution_are_running() {
    let mut history = vec![
        (2, 0, "TaskStateEntered", Some("T")),
        (3, 2, "TaskScheduled", None),
        (4, 3, "TaskFailed", None),
        (5, 4, "TaskScheduled", None),
        (6, 5, "TaskFailed", None),
        (7, 6, "ExecutionFailed", None),
        (8, 6, "ExecutionRedriven", None),
        (9, 6, "TaskScheduled", None),
        (10, 9, "TaskSucceeded", None),
        (11, 10, "TaskStateExited", Some("T")),
    ];
    for (count, mark) in [(4, Mark::Running), (6, Mark::Failed), (7, Mark::Running), (10, Mark::Succeeded)] {
        assert_eq!(marked(&history[..count]), expected([("T", mark)]), "{count}");
    }
    history.truncate(4);
    history.push((6, 5, "ExecutionAborted", None));
    assert_eq!(marked(&history), expected([("T", Mark::Aborted)]));
}

#[test]
fn an_expression_that_fails_fails_its_state_and_not_what_is_around_it() {
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "M", "States": {
        "M": {"Type": "Map", "Items": [1], "Next": "S", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S"}],
              "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% $none %}", "End": true}}}},
        "S": {"Type": "Succeed"}}});
    let machine = Arc::new(source::load(&definition.to_string()).expect("it is valid"));
    let options = trial::Options { name: "m".to_owned(), now: 0, seed: 1, skip_waits: true, is_express: false };
    let report = trial::run(machine, json!({}), trial::Mocks::default(), &options, &mut Nowhere).expect("it ends");
    let marked = marks(&report.history).into_iter().collect::<Vec<_>>();
    assert_eq!(marked, expected([("I", Mark::Failed), ("M", Mark::Caught), ("S", Mark::Succeeded)]));
}

#[test]
fn of_the_items_of_a_map_the_worst_is_told_and_of_a_loop_the_last() {
    let history = [
        (2, 0, "MapStateEntered", Some("M")),
        (3, 2, "MapStateStarted", None),
        (4, 3, "MapIterationStarted", Some("M")),
        (5, 4, "TaskStateEntered", Some("T")),
        (6, 3, "MapIterationStarted", Some("M")),
        (7, 6, "TaskStateEntered", Some("T")),
        (8, 5, "TaskFailed", None),
        (9, 8, "TaskStateExited", Some("T")),
        (10, 7, "TaskSucceeded", None),
        (11, 10, "TaskStateExited", Some("T")),
        (12, 11, "MapStateSucceeded", None),
        (13, 11, "MapStateExited", Some("M")),
        (14, 13, "FailStateEntered", Some("F")),
    ];
    let after = |count: usize| marked(&history[..count]);
    assert_eq!(after(8), expected([("M", Mark::Running), ("T", Mark::Running)]));
    assert_eq!(after(12), expected([("M", Mark::Succeeded), ("T", Mark::Caught)]));
    let again = [
        (2, 0, "TaskStateEntered", Some("T")),
        (3, 2, "TaskFailed", None),
        (4, 3, "TaskStateExited", Some("T")),
        (5, 4, "TaskStateEntered", Some("T")),
        (6, 5, "TaskSucceeded", None),
        (7, 6, "TaskStateExited", Some("T")),
    ];
    assert_eq!(marked(&again), expected([("T", Mark::Succeeded)]));
}

#[test]
fn a_state_is_below_all_that_lead_to_it_and_loops_lead_back() {
    let machine = source::load(
        r#"{"StartAt": "A", "States": {
          "A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "C"}], "Default": "B"},
          "B": {"Type": "Pass", "Next": "C"},
          "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "A"}], "Default": "D"},
          "D": {"Type": "Succeed"}}}"#,
    )
    .expect("it is valid");
    assert_eq!(layers(&machine.graph), [["A"], ["B"], ["C"], ["D"]]);
}

#[test]
fn names_may_be_anything() {
    let name = "1. <a>&\"#\n\u{ffff}\u{202e}$$x 😀";
    let definition = json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let machine = source::load(&definition.to_string()).expect("it is valid");
    let marks = Marks::from([(name.to_owned(), Mark::Failed)]);
    assert_eq!(text(&machine, &marks), "✘ 1. <a>&\"#   $$x 😀 (Succeed)\n");
    let label = "✘ 1#46; #60;a#62;#38;#34;#35;   $#36;x 😀";
    assert!(mermaid(&machine, &marks).contains(&format!("  s0[\"{label}<br/><small>Succeed</small>\"]:::failed\n")));
    assert!(svg(&machine, &marks).contains("<title>1. &lt;a&gt;&amp;&quot;#   $$x 😀</title>"));
}

#[test]
fn a_condition_within_another_one_stands_in_brackets() {
    let (a, b) = (json!({"Variable": "$.a", "IsNull": true}), json!({"Variable": "$.b", "IsNull": true}));
    let rule = json!({"And": [a, {"Or": [a, {"Not": b}]}], "Next": "Y"});
    let states = json!({"X": {"Type": "Choice", "Choices": [rule]}, "Y": {"Type": "Succeed"}});
    let machine = source::load(&json!({"StartAt": "X", "States": states}).to_string()).expect("it is valid");
    let drawn = text(&machine, &Marks::new());
    assert!(drawn.contains("[$.a IsNull true and ($.a IsNull true or not ($.b IsNull true…]"), "{drawn}");
}

/// Fails what has no mock, and never waits.
struct Nowhere;

impl trial::World for Nowhere {
    fn sleep(&mut self, _: Duration) {}

    fn call(&mut self, _: &TaskOrder) -> Option<Result<Value, Failure>> {
        None
    }
}

#[test]
fn a_real_history_marks_what_is_within_a_parallel_and_a_map() {
    let fails = json!({"StartAt": "L", "States": {"L": {"Type": "Fail", "Error": "E"}}});
    let waits = json!({"StartAt": "R", "States": {"R": {"Type": "Wait", "Seconds": 9, "End": true}}});
    let item = json!({"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "i", "End": true}}});
    let definition = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [waits, fails], "End": true,
              "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "M", "ResultPath": "$.error"}]},
        "M": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": item, "End": true,
              "Catch": [{"ErrorEquals": ["Never"], "Next": "S"}]},
        "S": {"Type": "Succeed"}}});
    let machine = Arc::new(source::load(&definition.to_string()).expect("it is valid"));
    let options = trial::Options { name: "m".to_owned(), now: 0, seed: 1, skip_waits: true, is_express: false };
    let after = |mocks: &Value| {
        let mocks = trial::Mocks::read(mocks).expect("mocks");
        let report = trial::run(machine.clone(), json!({"items": [1, 2]}), mocks, &options, &mut Nowhere);
        marks(&report.expect("it ends").history).into_iter().collect::<Vec<_>>()
    };
    let within = [("L", Mark::Failed), ("P", Mark::Caught), ("R", Mark::Aborted)];
    let with = |mark| [("I", mark), within[0], ("M", mark), within[1], within[2]];
    assert_eq!(after(&json!({"i": {"result": 1}})), expected(with(Mark::Succeeded)));
    assert_eq!(after(&json!({"i": {"error": "E"}})), expected(with(Mark::Failed)));
}
