//! The benchmarks print figures. Times are for people; how much memory something takes does not depend on the machine's mood.

use crate::harness::{flint, root};
use serde_json::{Value, json};

fn bench(args: &[&str]) -> Value {
    let args = ["bench"].iter().chain(args).chain(&["--json"]);
    flint(&root(), args).ok().json()
}

#[test]
fn functions_and_instances_that_wait_take_little_memory() {
    let figures = bench(&["density", "--functions", "500", "--instances", "3000"]);
    let figure = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("{name} in {figures}"));
    assert!((1.0..=40.0).contains(&figure("instance_kib")), "{figures}");
    // A thousand of them in 500 MiB, with what the host itself takes.
    let each = (figure("resident_mib") - figure("resident_of_one_mib")) / 499.0;
    assert!(each * 1000.0 + figure("resident_of_one_mib") < 500.0, "{figures}");
}

#[test]
fn callers_are_answered_beside_guests_that_spin() {
    let figures = bench(&["neighbours", "--time", "3s", "--callers", "2"]);
    for (row, spinning) in [(0, 0), (1, 4)] {
        let row = &figures["rows"][row];
        assert_eq!(row["spinning"], spinning, "{figures}");
        assert!(row["answers"].as_u64() > Some(10) && row["p99_us"].as_f64() > Some(0.0), "{figures}");
    }
}

#[test]
fn messages_and_values_are_counted_with_rivals_or_without() {
    let none = ["--redis", "no-such-program", "--nats", "no-such-program", "--time", "300ms"];
    let rows = |what: &str, works: &[&str]| {
        let figures = bench(&[&[what], &none[..]].concat());
        let rows = figures["rows"].as_array().expect("rows");
        assert_eq!(rows.iter().map(|row| row["work"].as_str().expect("a work")).collect::<Vec<_>>(), works);
        assert!(rows.iter().all(|row| row["per_second"].as_f64() > Some(1.0) && row["system"] == "flint"), "{figures}");
    };
    rows("queue", &["send", "send, ten at a time", "send, handle and settle", "from send to handler, at low load"]);
    rows("kv", &["put", "get, by a guest"]);
}

#[test]
fn a_large_blob_is_measured_beside_programs_and_takes_a_host_little_memory() {
    let figures = bench(&["blob", "--size", "256MiB", "--rounds", "1", "--time", "300ms", "--blobs", "1000"]);
    assert_eq!(figures["size_bytes"], 256 << 20);
    let rows = |of: &str| figures[of].as_array().unwrap_or_else(|| panic!("{of} in {figures}")).clone();
    let works: Vec<_> = rows("large").iter().map(|row| row["work"].as_str().expect("a work").to_owned()).collect();
    assert_eq!(works, ["put", "get, from the disk", "get, from the kernel's memory"]);
    for row in rows("large") {
        assert!(row["mb_per_second"].as_f64() > Some(1.0) && row["beside_mb_per_second"].as_f64() > Some(1.0), "{row}");
    }
    let works: Vec<_> = rows("small").iter().map(|row| row["work"].as_str().expect("a work").to_owned()).collect();
    assert_eq!(works, ["put", "get"]);
    assert!(rows("small").iter().all(|row| row["per_second"].as_f64() > Some(1.0)), "{figures}");
    assert!(figures["memory_growth_mib"].as_f64() < Some(64.0), "{figures}");
}

#[test]
fn transitions_are_counted_and_what_a_map_and_waiting_executions_take() {
    let few = ["--time", "300ms", "--items", "300", "--waiting", "500", "--restate", "no-such-folder"];
    let report = bench(&[&["workflow"], &few[..]].concat());
    let rows = report["rows"].as_array().expect("rows");
    let works: Vec<_> = rows.iter().map(|row| row["work"].as_str().expect("a work")).collect();
    let expected = ["durable, 64 executions at once", "durable, one execution alone", "express, 64 executions at once"];
    assert_eq!(works, expected);
    assert!(rows.iter().all(|row| row["per_second"].as_f64() > Some(1.0) && row["system"] == "flint"), "{report}");
    for (part, figure) in [
        ("map", "items_per_second"),
        ("map", "memory_mib"),
        ("waiting", "starts_per_second"),
        ("waiting", "memory_mib"),
    ] {
        assert!(report[part][figure].as_f64() > Some(0.0), "{part} {figure} in {report}");
    }
    assert_eq!([&report["map"]["items"], &report["waiting"]["executions"]], [300, 500]);
    assert!(report["waiting"]["cpu_percent"].as_f64() < Some(50.0), "{report}");
}

