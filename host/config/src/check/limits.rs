//! Limits of functions against limits of the host.

use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{Function, Limits, Reader};

/// A function's memory fits into `memory-max`, what all keep warm into `spares-max`, and what is reserved into `invocations-max`.
pub(crate) fn check<'f>(
    reader: &mut Reader<'_>,
    limits: &Limits,
    functions: impl Iterator<Item = &'f Function> + Clone,
) {
    let most = limits.host.memory_max;
    for memory in functions.clone().map(|function| &function.memory).filter(|memory| memory.value > most) {
        // Where neither is written there are the defaults, which fit.
        let Some(at) = memory.at.clone().or_else(|| limits.memory_max_at.clone()) else { continue };
        let message = format!("a function has more memory than `limits.memory-max` allows, which is {most}");
        let other = memory.at.as_ref().and(limits.memory_max_at.clone());
        let diagnostic = Diagnostic::new(Code::OutOfRange, at, message, "does not fit").also(other, "the limit");
        reader.report(diagnostic.help("lower one, or raise the other".to_owned()));
    }
    check_reserved(reader, limits, functions.clone());
    let warm: usize = functions.clone().map(|function| function.warm.value).sum();
    let spares = limits.host.spares_max;
    let largest = functions.max_by_key(|function| function.warm.value);
    let at = largest.and_then(|function| function.warm.at.clone()).or_else(|| limits.spares_max_at.clone());
    if let Some(at) = at.or_else(|| largest.map(|function| function.at.clone()))
        && warm > spares
    {
        let message = format!("the functions keep {warm} instances warm together, and `limits.spares-max` is {spares}");
        let other = limits.spares_max_at.clone().filter(|other| *other != at);
        let diagnostic = Diagnostic::new(Code::OutOfRange, at, message, "does not fit").also(other, "the limit");
        reader.report(diagnostic.help("lower `warm` of some functions, or raise `spares-max`".to_owned()));
    }
}

/// Something is left for functions that reserve nothing.
fn check_reserved<'f>(reader: &mut Reader<'_>, limits: &Limits, functions: impl Iterator<Item = &'f Function> + Clone) {
    let (reserving, sharing): (Vec<_>, Vec<_>) = functions.partition(|function| function.concurrency.at.is_some());
    let reserved: usize = reserving.iter().map(|function| function.concurrency.value).sum();
    let most = limits.host.invocations_max;
    let largest = reserving.iter().max_by_key(|function| function.concurrency.value);
    let Some(at) = largest.and_then(|function| function.concurrency.at.clone()) else { return };
    if reserved + usize::from(!sharing.is_empty()) <= most {
        return;
    }
    let left = if reserved <= most { ", which leaves nothing for the others" } else { "" };
    let message =
        format!("the functions reserve {reserved} invocations together, and `limits.invocations-max` is {most}{left}");
    let other = limits.invocations_max_at.clone();
    let diagnostic = Diagnostic::new(Code::OutOfRange, at, message, "does not fit").also(other, "the limit");
    reader.report(diagnostic.help("lower `concurrency` of some functions, or raise `invocations-max`".to_owned()));
}
