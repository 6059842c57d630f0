//! The items of a map run: read once, and put into the store, so that whoever goes on finds the same.

use super::{Halt, MapEvent, MapHead, failed};
use crate::definition::{ItemFormat, ItemReader, ItemSource};
use crate::distributed::{self, read_manifest};
use crate::execution::mark::Mark;
use crate::execution::message::News;
use crate::execution::{ExecutionError, Executions, keys, read};
use crate::failure::{Failure, name};
use crate::run::MapOrder;
use crate::scene::Trouble;
use crate::size;
use flate2::read::MultiGzDecoder;
use flint_model::BucketName;
use flint_stores::blob::{Listing, Range};
use flint_stores::{Commit, Effect, Expectation, ReadError};
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::io::Read;

/// Most bytes of an object that is read.
const OBJECT_MAX: u64 = 256 << 20;
/// About how many bytes of items are put under one key, and how many are committed at a time.
const CHUNK: usize = 256 << 10;
const COMMIT: usize = 4 << 20;
/// Most bytes of an item: more than an execution may get, of which a selector may take a part.
const ITEM_MAX: usize = 4 << 20;
/// A page of a bucket's list, in objects.
const PAGE: u32 = 1_000;

impl Executions {
    /// Reads the items of a distributed Map, puts them into the store, and answers what has its run begin, to be
    /// committed with the end of the message that asked for it.
    ///
    /// # Errors
    /// What the stores fail with; that the items can't be read is told to the execution.
    pub async fn read_items(
        &self,
        execution: &str,
        seed: Option<u64>,
        order: &MapOrder,
    ) -> Result<Vec<Effect>, ExecutionError> {
        let map = keys::map_run(execution, order.first());
        let Some(head) = self.running(execution, seed).await? else { return Ok(Vec::new()) };
        if self.is_cancelled(execution, order.task).await? {
            return Ok(Vec::new());
        }
        let begun = |seed: u64| self.noted(execution, order.task, &Mark::Map { first: order.first(), seed });
        if let Some(there) = self.map_head(&map).await?.filter(|there| there.seed.is_none() || there.seed == seed) {
            // It began before: a redrive goes on with it, and who else asks for it came too late.
            let seed = there.order.seed;
            let redriven = order.goes_on.map(|_| News::Map(MapEvent::Redriven { task: order.task }));
            return Ok(redriven.map(|news| vec![begun(seed), self.notice(&map, seed, news)]).unwrap_or_default());
        }
        let items = match &order.items {
            Some(items) => items.clone(),
            None => match self.ordered_items(&map, &head.definition, order).await {
                Ok(items) => items,
                Err(Halt::Told(failure)) => {
                    return Ok(self.map_told(&map, order.task, seed, Err(failure)).into_iter().collect());
                }
                Err(Halt::Stores(error)) => return Err(error),
            },
        };
        let mut sizes = items.iter().map(size::of).enumerate();
        if let Some((index, size)) = sizes.find(|(_, size)| *size > ITEM_MAX) {
            let cause = format!("The item {index} {}.", size::excess(size, ITEM_MAX));
            let failure = failed(name::ITEM_READER_FAILED, cause);
            return Ok(self.map_told(&map, order.task, seed, Err(failure)).into_iter().collect());
        }
        self.store_items(&map, items).await?;
        let order = MapOrder { items: None, ..order.clone() };
        let effects = vec![begun(order.seed), self.notice(&map, order.seed, News::Map(MapEvent::GoOn))];
        let (definition, origin) = (head.definition, head.origin);
        let head = MapHead { definition, order, origin, seed, is_over: false, failure: None };
        Ok([vec![self.put_map(&map, &head, Some(Expectation::Absent))], effects].concat())
    }

