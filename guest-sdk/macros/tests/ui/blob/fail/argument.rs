//! Neither one nor several.

use flint_sdk::Failure;

#[flint_sdk::blob]
async fn handle(text: String) -> Result<(), Failure> {
    Ok(drop(text))
}

fn main() {}
