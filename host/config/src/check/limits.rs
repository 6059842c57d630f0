//! Limits of functions against limits of the host.

use crate::diagnostic::{Code, Diagnostic};
use crate::raw::{Function, Limits, Reader};

/// A function's memory fits into `memory-max`, and what all keep warm into `spares-max`.
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
