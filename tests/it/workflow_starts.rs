//! What starts executions of workflows: requests, messages, publications, changes, events of blobs, ticks.

use crate::harness::{Host, Launch, Response, eventually};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

/// The dead letters of the queue `jobs`.
const DEAD: &str = "/v1/queues/jobs%2Fdead/messages";

/// A workflow that answers what it got, and what leads to it. No function is needed.
fn steps(sections: &str) -> Launch {
    let launch = Launch::config(&config(sections));
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    fs::write(launch.folder().join("steps.asl.json"), definition.to_string()).expect("written");
    launch
}

fn config(sections: &str) -> String {
    format!("{sections}\n[workflow.steps]\ndefinition = \"steps.asl.json\"\n")
}

/// All executions that are there.
fn executions(host: &Host) -> Vec<Value> {
    let page = host.admin().get("/v1/workflows/steps/executions?limit=1000").expect(200).json();
    page["executions"].as_array().expect("executions").clone()
}

/// Waits until so many executions have ended, and answers all that are there.
fn ended(host: &Host, count: usize) -> Vec<Value> {
    eventually(&format!("{count} executions to end"), || {
        let all = executions(host);
        (all.iter().filter(|one| one["status"] == "SUCCEEDED").count() >= count).then_some(all)
    })
}

/// What executions got, but for what is another one each time, in the order of their text: names of the same moment have none.
fn inputs(executions: &[Value]) -> Vec<Value> {
    let plain = |execution: &Value| {
        let mut input = execution["input"].clone();
        for field in ["id", "time"] {
            let told = input.as_object_mut().expect("an object").remove(field);
            assert!(told.is_some_and(|told| told.is_string()), "{field} of {execution}");
        }
        input
    };
    in_order(executions.iter().map(plain))
}

fn in_order(values: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by_key(Value::to_string);
    values
}

fn queue_is_empty(host: &Host, queue: &str) {
    eventually("an empty queue", || {
        let queue = host.admin().get(&format!("/v1/queues/{queue}")).expect(200).json();
        (queue["waiting"] == 0 && queue["hidden"] == 0).then_some(())
    });
}

fn describe(host: &Host, name: &str) -> Value {
    host.admin().get(&format!("/v1/workflows/steps/executions/{name}")).expect(200).json()
}

fn post(host: &Host, path: &str, key: &str, body: &str) -> Response {
    host.http().send(Method::POST, path, &[("idempotency-key", key)], body.to_owned())
}

#[test]
fn a_request_starts_an_execution_once_by_its_key() {
    let host =
        steps("[[route]]\npath = \"/orders\"\nworkflow = \"steps\"\nidempotency = { required = true }\n").start();
    assert_eq!(
        host.ready["routes"][0],
        json!({"host": null, "methods": ["POST"], "path": "/orders", "function": null, "workflow": "steps", "files": null})
    );
    let first = post(&host, "/orders", "o-1", "{\"orderId\": 1}").expect(202);
    let started = first.json();
    assert_eq!((&started["name"], &started["is_new"]), (&json!("o-1"), &json!(true)));
    assert_eq!(started["id"].as_str(), Some(first.header("flint-execution")));
    assert_eq!((first.header("content-type"), first.header("idempotent-replayed")), ("application/json", ""));
    // What was accepted runs, whatever happens.
    let host = host.kill_and_restart();
    let again = post(&host, "/orders", "\"o-1\"", "{\"orderId\":1}").expect(202);
    assert_eq!((&again.json()["is_new"], again.header("idempotent-replayed")), (&json!(false), "true"));
    let other = post(&host, "/orders", "o-1", "{\"orderId\": 2}").expect(409);
    assert_eq!(
        (&other.json()["code"], other.header("content-type")),
        (&json!("workflow/execution-exists"), "application/problem+json")
    );
    assert_eq!(other.json()["invocation"].as_str(), Some(other.header("flint-invocation-id")));
    let spaces = post(&host, "/orders", "an order / of mine", "").expect(202).json();
    assert_eq!(spaces["name"].as_str().map(str::len), Some(64), "a key that is no name is a hash: {spaces}");
    let all = ended(&host, 2);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(describe(&host, "o-1")["output"], json!({"orderId": 1}));
    assert_eq!(describe(&host, spaces["name"].as_str().expect("a name"))["input"], json!({}));
    assert_eq!(host.http().post_json("/orders", &json!(1)).expect(400).json()["code"], "http/no-idempotency-key");
    host.http().get("/orders").expect(405);
}

