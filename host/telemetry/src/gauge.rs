//! Values that belong to other parts and are read when the metrics are: spare instances, waiting commits, sizes of files.

use std::fmt;

/// How a value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Up only, since the host started. The name is written with `_total` at its end.
    Counter,
}

/// A value that somebody else keeps.
///
/// Gauges of the same name, kind and help belong together and differ in their labels.
pub struct Gauge {
    /// The name, without `flint_` before it: lower case and underscores, unit last.
    pub name: &'static str,
    /// One sentence about it.
    pub help: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// Names and values of its labels.
    pub labels: Vec<(&'static str, String)>,
    /// Reads it. Called on each scrape; must not block.
    pub read: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Gauge {
    pub(crate) fn is_same(&self, name: &str, labels: &[(&'static str, String)]) -> bool {
        self.name == name && self.labels == labels
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).field("labels", &self.labels).finish_non_exhaustive()
    }
}
