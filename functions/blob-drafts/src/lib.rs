//! Uses `wasi:blobstore@0.2.0-draft` with bindings of its own: a fixture of the tests.
//!
//! The payload is `{"op": …, "bucket": …, …}`, the answer `{"ok": …}` or `{"error": …}`. Values are texts.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package example:fixture;

        world fixture {
            import wasi:blobstore/blobstore@0.2.0-draft;
            export flint:platform/invoke-handler@0.1.0;
        }
    ",
    world: "example:fixture/fixture",
    generate_all,
});

use exports::flint::platform::invoke_handler::{Failure, Guest};
use flint::platform::types::Retry;
use serde_json::{Value, json};
use wasi::blobstore::blobstore;
use wasi::blobstore::container::Container;
use wasi::blobstore::types::{IncomingValue, ObjectId, OutgoingValue};
use wasi::io::streams::{OutputStream, StreamError};

/// So much is written, or read, by one call.
const CHUNK: usize = 4096;

struct Fixture;

export!(Fixture);

/// Why there is no answer.
enum Refused {
    /// The payload is no command.
    Command(&'static str),
    /// The store says no.
    Store(String),
}

impl From<String> for Refused {
    fn from(error: String) -> Self {
        Self::Store(error)
    }
}

impl From<StreamError> for Refused {
    fn from(error: StreamError) -> Self {
        Self::Store(match error {
            StreamError::Closed => "closed".to_owned(),
            StreamError::LastOperationFailed(error) => error.to_debug_string(),
        })
    }
}

impl Guest for Fixture {
    async fn handle(payload: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let answer = match serde_json::from_slice(&payload).map(|command| run(&command)) {
            Ok(Ok(value)) => json!({ "ok": value }),
            Ok(Err(Refused::Store(error))) => json!({ "error": error }),
            Ok(Err(Refused::Command(what))) => return Err(invalid(what)),
            Err(_) => return Err(invalid("the payload is no JSON")),
        };
        Ok(answer.to_string().into_bytes())
    }
}

fn invalid(what: &str) -> Failure {
    Failure { name: "InvalidCommand".to_owned(), message: what.to_owned(), retry: Retry::Never }
}

fn field<'a>(command: &'a Value, name: &'static str) -> Result<&'a str, Refused> {
    command[name].as_str().ok_or(Refused::Command(name))
}

fn number(command: &Value, name: &str, default: u64) -> u64 {
    command[name].as_u64().unwrap_or(default)
}

fn run(command: &Value) -> Result<Value, Refused> {
    let bucket = field(command, "bucket")?;
    match field(command, "op")? {
        "exists" => return Ok(blobstore::container_exists(bucket)?.into()),
        "create" => return Ok(blobstore::create_container(bucket)?.name()?.into()),
        "remove" => return Ok(blobstore::delete_container(bucket).map(done)?),
        "copy" => return Ok(blobstore::copy_object(&at(command, "key")?, &at(command, "to")?).map(done)?),
        "move" => return Ok(blobstore::move_object(&at(command, "key")?, &at(command, "to")?).map(done)?),
        _ => {}
    }
    let container = blobstore::get_container(bucket)?;
    Ok(match field(command, "op")? {
        "open" => container.info()?.name.into(),
        "clear" => container.clear().map(done)?,
        "list" => list(&container, command)?,
        "delete" => {
            let keys = command["keys"].as_array().ok_or(Refused::Command("keys"))?;
            let keys: Vec<String> = keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
            container.delete_objects(&keys).map(done)?
        }
        "has" => container.has_object(field(command, "key")?)?.into(),
        "info" => {
            let info = container.object_info(field(command, "key")?)?;
            json!({ "name": info.name, "container": info.container, "created_at": info.created_at, "size": info.size })
        }
        "write" => write(&container, command)?,
        "fill" => fill(&container, command)?,
        "read" => {
            let (start, end) = (number(command, "start", 0), number(command, "end", u64::MAX));
            let found = container.get_data(field(command, "key")?, start, end)?;
            let size = found.size();
            let content = match command["how"].as_str() {
                Some("stream") => streamed(found)?,
                _ => IncomingValue::incoming_value_consume_sync(found)?,
            };
            json!({ "size": size, "text": String::from_utf8_lossy(&content) })
        }
        "check" => check(&container, command)?,
        _ => return Err(Refused::Command("op")),
    })
}

fn done(_: ()) -> Value {
    Value::Null
}

/// An object, of the bucket of the command.
fn at(command: &Value, key: &'static str) -> Result<ObjectId, Refused> {
    let container = command["to_bucket"].as_str().filter(|_| key == "to");
    let container = container.map_or_else(|| field(command, "bucket"), Ok)?.to_owned();
    Ok(ObjectId { container, object: field(command, key)?.to_owned() })
}

fn list(container: &Container, command: &Value) -> Result<Value, Refused> {
    let names = container.list_objects()?;
    let (skipped, _) = names.skip_stream_object_names(number(command, "skip", 0))?;
    let (mut listed, mut reads) = (Vec::new(), 0);
    loop {
        let (some, is_last) = names.read_stream_object_names(number(command, "most", u64::MAX))?;
        listed.extend(some);
        reads += 1;
        if is_last {
            return Ok(json!({ "names": listed, "skipped": skipped, "reads": reads }));
        }
    }
}

/// Writes a text; says before or after it where that goes, and finishes it or lets it go.
fn write(container: &Container, command: &Value) -> Result<Value, Refused> {
    let (key, text) = (field(command, "key")?, field(command, "value")?);
    let value = OutgoingValue::new_outgoing_value();
    let body = value.outgoing_value_write_body().map_err(|()| "there is no body".to_owned())?;
    let is_known = command["first"] == "object";
    if is_known {
        container.write_data(key, &value)?;
    }
    push(&body, text.as_bytes())?;
    drop(body);
    if !is_known {
        container.write_data(key, &value)?;
    }
    if command["finish"] == false {
        return Ok(Value::Null);
    }
    Ok(OutgoingValue::finish(value).map(done)?)
}

fn push(body: &OutputStream, bytes: &[u8]) -> Result<(), Refused> {
    Ok(bytes.chunks(CHUNK).try_for_each(|chunk| body.blocking_write_and_flush(chunk))?)
}

/// The bytes of much content, from somewhere on.
fn pattern(from: usize) -> [u8; CHUNK] {
    std::array::from_fn(|n| (((from + n) * 31) >> 3) as u8)
}

fn fill(container: &Container, command: &Value) -> Result<Value, Refused> {
    let value = OutgoingValue::new_outgoing_value();
    let body = value.outgoing_value_write_body().map_err(|()| "there is no body".to_owned())?;
    if command["first"] != "body" {
        container.write_data(field(command, "key")?, &value)?;
    }
    let size = number(command, "size", 0) as usize;
    for from in (0..size).step_by(CHUNK) {
        if push(&body, &pattern(from)[..CHUNK.min(size - from)]).is_err() {
            // `finish` says why.
            break;
        }
    }
    drop(body);
    if command["first"] == "body" {
        container.write_data(field(command, "key")?, &value)?;
    }
    Ok(OutgoingValue::finish(value).map(done)?)
}

fn streamed(value: IncomingValue) -> Result<Vec<u8>, Refused> {
    let stream = IncomingValue::incoming_value_consume_async(value)?;
    let mut content = Vec::new();
    loop {
        match stream.blocking_read(CHUNK as u64) {
            Ok(chunk) => content.extend(chunk),
            Err(StreamError::Closed) => return Ok(content),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads much content, and compares it; answers how much that is.
fn check(container: &Container, command: &Value) -> Result<Value, Refused> {
    let found = container.get_data(field(command, "key")?, 0, u64::MAX)?;
    let stream = IncomingValue::incoming_value_consume_async(found)?;
    let mut read = 0;
    loop {
        match stream.blocking_read((CHUNK - read % CHUNK) as u64) {
            Ok(chunk) => {
                let expected = &pattern(read - read % CHUNK)[read % CHUNK..];
                if chunk[..] != expected[..chunk.len()] {
                    return Err(format!("it is another behind {read}").into());
                }
                read += chunk.len();
            }
            Err(StreamError::Closed) => return Ok(read.into()),
            Err(error) => return Err(error.into()),
        }
    }
}
