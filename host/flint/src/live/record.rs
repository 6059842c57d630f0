//! Which versions a function has, and which of them serve: plain data, and every change of it as a pure function.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Says which version of the format this is.
const FORMAT: u32 = 1;

/// The largest number of a next version that is believed: every reader of JSON has it exactly, no host ever gets there, and
/// there is room to count on.
const NEXT_MAX: u64 = 1 << 53;

/// The versions of a function, as they are kept in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// The number of the next version: none is given twice.
    next: u64,
    /// What the source of the configuration last came to. Another one is newer than what was deployed.
    source: Option<Sum>,
    /// The number of the next version when it did: what was deployed since then has this number, or a larger one.
    #[serde(default)]
    source_at: u64,
    /// The versions that served as the main one, the present one last: where a rollback goes. Each once.
    trail: Vec<u64>,
    /// The version that gets some of the requests beside the main one.
    canary: Option<Canary>,
    /// Those that are kept, the oldest first.
    versions: Vec<Version>,
}

/// One version of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: u64,
    /// Of its component.
    pub(crate) sum: Sum,
    /// The size of its component, in bytes.
    pub(crate) size: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) made_at_ms: u64,
    pub(crate) origin: Origin,
    /// The file or folder that it was made from.
    pub(crate) from: String,
}

/// Who brought a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// The source that the configuration names.
    Source,
    /// Somebody deployed it.
    Deploy,
}

/// A version that gets some of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Canary {
    pub(crate) version: u64,
    /// Of a hundred requests; 1 to 99.
    pub(crate) weight: u8,
}

/// Identifies the bytes of a component: their SHA-256, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum(String);

impl Sum {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(const_hex::encode(sha2::Sha256::digest(bytes)))
    }

    /// Whether it can stand in the name of a file: what was read from a file that somebody changed may be anything.
    fn is_valid(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A component that becomes a version.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) sum: Sum,
    pub(crate) size: u64,
    pub(crate) at_ms: u64,
    pub(crate) from: String,
}

/// Why the versions can't be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The version was never there, or is not kept any more.
    #[error("there is no version {0}")]
    NoSuchVersion(u64),
    /// The version is the main one already.
    #[error("version {0} is in service already")]
    InService(u64),
    /// There is nothing before the first.
    #[error("there is no version before {0}")]
    Oldest(u64),
    /// There is no split.
    #[error("there is no canary")]
    NoCanary,
    /// Who rolled back meanwhile does not expect the new version.
    #[error("the versions were changed while the component was compiled: look at them, and deploy it again")]
    Meanwhile,
}

impl Record {
    /// Starts with what the source came to.
    pub(crate) fn new(source: Made) -> Self {
        let mut record = Self {
            format: FORMAT,
            next: 1,
            source: None,
            source_at: 0,
            trail: Vec::new(),
            canary: None,
            versions: Vec::new(),
        };
        record.serve_source(source);
        record
    }

