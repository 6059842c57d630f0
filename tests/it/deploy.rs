//! Versions of a function: deployed, rolled back, split, and swapped while requests come.

use crate::harness::guest::{component, function, route};
use crate::harness::{Client, Host, Launch, Response, Wire, eventually, flint, resident};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// One function on every path: version 1 speaks `wasi:http` 0.2, and says so.
fn greeter(lines: &str) -> String {
    let source = component("hello-02");
    format!("[function.greeter]\nsource = {source:?}\n{lines}\n{}", route("/{*rest}", "greeter"))
}

/// Deploys a component through the API.
fn deploy(host: &Host, query: &str, component: &[u8]) -> Response {
    let path = format!("/v1/functions/greeter/versions{query}");
    host.admin().send(Method::POST, &path, &[("content-type", "application/wasm")], component.to_vec())
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(component(name)).expect("a component")
}

/// The version of `wasi:http` that answers speak.
fn spoken(client: Client) -> String {
    let answer = client.get("/x").expect(200);
    let (_, rest) = answer.text().split_once("wasi:http ").expect("a greeting");
    rest.split('!').next().expect("a version").to_owned()
}

#[test]
fn a_deployed_version_serves_until_it_is_rolled_back_and_survives_a_restart() {
    let host = Launch::config(&greeter("")).start();
    assert_eq!(spoken(host.http()), "0.2");
    let file = component("hello-plain-03");
    let file = file.to_str().expect("UTF-8");
    let deployed = host.flint(["deploy", file, "--function", "greeter", "--json"]).ok().json();
    assert_eq!((&deployed["changed"], &deployed["active"]), (&json!(true), &json!(2)), "{deployed}");
    assert_eq!(spoken(host.http()), "0.3");
    let again = host.flint(["deploy", file, "--function", "greeter", "--json"]).ok().json();
    assert_eq!((&again["changed"], &again["active"]), (&json!(false), &json!(2)), "{again}");

    // Like a loss of power right behind the answer.
    let host = host.kill_and_restart();
    assert_eq!(spoken(host.http()), "0.3");
    host.logged("which is served", |line| {
        line["message"].as_str().is_some_and(|text| text.contains("the deployed version is served"))
    });
    let versions = host.flint(["versions", "greeter", "--json"]).ok().json();
    let listed: Vec<_> = versions["versions"].as_array().expect("versions").iter().collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["version"], &listed[0]["origin"], &listed[0]["weight"]),
        (&json!(2), &json!("deploy"), &json!(100))
    );
    assert_eq!(
        (&listed[1]["version"], &listed[1]["origin"], &listed[1]["weight"]),
        (&json!(1), &json!("source"), &json!(0))
    );
    assert_eq!(listed[0]["from"], file);
    assert_eq!(listed[0]["bytes"], json!(bytes("hello-plain-03").len()));

    assert_eq!(host.flint(["rollback", "greeter", "--json"]).ok().json()["active"], 1);
    assert_eq!(spoken(host.http()), "0.2");
    let oldest = host.flint(["rollback", "greeter", "--json"]);
    assert_eq!((oldest.code, &oldest.json()["error"]["code"]), (Some(1), &json!("version/oldest")), "{oldest:?}");
    assert_eq!(host.flint(["rollback", "greeter", "--to", "2", "--json"]).ok().json()["active"], 2);
    let missing = host.flint(["rollback", "greeter", "--to", "9", "--json"]);
    assert_eq!(missing.json()["error"]["code"], "version/not-found", "{missing:?}");
    let host = host.restart();
    assert_eq!(spoken(host.http()), "0.3");
    let people = host.flint(["versions", "greeter"]).ok();
    assert!(people.stdout.contains("100 %") && people.stdout.contains("deploy"), "{people:?}");
    let functions = host.flint(["functions"]).ok();
    assert!(functions.stdout.contains("greeter  version 2 (100 %)  fresh"), "{functions:?}");
}

