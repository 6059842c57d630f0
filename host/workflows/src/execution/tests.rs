//! Executions on a real store, driven by a small message door that loses its memory at will.

mod clock;
mod distributed;
mod given_up;

use super::*;
use crate::history::Happened;
use crate::run::Ticket;
use crate::token::Token;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::{ByteSize, ManualClock};
use flint_stores::{Catalog, Delivery, KvLimits, Order, QueueRules, Receive, Settle, Transaction};
use flint_stores_embedded::Embedded;
use serde_json::json;
use std::collections::BTreeMap;
use tempfile::TempDir;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tasks in branches and for items, with a retry, a wait and a catch.
const MIXED: &str = r#"{
  "StartAt": "Both", "States": {
    "Both": {"Type": "Parallel", "Next": "Rest", "Branches": [
      {"StartAt": "Try", "States": {"Try": {"Type": "Task", "Resource": "flaky", "End": true,
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5, "JitterStrategy": "FULL"}]}}},
      {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
        "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "echo", "End": true}}}}}}]},
    "Rest": {"Type": "Wait", "Seconds": 3600, "Next": "Random"},
    "Random": {"Type": "Pass", "Parameters": {"all.$": "$", "uuid.$": "States.UUID()"}, "Next": "Last"},
    "Last": {"Type": "Task", "Resource": "fails", "Catch": [{"ErrorEquals": ["Sorry"], "Next": "Done", "ResultPath": "$.error"}], "End": true},
    "Done": {"Type": "Succeed"}}}"#;

/// A store on the disk, and what works on it.
struct Site {
    folder: TempDir,
    clock: Arc<ManualClock>,
    stores: Arc<Embedded>,
    executions: Executions,
    definition: String,
    /// How often `flaky` was asked.
    tries: u64,
    /// What the last task got.
    asked: Option<Value>,
    /// The last task.
    work: Option<Work>,
    /// All tasks, in their order.
    works: Vec<Work>,
}

/// Chance, of a seed: it strikes one time in four.
struct Fate(u64);

impl Fate {
    fn strikes(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 62 == 0
    }
}

fn place() -> Place {
    let queue = |name: &str| QueueName::parse(name).expect("a name");
    Place {
        store: StoreName::parse("executions").expect("a name"),
        inbox: queue("workflow/m"),
        tasks: queue("workflow/m/tasks"),
        timers: queue("workflow/m/timers"),
    }
}

fn open(folder: &TempDir, clock: &Arc<ManualClock>) -> Arc<Embedded> {
    let place = place();
    let rules = |order| QueueRules { order, delay_max: Duration::MAX, ..QueueRules::default() };
    let queues = BTreeMap::from([
        (place.inbox, rules(Order::Fifo)),
        (place.tasks, rules(Order::Standard)),
        (place.timers, rules(Order::Standard)),
    ]);
    let stores = BTreeMap::from([(place.store, KvLimits::default())]);
    let buckets = BTreeMap::from([(
        flint_model::BucketName::parse("files").expect("a name"),
        flint_stores::blob::BucketRules::default(),
    )]);
    let catalog = Catalog { stores, queues, buckets, ..Catalog::default() };
    let options =
        flint_stores_embedded::Options { catalog, clock: clock.clone(), ..flint_stores_embedded::Options::default() };
    let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the folder");
    Arc::new(Embedded::open(dir, options).expect("the store opens"))
}

fn executions(stores: &Arc<Embedded>, definition: &str) -> Executions {
    let options = Options {
        workflow: "m".to_owned(),
        limits: Limits::default(),
        retention: DAY,
        cached_max: 100,
        is_express: false,
        aside: Aside::default(),
    };
    Executions::new(stores.clone(), place(), options, definition).expect("it is valid")
}

impl Site {
    fn new(definition: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let clock = Arc::new(ManualClock::at(flint_model::Timestamp::from_millis(1_770_000_000_000)));
        let stores = open(&folder, &clock);
        let executions = executions(&stores, definition);
        let definition = definition.to_owned();
        Self { folder, clock, stores, executions, definition, tries: 0, asked: None, work: None, works: Vec::new() }
    }

    /// Forgets all that is not on the disk.
    async fn restart(self) -> Self {
        let Self { folder, clock, stores, executions: old, definition, tries, asked, work, works } = self;
        drop(old);
        stores.close().await;
        drop(stores);
        let stores = open(&folder, &clock);
        let executions = executions(&stores, &definition);
        Self { folder, clock, stores, executions, definition, tries, asked, work, works }
    }

