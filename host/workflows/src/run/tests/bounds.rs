//! What a step, and a run as a whole, has room for.

use super::*;
use std::time::Duration;

fn within(definition: &str, input: Value, limits: Limits) -> Driver {
    let limits = Limits { patience: Patience { work: Duration::MAX, evaluations: Duration::MAX }, ..limits };
    let Run { machine, about, .. } = run(definition, input);
    Driver::of(Run::new(machine, about, limits, true))
}

fn machine(first: &Value) -> String {
    let done = json!({"Type": "Pass", "Result": "done", "End": true});
    let caught = json!({"Type": "Pass", "Result": "caught", "End": true});
    json!({"StartAt": "First", "States": {"First": first, "Done": done, "Caught": caught}}).to_string()
}

/// A Parallel state of branches with one state each.
fn numbered(count: usize, state: impl Fn(usize) -> Value) -> Value {
    let branch = |number: usize| {
        let name = format!("B{number}");
        json!({"StartAt": name, "States": {name: state(number)}})
    };
    let branches: Vec<_> = (0..count).map(branch).collect();
    let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]);
    json!({"Type": "Parallel", "Branches": branches, "Catch": catch, "Next": "Done"})
}

#[test]
fn branches_that_fail_in_the_same_step_are_caught_once() {
    let failing = |number: usize| json!({"Type": "Fail", "Error": format!("E{number}")});
    let driver = Driver::new(&machine(&numbered(3, failing)), json!({}));
    assert_eq!(driver.run.outcome(), Some(&Outcome::Succeeded(json!("caught"))));
    let failed = driver.history.iter().filter(|happened| happened.kind == "ParallelStateFailed").count();
    assert_eq!(failed, 1, "{:?}", driver.history);
}

/// "redrive … Parallel and inline Map states: the retry attempt count is reset to 0" ("Retry behavior of redriven executions").
#[test]
fn who_is_redriven_is_tried_as_often_again_around_the_failed_state_too() {
    let mut first = numbered(1, |_| json!({"Type": "Task", "Resource": "do", "End": true}));
    first["Retry"] = json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]);
    first.as_object_mut().expect("a state").remove("Catch");
    let definition = json!({"StartAt": "First", "States": {"First": first, "Done": {"Type": "Succeed"}}}).to_string();
    let mut driver = Driver::new(&definition, json!({}));
    let fail_twice = |driver: &mut Driver| {
        driver.answer(0, Err(Failure::new("E", "")));
        assert_eq!(driver.run.outcome(), None);
        driver.tick();
        driver.answer(0, Err(Failure::new("E", "")));
        assert_eq!(driver.run.outcome(), Some(&Outcome::Failed(Failure::new("E", ""))));
    };
    fail_twice(&mut driver);
    assert!(driver.tell(Event::Redriven { redrives: 1 }));
    fail_twice(&mut driver);
}

#[test]
fn what_has_no_room_in_a_step_goes_on_in_one_of_its_own_and_is_replayed_so() {
    let task = |_| json!({"Type": "Task", "Resource": "do", "End": true, "InputPath": "$.text"});
    let definition = machine(&numbered(20, task));
    let limits = Limits { step_max: 1 << 20, ..Limits::default() };
    let input = json!({"text": "x".repeat(100_000)});
    let mut driver = within(&definition, input.clone(), limits);
    let first = driver.tasks.len();
    assert!((5..12).contains(&first), "{first} tasks were ordered at once");
    assert_eq!(driver.timers.len(), 1);
    driver.tick();
    assert!(driver.tasks.len() > first);
    let outcome = driver.finish();
    assert_eq!(outcome, Outcome::Succeeded(json!("done")));
    let Run { machine, about, .. } = run(&definition, input);
    let mut replayed = Run::new(machine, about, limits, true);
    let made =
        driver.journal.iter().map(|(event, moment, decided)| replayed.replay(event.clone(), *moment, decided.clone()));
    let history: Vec<_> = made.flat_map(|made| made.happened).collect();
    assert_eq!((replayed.outcome(), history), (Some(&outcome), driver.history));
}

