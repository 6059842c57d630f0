//! The pattern *idempotent handler*: the same order sent twice is one order, with one answer.
//!
//! Reading first and writing after is not enough: two duplicates that come at once would both find nothing. So the order is
//! written on condition that its key is not there. One write wins; who loses reads what the winner wrote, and answers that.
//! The key and the answer live in one entry, written by one commit, so there is no order without its answer.

use std::time::Duration;

use flint_sdk::kv::{Expect, Put, Store};
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// How long a duplicate is recognised.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client orders.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    /// Makes the request idempotent if there is no `Idempotency-Key`.
    order_id: Option<String>,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Item {
    sku: String,
    quantity: u32,
    /// In cents.
    price: u64,
}

/// What a client gets: the same for every duplicate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    /// In cents.
    total: u64,
    status: String,
}

/// What is kept under the key: the question, to tell a duplicate from another order, and its answer.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Processed {
    request: NewOrder,
    answer: Order,
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new().post("/orders", create).get("/orders/{id}", find).handle(request).await
}

async fn create(request: Request) -> Result<Response, Problem> {
    let key = header_key(&request)?;
    let new: NewOrder = request.json().await?;
    let total = check(&new)?;
    let (key, order_id) = match (key, &new.order_id) {
        (Some(key), order_id) => (format!("key/{key}"), order_id.clone().unwrap_or_else(fresh_id)),
        (None, Some(order_id)) => (format!("id/{order_id}"), order_id.clone()),
        (None, None) => {
            return Err(invalid("order/no-key", "send the header `Idempotency-Key`, or an `orderId`"));
        }
    };
    let processed = Processed { request: new, answer: Order { order_id, total, status: "created".to_owned() } };
    process_once(&kv::open("orders"), &key, processed).await
}

/// Writes the order if nobody has, and answers what is written.
async fn process_once(orders: &Store, key: &str, new: Processed) -> Result<Response, Problem> {
    loop {
        if let Some(processed) = orders.get::<Processed>(key).await? {
            return replay(processed, &new);
        }
        // The order itself, and the key by which a duplicate is known, become durable together or not at all.
        let once = Put::new().expect(Expect::Absent);
        let batch = kv::Batch::new().put(key, &new, once.ttl(REMEMBERED))?.put(
            &order_key(&new.answer.order_id),
            &new.answer,
            once,
        )?;
        match orders.batch(batch).await {
            Ok(_) => {
                log::info!("order created", order = &new.answer.order_id, total = new.answer.total);
                return Ok((StatusCode::CREATED, Json(new.answer)).into_response());
            }
            Err(kv::Error::Conflict(conflict)) if conflict.key == key => {} // A duplicate was faster: read what it wrote.
            Err(kv::Error::Conflict(_)) => {
                return Err(Problem::new(StatusCode::CONFLICT)
                    .code("order/exists")
                    .detail("another request has created an order with this `orderId`"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The answer of the first request, marked as such; unless this is another order under the same key.
fn replay(processed: Processed, new: &Processed) -> Result<Response, Problem> {
    if processed.request != new.request {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
            .code("order/key-reused")
            .detail("this key came with another order before"));
    }
    let replayed = [("idempotent-replayed", "true")];
    Ok((StatusCode::CREATED, replayed, Json(processed.answer)).into_response())
}

async fn find(request: Request) -> Result<Json<Order>, Problem> {
    let id: String = request.param_as("id")?;
    let order = kv::open("orders").get(&order_key(&id)).await?;
    order.map(Json).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND).code("order/unknown").detail(format!("there is no order {id}"))
    })
}

fn order_key(id: &str) -> String {
    format!("order/{id}")
}

/// The client's key for this request, 1 to 128 visible characters.
fn header_key(request: &Request) -> Result<Option<String>, Problem> {
    let Some(key) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=128).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(invalid("order/invalid-key", "`Idempotency-Key` has 1 to 128 visible characters")),
    }
}

/// The total, in cents.
fn check(order: &NewOrder) -> Result<u64, Problem> {
    if let Some(id) = &order.order_id
        && !(1..=128).contains(&id.len())
    {
        return Err(invalid("order/invalid-id", "`orderId` has 1 to 128 bytes"));
    }
    if order.items.is_empty() || order.items.iter().any(|item| item.quantity == 0) {
        return Err(invalid("order/invalid-items", "an order has items, each at least once"));
    }
    let price = |item: &Item| item.price.checked_mul(u64::from(item.quantity));
    let sum = order.items.iter().try_fold(0_u64, |sum, item| sum.checked_add(price(item)?));
    sum.ok_or_else(|| invalid("order/invalid-items", "the total is too large"))
}

/// An id for an order that came without: the invocation's, which is unique.
fn fresh_id() -> String {
    context::current().id
}

fn invalid(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).code(code).detail(detail)
}
