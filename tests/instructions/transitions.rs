//! A transition of a workflow: of a machine of ten tasks in memory, each of which is answered at once.

use crate::callgrind::counted;
use crate::site::{self, Site, TIMES, WARM_UP};
use flint_model::QueueName;
use flint_stores::BoxFuture;
use flint_workflows::aside::Aside;
use flint_workflows::execution::{Executions, Options, Place};
use flint_workflows::express;
use flint_workflows::failure::Failure;
use flint_workflows::run::{Limits, Outcome, TaskOrder};
use serde_json::{Value, json};
use std::future::{pending, ready};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The tasks of the machine.
const TASKS: u64 = 10;

pub(crate) struct Transitions {
    runtime: Runtime,
    executions: Executions,
    _site: Site,
}

impl Transitions {
    pub(crate) fn new() -> Self {
        let (runtime, site) = (site::runtime(), Site::open());
        let queue = |name: &str| QueueName::parse(name).expect("a name");
        let place =
            Place { store: site::store(), inbox: queue("inbox"), tasks: queue("tasks"), timers: queue("timers") };
        let options = Options {
            workflow: "counted".to_owned(),
            limits: Limits::default(),
            retention: Duration::from_secs(60),
            cached_max: 1,
            is_express: true,
            aside: Aside::default(),
        };
        let executions = Executions::new(site.stores(), place, options, &definition()).expect("a machine");
        let transitions = Self { runtime, executions, _site: site };
        transitions.execute(WARM_UP);
        transitions
    }

    pub(crate) fn run(&self) {
        counted(|| self.execute(TIMES));
    }

    fn execute(&self, transitions: u64) {
        self.runtime.block_on(async {
            for _ in 0..transitions / TASKS {
                let run = self.executions.in_memory("one", json!({ "order": 7 }), 1).expect("an execution");
                let outcome = express::run(run, &Instantly, self.executions.aside()).await;
                assert_eq!(outcome, Outcome::Succeeded(json!({ "order": 7 })));
            }
        });
    }
}

/// The tasks, one after the other.
fn definition() -> String {
    let state = |number: u64| {
        let mut state = json!({ "Type": "Task", "Resource": "echo" });
        if number < TASKS {
            state["Next"] = json!(format!("task {}", number + 1));
        } else {
            state["End"] = json!(true);
        }
        (format!("task {number}"), state)
    };
    let states: serde_json::Map<_, _> = (1..=TASKS).map(state).collect();
    json!({ "StartAt": "task 1", "States": states }).to_string()
}

/// A world whose time stands still, and whose services answer what they were asked with.
struct Instantly;

impl express::World for Instantly {
    fn now(&self) -> u64 {
        0
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    fn call(&self, order: Box<TaskOrder>) -> BoxFuture<'_, Result<Value, Failure>> {
        Box::pin(ready(Ok(order.input)))
    }
}
