//! The first step of the order workflow: is this an order at all?
//!
//! An error has a name, and that name is all that a workflow looks at: a `Catch` for `ValidationError` ends the order, a `Retry`
//! for `Lambda.ServiceException` tries it again. So the same function can say "this will never do" and "not now".

use flint_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// How many tries of a flaky order fail before one goes well.
const FLAKY_TRIES: i64 = 2;

/// What has to be there. Whatever else an order says goes on to the next step as it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    items: Vec<Item>,
    /// Fails twice, to see a workflow try again.
    #[serde(default)]
    flaky: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    product_id: String,
    quantity: u64,
}

/// Answers the order with `"validated": true`.
#[flint_sdk::invoke]
async fn validate(mut order: Value) -> Result<Value, Failure> {
    let Some(Order { order_id, flaky, .. }) = read(&order) else {
        return Err(Failure::new("ValidationError", "Invalid order data").never());
    };
    // Each try is an invocation of its own, so they are counted where all of them see it.
    if flaky && kv::open("order-tries").increment(&order_id, 1).await? <= FLAKY_TRIES {
        return Err(Failure::new("Lambda.ServiceException", "the service is busy"));
    }
    order["validated"] = true.into();
    Ok(order)
}

/// Reads an order, if it is one: a JSON object with an id, and with things of which at least one each is wanted.
fn read(order: &Value) -> Option<Order> {
    let order = Order::deserialize(order.as_object()?).ok()?;
    let is_wanted = |item: &Item| !item.product_id.is_empty() && item.quantity > 0;
    let is_order = !order.order_id.is_empty() && !order.items.is_empty() && order.items.iter().all(is_wanted);
    is_order.then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_has_an_id_and_items() {
        let mug = json!([{"productId": "mug", "quantity": 2, "price": 950}]);
        let whole = json!({"orderId": "o-1", "items": mug, "userId": "u-1"});
        assert!(read(&whole).is_some_and(|order| !order.flaky));
        assert!(read(&json!({"orderId": "o-1", "items": mug, "flaky": true})).is_some_and(|order| order.flaky));
        let wrong = [
            json!(null),
            json!("o-1"),
            json!(["o-1", []]),
            json!({}),
            json!({"items": mug}),
            json!({"orderId": "", "items": mug}),
            json!({"orderId": "o-1"}),
            json!({"orderId": "o-1", "items": []}),
            json!({"orderId": "o-1", "items": [{"productId": "mug", "quantity": 0}]}),
            json!({"orderId": "o-1", "items": [{"productId": "", "quantity": 1}]}),
        ];
        for order in wrong {
            assert!(read(&order).is_none(), "{order}");
        }
    }
}
