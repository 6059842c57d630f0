//! Asynchronous invocations: what became of each, for a while.
//!
//! The invocation itself is a message. What is known about it is written beside it ([`crate::Effect::InvocationPut`]), best
//! in the commits that send and settle the message, and is gone when its time to live is over.

use bytes::Bytes;
use flint_model::{InvocationId, Timestamp};

use crate::BoxFuture;
use crate::kv::ReadError;

/// What is known about an asynchronous invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// How far it has come.
    pub state: InvocationState,
    /// When this is forgotten.
    pub expires_at: Timestamp,
}

/// How far an asynchronous invocation has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvocationState {
    /// It was accepted.
    Queued,
    /// It is tried.
    Running {
        /// For which time, from 1 on.
        attempt: u32,
    },
    /// The function answered.
    Succeeded {
        /// With what.
        answer: Bytes,
    },
    /// It was given up.
    Failed {
        /// The kind of the failure, such as `invoke/trapped`.
        error: String,
        /// What happened, for people.
        message: String,
    },
}

impl InvocationState {
    /// Whether this may be written in the place of what was before. What succeeded stays so, whatever is heard of an attempt
    /// that took longer; what failed may be tried again.
    pub fn follows(&self, before: Option<&Self>) -> bool {
        !matches!(before, Some(Self::Succeeded { .. }))
    }

    /// The bytes of the answer or of the failure, which [`crate::Catalog::answer_size_max`] is for.
    pub fn size(&self) -> usize {
        match self {
            Self::Queued | Self::Running { .. } => 0,
            Self::Succeeded { answer } => answer.len(),
            Self::Failed { error, message } => error.len() + message.len(),
        }
    }
}

/// Reads what became of asynchronous invocations.
pub trait Invocations: Send + Sync {
    /// What is known about one; none if nothing is, or not any more.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`].
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, ReadError>>;
}
