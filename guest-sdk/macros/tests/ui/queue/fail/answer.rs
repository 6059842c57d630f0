use flint_sdk::Failure;
use flint_sdk::queue::{Batch, Message};

#[flint_sdk::queue]
async fn one(_: Message<u8>) -> u8 {
    1
}

mod other {
    use super::*;

    /// Which of them failed?
    #[flint_sdk::queue]
    async fn all(_: Batch<u8>) -> Result<(), Failure> {
        Ok(())
    }
}

fn main() {}
