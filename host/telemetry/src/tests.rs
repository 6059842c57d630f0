//! Telemetry as its users see it: records in, metrics and lines out.

use super::*;
use flint_model::{InvocationId, Timestamp, TraceContext};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::time::Instant;
use tracing_subscriber::layer::SubscriberExt;

/// An output that can be read.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Fixture {
    telemetry: Telemetry,
    output: Output,
}

impl Fixture {
    fn new(filter: &str) -> Self {
        Self::with(filter, Options::default())
    }

    fn with(filter: &str, options: Options) -> Self {
        let output = Output::default();
        let filter = filter.parse().expect("a filter");
        let telemetry = Telemetry::new(Options { filter, output: Box::new(output.clone()), ..options });
        Self { telemetry, output }
    }

    fn hello(&self) -> FunctionTelemetry {
        self.telemetry.function(&FunctionName::parse("hello").expect("a name"))
    }

    fn lines(&self) -> Vec<Value> {
        assert!(self.telemetry.flush(Duration::from_secs(10)));
        let text = String::from_utf8(self.output.0.lock().clone()).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn record(outcome: Outcome) -> Record {
    Record {
        invocation: InvocationId::new(Timestamp::from_millis(0), 1),
        trace: TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None).expect("valid"),
        trigger: Trigger::Http,
        start: Start::Pooled,
        outcome,
        ended: Instant::now(),
        wall: Duration::from_micros(2_000_000),
        cpu: Duration::from_micros(250_000),
        memory_peak: ByteSize::mib(512),
        bytes_in: 3,
        bytes_out: 4,
        store_calls: 5,
        outbound: Outbound { calls: 6, sent: 7, received: 8 },
        queued: Duration::from_micros(7),
    }
}

#[test]
fn a_scrape_shows_what_was_recorded() {
    let fixture = Fixture::new("off");
    let hello = fixture.hello();
    (0..3).for_each(|_| hello.enter());
    hello.record(&record(Outcome::Ok));
    hello.record(&record(Outcome::Failed("function/timed-out")));
    for (function, spares) in [("hello", 3.0), ("order", 0.5)] {
        fixture.telemetry.register(Gauge {
            name: "spares",
            help: "Spare instances.",
            kind: Kind::Gauge,
            labels: vec![("function", function.to_owned())],
            read: Box::new(move || spares),
        });
    }
    let text = fixture.telemetry.metrics_text();
    for line in [
        r#"flint_build_info{version="0.1.0"} 1"#,
        "flint_log_lines_dropped_total 0",
        "# TYPE flint_invocations counter",
        r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"} 1"#,
        r#"flint_invocations_total{function="hello",trigger="invoke",outcome="ok"} 0"#,
        r#"flint_invocations_total{function="hello",trigger="http",outcome="function/timed-out"} 1"#,
        r#"flint_starts_total{function="hello",start="pooled"} 2"#,
        "# TYPE flint_invocation_duration_seconds histogram",
        "# UNIT flint_invocation_duration_seconds seconds",
        r#"flint_invocation_duration_seconds_sum{function="hello"} 4.0"#,
        r#"flint_invocation_duration_seconds_count{function="hello"} 2"#,
        r#"flint_invocation_duration_seconds_bucket{le="1.0",function="hello"} 0"#,
        r#"flint_invocation_duration_seconds_bucket{le="2.0",function="hello"} 2"#,
        r#"flint_invocation_duration_seconds_bucket{le="+Inf",function="hello"} 2"#,
        r#"flint_invocation_wait_seconds_bucket{le="0.00001",function="hello"} 2"#,
        r#"flint_invocation_cpu_seconds_total{function="hello"} 0.5"#,
        r#"flint_gb_seconds_total{function="hello"} 2.0"#,
        r#"flint_memory_peak_bytes{function="hello"} 536870912.0"#,
        r#"flint_bytes_total{function="hello",direction="in"} 6"#,
        r#"flint_bytes_total{function="hello",direction="out"} 8"#,
        r#"flint_store_calls_total{function="hello"} 10.0"#,
        r#"flint_outbound_calls_total{function="hello"} 12.0"#,
        r#"flint_outbound_bytes_total{function="hello",direction="out"} 14"#,
        r#"flint_outbound_bytes_total{function="hello",direction="in"} 16"#,
        r#"flint_in_flight{function="hello"} 1.0"#,
        r#"flint_spares{function="hello"} 3.0"#,
        r#"flint_spares{function="order"} 0.5"#,
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert_eq!(text.matches("# TYPE flint_spares gauge").count(), 1, "one family a name");
}

#[test]
fn what_several_threads_counted_is_told_as_one() {
    let fixture = Fixture::new("off");
    fixture.telemetry.keep_recent(3);
    let hello = fixture.hello();
    for bytes_in in 0..4 {
        hello.enter();
        // Wherever an invocation ends, it is the same one.
        let end = || hello.record(&Record { bytes_in, ..record(Outcome::Ok) });
        std::thread::scope(|scope| scope.spawn(end).join().expect("it ends"));
    }
    let text = fixture.telemetry.metrics_text();
    for line in [
        r#"flint_invocations_total{function="hello",trigger="http",outcome="ok"} 4"#,
        r#"flint_invocation_duration_seconds_count{function="hello"} 4"#,
        r#"flint_memory_peak_bytes{function="hello"} 536870912.0"#,
        r#"flint_in_flight{function="hello"} 0.0"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let recent: Vec<u64> = fixture.telemetry.recent(None, 9).iter().map(|recent| recent.bytes_in).collect();
    assert_eq!(recent, [3, 2, 1]);
}

#[test]
fn a_failure_is_a_warning_and_a_success_a_line_for_those_who_look_for_mistakes() {
    for (filter, outcomes) in
        [("info", vec!["function/timed-out"]), ("info,function=debug", vec!["ok", "function/timed-out"])]
    {
        let fixture = Fixture::new(filter);
        fixture.hello().record(&record(Outcome::Ok));
        fixture.hello().record(&record(Outcome::Failed("function/timed-out")));
        let lines = fixture.lines();
        let told: Vec<_> = lines.iter().map(|line| &line["fields"]["outcome"]).collect();
        assert_eq!(told, outcomes, "{filter}");
        let failed = lines.last().expect("a line");
        assert_eq!((&failed["level"], &failed["source"]), (&json!("warn"), &json!("record")));
        assert_eq!(failed["invocation"], json!("00000000000000000000000001"));
        assert_eq!(failed["trace"], json!("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(failed["fields"]["wall_us"], json!(2_000_000));
    }
}

#[test]
fn what_guests_and_host_say_has_the_same_form() {
    let fixture = Fixture::new("info,function::hello=debug");
    let Record { invocation, trace, .. } = record(Outcome::Ok);
    let line =
        |level, message| LogLine { invocation, trace: &trace, level, context: "orders", message, source: Source::Log };
    fixture.hello().log(line(Level::Debug, "said by the guest"));
    fixture.hello().log(line(Level::Trace, "not worth a line"));
    let subscriber = tracing_subscriber::registry().with(fixture.telemetry.layer());
    tracing::subscriber::with_default(subscriber, || {
        let error = std::io::Error::other("disk full");
        let span = tracing::info_span!("request", function = "hello", trace = %trace.trace_id(), route = "/hello");
        let _entered = span.enter();
        tracing::warn!(%invocation, attempt = 2, error = &error as &dyn std::error::Error, "said by the host");
        tracing::debug!("not worth a line");
    });
    let [guest, host] = <[Value; 2]>::try_from(fixture.lines()).expect("two lines");
    for (line, message, source, level) in
        [(&guest, "said by the guest", "log", "debug"), (&host, "said by the host", "host", "warn")]
    {
        assert_eq!(
            (&line["message"], &line["source"], &line["level"]),
            (&json!(message), &json!(source), &json!(level))
        );
        assert_eq!(line["function"], json!("hello"));
        assert_eq!(line["invocation"], json!(invocation.to_string()));
        assert_eq!(line["trace"], json!(trace.trace_id().to_string()));
    }
    assert_eq!(guest["context"], json!("orders"));
    assert_eq!(host["fields"], json!({"attempt": 2, "error": "disk full", "route": "/hello"}));
}

#[test]
fn the_fields_that_the_sdk_puts_behind_a_text_are_told_as_fields() {
    let fixture = Fixture::new("info");
    let Record { invocation, trace, .. } = record(Outcome::Ok);
    for (source, said, message, fields) in [
        (Source::Log, "a\tb\t{\"id\":\"o-7\",\"items\":3}", "a\tb", json!({"id": "o-7", "items": 3})),
        (Source::Log, "a\t{no object}", "a\t{no object}", Value::Null),
        (Source::Log, "a\t[1]", "a\t[1]", Value::Null),
        (Source::Stdout, "a\t{\"id\":1}", "a\t{\"id\":1}", Value::Null),
    ] {
        let line = LogLine { invocation, trace: &trace, level: Level::Info, context: "", message: said, source };
        fixture.hello().log(line);
        let line = fixture.lines().pop().expect("a line");
        assert_eq!((&line["message"], &line["fields"]), (&json!(message), &fields));
    }
}

#[test]
fn a_long_message_is_cut_off_between_characters() {
    let fixture = Fixture::with("info", Options { line_max: ByteSize::bytes(4), ..Options::default() });
    let Record { invocation, trace, .. } = record(Outcome::Ok);
    for message in ["four", "fünfe"] {
        let line =
            LogLine { invocation, trace: &trace, level: Level::Info, context: "", message, source: Source::Stdout };
        fixture.hello().log(line);
    }
    let messages: Vec<_> = fixture.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, [json!("four"), json!("fün… (cut)")]);
}

/// The figure behind "well under 200 ns". Run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_what_a_record_costs() {
    let hello = Fixture::new("info").hello();
    let record = record(Outcome::Failed("function/timed-out"));
    let quiet = Fixture::new("off").hello();
    for (name, telemetry, outcome) in [("ok", &hello, Outcome::Ok), ("failed", &quiet, record.outcome)] {
        let record = Record { outcome, ..record.clone() };
        let begin = Instant::now();
        let rounds = 5_000_000;
        for _ in 0..rounds {
            telemetry.record(std::hint::black_box(&record));
        }
        println!("{name}: {:.1} ns a record", begin.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
}
