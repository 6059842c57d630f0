//! The house rules, as tests. `ARCHITECTURE.md` holds the tables that two of them read.
//!
//! A rule is a pure function from the tree of files to what breaks it. Each is tried twice: on the tree as it is, where it
//! finds nothing, and on a tree that was spoiled in memory, where it has to find something, so that no rule goes blind.

mod source;
mod tree;

use crate::harness::root;
use source::{code, has_word};
use std::collections::{BTreeMap, BTreeSet};
use tree::Tree;
use wit_parser::Resolve;

/// Files that may have more than 800 lines, each with the reason.
const LONG: &[(&str, &str)] = &[];

/// Files outside of `host/engine` that may say `unsafe`, each with the reason.
const UNSAFE: &[(&str, &str)] = &[
    ("functions/improper-02/src/lib.rs", "uses a handle that it gave away, to see what the host makes of it"),
    ("functions/probe/src/lib.rs", "reads all of linear memory, to see what another instance left there"),
    ("tests/instructions/callgrind.rs", "tells valgrind when to count, which only a sequence of instructions can"),
];

/// Files that may name a folder of a machine, each with the reason.
const MACHINE_PATHS: &[(&str, &str)] = &[("host/config/src/interpolate.rs", "what a variable could hold, in a test")];

/// What the top level holds, beside what `.gitignore` names.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "functions",
    "guest-sdk",
    "host",
    "platform.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
    "wit",
];

/// Tries a rule on the tree, and on the tree after it was spoiled.
#[track_caller]
fn keeps(rule: impl Fn(&Tree) -> Vec<String>, spoil: impl Fn(&mut Tree)) {
    let mut tree = Tree::read(&root());
    let found = rule(&tree);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    spoil(&mut tree);
    assert!(!rule(&tree).is_empty(), "the rule does not see what breaks it");
}

#[test]
fn a_crate_uses_only_what_the_table_gives_it() {
    keeps(edges, |tree| tree.append("host/engine/Cargo.toml", "\n[build-dependencies]\nflint-stores = {}\n"));
    keeps(edges, |tree| tree.append("functions/hello/Cargo.toml", "flint-model = {}\n"));
}

fn edges(tree: &Tree) -> Vec<String> {
    let table = table(tree, "edges");
    let said = |names: &str| -> BTreeSet<String> { backquoted(names).map(str::to_owned).collect() };
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, _) in tree.files("", "Cargo.toml").filter(|(path, _)| is_crate(path)) {
        let manifest = manifest(tree, path);
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        let used = |sections: &[&str]| -> BTreeSet<String> {
            let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
            tables
                .flat_map(toml::Table::keys)
                .filter(|key| key.starts_with("flint-") && *key != name)
                .cloned()
                .collect()
        };
        let (uses, tests_use) = (used(&["dependencies", "build-dependencies"]), used(&["dev-dependencies"]));
        let (may, tests_may) = if path.starts_with("functions/") {
            (BTreeSet::from(["flint-sdk".to_owned()]), BTreeSet::new())
        } else {
            let Some(row) = table.get(name) else {
                faults.push(format!("{path}: the table of edges in ARCHITECTURE.md has no row for {name}"));
                continue;
            };
            seen.insert(name.to_owned());
            let (may, tests_may) = (said(&row[0]), said(&row[1]));
            if may != uses {
                faults.push(format!("{path}: uses {uses:?}, the table of edges says {may:?}"));
            }
            (may, tests_may)
        };
        faults.extend(uses.difference(&may).map(|other| format!("{path}: must not use {other}")));
        let beyond = tests_use.difference(&uses).filter(|other| !tests_may.contains(*other));
        faults.extend(beyond.map(|other| format!("{path}: its tests must not use {other}")));
    }
    faults.extend(table.keys().filter(|name| !seen.contains(*name)).map(|name| format!("there is no crate {name}")));
    faults
}

#[test]
fn a_library_is_known_only_where_the_table_says() {
    keeps(libraries, |tree| {
        tree.replace("host/triggers/Cargo.toml", "[dependencies]", "[dependencies]\nwasmtime = \"48\"")
    });
}

