//! `flint up --watch`, and SIGHUP: what changes is served, without dropping a request, and what has mistakes is not.

use crate::harness::guest::{component, route};
use crate::harness::{Client, Host, Launch, Wire, eventually, flint, root};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::TempDir;

/// A folder with a configuration and sources that a test changes.
struct Workplace(TempDir);

impl Workplace {
    /// One function, made from `app.wasm`, on every path.
    fn new() -> Self {
        let workplace = Self(TempDir::new().expect("a folder"));
        workplace.put("app.wasm", "hello-02");
        workplace.configure(&greeter());
        workplace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn configure(&self, text: &str) {
        // As editors do: written aside, and renamed.
        std::fs::write(self.path(".new"), text).expect("written");
        std::fs::rename(self.path(".new"), self.path("platform.toml")).expect("renamed");
    }

    /// Puts the component of a function into a file.
    fn put(&self, name: &str, function: &str) {
        std::fs::copy(component(function), self.path(".new")).expect("copied");
        std::fs::rename(self.path(".new"), self.path(name)).expect("renamed");
    }

    fn up(&self, watch: bool) -> Host {
        let launch = Launch::config("").config_file(&self.path("platform.toml"));
        if watch { launch.arg("--watch").start() } else { launch.start() }
    }
}

fn greeter() -> String {
    format!("[function.greeter]\nsource = \"app.wasm\"\n{}", route("/{*rest}", "greeter"))
}

/// Waits until the answer to a path has a text in it.
fn wait_for(client: Client, path: &str, text: &str) {
    eventually(&format!("{text} at {path}"), || client.get(path).text().contains(text).then_some(()));
}

fn says<'t>(text: &'t str) -> impl Fn(&Value) -> bool + 't {
    move |line| line["message"].as_str().is_some_and(|message| message.contains(text))
}

#[test]
fn a_component_that_changes_is_served_without_dropping_a_request() {
    let workplace = Workplace::new();
    let host = workplace.up(true);
    let (client, over) = (host.http(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut wire = Wire::open(client);
                while !over.load(Ordering::Relaxed) {
                    wire.say_head(&["GET /load"]);
                    assert!(wire.hear_head().starts_with("HTTP/1.1 200 "));
                    wire.hear_until("\r\n0\r\n\r\n");
                }
            });
        }
        for round in 0..3 {
            let (function, text) = [("hello-plain-03", "0.3"), ("hello-02", "0.2")][round % 2];
            workplace.put("app.wasm", function);
            wait_for(client, "/x", text);
        }
        over.store(true, Ordering::Relaxed);
    });
    let versions = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
    assert_eq!(versions["active"], 4, "{versions}");
    assert!(host.stop().success());
}

#[test]
fn a_configuration_that_changes_under_load_drops_no_request() {
    const CHANGES: usize = 20;
    let workplace = Workplace::new();
    workplace.put("other.wasm", "hello-plain-03");
    let host = workplace.up(true);
    let (client, over) = (host.http(), AtomicBool::new(false));
    let asked = thread::scope(|scope| {
        let load = |_| {
            scope.spawn(|| {
                let (mut wire, mut asked) = (Wire::open(client), 0);
                while !over.load(Ordering::Relaxed) {
                    wire.say_head(&["GET /load"]);
                    assert!(wire.hear_head().starts_with("HTTP/1.1 200 "));
                    wire.hear_until("\r\n0\r\n\r\n");
                    asked += 1;
                }
                asked
            })
        };
        let workers: Vec<_> = (0..4).map(load).collect();
        let _over = Over(&over);
        // Each time another route, limits of the function that is asked, and another function beside it.
        for change in 1..=CHANGES {
            let limits = format!("concurrency = {}\nwarm = {}\n[[route]]", 50 + change, change % 3);
            let other = format!("[function.other]\nsource = \"other.wasm\"\n{}", route(&format!("/{change}"), "other"));
            workplace.configure(&(greeter().replace("[[route]]", &limits) + &other));
            wait_for(client, &format!("/{change}"), "0.3");
        }
        over.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("every request is answered")).collect::<Vec<u32>>()
    });
    assert!(asked.iter().all(|asked| *asked > 20), "{asked:?}");
    let function = host.admin().get("/v1/functions/greeter").expect(200).json();
    assert_eq!(function["limits"]["concurrency"], 50 + CHANGES, "{function}");
}

