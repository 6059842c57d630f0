//! The run of a distributed Map: which item is next, and what comes out in the end. Pure: whoever drives it runs the items.

use crate::chance;
use crate::clock::{Clock, Patience};
use crate::definition::{ItemReader, ItemSource, Machine};
use crate::distributed::batches;
use crate::failure::{Failure, name};
use crate::run::{Batch, MapOrder, Outcome, STATE_DATA};
use crate::scene::{Scene, Trouble, Variables};
use crate::size;
use crate::template::Template;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most executions at once if the state does not say ("Map state processing modes": 10,000; a machine has fewer).
const AT_ONCE: u64 = 1_000;

/// An item, or a batch of items, that is to be run.
#[derive(Debug)]
pub struct Item {
    /// Which one: counts from 0.
    pub index: usize,
    /// What its execution gets.
    pub input: Value,
}

/// Items that are being run.
pub struct MapRun {
    machine: Arc<Machine>,
    inputs: Box<dyn Iterator<Item = Result<Value, Trouble>> + Send>,
    /// Whether items are made that were made before: they had time enough then.
    is_again: Arc<AtomicBool>,
    /// How many items there are.
    total: usize,
    at_once: usize,
    tolerated_count: Option<u64>,
    tolerated_percentage: Option<f64>,
    /// Of each that was started, how many items it has: more than one if it is a batch.
    started: Vec<usize>,
    running: usize,
    /// How many items failed.
    failed: usize,
    /// Those that were started before, and are to go on.
    again: BTreeSet<usize>,
    is_exhausted: bool,
    is_batched: bool,
    outputs: Vec<Value>,
    failure: Option<Failure>,
}

impl MapRun {
    /// The run of an order whose items are these.
    #[must_use]
    pub fn new(order: &Arc<MapOrder>, machine: &Machine, items: Vec<Value>) -> Option<Self> {
        let (map, distributed) = order.definition(machine)?;
        let (selector, source) = (map.selector.clone(), source(order, distributed.reader.as_ref()));
        let machine = Machine { comment: None, timeout: None, graph: map.processor.clone(), is_long: machine.is_long };
        let most = order
            .items_max
            .filter(|most| *most > 0)
            .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let total = items.len().min(most);
        let (selecting, mut context) = (order.clone(), order.context.clone());
        let variables = Arc::new(order.variables.clone());
        let (is_again, items) = (Arc::new(AtomicBool::new(false)), items.into_iter().take(most).enumerate());
        let again = is_again.clone();
        let selected = items.map(move |(index, item)| {
            let clock = match again.load(Ordering::Relaxed) {
                true => Clock::default(),
                false => Clock::live(Patience::default()),
            };
            let item = json!({"Index": index, "Value": item, "Source": source});
            select(&selecting, selector.as_ref(), &variables, &mut context, (index, item), &clock)
        });
        let inputs: Box<dyn Iterator<Item = _> + Send> = match &order.batch {
            Some(Batch { input, items_max, bytes_max }) => {
                let count = |most: &Option<u64>| most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
                Box::new(batches(selected, input.clone(), count(items_max), count(bytes_max)))
            }
            None => Box::new(selected),
        };
        let at_once = if order.concurrency == 0 { AT_ONCE } else { order.concurrency.min(AT_ONCE) };
        Some(Self {
            machine: Arc::new(machine),
            inputs,
            is_again,
            total,
            at_once: usize::try_from(at_once).unwrap_or(usize::MAX),
            tolerated_count: order.tolerated_count,
            tolerated_percentage: order.tolerated_percentage,
            started: Vec::new(),
            running: 0,
            failed: 0,
            again: BTreeSet::new(),
            is_exhausted: false,
            is_batched: order.batch.is_some(),
            outputs: Vec::new(),
            failure: None,
        })
    }

    /// What is done with an item.
    #[must_use]
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// How many were started.
    #[must_use]
    pub fn started(&self) -> usize {
        self.started.len()
    }

    /// Has these go on, of those that were started. What failed before counts no more; so many still run.
    pub fn redrive(&mut self, again: impl IntoIterator<Item = usize>, running: usize) {
        self.again.extend(again);
        (self.failure, self.failed, self.running) = (None, 0, running);
    }

    /// The next of those that are to go on, if it may now. They come before those that never began.
    pub fn again_next(&mut self) -> Option<usize> {
        if self.failure.is_some() || self.running >= self.at_once {
            return None;
        }
        let index = self.again.pop_first()?;
        self.running += 1;
        Some(index)
    }

    /// One that was to go on need not, since it has ended well meanwhile; whether it was.
    pub fn is_done_before(&mut self, index: usize) -> bool {
        self.again.remove(&index)
    }