    async fn ordered_items(&self, map: &str, definition: &str, order: &MapOrder) -> Result<Vec<Value>, Halt> {
        let machine = self.machine_of(map, definition).await?;
        let reader = order.definition(&machine).and_then(|(_, distributed)| distributed.reader.as_ref());
        let Some(reader) = reader else {
            return Err(read::corrupt(map, "its state has no reader".to_owned()).into());
        };
        let most = order.items_max.filter(|most| *most > 0).unwrap_or(u64::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.items_of(reader, order.reader.as_ref().unwrap_or(&Value::Null), most).await
    }

    async fn items_of(&self, reader: &ItemReader, arguments: &Value, most: usize) -> Result<Vec<Value>, Halt> {
        let text = |field: &str| arguments.get(field).and_then(Value::as_str).unwrap_or_default();
        match (reader.source, &reader.format) {
            (ItemSource::List, Some(format)) if reader.flattens => {
                self.flattened(text("Bucket"), text("Prefix"), format, most).await
            }
            (ItemSource::List, _) => self.listed(text("Bucket"), text("Prefix"), most).await,
            (ItemSource::Object, Some(ItemFormat::Manifest)) => {
                self.inventoried(text("Bucket"), text("Key"), most).await
            }
            (ItemSource::Object, format) => {
                let json = ItemFormat::Json { pointer: None };
                let content = self.unpacked_object(text("Bucket"), text("Key")).await?;
                Ok(items_in(&content, format.as_ref().unwrap_or(&json), most)?)
            }
        }
    }

    /// The items in the objects of a bucket (`LOAD_AND_FLATTEN`), in the order of their keys. What stands for a folder
    /// has none.
    async fn flattened(
        &self,
        bucket: &str,
        prefix: &str,
        format: &ItemFormat,
        most: usize,
    ) -> Result<Vec<Value>, Halt> {
        let mut items = Vec::new();
        for object in self.listed(bucket, prefix, usize::MAX).await? {
            let key = object["Key"].as_str().unwrap_or_default();
            if items.len() >= most {
                break;
            }
            if !key.ends_with('/') {
                let content = self.unpacked_object(bucket, key).await?;
                items.extend(items_in(&content, format, most - items.len())?);
            }
        }
        Ok(items)
    }

    /// An object without its compression, which its name tells.
    async fn unpacked_object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Halt> {
        let content = self.object(bucket, key).await?;
        if key.ends_with(".gz") { Ok(unpacked(&content, key)?) } else { Ok(content) }
    }

    /// The items in the files that an inventory's manifest names.
    async fn inventoried(&self, bucket: &str, key: &str, most: usize) -> Result<Vec<Value>, Halt> {
        let manifest = read_manifest(&self.object(bucket, key).await?).map_err(told)?;
        let mut items = Vec::new();
        for key in &manifest.keys {
            let content = self.unpacked_object(&manifest.bucket, key).await?;
            items.extend(items_in(&content, &manifest.format(), most - items.len())?);
            if items.len() >= most {
                break;
            }
        }
        Ok(items)
    }

    async fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Halt> {
        let missing =
            || failed(name::ITEM_READER_FAILED, format!("The object '{key}' of the bucket '{bucket}' does not exist."));
        let Ok(name) = BucketName::parse(bucket) else { return Err(missing().into()) };
        let blob = match self.stores.blobs().read(&name, key, Range::ALL).await {
            Ok(Some(blob)) => blob,
            Ok(None) | Err(ReadError::NoSuch(_)) => return Err(missing().into()),
            Err(error) => return Err(ExecutionError::from(error).into()),
        };
        if blob.info.size > OBJECT_MAX {
            let cause = format!("The object '{key}' has {} bytes, and {OBJECT_MAX} at most are read.", blob.info.size);
            return Err(failed(name::ITEM_READER_FAILED, cause).into());
        }
        let mut content = Vec::with_capacity(usize::try_from(blob.info.size).unwrap_or_default());
        let mut bytes = blob.body.bytes;
        while let Some(block) = bytes.try_next().await.map_err(ExecutionError::from)? {
            content.extend_from_slice(&block);
        }
        Ok(content)
    }

    /// The objects of a bucket, as `ListObjectsV2` tells them.
    async fn listed(&self, bucket: &str, prefix: &str, most: usize) -> Result<Vec<Value>, Halt> {
        let missing = || failed(name::ITEM_READER_FAILED, format!("The bucket '{bucket}' does not exist."));
        let Ok(name) = BucketName::parse(bucket) else { return Err(missing().into()) };
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let listing = Listing { prefix, delimiter: None };
            let page = match self.stores.blobs().list(&name, listing, cursor.as_deref(), PAGE).await {
                Ok(page) => page,
                Err(ReadError::NoSuch(_)) => return Err(missing().into()),
                Err(error) => return Err(ExecutionError::from(error).into()),
            };
            items.extend(page.blobs.into_iter().map(|blob| {
                json!({
                    "Etag": format!("\"{}\"", blob.etag), "Key": blob.key, "LastModified": blob.modified_at.as_millis() / 1_000,
                    "Size": blob.size, "StorageClass": "STANDARD",
                })
            }));
            match page.cursor {
                Some(next) if items.len() < most => cursor = Some(next),
                _ => break,
            }
        }
        items.truncate(most);
        Ok(items)
    }

    /// Puts the items into the store. Who does it again, puts the same.
    async fn store_items(&self, map: &str, items: Vec<Value>) -> Result<(), ExecutionError> {
        let (mut number, mut effects, mut bytes) = (0, Vec::new(), 0);
        let mut chunk = Vec::new();
        let mut rest = items.into_iter().peekable();
        while let Some(item) = rest.next() {
            chunk.push(if chunk.is_empty() { b'[' } else { b',' });
            chunk.extend_from_slice(item.to_string().as_bytes());
            if chunk.len() >= CHUNK || rest.peek().is_none() {
                chunk.push(b']');
                bytes += chunk.len();
                let key = keys::items(&self.options.workflow, map, number);
                effects.push(self.put(key, std::mem::take(&mut chunk), None));
                number += 1;
            }
            if bytes >= COMMIT {
                self.stores.commit(Commit::new(std::mem::take(&mut effects))).await?;
                bytes = 0;
            }
        }
        if !effects.is_empty() {
            self.stores.commit(Commit::new(effects)).await?;
        }
        Ok(())
    }

    pub(super) async fn stored_items(&self, map: &str) -> Result<Vec<Value>, ExecutionError> {
        let mut items = Vec::new();
        self.scan(&keys::all_items(&self.options.workflow, map), |item| {
            let some: Vec<Value> =
                serde_json::from_slice(&item.entry.value).map_err(|error| read::corrupt(map, error.to_string()))?;
            items.extend(some);
            Ok(())
        })
        .await?;
        Ok(items)
    }
}

fn told(trouble: Trouble) -> Failure {
    failed(trouble.error, trouble.cause)
}

fn items_in(content: &[u8], format: &ItemFormat, most: usize) -> Result<Vec<Value>, Failure> {
    distributed::read_items(content, format).map_err(told)?.take(most).collect::<Result<_, _>>().map_err(told)
}

fn unpacked(content: &[u8], key: &str) -> Result<Vec<u8>, Failure> {
    let wrong =
        |what: String| failed(name::ITEM_READER_FAILED, format!("The object '{key}' can't be unpacked: {what}."));
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(content).take(OBJECT_MAX + 1).read_to_end(&mut unpacked);
    match read {
        Err(error) => Err(wrong(error.to_string())),
        Ok(bytes) if bytes as u64 > OBJECT_MAX => Err(wrong(format!("it has more than {OBJECT_MAX} bytes then"))),
        Ok(_) => Ok(unpacked),
    }
}
