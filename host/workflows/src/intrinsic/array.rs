//! Functions about arrays.

use super::given::{Given, Outcome};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The longest array that `States.ArrayRange` makes.
const RANGE_MAX: i128 = 1000;

/// `States.Array(…)`: its arguments.
#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
pub(super) fn array(given: &Given) -> Outcome {
    Ok(Value::Array(given.values.clone()))
}

/// `States.ArrayPartition(array, size)`: the array in parts of this size.
pub(super) fn partition(given: &Given) -> Outcome {
    let items = given.payload(0)?;
    let size = usize::try_from(given.rounded(1)?).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| given.wrong(1, "a positive integer"))?;
    Ok(items.chunks(size).map(|part| Value::Array(part.to_vec())).collect())
}

/// `States.ArrayContains(array, value)`: whether the value is an item.
pub(super) fn contains(given: &Given) -> Outcome {
    Ok(Value::Bool(given.payload(0)?.contains(given.any(1))))
}

/// `States.ArrayRange(first, last, step)`: the numbers from the first to the last. An empty array if no step leads there.
pub(super) fn range(given: &Given) -> Outcome {
    let [first, last, step] = [given.rounded(0)?, given.rounded(1)?, given.rounded(2)?];
    if step == 0 {
        return Err("the step must not be 0".to_owned());
    }
    // The difference of two numbers of 64 bits takes 65.
    let span = (i128::from(last) - i128::from(first)) * i128::from(step.signum());
    let steps = span / i128::from(step.unsigned_abs());
    match steps {
        _ if span < 0 => Ok(json!([])),
        steps if steps >= RANGE_MAX => {
            Err(format!("the range has {} items; it must not exceed {RANGE_MAX}", steps + 1))
        }
        _ => Ok(std::iter::successors(Some(first), |number| following(*number, step, last)).collect()),
    }
}

/// The number that follows in a range, up to its last.
fn following(number: i64, step: i64, last: i64) -> Option<i64> {
    let next = number.checked_add(step)?;
    let is_within = if step > 0 { next <= last } else { next >= last };
    is_within.then_some(next)
}

/// `States.ArrayGetItem(array, index)`: the item there, counted from 0.
pub(super) fn get_item(given: &Given) -> Outcome {
    let items = given.array(0)?;
    let index = crate::number::whole(given.any(1)).ok_or_else(|| given.wrong(1, "an integer"))?;
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.cloned().ok_or_else(|| format!("there is no item {index} in an array of {}", items.len()))
}

/// `States.ArrayLength(array)`: the number of items.
pub(super) fn length(given: &Given) -> Outcome {
    Ok(json!(given.array(0)?.len()))
}

/// `States.ArrayUnique(array)`: the items without those that were there before.
pub(super) fn unique(given: &Given) -> Outcome {
    let mut seen = HashSet::new();
    Ok(given.array(0)?.iter().filter(|item| seen.insert(*item)).cloned().collect())
}
