//! What an evaluation has produced, in bytes, and the functions that [`super::guard`] puts into its tree to count it.
//!
//! Their names hold a space, so no expression can call or hide them.

use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use std::cell::Cell;
use std::rc::Rc;

/// Weighs a value that exists anyway, such as the result of a function: its own text or slots, not what is in them.
pub(super) const SHALLOW: &str = "flint shallow";
/// Weighs a part of a new text, array or object; the second argument is added to the weight.
pub(super) const PART: &str = "flint part";
/// Weighs the range from the first to the second argument, and returns the second.
pub(super) const RANGE: &str = "flint range";

/// Asks for the room that `$pad` needs.
pub(super) const PADDED: &str = "flint padded";
/// Asks for the room that `$join` needs.
pub(super) const JOINED: &str = "flint joined";
/// Asks for the room that `$replace` needs, and tells whether it replaces with what a function returns.
pub(super) const REPLACED: &str = "flint replaced";

/// A slot of an array.
pub(super) const SLOT: usize = 32;
/// An entry of an object.
pub(super) const ENTRY: usize = 96;
/// A small array or object.
const SMALL: usize = 256;
/// How many times a slot such an object takes.
const TUPLE: usize = 16;
/// What a closure keeps.
const CLOSURE: usize = 1_024;

/// The count of one evaluation.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    left: Rc<Cell<usize>>,
    memory: usize,
    pub(super) sequence: usize,
}

impl Meter {
    pub(super) fn new(memory: usize, sequence: usize) -> Self {
        Self { left: Rc::new(Cell::new(memory)), memory, sequence }
    }

    /// The count of an expression that uses `%`, `@` or `#`, in whose paths each item is an object with what was bound to it.
    pub(super) fn of_tuples(memory: usize, sequence: usize) -> Self {
        let (left, sequence) = (Rc::new(Cell::new(memory / TUPLE)), sequence / TUPLE);
        Self { left, memory, sequence }
    }