#[test]
fn stores_with_much_are_measured_beside_stores_with_little_and_a_host_starts_on_them_after_a_kill() {
    let figures = ["--messages", "2000", "--keys", "2000", "--blobs", "1000", "--time", "300ms", "--rounds", "1"];
    let report = bench(&[&["depth"], &figures[..]].concat());
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 6);
    for row in rows {
        for figure in ["per_second_with_little", "per_second_with_much"] {
            assert!(row[figure].as_f64().is_some_and(|figure| figure > 0.0), "{row}");
        }
    }
    for figure in ["start_ms", "start_after_kill_ms", "memory_mib"] {
        assert!(report[figure].as_f64().is_some_and(|figure| figure > 0.0), "{report}");
    }
}

#[test]
fn flint_is_compared_with_what_is_there_and_what_is_not_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let page = page.to_str().expect("a path");
    let plot = folder.path().join("plot.svg");
    let plot = plot.to_str().expect("a path");
    let without = ["--runc", "--podman", "--docker", "--wasmtime", "--packages"];
    let none: Vec<_> = without.iter().flat_map(|option| [*option, "no-such-program"]).collect();
    let few = ["--time", "50ms", "--rounds", "2", "--starts", "2", "--many", "10", "--page", page, "--plot", plot];
    let day = ["--requests-per-day", "50000000", "--day-function", "hello-02"];
    let report = bench(&[&["compare"], &none[..], &few[..], &day[..]].concat());
    let rows = |of: &str| report[of].as_array().unwrap_or_else(|| panic!("{of} in {report}")).clone();

    let missing: Vec<_> = rows("missing").iter().map(|it| it["system"].as_str().expect("a name").to_owned()).collect();
    let (podman, docker) = ("container-based Lambda with Podman", "container-based Lambda with Docker");
    assert_eq!(missing, ["container-based Lambda", podman, docker, "wasmtime serve", "workerd"]);
    assert_eq!(report["broken"], json!([]));
    assert!(
        rows("missing").iter().all(|it| it["install"].as_str().is_some_and(|it| it.contains("install"))),
        "{report}"
    );
    let who =
        |row: &Value| format!("{} {}", row["system"].as_str().expect("who"), row["variant"].as_str().expect("how"));
    let cold: Vec<_> =
        rows("cold").iter().map(|row| (row["work"].as_str().expect("what").to_owned(), who(row))).collect();
    let expected = [
        ("hello", "flint SDK, in process"),
        ("hello", "flint SDK, no spare left"),
        ("hello", "flint SDK, in process, idle"),
        ("hello", "flint SDK, over HTTP"),
        ("hello", "axum native"),
        ("deposit", "flint SDK, over HTTP"),
        ("thumbnail", "flint SDK, over HTTP"),
    ];
    assert_eq!(cold, expected.map(|(work, who)| (work.to_owned(), who.to_owned())));
    for row in rows("cold").iter().filter(|row| row["variant"] == "SDK, over HTTP" || row["system"] == "axum") {
        for figure in ["cold_p50_us", "warm_p50_us", "memory_mib"] {
            assert!(row[figure].as_f64() > Some(0.0), "{figure} in {row}");
        }
    }
    let hellos = ["buffered, fresh", "http 0.2, fresh", "http 0.3, fresh"];
    let more = ["http 0.2, serial", "http 0.3, serial", "http 0.3, shared"];
    let compared: Vec<_> =
        rows("steady").iter().map(|row| (row["connections"].as_u64().expect("how many"), who(row))).collect();
    let everybody = hellos.iter().chain(&more).map(|it| format!("flint {it}")).chain(["axum native".to_owned()]);
    let everybody: Vec<_> = everybody.collect();
    let expected: Vec<_> =
        [1, 16, 64, 256].iter().flat_map(|n| everybody.iter().map(|who| (*n, who.clone()))).collect();
    assert_eq!(compared, expected);
    let burst: Vec<_> = rows("burst").iter().map(who).collect();
    let expected =
        hellos.iter().chain(&["http 0.3, shared"]).map(|it| format!("flint {it}")).chain(["axum native".to_owned()]);
    assert_eq!(burst, expected.collect::<Vec<_>>());
    for row in rows("steady").iter().chain(&rows("burst")) {
        // On a busy machine some of many may have waited too long for their turn.
        let is_alone = row["connections"] == 1;
        assert!(!is_alone || row["failed"] == 0 && row["p50_us"].as_f64() > Some(0.0), "{row}");
        assert!(row["command"].as_str().is_some_and(|command| command.contains("ADDRESS")), "{row}");
    }
    let company: Vec<_> =
        rows("neighbours").iter().map(|row| row["company"].as_str().expect("what").to_owned()).collect();
    assert_eq!(company, ["4 guests that spin", "10 functions, asked by chance"]);
    let has_two = |row: &Value| row["rounds"].as_array().is_some_and(|rounds| rounds.len() == 2);
    assert!(rows("steady").iter().chain(&rows("burst")).all(has_two), "{report}");
    assert!(rows("neighbours").iter().all(|row| has_two(&row["alone"]) && has_two(&row["together"])), "{report}");
    let has_two_starts = |row: &Value| row["cold_rounds_us"].as_array().is_some_and(|rounds| rounds.len() == 2);
    assert!(rows("cold").iter().all(has_two_starts), "{report}");
    for verdict in rows("verdicts") {
        // Of two rounds, none has an interval.
        assert!(["held", "missed"].map(Value::from).contains(&verdict["outcome"]), "{verdict}");
        assert!(verdict["measured"].is_number() && verdict["between"].is_null(), "{verdict}");
    }

    let starts: Vec<_> = rows("slow_start").iter().map(who).collect();
    let inits = ["from a snapshot, over HTTP", "from a snapshot, no spare left", "init at every start, no spare left"];
    assert_eq!(starts, inits.map(|it| format!("flint {it}")));
    let p50 = |row: usize| rows("slow_start")[row]["p50_us"].as_f64().expect("a time");
    assert!(p50(2) > 10.0 * p50(1), "a snapshot spares the init: {report}");
    let answered: Vec<_> =
        rows("deploy").iter().map(|row| (who(row), row["from"].as_str().expect("since when").to_owned())).collect();
    let expected = [
        ("flint http 0.2", "a deployment"),
        ("flint buffered", "a deployment"),
        ("flint 100 ms of init", "a deployment"),
        ("flint http 0.2, fresh", "its process"),
        ("axum native", "its process"),
    ];
    assert_eq!(answered, expected.map(|(who, from)| (who.to_owned(), from.to_owned())));
    assert!(rows("deploy").iter().all(|row| row["p50_ms"].as_f64() > Some(0.0)), "{report}");

    let memory = rows("memory");
    let [row] = &memory[..] else { panic!("nobody else is there: {report}") };
    assert_eq!((who(row), &row["how"]), ("flint one process".to_owned(), &json!("measured")));
    let [one, ten] = [0, 1].map(|at| &row["sizes"][at]);
    assert_eq!((&one["functions"], &ten["functions"]), (&json!(1), &json!(10)), "{row}");
    // Two processes of one program differ by some memory, too.
    let [one, ten] = [one, ten].map(|size| size["mib"].as_f64().expect("a size"));
    assert!(one > 1.0 && ten > 0.9 * one, "{row}");

    let day = &report["day"];
    assert_eq!((&day["function"], &day["usage"]["requests"]), (&json!("hello-02"), &json!(50_000_000.0)), "{day}");
    for figure in ["cpu_seconds", "gb_seconds", "host_cpu_seconds"] {
        assert!(day["usage"][figure].as_f64() > Some(0.0), "{figure} in {day}");
    }
    let bills: Vec<_> = day["bills"].as_array().expect("bills").iter().map(|it| it["who"].as_str()).collect();
    let expected = ["flint, EC2 c6i.large, 2 vCPU, 4 GiB", "Lambda, assumed", "flint's account at Lambda's prices"];
    assert_eq!(bills, expected.map(Some));
    assert_eq!(day["bills"][1]["requests_usd"], 10.0, "20 cents a million");
    let assumed = day["assumptions"].to_string();
    assert!(assumed.contains("no container was measured") && assumed.contains("2025-08-01"), "{assumed}");

    let page = std::fs::read_to_string(page).expect("the page");
    assert_eq!(page.matches("<svg ").count(), 4, "a plot each of rates, times, bursts and memory");
    let plot = std::fs::read_to_string(plot).expect("the plot");
    assert!(plot.starts_with("<svg ") && page.contains(&plot), "one of them is a file of its own, too");
    for text in ["Answers a second", "Resident memory", "What a day costs", "cargo install wasmtime-cli", "</html>"] {
        assert!(page.contains(text), "{text} in {page}");
    }
}

#[test]
fn prices_that_are_none_are_told_with_their_place_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prices.toml");
    std::fs::write(&file, "date = 2026-01-01\n[lambda]\nper-gb-second = -1\n").expect("it is written");
    let file = file.to_str().expect("a path");
    let said = flint(&root(), ["bench", "compare", "--prices", file]);
    assert_eq!(said.code, Some(3), "{said:?}");
    for text in [file, "line 3, column", "-1 is no price: 0 or more US dollars", "per-million-requests = 0.20"] {
        assert!(said.stderr.contains(text), "{text} in {said:?}");
    }
}
