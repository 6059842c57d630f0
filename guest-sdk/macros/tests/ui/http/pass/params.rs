use flint_sdk::http::{ParamError, Params, Problem};

#[flint_sdk::http]
async fn handle(params: Params) -> Result<String, Problem> {
    let n: Result<u64, ParamError> = params.get_as("n");
    Ok(format!("{}{}", n?, params.get("name").unwrap_or_default()))
}

fn main() {}
