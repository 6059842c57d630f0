//! Answers invocations: JSON in, JSON out.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Basket {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    price: f64,
    quantity: u32,
}

#[derive(Serialize)]
struct Bill {
    total: f64,
}

#[flint_sdk::invoke]
async fn bill(basket: Basket) -> Result<Bill, Failure> {
    if basket.items.is_empty() {
        return Err(Failure::new("ValidationError", "the basket is empty").never());
    }
    let price = |item: &Item| item.price * f64::from(item.quantity);
    let total = basket.items.iter().map(price).sum();
    log::info!("billed", total = total);
    Ok(Bill { total })
}
