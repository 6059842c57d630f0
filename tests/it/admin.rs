//! The management API: what it tells, who may ask, and that it is what its description says.

use crate::harness::guest::{component, function, route};
use crate::harness::{Host, Launch, Response, flint};
use flint_model::{ByteSize, duration};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const TOKEN: &str = "the-token-of-this-test";

/// Functions with what management tells of them.
fn config() -> String {
    let sections = [
        "[kv.links]\n[kv.other]\n[queue.jobs]\n[topic.orders]\n[bucket.uploads]\n".to_owned(),
        function("hello", "warm = 2\nconcurrency = 7\nisolation = \"serial\"\nuses = 9\n"),
        route("/hello/{name}", "hello"),
        "compress = true\nrate = { requests = 9000, key = \"header:X-Key\" }\n".to_owned(),
        "cors = { origins = \"https://example.com\", methods = \"GET\", expose = \"x-a\" }\n".to_owned(),
        function("event", ""),
        route("/else", "hello"),
    ];
    sections.concat()
}

fn with_token(config: &str) -> Launch {
    let listener = "[listener]\nadmin-token = { env = \"ADMIN_TOKEN\" }\n";
    Launch::config(&format!("{listener}{config}")).env("ADMIN_TOKEN", TOKEN)
}

#[test]
fn functions_routes_and_limits_are_told_as_they_are_in_force() {
    let host = Launch::config(&format!("[limits]\ninvocations-max = 17\n{}", config())).start();
    let functions = host.admin().get("/v1/functions").expect(200).json();
    let names: Vec<_> = functions["functions"].as_array().expect("functions").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["event", "hello"]);
    let hello = host.admin().get("/v1/functions/hello").expect(200).json();
    assert_eq!(hello, functions["functions"][1]);
    assert_eq!((&hello["isolation"], &hello["uses"], &hello["warm"]), (&json!("serial"), &json!(9), &json!(2)));
    assert_eq!(hello["limits"]["concurrency"], 7);
    assert_eq!(hello["serving"][0]["version"], 1);
    assert!(hello["serving"][0]["spares"].as_u64().is_some_and(|spares| spares >= 2), "{hello}");
    assert_eq!((&hello["shape"]["invoke"], &hello["running"]), (&json!(true), &json!(0)));
    let routes = host.admin().get("/v1/routes").expect(200).json();
    let any = json!({
        "host": null, "methods": null, "files": null, "compress": false, "cors": null, "rate": null, "idempotency": null,
    });
    let route = |more: Value| -> Value {
        let fields = [&any, &more].map(|one| one.as_object().expect("an object").clone());
        Value::Object(fields.into_iter().flatten().collect())
    };
    let cors = json!({
        "origins": ["https://example.com"], "methods": ["GET"], "headers": [], "expose": ["x-a"],
        "credentials": false, "max_age_ms": 600_000,
    });
    let rate = json!({ "requests": 9000, "per_ms": 1000, "burst": 9000, "key": "header:x-key" });
    let hello = json!({ "path": "/hello/{name}", "function": "hello", "compress": true, "cors": cors, "rate": rate });
    let plain = json!({ "path": "/else", "function": "hello" });
    assert_eq!(routes, json!({ "routes": [route(plain), route(hello)] }));
    assert_eq!(host.admin().get("/v1/limits").expect(200).json()["invocations_max"], 17);
    let missing = host.admin().get("/v1/functions/nobody").expect(404).json();
    assert_eq!(missing["code"], "function/not-found");
    assert!(missing["detail"].as_str().is_some_and(|detail| detail.contains("event, hello")), "{missing}");
}

/// Numbers of the reference that limit nothing.
const NO_LIMITS: [&str; 1] = ["listener.certificate-check"];

