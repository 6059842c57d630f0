//! The command line: what it prints, how it ends, and how a host comes and goes.

use crate::harness::{Host, Launch, Run, Wire, eventually, flint, guest, root};
use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// A platform of one function that is there already.
fn hello_config() -> String {
    let component = guest::component("hello");
    format!(
        "[function.hello]\nsource = {component:?}\n\n[[route]]\npath = \"/hello\"\nfunction = \"hello\"\n\n[kv.links]\n"
    )
}

#[test]
fn help_teaches_with_examples_and_lists_the_exit_codes() {
    let folder = folder();
    let help = flint(folder.path(), ["--help"]).ok().stdout;
    for part in ["flint up some.wasm", "flint kv scan links", "Exit codes:", "FLINT_LOG", "--json"] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    for command in ["up", "build", "check", "new", "invoke", "kv", "bench"] {
        let help = flint(folder.path(), [command, "--help"]).ok().stdout;
        assert!(help.contains("--json"), "{command}\n{help}");
    }
}

#[test]
fn a_command_ends_with_the_code_that_help_promises() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("invalid.toml", "[function.hello]\nsauce = \"x\"\n");
    let broken = "[function.broken]\nsource = \"broken\"\nbuild = \"echo no; exit 9\"\nartifact = \"x.wasm\"\n";
    write("broken.toml", broken);
    write("broken-and-invalid.toml", &format!("{broken}sauce = \"x\"\n"));
    let secret = "[function.broken.secrets]\nkey = { env = \"FLINT_TESTS_NEVER_SET\" }\n[kv.links]\n";
    write("no-secret.toml", &format!("{broken}{secret}"));
    fs::write(folder.path().join("latin-1.toml"), b"# gr\xFCn\n").expect("written");
    fs::create_dir(folder.path().join("broken")).expect("a folder");
    write("module.wasm", "no component");
    for (args, code) in [
        (&["--version"][..], 0),
        (&["frobnicate"], 2),
        (&["kv", "get", "links"], 2),
        (&["kv", "get", "Not_A_Name", "key"], 2),
        (&["up", "--admin-listen", "localhost"], 2),
        (&["up", "--log", "loud"], 2),
        (&["up"], 3),
        (&["check", "--config", "invalid.toml"], 3),
        (&["build", "--config", "invalid.toml"], 3),
        (&["check", "--config", "latin-1.toml"], 3),
        (&["check", "--config", "."], 3),
        (&["check", "--config", "broken.toml"], 4),
        (&["up", "--config", "broken.toml"], 4),
        (&["invoke", "broken", "--config", "broken.toml"], 4),
        (&["build", "--config", "broken.toml"], 4),
        (&["check", "--config", "broken-and-invalid.toml"], 3),
        (&["build", "--config", "no-secret.toml"], 4),
        (&["check", "--config", "no-secret.toml"], 3),
        (&["kv", "get", "links", "key", "--config", "no-secret.toml"], 1),
        (&["kv", "put", "default", "key", "value", "--ttl", "0s"], 2),
        (&["up", "missing.wasm"], 1),
        (&["up", "module.wasm"], 1),
        (&["kv", "get", "default", "key"], 1),
        (&["kv", "get", "default", "key", "--admin", "127.0.0.1:9"], 5),
        (&["new", "http", "broken"], 1),
    ] {
        for json in [false, true] {
            let args = args.iter().copied().chain(json.then_some("--json"));
            let run = flint(folder.path(), args.clone());
            assert_eq!(run.code, Some(code), "{:?}: {run:?}", args.collect::<Vec<_>>());
            if json && code != 0 && code != 2 {
                let answer = run.json();
                assert!(answer.get("error").or(answer.get("diagnostics")).is_some(), "{answer}");
            }
        }
    }
    for (config, code, help) in
        [("latin-1.toml", "config/not-utf-8", json!("save it as UTF-8")), (".", "config/unreadable", Value::Null)]
    {
        let error = flint(folder.path(), ["check", "--json", "--config", config]).json()["error"].clone();
        assert_eq!((&error["code"], &error["help"]), (&json!(code), &help), "{error}");
    }
    let place = flint(folder.path(), ["check", "--config", "latin-1.toml"]).stderr;
    assert!(place.contains("line 1, column 5"), "{place}");
}