#[test]
fn a_request_that_can_not_start_an_execution_is_told_why() {
    let host = steps("[[route]]\npath = \"/orders\"\nworkflow = \"steps\"\nrate = { requests = 5, per = \"1h\" }\ncors = { origins = \"*\" }\n").start();
    let send = |body: String| host.http().send(Method::POST, "/orders", &[("origin", "https://example.com")], body);
    let refused = send("{\"a\": ".to_owned()).expect(400);
    assert_eq!(refused.json()["code"], "workflow/invalid-input");
    assert_eq!(refused.header("access-control-allow-origin"), "*", "a route does what it does for functions");
    assert_eq!(send(json!("x".repeat(300 << 10)).to_string()).expect(413).json()["code"], "workflow/too-large");
    assert_eq!(send(" ".repeat(2 << 20)).expect(413).json()["code"], "http/too-large");
    // White space does not count.
    let id = send(format!("[1]{}", " ".repeat(300 << 10))).expect(202);
    assert_eq!(
        id.json()["name"].as_str(),
        Some(id.header("flint-invocation-id")),
        "without a key, the request names it"
    );
    send("1".to_owned()).expect(202);
    assert_eq!(send("1".to_owned()).expect(429).json()["code"], "http/rate-limited");
    assert_eq!(ended(&host, 2).len(), 2);
}

#[test]
fn a_route_may_hand_over_a_query_or_all_of_a_request() {
    let host = steps(
        "[[route]]\npath = \"/hook/{eventId}\"\nworkflow = \"steps\"\ninput = \"request\"\nmethod = [\"POST\", \"PUT\"]\n\
         [[route]]\npath = \"/start\"\nworkflow = \"steps\"\nmethod = \"GET\"\n",
    )
    .start();
    let headers = [("x-own", "1"), ("authorization", "Bearer secret")];
    let hook = host.http().send(Method::PUT, "/hook/e%207?a=1", &headers, "a=1&b=2").expect(202).json();
    let got = host.http().get("/start?a=1&a=2&b=%C3%BC").expect(202).json();
    let head = host.http().send(Method::HEAD, "/start", &[], "").expect(405);
    assert_eq!(head.header("allow"), "GET");
    let all = ended(&host, 2);
    assert_eq!(all.len(), 2, "{all:?}");
    let input = |started: &Value| describe(&host, started["name"].as_str().expect("a name"))["input"].clone();
    assert_eq!(input(&got), json!({"a": ["1", "2"], "b": "ü"}));
    let mut whole = input(&hook);
    let told = whole.as_object_mut().and_then(|whole| whole.remove("headers")).expect("headers");
    assert_eq!(whole, json!({"method": "PUT", "path": {"eventId": "e 7"}, "query": {"a": "1"}, "body": "a=1&b=2"}));
    assert_eq!(
        (&told["x-own"], &told["authorization"], &told["traceparent"]),
        (&json!("1"), &Value::Null, &Value::Null)
    );
}

const JOBS: &str = "[queue.jobs]\n[[trigger]]\nqueue = \"jobs\"\nworkflow = \"steps\"\nretry-delay = \"10ms\"\n";