/// Ends the load also when the test fails, or it would go on for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_folder_is_built_again_when_a_file_in_it_changes_and_not_when_its_build_writes_there() {
    let workplace = Workplace::new();
    std::fs::create_dir_all(workplace.path("source/deep")).expect("folders");
    workplace.put("source/deep/in.wasm", "hello-02");
    let build = "echo built >> count; cp deep/in.wasm out.wasm";
    workplace.configure(&format!(
        "[function.greeter]\nsource = \"source\"\nbuild = {build:?}\nartifact = \"out.wasm\"\n{}",
        route("/{*rest}", "greeter")
    ));
    let host = workplace.up(true);
    let builds = || std::fs::read_to_string(workplace.path("source/count")).expect("text").lines().count();
    assert_eq!(builds(), 1);
    workplace.put("source/deep/in.wasm", "hello-plain-03");
    wait_for(host.http(), "/x", "0.3");
    // What the build wrote itself would have started another one by now.
    thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(builds(), 2);
    std::fs::remove_file(workplace.path("source/deep/in.wasm")).expect("removed");
    let told = host.logged("the build's failure", |line| line["fields"]["code"] == "config/no-component");
    assert_eq!((&told["level"], &told["fields"]["line"]), (&json!("error"), &json!(2)), "{told}");
    host.logged("that all goes on", says("all goes on as before"));
    wait_for(host.http(), "/x", "0.3");
}

#[test]
fn what_flint_new_writes_is_built_again_when_it_changes() {
    let folder = TempDir::new().expect("a folder");
    let sdk = root().join("guest-sdk");
    flint(folder.path(), ["new", "http", "greeter", "--sdk", sdk.to_str().expect("UTF-8")]).ok();
    let path = |name: &str| folder.path().join("greeter").join(name);
    let host = Launch::config("").config_file(&path("platform.toml")).arg("--watch").start();
    wait_for(host.http(), "/greeter/Ada", "Hello, Ada!");
    let source = std::fs::read_to_string(path("src/lib.rs")).expect("a source");
    std::fs::write(path("src/lib.rs"), source.replace("Hello", "Good morning")).expect("written");
    wait_for(host.http(), "/greeter/Ada", "Good morning, Ada!");
}

#[test]
fn a_folder_that_is_made_again_is_watched_again() {
    let workplace = Workplace::new();
    let (inside, outside) = (workplace.path("made"), workplace.path("elsewhere"));
    for folder in [&inside, &outside] {
        std::fs::create_dir(folder).expect("a folder");
    }
    workplace.put("made/app.wasm", "hello-02");
    workplace.put("elsewhere/linked.wasm", "hello-02");
    std::os::unix::fs::symlink(outside.join("linked.wasm"), workplace.path("link.wasm")).expect("a link");
    let function = |name: &str, file: &str| {
        format!("[function.{name}]\nsource = {file:?}\n{}", route(&format!("/{name}/{{*rest}}"), name))
    };
    workplace.configure(&(function("made", "made/app.wasm") + &function("linked", "link.wasm")));
    let host = workplace.up(true);
    for round in ["0.3", "0.2", "0.3"] {
        std::fs::remove_dir_all(&inside).expect("removed");
        std::fs::create_dir(&inside).expect("a folder");
        let component = if round == "0.3" { "hello-plain-03" } else { "hello-02" };
        workplace.put("made/app.wasm", component);
        workplace.put("elsewhere/linked.wasm", component);
        wait_for(host.http(), "/made/a", round);
        wait_for(host.http(), "/linked/a", round);
    }
}

#[test]
fn limits_that_are_not_in_force_let_nobody_in() {
    let workplace = Workplace::new();
    let host = workplace.up(false);
    for (limit, line, key) in [
        ("invocations-max = 3000", "concurrency = 1500", "limits.invocations-max"),
        ("spares-max = 600", "warm = 550", "limits.spares-max"),
    ] {
        let function = greeter().replace("[[route]]", &format!("{line}\n[[route]]"));
        workplace.configure(&format!("[limits]\n{limit}\n{function}"));
        host.signal(Signal::HUP);
        host.logged(key, says(key));
    }
    workplace.configure(&format!("[outbound]\nidle-max = 7\n{}", greeter()));
    host.signal(Signal::HUP);
    host.logged("that it waits", |line| line["fields"]["waiting"] == "[outbound]");
    wait_for(host.http(), "/x", "0.2");
}