#[test]
fn every_limit_of_the_reference_is_told_where_it_holds() {
    let sections = [
        "[kv.links]\n[bucket.uploads]\n[queue.jobs]\nretention = \"1d\"\n[topic.orders]\n".to_owned(),
        function("hello", "isolation = \"serial\"\n"),
        route("/", "hello"),
        "rate = { requests = 9000 }\ncors = { origins = \"*\" }\nidempotency = {}\n".to_owned(),
    ];
    let host = Launch::config(&sections.concat()).start();
    let limits = host.admin().get("/v1/limits").expect(200).json();
    let function = host.admin().get("/v1/functions/hello").expect(200).json();
    let route = &host.admin().get("/v1/routes").expect(200).json()["routes"][0];
    let reference = flint_config::reference::markdown();
    let mut missing = Vec::new();
    for row in reference.lines().skip(2) {
        let [_, key, kind, default, ..] =
            row.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>()[..]
        else {
            panic!("{row}");
        };
        let (unit, default) = match kind.split(',').next() {
            Some("size") => ("_bytes", default.parse::<ByteSize>().ok().map(ByteSize::as_u64)),
            Some("duration") => {
                ("_ms", duration::parse(default).ok().map(|it| it.as_millis().try_into().expect("fits")))
            }
            Some("number") => ("", default.parse().ok()),
            _ => continue,
        };
        let (section, name) = key.rsplit_once('.').expect("a key in a section");
        let name = format!("{}{unit}", name.replace('-', "_"));
        let told = match section {
            "limits" => limits.get(&name),
            "outbound" => limits["outbound"].get(&name),
            "kv.STORE" => limits["kv"]["links"].get(&name),
            "bucket.BUCKET" => limits["buckets"]["uploads"].get(&name),
            "queue.QUEUE" => limits["queues"]["jobs"].get(&name),
            "topic.TOPIC" => limits["topics"]["orders"].get(&name),
            // It is in `message::every_number_of_a_trigger_is_told`: a trigger needs a function that handles messages.
            "trigger" => continue,
            // As above: `schedule::every_number_of_a_schedule_is_told`.
            "schedule.SCHEDULE" => continue,
            // As above: `workflow::every_number_of_a_workflow_is_told`.
            "workflow.WORKFLOW" => continue,
            "function.NAME" => function["limits"].get(&name).or_else(|| function.get(&name)),
            "route.rate" => route["rate"].get(&name),
            "route.cors" => route["cors"].get(&name),
            "route.idempotency" => route["idempotency"].get(&name),
            _ => None,
        };
        let is_told = told.is_some_and(|told| default.is_none_or(|default| told.as_u64() == Some(default)));
        if is_told == NO_LIMITS.contains(&key) {
            missing.push(format!("{key}: {told:?}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    // The configuration leaves it open, and the machine says it.
    assert!(limits["guest_memory_max_bytes"].is_number(), "{limits}");
}

#[test]
fn the_last_invocations_are_told_with_their_records() {
    let host = Launch::config(&format!("[limits]\nrecent-invocations = 3\n{}", config())).start();
    let id = host.http().get("/hello/Ada").expect(200).header("flint-invocation-id").to_owned();
    let recent = |query: &str| {
        let answer = host.admin().get(&format!("/v1/invocations{query}")).expect(200).json();
        answer["invocations"].as_array().expect("a list").clone()
    };
    let one = crate::harness::eventually("a record", || recent("").pop());
    assert_eq!((&one["invocation"], &one["function"], &one["version"]), (&json!(id), &json!("hello"), &json!(1)));
    assert_eq!((&one["outcome"], &one["trigger"]), (&json!("ok"), &json!("http")));
    assert!(one["wall_us"].as_u64() >= one["cpu_us"].as_u64() && one["bytes_out"] == 12, "{one}");
    host.invoke("event", "{");
    host.wait_for_outcome("hello", "ok", 1.0);
    crate::harness::eventually("the record of an event", || recent("?function=event").pop());
    for _ in 0..4 {
        host.http().get("/hello/Ada").expect(200);
    }
    host.wait_for_outcome("hello", "ok", 5.0);
    assert_eq!(recent("").len(), 3, "no more are kept");
    assert!(recent("?function=event").is_empty());
    assert_eq!(recent("?limit=2").len(), 2);
    let newest = recent("");
    assert!(newest[0]["accepted_at_ms"].as_u64() >= newest[2]["accepted_at_ms"].as_u64(), "{newest:?}");
}

#[test]
fn a_token_is_needed_everywhere_but_for_health() {
    let host = with_token(&config()).start();
    let ask = |method: Method, path: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        host.admin().send(method, path, if token.is_empty() { &[] } else { &headers }, "")
    };
    for path in ["/health/live", "/health/ready"] {
        host.admin().get(path).expect(200);
    }
    for path in ["/metrics", "/v1/functions", "/v1/openapi.json", "/v1/kv/links", "/v1/nothing"] {
        for wrong in ["", "the-token-of-this-tesT", "the-token-of-this-test2", "the-token"] {
            let refused = ask(Method::GET, path, wrong).expect(401);
            assert_eq!(
                (refused.header("www-authenticate"), &refused.json()["code"]),
                ("Bearer", &json!("admin/unauthorized"))
            );
        }
    }
    ask(Method::POST, "/v1/functions/hello/versions", "").expect(401);
    ask(Method::GET, "/v1/functions", TOKEN).expect(200);
    ask(Method::GET, "/metrics", TOKEN).expect(200);
    // A page of a browser has no place here, token or not.
    let page = [("authorization", "Bearer the-token-of-this-test"), ("origin", "http://localhost")];
    host.admin().send(Method::GET, "/v1/functions", &page, "").expect(403);
}

#[test]
fn commands_on_this_machine_need_no_token_and_others_are_given_it() {
    let host = with_token(&config()).start();
    // By the run file, which nobody else can read, and which does not hold the token of the configuration.
    host.flint(["functions", "--json"]).ok();
    host.flint(["kv", "put", "links", "a", "b"]).ok();
    let file = host.data_dir().join("run.json");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&file).expect("text").contains(TOKEN));

    let folder = tempfile::tempdir().expect("a folder");
    let admin = host.admin().address().to_string();
    let elsewhere = ["functions", "--json", "--admin", &admin];
    let refused = flint(folder.path(), elsewhere);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(1), &json!("admin/unauthorized")));
    assert!(refused.json()["error"]["help"].as_str().is_some_and(|help| help.contains("FLINT_TOKEN")));
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).expect("written");
    flint(folder.path(), [&elsewhere[..], &["--token-file", "token"]].concat()).ok();
    let output = Command::new(env!("CARGO_BIN_EXE_flint"))
        .args(elsewhere)
        .env("FLINT_TOKEN", TOKEN)
        .current_dir(folder.path())
        .output();
    assert!(output.expect("the binary runs").status.success());
}

