//! What one event can see of another: nothing, unless the function says so itself.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Host, Launch, Wire, eventually};
use flint_engine::residency::Residency;
use http::Method;
use std::collections::BTreeMap;
use std::thread;

fn probe(lines: &str) -> Host {
    Launch::config(&function("probe", lines)).start()
}

/// What the probe answers.
fn ask(host: &Host, command: &str) -> String {
    host.invoke("probe", command.to_owned()).expect(200).text().to_owned()
}

/// How often the instance that answered was called.
fn count(host: &Host) -> u32 {
    ask(host, "count").parse().expect("a number")
}

#[test]
fn an_event_finds_nothing_of_those_before_it() {
    let host = probe("memory = \"64MiB\"");
    // Sizes of less than a page, of many pages, and more than what the pool keeps resident.
    for size in [100, 70_000, 1_500_000, 3_000_000, 20_000_000] {
        for _ in 0..5 {
            assert_eq!(ask(&host, &format!("fill {size}")), format!("filled {size}"));
            let found = ask(&host, "scan");
            assert!(found.starts_with("dirty-runs=0 marker=clean calls=1 "), "after {size} bytes: {found}");
        }
    }
}

/// What each memory of a guest has of pages of its own, in KiB: its image is a private mapping of the compiled component, between the
/// stack and the heap.
fn pages_of_guests(host: &Host) -> Vec<usize> {
    let map = std::fs::read_to_string(format!("/proc/{}/smaps", host.process())).expect("a process");
    let mut mappings: Vec<(bool, usize)> = Vec::new();
    for line in map.lines() {
        let field = line.split(' ').next().unwrap_or_default();
        if !field.ends_with(':') {
            mappings.push((line.contains(" rw-p ") && line.ends_with(".cwasm"), 0));
        } else if let (Some(kib), Some((_, anonymous))) = (line.strip_prefix("Anonymous:"), mappings.last_mut()) {
            *anonymous = kib.trim().trim_end_matches(" kB").parse().expect("a number");
        }
    }
    let of_guests = mappings.windows(3).filter(|around| around[1].0);
    of_guests.map(|around| around.iter().map(|(_, anonymous)| anonymous).sum()).collect()
}

#[test]
fn a_slot_has_the_pages_that_guests_write_to_before_its_first_event_and_no_others_after_it() {
    const READY: usize = 8;
    let sections = [function("hello-buffered", &format!("warm = {READY}")), route("/", "hello-buffered")];
    let host = Launch::config(&sections.concat()).start();
    let most = |pages: Vec<usize>| pages.into_iter().max().unwrap_or_default();
    eventually("slots that are ready for their first event", || {
        let touched = pages_of_guests(&host).into_iter().filter(|kib| *kib > 0).count();
        (touched >= READY).then_some(())
    });
    // Each page more is one more to reset behind every event.
    assert!(most(pages_of_guests(&host)) <= 16, "{:?}", pages_of_guests(&host));
    for _ in 0..3 * READY {
        host.http().get("/").expect(200);
    }
    // Without the scan, the start of each memory is cleared whatever was written.
    if !Residency::detect().scans() {
        return;
    }
    assert!(most(pages_of_guests(&host)) <= 32, "{:?}", pages_of_guests(&host));
}

#[test]
fn events_that_come_at_once_find_nothing_of_each_other() {
    let host = probe("memory = \"64MiB\"\nwarm = 4");
    thread::scope(|scope| {
        for worker in 0..8 {
            let host = &host;
            scope.spawn(move || {
                for round in 0..25 {
                    match (worker + round) % 3 {
                        0 => drop(ask(host, &format!("fill {}", 1000 << (round % 12)))),
                        1 => assert_eq!(count(host), 1),
                        _ => {
                            let found = ask(host, "scan");
                            assert!(found.starts_with("dirty-runs=0 marker=clean calls=1 "), "{found}");
                        }
                    }
                }
            });
        }
    });
    let reused = host.metric(r#"flint_starts_total{function="probe",start="reused"}"#);
    assert!(reused == 0.0, "{reused} instances served twice");
}

#[test]
fn a_serial_function_keeps_its_instance_for_so_many_events_and_then_starts_over() {
    let host = probe("isolation = \"serial\"\nuses = 3");
    let counts: Vec<u32> = (0..12).map(|_| count(&host)).collect();
    assert_eq!(counts, [1, 2, 3].repeat(4));
    // What it gives up: what one event leaves in memory, the next one finds.
    let host = probe("isolation = \"serial\"\nuses = 2");
    ask(&host, "fill 1000");
    let found = ask(&host, "scan");
    assert!(!found.starts_with("dirty-runs=0 ") && found.contains("marker=dirty calls=2"), "{found}");
    assert!(ask(&host, "scan").starts_with("dirty-runs=0 marker=clean calls=1 "), "the next instance");
}

#[test]
fn a_serial_function_serves_events_that_come_at_once_from_several_instances() {
    let host = probe("isolation = \"serial\"\nuses = 10");
    let counts: Vec<u32> = thread::scope(|scope| {
        let asking: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..10).map(|_| count(&host)).collect::<Vec<_>>())).collect();
        asking.into_iter().flat_map(|asked| asked.join().expect("counts")).collect()
    });
    assert!(counts.iter().all(|count| (1..=10).contains(count)), "{counts:?}");
    // Never two events on one instance at once: then two of them would have had the same number.
    let mut often: BTreeMap<u32, usize> = BTreeMap::new();
    counts.iter().for_each(|count| *often.entry(*count).or_default() += 1);
    let falling = often.values().zip(often.values().skip(1)).all(|(earlier, later)| earlier >= later);
    assert!(falling && often.len() > 1, "{often:?}");
}

