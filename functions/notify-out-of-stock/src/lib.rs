//! A step of the order workflow: tells the buyers which product is out of stock.
//!
//! It is where a `Catch` leads to, so its input is the error, `{"Error": …, "Cause": …}`, and not the order, unless the `Catch` has a
//! `ResultPath`. One note a product is enough, however many orders want it and however often a step is tried: the note has the
//! product as its key.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// The error that was caught.
#[derive(Debug, Deserialize)]
struct Caught {
    /// The message of the failure of `check-inventory`.
    #[serde(rename = "Cause")]
    cause: String,
}

/// What the buyers read, and what is answered.
#[derive(Debug, PartialEq, Serialize)]
struct Notice {
    product: String,
    cause: String,
    notified: bool,
}

/// Answers `{"product": …, "cause": …, "notified": true}`.
#[flint_sdk::invoke]
async fn notify_out_of_stock(caught: Caught) -> Result<Notice, Failure> {
    let notice = Notice { product: product(&caught.cause).to_owned(), cause: caught.cause, notified: true };
    kv::open("notices").put(&notice.product, &notice).await?;
    Ok(notice)
}

/// The product that `Product mug out of stock` is about; `unknown`, if the cause is another sentence.
fn product(cause: &str) -> &str {
    let product = cause.strip_prefix("Product ").and_then(|rest| rest.strip_suffix(" out of stock"));
    product.filter(|product| !product.is_empty()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_read_from_the_cause() {
        assert_eq!(product("Product mug out of stock"), "mug");
        assert_eq!(product("Product red mug out of stock"), "red mug");
        for cause in ["", "Product  out of stock", "out of stock", "the store is unavailable"] {
            assert_eq!(product(cause), "unknown", "{cause}");
        }
    }
}
