//! Functions at the end of a path, such as `$.items.length()`.

use serde_json::{Value, json};

/// A function at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    Length,
    Min,
    Max,
    Average,
    Sum,
    First,
    Last,
    Keys,
}

const TAILS: [(&str, Tail); 8] = [
    (".length()", Tail::Length),
    (".min()", Tail::Min),
    (".max()", Tail::Max),
    (".avg()", Tail::Average),
    (".sum()", Tail::Sum),
    (".first()", Tail::First),
    (".last()", Tail::Last),
    (".keys()", Tail::Keys),
];

/// A path without the function at its end, and that function.
pub(super) fn split(text: &str) -> (&str, Option<Tail>) {
    let tail = TAILS.iter().find_map(|(name, tail)| Some((text.strip_suffix(name)?, Some(*tail))));
    tail.unwrap_or((text, None))
}

impl Tail {
    /// What the function makes of a value; nothing of one that it can't take.
    pub(super) fn apply(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Length, Value::Array(items)) => Some(json!(items.len())),
            (Self::Length, Value::Object(fields)) => Some(json!(fields.len())),
            (Self::Length, Value::String(text)) => Some(json!(text.chars().count())),
            (Self::First, Value::Array(items)) => items.first().cloned(),
            (Self::Last, Value::Array(items)) => items.last().cloned(),
            (Self::Keys, Value::Object(fields)) => Some(json!(fields.keys().collect::<Vec<_>>())),
            (Self::Min | Self::Max | Self::Average | Self::Sum, Value::Array(items)) => self.of_numbers(items),
            _ => None,
        }
    }

    fn of_numbers(self, items: &[Value]) -> Option<Value> {
        let numbers: Vec<f64> = items.iter().filter_map(Value::as_f64).collect();
        let best = |is_better: fn(f64, f64) -> bool| {
            let pick = |best: f64, next: &f64| if is_better(*next, best) { *next } else { best };
            numbers.split_first().map(|(first, rest)| rest.iter().fold(*first, pick))
        };
        let sum: f64 = numbers.iter().sum();
        let number = match self {
            Self::Min => best(|next, best| next < best)?,
            Self::Max => best(|next, best| next > best)?,
            Self::Average if numbers.is_empty() => return None,
            #[expect(clippy::cast_precision_loss, reason = "a list of 2^53 items does not fit into memory")]
            Self::Average => sum / numbers.len() as f64,
            _ => sum,
        };
        Some(crate::number::plain(number))
    }
}