#[test]
fn a_source_that_changes_after_a_deployment_is_served_at_the_next_start() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("greeter.wasm");
    std::fs::write(&file, bytes("hello-02")).expect("written");
    let host =
        Launch::config(&format!("[function.greeter]\nsource = {file:?}\n{}", route("/{*rest}", "greeter"))).start();
    deploy(&host, "", &bytes("hello-plain-03")).expect(200);
    let host = host.restart();
    assert_eq!(spoken(host.http()), "0.3");
    std::fs::write(&file, bytes("hello")).expect("written");
    let host = host.restart();
    assert_eq!(host.http().get("/").expect(200).text(), "Hello, world!\n");
    let versions = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
    assert_eq!((&versions["active"], &versions["versions"][0]["origin"]), (&json!(3), &json!("source")), "{versions}");
    // And what was deployed before can be had again.
    assert_eq!(host.flint(["rollback", "greeter", "--json"]).ok().json()["active"], 2);
    assert_eq!(spoken(host.http()), "0.3");
}

#[test]
fn a_component_that_does_not_fit_is_refused_and_the_old_one_goes_on() {
    let config = greeter("") + &function("hello", "");
    let host = Launch::config(&config).start();
    let whole = bytes("hello-plain-03");
    let refused = |component: &[u8], code: &str| {
        let answer = deploy(&host, "", component).expect(422);
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(spoken(host.http()), "0.2");
        problem["detail"].as_str().expect("text").to_owned()
    };
    refused(b"no component", "component/invalid");
    refused(b"", "component/invalid");
    // A core module without a section.
    refused(b"\0asm\x01\0\0\0", "component/invalid");
    refused(&whole[..whole.len() / 2], "component/invalid");
    // An event handler and no other, imports of stores that nothing grants, and one that nobody serves.
    assert!(refused(&bytes("event"), "config/no-handler").contains("platform.toml:"));
    assert!(refused(&bytes("shortener"), "config/missing-grant").contains("grants.kv"));
    assert!(refused(&strange(), "config/unserved-import").contains("test:strange/thing"));
    let versions = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
    assert_eq!(versions["versions"].as_array().map(Vec::len), Some(1), "{versions}");

    let weight = deploy(&host, "?weight=0", &whole).expect(400).json();
    assert_eq!(weight["code"], "version/bad-weight");
    let nobody = host.admin().send(Method::POST, "/v1/functions/nobody/versions", &[], whole).expect(404).json();
    assert_eq!(nobody["code"], "function/not-found");
    let run = host.flint(["deploy", "Cargo.toml", "--function", "greeter", "--json"]);
    assert_eq!((run.code, &run.json()["error"]["code"]), (Some(1), &json!("component/not-found")), "{run:?}");
}

/// A component that imports an interface with one function, which nobody serves, in the binary format.
fn strange() -> Vec<u8> {
    let name = b"test:strange/thing@1.0.0";
    let section = |id: u8, content: &[u8]| {
        let mut section = vec![id, u8::try_from(content.len()).expect("short")];
        section.extend(content);
        section
    };
    // The type of an instance: a function without parameters and results, exported as `f`.
    let kind = [1, 0x42, 2, 1, 0x40, 0, 1, 0, 4, 0, 1, b'f', 1, 0];
    let mut import = vec![1, 0, u8::try_from(name.len()).expect("short")];
    import.extend(name);
    import.extend([5, 0]);
    [b"\0asm\x0d\0\x01\0".to_vec(), section(7, &kind), section(10, &import)].concat()
}

#[test]
fn a_component_that_is_too_large_is_refused() {
    let host = Launch::config(&format!("[limits]\ncomponent-size-max = \"1KiB\"\n{}", greeter(""))).start();
    let problem = deploy(&host, "", &bytes("hello-plain-03")).expect(413).json();
    assert_eq!(problem["code"], "component/too-large");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("component-size-max")), "{problem}");
}

