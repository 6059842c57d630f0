//! The pattern *topic with subscribers*: messages of several types, each led to its handler by the attribute `type`.
//!
//! The filter of the trigger lets the types through that are handled here, so the body is read when its type is known. All that a
//! message causes, a message on the same topic too, happens together with its being done.

use flint_sdk::prelude::*;
use flint_sdk::topic::{Message, Outgoing};
use serde::Deserialize;

#[derive(Deserialize)]
struct OrderCreated {
    id: String,
    total: u64,
    /// How many deliveries find that nobody has time, to see one come again.
    #[serde(default)]
    busy: u32,
}

#[derive(Deserialize)]
struct UserSignup {
    email: String,
    name: String,
}

#[flint_sdk::topic]
async fn route(message: Message<Payload>) -> Result<(), Failure> {
    match message.attribute("type") {
        Some("order.created") => confirm(message.read()?, message.receive_count).await,
        Some("user.signup") => welcome(message.read()?).await,
        other => {
            log::warn!("a message of a type that nobody handles", kind = other.unwrap_or("none"));
            Ok(())
        }
    }
}

/// Writes a confirmation. A second message about an order does not change it.
async fn confirm(order: OrderCreated, receive_count: u32) -> Result<(), Failure> {
    let mails = kv::open("mails");
    mails.increment("confirmations", 1).await?;
    mails.put(&format!("order/{}", order.id), &format!("Thank you for {}!", order.total)).await?;
    if order.total == 0 {
        return Err(Failure::new("ValidationError", format!("the order {} is of nothing", order.id)).never());
    }
    if receive_count <= order.busy {
        return Err(Failure::new("Busy", "the post office is busy"));
    }
    Ok(())
}

/// Writes a welcome, and tells that it was written.
async fn welcome(user: UserSignup) -> Result<(), Failure> {
    let key = format!("welcome/{}", user.email);
    kv::open("mails").put(&key, &format!("Welcome, {}!", user.name)).await?;
    topic::open("events").publish_message(Outgoing::json(&key)?.attribute("type", "mail.sent")).await?;
    Ok(())
}