#[test]
fn what_waits_for_a_step_of_its_own_is_given_up_with_what_is_around_it_and_redriven_with_it() {
    let task = |_| json!({"Type": "Task", "Resource": "do", "End": true});
    let limits = Limits { step_max: 100_000, ..Limits::default() };
    let mut driver = within(&machine(&numbered(40, task)), json!({}), limits);
    while driver.tasks.is_empty() {
        driver.tick();
    }
    assert!(driver.tasks.len() < 40);
    driver.answer(0, Err(Failure::new("E", "")));
    assert_eq!(driver.finish(), Outcome::Succeeded(json!("caught")));
    let mut driver = within(&machine(&numbered(40, task)), json!({}), limits);
    driver.tell(Event::Stopped { failure: Failure::new("S", "") });
    assert!(driver.tasks.is_empty() && driver.tell(Event::Redriven { redrives: 1 }));
    assert_eq!(driver.finish(), Outcome::Succeeded(json!("done")));
    let ended = driver.history.iter().filter(|happened| happened.kind == "LambdaFunctionSucceeded").count();
    assert_eq!(ended, 40);
}

/// "Maximum total size of all stored variables: 10 MiB" ("Service quotas for Step Functions").
#[test]
fn variables_have_a_limit_altogether() {
    let limits = Limits { variables_max: 1_000, ..Limits::default() };
    let assign =
        |next: &str, name: &str, size: usize| json!({"Type": "Pass", "Assign": {name: "x".repeat(size)}, "Next": next});
    let ran = |first: usize, second: usize, name: &str| {
        let done = json!({"Type": "Succeed"});
        let states = json!({"A": assign("B", "a", first), "B": assign("C", name, second), "C": done});
        let definition = json!({"StartAt": "A", "States": states}).to_string();
        within(&definition, json!({}), limits).run.outcome().cloned()
    };
    assert!(matches!(ran(600, 300, "b"), Some(Outcome::Succeeded(_))));
    assert!(matches!(ran(600, 900, "a"), Some(Outcome::Succeeded(_))), "it takes the place of the old one");
    let Some(Outcome::Failed(failure)) = ran(600, 400, "b") else { panic!("there is no room") };
    assert_eq!(failure.error, "States.DataLimitExceeded");
    assert!(failure.cause.contains("1000 at most"), "{failure:?}");
}

#[test]
fn items_of_maps_in_maps_wait_for_room_and_their_inputs_have_a_limit() {
    let mut inner = json!({"Type": "Pass", "End": true});
    for level in 0..4 {
        let processor = json!({"StartAt": format!("S{level}"), "States": {format!("S{level}"): inner}});
        inner = json!({"Type": "Map", "ItemsPath": "$$.Execution.Input", "ItemProcessor": processor, "End": true});
    }
    let definition = json!({"StartAt": "All", "States": {"All": inner}}).to_string();
    let items = json!([1, 2, 3, 4, 5, 6, 7, 8]);
    let limits = Limits { events_max: None, threads_max: 20, step_max: usize::MAX, ..Limits::default() };
    let driver = within(&definition, items.clone(), limits);
    assert!(matches!(driver.run.outcome(), Some(Outcome::Succeeded(_))));
    assert_eq!(driver.run.held, 0);
    let driver = within(&definition, items, Limits { held_max: 1_000, ..limits });
    let Some(Outcome::Failed(failure)) = driver.run.outcome() else { panic!("{:?}", driver.run.outcome()) };
    assert!(failure.cause.contains("more than 1000 bytes"), "{failure:?}");
}

#[test]
fn a_catcher_whose_output_is_too_large_is_not_caught_by_its_own_state() {
    let catch = json!([{"ErrorEquals": ["E", "States.DataLimitExceeded"], "ResultPath": "$.error", "Next": "Done"}]);
    let first = json!({"Type": "Task", "Resource": "do", "Catch": catch, "Next": "Done"});
    let definition = json!({"StartAt": "First", "States": {"First": first, "Done": {"Type": "Succeed"}}}).to_string();
    let mut driver = Driver::new(&definition, json!({"b": "x".repeat(262_120)}));
    driver.answer(0, Err(Failure::new("E", "")));
    let Some(Outcome::Failed(failure)) = driver.run.outcome() else { panic!("{:?}", driver.run.outcome()) };
    assert_eq!(failure.error, "States.DataLimitExceeded");
}
