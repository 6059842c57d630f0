//! Components that have as much as they may, or more: memories, tables, bytes. Others are answered meanwhile.

use crate::harness::guest::{component, function, route};
use crate::harness::{Host, Launch, Response, flint, meanwhile};
use http::Method;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::thread;
use tempfile::TempDir;

/// What a host with default limits lets a component have.
const MEMORIES_MAX: usize = 8;
const TABLES_MAX: usize = 16;

/// What the component that is made heavier has itself: one memory, the table of its code, and that of its adapters.
const OWN_MEMORIES: usize = 1;
const OWN_TABLES: usize = 2;

/// The sections of the binary format that tests write.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;

/// One more section behind those of a component.
fn add(component: &mut Vec<u8>, section: u8, content: &[u8]) {
    component.push(section);
    component.extend(leb128(content.len()));
    component.extend(content);
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

/// How many core modules a component has already.
fn core_modules(component: &[u8]) -> u8 {
    let (mut rest, mut count) = (&component[8..], 0);
    while let Some((section, behind)) = rest.split_first() {
        let digits = behind.iter().position(|byte| byte & 0x80 == 0).expect("a length") + 1;
        let length = behind[..digits].iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        count += u8::from(*section == CORE_MODULE);
        rest = &behind[digits + length..];
    }
    count
}

/// A component that answers every request, and has so many memories and tables, each grown and written to when an instance is
/// made; one whose growth is refused traps.
fn crowded(memories: usize, tables: usize, pages: usize) -> Vec<u8> {
    let (memories, tables) = (memories - OWN_MEMORIES, tables - OWN_TABLES);
    let unless_refused = |grow: String| format!("(if (i32.eq ({grow}) (i32.const -1)) (then (unreachable)))");
    let memory = |n| {
        let fill = format!("(memory.fill {n} (i32.const 0) (i32.const 1) (i32.const {}))", pages << 16);
        unless_refused(format!("memory.grow {n} (i32.const {pages})")) + &fill
    };
    let table = |n| unless_refused(format!("table.grow {n} (ref.func 0) (i32.const 1000)"));
    let grown: String = (0..memories).map(memory).chain((0..tables).map(table)).collect();
    let (memories, tables) = ("(memory 0)".repeat(memories), "(table 0 funcref)".repeat(tables));
    let module = format!("(module {memories} {tables} (func $grow {grown}) (elem declare func 0) (start $grow))");
    let mut component = fs::read(component("hello-02")).expect("a component");
    let own = core_modules(&component);
    add(&mut component, CORE_MODULE, &wat::parse_str(module).expect("a module"));
    // One instance, of that module, without arguments.
    add(&mut component, CORE_INSTANCE, &[1, 0, own, 0]);
    component
}

/// A host of the function `heavy`, made of a component, and of `hello`.
fn host(folder: &Path, component: &[u8], limits: &str) -> Host {
    let file = folder.join("heavy.wasm");
    fs::write(&file, component).expect("written");
    let sections = [
        format!("[function.heavy]\nsource = {file:?}\n{limits}\n"),
        route("/heavy", "heavy"),
        function("hello", ""),
        route("/hello", "hello"),
    ];
    Launch::config(&sections.concat()).start()
}

#[test]
fn instances_with_as_many_memories_and_tables_as_there_may_be_leave_room_for_others() {
    const AT_ONCE: usize = 100;
    let folder = TempDir::new().expect("a folder");
    let waits = "queue-timeout = \"50s\"\ntimeout = \"55s\"";
    let host = host(folder.path(), &crowded(MEMORIES_MAX, TABLES_MAX, 4), waits);
    meanwhile(&host, |client| {
        let asking: Vec<_> = (0..AT_ONCE).map(|_| thread::spawn(move || client.get("/heavy"))).collect();
        for asked in asking {
            let answer = asked.join().expect("an answer").expect(200);
            assert!(answer.text().contains("You asked for /heavy"), "{answer:?}");
        }
    });
}

#[test]
fn the_memories_of_an_instance_have_one_limit_together() {
    let folder = TempDir::new().expect("a folder");
    // Seven times 16 pages, beside what the component has itself.
    let heavy = crowded(MEMORIES_MAX, TABLES_MAX, 16);
    let light = fs::read(component("hello-02")).expect("a component");
    for (memory, status) in [("6MiB", 422), ("12MiB", 200)] {
        let host = host(folder.path(), &light, &format!("memory = {memory:?}"));
        let deployed = meanwhile(&host, |_| deploy(&host, &heavy)).expect(status);
        assert!(status == 200 || deployed.text().contains("ran out of memory"), "{deployed:?}");
        host.http().get("/heavy").expect(200);
    }
}

#[test]
fn a_component_that_takes_more_than_a_limit_allows_is_told_which() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("heavy.wasm");
    let plain = || fs::read(component("hello-02")).expect("a component");
    for (component, limit, setting) in [
        (crowded(MEMORIES_MAX + 1, TABLES_MAX, 1), "", "memories-max"),
        (crowded(OWN_MEMORIES + 1, OWN_TABLES, 1), "memories-max = 1", "memories-max"),
        (crowded(MEMORIES_MAX, TABLES_MAX + 1, 1), "", "tables-max"),
        (plain(), "tables-max = 1", "tables-max"),
        (plain(), "core-instances-max = 1", "core-instances-max"),
        (plain(), "table-elements-max = 1", "table-elements-max"),
        (plain(), "memory-max = \"1MiB\"", "memory-max"),
    ] {
        fs::write(&file, component).expect("written");
        let limits = format!("[limits]\n{limit}\n[function.heavy]\nsource = \"heavy.wasm\"\nmemory = \"1MiB\"\n");
        fs::write(folder.path().join("platform.toml"), limits).expect("written");
        let run = flint(folder.path(), ["check", "--json"]);
        let told = run.json()["diagnostics"][0].clone();
        assert_eq!((run.code, &told["code"]), (Some(4), &json!("config/no-component")), "{setting}: {run:?}");
        for text in [&told["message"], &told["help"]] {
            assert!(text.to_string().contains(&format!("`limits.{setting}`")), "{setting}: {told}");
        }
        assert!(!told.to_string().contains("is no component"), "{setting}: {told}");
    }
    // So it is told of one component alone, and of a new version.
    fs::write(&file, crowded(MEMORIES_MAX + 1, TABLES_MAX, 1)).expect("written");
    let run = flint(folder.path(), ["up", "heavy.wasm", "--json"]);
    let error = &run.json()["error"];
    assert_eq!((run.code, &error["code"]), (Some(1), &json!("component/over-limit")), "{run:?}");
    assert!(error["help"].to_string().contains("`limits.memories-max`"), "{error}");
    let host = host(folder.path(), &plain(), "");
    let refused = deploy(&host, &crowded(MEMORIES_MAX + 1, TABLES_MAX, 1)).expect(422).json();
    assert_eq!(refused["code"], "component/over-limit", "{refused}");
    assert!(refused["detail"].to_string().contains("`limits.memories-max`"), "{refused}");
}

