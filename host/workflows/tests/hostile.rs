//! Definitions that are made to take all the time, stack or memory there is: each is read, or refused with a clear mistake, on the
//! stack of a thread, and none takes minutes.

use flint_workflows::source::load;
use serde_json::json;
use std::sync::mpsc::channel;
use std::time::Duration;

/// What a thread of tokio has.
const STACK: usize = 2 << 20;
/// Far more than any takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A thousand of the definition, a hundred doubled fields, and that there are more.
const MISTAKES_MAX: usize = 1_101;

#[test]
fn a_definition_that_is_made_to_hang_or_to_overflow_is_read_or_refused() {
    let all = [texts(), many(), deep(), paths(), expressions()];
    for (name, text) in all.into_iter().flatten() {
        let (done, is_done) = channel();
        let reads = move || {
            // Who waits no more has failed already.
            _ = done.send(load(&text).map_or_else(|mistakes| mistakes.len(), |_| 0));
        };
        std::thread::Builder::new().stack_size(STACK).spawn(reads).expect("a thread");
        let mistakes = is_done.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{name}: not read in {PATIENCE:?}"));
        assert!(mistakes <= MISTAKES_MAX, "{name}: {mistakes} mistakes are told");
    }
}

type Hostile = Vec<(String, String)>;

fn case(name: impl ToString, text: impl Into<String>) -> (String, String) {
    (name.to_string(), text.into())
}