#[test]
fn an_address_beyond_loopback_needs_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    // In a network of its own and for a while only: a host that starts all the same is offered to nobody.
    let output = Command::new("unshare")
        .args(["-r", "-n", "timeout", "20", env!("CARGO_BIN_EXE_flint"), "up"])
        .arg(component("hello"))
        .args(["--admin-listen", "0.0.0.0:0", "--json"])
        .current_dir(folder.path())
        .output()
        .expect("unshare runs");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &answer["error"]["code"]), (Some(3), &json!("config/admin-not-loopback")));
}

/// In a network of its own, so that nobody else is offered the address.
const NETWORK: &str = r#"
ip link set lo up
"$FLINT" up --json --listen 127.0.0.1:0 > ready &
until [ -s ready ] || ! kill -0 $!; do sleep 0.05; done
"$FLINT" functions --json && env -u FLINT_TOKEN "$FLINT" functions --json --admin 127.0.0.1:9090
kill $! && wait $!
"#;

#[test]
fn with_a_token_the_address_may_be_any_and_this_machine_still_needs_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = "[listener]\nadmin = \"0.0.0.0:9090\"\nadmin-token = { env = \"ADMIN_TOKEN\" }\n";
    let config = format!("{listener}{}", function("hello", ""));
    std::fs::write(folder.path().join("platform.toml"), config).expect("written");
    let output = Command::new("unshare")
        .args(["-r", "-n", "sh", "-c", NETWORK])
        .env("FLINT", env!("CARGO_BIN_EXE_flint"))
        .env("ADMIN_TOKEN", TOKEN)
        .env_remove("FLINT_TOKEN")
        .current_dir(folder.path())
        .output()
        .expect("unshare runs");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [functions, refused] = &answers[..] else {
        panic!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    assert_eq!(functions["functions"][0]["name"], "hello");
    assert_eq!(refused["error"]["code"], "admin/unauthorized");
}