/// Deploys a component as the next version of `heavy`.
fn deploy(host: &Host, component: &[u8]) -> Response {
    let headers = [("content-type", "application/wasm")];
    host.admin().send(Method::POST, "/v1/functions/heavy/versions", &headers, component.to_vec())
}

#[test]
fn a_component_of_fifty_megabytes_is_deployed_while_others_are_answered() {
    let folder = TempDir::new().expect("a folder");
    let mut component = fs::read(component("hello-02")).expect("a component");
    let host = host(folder.path(), &component, "");
    add(&mut component, CUSTOM, &[&[7], &b"padding"[..], &vec![0; 50_000_000]].concat());
    let deployed = meanwhile(&host, |_| deploy(&host, &component)).expect(200).json();
    assert_eq!((&deployed["active"], &deployed["changed"]), (&json!(2), &json!(true)), "{deployed}");
    assert!(host.http().get("/heavy").expect(200).text().contains("You asked for /heavy"));
}

#[test]
fn a_component_with_megabytes_of_code_is_compiled_while_others_are_answered() {
    let folder = TempDir::new().expect("a folder");
    let mut component = fs::read(component("hello-02")).expect("a component");
    let host = host(folder.path(), &component, "");
    let step =
        |n: usize| format!("(local.set 0 (i32.add (i32.rotl (local.get 0) (i32.const {n})) (i32.const {})))", n * n);
    let body: String = (0..200).map(|n| step(n + 70)).collect();
    let functions = format!("(func (param i32) (result i32) {body} local.get 0)").repeat(1000);
    let code = wat::parse_str(format!("(module {functions})")).expect("a module");
    assert!(code.len() > 2_000_000, "{} bytes", code.len());
    add(&mut component, CORE_MODULE, &code);
    let deployed = meanwhile(&host, |_| deploy(&host, &component)).expect(200).json();
    assert_eq!(deployed["active"], 2, "{deployed}");
    assert!(host.http().get("/heavy").expect(200).text().contains("You asked for /heavy"));
}

#[test]
fn a_component_of_one_byte_more_than_there_may_be_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let component = fs::read(component("hello-02")).expect("a component");
    let mut larger = component.clone();
    add(&mut larger, CUSTOM, &[7, b'p', b'a', b'd', b'd', b'i', b'n', b'g']);
    let limit = format!("[limits]\ncomponent-size-max = \"{}B\"", larger.len());
    let host = host(folder.path(), &component, &limit);
    deploy(&host, &larger).expect(200);
    larger.clear();
    larger.extend(&component);
    add(&mut larger, CUSTOM, &[8, b'p', b'a', b'd', b'd', b'i', b'n', b'g', b's']);
    let refused = meanwhile(&host, |_| deploy(&host, &larger)).expect(413).json();
    assert_eq!(refused["code"], "component/too-large", "{refused}");
    assert!(host.http().get("/heavy").expect(200).text().contains("You asked for /heavy"));
}
