//! A table for Lambdas, as much of DynamoDB's API as reading and writing an item takes, over a store of flint: so what a Lambda waits
//! for is as durable as what a function waits for, and on the same disk.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use crate::error::Error;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::StoreName;
use flint_stores::{Catalog, Commit, Effect, Expectation, KvLimits, Stores as _};
use flint_stores_embedded::{Embedded, Options};
use flint_workflows::dynamodb::{Change, Operation, Request, Schema, Write};
use flint_workflows::failure::Failure;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::task::AbortHandle;

/// The only table, and the attribute that is its key.
const TABLE: &str = "deposits";
const KEY: &str = "user";

const TARGET: &str = "x-amz-target";
const VERSION: &str = "DynamoDB_20120810.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A table that is served.
pub(super) struct Table {
    pub(super) address: SocketAddr,
    server: AbortHandle,
    _data: tempfile::TempDir,
}

struct Shared {
    stores: Embedded,
    store: StoreName,
    schema: Schema,
}

/// Why a request is not done: DynamoDB's name for it, and the words.
struct Refusal {
    status: StatusCode,
    name: String,
    message: String,
}

impl Table {
    /// Opens a store of its own, and listens on this machine.
    ///
    /// # Errors
    /// If it can't.
    pub(super) async fn serve() -> Result<Self, Error> {
        let data = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let store = StoreName::parse(TABLE).map_err(|error| Error::Bug(error.to_string()))?;
        let folder = Dir::open_ambient_dir(data.path(), ambient_authority()).map_err(Error::io("open it"))?;
        let catalog = Catalog { stores: [(store.clone(), KvLimits::default())].into(), ..Catalog::default() };
        let stores = Embedded::open(folder, Options { catalog, ..Options::default() })
            .map_err(|source| Error::Stores { path: data.path().to_owned(), source })?;
        let schema = Schema { partition: KEY.to_owned(), sort: None };
        let shared = Arc::new(Shared { stores, store, schema });
        let router = Router::new().route("/", post(answer)).with_state(shared);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::io("listen"))?;
        let address = listener.local_addr().map_err(Error::io("listen"))?;
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, server, _data: data })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = [(http::header::CONTENT_TYPE, CONTENT_TYPE)];
    match shared.done(&headers, &body).await {
        Ok(answer) => (header, answer.to_string()).into_response(),
        Err(Refusal { status, name, message }) => {
            let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
            (status, header, json!({"__type": kind, "message": message}).to_string()).into_response()
        }
    }
}

impl Shared {
    async fn done(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        let target = headers.get(TARGET).and_then(|target| target.to_str().ok()?.strip_prefix(VERSION));
        let operation = match target {
            Some("GetItem") => Operation::GetItem,
            Some("PutItem") => Operation::PutItem,
            other => return Err(Refusal::new("UnknownOperationException", other.unwrap_or("no operation"))),
        };
        let arguments = serde_json::from_slice(body).map_err(|error| Refusal::new("SerializationException", error))?;
        self.item(&Request::read(operation, &arguments, &self.schema)?).await
    }

    /// What was read is a precondition of what is written: both are one step.
    async fn item(&self, request: &Request) -> Result<Value, Refusal> {
        let key = request.key().to_owned();
        let entry = self.stores.kv().get(&self.store, &key).await.map_err(Refusal::of_store)?;
        let Change { write, answer } = request.apply(entry.as_ref().map(|entry| &entry.value[..]))?;
        let expect = Some(entry.map_or(Expectation::Absent, |entry| Expectation::Version(entry.version)));
        let store = self.store.clone();
        let effect = match write {
            Write::Keep => return Ok(answer),
            Write::Put(value) => Effect::KvPut { store, key, value: value.into(), expires_at: None, expect },
            Write::Delete => Effect::KvDelete { store, key, expect },
        };
        self.stores.commit(Commit::from(effect)).await.map_err(Refusal::of_store)?;
        Ok(answer)
    }
}

impl Refusal {
    fn new(name: &str, message: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::BAD_REQUEST, name: name.to_owned(), message: message.to_string() }
    }

    /// What its client tries again.
    fn of_store(error: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..Self::new("InternalServerError", error) }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        // What workflows call so, the API calls otherwise.
        let name = match failure.error.strip_prefix("DynamoDB.") {
            Some("AmazonDynamoDBException") | None => "ValidationException",
            Some(name) => name,
        };
        Self::new(name, failure.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::wire::Connection;

    async fn asked(connection: &mut Connection, operation: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: h\r\n{TARGET}: {VERSION}{operation}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let status = connection.ask(request.as_bytes()).await.expect("an answer");
        let answer = connection.body().expect("a body");
        (status, serde_json::from_slice(&answer).expect("JSON"))
    }

    #[tokio::test]
    async fn what_is_put_is_got_as_dynamodb_writes_it() {
        let table = Table::serve().await.expect("a server");
        let mut client = Connection::open(table.address).await.expect("it listens");
        let get = json!({"TableName": TABLE, "Key": {"user": {"S": "ada"}}});
        assert_eq!(asked(&mut client, "GetItem", &get).await, (200, json!({})), "there is nothing yet");
        for total in ["5", "10"] {
            let item = json!({"user": {"S": "ada"}, "total": {"N": total}});
            let put = json!({"TableName": TABLE, "Item": item});
            assert_eq!(asked(&mut client, "PutItem", &put).await, (200, json!({})));
            assert_eq!(asked(&mut client, "GetItem", &get).await, (200, json!({"Item": item})));
        }
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_by_its_name() {
        let table = Table::serve().await.expect("a server");
        let mut client = Connection::open(table.address).await.expect("it listens");
        let other_key = json!({"TableName": TABLE, "Key": {"order": {"S": "ada"}}});
        for (operation, body, name) in [
            ("GetItem", other_key, "ValidationException"),
            ("PutItem", json!({"TableName": TABLE}), "ValidationException"),
            ("DropTable", json!({}), "UnknownOperationException"),
        ] {
            let (status, answer) = asked(&mut client, operation, &body).await;
            assert_eq!((status, &answer["__type"]), (400, &json!(format!("com.amazonaws.dynamodb.v20120810#{name}"))));
            assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
        }
    }
}