    async fn receive(&self, queue: &QueueName) -> Vec<Delivery> {
        let receive = Receive {
            max: 100,
            bytes_max: 1 << 20,
            group_max: 100,
            group_bytes_max: 1 << 20,
            visibility: None,
            wait: Duration::ZERO,
        };
        self.stores.queues().receive(queue, receive).await.expect("messages").messages
    }

    async fn settle(&self, effects: Vec<Effect>, consumed: impl IntoIterator<Item = &Delivery>) {
        let consumed = consumed.into_iter().map(|delivery| Settle::done(delivery.receipt.clone())).collect();
        let commit = Commit { effects, consumed, ..Commit::default() };
        self.stores.commit(commit).await.expect("a commit");
    }

    /// Handles what the queues hold now; whether they held anything. `dies` says before which commits the host dies.
    async fn turn(&mut self, dies: &mut (dyn FnMut() -> bool + Send)) -> bool {
        let place = place();
        let events = self.receive(&place.inbox).await;
        let mut groups: BTreeMap<String, Vec<&Delivery>> = BTreeMap::new();
        for delivery in &events {
            groups.entry(delivery.stored.message.group.clone().expect("a group")).or_default().push(delivery);
        }
        let mut is_busy = !events.is_empty();
        for (name, deliveries) in groups {
            let told = deliveries.iter().map(|delivery| Notice::read(&delivery.stored.message.body).expect("a notice"));
            let Stepped { effects, left } = self.executions.step(&name, told.collect()).await.expect("a step");
            assert_eq!(left, 0, "nothing takes so long");
            if dies() {
                return true;
            }
            self.settle(effects, deliveries).await;
        }
        for delivery in self.receive(&place.tasks).await {
            is_busy = true;
            let effects = match Job::read(&delivery.stored.message.body).expect("a job") {
                Job::Task(work) => {
                    let result = self.answer(&work);
                    self.executions.answered(&work, result).into_iter().collect()
                }
                Job::ReadItems { execution, seed, order } => {
                    self.executions.read_items(&execution, seed, &order).await.expect("effects")
                }
                Job::Run { .. } => Vec::new(),
                Job::GatherResults(map) => self.executions.gather_results(&map).await.expect("effects"),
            };
            if dies() {
                return true;
            }
            self.settle(effects, [&delivery]).await;
        }
        for delivery in self.receive(&place.timers).await {
            is_busy = true;
            let alarm = Alarm::read(&delivery.stored.message.body).expect("an alarm");
            let effects = self.executions.fire(alarm).await.expect("effects");
            self.settle(effects, [&delivery]).await;
        }
        is_busy
    }

    /// A turn in which the host may die; whether it did. What was leased then comes again after a while.
    async fn turn_or_die(mut self, fate: &mut Fate) -> (Self, bool) {
        let mut died = false;
        let dies = &mut || {
            died = fate.strikes();
            died
        };
        let is_busy = self.turn(dies).await;
        let site = if died { self.restart().await } else { self };
        if died || !is_busy {
            site.clock.advance(Duration::from_secs(60));
        }
        (site, died)
    }

    fn answer(&mut self, work: &Work) -> Result<Value, Failure> {
        self.asked = Some(work.input.clone());
        self.work = Some(work.clone());
        self.works.push(work.clone());
        match work.resource.as_str() {
            "flaky" => {
                self.tries += 1;
                if work.attempt < 2 { Err(Failure::new("Busy", "try again")) } else { Ok(json!("well")) }
            }
            "fails-odd" if work.input.as_u64().is_some_and(|n| n % 2 == 1) => {
                Err(Failure::new("Sorry", "it never works"))
            }
            "fails-odd-at-first" if self.tries == 0 && work.input.as_u64().is_some_and(|n| n % 2 == 1) => {
                Err(Failure::new("Sorry", "not yet"))
            }
            "fails" => Err(Failure::new("Sorry", "it never works")),
            "breaks" if self.tries == 0 => Err(Failure::new("Broken", "for now")),
            _ => Ok(work.input.clone()),
        }
    }

    /// All that happened in an execution.
    async fn history(&self, name: &str) -> Vec<Happened> {
        self.executions.history(name, 0, u64::MAX).await.expect("a history").events
    }

    /// Works until nothing is left to do now, and then lets time pass; until the execution has ended.
    async fn finish(&mut self, name: &str) -> Head {
        for _ in 0..10_000 {
            if !self.turn(&mut || false).await {
                let head = self.executions.described(name).await.expect("it is there").head;
                if head.status != Status::Running {
                    return head;
                }
                self.clock.advance(Duration::from_secs(60));
            }
        }
        panic!("it does not end");
    }
}