#[test]
fn check_lists_mistakes_for_people_and_for_programs() {
    let folder = folder();
    let config = "[function.hello]\nsource = \"missing\"\nmemroy = \"1MiB\"\ntimeout = \"soon\"\n";
    fs::write(folder.path().join("platform.toml"), config).expect("written");
    let people = flint(folder.path(), ["check"]);
    for part in ["platform.toml:2:10", "platform.toml:3:1", "platform.toml:4:11", "memory"] {
        assert!(people.stderr.contains(part), "{part} is not in\n{}", people.stderr);
    }
    let programs = flint(folder.path(), ["check", "--json"]).json();
    let codes: Vec<_> = programs["diagnostics"].as_array().expect("a list").iter().map(|d| &d["code"]).collect();
    assert_eq!(codes, ["config/no-such-file", "config/unknown-key", "config/bad-duration"]);
    fs::write(folder.path().join("platform.toml"), hello_config()).expect("written");
    let valid = flint(folder.path(), ["check"]).ok();
    assert_eq!(valid.stdout, "platform.toml is valid: 1 function, 1 route, 1 store\n");
}

#[test]
fn a_function_that_does_not_compile_is_told_with_the_compilers_words_and_hides_no_other() {
    let folder = folder();
    for (name, text) in [("good", ""), ("bad", "fn f() { nothing }")] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.join("src")).expect("a folder");
        fs::write(path.join("src/lib.rs"), text).expect("written");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n"
        );
        fs::write(path.join("Cargo.toml"), manifest).expect("written");
    }
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"good\", \"bad\"]\n")
        .expect("written");
    let config = "[function.good]\nsource = \"good\"\n[function.bad]\nsource = \"bad\"\n";
    fs::write(folder.path().join("platform.toml"), config).expect("written");
    let run = flint(folder.path(), ["build"]);
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stderr.contains("cannot find value `nothing`") && run.stderr.contains("bad/src/lib.rs:1"), "{run:?}");
    assert!(run.stdout.starts_with("good") && run.stdout.contains("good.wasm"), "{run:?}");
}

#[test]
fn a_new_function_is_built_served_and_never_overwritten() {
    let folder = folder();
    let sdk = root().join("guest-sdk");
    for template in ["http", "kv", "invoke"] {
        let name = format!("my-{template}");
        let new = ["new", template, &name, "--sdk", sdk.to_str().expect("UTF-8")];
        let written = flint(folder.path(), new).ok();
        assert!(written.stdout.contains(&format!("{name}/src/lib.rs")), "{written:?}");
        let again = flint(folder.path(), new);
        assert!(again.code == Some(1) && again.stderr.contains("exists already"), "{again:?}");
        // What the three have in common is compiled once.
        let config = folder.path().join(&name).join("platform.toml");
        let launch = Launch::platform().env("CARGO_TARGET_DIR", root().join("target/new").display());
        let host = launch.config_file(&config).start();
        let routes = host.ready["routes"].as_array().expect("a list").clone();
        match routes.iter().find_map(|route| route["path"].as_str().filter(|path| !path.contains('{'))) {
            Some(path) => assert!(host.http().get(path).status.as_u16() < 500, "{template} {path}"),
            None => {
                let basket = r#"{"items": [{"price": 9.5, "quantity": 2}]}"#;
                assert_eq!(host.flint(["invoke", &name, "--data", basket]).ok().stdout, r#"{"total":19.0}"#);
            }
        }
    }
}

#[test]
fn one_component_is_served_on_every_route_without_a_configuration() {
    for name in ["hello-02", "hello-plain-03"] {
        let host = Launch::component(&guest::component(name)).start();
        for path in ["/", "/any/path?query"] {
            host.http().get(path).expect(200);
        }
        assert_eq!(host.ready["functions"], json!([name]));
        assert!(host.stop().success());
    }
}

#[test]
fn a_host_says_where_it_is_and_what_it_serves() {
    let host = Launch::config(&hello_config()).start();
    assert_eq!(
        host.ready["routes"][0],
        json!({"host": null, "methods": null, "path": "/hello", "function": "hello", "workflow": null, "files": null})
    );
    assert_eq!(host.http().get("/hello").expect(200).text(), "Hello, world!\n");
    let metrics = host.admin().get("/metrics").expect(200);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"), "{metrics:?}");
    for line in [
        r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"} 1"#,
        r#"flint_invocation_duration_seconds_count{function="hello"} 1"#,
    ] {
        assert!(metrics.text().lines().any(|l| l == line), "{line} is not in\n{}", metrics.text());
    }
    assert!(metrics.text().contains("flint_spares{function=\"hello\"}") && metrics.text().ends_with("# EOF\n"));
    host.admin().get("/health/live").expect(200);
    host.admin().get("/health/ready").expect(200);
    let missing = host.admin().get("/nothing").expect(404);
    assert_eq!(missing.json()["code"], "admin/not-found");
}

#[test]
fn nobody_but_a_program_of_this_machine_manages_a_host() {
    let host = Launch::config(&hello_config()).start();
    for headers in [[("origin", "https://example.com")], [("host", "rebound.example.com")]] {
        let refused = host.admin().send(Method::POST, "/v1/functions/hello/invoke", &headers, "").expect(403);
        assert_eq!(refused.json()["code"], "admin/forbidden");
    }
}

#[test]
fn a_signal_ends_a_host_when_what_runs_is_done() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut host = Launch::platform().start();
        // It goes on until its client has sent all.
        let mut slow = Wire::open(host.http());
        slow.say_head(&["POST /echo", "transfer-encoding: chunked"]);
        slow.say_chunk("first");
        slow.hear_until("first");
        host.signal(signal);
        eventually("the end of the listener", || TcpStream::connect(host.http().address()).is_err().then_some(()));
        slow.say_chunk("last");
        slow.say("0\r\n\r\n");
        slow.hear_until("last");
        slow.hear_until("0\r\n\r\n");
        assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
        assert!(!host.data_dir().join("run.json").exists());
        host.logged("the end", |line| line["message"] == "stopped");
    }
}