    /// Adds to the count.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), EvaluatorError> {
        let left = self.left.get().checked_sub(bytes).ok_or_else(|| self.exceeded())?;
        self.left.set(left);
        Ok(())
    }

    fn exceeded(&self) -> EvaluatorError {
        let message = format!("U1004: The expression produces more than {} MiB of data.", self.memory >> 20);
        EvaluatorError::EvaluationError(message)
    }

    fn shallow(&self, value: &JValue) -> Result<(), EvaluatorError> {
        self.charge(match value {
            JValue::String(text) => SLOT + text.len(),
            JValue::Array(items) => items.iter().map(slot).fold(SLOT, usize::saturating_add),
            JValue::Object(fields) => fields.keys().map(|key| ENTRY + key.len()).fold(ENTRY, usize::saturating_add),
            JValue::Lambda(_) => CLOSURE,
            _ => 0,
        })
    }

    /// Fails if a value is larger than the limit when it is written out.
    pub(super) fn whole(&self, value: &JValue) -> Result<(), EvaluatorError> {
        let mut room = self.memory;
        if fits(value, &mut room) { Ok(()) } else { Err(self.exceeded()) }
    }

    fn part(&self, value: &JValue, more: usize) -> Result<(), EvaluatorError> {
        self.whole(value)?;
        self.charge(more + if let JValue::String(text) = value { text.len() } else { 0 })?;
        if let JValue::Array(items) = value { self.charge(items.len() * SLOT) } else { Ok(()) }
    }

    fn range(&self, from: &JValue, to: &JValue) -> Result<(), EvaluatorError> {
        let (Some(from), Some(to)) = (from.as_f64(), to.as_f64()) else { return Ok(()) };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and that is large enough"
        )]
        let count = (to - from + 1.0).max(0.0) as usize;
        // Longer ones are refused by the evaluator before it makes them.
        if count > self.sequence { Ok(()) } else { self.charge(count * SLOT) }
    }

    /// Makes the counting functions known to an evaluator.
    pub(super) fn register(&self, evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
        let meter = self.clone();
        evaluator.register_fn(SHALLOW, move |given: &[JValue]| {
            let value = at(given, 0);
            meter.shallow(value).map(|()| value.clone())
        })?;
        let meter = self.clone();
        evaluator.register_fn(PART, move |given: &[JValue]| {
            let value = at(given, 0);
            meter.part(value, size(at(given, 1))).map(|()| value.clone())
        })?;
        let meter = self.clone();
        evaluator.register_fn(RANGE, move |given: &[JValue]| {
            meter.range(at(given, 0), at(given, 1)).map(|()| at(given, 1).clone())
        })?;
        self.register_forecasts(evaluator)
    }

    /// The functions that a guarded tree calls before it pads, joins or replaces, with `$` and then the arguments.
    fn register_forecasts(&self, evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
        let meter = self.clone();
        evaluator.register_fn(PADDED, move |given: &[JValue]| {
            // Without a text to pad, that is `$`.
            let given = given.get(usize::from(at(given, 1).as_f64().is_none())..).unwrap_or_default();
            meter.charge(size(at(given, 1)).saturating_mul(4)).map(|()| JValue::Undefined)
        })?;
        let meter = self.clone();
        evaluator.register_fn(JOINED, move |given: &[JValue]| {
            let between = text(at(given, 2)) + 1;
            let JValue::Array(items) = at(given, 1) else { return Ok(JValue::Undefined) };
            let sum = items.iter().map(|item| text(item) + between + SLOT).fold(0, usize::saturating_add);
            meter.charge(sum).map(|()| JValue::Undefined)
        })?;
        let meter = self.clone();
        evaluator.register_fn(REPLACED, move |given: &[JValue]| {
            let count = given.iter().skip(1).filter(|value| !value.is_undefined()).count();
            let of_context = count == 2 || (count == 3 && at(given, 3).as_f64().is_some());
            let given = given.get(usize::from(!of_context)..).unwrap_or_default();
            meter.replaced(at(given, 0), at(given, 1), at(given, 2)).map(JValue::Bool)
        })
    }

    /// Whether the replacement is a function; fails if there is no room for what it replaces.
    fn replaced(&self, subject: &JValue, wanted: &JValue, replacement: &JValue) -> Result<bool, EvaluatorError> {
        let (JValue::String(subject), JValue::String(replacement)) = (subject, replacement) else {
            return Ok(replacement.is_function());
        };
        // Exact for text. A regular expression matches each place at most once, and what `$0` and its like insert grows with the
        // match: so no more than this.
        let places = match wanted {
            JValue::String(wanted) if !wanted.is_empty() => subject.matches(&**wanted).count(),
            _ => subject.len().saturating_add(1),
        };
        let most = places.saturating_mul(replacement.len());
        if most > self.left.get() { Err(self.exceeded()) } else { Ok(false) }
    }
}

/// The argument at this place, undefined if it wasn't given.
pub(super) fn at(given: &[JValue], place: usize) -> &JValue {
    given.get(place).unwrap_or(&JValue::Undefined)
}

fn text(value: &JValue) -> usize {
    value.as_str().map_or(0, str::len)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and that is large enough")]
fn size(value: &JValue) -> usize {
    value.as_f64().map_or(0, |number| number.abs() as usize)
}

fn slot(item: &JValue) -> usize {
    match item {
        JValue::Lambda(_) => SLOT + CLOSURE,
        JValue::String(_) => 2 * SLOT,
        // Perhaps it was there before, perhaps it is a match, a row of `$zip` or an entry of `$spread`.
        JValue::Array(_) | JValue::Object(_) => SLOT + SMALL,
        _ => SLOT,
    }
}

/// Whether there is room for a value, and takes that. No deeper than the evaluator lets values grow without running out of stack.
fn fits(value: &JValue, room: &mut usize) -> bool {
    let mut take = |bytes: usize| room.checked_sub(bytes).map(|left| *room = left).is_some();
    match value {
        JValue::String(text) => take(text.len() + 1),
        JValue::Array(items) => {
            take(items.len() + 1) && jsonata_core::value::with_stack(|| items.iter().all(|item| fits(item, room)))
        }
        JValue::Object(fields) => {
            take(fields.len() + 1)
                && jsonata_core::value::with_stack(|| {
                    fields.iter().all(|(key, value)| {
                        room.checked_sub(key.len()).map(|left| *room = left).is_some() && fits(value, room)
                    })
                })
        }
        _ => true,
    }
}
