//! Uses `wasi:keyvalue@0.2.0-draft` and `wasi:config@0.2.0-draft-2024-09-27` with bindings of its own: a fixture of the tests.
//!
//! The payload is `{"op": …, "store": …, …}`, the answer `{"ok": …}` or `{"error": …}`. Values are texts.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package example:fixture;

        world fixture {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:keyvalue/batch@0.2.0-draft;
            import wasi:config/store@0.2.0-draft-2024-09-27;
            export flint:platform/invoke-handler@0.1.0;
        }
    ",
    world: "example:fixture/fixture",
    generate_all,
});

use exports::flint::platform::invoke_handler::{Failure, Guest};
use flint::platform::types::Retry;
use serde_json::{Value, json};
use wasi::config0_2_0_draft_2024_09_27::store as config;
use wasi::keyvalue0_2_0_draft::{atomics, batch, store};

struct Fixture;

export!(Fixture);

/// Why there is no answer.
enum Refused {
    /// The payload is no command.
    Command(&'static str),
    /// The store says no.
    Store(store::Error),
    /// The configuration says no.
    Config(config::Error),
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Guest for Fixture {
    async fn handle(payload: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let answer = match serde_json::from_slice(&payload).map(|command| run(&command)) {
            Ok(Ok(value)) => json!({ "ok": value }),
            Ok(Err(Refused::Store(error))) => json!({ "error": name(error) }),
            Ok(Err(Refused::Config(error))) => json!({ "error": error.to_string() }),
            Ok(Err(Refused::Command(what))) => return Err(invalid(what)),
            Err(_) => return Err(invalid("the payload is no JSON")),
        };
        Ok(answer.to_string().into_bytes())
    }
}

fn invalid(what: &str) -> Failure {
    Failure { name: "InvalidCommand".to_owned(), message: what.to_owned(), retry: Retry::Never }
}

fn name(error: store::Error) -> Value {
    match error {
        store::Error::NoSuchStore => "no-such-store".into(),
        store::Error::AccessDenied => "access-denied".into(),
        store::Error::Other(text) => json!({ "other": text }),
    }
}

fn text(value: Vec<u8>) -> Value {
    String::from_utf8_lossy(&value).into()
}

fn field<'a>(command: &'a Value, name: &'static str) -> Result<&'a str, Refused> {
    command[name].as_str().ok_or(Refused::Command(name))
}

fn keys(command: &Value) -> Result<Vec<String>, Refused> {
    let keys = command["keys"].as_array().ok_or(Refused::Command("keys"))?;
    let key = |key: &Value| key.as_str().map(str::to_owned);
    keys.iter().map(key).collect::<Option<_>>().ok_or(Refused::Command("keys"))
}

fn pairs(command: &Value) -> Result<Vec<(String, Vec<u8>)>, Refused> {
    let pairs = command["pairs"].as_object().ok_or(Refused::Command("pairs"))?;
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.as_bytes().to_vec()));
    pairs.iter().map(pair).collect::<Option<_>>().ok_or(Refused::Command("pairs"))
}

fn run(command: &Value) -> Result<Value, Refused> {
    match field(command, "op")? {
        "config-get" => return config::get(field(command, "key")?).map(Value::from).map_err(Refused::Config),
        "config-get-all" => {
            let all = config::get_all().map_err(Refused::Config)?;
            return Ok(all.into_iter().map(|(key, value)| (key, Value::from(value))).collect());
        }
        _ => {}
    }
    let bucket = store::open(field(command, "store")?)?;
    Ok(match field(command, "op")? {
        "open" => Value::Null,
        "get" => bucket.get(field(command, "key")?)?.map_or(Value::Null, text),
        "set" => bucket.set(field(command, "key")?, field(command, "value")?.as_bytes()).map(done)?,
        "delete" => bucket.delete(field(command, "key")?).map(done)?,
        "exists" => bucket.exists(field(command, "key")?)?.into(),
        "list-keys" => {
            let page = bucket.list_keys(command["cursor"].as_u64())?;
            json!({ "keys": page.keys, "cursor": page.cursor })
        }
        "increment" => {
            let delta = command["delta"].as_u64().ok_or(Refused::Command("delta"))?;
            atomics::increment(&bucket, field(command, "key")?, delta)?.into()
        }
        "get-many" => {
            let found = batch::get_many(&bucket, &keys(command)?)?;
            let pair = |pair: Option<(String, Vec<u8>)>| pair.map(|(key, value)| json!([key, text(value)]));
            found.into_iter().map(|found| pair(found).unwrap_or_default()).collect()
        }
        "set-many" => batch::set_many(&bucket, &pairs(command)?).map(done)?,
        "delete-many" => batch::delete_many(&bucket, &keys(command)?).map(done)?,
        _ => return Err(Refused::Command("op")),
    })
}

fn done(_: ()) -> Value {
    Value::Null
}
