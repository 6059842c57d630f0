//! Drawings of a small machine, and of a large one.

use super::*;
use crate::source;
use serde_json::json;

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
• No <\"one\"> (Fail)
• Done (Succeed)
";
    assert_eq!(drawn, expected);
}

#[test]
fn mermaid_has_subgraphs_and_classes_and_no_letter_that_it_reads() {
    let drawn = mermaid(&machine(), &some_marks());
    for line in [
        "  s0[\"✔ Check<br/><small>Choice</small>\"]:::succeeded",
        "  subgraph g4[\"branch 1 of Both\"]",
        "    s5[\"▶ L<br/><small>Task</small>\"]:::running",
        "  s2[\"No #60;#34;one#34;#62;<br/><small>Fail</small>\"]",
        "  s0 -->|\"otherwise\"| s2",
        "  s1 --> s3",
    ] {
        assert!(drawn.lines().any(|drawn| drawn == line), "{line}\n{drawn}");
    }
}

#[test]
fn an_image_has_a_box_for_each_state_and_escapes_names() {
    let drawn = svg(&machine(), &some_marks());
    assert!(drawn.starts_with("<svg xmlns=") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("<rect x=").count(), 6);
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

#[test]
fn marks_come_from_the_history() {
    let happened = |kind: &'static str, name: Option<&str>| Happened {
        id: 0,
        previous: 0,
        at: 0,
        kind,
        details: name.map(|name| json!({"name": name})),
    };
    let history = [
        happened("PassStateEntered", Some("A")),
        happened("PassStateExited", Some("A")),
        happened("TaskStateEntered", Some("B")),
        happened("TaskFailed", None),
        happened("TaskStateExited", Some("B")),
        happened("TaskStateEntered", Some("C")),
        happened("ExecutionFailed", None),
    ];
    let expected = Marks::from([
        ("A".to_owned(), Mark::Succeeded),
        ("B".to_owned(), Mark::Caught),
        ("C".to_owned(), Mark::Failed),
    ]);
    assert_eq!(marks(&history), expected);
    assert_eq!(marks(&history[..6])["C"], Mark::Running);
}
