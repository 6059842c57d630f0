//! Batches: several items as the input of one execution.

use crate::scene::Trouble;
use crate::size;
use serde_json::{Map, Value};

/// Puts items into batches `{"BatchInput": …, "Items": […]}`, each as large as the limits allow; `BatchInput` only if there is one.
///
/// The bytes are those of the whole batch as compact JSON. An item that is too large on its own is a batch of its own. Items are
/// taken when a batch is asked for; an item that can't be read comes after the batch before it, and ends all.
pub fn batches(
    items: impl IntoIterator<Item = Result<Value, Trouble>>,
    input: Option<Value>,
    items_max: Option<usize>,
    bytes_max: Option<usize>,
) -> impl Iterator<Item = Result<Value, Trouble>> {
    let empty_size = size::of(&batch(input.as_ref(), Vec::new()));
    let items_max = items_max.unwrap_or(usize::MAX).max(1);
    let bytes_max = bytes_max.unwrap_or(usize::MAX);
    let mut items = items.into_iter().fuse();
    let mut kept: Option<Result<Value, Trouble>> = None;
    let mut is_over = false;
    std::iter::from_fn(move || {
        let mut taken = Vec::new();
        let mut bytes = empty_size;
        while !is_over && taken.len() < items_max {
            match kept.take().or_else(|| items.next()) {
                Some(Ok(item)) => {
                    bytes = bytes.saturating_add(size::of(&item)).saturating_add(usize::from(!taken.is_empty()));
                    if bytes > bytes_max && !taken.is_empty() {
                        kept = Some(Ok(item));
                        break;
                    }
                    taken.push(item);
                }
                Some(Err(trouble)) if taken.is_empty() => {
                    is_over = true;
                    return Some(Err(trouble));
                }
                Some(trouble) => {
                    kept = Some(trouble);
                    break;
                }
                None => is_over = true,
            }
        }
        (!taken.is_empty()).then(|| Ok(batch(input.as_ref(), taken)))
    })
}

fn batch(input: Option<&Value>, items: Vec<Value>) -> Value {
    let mut batch = Map::new();
    if let Some(input) = input {
        batch.insert("BatchInput".to_owned(), input.clone());
    }
    batch.insert("Items".to_owned(), Value::Array(items));
    Value::Object(batch)
}
