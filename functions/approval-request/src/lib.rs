//! The pattern *wait for a person*: a workflow asks for an approval and sleeps until somebody has decided.
//!
//! A state with `.waitForTaskToken` calls this with its token. The token is all that wakes it, so it is kept under the order's id,
//! where the page on which people decide finds it. If the state is tried again it waits with another token: the last one counts.
//! That a decision is told and that its token is gone is one transaction, so of two people who decide at once, one does.

use flint_sdk::kv::Store;
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

/// What a person decides, and who it is.
#[derive(Debug, Deserialize)]
struct Decision {
    by: String,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
enum Verdict {
    /// The order is good, or so much of it.
    Approve { amount: Option<u64> },
    /// It is not.
    Decline { why: String },
    /// It is being looked at: the workflow waits on.
    Later,
}

/// Answers `{"orderId": …, "status": "waiting"}`, which no state sees: it goes on with what is sent back with the token.
#[flint_sdk::invoke]
async fn approval_request(request: Approval) -> Result<Answer, Failure> {
    let Some(order_id) = order_id(&request.order) else {
        return Err(Failure::new("ValidationError", "an order that is to be approved has an `orderId`").never());
    };
    approvals().put(order_id, &request).await?;
    Ok(Answer { order_id: order_id.to_owned(), status: "waiting" })
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    let router = Router::new().post("/approvals", begin).get("/approvals/{id}", show).post("/approvals/{id}", decide);
    router.handle(request).await
}

/// Starts the workflow for an order; for the same order once.
async fn begin(request: Request) -> Result<(StatusCode, Json<Value>), Problem> {
    let order: Value = request.json().await?;
    let Some(order_id) = order_id(&order).filter(|_| order["amount"].is_u64()) else {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail("an order has an `orderId` and an `amount`"));
    };
    let execution = workflow::start("approval", &order).name(order_id).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "execution": execution, "decideAt": format!("/approvals/{order_id}") }))))
}

/// The order that waits.
async fn show(request: Request) -> Result<Json<Value>, Problem> {
    let id: String = request.param_as("id")?;
    let approval: Approval = approvals().get(&id).await?.ok_or_else(|| nothing_waits(&id))?;
    Ok(Json(approval.order))
}

/// Tells the workflow what a person has decided.
async fn decide(request: Request) -> Result<Json<Value>, Problem> {
    let id: String = request.param_as("id")?;
    let decision: Decision = request.json().await?;
    let is_told = flint_sdk::transaction(async || {
        let approval: Approval = approvals().get(&id).await?.ok_or_else(|| nothing_waits(&id))?;
        let is_told = match tell(&approval, &decision).await {
            Ok(()) => true,
            // It has waited long enough, or was stopped.
            Err(workflow::Error::NoSuchExecution(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_told || decision.verdict != Verdict::Later {
            approvals().delete(&id).await?;
        }
        Ok::<_, Problem>(is_told)
    })
    .await?;
    if is_told { Ok(Json(json!({ "told": true }))) } else { Err(nothing_waits(&id)) }
}

async fn tell(
    Approval { token, order }: &Approval,
    Decision { by, verdict }: &Decision,
) -> Result<(), workflow::Error> {
    match verdict {
        Verdict::Approve { amount } => {
            // Of a part, no more than the whole.
            let amount = amount.unwrap_or(u64::MAX).min(order["amount"].as_u64().unwrap_or_default());
            workflow::succeed(token, &json!({ "by": by, "amount": amount })).await
        }
        Verdict::Decline { why } => workflow::fail(token, "Declined", format!("{by}: {why}")).await,
        Verdict::Later => workflow::heartbeat(token).await,
    }
}

fn approvals() -> Store {
    kv::open("approvals")
}

fn nothing_waits(id: &str) -> Problem {
    let detail = format!("no order {id} waits for an approval");
    Problem::new(StatusCode::NOT_FOUND).code("approvals/nothing-waits").detail(detail)
}

/// The id of an order: its `orderId`, or the order itself, if it is no more than its id.
fn order_id(order: &Value) -> Option<&str> {
    order.get("orderId").unwrap_or(order).as_str().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_by_its_id() {
        assert_eq!(order_id(&json!({"orderId": "o-1", "amount": 5})), Some("o-1"));
        assert_eq!(order_id(&json!("o-1")), Some("o-1"));
        for order in [json!(null), json!({}), json!({"orderId": 1}), json!({"orderId": ""}), json!("")] {
            assert_eq!(order_id(&order), None, "{order}");
        }
    }

    #[test]
    fn a_decision_says_who_decides_and_what() {
        let read = |decision: Value| serde_json::from_value::<Decision>(decision).map(|decision| decision.verdict).ok();
        for (decision, verdict) in [
            (json!({"decision": "approve", "by": "Ada"}), Some(Verdict::Approve { amount: None })),
            (json!({"decision": "approve", "by": "Ada", "amount": 5}), Some(Verdict::Approve { amount: Some(5) })),
            (json!({"decision": "decline", "by": "Ada", "why": "no"}), Some(Verdict::Decline { why: "no".to_owned() })),
            (json!({"decision": "later", "by": "Ada"}), Some(Verdict::Later)),
            (json!({"decision": "approve"}), None),
            (json!({"decision": "decline", "by": "Ada"}), None),
            (json!({"decision": "perhaps", "by": "Ada"}), None),
        ] {
            assert_eq!(read(decision.clone()), verdict, "{decision}");
        }
    }
}