#[test]
fn a_folder_is_built_and_deployed_as_the_function_that_is_made_from_it() {
    let folder = TempDir::new().expect("a folder");
    let source = folder.path().join("source");
    std::fs::create_dir(&source).expect("a folder");
    std::fs::copy(component("hello-02"), source.join("in.wasm")).expect("copied");
    let config = format!(
        "[function.greeter]\nsource = {source:?}\nbuild = \"cp in.wasm out.wasm\"\nartifact = \"out.wasm\"\n{}",
        route("/{*rest}", "greeter")
    );
    let host = Launch::config(&config).start();
    std::fs::copy(component("hello-plain-03"), source.join("in.wasm")).expect("copied");
    let deployed = host.flint(["deploy", source.to_str().expect("UTF-8"), "--json"]).ok().json();
    assert_eq!((&deployed["function"], &deployed["active"]), (&json!("greeter"), &json!(2)), "{deployed}");
    assert_eq!(spoken(host.http()), "0.3");
    std::fs::remove_file(source.join("in.wasm")).expect("removed");
    let failed = host.flint(["deploy", source.to_str().expect("UTF-8"), "--json"]);
    assert_eq!((failed.code, &failed.json()["error"]["code"]), (Some(4), &json!("function/not-built")), "{failed:?}");
    assert_eq!(spoken(host.http()), "0.3");
}

#[test]
fn the_last_versions_are_kept_and_their_components_with_them() {
    let host = Launch::config(&format!("[limits]\nversions-max = 3\n{}", greeter(""))).start();
    for round in 0..6 {
        let name = if round % 2 == 0 { "hello-plain-03" } else { "hello-02" };
        deploy(&host, "", &bytes(name)).expect(200);
    }
    let versions = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
    let kept: Vec<_> =
        versions["versions"].as_array().expect("versions").iter().map(|it| it["version"].clone()).collect();
    assert_eq!(kept, [7, 6, 5]);
    deploy(&host, "", &bytes("hello")).expect(200);
    deploy(&host, "", &bytes("echo")).expect(200);
    deploy(&host, "", &bytes("hello-02")).expect(200);
    let folder = host.data_dir().join("versions/greeter");
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let components = files.filter(|path| path.extension().is_some_and(|it| it == "wasm")).count();
    assert_eq!(components, 3);
    assert_eq!(host.flint(["rollback", "greeter", "--to", "9", "--json"]).ok().json()["active"], 9);
    let gone = host.flint(["rollback", "greeter", "--to", "1", "--json"]);
    assert_eq!(gone.json()["error"]["code"], "version/not-found");
}

#[test]
fn a_canary_gets_its_share_and_is_promoted_or_aborted() {
    let host = Launch::config(&greeter("version-header = true")).start();
    let file = component("hello-plain-03");
    let canary = |host: &Host, args: [&str; 3]| host.flint(["split", "greeter", args[0], args[1], args[2]]).ok().json();
    let deployed =
        host.flint(["deploy", file.to_str().expect("UTF-8"), "--function", "greeter", "--weight", "10", "--json"]).ok();
    let deployed = deployed.json();
    assert_eq!((&deployed["active"], &deployed["canary"]), (&json!(1), &json!(2)), "{deployed}");
    // Over several connections at once, of which each has its part.
    let client = host.http();
    let shares = thread::scope(|scope| {
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(move || share(client, 2500))).collect();
        asking.into_iter().map(|asked| asked.join().expect("a share")).collect::<Vec<_>>()
    });
    let share = shares.iter().sum::<usize>();
    assert!((980..=1020).contains(&share), "{share} of 10000: {shares:?}");

    // A split is kept.
    let host = host.restart();
    let share = self::share(host.http(), 1000);
    assert!((70..=130).contains(&share), "{share} of 1000");
    assert_eq!(canary(&host, ["--weight", "50", "--json"])["canary"], 2);
    let share = self::share(host.http(), 1000);
    assert!((470..=530).contains(&share), "{share} of 1000");

    // Whoever asks for a version gets it.
    for (version, speaks) in [("1", "0.2"), ("2", "0.3")] {
        for _ in 0..10 {
            let answer = host.http().send(Method::GET, "/x", &[("flint-version", version)], "").expect(200);
            assert_eq!(answer.header("flint-version"), version);
            assert!(answer.text().contains(&format!("wasi:http {speaks}!")), "{answer:?}");
        }
    }
    let unknown = host.http().send(Method::GET, "/x", &[("flint-version", "7")], "").expect(400);
    assert_eq!(unknown.json()["code"], "http/bad-request");

    assert_eq!(canary(&host, ["--abort", "--json", "--log=info"])["canary"], Value::Null);
    assert_eq!(self::share(host.http(), 200), 0);
    assert_eq!(canary(&host, ["--to=2", "--weight=30", "--json"])["canary"], 2);
    let promoted = canary(&host, ["--promote", "--json", "--log=info"]);
    assert_eq!((&promoted["active"], &promoted["canary"]), (&json!(2), &Value::Null));
    assert_eq!(self::share(host.http(), 200), 200);
    // Back to what served before the canary.
    assert_eq!(host.flint(["rollback", "greeter", "--json"]).ok().json()["active"], 1);
}

