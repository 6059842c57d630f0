//! What a function was given: shared by all its instances.

use crate::head::HeadLimits;
use crate::imports::http::Outbound;
use crate::imports::invoke::Functions;
use crate::workflow::Workflows;
use flint_model::{Clock, FunctionName, Grants, Secret, SecretName};
use flint_stores::Stores;
use flint_stores::blob::sign::Signer;
use flint_telemetry::FunctionTelemetry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one function was given.
pub(crate) struct FunctionContext {
    pub(crate) name: FunctionName,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<SecretName, Secret>,
    pub(crate) grants: Grants,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) log_size_max: u64,
    pub(crate) handles_max: usize,
    /// How many bytes the host copies from the guest in one call.
    pub(crate) copied_max: usize,
    pub(crate) head_max: HeadLimits,
    /// Whether its instances run several invocations at once: then it can't be told whose call it is.
    pub(crate) is_shared: bool,
    pub(crate) kv_calls_max: u32,
    pub(crate) kv_size_max: u64,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) workflows: Arc<dyn Workflows>,
    pub(crate) invoke_depth_max: u32,
    pub(crate) signer: Arc<Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: FunctionTelemetry,
}
