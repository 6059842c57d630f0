//! A step of the order workflow: makes the parcel of an order, once.
//!
//! The pattern *put if absent*: the record is written on condition that the order has none. Whoever comes second, because the
//! workflow tried again or two tries overlapped, reads what the first one wrote, and so both answer the same number.

use flint_sdk::kv::Expect;
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is read of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    #[serde(default)]
    items: Vec<Value>,
}

/// A parcel: what is kept, and what is answered.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shipment {
    order_id: String,
    shipment_id: String,
    items: Vec<Value>,
    status: String,
}

/// Answers `{"orderId": …, "shipmentId": …, "items": […], "status": "created"}`.
#[flint_sdk::invoke]
async fn create_shipment(order: Order) -> Result<Shipment, Failure> {
    let shipments = kv::open("shipments");
    let key = order.order_id.clone();
    // Of this invocation, so of no other parcel.
    let new = shipment(order, &context::current().id);
    match shipments.compare_and_set(&key, Expect::Absent, &new).await {
        Ok(_) => Ok(new),
        Err(error) if error.is_conflict() => {
            let first = shipments.get(&key).await?;
            // Nobody deletes parcels here; if somebody did just now, another try makes a new one.
            first.ok_or_else(|| Failure::new("ShipmentGone", "the shipment was deleted meanwhile"))
        }
        Err(error) => Err(error.into()),
    }
}

fn shipment(order: Order, invocation: &str) -> Shipment {
    let Order { order_id, items } = order;
    Shipment { order_id, shipment_id: format!("s-{invocation}"), items, status: "created".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parcel_holds_what_was_ordered() {
        let order = json!({"orderId": "o-1", "items": [{"productId": "mug", "quantity": 2}], "paid": true});
        let order = serde_json::from_value(order).expect("an order");
        let parcel = json!({
            "orderId": "o-1", "shipmentId": "s-7", "items": [{"productId": "mug", "quantity": 2}], "status": "created",
        });
        assert_eq!(json!(shipment(order, "7")), parcel);
    }
}
