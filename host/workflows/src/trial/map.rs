//! Distributed Map states of a trial: items out of mocks or of what the trial has written, an execution for each, and results.

use super::{Trial, about};
use crate::definition::{ItemFormat, ItemSource, Machine, ResultWriter};
use crate::distributed::{self, Details, Record, Results, Writer, Written};
use crate::failure::{Failure, name};
use crate::map_run::MapRun;
use crate::run::{Event, MapOrder, Outcome, Ticket};
use crate::scene::Trouble;
use serde_json::Value;
use std::sync::Arc;

/// Items that are run.
pub(super) struct Mapping {
    run: usize,
    task: Ticket,
    map: MapRun,
    /// What the state is of.
    machine: Arc<Machine>,
    order: Arc<MapOrder>,
    /// What became of each item, in the order in which they ended; only for a writer.
    ended: Vec<Ended>,
}

/// An item whose execution has ended.
struct Ended {
    index: usize,
    about: Arc<crate::run::About>,
    outcome: Outcome,
    at: u64,
}

impl Trial<'_> {
    pub(super) fn map(&mut self, run: usize, machine: &Arc<Machine>, order: MapOrder) {
        let task = order.task;
        let order = Arc::new(order);
        let items = match order.items.clone() {
            Some(items) => Ok(items),
            None => self.read_items(machine, &order),
        };
        let map = items.and_then(|items| {
            MapRun::new(&order, machine, items).ok_or_else(|| Failure::new(name::RUNTIME, "There is no such state."))
        });
        match map {
            Ok(map) => {
                self.maps.push(Some(Mapping { run, task, map, machine: machine.clone(), order, ended: Vec::new() }));
                self.go_on(self.maps.len() - 1);
            }
            Err(failure) => self.push(self.now, run, Event::TaskEnded { task, result: Err(failure) }),
        }
    }

    /// The items that a mock of the state, or of its reader's resource, gives: an array, or the text of an object. Without one,
    /// those in what the trial itself has written.
    fn read_items(&mut self, machine: &Machine, order: &MapOrder) -> Result<Vec<Value>, Failure> {
        let reader = order.definition(machine).and_then(|(_, distributed)| distributed.reader.as_ref());
        let format = reader.and_then(|reader| reader.format.clone());
        let lists = reader.is_some_and(|reader| reader.source == ItemSource::List);
        let flattens = reader.is_some_and(|reader| reader.flattens);
        let answer = self.mocks.named(&[
            order.state.as_str(),
            "arn:aws:states:::s3:getObject",
            "arn:aws:states:::s3:listObjectsV2",
        ]);
        match (answer, format) {
            (Some(Ok(Value::Array(items))), _) => Ok(items),
            (Some(Ok(Value::String(content))), Some(format)) => parsed(content.as_bytes(), &format),
            (Some(Ok(value @ Value::Object(_))), Some(format @ ItemFormat::Json { .. })) => {
                parsed(value.to_string().as_bytes(), &format)
            }
            (Some(Ok(_)), _) => Err(unreadable("Attempting to map over non-iterable node.")),
            (Some(Err(failure)), _) => Err(failure),
            (None, format) => self.written_items(order, format.as_ref().filter(|_| !lists || flattens), lists),
        }
    }

    /// The items in an object that the trial has written, or the list of those, or the items in all of them.
    fn written_items(&self, order: &MapOrder, format: Option<&ItemFormat>, lists: bool) -> Result<Vec<Value>, Failure> {
        let given = |name| order.reader.as_ref().and_then(|reader| reader.get(name)).and_then(Value::as_str);
        let bucket = given("Bucket").unwrap_or_default();
        let in_object = |key: &str, format| self.buckets.get(bucket, key).map(|content| parsed(content, format));
        let listed = || self.buckets.list(bucket, given("Prefix").unwrap_or_default());
        let found = match format {
            Some(format) if lists => listed().map(|objects| -> Result<Vec<Value>, Failure> {
                let keys = objects.iter().filter_map(|object| object["Key"].as_str());
                let items = keys.filter_map(|key| in_object(key, format)).collect::<Result<Vec<_>, _>>()?;
                Ok(items.concat())
            }),
            Some(format) => in_object(given("Key").unwrap_or_default(), format),
            None => listed().map(Ok),
        };
        found.unwrap_or_else(|| {
            let state = &order.state;
            Err(unreadable(format!(
                "There is no such bucket here: give the state `{state}` a mock whose result is the items"
            )))
        })
    }

    /// Starts as many items as may run, or ends the state.
    fn go_on(&mut self, index: usize) {
        let mut started = Vec::new();
        let Some(mapping) = self.maps[index].as_mut() else { return };
        while let Some(item) = mapping.map.start_next() {
            started.push(item);
        }
        let machine = mapping.map.machine().clone();
        let label = mapping.order.label.clone();
        let result = mapping.map.result();
        for item in started {
            let (name, owner) = (format!("item-{}", item.index), format!("{}/{label}", self.options.name));
            let about = about(&owner, &name, item.input, self.now, self.options.seed);
            self.start(machine.clone(), about, Some((index, item.index)));
        }
        let Some(result) = result else { return };
        for running in &mut self.runs {
            if running.as_ref().is_some_and(|running| running.item.is_some_and(|(map, _)| map == index)) {
                *running = None;
            }
        }
        let Some(mapping) = self.maps[index].take() else { return };
        let (run, task) = (mapping.run, mapping.task);
        let result = match result {
            Ok(outputs) => Ok(self.written(mapping, outputs)),
            Err(failure) => {
                self.written(mapping, Value::Null);
                Err(failure)
            }
        };
        self.push(self.now, run, Event::TaskEnded { task, result });
    }

    pub(super) fn item_ended(&mut self, run: usize, outcome: Outcome) {
        let Some(running) = self.runs[run].take() else { return };
        let Some((map, index)) = running.item else { return };
        if let Some(mapping) = self.maps[map].as_mut() {
            mapping.map.ended(index, &outcome);
            if mapping.writer().is_some() {
                let about = running.run.about().clone();
                mapping.ended.push(Ended { index, about: Arc::new(about), outcome, at: self.now });
            }
            self.go_on(map);
        }
    }

    /// What the state passes on: the outputs as its writer has them, or where they are written.
    fn written(&mut self, mut mapping: Mapping, outputs: Value) -> Value {
        let Some(writer) = mapping.writer().cloned() else { return outputs };
        mapping.ended.sort_by_key(|ended| ended.index);
        let records = mapping.ended.iter().map(Ended::record);
        let Some(arguments) = mapping.order.writer.as_ref().filter(|_| writer.arguments.is_some()) else {
            return distributed::inline(records, writer.transformation, writer.is_lines);
        };
        let given = |name| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let (bucket, map_run) = (given("Bucket"), &mapping.order.map_run);
        let folder = [given("Prefix").trim_end_matches('/'), map_run.rsplit(':').next().unwrap_or_default()];
        let folder = folder.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let mut results = Results::new(Writer {
            transformation: writer.transformation,
            is_lines: writer.is_lines,
            bytes_max: usize::MAX,
        });
        for record in records {
            // A file is never full.
            results.add(&record);
        }
        let mut files = Vec::new();
        for file in results.finish() {
            let key = format!("{folder}/{}", file.name);
            files.push(Written { group: file.group, key: key.clone(), size: file.content.len() as u64 });
            self.buckets.put(bucket, &key, file.content, self.now);
        }
        let key = format!("{folder}/manifest.json");
        self.buckets.put(bucket, &key, distributed::manifest(bucket, map_run, &files), self.now);
        distributed::output(map_run, bucket, &key)
    }
}