fn libraries(tree: &Tree) -> Vec<String> {
    let table = table(tree, "libraries");
    let mut faults = Vec::new();
    for (path, _) in tree.files("host/", "Cargo.toml").filter(|(path, _)| is_crate(path)) {
        let manifest = manifest(tree, path);
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        for library in
            manifest.get("dependencies").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys)
        {
            if table.get(library).is_some_and(|row| !backquoted(&row[0]).any(|may| may == name)) {
                faults.push(format!("{path}: {library} is not for {name}"));
            }
        }
    }
    faults
}

/// Crates of ours, but not the templates of `flint new`.
fn is_crate(path: &str) -> bool {
    path.contains('/') && !path.contains("/template/")
}

fn manifest(tree: &Tree, path: &str) -> toml::Table {
    tree.text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A table of ARCHITECTURE.md, between `<!-- NAME:start -->` and `<!-- NAME:end -->`: the first cell, and the others.
fn table(tree: &Tree, name: &str) -> BTreeMap<String, Vec<String>> {
    let text = tree.text("ARCHITECTURE.md");
    let (_, text) = text.split_once(&format!("<!-- {name}:start -->")).expect("the start of the table");
    let (text, _) = text.split_once(&format!("<!-- {name}:end -->")).expect("the end of the table");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let first = cells.next().unwrap_or_default().trim_matches('`').to_owned();
        (first, cells.collect())
    })
    .collect()
}

fn backquoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn a_function_is_whole_is_told_in_a_dozen_lines_and_is_loaded_by_a_platform() {
    keeps(functions, |tree| tree.remove("functions/hello/README.md"));
    keeps(functions, |tree| tree.append("functions/hello/README.md", &"more\n".repeat(12)));
    keeps(functions, |tree| {
        tree.put("functions/forgotten/Cargo.toml", "");
        tree.put("functions/forgotten/src/lib.rs", "");
        tree.put("functions/forgotten/README.md", "");
    });
}

fn functions(tree: &Tree) -> Vec<String> {
    let mut loaded = BTreeSet::new();
    for platform in ["platform.toml", "tests/fixtures.toml"] {
        let functions = manifest(tree, platform).remove("function").unwrap_or(toml::Value::Boolean(false));
        for function in functions.as_table().into_iter().flat_map(toml::Table::values) {
            let source = function.get("source").and_then(toml::Value::as_str).unwrap_or_default();
            loaded.extend(source.rsplit_once("functions/").map(|(_, name)| name.to_owned()));
        }
    }
    let mut faults = Vec::new();
    for name in tree.folders("functions") {
        for file in ["Cargo.toml", "src/lib.rs", "README.md"] {
            if !tree.has(&format!("functions/{name}/{file}")) {
                faults.push(format!("functions/{name} has no {file}"));
            }
        }
        let lines = tree.text(&format!("functions/{name}/README.md")).lines().count();
        if lines > 12 {
            faults.push(format!("functions/{name}/README.md has {lines} lines, and a dozen is enough"));
        }
        if !loaded.contains(name) {
            faults.push(format!("functions/{name} is named neither in platform.toml nor in tests/fixtures.toml"));
        }
    }
    faults
}

#[test]
fn a_file_is_short_or_has_a_reason() {
    keeps(lengths, |tree| tree.append("host/model/src/lib.rs", &"//\n".repeat(800)));
}

fn lengths(tree: &Tree) -> Vec<String> {
    let lines = |path: &str| tree.text(path).lines().count();
    let long = tree.files("", ".rs").map(|(path, _)| path).filter(|path| lines(path) > 800 && !excepted(LONG, path));
    let mut faults: Vec<_> =
        long.map(|path| format!("{path} has {} lines: look for the missing noun", lines(path))).collect();
    faults
        .extend(LONG.iter().filter(|(path, _)| lines(path) <= 800).map(|(path, _)| format!("{path} needs no reason")));
    faults
}

fn excepted(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(file, _)| *file == path)
}

#[test]
fn a_module_says_first_what_it_is_for() {
    keeps(introductions, |tree| tree.put("host/model/src/more.rs", "pub fn more() {}\n"));
}

fn introductions(tree: &Tree) -> Vec<String> {
    let silent = rust(tree).filter(|(_, text)| !text.starts_with("//! "));
    silent.map(|(path, _)| format!("{path} does not start with `//!`")).collect()
}

/// Rust that is ours to read. The cases of the attributes in `tests/ui` are what users write.
fn rust(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.files("", ".rs").filter(|(path, _)| !path.contains("/tests/ui/"))
}

