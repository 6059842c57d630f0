//! A step of the order workflow: leaves a confirmation in the outbox, once.
//!
//! The pattern *transactional outbox*: that a letter was written, and the letter in the queue of whoever posts it, are one
//! transaction. A workflow that tries the step again finds the first, and writes no second letter.

use flint_sdk::prelude::*;
use flint_sdk::transaction;
use serde::{Deserialize, Serialize};

/// What is read of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    user_id: Option<String>,
}

/// A letter, as it lies in the outbox.
#[derive(Debug, PartialEq, Serialize)]
struct Mail {
    to: String,
    subject: String,
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    order_id: String,
    email_sent: bool,
}

/// Answers `{"orderId": …, "emailSent": true}`.
#[flint_sdk::invoke]
async fn send_email(order: Order) -> Result<Answer, Failure> {
    transaction(async || {
        let emails = kv::open("emails");
        if !emails.exists(&order.order_id).await? {
            let mail = confirmation(&order);
            queue::open("outbox").send(&mail).await?;
            emails.put(&order.order_id, &mail).await?;
        }
        Ok::<_, Failure>(())
    })
    .await?;
    Ok(Answer { order_id: order.order_id, email_sent: true })
}

fn confirmation(order: &Order) -> Mail {
    let Order { order_id, user_id } = order;
    Mail {
        to: user_id.clone().unwrap_or_else(|| "customer".to_owned()),
        subject: format!("Your order {order_id}"),
        text: format!("Thank you! Your order {order_id} is paid and on its way."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_for_who_ordered_and_names_the_order() {
        let order = |user_id: Option<&str>| Order { order_id: "o-1".to_owned(), user_id: user_id.map(str::to_owned) };
        let mail = confirmation(&order(Some("u-7")));
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("u-7", "Your order o-1"));
        assert_eq!(confirmation(&order(None)).to, "customer");
    }
}
