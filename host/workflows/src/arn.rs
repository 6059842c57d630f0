//! Names as AWS writes them. A host has one region, `local`, and one account.

/// What the ARNs of all executions start with.
const EXECUTIONS: &str = "arn:aws:states:local:000000000000:execution:";

/// The ARN of an execution.
pub(crate) fn execution(workflow: &str, name: &str) -> String {
    format!("{EXECUTIONS}{workflow}:{name}")
}

/// The workflow and the name of the execution that this is the ARN of; none if it is that of nothing here.
pub(crate) fn read_execution(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix(EXECUTIONS)?.split_once(':')
}

/// The ARN of a state machine.
pub(crate) fn machine(workflow: &str) -> String {
    format!("arn:aws:states:local:000000000000:stateMachine:{workflow}")
}

/// The role of all executions, which means nothing here: grants are those of functions.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/flint";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_of_an_execution_is_read_as_it_was_written() {
        assert_eq!(read_execution(&execution("order", "o-1")), Some(("order", "o-1")));
        for other in ["", "o-1", "order:o-1", &machine("order"), EXECUTIONS] {
            assert_eq!(read_execution(other), None, "{other}");
        }
    }
}
