use flint_sdk::Failure;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Question {
    n: u64,
}

#[derive(Serialize)]
struct Answer {
    double: u64,
}

#[flint_sdk::invoke]
async fn handle(Question { n }: Question) -> Result<Answer, Failure> {
    Ok(Answer { double: 2 * n })
}

fn main() {}
