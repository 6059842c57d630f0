//! Names as AWS writes them. A host has one region, `local`, and one account.

/// The ARN of an execution.
pub(crate) fn execution(workflow: &str, name: &str) -> String {
    format!("arn:aws:states:local:000000000000:execution:{workflow}:{name}")
}

/// The ARN of a state machine.
pub(crate) fn machine(workflow: &str) -> String {
    format!("arn:aws:states:local:000000000000:stateMachine:{workflow}")
}

/// The role of all executions, which means nothing here: grants are those of functions.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/flint";