#[test]
fn no_answer_and_no_line_shows_a_secret() {
    let source = component("hello");
    let keeper = format!("[function.keeper]\nsource = {source:?}\nsecrets = {{ key = {{ env = \"KEY\" }} }}\n");
    let host = with_token(&keeper).env("KEY", "hunter2-hunter2").start();
    let headers = [("authorization", "Bearer the-token-of-this-test")];
    for path in
        ["/v1/functions", "/v1/functions/keeper", "/v1/limits", "/v1/openapi.json", "/metrics", "/v1/invocations"]
    {
        let answer = host.admin().send(Method::GET, path, &headers, "").expect(200);
        assert!(!answer.text().contains("hunter2") && !answer.text().contains(TOKEN), "{path}");
    }
    assert!(host.log().iter().all(|line| !line.to_string().contains("hunter2") && !line.to_string().contains(TOKEN)));
}

/// What each page is asked, of a host with a store, a key, and a function.
fn questions() -> Vec<(Method, &'static str, String, &'static str, Vec<u8>)> {
    let wasm = || std::fs::read(component("hello-plain-03")).expect("a component");
    let get = |path: &'static str, target: &str| (Method::GET, path, target.to_owned(), "", Vec::new());
    let json = |method, path, target: &str, body: Value| {
        (method, path, target.to_owned(), "application/json", body.to_string().into_bytes())
    };
    vec![
        get("/metrics", "/metrics"),
        get("/health/live", "/health/live"),
        get("/health/ready", "/health/ready"),
        get("/v1/openapi.json", "/v1/openapi.json"),
        get("/v1/functions", "/v1/functions"),
        get("/v1/functions/{name}", "/v1/functions/hello"),
        get("/v1/functions/{name}", "/v1/functions/nobody"),
        get("/v1/functions/{name}/versions", "/v1/functions/hello/versions"),
        get("/v1/functions/{name}/versions", "/v1/functions/Bad_Name/versions"),
        (Method::POST, "/v1/functions/{name}/invoke", "/v1/functions/hello/invoke".to_owned(), "", b"Ada".to_vec()),
        (Method::POST, "/v1/functions/{name}/invoke", "/v1/functions/nobody/invoke".to_owned(), "", Vec::new()),
        (Method::POST, "/v1/functions/{name}/versions", "/v1/functions/hello/versions?weight=5".to_owned(), "", wasm()),
        (Method::POST, "/v1/functions/{name}/versions", "/v1/functions/hello/versions".to_owned(), "", b"no".to_vec()),
        (Method::POST, "/v1/functions/{name}/versions", "/v1/functions/hello/versions?weight=x".to_owned(), "", wasm()),
        json(Method::PUT, "/v1/functions/{name}/split", "/v1/functions/hello/split", json!({ "weight": 7 })),
        json(Method::PUT, "/v1/functions/{name}/split", "/v1/functions/hello/split", json!({ "weight": 101 })),
        json(Method::PUT, "/v1/functions/{name}/split", "/v1/functions/hello/split", json!({ "weight": "7" })),
        json(Method::POST, "/v1/functions/{name}/rollback", "/v1/functions/hello/rollback", json!({})),
        json(Method::POST, "/v1/functions/{name}/rollback", "/v1/functions/hello/rollback", json!({ "to": 9 })),
        (
            Method::POST,
            "/v1/functions/{name}/invoke",
            "/v1/functions/hello/invoke?async".to_owned(),
            "",
            b"Ada".to_vec(),
        ),
        get("/v1/invocations/{invocation}", "/v1/invocations/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        get("/v1/invocations/{invocation}", "/v1/invocations/none"),
        get("/v1/routes", "/v1/routes"),
        get("/v1/limits", "/v1/limits"),
        get("/v1/invocations", "/v1/invocations?function=hello&limit=5"),
        get("/v1/invocations", "/v1/invocations?limit=many"),
        (Method::PUT, "/v1/kv/{store}/{key}", "/v1/kv/links/a%2Fb".to_owned(), "", b"\xff".to_vec()),
        (Method::PUT, "/v1/kv/{store}/{key}", "/v1/kv/links/c?if-version=9".to_owned(), "", b"text".to_vec()),
        (Method::PUT, "/v1/kv/{store}/{key}", "/v1/kv/links/c?ttl-ms=60000".to_owned(), "", b"text".to_vec()),
        get("/v1/kv/{store}/{key}", "/v1/kv/links/a%2Fb"),
        get("/v1/kv/{store}/{key}", "/v1/kv/links/nothing"),
        get("/v1/kv/{store}", "/v1/kv/links?limit=1"),
        get("/v1/kv/{store}", "/v1/kv/nowhere"),
    ]
    .into_iter()
    .chain(questions_of_queues())
    .chain(questions_of_buckets())
    .chain(questions_of_topics())
    .collect()
}

/// What the pages of queues and schedules are asked, of a host with the queue `jobs`.
fn questions_of_queues() -> Vec<(Method, &'static str, String, &'static str, Vec<u8>)> {
    let get = |path: &'static str, target: &str| (Method::GET, path, target.to_owned(), "", Vec::new());
    let post = |path: &'static str, target: &str, body: Value| {
        (Method::POST, path, target.to_owned(), "application/json", body.to_string().into_bytes())
    };
    let message = json!({"value": "a", "attributes": {"kind": "b"}, "delay_ms": 0, "deduplication_id": "once"});
    let bytes = json!({"value_base64": "/w=="});
    vec![
        get("/v1/triggers", "/v1/triggers"),
        get("/v1/queues", "/v1/queues"),
        get("/v1/queues/{queue}", "/v1/queues/jobs%2Fdead"),
        get("/v1/queues/{queue}", "/v1/queues/nowhere"),
        post("/v1/queues/{queue}/messages", "/v1/queues/jobs/messages", json!({"messages": [message, bytes]})),
        post("/v1/queues/{queue}/messages", "/v1/queues/jobs/messages", json!({"messages": []})),
        get("/v1/queues/{queue}/messages", "/v1/queues/jobs/messages?limit=1"),
        get("/v1/queues/{queue}/messages", "/v1/queues/jobs/messages?cursor=none"),
        post("/v1/queues/{queue}/receive", "/v1/queues/jobs/receive", json!({"max": 2, "visibility_ms": 1})),
        post("/v1/queues/{queue}/settle", "/v1/queues/jobs/settle", json!({"receipts": ["x"], "verdict": "done"})),
        post("/v1/queues/{queue}/extend", "/v1/queues/jobs/extend", json!({"receipt": "x", "visibility_ms": 5})),
        post("/v1/queues/{queue}/redrive", "/v1/queues/jobs%2Fdead/redrive", json!({"max": 5})),
        post("/v1/queues/{queue}/redrive", "/v1/queues/jobs%2Fdead/redrive", json!({"to": "jobs/dead"})),
        post("/v1/queues/{queue}/purge", "/v1/queues/jobs/purge", Value::Null),
        get("/v1/schedules", "/v1/schedules"),
        post("/v1/schedules/{schedule}/run", "/v1/schedules/seldom/run", Value::Null),
        get("/v1/workflows", "/v1/workflows"),
        get("/v1/workflows/{workflow}/executions", "/v1/workflows/none/executions"),
        post("/v1/workflows/{workflow}/executions", "/v1/workflows/none/executions", json!({"name": "a", "input": {}})),
        post("/v1/workflows/{workflow}/run", "/v1/workflows/none/run", json!({"name": "a", "input": {}})),
        get("/v1/workflows/{workflow}/executions/{execution}", "/v1/workflows/none/executions/a"),
        get(
            "/v1/workflows/{workflow}/executions/{execution}/graph",
            "/v1/workflows/none/executions/a/graph?format=svg",
        ),
        post("/v1/activities/{activity}/task", "/v1/activities/none/task", json!({"worker": "w"})),
        get("/v1/workflows/{workflow}/executions/{execution}/history", "/v1/workflows/none/executions/a/history"),
        post("/v1/workflows/{workflow}/executions/{execution}/stop", "/v1/workflows/none/executions/a/stop", json!({})),
        post(
            "/v1/workflows/{workflow}/executions/{execution}/redrive",
            "/v1/workflows/none/executions/a/redrive",
            Value::Null,
        ),
        post("/v1/workflow-tasks", "/v1/workflow-tasks", json!({"token": "none"})),
    ]
}

