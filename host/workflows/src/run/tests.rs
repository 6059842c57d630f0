//! Runs that are told events, and replayed.

use super::*;
use crate::source;
use serde_json::json;

mod bounds;

/// A machine that runs tasks in branches and for items, retries them, waits, and catches.
const MIXED: &str = r#"{
  "StartAt": "Both",
  "States": {
    "Both": {
      "Type": "Parallel",
      "Branches": [
        {"StartAt": "Try", "States": {"Try": {"Type": "Task", "Resource": "try", "TimeoutSeconds": 60, "End": true,
          "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "JitterStrategy": "FULL"}]}}},
        {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
          "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "do", "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}
      ],
      "Catch": [{"ErrorEquals": ["Fatal"], "Next": "Sorry", "ResultPath": "$.error"}],
      "Next": "Done"
    },
    "Sorry": {"Type": "Pass", "Result": "sorry", "End": true},
    "Done": {"Type": "Succeed"}
  }
}"#;

fn run(definition: &str, input: Value) -> Run {
    let machine = source::load(definition).expect("it is valid");
    let about = About {
        id: "arn:aws:states:local:000000000000:execution:m:e".to_owned(),
        name: "e".to_owned(),
        role: "role".to_owned(),
        input,
        started_at: 0,
        redrives: 0,
        seed: 7,
        machine_id: "arn:aws:states:local:000000000000:stateMachine:m".to_owned(),
        machine_name: "m".to_owned(),
    };
    Run::new(Arc::new(machine), Arc::new(about), Limits::default(), true)
}

/// A loop that ends when its history is full.
const FOREVER: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Choices": [
    {"Variable": "$.stop", "BooleanEquals": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}}"#;

/// A run, with what it has asked for and was not told yet.
struct Driver {
    run: Run,
    journal: Vec<(Event, Moment, Decided)>,
    tasks: Vec<TaskOrder>,
    timers: Vec<(Ticket, u64)>,
    history: Vec<Happened>,
    now: u64,
}

impl Driver {
    fn new(definition: &str, input: Value) -> Self {
        Self::of(run(definition, input))
    }

    fn of(run: Run) -> Self {
        let mut driver =
            Self { run, journal: Vec::new(), tasks: Vec::new(), timers: Vec::new(), history: Vec::new(), now: 0 };
        driver.tell(Event::Started);
        driver
    }

    fn tell(&mut self, event: Event) -> bool {
        let moment = Moment { now: self.now, seed: self.journal.len() as u64, room: self.run.limits().step_max };
        let made = self.run.apply(event.clone(), moment);
        if made.is_news {
            self.journal.push((event, moment, made.decided));
        }
        for command in made.commands {
            match command {
                Command::StartTask(order) => self.tasks.push(*order),
                Command::SetTimer { timer, at } => self.timers.push((timer, at)),
                Command::CancelTimer(timer) => self.timers.retain(|(set, _)| *set != timer),
                Command::CancelTask(task) => self.tasks.retain(|order| order.task != task),
                Command::StartMap(_) | Command::End(_) => {}
            }
        }
        self.history.extend(made.happened);
        made.is_news
    }

    /// Tells the earliest timer.
    fn tick(&mut self) {
        let next = self.timers.iter().min_by_key(|(_, at)| *at).copied().expect("a timer");
        self.timers.retain(|timer| *timer != next);
        self.now = self.now.max(next.1);
        self.tell(Event::TimerFired { timer: next.0 });
    }

    fn answer(&mut self, index: usize, result: Result<Value, Failure>) -> Ticket {
        let task = self.tasks.remove(index).task;
        self.tell(Event::TaskEnded { task, result });
        task
    }

    /// Answers all tasks, and lets time pass, until the run has ended.
    fn finish(&mut self) -> Outcome {
        while self.run.outcome().is_none() {
            match self.tasks.is_empty() {
                true => self.tick(),
                false => _ = self.answer(0, Ok(json!("ok"))),
            }
        }
        self.run.outcome().cloned().expect("it has ended")
    }
}

#[test]
fn the_same_events_lead_to_the_same_run() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2, 3]}));
    driver.answer(0, Err(Failure::new("Busy", "")));
    let outcome = driver.finish();
    assert_eq!(outcome, Outcome::Succeeded(json!(["ok", ["ok", "ok", "ok"]])));
    let mut replayed = run(MIXED, json!({"items": [1, 2, 3]}));
    let mut history = Vec::new();
    for (event, moment, decided) in &driver.journal {
        let made = replayed.replay(event.clone(), *moment, decided.clone());
        assert!(made.is_news, "{event:?}");
        history.extend(made.happened);
    }
    assert_eq!(replayed.outcome(), Some(&outcome));
    assert_eq!(history, driver.history);
}

