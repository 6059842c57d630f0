//! Executions whose steps the clock cuts short: what it decided once holds for whoever makes them again.

use super::*;
use crate::clock::Patience;
use crate::source;

/// An expression that takes time, and one that never ends.
const SLOW: &str = "{% $count($map([1..20000], function($n) { $n % 7 })) %}";
const ENDLESS: &str = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}";

/// Pass states, one after the other, with this output each.
fn chain(count: usize, output: &str) -> String {
    let state = |at: usize| {
        let next = if at + 1 == count { ("End", json!(true)) } else { ("Next", json!(format!("S{}", at + 1))) };
        (format!("S{at}"), json!({"Type": "Pass", "Output": output, next.0: next.1}))
    };
    let states: serde_json::Map<_, _> = (0..count).map(state).collect();
    json!({"QueryLanguage": "JSONata", "StartAt": "S0", "States": states}).to_string()
}

/// A site whose steps have this much time.
fn hasty(definition: &str, patience: Patience) -> Site {
    let mut site = Site::new(definition);
    site.executions.options.limits.patience = patience;
    site
}

/// All of a run but what was given to it.
fn where_it_is(run: &Run) -> String {
    format!("{run:?}").split("context: ").skip(1).collect()
}

/// All that happened, without the moments.
fn told(history: &[Happened]) -> Vec<(u64, &'static str, Option<Value>)> {
    history.iter().map(|one| (one.id, one.kind, one.details.clone())).collect()
}

#[tokio::test]
async fn what_ran_out_of_time_once_does_so_in_each_replay_however_long_there_is() {
    let pass = |output: &str| json!({"Type": "Pass", "Output": output, "End": true});
    let branch = |name: &str, output: &str| json!({"StartAt": name, "States": {name: pass(output)}});
    let branches = [branch("Sum", "{% 1 + 1 %}"), branch("Endless", ENDLESS)];
    let caught = json!([{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Rest",
        "Output": "{% $states.errorOutput.Cause %}"}]);
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Branches": branches, "Catch": caught, "Next": "Never"},
        "Never": {"Type": "Succeed"},
        "Rest": {"Type": "Wait", "Seconds": 3600, "Next": "Done"},
        "Done": {"Type": "Succeed"}}});
    let patience = Patience { work: Duration::MAX, evaluations: Duration::from_millis(200) };
    let mut site = hasty(&definition.to_string(), patience);
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    while site.turn(&mut || false).await {}
    let before = site.history("one").await;
    assert!(before.iter().any(|one| one.kind == "EvaluationFailed"), "{before:?}");
    // The memory is lost, and there is all the time of the world now.
    let mut site = site.restart().await;
    site.executions.options.limits.patience = Patience { work: Duration::MAX, evaluations: Duration::MAX };
    assert_eq!(told(&site.history("one").await), told(&before));
    let head = site.finish("one").await;
    let cause = head.output.as_ref().and_then(Value::as_str).expect("a text");
    assert!(head.status == Status::Succeeded && cause.contains("D1012"), "{head:?}");
    assert_eq!(told(&site.history("one").await[..before.len()]), told(&before));
}

#[tokio::test]
async fn a_step_that_rested_rests_there_in_each_replay_and_waits_for_the_same() {
    let mut site = hasty(&chain(8, SLOW), Patience { work: Duration::from_millis(1), ..Patience::default() });
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    let mut turns = 0;
    for at in 0.. {
        if at % 3 == 2 {
            let live = site.executions.runs.take("one").map(|kept| where_it_is(&kept.run));
            // Nothing is in memory any more, and nobody would rest by himself.
            site = site.restart().await;
            let head = site.executions.described("one").await.expect("it is there").head;
            let replayed = site.executions.load("one", head).await.expect("it is read");
            assert!(live.is_none_or(|live| live == where_it_is(&replayed.run)), "turn {at}");
            site.executions.options.limits.patience.work = Duration::from_millis(1);
        }
        if !site.turn(&mut || false).await {
            break;
        }
        turns += 1;
    }
    let head = site.finish("one").await;
    assert_eq!((head.status, head.output), (Status::Succeeded, Some(json!(20_000))));
    assert!(turns > 3, "it rested: {turns}");
    let kinds: Vec<_> = site.history("one").await.iter().map(|one| one.kind).collect();
    assert_eq!(kinds.len(), 2 + 2 * 8);
}

