//! What a host tells about itself: metrics, health, and lines of log.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::{Host, Launch, Wire};
use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

fn host(arguments: &[&str]) -> Host {
    let config = [misbehave("log-size-max = \"1MiB\""), function("hello", ""), route("/hello", "hello")].concat();
    arguments.iter().fold(Launch::config(&config), |launch, argument| launch.arg(*argument)).start()
}

#[test]
fn metrics_count_what_happened_by_function_and_outcome() {
    let host = host(&[]);
    for _ in 0..3 {
        host.http().get("/hello").expect(200);
    }
    host.invoke("hello", "Ada").expect(200);
    host.http().get("/trap").expect(500);
    host.http().send(Method::GET, "/headers", &[], "four").expect(200);
    for (metric, value) in [
        (r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"}"#, 3.0),
        (r#"flint_invocations_total{function="hello",trigger="invoke",outcome="ok"}"#, 1.0),
        (r#"flint_invocations_total{function="misbehave",trigger="http",outcome="function/trapped"}"#, 1.0),
        (r#"flint_invocation_duration_seconds_count{function="hello"}"#, 4.0),
        (r#"flint_in_flight{function="hello"}"#, 0.0),
        (r#"flint_bytes_total{function="hello",direction="in"}"#, 3.0),
        (r#"flint_bytes_total{function="hello",direction="out"}"#, 3.0 * 14.0 + 12.0),
        ("flint_log_lines_dropped_total", 0.0),
    ] {
        assert!(host.metric(metric) == value, "{metric} is {}", host.metric(metric));
    }
    let started = |start: &str| host.metric(&format!(r#"flint_starts_total{{function="hello",start="{start}"}}"#));
    assert!(started("pooled") + started("on-demand") == 4.0 && started("pooled") >= 1.0);
    for positive in ["flint_invocation_cpu_seconds_total", "flint_gb_seconds_total", "flint_memory_peak_bytes"] {
        assert!(host.metric(&format!(r#"{positive}{{function="hello"}}"#)) > 0.0, "{positive}");
    }
}

#[test]
fn the_text_of_metrics_is_what_prometheus_reads() {
    let host = host(&[]);
    host.http().get("/hello").expect(200);
    let metrics = host.admin().get("/metrics").expect(200);
    let mut families = Vec::new();
    for line in metrics.text().lines().filter(|line| !line.starts_with("# EOF")) {
        match line.strip_prefix("# ") {
            Some(about) => {
                let mut words = about.split(' ');
                let (kind, name) = (words.next().expect("a kind"), words.next().expect("a name"));
                assert!(["HELP", "TYPE", "UNIT"].contains(&kind), "{line}");
                families.push(name.to_owned());
            }
            None => {
                let (sample, value) = line.rsplit_once(' ').expect("a sample and its value");
                value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
                let family = families.last().expect("a family first");
                assert!(sample.starts_with(family.as_str()), "{sample} is not of {family}");
            }
        }
    }
    assert!(families.iter().all(|family| family.starts_with("flint_")), "{families:?}");
}

#[test]
fn a_host_is_live_while_it_ends_but_not_ready() {
    let mut host = host(&[]);
    assert_eq!(host.admin().get("/health/ready").expect(200).text(), "ready\n");
    assert!(host.admin().get("/health/live").expect(200).json()["version"].is_string());
    let mut wire = Wire::open(host.http());
    wire.say_head(&["GET /sleep/20000"]);
    host.wait_for_running("misbehave", 1.0);
    host.signal(Signal::TERM);
    host.logged("the signal", |line| line["message"] == "stopping");
    assert_eq!(host.admin().get("/health/ready").expect(503).json()["code"], "host/not-ready");
    host.admin().get("/health/live").expect(200);
    wire.hang_up();
    assert!(host.wait().success());
}

#[test]
fn a_line_of_log_is_an_object_with_function_invocation_and_trace() {
    let host = host(&["--log", "info,function=debug"]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let ask = |path: &str| {
        let answer = host.http().send(Method::GET, path, &[("traceparent", &parent)], "");
        Value::from(answer.header("flint-invocation-id"))
    };
    let (logged, written, trapped) = (ask("/log/2"), ask("/stdout"), ask("/trap"));
    let find = |invocation: &Value, source: &str, message: &str| {
        let is_it = |line: &Value| line["invocation"] == *invocation && line["source"] == source;
        let line = host
            .logged(message, |line| is_it(line) && line["message"].as_str().is_some_and(|text| text.contains(message)));
        assert_eq!((&line["function"], &line["trace"]), (&json!("misbehave"), &json!(trace)), "{line}");
        line
    };
    let line = find(&logged, "log", "a line of log");
    assert_eq!((&line["level"], &line["message"]), (&json!("info"), &json!("a line of log")));
    assert_eq!((&line["fields"], &line["context"]), (&json!({"line": 1}), &json!("misbehave")));
    find(&written, "stdout", "a line on stdout");
    find(&written, "stderr", "a line on stderr");
    let record = find(&written, "record", "invocation succeeded");
    assert_eq!((&record["level"], &record["fields"]["trigger"]), (&json!("debug"), &json!("http")));
    find(&trapped, "stderr", "as asked");
    assert_eq!(find(&trapped, "host", "trapped")["level"], "warn");
    let failed = find(&trapped, "record", "invocation failed");
    assert_eq!((&failed["level"], &failed["fields"]["outcome"]), (&json!("warn"), &json!("function/trapped")));
    // Every line is one: of guests, of the host, whatever it is about.
    for line in host.log() {
        for key in ["time", "level", "source", "message"] {
            assert!(line[key].is_string(), "{key} in {line}");
        }
        for key in ["function", "invocation", "trace"] {
            assert!(line.get(key).is_some(), "{key} in {line}");
        }
    }
}

#[test]
fn the_filter_decides_what_is_told() {
    let quiet = host(&["--log", "error"]);
    quiet.http().get("/log/3").expect(200);
    quiet.http().get("/trap").expect(500);
    quiet.http().get("/hello").expect(200);
    assert!(quiet.log().is_empty(), "{:?}", quiet.log());
    // They are counted all the same.
    assert!(quiet.metric(r#"flint_log_lines_total{function="misbehave"}"#) >= 3.0);
}