/// Who may work for no time at all rests after whatever it does; whoever replays that has all the time there is.
#[test]
fn a_step_that_rested_rests_again_in_the_same_places() {
    let mut hasty = run(FOREVER, json!({"stop": true}));
    hasty.limits.patience.work = std::time::Duration::ZERO;
    let mut driver = Driver::of(hasty);
    driver.finish();
    assert_eq!(driver.journal.len(), 7, "{:?}", driver.journal);
    let mut replayed = run(FOREVER, json!({"stop": true}));
    let mut history = Vec::new();
    for (event, moment, decided) in driver.journal {
        let made = replayed.replay(event, moment, decided.clone());
        assert!(made.is_news && made.decided == decided, "{decided:?}");
        history.extend(made.happened);
    }
    assert_eq!(history, driver.history);
}

#[test]
fn numbers_of_events_have_no_gaps_and_point_back() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2, 3]}));
    driver.finish();
    for (index, happened) in driver.history.iter().enumerate() {
        assert_eq!(happened.id, index as u64 + 1);
        assert!(happened.previous < happened.id, "{happened:?}");
    }
}

#[test]
fn what_nobody_waits_for_changes_nothing() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2, 3]}));
    let task = driver.answer(0, Ok(json!(1)));
    let before = driver.history.len();
    assert!(!driver.tell(Event::TaskEnded { task, result: Ok(json!(2)) }));
    assert!(!driver.tell(Event::TimerFired { timer: Ticket(9_999) }));
    assert!(!driver.tell(Event::Started));
    driver.finish();
    assert!(!driver.tell(Event::Stopped { failure: Failure::new("late", "") }));
    assert!(driver.history.len() > before);
}

#[test]
fn a_failure_that_is_caught_around_gives_up_all_that_runs_within() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2, 3]}));
    let others: Vec<_> = driver.tasks[1..].iter().map(|order| order.task).collect();
    driver.answer(0, Err(Failure::new("Fatal", "it broke")));
    assert_eq!(driver.run.outcome(), Some(&Outcome::Succeeded(json!("sorry"))));
    assert!(driver.tasks.is_empty() && driver.timers.is_empty(), "{:?} {:?}", driver.tasks, driver.timers);
    assert!(others.iter().all(|task| !driver.run.waits_for(*task)));
}

#[test]
fn as_many_items_run_at_once_as_the_state_says() {
    let driver = Driver::new(MIXED, json!({"items": [1, 2, 3, 4]}));
    assert_eq!(driver.tasks.iter().filter(|order| order.state == "Do").count(), 2);
}

/// "Redrive … continues a failed execution from the unsuccessful step" (developer guide, "Restarting state machine executions
/// with redrive").
#[test]
fn a_run_that_failed_goes_on_where_it_failed() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2]}));
    let index = driver.tasks.iter().position(|order| order.state == "Do").expect("an item's task");
    driver.answer(index, Ok(json!("first")));
    driver.answer(0, Err(Failure::new("Unknown", "nobody takes it")));
    assert_eq!(driver.run.outcome(), Some(&Outcome::Failed(Failure::new("Unknown", "nobody takes it"))));
    assert!(driver.tasks.is_empty() && driver.timers.is_empty());
    assert!(driver.tell(Event::Redriven { redrives: 1 }));
    assert!(driver.history.iter().any(|happened| happened.kind == "ExecutionRedriven"));
    assert_eq!(driver.finish(), Outcome::Succeeded(json!(["ok", ["first", "ok"]])));
}