#[tokio::test]
async fn an_execution_of_slow_states_ends_as_it_would_have_however_often_the_host_dies() {
    let mut site = hasty(&chain(12, SLOW), Patience { work: Duration::from_millis(1), ..Patience::default() });
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    let mut fate = Fate(3);
    for _ in 0..60 {
        (site, _) = site.turn_or_die(&mut fate).await;
        site.executions.options.limits.patience.work = Duration::from_millis(1);
    }
    assert_eq!(site.finish("one").await.status, Status::Succeeded);
    let history = site.history("one").await;
    assert!(history.iter().enumerate().all(|(index, happened)| happened.id == index as u64 + 1));
    assert_eq!(history.len(), 2 + 2 * 12);
}

/// What others do on the same thread goes on, and each step is soon done.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_machine_of_130_slow_states_ends_and_holds_nobody_up() {
    let definition = chain(130, "{% $count($map([1..60000], function($n) { $n % 7 })) %}");
    let machine = source::load(&definition).expect("it is valid");
    assert!(machine.is_long);
    let driver = tokio::spawn(async move {
        let mut site = Site::new(&definition);
        site.executions.start("one", json!({}), 7).await.expect("it starts");
        let mut longest = Duration::ZERO;
        loop {
            let began = std::time::Instant::now();
            if !site.turn(&mut || false).await {
                break;
            }
            longest = longest.max(began.elapsed());
        }
        (site.executions.described("one").await.expect("it is there").head.status, longest)
    });
    let mut late = Duration::ZERO;
    while !driver.is_finished() {
        let began = std::time::Instant::now();
        tokio::spawn(async {}).await.expect("it ends");
        late = late.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, longest) = driver.await.expect("it ends");
    assert_eq!(status, Status::Succeeded);
    // Generous: the machines that run tests are slow, and have more to do.
    assert!(late < Duration::from_secs(2) && longest < Duration::from_secs(5), "{late:?} {longest:?}");
}

#[test]
fn a_record_of_a_step_that_no_clock_cut_short_is_as_it_was_before_clocks_could() {
    let written = r#"{"at":7,"events":["Started"]}"#;
    let record: read::Record = serde_json::from_str(written).expect("it is read");
    assert!(record.decided.is_empty());
    assert_eq!(String::from_utf8(record.write()).expect("a text"), written);
}

#[tokio::test]
async fn who_redrives_is_told_whether_it_goes_on() {
    let mut site =
        Site::new(r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "breaks", "End": true}}}"#);
    assert!(matches!(site.executions.redrive("one").await, Err(ExecutionError::Missing { .. })));
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    assert_eq!(site.finish("one").await.status, Status::Failed);
    site.executions.redrive("one").await.expect("it goes on");
    let head = site.executions.described("one").await.expect("it is there").head;
    assert_eq!((head.status, head.redrives), (Status::Running, 1));
    let twice = site.executions.redrive("one").await;
    assert!(matches!(twice, Err(ExecutionError::Ended { status: "RUNNING", .. })), "{twice:?}");
    site.tries = 1;
    let head = site.finish("one").await;
    assert_eq!((head.status, head.redrives), (Status::Succeeded, 1));
    let redriven = site.history("one").await.iter().filter(|one| one.kind == "ExecutionRedriven").count();
    assert_eq!(redriven, 1);
}

#[tokio::test]
async fn a_history_comes_in_pages_that_are_the_whole_one_together() {
    let mut site = Site::new(MIXED);
    site.executions.start("one", json!({"items": [1, 2, 3]}), 7).await.expect("it starts");
    site.finish("one").await;
    let whole = site.history("one").await;
    for most in [1, 7, whole.len() as u64 - 1, whole.len() as u64] {
        let (mut pages, mut after) = (Vec::new(), 0);
        loop {
            let page = site.executions.history("one", after, most).await.expect("a page");
            assert!(page.events.len() as u64 <= most);
            pages.extend(page.events);
            match page.cursor {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(pages, whole, "{most} a page");
    }
    let beyond = site.executions.history("one", 1_000, 10).await.expect("a page");
    assert_eq!((beyond.events, beyond.cursor), (Vec::new(), None));
    let marks = site.executions.marks("one").await.expect("marks");
    assert_eq!(marks["Done"], crate::draw::Mark::Succeeded);
}