/// What the pages of buckets are asked, of a host with the bucket `uploads`.
fn questions_of_buckets() -> Vec<(Method, &'static str, String, &'static str, Vec<u8>)> {
    const BLOB: &str = "/v1/buckets/{bucket}/{key}";
    let ask =
        |method, path: &'static str, target: &str, body: &[u8]| (method, path, target.to_owned(), "", body.to_vec());
    let sign = |body: Value| {
        let (page, kind) = ("/v1/signed-urls", "application/json");
        (Method::POST, page, page.to_owned(), kind, body.to_string().into_bytes())
    };
    vec![
        ask(Method::PUT, BLOB, "/v1/buckets/uploads/a%2Fb?if-absent=true", b"\xff"),
        ask(Method::PUT, BLOB, "/v1/buckets/uploads/a%2Fb?if-absent=true", b"again"),
        ask(Method::GET, BLOB, "/v1/buckets/uploads/a%2Fb", b""),
        ask(Method::GET, BLOB, "/v1/buckets/uploads/nothing", b""),
        ask(Method::GET, "/v1/buckets/{bucket}", "/v1/buckets/uploads?prefix=a&delimiter=%2F&limit=1", b""),
        ask(Method::GET, "/v1/buckets/{bucket}", "/v1/buckets/nowhere", b""),
        ask(Method::DELETE, BLOB, "/v1/buckets/uploads/a%2Fb?if-match=none", b""),
        ask(Method::DELETE, BLOB, "/v1/buckets/uploads/a%2Fb", b""),
        sign(json!({"bucket": "uploads", "key": "a", "method": "get", "expires_in_ms": 1000})),
        sign(json!({"bucket": "uploads", "key": "a", "method": "put", "expires_in_ms": 1})),
    ]
}

