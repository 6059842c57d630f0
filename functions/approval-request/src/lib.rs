//! The pattern *wait for a person*: keeps the token of a workflow that waits, until somebody sends it back.
//!
//! A state with `.waitForTaskToken` calls this and goes to sleep. The token is all that wakes it, so it is kept under the order's id,
//! where whoever decides about the order finds it. If the state is tried again it waits with another token: the last one counts.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the workflow asks for, and what is kept of it.
#[derive(Debug, Deserialize, Serialize)]
struct Approval {
    token: String,
    order: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    order_id: String,
    status: &'static str,
}

/// Answers `{"orderId": …, "status": "waiting"}`, which no state sees: it goes on with what is sent back with the token.
#[flint_sdk::invoke]
async fn approval_request(request: Approval) -> Result<Answer, Failure> {
    let Some(order_id) = order_id(&request.order) else {
        return Err(Failure::new("ValidationError", "an order that is to be approved has an `orderId`").never());
    };
    kv::open("approvals").put(order_id, &request).await?;
    Ok(Answer { order_id: order_id.to_owned(), status: "waiting" })
}

/// The id of an order: its `orderId`, or the order itself, if it is no more than its id.
fn order_id(order: &Value) -> Option<&str> {
    order.get("orderId").unwrap_or(order).as_str().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_is_known_by_its_id() {
        assert_eq!(order_id(&json!({"orderId": "o-1", "amount": 5})), Some("o-1"));
        assert_eq!(order_id(&json!("o-1")), Some("o-1"));
        for order in [json!(null), json!({}), json!({"orderId": 1}), json!({"orderId": ""}), json!("")] {
            assert_eq!(order_id(&order), None, "{order}");
        }
    }
}
