//! A step of the order workflow: counts an order, once.
//!
//! All counters are one batch, which happens as a whole or not at all. Its first change is a note that the order is counted, on
//! condition that there is none yet: if the workflow tries the step again, the condition fails, and so nothing is counted twice.

use std::collections::BTreeMap;

use flint_sdk::kv::{Batch, Expect, Put};
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// What is read of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    product_id: String,
    quantity: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    order_id: String,
    counted: bool,
}

/// Answers `{"orderId": …, "counted": true}`.
#[flint_sdk::invoke]
async fn update_analytics(order: Order) -> Result<Answer, Failure> {
    let counted = format!("counted/{}", order.order_id);
    let mut batch = Batch::new().put(&counted, &true, Put::new().expect(Expect::Absent))?.increment("orders", 1);
    for (product, quantity) in sold(&order.items) {
        batch = batch.increment(&format!("sold/{product}"), quantity);
    }
    match kv::open("analytics").batch(batch).await {
        Ok(_) => {}
        // It was counted before.
        Err(error) if error.is_conflict() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Answer { order_id: order.order_id, counted: true })
}

/// How many of each product: a batch changes a key once.
fn sold(items: &[Item]) -> BTreeMap<&str, i64> {
    let mut sold = BTreeMap::new();
    for item in items {
        *sold.entry(item.product_id.as_str()).or_default() += i64::from(item.quantity);
    }
    sold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_is_ordered_twice_is_one_sum() {
        let item = |product_id: &str, quantity| Item { product_id: product_id.to_owned(), quantity };
        let items = [item("mug", 2), item("plate", 1), item("mug", 3)];
        assert_eq!(sold(&items), BTreeMap::from([("mug", 5), ("plate", 1)]));
        assert!(sold(&[]).is_empty());
    }
}
