use flint_sdk::http::{Json, Problem, Request, RequestExt};

#[flint_sdk::http]
async fn handle(request: Request) -> Result<Json<u64>, Problem> {
    Ok(Json(request.param_as("n")?))
}

fn main() {}