/// A failure leaves what the same step was about to do in other branches, and it is done after a redrive.
#[test]
fn what_was_about_to_begin_begins_after_a_redrive() {
    let mut driver = Driver::new(
        r#"{"QueryLanguage": "JSONata", "StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
          {"StartAt": "Each", "States": {"Each": {"Type": "Map", "Items": [1], "End": true, "ItemProcessor": {
            "StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "do", "End": true}}}}}},
          {"StartAt": "Pick", "States": {"Pick": {"Type": "Pass", "End": true,
            "Output": "{% $states.context.Execution.RedriveCount > 0 ? 'picked' : $error('not yet') %}"}}}
        ]}}}"#,
        json!({}),
    );
    assert!(matches!(driver.run.outcome(), Some(Outcome::Failed(_))), "{:?}", driver.run.outcome());
    assert!(driver.tasks.is_empty());
    assert!(driver.tell(Event::Redriven { redrives: 1 }));
    assert_eq!(driver.finish(), Outcome::Succeeded(json!([["ok"], "picked"])));
}

/// A Map that failed by itself, with items that had begun, begins anew.
#[test]
fn a_map_that_failed_by_itself_begins_anew_after_a_redrive() {
    let mut driver = Driver::new(
        r#"{"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
          "Items": [1, 2],
          "ItemSelector": "{% $states.context.Execution.RedriveCount > 0 or $states.context.Map.Item.Index = 0 ? 1 : $error('no') %}",
          "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "do", "End": true}}}}}}"#,
        json!({}),
    );
    assert!(matches!(driver.run.outcome(), Some(Outcome::Failed(_))), "{:?}", driver.run.outcome());
    assert!(driver.tell(Event::Redriven { redrives: 1 }));
    assert_eq!(driver.tasks.len(), 2);
    assert_eq!(driver.finish(), Outcome::Succeeded(json!(["ok", "ok"])));
}

#[test]
fn a_run_that_is_stopped_waits_for_nothing() {
    let mut driver = Driver::new(MIXED, json!({"items": [1, 2]}));
    let failure = Failure::new("Stop", "by hand");
    assert!(driver.tell(Event::Stopped { failure: failure.clone() }));
    assert_eq!(driver.run.outcome(), Some(&Outcome::Aborted(failure)));
    assert_eq!(driver.history.last().map(|happened| happened.kind), Some("ExecutionAborted"));
    assert!(driver.tasks.is_empty() && driver.timers.is_empty());
}

/// "Execution event history: 25,000 events. If the execution history exceeds this quota, the execution will fail" ("Service
/// quotas").
#[test]
fn a_loop_ends_when_the_history_is_full() {
    let mut driver = Driver::new(FOREVER, json!({"stop": false}));
    let outcome = driver.finish();
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.error.as_str(), driver.history.len()), ("States.Runtime", 25_000));
}

#[test]
fn a_heartbeat_puts_the_time_out_off() {
    let waits = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "HeartbeatSeconds": 10, "End": true,
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}}}}"#;
    let mut driver = Driver::new(waits, json!({}));
    let task = driver.tasks[0].task;
    let token =
        driver.tasks[0].input["Payload"]["token"].as_str().and_then(crate::token::Token::read).expect("a token");
    assert_eq!((token.task, token.execution.as_str()), (task.0, "arn:aws:states:local:000000000000:execution:m:e"));
    driver.now = 9_000;
    assert!(driver.tell(Event::TaskBeat { task }));
    assert_eq!(driver.timers.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [19_000]);
    driver.tick();
    assert_eq!(driver.run.outcome(), Some(&Outcome::Failed(Failure::new("States.HeartbeatTimeout", ""))));
}

#[test]
fn results_of_branches_that_are_far_too_large_together_fail_before_all_are_there() {
    let branch =
        |at: usize| json!({"StartAt": format!("B{at}"), "States": {format!("B{at}"): {"Type": "Pass", "End": true}}});
    let branches: Vec<_> = (0..300).map(branch).collect();
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": branches,
        "ResultSelector": {"n.$": "States.ArrayLength($)"}}}});
    let outcome = Driver::new(&machine.to_string(), json!("x".repeat(20_000))).finish();
    assert_eq!(outcome, Outcome::Succeeded(json!({"n": 300})));
    let Outcome::Failed(failure) = Driver::new(&machine.to_string(), json!("x".repeat(100_000))).finish() else {
        panic!("it succeeded")
    };
    assert_eq!(failure.error, "States.DataLimitExceeded");
    assert!(failure.cause.contains("The state/task 'P' returned"), "{}", failure.cause);
}