#[tokio::test]
async fn an_execution_runs_to_its_end_and_its_history_has_no_gaps() {
    let mut site = Site::new(MIXED);
    let started = site.executions.start("one", json!({"items": [1, 2, 3]}), 7).await.expect("it starts");
    assert_eq!(started, Started { id: "arn:aws:states:local:000000000000:execution:m:one".to_owned(), is_new: true });
    let head = site.finish("one").await;
    let output = head.output.expect("an output");
    assert_eq!(
        (head.status, &output["all"], &output["error"]["Error"]),
        (Status::Succeeded, &json!(["well", [1, 2, 3]]), &json!("Sorry"))
    );
    let history = site.history("one").await;
    assert!(history.iter().enumerate().all(|(index, happened)| happened.id == index as u64 + 1));
    assert_eq!(history.last().map(|happened| happened.kind), Some("ExecutionSucceeded"));
    let again = site.history("one").await;
    assert_eq!(history, again);
}

#[tokio::test]
async fn an_execution_ends_as_it_would_have_however_often_the_host_dies() {
    for seed in 1..=8_u64 {
        let mut site = Site::new(MIXED);
        site.executions.start("one", json!({"items": [1, 2, 3, 4, 5]}), 7).await.expect("it starts");
        let (mut fate, mut deaths) = (Fate(seed), 0);
        for _ in 0..200 {
            let died;
            (site, died) = site.turn_or_die(&mut fate).await;
            deaths += usize::from(died);
            if site.executions.described("one").await.expect("it is there").head.status != Status::Running {
                break;
            }
        }
        let head = site.finish("one").await;
        let output = head.output.expect("an output");
        assert_eq!(
            (head.status, &output["all"]),
            (Status::Succeeded, &json!(["well", [1, 2, 3, 4, 5]])),
            "seed {seed}"
        );
        let history = site.history("one").await;
        assert!(history.iter().enumerate().all(|(index, happened)| happened.id == index as u64 + 1), "seed {seed}");
        let succeeded = history.iter().filter(|happened| happened.kind == "MapIterationSucceeded").count();
        assert_eq!(succeeded, 5, "seed {seed}, {deaths} deaths");
    }
}

fn started() -> Notice {
    Notice { to: "one".to_owned(), seed: Some(7), news: News::Execution(Event::Started) }
}

#[tokio::test]
async fn a_step_is_applied_once_whoever_makes_it_twice() {
    let site = Site::new(MIXED);
    site.executions.start("one", json!({"items": [1]}), 7).await.expect("it starts");
    let deliveries = site.receive(&place().inbox).await;
    let Stepped { effects, .. } = site.executions.step("one", vec![started()]).await.expect("a step");
    let other = executions(&site.stores, MIXED);
    let twice = other.step("one", vec![started()]).await.expect("a step").effects;
    site.settle(effects, &deliveries).await;
    let error = site.stores.commit(Commit::new(twice)).await.expect_err("it was made");
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
    // What it kept is ahead of the journal, or behind it, and is not used.
    assert_eq!(other.step("one", vec![started()]).await.expect("no step"), Stepped::default());
}