#[test]
fn whatever_the_sdk_offers_is_shown_in_an_example() {
    for item in ["pub struct X;", "pub async fn x() {}", "pub const X: u8 = 1;", "#[macro_export]\nmacro_rules! x {}"] {
        keeps(examples, |tree| tree.append("guest-sdk/src/time.rs", &format!("\n/// Says what it is.\n{item}\n")));
    }
}

/// What users name is `pub`, stands in a module that is documented, and is no field.
fn examples(tree: &Tree) -> Vec<String> {
    let kinds = ["struct", "enum", "trait", "type", "fn", "async fn", "const"].map(|kind| format!("pub {kind} "));
    let offers = |line: &str| kinds.iter().any(|kind| line.starts_with(kind)) || line.starts_with("macro_rules! ");
    let hidden = |path: &str| path.ends_with("/bindings.rs") || path.contains("/handler/");
    let mut faults = Vec::new();
    let macros = tree.files("guest-sdk/macros/src/lib.rs", "");
    for (path, text) in tree.files("guest-sdk/src/", ".rs").chain(macros).filter(|(path, _)| !hidden(path)) {
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| offers(line)) {
            // Its documentation and attributes, back to the item before.
            let above = lines[..at].iter().rev();
            let above = above
                .take_while(|line| line.starts_with("///") || !(line.is_empty() || line.ends_with(['{', '}', ';'])));
            let above: Vec<_> = above.collect();
            let says = |part: &str| above.iter().any(|line| line.starts_with(part));
            let is_inner = says("#[doc(hidden)]") || (line.starts_with("macro_rules!") && !says("#[macro_export]"));
            if !is_inner && !says("/// ```") {
                faults.push(format!("{path}:{}: no example of `{line}`", at + 1));
            }
        }
    }
    faults
}

#[test]
fn what_the_readme_of_a_function_says_to_type_can_be_typed_there() {
    keeps(commands, |tree| tree.append("functions/hello/README.md", "\n    flint invoke event\n"));
    keeps(commands, |tree| tree.append("functions/hello/README.md", "\n    flint up hello.wasm\n"));
}

/// Commands are typed in the folder of the repository.
fn commands(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.files("functions/", "/README.md") {
        for line in text.lines().filter_map(|line| line.strip_prefix("    flint ")) {
            let words: Vec<_> = line.split_whitespace().collect();
            let config = words.iter().position(|word| *word == "--config").and_then(|at| words.get(at + 1));
            let config = manifest(tree, config.unwrap_or(&"platform.toml"));
            let fault = match words[..] {
                ["invoke" | "build", name, ..] => config["function"].get(name).is_none(),
                ["up", file, ..] => file.ends_with(".wasm") && !file.starts_with("target/functions/wasm32-wasip2/"),
                _ => false,
            };
            if fault {
                faults.push(format!("{path}: `flint {line}` fails"));
            }
        }
    }
    faults
}

#[test]
fn nothing_is_left_for_later() {
    for left in ["todo!()", "unimplemented!(\"x\")", "dbg!(x)"] {
        keeps(leftovers, |tree| tree.append("host/model/src/lib.rs", &format!("fn f() {{ {left} }}\n")));
    }
}

fn leftovers(tree: &Tree) -> Vec<String> {
    let macros = ["todo!", "unimplemented!", "dbg!"];
    let mut faults = Vec::new();
    for (path, text) in tree.files("", ".rs") {
        for (number, line) in (1..).zip(code(text).lines()) {
            let found = macros.iter().filter(|name| has_word(line, name.trim_end_matches('!')) && line.contains(*name));
            faults.extend(found.map(|name| format!("{path}:{number}: {name}")));
        }
    }
    faults
}

#[test]
fn unsafe_is_in_the_engine_and_says_why_it_is_sound() {
    keeps(unsafety, |tree| tree.append("host/world/src/lib.rs", "// SAFETY: none.\nunsafe fn f() {}\n"));
    keeps(unsafety, |tree| tree.append("host/engine/src/lib.rs", "unsafe fn f() {}\n"));
}