/// What the page of a topic is asked, of a host with the topic `orders`.
fn questions_of_topics() -> Vec<(Method, &'static str, String, &'static str, Vec<u8>)> {
    let post = |target: &str, body: Value| {
        let path = "/v1/topics/{topic}/messages";
        (Method::POST, path, target.to_owned(), "application/json", body.to_string().into_bytes())
    };
    let message = json!({"value": "a", "attributes": {"type": "order.created"}});
    vec![
        post("/v1/topics/orders/messages", json!({"messages": [message, {"value_base64": "/w=="}]})),
        post("/v1/topics/orders/messages", json!({"messages": []})),
        post("/v1/topics/nowhere/messages", json!({"messages": [{"value": "a"}]})),
    ]
}

#[test]
fn every_answer_is_what_the_description_says_and_every_page_is_described() {
    let host = with_token(&config()).start();
    let authorization = format!("Bearer {TOKEN}");
    let token = ("authorization", authorization.as_str());
    let described = host.admin().send(Method::GET, "/v1/openapi.json", &[token], "").expect(200).json();
    let printed = flint(&host.data_dir(), ["openapi", "--json"]).ok().json();
    assert_eq!(printed, described);
    assert!(described["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{described}");
    let mut asked: BTreeMap<(String, String), u32> = BTreeMap::new();
    for (method, path, target, kind, body) in questions() {
        let kind = ("content-type", if kind.is_empty() { "application/octet-stream" } else { kind });
        let operation = &described["paths"][path][method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{method} {path} is not described");
        let answer = host.admin().send(method.clone(), &target, &[kind, token], body.clone());
        validate(&described, operation, &answer, &format!("{method} {target}"));
        // Who is turned away before a page is asked.
        let needs_token = !path.starts_with("/health/");
        let page = [kind, token, ("origin", "http://localhost")];
        let refused: [(&[_], _); 2] = [(&page, "403"), (&[kind], if needs_token { "401" } else { "200" })];
        for (headers, status) in refused {
            let answer = host.admin().send(method.clone(), &target, headers, body.clone());
            assert_eq!(answer.status.as_str(), status, "{method} {target}");
            validate(&described, operation, &answer, &format!("{method} {target}: {status}"));
            assert!(operation["responses"].get(status).is_some(), "{method} {path}: {status} is not described");
        }
        assert_eq!(operation["responses"].get("401").is_some(), needs_token, "{method} {path}");
        assert_eq!(operation["security"] == json!([{}]), !needs_token, "{method} {path}");
        *asked.entry((path.to_owned(), method.as_str().to_lowercase())).or_default() += 1;
    }
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            assert!(asked.contains_key(&(path.clone(), method.clone())), "nobody asked {method} {path}");
            let answers = operation["responses"].as_object().expect("responses");
            assert!(answers.values().all(|answer| answer["description"].is_string()), "{method} {path}: {answers:?}");
            let bodies = operation["requestBody"]["content"].as_object();
            for (kind, body) in bodies.into_iter().flatten().filter(|(kind, _)| !kind.ends_with("json")) {
                let schema = resolve(&described, &body["schema"]);
                assert_eq!(schema["format"], "binary", "{method} {path}: {kind} is {schema}");
            }
        }
    }
}

