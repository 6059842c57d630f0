//! Looks at what a host holds, page by page.

use crate::it::harness::Host;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// All messages of a queue, in their order.
pub(crate) fn messages(host: &Host, queue: &str) -> Vec<Value> {
    all(host, &format!("/v1/queues/{queue}/messages?limit=1000"), "messages")
}

/// All entries of a store whose keys have a prefix, in the order of their keys.
pub(crate) fn entries(host: &Host, store: &str, prefix: &str) -> Vec<Value> {
    all(host, &format!("/v1/kv/{store}?limit=1000&prefix={prefix}"), "items")
}

/// All blobs of a bucket.
pub(crate) fn blobs(host: &Host, bucket: &str) -> Vec<Value> {
    all(host, &format!("/v1/buckets/{bucket}?limit=1000"), "blobs")
}

/// All that a list has, page by page.
pub(crate) fn all(host: &Host, path: &str, of: &str) -> Vec<Value> {
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let mut page = host.admin().get(&format!("{path}{from}")).expect(200).json();
        found.append(page[of].as_array_mut().expect("a list"));
        let Some(cursor) = page["cursor"].as_str() else { return found };
        from = format!("&cursor={cursor}");
    }
}

/// The key of an entry, behind a prefix.
pub(crate) fn key<'a>(entry: &'a Value, prefix: &str) -> &'a str {
    entry["key"].as_str().and_then(|key| key.strip_prefix(prefix)).expect("a key with its prefix")
}

/// The body of a message, as JSON.
pub(crate) fn body(message: &Value) -> Value {
    serde_json::from_str(message["value"].as_str().expect("text")).expect("JSON")
}

/// What a counter counts: eight bytes, which are shown as text if they are some.
pub(crate) fn count(entry: &Value) -> i64 {
    let bytes = match (entry["value"].as_str(), entry["value_base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (_, Some(text)) => BASE64_STANDARD.decode(text).expect("base 64"),
        _ => panic!("{entry}"),
    };
    i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// The entry of a key; none: there is none.
pub(crate) fn entry(host: &Host, store: &str, key: &str) -> Option<Value> {
    let answer = host.admin().get(&format!("/v1/kv/{store}/{}", key.replace('/', "%2F")));
    if answer.status == 404 { None } else { Some(answer.expect(200).json()) }
}

/// A part of a name, and the numbers behind it: `NAME-1-2-3`.
pub(crate) fn numbers<const N: usize>(name: &str) -> Option<[usize; N]> {
    let numbers: Vec<_> = name.split('-').skip(1).map_while(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}