impl Mapping {
    fn writer(&self) -> Option<&ResultWriter> {
        self.order.definition(&self.machine).and_then(|(_, distributed)| distributed.writer.as_ref())
    }
}

impl Ended {
    fn record(&self) -> Record<'_> {
        let (error, cause) = match &self.outcome {
            Outcome::Failed(failure) | Outcome::Aborted(failure) => {
                (Some(failure.error.as_str()), Some(failure.cause.as_str()))
            }
            Outcome::TimedOut => (Some(name::TIMEOUT), None),
            Outcome::Succeeded(_) => (None, None),
        };
        let outcome = match &self.outcome {
            Outcome::Succeeded(output) => distributed::Outcome::Succeeded(output),
            Outcome::Failed(_) => distributed::Outcome::Failed { error, cause },
            Outcome::TimedOut => distributed::Outcome::TimedOut { error, cause },
            Outcome::Aborted(_) => distributed::Outcome::Aborted { error, cause },
        };
        Record {
            execution: &self.about.id,
            name: &self.about.name,
            machine: &self.about.machine_id,
            input: &self.about.input,
            outcome,
            details: Details {
                started: Some(self.about.started_at),
                stopped: Some(self.at),
                redrives: 0,
                is_redrivable: !matches!(self.outcome, Outcome::Succeeded(_)),
            },
        }
    }
}

fn parsed(content: &[u8], format: &ItemFormat) -> Result<Vec<Value>, Failure> {
    let told = |trouble: Trouble| unreadable(trouble.cause);
    distributed::read_items(content, format).map_err(told)?.collect::<Result<_, _>>().map_err(told)
}

fn unreadable(cause: impl Into<String>) -> Failure {
    Failure::new(name::ITEM_READER_FAILED, cause)
}
