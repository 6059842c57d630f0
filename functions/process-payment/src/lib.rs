//! A step of the order workflow: charges an order, once.
//!
//! A workflow tries a step again if it can't know whether it was done. So the charge is noted under the order's id: whoever
//! finds it there does not charge again, and answers as the first one did.

use flint_sdk::prelude::*;
use flint_sdk::transaction;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A means of payment that no bank accepts, to see what happens then.
const DECLINED_CARD: &str = "declined-card";

/// What is read of an order, and what is kept of its charge. Whatever else the order says goes on to the next step as it came.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    order_id: String,
    #[serde(default)]
    payment_method: String,
    /// In cents.
    #[serde(default)]
    amount: u64,
}

/// Answers the order with `"paid": true`.
#[flint_sdk::invoke]
async fn process_payment(mut order: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let charge = Charge::deserialize(&order)?;
    transaction(async || charge_once(&charge).await).await?;
    order.insert("paid".to_owned(), true.into());
    Ok(order)
}

async fn charge_once(charge: &Charge) -> Result<(), Failure> {
    let payments = kv::open("payments");
    let key = format!("order/{}", charge.order_id);
    if payments.exists(&key).await? {
        return Ok(());
    }
    accept(charge, payments.get("limit").await?)?;
    payments.put(&key, charge).await?;
    // In the same transaction: as many charges are counted as are noted.
    payments.increment("charges", 1).await?;
    Ok(())
}

/// Says whether a bank would take it: no more than the limit, if there is one.
fn accept(charge: &Charge, limit: Option<u64>) -> Result<(), Failure> {
    let reason = match limit {
        _ if charge.payment_method == DECLINED_CARD => "The card was declined".to_owned(),
        Some(limit) if charge.amount > limit => format!("An amount of {} is above {limit}", charge.amount),
        _ => return Ok(()),
    };
    Err(Failure::new("PaymentDeclinedError", reason).never())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(payment_method: &str, amount: u64, limit: Option<u64>) -> Result<(), String> {
        let charge = Charge { order_id: "o-1".to_owned(), payment_method: payment_method.to_owned(), amount };
        accept(&charge, limit).map_err(|failure| format!("{}: {}", failure.name, failure.message))
    }

    #[test]
    fn a_card_that_is_declined_and_an_amount_above_the_limit_are_not_charged() {
        assert_eq!(answered("card", 500, None), Ok(()));
        assert_eq!(answered("card", 500, Some(500)), Ok(()));
        let declined = Err("PaymentDeclinedError: The card was declined".to_owned());
        assert_eq!(answered("declined-card", 1, None), declined);
        let above = Err("PaymentDeclinedError: An amount of 501 is above 500".to_owned());
        assert_eq!(answered("card", 501, Some(500)), above);
    }
}
