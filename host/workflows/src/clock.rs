//! What the clock decides in a step: which evaluations run out of time, and when others are to have their turn.
//!
//! A run is to be the same whenever its events are applied again, on a machine that is as busy as it likes. So the clock is
//! looked at once, when something happens; what it decided is told with what came of the event ([`Decided`]) and kept beside
//! that; and whoever applies the event again says it, and looks at no clock.

use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// What the clock decided when an event was applied: mostly nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The evaluations that ran out of time, as they are counted from 0 in the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<u32>,
    /// From which pause on the step rested: it might pause before whatever it does next, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_from: Option<u32>,
}

impl Decided {
    /// Whether the clock decided nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After how long it begins nothing more, and lets others have their turn.
    pub work: Duration,
    /// How long its evaluations may take altogether, each of which has a limit of its own as well.
    pub evaluations: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { work: Duration::from_millis(50), evaluations: Duration::from_secs(10) }
    }
}

/// The most work of all paths of a step, in places that are looked at: as long as its evaluations may take, about.
const PATHS_MAX: f64 = 100e6;

/// The clock of a step; the default one stands still, and nothing was decided.
#[derive(Debug, Default)]
pub struct Clock {
    /// None: all is decided already.
    live: Option<(Instant, Patience)>,
    /// How many evaluations and pauses there were.
    evaluations: Cell<u32>,
    pauses: Cell<u32>,
    /// How much work paths were.
    paths: Cell<f64>,
    decided: RefCell<Decided>,
}

/// The number of an evaluation in its step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation(u32);

/// How long an evaluation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// So long.
    For(Duration),
    /// As long as it likes: it had time enough before.
    Any,
    /// No time at all: it has run out of it.
    Nothing,
}

impl Clock {
    /// A clock that is looked at from now on.
    #[must_use]
    pub fn live(patience: Patience) -> Self {
        Self { live: Some((Instant::now(), patience)), ..Self::default() }
    }

    /// A clock that stands still, in a step that is made again.
    #[must_use]
    pub fn again(decided: Decided) -> Self {
        Self { decided: RefCell::new(decided), ..Self::default() }
    }

    /// What it decided.
    #[must_use]
    pub fn decided(self) -> Decided {
        self.decided.into_inner()
    }

    /// Counts an evaluation.
    pub(crate) fn evaluation(&self) -> Evaluation {
        Evaluation(next(&self.evaluations))
    }

    /// How long an evaluation may take whose own limit is this.
    pub(crate) fn allows(&self, evaluation: Evaluation, most: Duration) -> Allowed {
        let Some((began, patience)) = self.live else {
            let is_late = self.decided.borrow().late.contains(&evaluation.0);
            return if is_late { Allowed::Nothing } else { Allowed::Any };
        };
        match patience.evaluations.checked_sub(began.elapsed()) {
            Some(left) if !left.is_zero() => Allowed::For(left.min(most)),
            _ => {
                self.ran_out(evaluation);
                Allowed::Nothing
            }
        }
    }

    /// Notes that an evaluation ran out of time.
    pub(crate) fn ran_out(&self, Evaluation(number): Evaluation) {
        let late = &mut self.decided.borrow_mut().late;
        if !late.contains(&number) {
            late.push(number);
        }
    }

    /// Takes the work of a path, which needs no clock: it is known before. Whether there was room for it.
    pub(crate) fn has_room_for_path(&self, work: f64) -> bool {
        self.paths.set(self.paths.get() + work);
        self.paths.get() <= PATHS_MAX
    }

    /// Whether the step has worked for so long that whoever would begin now lets others have their turn.
    pub(crate) fn rests(&self) -> bool {
        let pause = next(&self.pauses);
        if let Some((began, patience)) = self.live
            && began.elapsed() > patience.work
        {
            self.decided.borrow_mut().rests_from.get_or_insert(pause);
        }
        self.decided.borrow().rests_from.is_some_and(|from| pause >= from)
    }
}

fn next(count: &Cell<u32>) -> u32 {
    count.replace(count.get().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPATIENT: Patience = Patience { work: Duration::ZERO, evaluations: Duration::ZERO };
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_one_clock_decided_another_one_says_again() {
        let live = Clock::live(IMPATIENT);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(live.allows(live.evaluation(), SECOND), Allowed::Nothing);
        assert!(live.rests() && live.rests());
        let decided = live.decided();
        assert_eq!(decided, Decided { late: vec![0], rests_from: Some(0) });
        let again = Clock::again(decided.clone());
        assert_eq!(again.allows(again.evaluation(), SECOND), Allowed::Nothing);
        assert_eq!(again.allows(again.evaluation(), SECOND), Allowed::Any);
        assert!(again.rests() && again.rests());
        assert_eq!(again.decided(), decided);
    }

    #[test]
    fn who_has_time_is_given_what_is_left_and_no_more_than_its_own_limit() {
        let clock = Clock::live(Patience::default());
        assert_eq!(clock.allows(clock.evaluation(), SECOND), Allowed::For(SECOND));
        let Allowed::For(left) = clock.allows(clock.evaluation(), 60 * SECOND) else { panic!("there is time") };
        assert!(left <= Patience::default().evaluations);
        assert!(!clock.rests());
        assert!(clock.decided().is_nothing());
    }

    #[test]
    fn a_decision_is_short_and_what_is_not_there_is_nothing() {
        let written = |decided: &Decided| serde_json::to_string(decided).expect("it is JSON");
        assert_eq!(written(&Decided::default()), "{}");
        let decided = Decided { late: vec![2], rests_from: None };
        assert_eq!(written(&decided), r#"{"late":[2]}"#);
        assert_eq!(serde_json::from_str::<Decided>(r#"{"late":[2]}"#).expect("it is read"), decided);
    }
}
