//! What an execution that a request starts gets, and its name. Pure.

use super::event::put;
use axum::extract::Query;
use flint_config::platform::Input;
use flint_model::InvocationId;
use flint_stores::idempotency::Fingerprint;
use flint_triggers::request::header::{INVOCATION_ID, RESERVED_PREFIX};
use flint_triggers::request::{idempotency, trace};
use flint_workflows::execution::is_name;
use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use serde_json::{Map, Value, json};

/// What headers of parameters begin with.
const PARAM: &str = "flint-param-";

/// The input of the execution that a request starts. `params` are the parameters of its route.
///
/// # Errors
/// If the body has to be JSON and is not: why.
pub(crate) fn input(of: Input, parts: &Parts, params: &[String], body: &[u8]) -> Result<Value, String> {
    match of {
        Input::Body if parts.method == Method::GET => Ok(query(parts)),
        Input::Body if body.trim_ascii().is_empty() => Ok(json!({})),
        Input::Body => serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}")),
        Input::Request => Ok(whole(parts, params, body)),
    }
}

fn whole(parts: &Parts, params: &[String], body: &[u8]) -> Value {
    let param = |name: &String| {
        let value = parts.headers.get(format!("{PARAM}{}", name.to_ascii_lowercase()))?;
        Some((name.clone(), String::from_utf8_lossy(value.as_bytes()).into()))
    };
    let mut whole = Map::new();
    whole.insert("method".to_owned(), parts.method.as_str().into());
    whole.insert("path".to_owned(), Value::Object(params.iter().filter_map(param).collect()));
    whole.insert("query".to_owned(), query(parts));
    whole.insert("headers".to_owned(), headers(&parts.headers));
    put(&mut whole, "body", Some(body));
    Value::Object(whole)
}

/// The parameters of the query: texts, and a list of them where one is there several times.
fn query(parts: &Parts) -> Value {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).unwrap_or_default();
    let mut query = Map::new();
    for (name, value) in pairs {
        match query.get_mut(&name) {
            None => drop(query.insert(name, value.into())),
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(query)
}

/// The headers as texts. Those are missing that would differ if the same request came again, and those with which its client says who it
/// is: an execution is kept with what it got, and shown.
fn headers(headers: &HeaderMap) -> Value {
    let is_told = |name: &HeaderName| {
        !name.as_str().starts_with(RESERVED_PREFIX)
            && ![trace::TRACEPARENT, trace::TRACESTATE, header::AUTHORIZATION, header::COOKIE].contains(name)
            && name.as_str() != idempotency::KEY
    };
    let told = headers.keys().filter(|name| is_told(name)).map(|name| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (name.to_string(), values.join(", ").into())
    });
    Value::Object(told.collect())
}

/// The name of the execution that a request starts: its key, or what can be a name and is the same for the same key; without a key,
/// the id of the request.
pub(crate) fn name(key: Option<&str>, headers: &HeaderMap) -> String {
    match key {
        Some(key) if is_name(key) => key.to_owned(),
        Some(key) => Fingerprint::of(&[key.as_bytes()]).key(),
        None => {
            let id = headers.get(INVOCATION_ID).and_then(|id| id.to_str().ok());
            id.map_or_else(|| InvocationId::now().to_string(), str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_input_is_the_body_or_for_get_the_query() {
        let told = |method: &str, body: &str| {
            input(Input::Body, &parts(method, "/?a=1&b=x%20y&b=z", &[]), &[], body.as_bytes())
        };
        assert_eq!(told("POST", "[1]"), Ok(json!([1])));
        assert_eq!(told("POST", " "), Ok(json!({})));
        assert_eq!(told("GET", ""), Ok(json!({"a": "1", "b": ["x y", "z"]})));
        assert!(told("PUT", "{").is_err_and(|reason| reason.starts_with("the body is not JSON: EOF")));
    }

    #[test]
    fn a_whole_request_is_told_without_what_says_who_asks_or_differs_when_it_comes_again() {
        let headers = [
            ("flint-param-orderid", "o 1"),
            ("flint-invocation-id", "01"),
            ("traceparent", "00-1"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("idempotency-key", "k"),
            ("x-own", "1"),
            ("x-own", "2"),
        ];
        let parts = parts("POST", "/orders/o%201?debug=1", &headers);
        let told = input(Input::Request, &parts, &["orderId".to_owned()], b"plain text");
        let expected = json!({
            "method": "POST", "path": {"orderId": "o 1"}, "query": {"debug": "1"}, "headers": {"x-own": "1, 2"},
            "body": "plain text",
        });
        assert_eq!(told, Ok(expected));
    }

    #[test]
    fn a_key_is_a_name_as_it_is_or_as_a_hash() {
        let headers = parts("POST", "/", &[("flint-invocation-id", "01ABC")]).headers;
        assert_eq!(name(Some("order-1"), &headers), "order-1");
        let hashed = name(Some("an order / with spaces"), &headers);
        assert!(is_name(&hashed) && hashed == name(Some("an order / with spaces"), &headers), "{hashed}");
        assert_ne!(hashed, name(Some("another order"), &headers));
        assert_eq!(name(None, &headers), "01ABC");
    }
}