/// Sends messages, and answers their ids.
fn send(host: &Host, queue: &str, messages: &Value) -> Vec<String> {
    let path = format!("/v1/queues/{queue}/messages");
    let sent = host.admin().post_json(&path, &json!({ "messages": messages })).expect(200).json();
    sent["ids"].as_array().expect("ids").iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[test]
fn each_message_of_a_queue_starts_one_execution_over_kills() {
    let mut host = steps(&format!("{JOBS}batch-size = 7\n")).start();
    let mut ids = BTreeSet::new();
    for round in 0..4 {
        let messages =
            (0..25).map(|n| json!({"value": json!({"n": round * 25 + n}).to_string(), "attributes": {"kind": "a"}}));
        ids.extend(send(&host, "jobs", &messages.collect()));
        host = host.kill_and_restart();
    }
    let all = ended(&host, 100);
    let names: BTreeSet<_> = all.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(names, ids.iter().map(|id| format!("queue-jobs-{id}")).collect());
    let numbers: BTreeSet<_> = all.iter().filter_map(|one| one["output"]["body"]["n"].as_u64()).collect();
    assert_eq!(numbers, (0..100).collect());
    let one = json!({"source": "queue", "queue": "jobs", "body": {"n": 7}, "attributes": {"kind": "a"}});
    assert!(inputs(&all).contains(&one), "{all:?}");
    queue_is_empty(&host, "jobs");
}

#[test]
fn a_message_whose_execution_is_there_starts_no_other_one() {
    let launch = steps("[queue.jobs]\n");
    let host = launch.start();
    let ids = send(&host, "jobs", &json!([{"value": "same"}, {"value": "different"}]));
    let waiting = host.admin().get("/v1/queues/jobs/messages").expect(200).json();
    for (index, id) in ids.iter().enumerate() {
        // What the first starts, the second trial of it would have started too; what the second does not.
        let sent_at = waiting["messages"][index]["sent_at_ms"].as_u64().expect("a moment");
        let time = flint_time(sent_at);
        let body = if index == 0 { "same" } else { "another" };
        let input = json!({"source": "queue", "queue": "jobs", "body": body, "attributes": {}, "id": id, "time": time});
        let start = json!({"name": format!("queue-jobs-{id}"), "input": input});
        host.admin().post_json("/v1/workflows/steps/executions", &start).expect(200);
    }
    fs::write(host.folder().join("platform.toml"), config(JOBS)).expect("written");
    let host = host.restart();
    let dead = dead_letters(&host, DEAD, 1);
    assert_eq!((dead[0]["id"].as_str(), retried(&host)), (Some(ids[1].as_str()), 0.0));
    let reason = dead[0]["death"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("already, with another input"), "{reason}");
    queue_is_empty(&host, "jobs");
    assert_eq!(ended(&host, 2).len(), 2);
}

/// A moment as text.
fn flint_time(ms: u64) -> String {
    let moment = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_millis(moment).to_string()
}

/// How many messages of the queue `jobs` came again.
fn retried(host: &Host) -> f64 {
    host.metric("flint_messages_total{queue=\"jobs\",outcome=\"retried\"}")
}

fn dead_letters(host: &Host, path: &str, count: usize) -> Vec<Value> {
    eventually("dead letters", || {
        let page = host.admin().get(path).expect(200).json();
        let messages = page["messages"].as_array().expect("messages").clone();
        (messages.len() >= count).then_some(messages)
    })
}

#[test]
fn a_message_that_can_start_nothing_is_given_up_at_once_and_stops_nobody() {
    let fifo = "[queue.jobs]\norder = \"fifo\"\n[[trigger]]\nqueue = \"jobs\"\nworkflow = \"steps\"\nfilter = { kind = [\"a\"] }\n";
    let host = steps(fifo).start();
    let message = |body: &str, kind: &str| json!({"value": body, "group": "g", "attributes": {"kind": kind}});
    let large = message(&"x".repeat(300 << 10), "a");
    send(&host, "jobs", &json!([message("1", "a"), large, message("2", "b"), message("[3]", "a")]));
    let dead = dead_letters(&host, DEAD, 1);
    assert_eq!((dead.len(), retried(&host)), (1, 0.0));
    let reason = dead[0]["death"]["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("the input has 307") && reason.ends_with("bytes, and 262144 at most are taken"),
        "{reason}"
    );
    queue_is_empty(&host, "jobs");
    let expected = |body: Value| json!({"source": "queue", "queue": "jobs", "body": body, "attributes": {"kind": "a"}, "group": "g"});
    assert_eq!(inputs(&ended(&host, 2)), in_order([expected(json!(1)), expected(json!([3]))]));
}

#[test]
fn a_publication_starts_an_execution_if_the_filter_wants_it() {
    let topic = "[topic.events]\n[[trigger]]\ntopic = \"events\"\nworkflow = \"steps\"\nfilter = { type = [{ prefix = \"order.\" }] }\n";
    let host = steps(topic).start();
    let message = |of: &str| json!({"value": json!({"of": of}).to_string(), "attributes": {"type": of}});
    let messages = json!({"messages": [message("order.created"), message("user.signup"), message("order.paid")]});
    host.admin().post_json("/v1/topics/events/messages", &messages).expect(200);
    let all = ended(&host, 2);
    queue_is_empty(&host, "workflow%2Fsteps%2Ftopic%2Fevents");
    let told = |of: &str| json!({"source": "topic", "topic": "events", "body": {"of": of}, "attributes": {"type": of}});
    assert_eq!(inputs(&all), in_order([told("order.created"), told("order.paid")]));
    let trigger = host.admin().get("/v1/triggers").expect(200).json()["triggers"][0].clone();
    assert_eq!(json!([trigger["workflow"], trigger["function"], trigger["topic"]]), json!(["steps", null, "events"]));
    // Somebody else's message in the queue that the host keeps.
    send(&host, "workflow%2Fsteps%2Ftopic%2Fevents", &json!([{"value": "forged"}]));
    let dead = dead_letters(&host, "/v1/queues/workflow%2Fsteps%2Ftopic%2Fevents%2Fdead/messages", 1);
    assert_eq!(dead[0]["death"]["reason"], "the message was not published to a topic");
    assert_eq!(executions(&host).len(), 2);
}

#[test]
fn what_happens_in_a_bucket_starts_executions() {
    let bucket = "[bucket.uploads]\n[[trigger]]\nbucket = \"uploads\"\nworkflow = \"steps\"\nprefix = \"in/\"\nsuffix = \".png\"\n";
    let host = steps(bucket).start();
    let send = |method: Method, key: &str, body: &str| {
        let headers = [("content-type", "image/png")];
        host.admin().send(method, &format!("/v1/buckets/uploads/in%2F{key}"), &headers, body.to_owned()).expect(200)
    };
    let etag = send(Method::PUT, "a.png", "picture").json()["etag"].clone();
    send(Method::PUT, "a.txt", "text");
    send(Method::DELETE, "a.png", "");
    let mut told = inputs(&ended(&host, 2));
    let numbers: Vec<_> = told
        .iter_mut()
        .map(|input| input.as_object_mut().and_then(|input| input.remove("sequence")).and_then(|n| n.as_u64()))
        .collect();
    assert!(numbers[0].is_some() && numbers[0] < numbers[1], "{numbers:?}");
    let etag = etag.as_str().map(|etag| etag.trim_matches('"').to_owned());
    assert_eq!(
        told,
        [
            json!({"source": "bucket", "bucket": "uploads", "key": "in/a.png", "kind": "created", "size": 7, "etag": etag,
                "content_type": "image/png", "metadata": {}}),
            json!({"source": "bucket", "bucket": "uploads", "key": "in/a.png", "kind": "deleted"}),
        ]
    );
}

#[test]
fn what_changes_in_a_store_starts_executions() {
    let store = "[kv.orders]\n[[trigger]]\nkv = \"orders\"\nworkflow = \"steps\"\nevents = [\"insert\", \"remove\"]\n";
    let host = steps(store).start();
    let put = |query: &str, body: &str| {
        host.admin().send(Method::PUT, &format!("/v1/kv/orders/o-1{query}"), &[], body.to_owned()).expect(200);
    };
    put("", "{\"n\": 1}");
    // Its time to live ends.
    put("?ttl-ms=1", "{\"n\": 2}");
    let told = |kind: &str, old: Value, new: Value| json!({"source": "kv", "store": "orders", "key": "o-1", "kind": kind, "old": old, "new": new});
    let expected = [told("insert", Value::Null, json!({"n": 1})), told("remove", json!({"n": 2}), Value::Null)];
    assert_eq!(inputs(&ended(&host, 2)), expected);
}

#[test]
fn each_tick_starts_one_execution_over_kills() {
    let schedule = "[schedule.often]\nwhen = \"every 1s\"\nworkflow = \"steps\"\npayload = '{\"all\": true}'\n";
    let mut host = steps(schedule).start();
    for count in 1..4 {
        ended(&host, count);
        host = host.kill_and_restart();
    }
    let all = ended(&host, 4);
    let times: BTreeSet<_> = all.iter().map(|one| one["input"]["time"].as_str().expect("a time")).collect();
    assert_eq!(times.len(), all.len(), "each moment once: {all:#?}");
    assert!(times.iter().all(|time| time.ends_with(".000Z")), "{times:?}");
    assert_eq!(inputs(&all)[0], json!({"source": "schedule", "schedule": "often", "payload": {"all": true}}));
    let told = host.admin().get("/v1/schedules").expect(200).json()["schedules"][0].clone();
    assert_eq!(json!([told["workflow"], told["function"]]), json!(["steps", null]));
    let listed = host.flint(["schedule", "list"]).ok().stdout;
    assert!(listed.contains("\tworkflow steps\t"), "{listed}");
}

/// An express workflow that does as `body.do` says.
fn express(sections: &str) -> Host {
    let says = |what: &str, next: &str| json!({"Variable": "$.body.do", "StringEquals": what, "Next": next});
    let definition = json!({"StartAt": "A", "TimeoutSeconds": 1, "States": {
        "A": {"Type": "Choice", "Choices": [says("fail", "Fails"), says("wait", "Waits")], "Default": "Ends"},
        "Fails": {"Type": "Fail", "Error": "Bad", "Cause": "asked"},
        "Waits": {"Type": "Wait", "Seconds": 60, "Next": "Ends"},
        "Ends": {"Type": "Pass", "OutputPath": "$.body", "End": true}}});
    let launch = steps("");
    let config = config(sections).replace("definition", "type = \"express\"\ndefinition");
    fs::write(launch.folder().join("platform.toml"), config).expect("written");
    fs::write(launch.folder().join("steps.asl.json"), definition.to_string()).expect("written");
    launch.start()
}

#[test]
fn who_starts_an_express_execution_gets_what_comes_out_and_the_same_again_by_its_key() {
    let route = "[[route]]\npath = \"/do\"\nworkflow = \"steps\"\ninput = \"request\"\nidempotency = {}\n";
    let host = express(route);
    let send = |what: &str| host.http().post_json("/do", &json!({"do": what}));
    let well = send("go").expect(200);
    assert_eq!((well.json(), well.header("content-type")), (json!({"do": "go"}), "application/json"));
    let failed = send("fail").expect(500).json();
    assert_eq!(json!([failed["code"], failed["error"], failed["cause"]]), json!(["workflow/failed", "Bad", "asked"]));
    assert_eq!(send("wait").expect(504).json()["code"], "workflow/timed-out");
    let first = post(&host, "/do", "k", "{\"do\": 1}").expect(200);
    let again = post(&host, "/do", "k", "{\"do\": 1}").expect(200);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(first.json(), again.json());
    assert_eq!(post(&host, "/do", "k", "{}").expect(422).json()["code"], "http/idempotency-mismatch");
    assert_eq!(executions(&host), [json!(null); 0], "none is kept");
}

#[test]
fn a_message_of_an_express_execution_is_done_when_that_succeeded() {
    let host = express(&JOBS.replace("[queue.jobs]", "[queue.jobs]\nmax-receives = 2"));
    let message = |what: &str| json!({"value": json!({"do": what}).to_string()});
    let ids = send(&host, "jobs", &json!([message("go"), message("fail"), message("go")]));
    let dead = dead_letters(&host, DEAD, 1);
    assert_eq!(dead[0]["id"].as_str(), Some(ids[1].as_str()));
    assert_eq!(dead[0]["death"]["reason"], "the execution failed: Bad: asked (received 2 times)");
    queue_is_empty(&host, "jobs");
    assert_eq!(dead_letters(&host, DEAD, 1).len(), 1);
}
