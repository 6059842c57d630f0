//! `kill -9` in the midst of executions of workflows, over and over, on one data folder.
//!
//! Three machines have branches, maps of both kinds, waits, retries, catches and callbacks. Whatever is killed, every execution
//! that was accepted ends as it would have without, each task that changes something has changed it once, and histories have no
//! gaps and no doubles.
//!
//! Runs in a short form; for the long one set `FLINT_FAULT_KILLS=100`: there are ten executions a kill.

use crate::events::book::{Told, open};
use crate::events::{Site, brief, look, post};
use crate::it::harness::{Client, Host, Launch, PATIENCE};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// So many kills, if nobody says.
const KILLS: usize = 20;
/// The executions that are started between two kills.
const STARTS: usize = 10;
/// The latest moment of a kill after the first answer.
const LATEST: Duration = Duration::from_millis(600);
/// How long what is left may take when nothing is killed any more.
const QUIET: Duration = Duration::from_secs(300);

/// Branches with retries and an inline map, a wait, a callback.
const MIXED: &str = r#"{
  "StartAt": "Both", "States": {
    "Both": {"Type": "Parallel", "ResultPath": "$.both", "Next": "Rest", "Branches": [
      {"StartAt": "Try", "States": {"Try": {"Type": "Task", "Resource": "tally", "End": true,
        "Parameters": {"key.$": "States.Format('{}/try', $$.Execution.Name)", "fails": 2},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "BackoffRate": 1}]}}},
      {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
        "ItemSelector": {"key.$": "States.Format('{}/item-{}', $$.Execution.Name, $$.Map.Item.Value)"},
        "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "tally", "End": true}}}}}}]},
    "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Ask"},
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "ResultPath": "$.answer",
      "Parameters": {"QueueUrl": "asks", "MessageBody": {"token.$": "$$.Task.Token"}}, "Next": "Last"},
    "Last": {"Type": "Task", "Resource": "tally", "End": true,
      "Parameters": {"key.$": "States.Format('{}/last', $$.Execution.Name)", "answer.$": "$.answer"}}}}"#;

/// A distributed map.
const SPREAD: &str = r#"{
  "StartAt": "Each", "States": {
    "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 3, "End": true,
      "ItemSelector": {"key.$": "States.Format('{}/item-{}', $$.Execution.Name, $$.Map.Item.Value)"},
      "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "tally", "End": true}}}}}}"#;

/// A failure that is caught, and an execution that another one waits for.
const CAUGHT: &str = r#"{
  "StartAt": "Fails", "States": {
    "Fails": {"Type": "Task", "Resource": "tally", "End": true,
      "Parameters": {"key.$": "States.Format('{}/fails', $$.Execution.Name)", "fails": 99},
      "Catch": [{"ErrorEquals": ["Busy"], "Next": "Nested"}]},
    "Nested": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "OutputPath": "$.Output",
      "Parameters": {"StateMachineArn": "spread", "Name.$": "$$.Execution.Name", "Input": {"items": [0, 1]}}, "End": true}}}"#;

const MACHINES: [(&str, &str); 3] = [("mixed", MIXED), ("spread", SPREAD), ("caught", CAUGHT)];

/// An execution, by who started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Started {
    round: usize,
    number: usize,
}

impl Started {
    fn name(self) -> String {
        format!("{}-{}-{}", self.machine(), self.round, self.number)
    }

    fn machine(self) -> &'static str {
        MACHINES[self.number % MACHINES.len()].0
    }

    /// The key of each task that counts, and how often it is done.
    fn tallies(self) -> BTreeMap<String, i64> {
        let name = self.name();
        let deeds: &[(&str, i64)] = match self.machine() {
            "mixed" => &[("try", 3), ("item-0", 1), ("item-1", 1), ("item-2", 1), ("last", 1)],
            "spread" => &[("item-0", 1), ("item-1", 1), ("item-2", 1)],
            // Its nested execution has its name.
            _ => &[("fails", 1), ("item-0", 1), ("item-1", 1)],
        };
        deeds.iter().map(|(deed, times)| (format!("{name}/{deed}"), *times)).collect()
    }

    fn output(self) -> Value {
        let name = self.name();
        let items = |count: usize| (0..count).map(|n| json!({"key": format!("{name}/item-{n}")})).collect::<Vec<_>>();
        match self.machine() {
            "mixed" => json!({"key": format!("{name}/last"), "answer": "yes"}),
            "spread" => json!(items(3)),
            _ => json!(items(2)),
        }
    }
}

