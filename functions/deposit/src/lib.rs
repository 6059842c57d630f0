//! What the benchmark asks of Lambdas with DynamoDB, too: reads what a user has, adds to it, and writes the sum.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// What comes in.
#[derive(Debug, Deserialize)]
struct Deposit {
    user: String,
    amount: i64,
}

/// What is kept, and answered.
#[derive(Debug, Deserialize, Serialize)]
struct Account {
    user: String,
    total: i64,
}

#[flint_sdk::http(buffered)]
async fn deposit(request: Request) -> Result<Json<Account>, Problem> {
    let Deposit { user, amount } = request.json().await?;
    let deposits = kv::open("deposits");
    let had = deposits.get::<Account>(&user).await?.map_or(0, |account| account.total);
    let account = Account { user, total: had.saturating_add(amount) };
    deposits.put(&account.user, &account).await?;
    Ok(Json(account))
}