#[test]
fn what_was_deployed_from_a_folder_is_not_served_by_itself_after_a_restart_or_a_hangup() {
    let workplace = Workplace::new();
    let host = workplace.up(false);
    let source = workplace.path("app.wasm");
    workplace.put("app.wasm", "hello-plain-03");
    let deploy = ["deploy", source.to_str().expect("UTF-8"), "--function", "greeter", "--weight", "10"];
    host.flint(deploy).ok();
    let serving = |host: &Host| {
        let versions = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
        (versions["active"].as_u64(), versions["canary"].as_u64())
    };
    host.signal(Signal::HUP);
    host.logged("the reload", says("nothing else is served"));
    assert_eq!(serving(&host), (Some(1), Some(2)));
    let host = host.restart();
    assert_eq!(serving(&host), (Some(1), Some(2)));
    host.flint(["split", "greeter", "--promote"]).ok();
    host.flint(["rollback", "greeter"]).ok();
    let host = host.restart();
    assert_eq!(serving(&host), (Some(1), None));
    workplace.put("app.wasm", "hello");
    host.signal(Signal::HUP);
    wait_for(host.http(), "/x", "Hello, world!");
}

#[test]
fn versions_that_can_not_be_read_are_not_taken_for_lost() {
    let workplace = Workplace::new();
    let host = workplace.up(false);
    let deployed = component("hello-plain-03");
    host.flint(["deploy", deployed.to_str().expect("UTF-8"), "--function", "greeter"]).ok();
    let versions = host.data_dir().join("versions/greeter");
    let record = versions.join("history.json");
    let text = std::fs::read(&record).expect("a record");
    std::fs::write(&record, &text[..text.len() / 2]).expect("written");
    host.admin().get("/v1/functions/greeter/versions").expect(500);
    host.signal(Signal::HUP);
    host.logged("what can't be read", says("all goes on as before"));
    wait_for(host.http(), "/x", "0.3");
    std::fs::write(&record, &text).expect("written");
    let kept = host.admin().get("/v1/functions/greeter/versions").expect(200).json();
    assert_eq!((&kept["active"], kept["versions"].as_array().map(Vec::len)), (&json!(2), Some(2)), "{kept}");
    // A change that can't be kept changes nothing, and is made when it can.
    std::fs::rename(&versions, workplace.path("away")).expect("renamed");
    std::fs::write(&versions, "no folder").expect("written");
    workplace.put("app.wasm", "hello");
    host.signal(Signal::HUP);
    host.logged("that it can't be kept", |line| line.to_string().contains("versions of greeter"));
    wait_for(host.http(), "/x", "0.3");
    std::fs::remove_file(&versions).expect("removed");
    std::fs::rename(workplace.path("away"), &versions).expect("renamed");
    host.signal(Signal::HUP);
    wait_for(host.http(), "/x", "Hello, world!");
}

#[test]
fn a_deployed_version_has_to_fit_what_the_configuration_becomes() {
    let workplace = Workplace::new();
    let without_route = "[function.greeter]\nsource = \"app.wasm\"\n";
    workplace.configure(without_route);
    let host = workplace.up(false);
    let event = component("event");
    host.flint(["deploy", event.to_str().expect("UTF-8"), "--function", "greeter"]).ok();
    // The source has a handler for it, and the deployed version has none.
    workplace.configure(&greeter());
    host.signal(Signal::HUP);
    host.logged("what does not fit", says("version 2 of greeter does not fit"));
    host.flint(["rollback", "greeter"]).ok();
    host.signal(Signal::HUP);
    wait_for(host.http(), "/x", "0.2");
    let refused = host.flint(["rollback", "greeter", "--to", "2", "--json"]);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(1), &json!("config/no-handler")), "{refused:?}");
    wait_for(host.http(), "/x", "0.2");
}