/// A graph that starts at a state, with the text of its states.
fn graph(start: &str, states: &str) -> String {
    format!(r#"{{"StartAt":"{start}","States":{{{states}}}}}"#)
}

/// A graph of one Pass state with these fields.
fn pass(fields: &str) -> String {
    graph("A", &format!(r#""A":{{"Type":"Pass",{fields},"End":true}}"#))
}

fn list(length: usize, of: impl Fn(usize) -> String) -> String {
    (0..length).map(of).collect::<Vec<_>>().join(",")
}

/// States that follow each other.
fn chain(length: usize) -> String {
    let passes = list(length - 1, |at| format!(r#""S{at}":{{"Type":"Pass","Next":"S{}"}}"#, at + 1));
    format!(r#"{passes},"S{}":{{"Type":"Succeed"}}"#, length - 1)
}

/// A text between as many of one as of another.
fn nested(depth: usize, open: &str, inner: &str, close: &str) -> String {
    open.repeat(depth) + inner + &close.repeat(depth)
}

/// Texts that are hardly JSON.
fn texts() -> Hostile {
    vec![
        case("arrays that never end", "[".repeat(1_000_000)),
        case("objects that never end", r#"{"a":"#.repeat(170_000)),
        case("ten MiB of nothing", " ".repeat(10 << 20)),
        case("a long array", format!("[{}]", list(520_000, |_| "1".to_owned()))),
        case("a field again and again", format!("{{{}}}", list(100_000, |_| r#""a":1"#.to_owned()))),
        case("one long line", pass(&format!(r#""Comment":"{}""#, "é".repeat(500_000)))),
    ]
}

/// Much of everything.
fn many() -> Hostile {
    let to_nowhere = |at| format!(r#""S{at}":{{"Type":"Pass","Next":"T{at}"}}"#);
    let long_names = |at| format!(r#""{at:a>70}":{{"Type":"Pass","Next":"{at:a>71}"}}"#);
    let task = |at| format!(r#""S{at}":{{"Type":"Task","Resource":"arn:aws:states:::x{at}","End":true}}"#);
    let branch = |at| graph(&format!("b{at}"), &format!(r#""b{at}":{{"Type":"Succeed"}}"#));
    let catchers = list(40_000, |_| r#"{"a":1}"#.to_owned());
    let variables = list(40_000, |at| format!(r#""v{at}":1"#));
    let branches = list(8_000, branch);
    vec![
        case("states", graph("S0", &chain(10_000))),
        case("ways to nowhere", graph("S0", &list(18_000, to_nowhere))),
        case("names that are too long", graph("S0", &list(5_000, long_names))),
        case("states that are none", graph("S0", &list(60_000, |at| format!(r#""S{at}":0"#)))),
        case("unknown fields", format!("{{{}}}", list(80_000, |at| format!(r#""f{at}":1"#)))),
        case(
            "catchers",
            graph("S", &format!(r#""S":{{"Type":"Task","Resource":"f","End":true,"Catch":[{catchers}]}}"#)),
        ),
        case(
            "variables in sight of branches",
            graph(
                "S",
                &format!(
                    r#""S":{{"Type":"Pass","Next":"P","Assign":{{{variables}}}}},
                    "P":{{"Type":"Parallel","End":true,"Branches":[{branches}]}}"#
                ),
            ),
        ),
        case("unknown resources", graph("A", &list(12_000, task))),
    ]
}

/// Much within each other.
fn deep() -> Hostile {
    let parallel = |depth: usize, inner: String| {
        (0..depth).fold(inner, |inner, at| {
            graph(&format!("P{at}"), &format!(r#""P{at}":{{"Type":"Parallel","End":true,"Branches":[{inner}]}}"#))
        })
    };
    let of_depth = |depth| case(format!("{depth} Parallel"), parallel(depth, graph("L", r#""L":{"Type":"Succeed"}"#)));
    let mut all: Hostile = [100, 120, 127, 128, 200].map(of_depth).into();
    let to_nowhere = |at| format!(r#""S{at}":{{"Type":"Pass","Next":"T{at}"}}"#);
    let rule = nested(489, r#"{"Not":"#, r#"{"Variable":"$.a","IsNull":true}"#, "}");
    let choice = format!(r#""A":{{"Type":"Choice","Choices":[{{"Not":{rule},"Next":"Z"}}]}},"Z":{{"Type":"Succeed"}}"#);
    all.extend([
        case("many states within much", parallel(120, graph("S0", &chain(20_000)))),
        case("many mistakes within much", parallel(120, graph("S0", &list(20_000, to_nowhere)))),
        case("a rule of rules", graph("A", &choice)),
        case("a template of templates", pass(&format!(r#""Parameters":{}"#, nested(500, r#"{"a":"#, "1", "}")))),
        case("a value of values", pass(&format!(r#""Result":{}"#, nested(505, "[", "1", "]")))),
    ]);
    all
}

/// Paths of JSON.
fn paths() -> Hostile {
    let path = |name: String, path: String| case(name, pass(&format!(r#""InputPath":{}"#, json!(path))));
    let mut all = vec![
        path("open brackets".to_owned(), format!("$[?{}", "(".repeat(300_000))),
        path("many names".to_owned(), format!("${}", ".a".repeat(400_000))),
        path("many indexes".to_owned(), format!("${}", "[0]".repeat(300_000))),
    ];
    for depth in [100, 1_000, 100_000] {
        all.extend([
            path(format!("{depth} brackets"), format!("$[?{}]", nested(depth, "(", "@.a", ")"))),
            path(format!("{depth} filters"), nested(depth, "[?@", "", "]").replacen('[', "$[", 1)),
            path(format!("{depth} negations"), format!("$[?{}@.a]", "!".repeat(depth))),
        ]);
    }
    all
}

/// Intrinsic functions and JSONata.
fn expressions() -> Hostile {
    let intrinsic = |call: String| pass(&format!(r#""Parameters":{{"a.$":{}}}"#, json!(call)));
    let jsonata = |text: String| {
        let output = json!(format!("{{% {text} %}}"));
        pass(&format!(r#""QueryLanguage":"JSONata","Output":{output}"#))
    };
    let fields = |value: &'static str| {
        let fields = list(50_000, |at| format!(r#""a{at}.$":"{value}""#));
        pass(&format!(r#""Parameters":{{{fields}}}"#))
    };
    let outputs = list(80_000, |_| r#""{%1%}""#.to_owned());
    vec![
        case("calls within calls", intrinsic(nested(50_000, "States.Array(", "", ")"))),
        case("many arguments", intrinsic(format!("States.Array({})", list(200_000, |_| "$.a".to_owned())))),
        case("open brackets", jsonata("(".repeat(400_000))),
        case("brackets within brackets", jsonata(nested(1_000, "(", "1", ")"))),
        case("many signs", jsonata("-".repeat(400_000) + "1")),
        case("a long sum", jsonata("1+".repeat(400_000) + "1")),
        case("many expressions", pass(&format!(r#""QueryLanguage":"JSONata","Output":[{outputs}]"#))),
        case("many paths", fields("$.a")),
        case("many that are no paths", fields("x")),
    ]
}