#[test]
fn a_request_chooses_its_version_only_where_it_may() {
    let host = Launch::config(&greeter("")).start();
    deploy(&host, "?weight=1", &bytes("hello-plain-03")).expect(200);
    let answers = (0..20).map(|_| host.http().send(Method::GET, "/x", &[("flint-version", "2")], "").expect(200));
    let answers: Vec<_> = answers.collect();
    assert!(answers.iter().all(|answer| answer.header("flint-version").is_empty()));
    let canary = answers.iter().filter(|answer| answer.text().contains("0.3")).count();
    assert!(canary <= 2, "{canary} of 20 by 1 %");
}

/// How many requests version 2 answers.
fn share(client: Client, requests: usize) -> usize {
    let mut wire = Wire::open(client);
    let mut count = 0;
    for _ in 0..requests {
        let (version, speaks) = ask(&mut wire, "/x");
        assert_eq!(speaks, if version == "2" { "0.3" } else { "0.2" });
        count += usize::from(version == "2");
    }
    count
}

/// Asks over a connection that stays: which version answered, and which version of `wasi:http` it speaks.
#[track_caller]
fn ask(wire: &mut Wire, path: &str) -> (String, String) {
    wire.say_head(&[&format!("GET {path}")]);
    let head = wire.hear_head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let version = head.lines().find_map(|line| line.strip_prefix("flint-version: ")).unwrap_or_default().to_owned();
    let text = wire.hear_until("\r\n0\r\n\r\n");
    let (_, rest) = text.split_once("wasi:http ").expect("a greeting");
    let (speaks, rest) = rest.split_once('!').expect("a version");
    assert!(rest.contains(&format!("You asked for {path}.\n")), "{text}");
    (version, speaks.to_owned())
}

