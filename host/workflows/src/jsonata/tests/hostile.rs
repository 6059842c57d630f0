//! What expressions cost that want to run for ever or to take all memory. `cargo test hostile -- --nocapture` prints a table.

use super::Stage;
use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Generous: the machines that run tests are slow, and their builds unoptimized.
const TIME_MAX: Duration = Duration::from_secs(6);
const MEMORY_MAX_KIB: u64 = 256 << 10;

const HOSTILE: [(&str, &str); 37] = [
    ("endless recursion", "($f := function($x) { 1 + $f($x) }; $f(1))"),
    ("endless tail recursion", "($f := function($x) { $f($x + 1) }; $f(1))"),
    ("mutual recursion", "($f := function($x) { [$g($x)] }; $g := function($x) { [$f($x)] }; $f(1))"),
    ("pad", "$length($pad('x', 1e9))"),
    ("pad with much", "$length($pad('x', 3e5, $pad('y', 3e5)))"),
    ("pad as a value", "($f := $pad; $length($f('x', 1e9)))"),
    ("pad partially", "($f := $pad(?, 1e9); $length($f('x')))"),
    ("pad kept", "$count($map([1..100000], function($i) { $pad('x', 100000) }))"),
    ("doubling text", "($f := function($s) { $f($s & $s) }; $f('x'))"),
    ("doubling arrays", "($f := function($s) { $f($append($s, $s)) }; $f([1]))"),
    ("doubling arrays in brackets", "($f := function($s) { $f([$s, $s]) }; $f([1]))"),
    (
        "sharing objects",
        "($f := function($s, $n) { $n = 0 ? $s : $f({'a': $s, 'b': $s}, $n - 1) }; $length($string($f({}, 60))))",
    ),
    (
        "sharing nested arrays",
        "($f := function($s, $n) { $n = 0 ? $s : $f([[$s], [$s]], $n - 1) }; $f([1], 60) = $f([1], 60))",
    ),
    ("a long range", "$count([1..1e9])"),
    ("many ranges", "$count([[1..100000],[1..100000]].[1..100000].[1..100000])"),
    ("nested maps", "$map([1..100000], function($a) { $map([1..100000], function($b) { [$a, $b] }) })"),
    ("nested paths", "$count([1..100000].($x := [1..100000]; [$x]))"),
    ("paths kept", "($a := [1..100000]; $count($map($a, function($i) { [$a.($)] })))"),
    ("filters kept", "($a := [1..100000]; $count($map($a, function($i) { [$a[$ > 0]] })))"),
    (
        "objects",
        "$count([1..100000].{'a': 1, 'b': 2, 'c': 3, 'd': 4, 'e': 5, 'f': 6, 'g': 7, 'h': 8, 'i': 9, 'j': 10})",
    ),
    ("closures", "$count([1..100000].(function($x) { $x }))"),
    ("joining with much", "($s := $pad('y', 1e5); $length($join([1..100000].('a'), $s)))"),
    ("joining by value", "($s := $pad('y', 1e5); $f := $join; $length($f([1..100000].('a'), $s)))"),
    ("replacing with much", "($s := $pad('y', 1e5, 'y'); $length($replace($s, 'y', $s)))"),
    ("replacing with a function", "($s := $pad('y', 1e5, 'y'); $length($replace($s, /y/, function($m) { $s })))"),
    ("splitting", "$count($map([1..1000], function($i) { $split($pad('y', 1e5), '') }))"),
    ("catastrophic regex", "$match($pad('a', 1e5, 'a') & '!', /^(a+)+$/)"),
    ("large regex", "$contains('a', /((\\w{100}){100}){100}/)"),
    ("regex over regex", "$count($map([1..100000], function($i) { $match($pad('a', 1e4, 'a'), /a*?b|a/) }))"),
    ("merging", "$reduce([1..100000], function($a, $i) { $merge([$a, {$string($i): $i}]) }, {})"),
    ("sorting", "$count($map([1..1000], function($i) { $sort([1..100000], function($a, $b) { $a < $b }) }))"),
    ("parents", "[1..6000].{'a': [1..1000]}.a.(%.a)"),
    ("parents kept", "($a := [1..6000]; $count([1..6000].{'q': $}.q.(%.q; $a.($))))"),
    (
        "parents kept in maps",
        "($a := [1..6000]; $b := {'q': 1}; $count($map($a, function($i) { $b.q.(%.q; [$a.($)]) })))",
    ),
    ("parents kept of parents", "($a := [1..6000]; $count($a.{'q': $}.q.(%.q; $a.{'r': $}.r.(%.r))))"),
    ("replacing of a context", "($s := $pad('y', 1e5, 'y'); $length($s.$replace(/y/, function($m) { $s })))"),
    ("zip and spread", "($f := function($s) { $f($zip($s, $s, $s, $s)) }; $f([1..1000]))"),
];

#[test]
fn a_hostile_expression_ends_soon_and_in_little_memory() -> Result<(), Box<dyn Error>> {
    for (name, _) in HOSTILE {
        // A process each, because the peak of one would hide that of the next.
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--exact", "--nocapture", "jsonata::tests::hostile::one_hostile_expression"]);
        let output = child.env("FLINT_HOSTILE", name).output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let line = told.lines().find_map(|line| Some(line.split_once("cost: ")?.1)).unwrap_or("did not end by itself");
        println!("{name:28} {line}");
        assert!(output.status.success(), "{name} {line}");
    }
    Ok(())
}

/// Does nothing unless the test above asks for one.
#[test]
fn one_hostile_expression() {
    let wanted = std::env::var("FLINT_HOSTILE").unwrap_or_default();
    for (name, text) in HOSTILE.iter().filter(|(name, _)| *name == wanted) {
        let (before, start) = (status("VmRSS:"), Instant::now());
        let outcome = Stage::new().evaluate(text);
        let (took, peak) = (start.elapsed(), status("VmHWM:").saturating_sub(before));
        let told = outcome.map_or_else(|error| error, |value| format!("{value:.60}"));
        let told = told.trim_start_matches("threw an error during evaluation. ");
        println!("cost: {:>6} ms {:>7} KiB  {told:.70}", took.as_millis(), peak);
        assert!(took < TIME_MAX && peak < MEMORY_MAX_KIB, "{name}");
    }
}

/// A line of the process's status, in KiB.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Says how long an evaluation over a large input takes; run it with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_a_large_input_costs() -> Result<(), String> {
    let lines: Vec<_> =
        (0..4_000).map(|line| serde_json::json!({"x": line, "text": "some text of a line that is longer"})).collect();
    let stage = Stage { input: serde_json::json!({"x": 1, "lines": lines}), ..Stage::new() };
    for text in
        ["$states.input.x", "$states.input.x + 1", "$sum($states.input.lines.x)", "$states.input.lines.{'y': x + 1}"]
    {
        let parsed = super::Jsonata::parse(text)?;
        let start = Instant::now();
        for _ in 0..20 {
            parsed.evaluate(&stage.scene(), "Output").map_err(|trouble| trouble.cause)?;
        }
        println!("{text:34} {:>9.1} us", start.elapsed().as_secs_f64() * 50_000.0);
    }
    Ok(())
}
