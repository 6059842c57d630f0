//! The pattern *transaction*: what is taken from one account is given to another, or neither.
//!
//! Both balances are read, decided by, and written, and a receipt is written too. All of it happens together. If somebody else
//! moved something meanwhile, the work is done again; if it turns out that it can't be, nothing of it ever happened, though
//! half of it was written.

use flint_sdk::prelude::*;
use flint_sdk::{idempotent, transaction};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a transfer with an id is recognised.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be moved.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Transfer {
    from: String,
    to: String,
    amount: u64,
    /// Sent again with the same, it is moved once.
    id: Option<String>,
    /// Another one, begun while this one goes on: it is refused, since changes of two transactions could not be told apart.
    beside: Option<Box<Transfer>>,
}

/// What is there afterwards.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Balances {
    from: u64,
    to: u64,
}

#[flint_sdk::invoke]
async fn transfer(order: Transfer) -> Result<Balances, Failure> {
    if let Some(other) = &order.beside {
        let slowly = transaction(async || {
            time::sleep(Duration::from_millis(20)).await;
            move_it(&order).await
        });
        let (moved, refused) = flint_sdk::join!(slowly, transaction(async || move_it(other).await));
        return moved.and(refused);
    }
    let Some(id) = &order.id else { return transaction(async || move_it(&order).await).await };
    let key = format!("once/{id}");
    idempotent(&kv::open("accounts"), &key, REMEMBERED, async || move_it(&order).await).await
}

async fn move_it(order: &Transfer) -> Result<Balances, Failure> {
    let accounts = kv::open("accounts");
    let balance = async |name: &str| Ok::<u64, Failure>(accounts.get(name).await?.unwrap_or(0));
    let to = balance(&order.to).await? + order.amount;
    accounts.put(&order.to, &to).await?;
    let receipts = accounts.increment("receipts", 1).await?;
    // Who gives to himself finds what he was just given.
    let Some(from) = balance(&order.from).await?.checked_sub(order.amount) else {
        return Err(Failure::new("NotCovered", format!("{} has less than {}", order.from, order.amount)).never());
    };
    accounts.put(&order.from, &from).await?;
    log::info!("moved", from = &order.from, to = &order.to, amount = order.amount, receipts = receipts);
    Ok(Balances { from, to })
}