    /// The items behind so many: which one it is and what its execution would get, up to the first that can't be told.
    pub fn pending(self, started: usize) -> impl Iterator<Item = (usize, Value)> + Send {
        self.inputs.enumerate().skip(started).map_while(|(index, input)| Some((index, input.ok()?)))
    }

    /// The next item, if one may be started now.
    pub fn start_next(&mut self) -> Option<Item> {
        if self.is_exhausted || self.failure.is_some() || self.running >= self.at_once {
            return None;
        }
        match self.inputs.next() {
            None => {
                self.is_exhausted = true;
                None
            }
            Some(Err(trouble)) => {
                self.failure = Some(Failure::new(trouble.error, trouble.cause));
                None
            }
            Some(Ok(input)) if size::of(&input) > size::PAYLOAD_MAX => {
                let index = self.started.len();
                let cause =
                    format!("The input of the item {index} {}.", size::excess(size::of(&input), size::PAYLOAD_MAX));
                self.failure = Some(Failure::new(name::DATA_LIMIT_EXCEEDED, cause));
                None
            }
            Some(Ok(input)) => {
                let index = self.started.len();
                let items = input.get("Items").filter(|_| self.is_batched).and_then(Value::as_array);
                self.started.push(items.map_or(1, Vec::len));
                self.running += 1;
                self.outputs.push(Value::Null);
                Some(Item { index, input })
            }
        }
    }

    /// The next item, which was started before.
    pub fn start_again(&mut self) -> Option<Item> {
        self.is_again.store(true, Ordering::Relaxed);
        let item = self.start_next();
        self.is_again.store(false, Ordering::Relaxed);
        item
    }

    /// An item's execution ended.
    pub fn ended(&mut self, index: usize, outcome: &Outcome) {
        self.running = self.running.saturating_sub(1);
        let output = match outcome {
            Outcome::Succeeded(output) => output.clone(),
            other => {
                self.failed += self.started.get(index).copied().unwrap_or(1);
                failed(other)
            }
        };
        if let Some(place) = self.outputs.get_mut(index) {
            *place = output;
        }
        if self.is_over_threshold() {
            let cause = "The specified tolerated failure threshold was exceeded";
            self.failure = Some(Failure::new(name::EXCEED_TOLERATED_FAILURE_THRESHOLD, cause));
        }
    }

    /// Whether more items failed than are tolerated: none, unless a count or a percentage says so; either that is exceeded will
    /// do. A batch that failed is all of its items ("UpdateMapRun": "the maximum percentage of failed items").
    fn is_over_threshold(&self) -> bool {
        let failed = self.failed as u64;
        match (self.tolerated_count, self.tolerated_percentage) {
            (None, None) => failed > 0,
            (count, percentage) => {
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
                let share = self.failed as f64 * 100.0 / self.total.max(1) as f64;
                count.is_some_and(|count| failed > count) || percentage.is_some_and(|percentage| share > percentage)
            }
        }
    }

    /// What came out, once all has ended, or too much has failed.
    pub fn result(&mut self) -> Option<Result<Value, Failure>> {
        if let Some(failure) = &self.failure {
            return Some(Err(failure.clone()));
        }
        (self.is_exhausted && self.running == 0 && self.again.is_empty())
            .then(|| Ok(Value::Array(std::mem::take(&mut self.outputs))))
    }
}

/// What stands in the list for an item that failed.
fn failed(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Failed(failure) | Outcome::Aborted(failure) => json!({"Error": failure.error, "Cause": failure.cause}),
        _ => json!({"Error": name::TIMEOUT}),
    }
}

/// `Map.Item.Source` of the items: the URI of what a reader read, in the words of "Context object data for Map states".
fn source(order: &MapOrder, reader: Option<&ItemReader>) -> String {
    let Some(reader) = reader else { return STATE_DATA.to_owned() };
    let given =
        |name| order.reader.as_ref().and_then(|given| given.get(name)).and_then(Value::as_str).unwrap_or_default();
    match reader.source {
        ItemSource::List => format!("S3://{}", given("Bucket")),
        ItemSource::Object => format!("S3://{}/{}", given("Bucket"), given("Key")),
    }
}

/// What an item's execution gets. The context is that of the state; its `Map` becomes the item's.
fn select(
    order: &MapOrder,
    selector: Option<&Template>,
    variables: &Variables,
    context: &mut Value,
    (index, mut item): (usize, Value),
    clock: &Clock,
) -> Result<Value, Trouble> {
    let Some(selector) = selector else { return Ok(item["Value"].take()) };
    if let Some(fields) = context.as_object_mut() {
        fields.insert("Map".to_owned(), json!({ "Item": item }));
    }
    let scene = Scene {
        input: &order.input,
        result: None,
        error: None,
        context,
        variables,
        seed: chance::seed_of(order.seed, index as u64),
        now: order.now,
        clock,
    };
    selector.evaluate(&scene, "ItemSelector")
}