#[test]
fn an_address_or_a_folder_that_is_taken_is_told_with_what_helps() {
    let host = Launch::config(&hello_config()).start();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder();
    fs::write(folder.path().join("platform.toml"), hello_config()).expect("written");
    let run = flint(folder.path(), ["up", "--listen", &address, "--admin-listen", "127.0.0.1:0"]);
    assert!(run.code == Some(5) && run.stderr.contains(&address) && run.stderr.contains("--listen"), "{run:?}");
    let run = host.flint(["up", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert!(run.code == Some(5) && run.stderr.contains("in use") && run.stderr.contains("--data-dir"), "{run:?}");
}

#[test]
fn a_damaged_store_is_refused_and_what_is_readable_of_it_can_be_saved() {
    let mut host = Launch::config(&hello_config()).start();
    for key in ["damaged", "whole"] {
        host.flint(["kv", "put", "links", key, &format!("the value of {key}")]).ok();
    }
    host.signal(Signal::TERM);
    host.wait();
    let file = host.data_dir().join("stores/stores.redb");
    let mut bytes = fs::read(&file).expect("the store");
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"the value of damaged") {
            bytes[at] = b'T';
        }
    }
    fs::write(&file, bytes).expect("damaged");
    let refused = |run: Run| {
        let says = ["damaged", "backup", "store-check-max"].iter().all(|word| run.stderr.contains(word));
        assert!(run.code == Some(1) && says, "{run:?}");
    };
    refused(host.flint(["kv", "get", "links", "whole"]));
    refused(host.flint(["up", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]));
    let config = host.folder().join("platform.toml");
    fs::write(&config, hello_config() + "[limits]\nstore-check-max = \"0B\"\n").expect("written");
    assert_eq!(host.flint(["kv", "get", "links", "whole"]).ok().stdout, "the value of whole");
}

#[test]
fn invoke_answers_alike_through_a_host_and_without_one() {
    let host = Launch::fixtures().start();
    let payload = host.data_dir().with_file_name("payload");
    fs::write(&payload, "from a file").expect("written");
    let check = |host: &Host| {
        let plain = host.flint(["invoke", "event", "--data", "hello"]).ok();
        assert_eq!(plain.stdout, "hello");
        let file = host.flint(["invoke", "event", "--data-file", payload.to_str().expect("UTF-8")]).ok();
        assert_eq!(file.stdout, "from a file");
        let json = host.flint(["invoke", "event", "--data", "{\"n\":1}", "--json"]).ok().json();
        assert_eq!(json["answer"], json!({"n": 1}));
        assert_eq!(json["invocation"].as_str().map(str::len), Some(26), "{json}");
        let missing = host.flint(["invoke", "nobody", "--json"]);
        assert_eq!((missing.code, &missing.json()["error"]["code"]), (Some(1), &json!("function/not-found")));
        let without = host.flint(["invoke", "hello-plain-03", "--json"]);
        assert_eq!((without.code, &without.json()["error"]["code"]), (Some(1), &json!("function/no-handler")));
    };
    check(&host);
    // The temporary folder lives as long as the host's value.
    let mut host = host;
    host.signal(Signal::TERM);
    host.wait();
    check(&host);
}