#[tokio::test]
async fn a_start_by_a_name_happens_once() {
    let site = Site::new(MIXED);
    let start = async |name: &str, input: Value| site.executions.start(name, input, 7).await;
    assert!(start("one", json!({"items": []})).await.expect("it starts").is_new);
    assert!(!start("one", json!({"items": []})).await.expect("it is there").is_new);
    assert!(matches!(start("one", json!({})).await, Err(ExecutionError::Exists { .. })));
    assert!(matches!(start("a b", json!({})).await, Err(ExecutionError::Name { .. })));
    assert!(matches!(
        start("large", json!("x".repeat(262_143))).await,
        Err(ExecutionError::TooLarge { size: 262_145, .. })
    ));
    let listed = site.executions.list(None, 10).await.expect("a list");
    assert_eq!(listed.executions.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one"]);
}

#[tokio::test]
async fn what_is_started_in_a_transaction_is_there_for_it_alone_and_is_started_if_nobody_else_did() {
    let mut site = Site::new(MIXED);
    let transaction = || Transaction::new(site.stores.clone(), site.clock.clone(), ByteSize::mib(1));
    let (one, other) = (transaction(), transaction());
    let input = || json!({"items": [1]});
    for transaction in [&one, &other] {
        let within = site.executions.within(transaction);
        let began = within.beginning("one", input(), 7, Origin::default()).await.expect("it begins");
        transaction.commit(Commit::new(began.effects)).await.expect("it is held");
        let again = within.beginning("one", input(), 8, Origin::default()).await.expect("it is there");
        assert_eq!(again, Beginning { id: began.id, effects: Vec::new() });
        assert_eq!(within.described("one").await.expect("it is there").head.status, Status::Running);
    }
    assert!(matches!(site.executions.described("one").await, Err(ExecutionError::Missing { .. })));
    site.stores.commit(Commit::new(one.finish())).await.expect("it starts");
    let late = site.stores.commit(Commit::new(other.finish())).await;
    assert!(matches!(late, Err(CommitError::Conflict { .. })), "{late:?}");
    assert_eq!(site.finish("one").await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_execution_goes_on_by_the_definition_that_it_was_started_with() {
    let mut site = Site::new(MIXED);
    site.executions.start("one", json!({"items": [1]}), 7).await.expect("it starts");
    site.turn(&mut || false).await;
    site.definition = r#"{"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}"#.to_owned();
    let mut site = site.restart().await;
    assert_eq!(site.finish("one").await.output.expect("an output")["all"], json!(["well", [1]]));
    site.executions.start("two", json!({"new": true}), 7).await.expect("it starts");
    assert_eq!(site.finish("two").await.output, Some(json!({"new": true})));
}

#[tokio::test]
async fn a_callback_goes_to_its_execution_once() {
    let waits = r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "TimeoutSeconds": 600,
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}}}}"#;
    let mut site = Site::new(waits);
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    site.turn(&mut || false).await;
    site.turn(&mut || false).await;
    let head = site.executions.described("one").await.expect("it is there").head;
    assert_eq!(head.status, Status::Running);
    let asked = site.asked.clone().expect("the task");
    let token = asked["MessageBody"]["token"].as_str().expect("a token");
    let ended = |task: Ticket| Event::TaskEnded { task, result: Ok(json!("yes")) };
    let mut site = site.restart().await;
    let task = Token::read(token).expect("a token").task;
    let guessed = Token::of(&site.executions.id("one"), 8, task).write();
    assert!(matches!(site.executions.tell(&guessed, ended).await, Err(ExecutionError::Missing { .. })));
    site.executions.tell(token, ended).await.expect("it is told");
    assert_eq!(site.finish("one").await.output, Some(json!("yes")));
    let history = site.history("one").await;
    assert!(history.iter().any(|happened| happened.kind == "TaskSubmitted"));
    assert!(matches!(site.executions.tell(token, ended).await, Err(ExecutionError::Missing { .. })));
    assert!(matches!(site.executions.tell("nonsense", ended).await, Err(ExecutionError::Missing { .. })));
}

#[tokio::test]
async fn an_execution_is_stopped_redriven_and_forgotten() {
    let breaks = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Task", "Resource": "breaks", "End": true}}}"#;
    let mut site = Site::new(breaks);
    site.executions.start("one", json!({"n": 1}), 7).await.expect("it starts");
    let head = site.finish("one").await;
    assert_eq!((head.status, head.failure), (Status::Failed, Some(Failure::new("Broken", "for now"))));
    assert!(matches!(
        site.executions.stop("one", Failure::new("", "")).await,
        Err(ExecutionError::Ended { status: "FAILED", .. })
    ));
    site.tries = 1;
    let mut site = site.restart().await;
    site.executions.redrive("one").await.expect("it goes on");
    site.turn(&mut || false).await;
    let head = site.finish("one").await;
    assert_eq!((head.status, head.redrives, head.output), (Status::Succeeded, 1, Some(json!({"n": 1}))));
    assert!(matches!(site.executions.redrive("one").await, Err(ExecutionError::Ended { .. })));
    site.clock.advance(DAY + Duration::from_secs(1));
    while site.turn(&mut || false).await {}
    assert!(matches!(site.executions.described("one").await, Err(ExecutionError::Missing { .. })));
    let rest = site.stores.kv().scan(&place().store, "m/j/", None, 10).await.expect("a page");
    assert!(rest.items.is_empty());
}

#[tokio::test]
async fn a_run_that_waits_is_stopped() {
    let waits = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 99999, "End": true}}}"#;
    let mut site = Site::new(waits);
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    site.turn(&mut || false).await;
    site.executions.stop("one", Failure::new("Enough", "by hand")).await.expect("it is stopped");
    let head = site.finish("one").await;
    assert_eq!((head.status, head.failure), (Status::Aborted, Some(Failure::new("Enough", "by hand"))));
}