#[test]
fn a_thousand_swaps_under_load_drop_no_request_and_mix_none() {
    const SWAPS: u64 = 1000;
    // A place for an instance keeps some memory once it was used, so there are few of them.
    let limits = "[limits]\ninvocations-max = 50\nspares-max = 20\n";
    let host = Launch::config(&format!("{limits}{}", greeter("version-header = true"))).start();
    let parts = [bytes("hello-02"), bytes("hello-plain-03")];
    let swap = |version: u64| {
        let changed = deploy(&host, "", &parts[usize::from(version.is_multiple_of(2))]).expect(200).json();
        assert_eq!(changed["active"], version);
    };
    let (over, client) = (AtomicBool::new(false), host.http());
    let (before, answered) = thread::scope(|scope| {
        let load = |worker: usize| {
            let over = &over;
            move || {
                let (mut wire, mut answered) = (Wire::open(client), 0);
                while !over.load(Ordering::Relaxed) {
                    let (version, speaks) = ask(&mut wire, &format!("/{worker}/{answered}"));
                    let version: u64 = version.parse().expect("a version");
                    assert_eq!(speaks, if version.is_multiple_of(2) { "0.3" } else { "0.2" }, "version {version}");
                    answered += 1;
                }
                answered
            }
        };
        let workers: Vec<_> = (0..4).map(|worker| scope.spawn(load(worker))).collect();
        // Until then it comes to what it needs in any case: code, buffers, instances.
        (2..=SWAPS / 2).for_each(swap);
        let before = (resident(&host), mappings(&host));
        (SWAPS / 2 + 1..=SWAPS + 1).for_each(swap);
        over.store(true, Ordering::Relaxed);
        let answered = workers.into_iter().map(|worker| worker.join().expect("every request is answered"));
        (before, answered.collect::<Vec<u64>>())
    });
    assert!(answered.iter().all(|answered| *answered > SWAPS / 10), "{answered:?}");
    // Those that were swapped out are gone, and what they had with them.
    eventually("the end of old versions", || {
        let function = host.admin().get("/v1/functions/greeter").expect(200).json();
        (function["retired"] == 0 && function["running"] == 0).then_some(())
    });
    assert!(host.metric(r#"flint_spares{function="greeter"}"#) <= 100.0);
    let metrics = host.admin().get("/metrics").expect(200);
    assert_eq!(metrics.text().lines().filter(|line| line.starts_with("flint_spares{")).count(), 1);
    let (grown, mapped) = (resident(&host).saturating_sub(before.0), mappings(&host).saturating_sub(before.1));
    assert!(grown < 32 << 20, "{} MiB more than before", grown >> 20);
    // The code of a version is mapped: five hundred of them would show.
    assert!(mapped < 100, "{mapped} mappings more than {}", before.1);
}

#[test]
fn a_request_ends_with_the_version_that_it_began_with_and_both_count_for_the_concurrency() {
    let config = format!(
        "[function.greeter]\nsource = {:?}\nconcurrency = 1\nqueue = 0\ntimeout = \"1m\"\nsecrets = {{}}\noutbound = []\n{}",
        component("misbehave"),
        route("/{*rest}", "greeter")
    );
    let host = Launch::config(&config).start();
    let client = host.http();
    let slow = thread::spawn(move || client.get("/sleep/5000"));
    host.wait_for_running("greeter", 1.0);
    deploy(&host, "", &bytes("hello-02")).expect(200);
    let function = host.admin().get("/v1/functions/greeter").expect(200).json();
    assert_eq!((&function["running"], &function["retired"]), (&json!(1), &json!(1)), "{function}");
    // The only place is taken, though by the version before.
    assert_eq!(client.get("/x").expect(503).json()["code"], "function/overloaded");
    slow.join().expect("an answer").expect(200);
    let answer = eventually("a free place", || Some(client.get("/x")).filter(|answer| answer.status == 200));
    assert!(answer.text().contains("wasi:http 0.2!"), "{answer:?}");
    eventually("the end of the old version", || {
        (host.admin().get("/v1/functions/greeter").expect(200).json()["retired"] == 0).then_some(())
    });
}

/// How many mappings the address space of a host consists of.
fn mappings(host: &Host) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", host.process())).expect("a process");
    maps.lines().count()
}

#[test]
fn a_host_elsewhere_is_deployed_to_with_its_token() {
    const TOKEN: &str = "the-token-of-this-test";
    let listener = "[listener]\nadmin-token = { env = \"ADMIN_TOKEN\" }\n";
    let host = Launch::config(&format!("{listener}{}", greeter(""))).env("ADMIN_TOKEN", TOKEN).start();
    // A folder in which nothing tells of the host.
    let folder = TempDir::new().expect("a folder");
    let admin = host.admin().address().to_string();
    let deploy = |token: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_flint"))
            .arg("deploy")
            .arg(component("hello-plain-03"))
            .args(["--function", "greeter", "--json", "--admin", &admin])
            .env("FLINT_TOKEN", token)
            .current_dir(folder.path())
            .output()
            .expect("the binary runs");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.success(), answer)
    };
    let (done, refused) = deploy("another-token-than-that");
    assert_eq!((done, &refused["error"]["code"]), (false, &json!("admin/unauthorized")), "{refused}");
    assert_eq!(spoken(host.http()), "0.2");
    let (done, deployed) = deploy(TOKEN);
    assert_eq!((done, &deployed["active"]), (true, &json!(2)), "{deployed}");
    assert_eq!(spoken(host.http()), "0.3");
}

#[test]
fn without_a_host_there_is_nothing_to_deploy_to() {
    let folder = TempDir::new().expect("a folder");
    let file = component("hello-02");
    let run = flint(Path::new(folder.path()), ["deploy", file.to_str().expect("UTF-8"), "--json"]);
    assert_eq!((run.code, &run.json()["error"]["code"]), (Some(5), &json!("host/unreachable")), "{run:?}");
}