fn unsafety(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.files("", ".rs").filter(|(path, _)| !path.contains("/tests/ui/")) {
        let lines: Vec<_> = text.lines().collect();
        for (at, _) in code(text).lines().enumerate().filter(|(_, line)| has_word(line, "unsafe")) {
            let number = at + 1;
            if !path.starts_with("host/engine/") && !excepted(UNSAFE, path) {
                faults.push(format!("{path}:{number}: `unsafe` outside of the engine"));
            }
            let above = lines[..at].iter().rev().map(|line| line.trim_start());
            let mut above = above.take_while(|line| line.starts_with("//") || line.starts_with("#["));
            if !above.any(|line| line.starts_with("// SAFETY: ")) {
                faults.push(format!("{path}:{number}: `unsafe` without a `// SAFETY:` above it"));
            }
        }
    }
    faults
}

#[test]
fn the_interfaces_parse_and_every_function_of_ours_says_what_it_does() {
    keeps(interfaces, |tree| {
        tree.replace("wit/kv.wit", "    /// Deletes a key. Answers whether there was something to delete.\n", "");
    });
    keeps(interfaces, |tree| tree.append("wit/kv.wit", "interface broken { f: func(x: nothing); }\n"));
}

fn interfaces(tree: &Tree) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in tree.files("wit/", ".wit") {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let mut resolve = Resolve::default();
    let package = match resolve.push_dir(folder.path().join("wit")) {
        Ok((package, _)) => package,
        Err(error) => return vec![format!("wit/ does not parse: {error:#}")],
    };
    let mut faults = Vec::new();
    for (name, id) in &resolve.packages[package].interfaces {
        let interface = &resolve.interfaces[*id];
        if interface.docs.is_empty() {
            faults.push(format!("the interface {name} says nothing about itself"));
        }
        let silent = interface.functions.iter().filter(|(_, function)| function.docs.is_empty());
        faults.extend(silent.map(|(function, _)| format!("{name}.{function} says nothing about itself")));
    }
    faults
}

#[test]
fn the_top_level_holds_what_it_should() {
    keeps(top_level, |tree| tree.put("notes.txt", "remember"));
}

fn top_level(tree: &Tree) -> Vec<String> {
    let entries: BTreeSet<_> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    let strange = entries.into_iter().filter(|entry| !TOP_LEVEL.contains(entry));
    strange.map(|entry| format!("what is `{entry}` at the top level for?")).collect()
}

#[test]
fn no_file_knows_the_machine_that_it_was_written_on() {
    keeps(machine_paths, |tree| tree.append("platform.toml", &format!("# /{}/me/flint\n", "home")));
}

fn machine_paths(tree: &Tree) -> Vec<String> {
    let folders = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let names = |line: &str| {
        folders.iter().any(|folder| {
            line.match_indices(folder)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/".contains(c)))
        })
    };
    let mut faults = Vec::new();
    for (path, text) in tree.files("", "").filter(|(path, _)| !excepted(MACHINE_PATHS, path)) {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| names(line));
        faults.extend(lines.map(|(number, line)| format!("{path}:{number}: {}", line.trim())));
    }
    faults
}

#[test]
fn every_source_file_is_a_module_of_something() {
    keeps(orphans, |tree| tree.put("tests/it/forgotten.rs", "//! A test that nobody runs.\n"));
    keeps(orphans, |tree| tree.put("host/model/src/clock/forgotten.rs", "//! A module that nobody has.\n"));
}

fn orphans(tree: &Tree) -> Vec<String> {
    let is_orphan = |path: &str| {
        let Some((folder, file)) = path.rsplit_once('/') else { return false };
        let name = file.trim_end_matches(".rs");
        let (folder, name) = if name == "mod" { folder.rsplit_once('/').unwrap_or_default() } else { (folder, name) };
        if is_target(tree, folder, name) {
            return false;
        }
        let declares = |parent: String| {
            let code = code(tree.text(&parent));
            code.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};")))
        };
        let own = format!("{folder}.rs");
        !["mod.rs", "lib.rs", "main.rs"].iter().map(|file| format!("{folder}/{file}")).chain([own]).any(declares)
    };
    rust(tree).filter(|(path, _)| is_orphan(path)).map(|(path, _)| format!("{path} is no module of anything")).collect()
}

/// Whether cargo itself looks for the file.
fn is_target(tree: &Tree, folder: &str, name: &str) -> bool {
    let (parent, last) = folder.rsplit_once('/').unwrap_or_default();
    let of_crate = tree.has(&format!("{parent}/Cargo.toml"));
    matches!(name, "lib" | "main") || (matches!(last, "tests" | "examples" | "benches") && of_crate)
}
