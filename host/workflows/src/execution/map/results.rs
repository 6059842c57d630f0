//! The results of a map run: a list, or files in a bucket.

use super::{Halt, MapHead, failed, too_large};
use crate::arn;
use crate::definition::{Machine, ResultWriter, Transformation};
use crate::distributed::{self, Details, File, Outcome, Record, Results, Writer, Written};
use crate::execution::{ExecutionError, Executions, Head, Status, keys, read};
use crate::failure::{Failure, name};
use crate::map_run::MapRun;
use crate::size;
use flint_model::BucketName;
use flint_stores::blob::WriteError;
use flint_stores::{Effect, ReadError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After how many bytes a file of results is full.
const FILE_MAX: usize = 8 << 20;

impl Executions {
    /// Gathers the results of a map run that is over, and answers what tells its execution, to be committed with the end of
    /// the message that asked for it.
    ///
    /// # Errors
    /// What the stores fail with; that results are too large, or can't be written, is told to the execution.
    pub async fn gather_results(&self, map: &str) -> Result<Vec<Effect>, ExecutionError> {
        // One that was redriven since has not ended.
        let Some(head) = self.map_head(map).await?.filter(|head| head.is_over) else { return Ok(Vec::new()) };
        let machine = self.machine_of(map, &head.definition).await?;
        let Some((_, distributed)) = head.order.definition(&machine) else {
            return Err(read::corrupt(map, "its state is not in its definition".to_owned()));
        };
        let mut effects = Vec::new();
        let result = match &head.order.writer {
            Some(to) => self.written(map, &head, &machine, to, &mut effects).await,
            None => self.listed_results(map, &head, distributed.writer.as_ref()).await,
        };
        let result = match (head.failure.clone(), result) {
            (_, Err(Halt::Stores(error))) => return Err(error),
            // What comes after it is not told.
            (Some(failure), _) | (None, Err(Halt::Told(failure))) => Err(failure),
            (None, Ok(output)) => Ok(output),
        };
        effects.extend(self.map_ended(map, &head, result));
        Ok(effects)
    }

    /// The results as a list, or as lines.
    async fn listed_results(&self, map: &str, head: &MapHead, writer: Option<&ResultWriter>) -> Result<Value, Halt> {
        let machine = arn::machine(&self.options.workflow);
        let (mut list, mut bytes, mut index) = (Vec::new(), 0, 0);
        while let Some(item) = self.item_head(map, index).await? {
            let before = list.len();
            match writer {
                None => list.push(output(&item)),
                Some(writer) => {
                    let name = keys::item(map, index);
                    record(&item, &self.id(&name), &name, &machine)
                        .each(writer.transformation, |value| list.push(value.clone()));
                }
            }
            bytes = size::sum(&list[before..]).saturating_add(bytes);
            if bytes > self.options.limits.payload_max {
                return Err(too_large(&head.order.state).into());
            }
            index += 1;
        }
        Ok(match writer.is_some_and(|writer| writer.is_lines) {
            true => list.iter().map(|item| format!("{item}\n")).collect::<String>().into(),
            false => Value::Array(list),
        })
    }

    /// The results as files, which become visible with the end of the state.
    async fn written(
        &self,
        map: &str,
        head: &MapHead,
        definition: &Machine,
        to: &Value,
        effects: &mut Vec<Effect>,
    ) -> Result<Value, Halt> {
        let text = |field: &str| to.get(field).and_then(Value::as_str).unwrap_or_default();
        let (bucket, prefix) = (text("Bucket"), text("Prefix").trim_end_matches('/'));
        let Ok(bucket) = BucketName::parse(bucket) else { return Err(no_bucket(bucket).into()) };
        let run = head.order.map_run.rsplit(':').next().unwrap_or_default();
        let folder = if prefix.is_empty() { run.to_owned() } else { format!("{prefix}/{run}") };
        let writer = head.order.definition(definition).and_then(|(_, distributed)| distributed.writer.as_ref());
        let (transformation, is_lines) =
            writer.map_or((Transformation::None, false), |writer| (writer.transformation, writer.is_lines));
        let mut results = Results::new(Writer { transformation, is_lines, bytes_max: FILE_MAX });
        let (mut files, mut index) = (Vec::new(), 0);
        let machine = arn::machine(&self.options.workflow);
        while let Some(item) = self.item_head(map, index).await? {
            let name = keys::item(map, index);
            if let Some(full) = results.add(&record(&item, &self.id(&name), &name, &machine)) {
                files.push(self.write(&bucket, &folder, full, effects).await?);
            }
            index += 1;
        }
        if head.failure.is_some() {
            for (index, input) in self.pending(map, head, definition, index).await? {
                let name = keys::item(map, index);
                if let Some(full) = results.add(&unstarted(&input, &self.id(&name), &name, &machine)) {
                    files.push(self.write(&bucket, &folder, full, effects).await?);
                }
            }
        }
        for file in results.finish() {
            files.push(self.write(&bucket, &folder, file, effects).await?);
        }
        let key = format!("{folder}/manifest.json");
        let manifest = distributed::manifest(bucket.as_str(), &head.order.map_run, &files);
        effects.push(self.put_blob(&bucket, &key, manifest).await?);
        Ok(distributed::output(&head.order.map_run, bucket.as_str(), &key))
    }

    /// What the items would have got that a run which failed has not started.
    async fn pending(
        &self,
        map: &str,
        head: &MapHead,
        definition: &Machine,
        started: usize,
    ) -> Result<Vec<(usize, Value)>, ExecutionError> {
        let items = self.stored_items(map).await?;
        let run = MapRun::new(&Arc::new(head.order.clone()), definition, items);
        Ok(run.map(|run| run.pending(started).collect()).unwrap_or_default())
    }

    async fn write(
        &self,
        bucket: &BucketName,
        folder: &str,
        file: File,
        effects: &mut Vec<Effect>,
    ) -> Result<Written, Halt> {
        let File { group, name, content } = file;
        let (key, size) = (format!("{folder}/{name}"), content.len() as u64);
        effects.push(self.put_blob(bucket, &key, content).await?);
        Ok(Written { group, key, size })
    }

    /// Writes content, and answers what links it to its key.
    async fn put_blob(&self, bucket: &BucketName, key: &str, content: Vec<u8>) -> Result<Effect, Halt> {
        let written = async {
            let mut writer = self.stores.blobs().write(bucket).await?;
            writer.write(content.into()).await?;
            writer.finish().await
        };
        let content = written.await.map_err(|error| match error {
            WriteError::NoSuch(_) => no_bucket(bucket.as_str()).into(),
            WriteError::TooLarge(_) => failed(name::RESULT_WRITER_FAILED, error.to_string()).into(),
            WriteError::Unavailable { reason } => Halt::Stores(ReadError::Unavailable { reason }.into()),
        })?;
        let (bucket, key, content_type) = (bucket.clone(), key.to_owned(), Some("application/json".to_owned()));
        Ok(Effect::BlobLink { bucket, key, content, content_type, metadata: BTreeMap::new(), expect: None })
    }

    async fn item_head(&self, map: &str, index: usize) -> Result<Option<Head>, ExecutionError> {
        self.head(&keys::item(map, index)).await
    }
}

fn no_bucket(bucket: &str) -> Failure {
    failed(name::RESULT_WRITER_FAILED, format!("The bucket '{bucket}' does not exist."))
}

/// What stands in the list for an item.
fn output(item: &Head) -> Value {
    match (&item.output, &item.failure) {
        (Some(output), _) => output.clone(),
        (None, Some(failure)) => json!({"Error": failure.error, "Cause": failure.cause}),
        (None, None) => json!({"Error": name::TIMEOUT}),
    }
}

fn record<'h>(item: &'h Head, id: &'h str, name: &'h str, machine: &'h str) -> Record<'h> {
    let failure = item.failure.as_ref();
    let (error, cause) = (failure.map(|failure| failure.error.as_str()), failure.map(|failure| failure.cause.as_str()));
    let outcome = match (item.status, &item.output) {
        (Status::Succeeded, Some(output)) => Outcome::Succeeded(output),
        (Status::TimedOut, _) => Outcome::TimedOut { error, cause },
        // What still runs is told to stop, as the run is over.
        (Status::Aborted | Status::Running, _) => Outcome::Aborted { error, cause },
        _ => Outcome::Failed { error, cause },
    };
    let details = Details {
        started: Some(item.started_at),
        stopped: item.stopped_at,
        redrives: item.redrives,
        is_redrivable: false,
    };
    Record { execution: id, name, machine, input: &item.input, outcome, details }
}

fn unstarted<'h>(input: &'h Value, id: &'h str, name: &'h str, machine: &'h str) -> Record<'h> {
    Record { execution: id, name, machine, input, outcome: Outcome::Pending, details: Details::default() }
}
