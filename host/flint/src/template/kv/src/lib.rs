//! Notes in a key-value store: `PUT` keeps one, `GET` reads it, `DELETE` forgets it.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Note {
    text: String,
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new()
        .get("/{{name}}", list)
        .get("/{{name}}/{id}", read)
        .put("/{{name}}/{id}", write)
        .delete("/{{name}}/{id}", forget)
        .handle(request)
        .await
}

async fn list(_: Request) -> Result<Json<Vec<String>>, Problem> {
    let mut ids = Vec::new();
    let mut scan = notes().scan("");
    while let Some(item) = scan.next_bytes().await? {
        ids.push(item.key);
    }
    Ok(Json(ids))
}

async fn read(request: Request) -> Result<Json<Note>, Problem> {
    let id: String = request.param_as("id")?;
    let note = notes().get(&id).await?;
    note.map(Json).ok_or_else(|| unknown(&id))
}

async fn write(request: Request) -> Result<StatusCode, Problem> {
    let id: String = request.param_as("id")?;
    let note: Note = request.json().await?;
    notes().put(&id, &note).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn forget(request: Request) -> Result<StatusCode, Problem> {
    let id: String = request.param_as("id")?;
    match notes().delete(&id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&id)),
    }
}

fn notes() -> kv::Store {
    kv::open("notes")
}

fn unknown(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND)
        .code("notes/unknown")
        .detail(format!("there is no note {id}"))
}
