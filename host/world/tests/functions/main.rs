//! Functions as they are built, over stores in memory: what a trigger is answered, and what there is to commit then.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

mod calls;
mod harness;
mod queue;
mod transaction;
