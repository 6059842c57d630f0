use flint_sdk::http::Request;

struct Page;

#[flint_sdk::http]
async fn handle(_: Request) -> Page {
    Page
}

fn main() {}
