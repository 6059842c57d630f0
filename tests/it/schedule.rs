//! Schedules: each tick is handled once, through the real binary.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use base64::Engine as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// A schedule `often` of the function that counts ticks.
fn ticker(schedule: &str) -> Launch {
    Launch::config(&config(schedule))
}

fn config(schedule: &str) -> String {
    let function = function("ticker", "grants = { kv = { ticks = \"read-write\" } }\n");
    format!("{function}[kv.ticks]\n[schedule.often]\nfunction = \"ticker\"\nretry-delay = \"10ms\"\n{schedule}\n")
}

/// The moments of the ticks that were handled, in order, each with how often.
fn ticks(host: &Host) -> Vec<(u64, i64)> {
    let page = host.admin().get("/v1/kv/ticks?prefix=often/&limit=1000").expect(200).json();
    let tick = |item: &Value| {
        let due = item["key"].as_str().and_then(|key| key.strip_prefix("often/")).expect("a key");
        let bytes = match (&item["value"], &item["value_base64"]) {
            (Value::String(text), _) => text.as_bytes().to_vec(),
            (_, Value::String(text)) => base64::prelude::BASE64_STANDARD.decode(text).expect("base 64"),
            other => panic!("{other:?}"),
        };
        (due.parse().expect("a moment"), i64::from_le_bytes(bytes.try_into().expect("a counter")))
    };
    page["items"].as_array().expect("items").iter().map(tick).collect()
}

fn wait_for(host: &Host, count: usize) -> Vec<(u64, i64)> {
    eventually(&format!("{count} ticks"), || Some(ticks(host)).filter(|ticks| ticks.len() >= count))
}

fn schedule(host: &Host) -> Value {
    host.admin().get("/v1/schedules").expect(200).json()["schedules"][0].clone()
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("in time")
}

#[test]
fn each_tick_is_handled_once_also_over_kills_and_those_missed_meanwhile_once() {
    let mut host = ticker("when = \"every 1s\"\ngrace = \"100ms\"").start();
    let mut seen = 1;
    for _ in 0..3 {
        seen = wait_for(&host, seen + 1).len();
        host = host.kill_and_restart();
    }
    let ticks = wait_for(&host, seen + 2);
    assert!(ticks.iter().all(|(due, count)| due % 1000 == 0 && *count == 1), "{ticks:?}");
    assert!(ticks.windows(2).all(|two| two[1].0 > two[0].0), "{ticks:?}");
}

#[test]
fn what_a_tick_writes_that_fails_is_not_there_and_the_tick_is_given_up_at_last() {
    let host = ticker("when = \"every 1h\"\nmax-receives = 3\npayload = '{\"fails\": true}'").start();
    host.flint(["schedule", "run", "often"]).ok();
    let dead = eventually("a dead tick", || {
        let page = host.admin().get("/v1/queues/schedule%2Foften%2Fdead/messages").expect(200).json();
        page["messages"].get(0).cloned()
    });
    assert_eq!(dead["death"]["reason"], "Asked: the schedule asked for it (received 3 times)");
    assert_eq!(ticks(&host), []);
    assert_eq!(
        host.metric("flint_invocations_total{function=\"ticker\",trigger=\"schedule\",outcome=\"function/failed\"}"),
        3.0
    );
}

#[test]
fn a_tick_can_be_sent_by_hand_with_a_host_and_without() {
    let launch = ticker("when = \"every 1h\"");
    let folder = launch.folder().to_owned();
    let data_dir = launch.data_dir();
    let args = |words: &[&str]| {
        let mut args: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        args.extend(["--data-dir".into(), data_dir.clone().into()]);
        args
    };
    let before = now();
    let ran = crate::harness::flint(&folder, args(&["schedule", "run", "often", "--json"])).ok().json();
    assert_eq!(ran["id"].as_str().expect("an id").len(), 26);
    let host = launch.start();
    wait_for(&host, 1);
    host.flint(["schedule", "run", "often"]).ok();
    let ticks = wait_for(&host, 2);
    assert!(ticks.iter().all(|(due, count)| (before..=now()).contains(due) && *count == 1), "{ticks:?}");
    let missing = host.flint(["schedule", "run", "seldom"]);
    assert!(missing.stderr.contains("there is no schedule seldom"), "{missing:?}");
}

#[test]
fn a_list_tells_when_a_schedule_is_due_and_when_it_was() {
    let host = ticker("when = \"every 1h\"").start();
    let first = eventually("a schedule that has begun", || Some(schedule(&host)));
    assert_eq!((&first["last_ms"], &first["when"]), (&Value::Null, &Value::from("every 1h")));
    let next = first["next_ms"].as_u64().expect("a tick");
    assert!(next % 3_600_000 == 0 && next > now() - 1000, "{first}");
    let printed = host.flint(["schedule", "list"]).ok().stdout;
    assert!(printed.starts_with("often\tevery 1h UTC\tticker\tlast never\tnext 2"), "{printed}");
}

#[test]
fn every_number_of_a_schedule_is_told() {
    let host = ticker("when = \"every 1h\"\noverlap = \"allow\"").start();
    let mut told = schedule(&host);
    told.as_object_mut().expect("an object").retain(|key, _| key != "next_ms");
    let expected = json!({
        "schedule": "often", "when": "every 1h", "zone": "UTC", "function": "ticker", "missed": "run-once",
        "overlap": "allow", "transactional": true, "grace_ms": 60_000, "concurrency": 10, "waiting_max": 1000,
        "max_receives": 5, "retry_delay_ms": 10, "retry_delay_max_ms": 300_000, "last_ms": null,
        "waiting": 0, "hidden": 0,
    });
    assert_eq!(told, expected);
}

#[test]
fn ticks_that_overlap_wait_or_are_passed_over_or_run_side_by_side() {
    for (overlap, at_once, passes_over) in [("queue", 1.0, false), ("skip", 1.0, true), ("allow", 2.0, false)] {
        let payload = "payload = '{\"takes-ms\": 2500}'";
        let host = ticker(&format!("when = \"every 1s\"\noverlap = \"{overlap}\"\n{payload}")).start();
        let mut most = 0.0;
        eventually(overlap, || {
            most = f64::max(most, host.metric("flint_in_flight{function=\"ticker\"}"));
            (ticks(&host).len() >= 2 && most >= at_once).then_some(())
        });
        assert!(if overlap == "allow" { most >= at_once } else { most == at_once }, "{overlap}: {most}");
        let passed = host.metric("flint_ticks_total{schedule=\"often\",outcome=\"passed-over\"}");
        assert_eq!(passed > 0.0, passes_over, "{overlap}: {passed}");
    }
}

#[test]
fn a_schedule_that_is_changed_goes_on_by_its_new_times() {
    let host = ticker("when = \"every 1h\"").start();
    let first = schedule(&host);
    assert_eq!(first["when"], "every 1h");
    fs::write(host.folder().join("platform.toml"), config("when = \"every 1s\"")).expect("a configuration");
    host.signal(Signal::HUP);
    let ticks = wait_for(&host, 2);
    assert!(ticks.iter().all(|(_, count)| *count == 1), "{ticks:?}");
    fs::write(host.folder().join("platform.toml"), "").expect("a configuration");
    host.signal(Signal::HUP);
    eventually("no schedule", || {
        let all = host.admin().get("/v1/schedules").expect(200).json();
        all["schedules"].as_array().expect("a list").is_empty().then_some(())
    });
}
