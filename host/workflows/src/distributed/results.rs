//! Files of results, as the developer guide tells ("ResultWriter"): `SUCCEEDED_0.json` and the like, and the manifest that names
//! them.

mod record;

use crate::definition::Transformation;
use serde_json::{Value, json};

pub use record::{Details, Outcome, Record};

/// Which executions a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Those that failed, timed out or were aborted.
    Failed,
    /// Those that never started.
    Pending,
    /// Those that succeeded.
    Succeeded,
}

/// The groups, as a manifest lists them.
const GROUPS: [Group; 3] = [Group::Failed, Group::Pending, Group::Succeeded];

impl Group {
    /// The word for it in names of files and in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
        }
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// What of a result.
    pub transformation: Transformation,
    /// Whether a line holds a result, rather than an array all.
    pub is_lines: bool,
    /// After how many bytes a file is full and the next one begins (AWS: 5 GB).
    pub bytes_max: usize,
}

/// A file of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Which executions it is of.
    pub group: Group,
    /// Such as `SUCCEEDED_0.json`.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// A file that was written, for the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which executions it is of.
    pub group: Group,
    /// Its whole key, with the prefix.
    pub key: String,
    /// Its bytes.
    pub size: u64,
}

/// Results that become files: one file of each group at a time is in memory.
#[derive(Debug)]
pub struct Results {
    writer: Writer,
    open: [Vec<u8>; 3],
    closed: [usize; 3],
}

impl Results {
    /// Starts without results.
    #[must_use]
    pub fn new(writer: Writer) -> Self {
        Self { writer, open: Default::default(), closed: [0; 3] }
    }

    /// Adds an execution, and gives the file that is full with it, if one is.
    pub fn add(&mut self, record: &Record) -> Option<File> {
        let group = record.outcome.group();
        let content = &mut self.open[group as usize];
        record.each(self.writer.transformation, |value| {
            match (self.writer.is_lines, content.is_empty()) {
                (true, _) => {}
                (false, true) => content.push(b'['),
                (false, false) => content.push(b','),
            }
            content.extend_from_slice(value.to_string().as_bytes());
            if self.writer.is_lines {
                content.push(b'\n');
            }
        });
        (content.len() >= self.writer.bytes_max).then(|| self.close(group))
    }

    /// Gives the files that are not full. Groups without results have none.
    #[must_use]
    pub fn finish(mut self) -> Vec<File> {
        let groups = GROUPS.into_iter().filter(|group| !self.open[*group as usize].is_empty()).collect::<Vec<_>>();
        groups.into_iter().map(|group| self.close(group)).collect()
    }

    fn close(&mut self, group: Group) -> File {
        let mut content = std::mem::take(&mut self.open[group as usize]);
        if !self.writer.is_lines {
            content.push(b']');
        }
        let number = self.closed[group as usize];
        self.closed[group as usize] += 1;
        File { group, name: format!("{}_{number}.json", group.name()), content }
    }
}

/// Writes `manifest.json`.
#[must_use]
pub fn manifest(bucket: &str, map_run: &str, files: &[Written]) -> Vec<u8> {
    let of = |group: Group| -> Vec<Value> {
        let files = files.iter().filter(|file| file.group == group);
        files.map(|file| json!({"Key": file.key, "Size": file.size})).collect()
    };
    let [failed, pending, succeeded] = GROUPS.map(of);
    let files = json!({"FAILED": failed, "PENDING": pending, "SUCCEEDED": succeeded});
    json!({"DestinationBucket": bucket, "MapRunArn": map_run, "ResultFiles": files}).to_string().into_bytes()
}

/// The output of a Map state whose results are in files; the key is the manifest's.
#[must_use]
pub fn output(map_run: &str, bucket: &str, key: &str) -> Value {
    json!({"MapRunArn": map_run, "ResultWriterDetails": {"Bucket": bucket, "Key": key}})
}

/// The output of a Map state whose results are in no files: an array, or a text with a line for each.
#[must_use]
pub fn inline<'a>(
    records: impl IntoIterator<Item = Record<'a>>,
    transformation: Transformation,
    is_lines: bool,
) -> Value {
    let mut items = Vec::new();
    for record in records {
        record.each(transformation, |value| items.push(value.clone()));
    }
    if is_lines {
        return items.iter().map(|item| format!("{item}\n")).collect::<String>().into();
    }
    Value::Array(items)
}
