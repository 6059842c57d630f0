//! Which lines are worth writing.

use crate::log::Level;
use std::fmt;
use std::str::FromStr;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Decides what is written, by level and by where a line comes from.
///
/// Written as a list: `warn`, `info,flint_triggers=debug`, `info,function::hello=trace`. The part before `=` is the start
/// of a module's path, or `function::` and the name of a function for what its guest says and what is recorded of its
/// invocations. The longest that fits counts. The default is `info`.
#[derive(Clone, PartialEq)]
pub struct Filter(Targets);

/// Says that a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a log filter is a level (`error`, `warn`, `info`, `debug`, `trace`, `off`) or a list such as `info,function::hello=debug`"
)]
pub struct FilterError;

impl Default for Filter {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        // A bare word that is no level reads as a module whose every line is wanted. That is a typing error here.
        let levels = ["error", "warn", "info", "debug", "trace", "off"];
        let known = |part: &str| part.contains('=') || levels.iter().any(|level| level.eq_ignore_ascii_case(part));
        if !text.split(',').all(known) {
            return Err(FilterError);
        }
        text.parse().map(Self).map_err(|_| FilterError)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({})", self.0)
    }
}

impl Filter {
    /// Says whether a line of this origin and level is written.
    pub(crate) fn allows(&self, target: &str, level: &tracing::Level) -> bool {
        self.0.would_enable(target, level)
    }

    /// The most that is written of any origin, so that the rest costs nothing.
    pub(crate) fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.iter().map(|(_, level)| level).chain(self.0.default_level()).max()
    }

    /// The least level that is written of an origin; none: nothing is.
    pub(crate) fn least(&self, target: &str) -> Option<Level> {
        use tracing::Level as L;
        [L::TRACE, L::DEBUG, L::INFO, L::WARN, L::ERROR]
            .into_iter()
            .find(|level| self.allows(target, level))
            .map(Level::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_target_that_fits_decides() {
        let filter: Filter = "warn,function=info,function::hello=trace,flint_world=off".parse().expect("valid");
        for (target, least) in [
            ("function::hello", Some(Level::Trace)),
            ("function::order", Some(Level::Info)),
            ("flint_triggers::request", Some(Level::Warn)),
            ("flint_world::link", None),
        ] {
            assert_eq!(filter.least(target), least, "{target}");
        }
        assert_eq!(Filter::default().least("anything"), Some(Level::Info));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in ["", "loud", "info,loud", "a=b=c", "flint=loud"] {
            assert_eq!(bad.parse::<Filter>(), Err(FilterError), "{bad}");
        }
    }
}
