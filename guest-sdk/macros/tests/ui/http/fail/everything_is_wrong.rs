use flint_sdk::http::Request;

#[flint_sdk::http(bufered, fast)]
unsafe extern "C" fn handle<T>(request: Request, more: T) {}

fn main() {}