#[test]
fn executions_end_as_they_would_have_however_often_the_host_is_killed() {
    let kills = std::env::var("FLINT_FAULT_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = TempDir::new().expect("a folder");
    let mut host = Launch::config(&platform(&folder)).start();
    let began = Instant::now();
    let told = Mutex::new(Told::default());
    for round in 0..kills {
        host = kill_among(&told, host, round, LATEST.mul_f64(rng.random()));
    }
    println!("{kills} kills after {:?}", began.elapsed());
    settle(&host, began);
    println!("{}", check(&open(&told), &host));
    assert!(host.stop().success());
}

fn platform(folder: &TempDir) -> String {
    let workflow = |(name, definition): &(&str, &str)| {
        let file = folder.path().join(format!("{name}.asl.json"));
        fs::write(&file, definition).expect("it is written");
        format!("[workflow.{name}]\ndefinition = {file:?}\nconcurrency = 16\n")
    };
    let workflows: String = MACHINES.iter().map(workflow).collect();
    let tally = brief("tally", "grants = { kv = { tallies = \"read-write\" } }");
    format!("{tally}\n[kv.tallies]\n[queue.asks]\nvisibility = \"1s\"\n{workflows}")
}

/// Starts executions and answers those who ask, and kills the host so long after the first answer.
fn kill_among(told: &Mutex<Told<Started>>, host: Host, round: usize, after: Duration) -> Host {
    let (answered, is_answered) = channel();
    std::thread::scope(|scope| {
        let site = Site { http: host.http(), admin: host.admin(), answered: answered.clone() };
        scope.spawn(move || start(told, &site, round));
        let admin = host.admin();
        scope.spawn(move || while answer(admin).is_ok() {});
        is_answered.recv_timeout(PATIENCE).expect("the host answers");
        std::thread::sleep(after);
        host.kill_and_restart()
    })
}

fn start(told: &Mutex<Told<Started>>, site: &Site, round: usize) {
    for number in 0..STARTS {
        let started = Started { round, number };
        let path = format!("/v1/workflows/{}/executions", started.machine());
        let ask = json!({"name": started.name(), "input": {"items": [0, 1, 2]}});
        let answer = post(site.admin, &path, &ask);
        open(told).add([started], &answer);
        let Ok(answer) = answer else { return };
        answer.expect(200);
        site.acknowledged();
    }
}

/// Answers those who ask by a token; whoever has heard it before takes no notice.
fn answer(admin: Client) -> Result<(), Box<dyn std::error::Error>> {
    let asked = post(admin, "/v1/queues/asks/receive", &json!({"max": 10, "wait_ms": 100}))?.expect(200).json();
    for message in asked["messages"].as_array().expect("messages") {
        let token = look::body(message)["token"].clone();
        let told = post(admin, "/v1/workflow-tasks", &json!({"token": token, "output": "yes"}))?;
        assert!([200, 404].contains(&told.status), "{told:?}");
        post(admin, "/v1/queues/asks/settle", &json!({"receipts": [message["receipt"]], "verdict": "done"}))?;
    }
    Ok(())
}

/// Waits until nothing runs any more.
fn settle(host: &Host, began: Instant) {
    let quiet = Instant::now();
    loop {
        answer(host.admin()).expect("an answer");
        let left: Vec<_> = executions(host).into_iter().filter(|one| one["status"] == "RUNNING").collect();
        if left.is_empty() {
            println!("all have ended after {:?}", began.elapsed());
            return;
        }
        assert!(quiet.elapsed() < QUIET, "{} run after {QUIET:?}, such as {}", left.len(), left[0]);
    }
}

fn executions(host: &Host) -> Vec<Value> {
    let path = |machine: &str| format!("/v1/workflows/{machine}/executions?limit=1000");
    MACHINES.iter().flat_map(|(machine, _)| look::all(host, &path(machine), "executions")).collect()
}

fn check(told: &Told<Started>, host: &Host) -> String {
    let all = executions(host);
    // One that is nested has the name of the one that waits for it.
    let roots: Vec<_> = all.iter().filter(|one| is_root(one)).map(|one| (of_name(one), one)).collect();
    told.check_once("an execution", roots.iter().map(|(started, _)| *started), |_| true);
    let mut tallies = BTreeMap::new();
    for (started, execution) in &roots {
        assert_eq!(
            (&execution["status"], &execution["output"]),
            (&json!("SUCCEEDED"), &started.output()),
            "{execution}"
        );
        tallies.append(&mut started.tallies());
        check_history(host, *started);
    }
    let counted = look::entries(host, "tallies", "");
    let counted: BTreeMap<_, _> =
        counted.iter().map(|entry| (look::key(entry, "").to_owned(), look::count(entry))).collect();
    assert_eq!(counted, tallies, "each task has changed something as often as it was done");
    format!("{} executions, {} tasks that count", all.len(), counted.len())
}

/// Whether an execution was started from outside.
fn is_root(execution: &Value) -> bool {
    execution["name"].as_str().is_some_and(|name| Some(execution["workflow"].as_str()?) == name.split('-').next())
}

fn of_name(execution: &Value) -> Started {
    let name = execution["name"].as_str().expect("a name");
    let [round, number] = look::numbers(name).expect("an execution of ours");
    Started { round, number }
}

fn check_history(host: &Host, started: Started) {
    let path = format!("/v1/workflows/{}/executions/{}/history", started.machine(), started.name());
    let history = host.admin().get(&path).expect(200).json();
    let events = history["events"].as_array().expect("events");
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_u64().expect("a number")).collect();
    assert!(ids.iter().copied().eq(1..=ids.len() as u64), "{}: {ids:?}", started.name());
    let of_kind = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    let kinds = ["ExecutionStarted", "ExecutionSucceeded", "TaskSubmitted", "MapRunSucceeded", "LambdaFunctionFailed"];
    let expected = match started.machine() {
        "mixed" => [1, 1, 1, 0, 2],
        "spread" => [1, 1, 0, 1, 0],
        _ => [1, 1, 1, 0, 1],
    };
    assert_eq!(kinds.map(of_kind), expected, "{}", started.name());
}
