//! Buckets of blobs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// What is known about a blob besides its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct BlobInfo {
    pub(crate) key: String,
    /// In bytes.
    pub(crate) size: u64,
    /// Equal etags, equal bytes.
    pub(crate) etag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) modified_at_ms: u64,
    /// Of two changes of one key, the later one has the larger.
    pub(crate) sequence: u64,
}

/// Which blobs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct List {
    #[serde(default)]
    pub(crate) prefix: String,
    /// Keys in which it comes again behind the prefix are rolled up.
    #[serde(default)]
    pub(crate) delimiter: Option<String>,
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// At most so many; 100, if this is left out.
    #[serde(default)]
    pub(crate) limit: Option<u32>,
}

/// Some blobs, in order of their keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct BlobPage {
    pub(crate) blobs: Vec<BlobInfo>,
    /// What the rest was rolled up to, with a delimiter.
    pub(crate) prefixes: Vec<String>,
    /// Where to go on; none when this was the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
}

/// On which condition a blob is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct Condition {
    /// Only if there is none.
    #[serde(default)]
    pub(crate) if_absent: bool,
    /// Only if it has this etag.
    #[serde(default)]
    pub(crate) if_match: Option<String>,
}

/// What a removal came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Removed {
    /// Whether there was something to remove.
    pub(crate) existed: bool,
}

/// Asks for a URL with which anybody may read or write one blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Sign {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) method: SignMethod,
    /// For so long: 1 second to 7 days.
    pub(crate) expires_in_ms: u64,
}

/// What a URL allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignMethod {
    Get,
    Put,
}

/// A URL with which anybody may read or write one blob for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SignedUrl {
    /// Without a `public-url` of the listener, it is a path there.
    pub(crate) url: String,
}