#[test]
fn kv_works_alike_through_a_host_and_without_one() {
    let mut host = Launch::config(&hello_config()).start();
    let check = |host: &Host, key: &str| {
        host.flint(["kv", "put", "links", key, "value", "--if-absent"]).ok();
        assert_eq!(host.flint(["kv", "get", "links", key]).ok().stdout, "value");
        let item = host.flint(["kv", "get", "links", key, "--json"]).ok().json();
        assert_eq!((&item["key"], &item["value"]), (&json!(key), &json!("value")));
        let again = host.flint(["kv", "put", "links", key, "value", "--if-absent", "--json"]);
        assert_eq!((again.code, &again.json()["error"]["code"]), (Some(1), &json!("kv/conflict")));
        let version = item["version"].to_string();
        host.flint(["kv", "put", "links", key, "other", "--if-version", &version, "--ttl", "1h"]).ok();
        let item = host.flint(["kv", "get", "links", key, "--json"]).ok().json();
        assert!(item["expires_at_ms"].is_u64(), "{item}");
        let missing = host.flint(["kv", "get", "links", "missing", "--json"]);
        assert_eq!((missing.code, &missing.json()["error"]["code"]), (Some(1), &json!("kv/no-such-key")));
        let store = host.flint(["kv", "scan", "nowhere", "--json"]);
        assert_eq!((store.code, &store.json()["error"]["code"]), (Some(1), &json!("kv/no-such-store")));
    };
    check(&host, "a/b ?#%é");
    let page = host.flint(["kv", "scan", "links", "--json"]).ok().json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    host.signal(Signal::TERM);
    host.wait();
    check(&host, "another");
    let keys =
        |page: &Value| page["items"].as_array().expect("a list").iter().map(|i| i["key"].clone()).collect::<Vec<_>>();
    let first = host.flint(["kv", "scan", "links", "--limit", "1", "--json"]).ok().json();
    assert_eq!(keys(&first), [json!("a/b ?#%é")]);
    let cursor = first["cursor"].as_str().expect("there is more");
    let second = host.flint(["kv", "scan", "links", "--cursor", cursor, "--json"]).ok().json();
    assert_eq!(keys(&second), [json!("another")]);
    assert_eq!(host.flint(["kv", "scan", "links", "--prefix", "an"]).ok().stdout, "another\tother\n");
}

#[test]
fn what_the_management_api_refuses_is_told_as_a_problem_with_a_code() {
    let event = guest::component("event");
    let config = format!(
        "[function.event]\nsource = {event:?}\nrequest-size-max = \"80MiB\"\nresponse-size-max = \"80MiB\"\n[kv.links]\n"
    );
    let host = Launch::config(&config).start();
    for (method, path, status, code) in [
        (Method::GET, "/v1/kv/links?limit=many", 400, "admin/bad-request"),
        (Method::GET, "/v1/kv/links/%ff", 400, "admin/bad-request"),
        (Method::PUT, "/v1/kv/links/key?if-version=x", 400, "admin/bad-request"),
        (Method::PUT, "/v1/kv/links/key?ttl-ms=0", 400, "kv/invalid"),
        (Method::GET, "/v1/kv/No-Name", 400, "admin/bad-name"),
    ] {
        let answer = host.admin().send(method, path, &[], "value").expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{path}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}: {problem}");
    }
    // As large as a function takes, and larger than any does.
    let payload = host.data_dir().with_file_name("payload");
    let invoke = |mebibytes: usize| {
        fs::write(&payload, vec![b'x'; mebibytes << 20]).expect("written");
        host.flint(["invoke", "event", "--json", "--data-file", payload.to_str().expect("UTF-8")])
    };
    assert_eq!(invoke(66).ok().json()["answer"].as_str().map(str::len), Some(66 << 20));
    let refused = invoke(81);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(1), &json!("admin/too-large")), "{refused:?}");
}

#[test]
fn every_line_of_the_log_has_the_ids_of_its_invocation() {
    let host = Launch::fixtures().arg("--log").arg("info,function=debug").start();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = host.http().send(Method::GET, "/log/1", &[("traceparent", &parent)], "").expect(200);
    let invocation = answer.header("flint-invocation-id");
    let of_it = |source: &'static str| {
        let line = host.logged(source, |line| line["source"] == source && line["invocation"] == invocation);
        assert_eq!((&line["function"], &line["trace"]), (&json!("misbehave"), &json!(trace)), "{line}");
        line
    };
    of_it("log");
    assert_eq!(of_it("record")["fields"]["outcome"], "ok");
    host.http().get("/trap").expect(500);
    host.logged("the failure", |line| line["level"] == "warn" && line["fields"]["outcome"] == "function/trapped");
}

#[test]
fn a_host_starts_again_from_what_it_compiled() {
    let host = Launch::config(&hello_config()).compile_anew().start();
    let compiled = |host: &Host| names(&host.data_dir().join("compiled"));
    let before = compiled(&host);
    assert!(!before.is_empty());
    let begin = Instant::now();
    let host = host.restart();
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(compiled(&host), before);
    host.http().get("/hello").expect(200);
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    names.sort();
    names
}