#[test]
fn a_serial_instance_that_failed_serves_nobody_any_more() {
    let host =
        Launch::config(&misbehave("isolation = \"serial\"\nuses = 1000\ntimeout = \"2s\"\ncpu = \"1s\"")).start();
    let reused = || host.metric(r#"flint_starts_total{function="misbehave",start="reused"}"#);
    host.http().get("/sleep/1").expect(200);
    host.http().get("/sleep/1").expect(200);
    assert!(reused() > 0.0, "nothing was used again");
    for (path, status) in [("/trap", 500), ("/grow/1000", 500), ("/spin", 504), ("/sleep/50000", 504)] {
        host.http().get(path).expect(status);
        // Whichever instance serves this, it is whole.
        host.http().get("/sleep/1").expect(200);
    }
    let mut wire = Wire::open(host.http());
    wire.say_head(&["GET /sleep/50000"]);
    host.wait_for_running("misbehave", 1.0);
    wire.hang_up();
    host.wait_for_outcome("misbehave", "caller/gone", 1.0);
    host.http().get("/grow/8").expect(200);
}

#[test]
fn a_shared_function_serves_events_that_come_at_once_from_one_instance() {
    let host = probe("isolation = \"shared\"\nuses = 3");
    let counts: Vec<u32> = (0..12).map(|_| count(&host)).collect();
    assert_eq!(counts, [1, 2, 3].repeat(4));
    let host = Launch::config(&misbehave("isolation = \"shared\"\nuses = 1000\ntimeout = \"1m\"")).start();
    let mut sleeping: Vec<Wire> = (0..4).map(|_| Wire::open(host.http())).collect();
    sleeping.iter_mut().for_each(|wire| wire.say_head(&["GET /sleep/5000"]));
    host.wait_for_running("misbehave", 4.0);
    for wire in &mut sleeping {
        wire.hear_until("awake\n");
    }
    host.wait_for_outcome("misbehave", "ok", 4.0);
    let shared = host.metric(r#"flint_starts_total{function="misbehave",start="shared"}"#);
    assert_eq!(shared, 4.0);
}

#[test]
fn a_shared_instance_serves_on_behind_answers_that_stream() {
    let host = Launch::config(&misbehave("isolation = \"shared\"\nuses = 6")).start();
    let served = || host.http().get("/served").expect(200).text().to_owned();
    let counts: Vec<_> = (0..6)
        .map(|_| {
            host.http().get("/events/2/1").expect(200);
            served()
        })
        .collect();
    assert_eq!(counts, ["1", "2", "3"].repeat(2));
}

#[test]
fn the_record_tells_how_long_an_event_waited_for_a_shared_instance() {
    let lines = "isolation = \"shared\"\nuses = 1000\nconcurrency = 1\nqueue-timeout = \"50s\"\ntimeout = \"1m\"";
    let host = Launch::config(&misbehave(lines)).start();
    let mut sleeping = Wire::open(host.http());
    sleeping.say_head(&["GET /sleep/1500"]);
    host.wait_for_running("misbehave", 1.0);
    host.http().get("/sleep/1").expect(200);
    host.wait_for_outcome("misbehave", "ok", 2.0);
    let waited = host.metric(r#"flint_invocation_wait_seconds_sum{function="misbehave"}"#);
    assert!((0.2..60.0).contains(&waited), "{waited} s");
}

#[test]
fn a_shared_event_lasts_until_its_answer_is_gone_also_when_its_instance_takes_no_more() {
    const ROUNDS: u8 = 3;
    let lines = "isolation = \"shared\"\nuses = 2\nconcurrency = 1\nqueue-timeout = \"50s\"\ntimeout = \"1m\"";
    let host = Launch::config(&misbehave(lines)).start();
    host.http().get("/sleep/1").expect(200);
    for _ in 0..ROUNDS {
        // The last event of its instance.
        let mut hearing = Wire::open(host.http());
        hearing.say_head(&["GET /events/4/100"]);
        hearing.hear_until("event 1\n");
        host.http().get("/sleep/1").expect(200);
        hearing.hear_until("event 4\n");
    }
    host.wait_for_outcome("misbehave", "ok", f64::from(1 + 2 * ROUNDS));
    let waited = host.metric(r#"flint_invocation_wait_seconds_sum{function="misbehave"}"#);
    assert!((0.3..180.0).contains(&waited), "{waited} s");
}

#[test]
fn a_shared_answer_that_breaks_off_does_not_look_complete() {
    let host = Launch::config(&misbehave("isolation = \"shared\"\nuses = 1000")).start();
    let broken = host.http().try_send(Method::GET, "/stream-then-trap", &[], "");
    assert!(broken.is_err(), "{broken:?}");
    host.wait_for_outcome("misbehave", "function/trapped", 1.0);
    host.http().get("/sleep/1").expect(200);
}

#[test]
fn a_shared_instance_is_gone_when_all_of_its_callers_are() {
    // Each of them blocks an instance for a day, and there are fewer instances than callers.
    let few = "[limits]\ninvocations-max = 2\nspares-max = 1\n";
    let shared = misbehave("isolation = \"shared\"\nuses = 1000\ntimeout = \"50s\"");
    let host = Launch::config(&[few, &shared].concat()).start();
    for _ in 0..70 {
        let mut wire = Wire::open(host.http());
        wire.say_head(&["GET /block/86400000"]);
        host.wait_for_running("misbehave", 1.0);
        wire.hang_up();
        host.wait_for_running("misbehave", 0.0);
    }
    host.http().get("/sleep/1").expect(200);
}
