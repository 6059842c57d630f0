//! The failures of a request, by the names that Step Functions gives them.
//!
//! Recorded of the service, for `dynamodb:putItem`: what DynamoDB finds invalid is `DynamoDB.AmazonDynamoDBException`, whose
//! cause tells `Error Code: ValidationException`; the others have DynamoDB's names. What Step Functions itself can't pass on
//! never reaches DynamoDB: that is `States.Runtime`, which nothing catches.

use crate::failure::{Failure, name};
use std::fmt::Display;

/// The letters of a cause. What a caller wrote stands in it, and may be long.
const CAUSE_MAX: usize = 1_000;

/// DynamoDB refuses what was asked for.
pub(super) fn invalid(message: impl Display) -> Failure {
    of_service("AmazonDynamoDBException", "ValidationException", message)
}

/// The condition of a write does not hold.
pub(super) fn condition_failed() -> Failure {
    let name = "ConditionalCheckFailedException";
    of_service(name, name, "The conditional request failed")
}

/// The failure of a request whose table does not exist: `DynamoDB.ResourceNotFoundException`.
#[must_use]
pub fn table_not_found() -> Failure {
    let name = "ResourceNotFoundException";
    of_service(name, name, "Requested resource not found")
}

/// The arguments have not the shape that they must have.
pub(super) fn unfit(reason: impl Display) -> Failure {
    let reason = cropped(reason);
    Failure::new(name::RUNTIME, format!("The Parameters could not be used to start the Task: [{reason}]"))
}

fn of_service(error: &str, code: &str, message: impl Display) -> Failure {
    let message = cropped(message);
    let cause = format!("{message} (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: {code})");
    Failure::new(format!("DynamoDB.{error}"), cause)
}

fn cropped(message: impl Display) -> String {
    let message = message.to_string();
    match message.char_indices().nth(CAUSE_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}