/// Fails the test unless an answer has one of the statuses that are described, with a body as it is described, and no more.
fn validate(document: &Value, operation: &Value, answer: &Response, what: &str) {
    let status = answer.status.as_u16().to_string();
    let responses = operation["responses"].as_object().expect("responses");
    let response = responses.get(&status).or_else(|| responses.get(&format!("{}XX", &status[..1])));
    let response = response.unwrap_or_else(|| panic!("{what}: {status} is not described: {}", answer.text()));
    let kind = answer.header("content-type").split(';').next().unwrap_or_default().trim();
    let content = response["content"].as_object().expect("content");
    let schema = &content.get(kind).unwrap_or_else(|| panic!("{what}: {kind} is not described"))["schema"];
    if !kind.ends_with("json") {
        assert_eq!(resolve(document, schema)["type"], "string", "{what}: {schema}");
        return;
    }
    let is_open = schema.as_object().is_none_or(serde_json::Map::is_empty);
    // References lead into the document.
    let mut whole = json!({ "components": document["components"], "unevaluatedProperties": is_open });
    let object = whole.as_object_mut().expect("an object");
    object.extend(schema.as_object().expect("a schema").clone());
    let validator = jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{what}: {error}"));
    let body = answer.json();
    let wrong: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?} in {body}");
    // A schema that takes anything would say nothing.
    assert!(
        is_open == what.ends_with("/v1/openapi.json") || !validator.is_valid(&json!({ "nothing": 1 })),
        "{what}: {schema}"
    );
}

/// What a schema says, if need be under its name.
fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let named = schema["$ref"].as_str().and_then(|path| document.pointer(path.strip_prefix('#')?));
    named.unwrap_or(schema)
}

#[test]
fn a_page_that_is_not_there_is_a_problem() {
    let host: Host = Launch::config(&config()).start();
    for (method, path, status) in [(Method::GET, "/v1/nothing", 404), (Method::DELETE, "/v1/functions", 405)] {
        let answer = host.admin().send(method, path, &[], "").expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}
