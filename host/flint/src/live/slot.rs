//! The place of a function: what serves it now, in one value that is swapped as a whole.
//!
//! A request takes the version that serves it once, when it comes, and holds it to its end. Swapping waits for nobody, and
//! nobody waits for it. A version that nobody holds any more is gone, with its instances and its code.

use arc_swap::ArcSwap;
use flint_model::FunctionName;
use flint_model::lane::{Hold, Spread};
use flint_triggers::request::WantedVersion;
use flint_world::{Failure, Function, Remains};
use http::HeaderValue;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// One version of a function, ready to be called.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) version: u64,
    /// The version as a header.
    header: HeaderValue,
    pub(crate) function: Function,
}

impl Live {
    pub(crate) fn new(version: u64, function: Function) -> Self {
        Self { version, header: HeaderValue::from(version), function }
    }

    /// The version as a header.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// What serves a function.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) main: Spread<Live>,
    pub(crate) canary: Option<(Spread<Live>, u8)>,
    /// Whether a request may choose.
    pub(crate) version_header: bool,
}

impl Serving {
    /// The versions, with their weight of a hundred.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (&Spread<Live>, u8)> {
        let canary = self.canary.as_ref().map(|(live, weight)| (live, *weight));
        let main = (&self.main, 100 - canary.map_or(0, |(_, weight)| weight));
        std::iter::once(main).chain(canary)
    }

    /// Whether these are the versions, with these weights.
    pub(crate) fn is(&self, wanted: &[(u64, u8)]) -> bool {
        self.versions().map(|(live, weight)| (live.version, weight)).eq(wanted.iter().copied())
    }

    fn has(&self, live: &Spread<Live>) -> bool {
        self.versions().any(|(other, _)| Arc::ptr_eq(other.value(), live.value()))
    }
}

/// The place of a function.
#[derive(Debug)]
pub(crate) struct Slot {
    name: FunctionName,
    serving: ArcSwap<Serving>,
    /// Counts the requests of a split.
    turn: AtomicU32,
    /// Versions that were swapped out; some may still have requests.
    retired: Mutex<Vec<Remains>>,
}

impl Slot {
    pub(crate) fn new(name: FunctionName, serving: Serving) -> Self {
        let turn = AtomicU32::new(0);
        Self { name, serving: ArcSwap::from_pointee(serving), turn, retired: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &FunctionName {
        &self.name
    }

    /// What serves now.
    pub(crate) fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }

    /// The version for a request that leaves it to the host.
    pub(crate) fn choose(&self) -> Hold<Live> {
        let serving = self.serving.load();
        match &serving.canary {
            Some((canary, weight)) if is_turn(self.turn.fetch_add(1, Ordering::Relaxed), *weight) => canary.hold(),
            _ => serving.main.hold(),
        }
    }

    /// The version for a request, which may ask for one where the function allows it; and whether the answer tells which.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] if it asks for one that is not in service.
    pub(crate) fn choose_for(&self, request: &http::Extensions) -> Result<(Hold<Live>, bool), Failure> {
        let serving = self.serving.load();
        if !serving.version_header {
            drop(serving);
            return Ok((self.choose(), false));
        }
        let Some(WantedVersion(wanted)) = request.get::<WantedVersion>() else {
            drop(serving);
            return Ok((self.choose(), true));
        };
        let found = serving.versions().find(|(live, _)| live.header == *wanted);
        found.map(|(live, _)| (live.hold(), true)).ok_or_else(|| {
            let versions: Vec<_> = serving.versions().map(|(live, _)| live.version.to_string()).collect();
            Failure::BadRequest(format!("`flint-version` names none that is in service: {}", versions.join(", ")))
        })
    }

    /// Says that it serves from now on.
    pub(crate) fn take_over(&self) {
        self.serving.load().versions().for_each(|(live, _)| live.function.take_over());
    }

    /// Swaps what serves; what does not serve any more gives up its spare instances, and ends with its last request.
    pub(crate) fn swap(&self, serving: Serving) {
        let before = self.serving.swap(Arc::new(serving));
        self.take_over();
        self.retire(&before, Some(&self.serving.load()));
    }

    /// Says that another place has taken this one's, or, with none, that the function is gone.
    pub(crate) fn replaced_by(&self, other: Option<&Self>) {
        let before = self.serving.load();
        let Some(other) = other else { return self.retire(&before, None) };
        *other.retired.lock() = std::mem::take(&mut *self.retired.lock());
        other.retire(&before, Some(&other.serving.load()));
    }

    fn retire(&self, before: &Serving, now: Option<&Serving>) {
        let mut retired = self.retired.lock();
        retired.retain(|version| !version.are_gone());
        for (live, _) in before.versions().filter(|(live, _)| !now.is_some_and(|now| now.has(live))) {
            retired.push(live.function.remains());
            live.function.retire();
        }
    }

    /// How many versions that were swapped out still have requests, or answers that are not sent to their end.
    pub(crate) fn retired(&self) -> usize {
        let mut retired = self.retired.lock();
        retired.retain(|version| !version.are_gone());
        retired.len()
    }

    /// How many instances are ready.
    pub(crate) fn spares(&self) -> usize {
        self.serving.load().versions().map(|(live, _)| live.function.spares()).sum()
    }
}

/// Whether the canary gets this turn. The golden ratio spreads its turns evenly, and without a rhythm that a client's could
/// fall in with.
fn is_turn(turn: u32, weight: u8) -> bool {
    const GOLDEN: u32 = 0x9E37_79B9;
    let place = turn.wrapping_mul(GOLDEN);
    u64::from(place) * 100 < u64::from(weight) << 32
}

#[cfg(test)]
mod tests {
    use super::is_turn;

    #[test]
    fn a_split_is_exact_over_a_few_hundred_requests_and_has_no_rhythm() {
        for weight in [1, 10, 33, 50, 99] {
            for start in [0_u32, 12_345, u32::MAX - 500] {
                let turns = || (0..1000_u32).map(|turn| is_turn(turn.wrapping_add(start), weight));
                let turns = |every: usize| turns().step_by(every).filter(|turn| *turn).count();
                let expected = usize::from(weight) * 10;
                assert!(turns(1).abs_diff(expected) <= 6, "{} of {expected}", turns(1));
                assert!(turns(2).abs_diff(expected / 2) <= 12, "every other one: {} of {}", turns(2), expected / 2);
            }
        }
    }
}
