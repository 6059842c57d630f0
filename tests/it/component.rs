//! `flint up some.wasm`: one component on every route, whoever built it, without a configuration.

use crate::harness::{Client, Launch, Wire, eventually, flint, guest};
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

#[test]
fn a_component_for_either_version_of_http_answers_on_every_route_and_method() {
    for (name, version) in [("hello-02", "0.2"), ("hello-plain-03", "0.3")] {
        let host = Launch::component(&guest::component(name)).start();
        for target in ["/", "/a/b/c", "/hello%20world", "/?q=1&r=%2F", "/a//b"] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
                let answer = host.http().send(method.clone(), target, &[], "");
                let text = format!("Hello from wasi:http {version}! You asked for {target}.\n");
                assert_eq!((answer.status.as_u16(), answer.text()), (200, text.as_str()), "{method} {target}");
            }
            assert!(host.http().send(Method::HEAD, target, &[], "").expect(200).body.is_empty());
        }
        assert!(host.stop().success());
    }
}

#[test]
fn a_component_built_elsewhere_serves_many_at_once_on_connections_that_stay() {
    for name in ["hello-02", "hello-plain-03"] {
        let host = Launch::component(&guest::component(name)).start();
        let client = host.http();
        thread::scope(|scope| {
            for worker in 0..8 {
                scope.spawn(move || {
                    let mut wire = Wire::open(client);
                    for round in 0..20 {
                        wire.say_head(&[&format!("GET /{worker}/{round}")]);
                        let head = wire.hear_head();
                        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("chunked"), "{head}");
                        let text = wire.hear_until("\r\n0\r\n\r\n");
                        assert!(text.contains(&format!("You asked for /{worker}/{round}.\n")), "{text}");
                    }
                });
            }
        });
        // None of them shared an instance.
        let started = |start: &str| host.metric(&format!(r#"flint_starts_total{{function="{name}",start="{start}"}}"#));
        assert!(started("pooled") + started("on-demand") == 160.0 && started("reused") == 0.0);
    }
}

#[test]
fn a_host_serves_both_versions_of_http_from_two_pools_and_with_many_instances_from_one() {
    let sections: Vec<String> = ["hello-02", "hello-plain-03"]
        .iter()
        .flat_map(|name| [guest::function(name, ""), guest::route(&format!("/{name}"), name)])
        .collect();
    // With spares and slack, 4,000 instances, the most that have two pools, and more.
    for most in [3400, 6000] {
        let limits = format!("[limits]\ninvocations-max = {most}\n");
        let host = Launch::config(&(limits + &sections.concat())).start();
        for (name, version) in [("hello-02", "0.2"), ("hello-plain-03", "0.3")] {
            let text = host.http().get(&format!("/{name}")).expect(200).text().to_owned();
            assert_eq!(text, format!("Hello from wasi:http {version}! You asked for /{name}.\n"));
        }
    }
}

#[test]
fn a_client_of_http_1_0_that_names_no_host_is_answered() {
    for name in ["hello-02", "hello-plain-03"] {
        let host = Launch::component(&guest::component(name)).start();
        let mut wire = Wire::open(host.http());
        wire.say("GET /old HTTP/1.0\r\n\r\n");
        let answer = wire.hear_to_the_end();
        assert!(answer.contains(" 200 OK") && answer.ends_with("You asked for /old.\n"), "{name}: {answer}");
    }
}

#[test]
fn a_file_that_can_not_be_served_is_told_with_what_helps() {
    let folder = TempDir::new().expect("a temporary folder");
    let text = folder.path().join("text.wasm");
    std::fs::write(&text, "no component").expect("written");
    // A core module without a section.
    let module = folder.path().join("module.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").expect("written");
    for (file, code, help) in [
        (folder.path().join("missing.wasm"), "component/not-found", ""),
        (text, "component/invalid", "wasm32-wasip2"),
        (module, "component/invalid", "wasm-tools component new"),
        (guest::component("event"), "component/no-http-handler", "wasi:http/handler"),
    ] {
        let file = file.to_str().expect("UTF-8");
        let run = flint(folder.path(), ["up", file, "--json"]);
        let error = &run.json()["error"];
        assert_eq!((run.code, &error["code"]), (Some(1), &json!(code)), "{run:?}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(file)), "{error}");
        assert!(error["help"].as_str().unwrap_or_default().contains(help), "{error}");
        let people = flint(folder.path(), ["up", file]);
        assert!(people.stderr.contains(file) && people.stderr.contains(help), "{people:?}");
    }
}

#[test]
fn the_first_address_that_is_printed_for_people_takes_requests() {
    let folder = TempDir::new().expect("a temporary folder");
    let free = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_flint"))
        .arg("up")
        .arg(guest::component("hello-02"))
        .args(free)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("http://")).expect("an address");
    let (_, address) = line.split_once("http://").expect("an address");
    let address = address.split(|c: char| c.is_whitespace() || c == '/').next().expect("an address");
    let answer = Client::new(address.parse().expect("an address")).get("/a").expect(200);
    assert!(answer.text().contains("You asked for /a"), "{answer:?}");
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(process, Signal::INT).expect("the process is there");
    let ended = eventually("the end of the host", || child.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(0));
}