/// A component that looks as if it handled events, and whose init function goes round so often.
fn busy(rounds: i64) -> Vec<u8> {
    let round = "(br_if 0 (i64.lt_u (local.tee 0 (i64.add (local.get 0) (i64.const 1))) (i64.const ROUNDS)))";
    let round = round.replace("ROUNDS", &rounds.to_string());
    let module = format!("(core module $m (func (export \"init\") (local i64) (loop {round})))");
    let lifted = "(core instance $i (instantiate $m)) (func $init (canon lift (core func $i \"init\")))";
    let exported =
        ["init", "invoke"].map(|name| format!("(export \"flint:platform/{name}-handler@0.1.0\" (instance $h))"));
    let exported = format!("(instance $h (export \"init\" (func $init))) {}", exported.concat());
    wat::parse_str(format!("(component {module} {lifted} {exported})")).expect("a component")
}

#[test]
fn who_changes_a_function_while_a_component_is_compiled_does_not_get_it_after_all() {
    let source = component("event");
    let lines = "outbound = []\nsecrets = {}\n";
    let host =
        Launch::config(&format!("[limits]\ninit-timeout = \"1h\"\n[function.other]\nsource = {source:?}\n{lines}"))
            .start();
    let versions = |admin: Client, component| admin.send(Method::POST, "/v1/functions/other/versions", &[], component);
    versions(host.admin(), bytes("misbehave")).expect(200);
    let admin = host.admin();
    let compiling = thread::spawn(move || versions(admin, busy(1 << 31)));
    // Each makes the versions other than ever before, whenever it is that compiling begins.
    for weight in (1..100).cycle().take_while(|_| !compiling.is_finished()) {
        let (kind, split) =
            ([("content-type", "application/json")], json!({ "version": 1, "weight": weight }).to_string());
        host.admin().send(Method::PUT, "/v1/functions/other/split", &kind, split).expect(200);
        thread::sleep(Duration::from_millis(50));
    }
    let deployed = compiling.join().expect("an answer").expect(409).json();
    assert_eq!(deployed["code"], "version/changed-meanwhile");
    assert_eq!(host.admin().get("/v1/functions/other/versions").expect(200).json()["active"], 2);
}

#[test]
fn who_changes_one_function_does_not_wait_until_the_component_of_another_is_compiled() {
    // Compiling includes the init function: this one takes longer than the test.
    let endless = busy(i64::MAX);
    let source = component("hello-02");
    let other = format!("[function.other]\nsource = {source:?}\n{}", route("/other", "other"));
    let host = Launch::config(&format!("[limits]\ninit-timeout = \"1h\"\n{}{other}", greeter(""))).start();
    let admin = host.admin();
    // The answer never comes.
    let compiling = thread::spawn(move || {
        admin.try_send(Method::POST, "/v1/functions/other/versions", &[], endless).map_err(|error| error.to_string())
    });
    for _ in 0..50 {
        let split = json!({ "weight": 0 }).to_string();
        let kind = [("content-type", "application/json")];
        let answer = host.admin().send(Method::PUT, "/v1/functions/greeter/split", &kind, split).expect(409).json();
        assert_eq!(answer["code"], "version/no-canary", "{answer}");
    }
    assert!(!compiling.is_finished(), "{:?}", compiling.join());
}

#[test]
fn a_version_that_still_sends_an_answer_is_told_until_the_last_byte() {
    let given = "timeout = \"10m\"\nsecrets = {}\noutbound = []\n";
    let source = component("misbehave");
    let routes = route("/{*rest}", "greeter");
    let host = Launch::config(&format!("[function.greeter]\nsource = {source:?}\n{given}{routes}")).start();
    let retired = || host.admin().get("/v1/functions/greeter").expect(200).json()["retired"].clone();
    let mut wire = Wire::open(host.http());
    wire.say_head(&["GET /events/1000000/10"]);
    wire.hear_until("event 1\n");
    deploy(&host, "", &bytes("hello-02")).expect(200);
    assert_eq!(retired(), 1);
    wire.hear_until("event 20\n");
    assert_eq!(retired(), 1);
    drop(wire);
    eventually("the end of the old version", || (retired() == 0).then_some(()));
}