    /// Reads a record, and refuses one that does not hold together.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(text).ok()?;
        let holds = |version: &u64| record.version(*version).is_some();
        let whole = record.format == FORMAT
            && record.next <= NEXT_MAX
            && record.versions.is_sorted_by(|older, newer| older.version < newer.version)
            && !record.trail.is_empty()
            && record.trail.iter().chain(record.canary.iter().map(|canary| &canary.version)).all(holds)
            && record
                .canary
                .is_none_or(|canary| (1..=99).contains(&canary.weight) && canary.version != record.active())
            && record.versions.iter().all(|version| version.version < record.next && version.sum.is_valid());
        whole.then_some(record)
    }

    /// The version that gets the requests, or most of them.
    pub(crate) fn active(&self) -> u64 {
        self.trail.last().copied().unwrap_or_default()
    }

    pub(crate) fn canary(&self) -> Option<Canary> {
        self.canary
    }

    /// The versions that are kept, the oldest first.
    pub(crate) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Whether it has a version that can't be made again from the source.
    pub(crate) fn has_deployed(&self) -> bool {
        self.versions.iter().any(|version| version.origin == Origin::Deploy)
    }

    pub(crate) fn version(&self, version: u64) -> Option<&Version> {
        self.versions.iter().find(|kept| kept.version == version)
    }

    /// What gets how much of a hundred requests: the main version first.
    pub(crate) fn serving(&self) -> Vec<(u64, u8)> {
        let canary = self.canary.map(|canary| (canary.version, canary.weight));
        let main = (self.active(), 100 - canary.map_or(0, |(_, weight)| weight));
        std::iter::once(main).chain(canary).collect()
    }

    /// Takes up what the source came to. It takes the place of what is in service if it is another one than before, and none
    /// that was deployed since: whoever deploys what a folder is built to, and makes it a canary or rolls it back, has
    /// changed the folder before, and said since then what is to serve.
    #[must_use]
    pub(crate) fn with_source(&self, source: Made) -> Self {
        let mut record = self.clone();
        if record.source.as_ref() == Some(&source.sum) {
            return record;
        }
        let is_active = record.version(record.active()).is_some_and(|active| active.sum == source.sum);
        let was_deployed =
            |kept: &Version| kept.origin == Origin::Deploy && kept.version >= self.source_at && kept.sum == source.sum;
        if is_active || record.versions.iter().any(was_deployed) {
            (record.source, record.source_at) = (Some(source.sum), record.next);
        } else {
            record.serve_source(source);
        }
        record
    }

    /// Serves what the source came to, whatever was in service: a component of that is lost.
    #[must_use]
    pub(crate) fn of_source_alone(&self, source: Made) -> Self {
        let mut record = self.clone();
        record.serve_source(source);
        record
    }

    fn serve_source(&mut self, source: Made) {
        self.source = Some(source.sum.clone());
        let version = self.add(source, Origin::Source);
        self.source_at = self.next;
        self.trail.push(version);
        self.canary = None;
    }

    /// Adds what is deployed: in the place of the main version, or, with a weight of less than a hundred, beside it. What is in
    /// service already stays as it is.
    #[must_use]
    pub(crate) fn with_deployed(&self, made: Made, weight: u8) -> Self {
        let mut record = self.clone();
        if record.version(record.active()).is_some_and(|active| active.sum == made.sum) {
            return record;
        }
        let version = record.add(made, Origin::Deploy);
        if weight >= 100 {
            record.trail.push(version);
            record.canary = None;
        } else {
            record.canary = Some(Canary { version, weight });
        }
        record
    }

    /// Goes back to a version, or to the one that served before.
    pub(crate) fn rolled_back(&self, to: Option<u64>) -> Result<Self, ChangeError> {
        let mut record = self.clone();
        let active = self.active();
        record.canary = None;
        match to {
            None if self.canary.is_some() => {}
            None if record.trail.len() < 2 => return Err(ChangeError::Oldest(active)),
            None => drop(record.trail.pop()),
            Some(to) if self.version(to).is_none() => return Err(ChangeError::NoSuchVersion(to)),
            Some(to) if to == active && self.canary.is_none() => return Err(ChangeError::InService(to)),
            Some(to) => record.trail_to(to),
        }
        Ok(record)
    }

    /// Leads some of the requests to another version: 100 makes it the main one, 0 ends the split. Without a version, the
    /// canary is meant.
    pub(crate) fn split(&self, version: Option<u64>, weight: u8) -> Result<Self, ChangeError> {
        let version = version.or(self.canary.map(|canary| canary.version)).ok_or(ChangeError::NoCanary)?;
        if self.version(version).is_none() {
            return Err(ChangeError::NoSuchVersion(version));
        }
        let mut record = self.clone();
        match weight {
            0 if self.canary.is_none_or(|canary| canary.version != version) => return Err(ChangeError::NoCanary),
            0 => record.canary = None,
            _ if version == self.active() => return Err(ChangeError::InService(version)),
            1..=99 => record.canary = Some(Canary { version, weight }),
            _ => {
                record.canary = None;
                record.trail_to(version);
            }
        }
        Ok(record)
    }

    /// Forgets the oldest versions, down to `max`, but none that is in service.
    pub(crate) fn prune(&mut self, max: usize) {
        let serving: Vec<u64> = self.serving().into_iter().map(|(version, _)| version).collect();
        let mut surplus = self.versions.len().saturating_sub(max);
        self.versions.retain(|kept| {
            let forget = surplus > 0 && !serving.contains(&kept.version);
            surplus -= usize::from(forget);
            !forget
        });
        let kept: Vec<u64> = self.versions.iter().map(|kept| kept.version).collect();
        self.trail.retain(|version| kept.contains(version));
    }

    fn add(&mut self, made: Made, origin: Origin) -> u64 {
        let Made { sum, size, at_ms, from } = made;
        let version = self.next;
        self.next += 1;
        self.versions.push(Version { version, sum, size, made_at_ms: at_ms, origin, from });
        version
    }

    /// Makes a version the main one: back along the trail if it is on it, else as a new step.
    fn trail_to(&mut self, version: u64) {
        match self.trail.iter().position(|step| *step == version) {
            Some(at) => self.trail.truncate(at + 1),
            None => self.trail.push(version),
        }
    }
}

#[cfg(test)]
mod tests;
