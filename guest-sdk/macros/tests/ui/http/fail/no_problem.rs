use flint_sdk::http::Request;

#[flint_sdk::http]
async fn handle(_: Request) -> Result<&'static str, std::io::Error> {
    Ok("Hello!")
}

fn main() {}
