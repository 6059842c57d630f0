use flint_sdk::Failure;

struct TooLate;

impl From<TooLate> for Failure {
    fn from(_: TooLate) -> Self {
        Failure::new("TooLate", "it is too late").never()
    }
}

#[flint_sdk::invoke]
async fn handle(n: u64) -> Result<u64, TooLate> {
    if n > 10 { Err(TooLate) } else { Ok(n) }
}

fn main() {}
