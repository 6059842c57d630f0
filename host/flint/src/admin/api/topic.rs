//! Topics.

use super::Printable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Messages to publish: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Publish {
    pub(crate) messages: Vec<Publication>,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Publication {
    #[serde(flatten)]
    pub(crate) body: Printable,
    /// What the filters of those who listen look at.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}