#[test]
fn a_changed_configuration_is_served_as_a_whole() {
    let workplace = Workplace::new();
    workplace.put("other.wasm", "hello-plain-03");
    let host = workplace.up(true);
    let more = "[function.other]\nsource = \"other.wasm\"\nwarm = 3\n[kv.notes]\n";
    let limits = "[limits]\ninvocations-max = 5\nversions-max = 2\n";
    workplace.configure(&format!("{limits}{}{more}{}", greeter(), route("/other", "other")));
    wait_for(host.http(), "/other", "0.3");
    wait_for(host.http(), "/else", "0.2");
    let told = host.logged("what waits", says("takes effect at the next start"));
    assert_eq!((&told["level"], &told["fields"]["waiting"]), (&json!("warn"), &json!("[limits]")), "{told}");
    let in_force = host.admin().get("/v1/limits").expect(200).json();
    assert_eq!((&in_force["invocations_max"], &in_force["versions_max"]), (&json!(1000), &json!(2)));
    host.flint(["kv", "put", "notes", "a", "b"]).ok();
    assert!(host.admin().get("/metrics").expect(200).text().contains(r#"flint_spares{function="other"}"#));

    // The environment of one function: no other is touched, nor its version.
    workplace.configure(&format!("{limits}{}{}{more}", greeter(), route("/other/{*rest}", "other")));
    eventually("the new route", || (host.http().get("/other/a").text().contains("0.3")).then_some(()));
    let functions = host.admin().get("/v1/functions").expect(200).json();
    assert_eq!(functions["functions"][1]["serving"][0]["version"], 1, "{functions}");
    workplace.configure(&greeter());
    wait_for(host.http(), "/other/a", "0.2");
    host.admin().get("/v1/functions/other").expect(404);
    assert!(!host.admin().get("/metrics").expect(200).text().contains(r#"flint_spares{function="other"}"#));
    assert_ne!(host.flint(["kv", "get", "notes", "a"]).code, Some(0), "the store is not reached any more");
}

#[test]
fn what_a_function_is_given_changes_without_a_new_version() {
    let workplace = Workplace::new();
    workplace.put("app.wasm", "misbehave");
    let config = |greeting: &str| {
        let given = format!("environment = {{ GREETING = {greeting:?} }}\nsecrets = {{}}\noutbound = []\n");
        format!("[function.greeter]\nsource = \"app.wasm\"\n{given}{}", route("/{*rest}", "greeter"))
    };
    workplace.configure(&config("one"));
    let host = workplace.up(true);
    assert!(host.http().get("/env").text().contains("one"), "{:?}", host.http().get("/env"));
    workplace.configure(&config("two"));
    wait_for(host.http(), "/env", "two");
    assert_eq!(host.admin().get("/v1/functions/greeter/versions").expect(200).json()["active"], 1);
}

#[test]
fn a_change_with_mistakes_is_told_whole_and_the_old_one_goes_on() {
    let workplace = Workplace::new();
    let host = workplace.up(true);
    workplace.configure(&format!("{}memroy = 1\n[kv.Bad]\n", greeter()));
    for code in ["config/unknown-key", "config/bad-name"] {
        let told = host.logged(code, |line| line["fields"]["code"] == code);
        assert!(
            told["fields"]["line"].is_u64()
                && told["fields"]["file"].as_str().is_some_and(|file| file.ends_with("platform.toml")),
            "{told}"
        );
    }
    host.logged("that all goes on", says("all goes on as before"));
    wait_for(host.http(), "/x", "0.2");
    // A component that is none, of a function that would do.
    std::fs::write(workplace.path("app.wasm"), "no component").expect("written");
    workplace.configure(&greeter());
    host.logged("the component", |line| line["fields"]["code"] == "config/no-component");
    wait_for(host.http(), "/x", "0.2");
    workplace.put("app.wasm", "hello-plain-03");
    wait_for(host.http(), "/x", "0.3");
}

#[test]
fn a_change_that_is_refused_lets_as_many_in_as_before() {
    let workplace = Workplace::new();
    workplace.put("app.wasm", "misbehave");
    let given = "secrets = {}\noutbound = []\n";
    workplace.configure(&greeter().replace("[[route]]", &format!("{given}[[route]]")));
    let host = workplace.up(false);
    let one = greeter().replace("[[route]]", &format!("concurrency = 1\n{given}[[route]]"));
    // It is loaded after the other one, and has no room for its memory.
    workplace.configure(&format!("{one}[function.too-small]\nsource = \"app.wasm\"\nmemory = \"64KiB\"\n{given}"));
    host.signal(Signal::HUP);
    host.logged("that all goes on", says("all goes on as before"));
    let sleepers = ["/sleep/50000"; 2].map(|path| {
        let mut wire = Wire::open(host.http());
        wire.say_head(&[&format!("GET {path}")]);
        wire
    });
    host.wait_for_running("greeter", 2.0);
    drop(sleepers);
}

#[test]
fn a_deployed_version_stays_until_its_source_changes() {
    let workplace = Workplace::new();
    let host = workplace.up(true);
    let deployed = component("hello-plain-03");
    host.flint(["deploy", deployed.to_str().expect("UTF-8"), "--function", "greeter"]).ok();
    workplace.configure(&format!("{}\n# Nothing that matters.\n", greeter()));
    host.logged("that nothing is new", says("nothing else is served"));
    wait_for(host.http(), "/x", "0.3");
    workplace.put("app.wasm", "hello");
    wait_for(host.http(), "/x", "Hello, world!");
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let workplace = Workplace::new();
    let host = workplace.up(false);
    workplace.put("app.wasm", "hello-plain-03");
    assert!(Path::new(&workplace.path("app.wasm")).exists());
    host.signal(Signal::HUP);
    wait_for(host.http(), "/x", "0.3");
    host.signal(Signal::HUP);
    host.logged("that nothing is new", says("nothing else is served"));
    assert!(host.stop().success());
}

#[test]
fn a_client_that_asked_too_often_has_to_wait_whatever_else_changes() {
    let workplace = Workplace::new();
    let config = |requests: u32, name: &str| {
        let rate = format!("rate = {{ requests = {requests}, per = \"24h\" }}\n");
        let told = route(&format!("/told/{name}"), "greeter");
        format!("[function.greeter]\nsource = \"app.wasm\"\n{told}{}{rate}", route("/rated", "greeter"))
    };
    workplace.configure(&config(2, "one"));
    let host = workplace.up(true);
    let ask = || host.http().get("/rated").status.as_u16();
    assert_eq!([ask(), ask(), ask()], [200, 200, 429]);
    workplace.configure(&config(2, "two"));
    wait_for(host.http(), "/told/two", "0.2");
    assert_eq!(ask(), 429, "the other route has changed, and no rate");
    workplace.put("app.wasm", "hello-plain-03");
    wait_for(host.http(), "/told/two", "0.3");
    assert_eq!(ask(), 429, "the function has changed, and no rate");
    // Another rate begins anew.
    workplace.configure(&config(1, "three"));
    wait_for(host.http(), "/told/three", "0.3");
    assert_eq!([ask(), ask()], [200, 429]);
}

#[test]
fn another_folder_in_the_place_of_files_is_served_from_the_next_hup_on() {
    let workplace = Workplace::new();
    for release in ["one", "two"] {
        std::fs::create_dir(workplace.path(release)).expect("made");
        std::fs::write(workplace.path(release).join("name"), release).expect("written");
    }
    std::os::unix::fs::symlink("one", workplace.path("site")).expect("linked");
    workplace.configure(&format!("{}[[route]]\npath = \"/site/{{*file}}\"\nfiles = \"site\"\n", greeter()));
    let host = workplace.up(false);
    let name = || host.http().get("/site/name").text().to_owned();
    assert_eq!(name(), "one");
    std::os::unix::fs::symlink("two", workplace.path("next")).expect("linked");
    std::fs::rename(workplace.path("next"), workplace.path("site")).expect("renamed");
    assert_eq!(name(), "one");
    std::fs::write(workplace.path("one").join("name"), "one and a half").expect("written");
    assert_eq!(name(), "one and a half");
    host.signal(Signal::HUP);
    wait_for(host.http(), "/site/name", "two");
}
