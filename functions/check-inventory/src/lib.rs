//! A step of the order workflow: takes what is ordered out of the stock, all of it or nothing.
//!
//! Two orders may want the last mug at the same moment, and a workflow may try a step again whose answer got lost. Both are
//! settled by one transaction: the stock is read, lowered, and the order noted, together. If somebody else takes of the same stock
//! meanwhile, it is done again with what is left; and an order that is noted has its things.

use flint_sdk::prelude::*;
use flint_sdk::transaction;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is read of an order. Whatever else it says goes on to the next step as it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    product_id: String,
    quantity: u64,
}

/// Answers the order with `"inventoryReserved": true`.
#[flint_sdk::invoke]
async fn check_inventory(mut order: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let wanted = Order::deserialize(&order)?;
    transaction(async || reserve(&wanted).await).await?;
    order.insert("inventoryReserved".to_owned(), true.into());
    Ok(order)
}

/// Takes all the items for the order, once. An error takes back what was taken before it.
async fn reserve(order: &Order) -> Result<(), Failure> {
    let (inventory, reservations) = (kv::open("inventory"), kv::open("reservations"));
    if reservations.exists(&order.order_id).await? {
        return Ok(());
    }
    for item in &order.items {
        // A product that the store does not know is one of which there is none.
        let stock = inventory.get(&item.product_id).await?.unwrap_or(0);
        inventory.put(&item.product_id, &left(stock, item)?).await?;
    }
    reservations.put(&order.order_id, &order.items).await?;
    Ok(())
}

/// What is left when an item is taken.
fn left(stock: u64, item: &Item) -> Result<u64, Failure> {
    stock
        .checked_sub(item.quantity)
        .ok_or_else(|| Failure::new("OutOfStockError", format!("Product {} out of stock", item.product_id)).never())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_of_what_is_not_there() {
        let two_mugs = Item { product_id: "mug".to_owned(), quantity: 2 };
        assert_eq!(left(5, &two_mugs), Ok(3));
        assert_eq!(left(2, &two_mugs), Ok(0));
        let failure = left(1, &two_mugs).expect_err("there is one");
        assert_eq!((failure.name.as_str(), failure.message.as_str()), ("OutOfStockError", "Product mug out of stock"));
    }
}
