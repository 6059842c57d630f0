//! Paths as definitions have them: what they find, and which of them mean one place.

use super::*;
use crate::clock::Clock;
use crate::failure::name;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Does something with a scene that has a value of each kind.
fn with_scene<T>(act: impl FnOnce(&Scene) -> T) -> T {
    let input = json!({
        "order": {"id": 7, "line-items": [{"sku": "a", "price": 3}, {"sku": "b", "price": 9}, {"sku": "c"}]},
        "two words": {"it's": 1, "a.b": 2, "say \"hi\"": 3, "[0]": 4},
        "größe": 5,
        "1st": 6,
        "@type": 8,
        "numbers": [4, 1, 3],
        "text": "ärmel",
        "none": null,
        "empty": [],
    });
    let context = json!({"Execution": {"Name": "run"}, "Map": {"Item": {"Index": 2}}});
    let variables = Arc::new(BTreeMap::from([("cart".to_owned(), json!({"total": [10, 20]}))]));
    act(&Scene {
        input: &input,
        result: None,
        error: None,
        context: &context,
        variables: &variables,
        seed: 0,
        now: 0,
        clock: &Clock::default(),
    })
}

fn find(path: &str) -> Option<Value> {
    let path = Path::parse(path).unwrap();
    with_scene(|scene| path.find(scene).expect("it is little work"))
}

/// Each path finds its value.
fn finds<const N: usize>(cases: [(&str, Value); N]) {
    for (path, expected) in cases {
        assert_eq!(find(path), Some(expected), "{path}");
    }
}

#[test]
fn names_are_written_after_a_dot_or_in_brackets() {
    finds([
        ("$.order.id", json!(7)),
        ("$['order']['id']", json!(7)),
        ("$[\"order\"].id", json!(7)),
        ("$.order[ 'id' ]", json!(7)),
        ("$.none", json!(null)),
    ]);
}

#[test]
fn names_after_a_dot_may_have_hyphens_spaces_and_what_else_there_is() {
    finds([
        ("$.order.line-items[0].sku", json!("a")),
        ("$.two words.it's", json!(1)),
        ("$.größe", json!(5)),
        ("$.1st", json!(6)),
        ("$.@type", json!(8)),
    ]);
}

#[test]
fn quotes_hold_any_name() {
    finds([
        (r"$['two words']['it\'s']", json!(1)),
        (r#"$["two words"]["it's"]"#, json!(1)),
        (r#"$['two words']["say \"hi\""]"#, json!(3)),
        ("$['two words']['a.b']", json!(2)),
        ("$['two words']['[0]']", json!(4)),
        ("$.order['line-items'][1].sku", json!("b")),
    ]);
}

#[test]
fn an_index_counts_from_the_start_or_from_the_end() {
    finds([("$.numbers[0]", json!(4)), ("$.numbers[-1]", json!(3)), ("$.numbers[-3]", json!(4))]);
    assert_eq!(find("$.numbers[3]"), None);
    assert_eq!(find("$.numbers[-4]"), None);
}

#[test]
fn a_path_to_many_places_finds_a_list() {
    finds([
        ("$.numbers[*]", json!([4, 1, 3])),
        ("$.numbers[0:2]", json!([4, 1])),
        ("$.numbers[1:]", json!([1, 3])),
        ("$.numbers[-2:]", json!([1, 3])),
        ("$.numbers[::2]", json!([4, 3])),
        ("$.numbers[0,2]", json!([4, 3])),
        ("$['1st','größe']", json!([6, 5])),
        ("$.order.line-items[*].sku", json!(["a", "b", "c"])),
        ("$..price", json!([3, 9])),
        ("$..line-items[0].sku", json!(["a"])),
        ("$.order..sku", json!(["a", "b", "c"])),
        ("$..[?@.sku == 'c'].sku", json!(["c"])),
        ("$.empty[*]", json!([])),
        ("$..absent", json!([])),
    ]);
}

#[test]
fn a_filter_picks_items() {
    finds([
        ("$.order.line-items[?(@.price > 5)].sku", json!(["b"])),
        ("$.order.line-items[?@.price].sku", json!(["a", "b"])),
        ("$.order.line-items[?(@.sku == 'a' || @.sku == 'c')].sku", json!(["a", "c"])),
        ("$.order.line-items[?(!@.price)].sku", json!(["c"])),
        ("$.numbers[?(@ >= 3)]", json!([4, 3])),
        ("$.numbers[?(@ > 99)]", json!([])),
    ]);
}

#[test]
fn a_path_starts_at_the_input_the_context_or_a_variable() {
    finds([
        ("$$.Execution.Name", json!("run")),
        ("$$['Map'].Item.Index", json!(2)),
        ("$$.Map.Item", json!({"Index": 2})),
        ("$cart", json!({"total": [10, 20]})),
        ("$cart.total[1]", json!(20)),
        ("$cart['total'][*]", json!([10, 20])),
    ]);
    let root = |path| Path::parse(path).unwrap().root().clone();
    assert_eq!([root("$"), root("$.a"), root("$[0]")], [Root::Input, Root::Input, Root::Input]);
    assert_eq!([root("$$"), root("$$.a")], [Root::Context, Root::Context]);
    assert_eq!([root("$a_1"), root("$a_1.b")], [Root::Variable("a_1".to_owned()), Root::Variable("a_1".to_owned())]);
}

#[test]
fn a_function_may_stand_at_the_end() {
    finds([
        ("$.numbers.length()", json!(3)),
        ("$.order.length()", json!(2)),
        ("$.text.length()", json!(5)),
        ("$.numbers.min()", json!(1)),
        ("$.numbers.max()", json!(4)),
        ("$.numbers.sum()", json!(8)),
        ("$cart.total.avg()", json!(15)),
        ("$.numbers.first()", json!(4)),
        ("$.numbers.last()", json!(3)),
        ("$.order.keys()", json!(["id", "line-items"])),
        ("$..price.sum()", json!(12)),
        ("$.order.line-items[?(@.price > 5)].length()", json!(1)),
        ("$.empty.sum()", json!(0)),
    ]);
    for path in ["$.order.id.length()", "$.empty.min()", "$.empty.avg()", "$.empty.first()", "$.numbers.keys()"] {
        assert_eq!(find(path), None, "{path}");
    }
}

#[test]
fn a_path_is_definite_if_it_is_made_of_names_and_indices() {
    let definite =
        ["$", "$$", "$cart", "$.a.b", "$.a-b", "$['a']", "$['a,b']", "$[\"a:*\"]", "$.a[0]", "$.a[-1]", "$[ 0 ]"];
    let indefinite = ["$.*", "$[*]", "$..a", "$..*", "$[0,1]", "$['a','b']", "$[0:1]", "$[:]", "$[?(@.a)]", "$.a[*].b"];
    for path in definite {
        assert!(Path::parse(path).unwrap().is_definite(), "{path}");
    }
    for path in indefinite {
        assert!(!Path::parse(path).unwrap().is_definite(), "{path}");
    }
}

#[test]
fn a_definite_path_may_find_nothing() {
    for path in ["$.absent", "$.order.id.x", "$.numbers.x", "$.order[0]", "$.none.x", "$absent", "$cart.x", "$$.absent"]
    {
        assert_eq!(find(path), None, "{path}");
    }
}

#[test]
fn nothing_at_a_path_is_a_runtime_error() {
    let trouble = with_scene(|scene| Path::parse("$.order['x']").unwrap().get(scene)).unwrap_err();
    let cause = "Invalid path '$.order['x']' : No results for path: $['order']['x']";
    assert_eq!((trouble.error, trouble.cause.as_str()), (name::RUNTIME, cause));
}

#[test]
fn a_text_that_is_not_a_path_is_refused() {
    let cases = [
        ("", "a path starts with `$`"),
        ("order.id", "a path starts with `$`"),
        ("$1st", "`1st` is not the name of a variable"),
        ("$a-b", "`a-b` is not the name of a variable"),
        ("$.a[", "is not a JSONPath"),
        ("$.a[?(@.b >)]", "is not a JSONPath"),
        ("$.", "is not a JSONPath"),
        ("$['a'", "is not a JSONPath"),
        ("$.a[x]", "is not a JSONPath"),
    ];
    for (text, reason) in cases {
        let mistake = Path::parse(text).unwrap_err();
        assert!(mistake.contains(reason), "{mistake}");
    }
    assert!(Path::parse(&format!("${}", "a".repeat(80))).is_ok());
    assert!(Path::parse(&format!("${}", "a".repeat(81))).is_err());
}

#[test]
fn a_path_keeps_its_text() {
    assert_eq!(Path::parse("$.line-items").unwrap().text(), "$.line-items");
    assert_eq!(Path::whole(), Path::parse("$").unwrap());
}

#[test]
fn a_path_that_would_take_long_or_much_stack_is_refused() {
    let nested = |depth: usize| format!("${}{}", "[?@".repeat(depth), "]".repeat(depth));
    assert!(Path::parse(&nested(12)).is_ok());
    for text in [nested(13), nested(100_000), format!("$[?{}", "(".repeat(100_000)), format!("$.{}", "a".repeat(5_000))]
    {
        Path::parse(&text).unwrap_err();
    }
}

/// What a path finds in a document.
fn find_in(path: &str, input: &Value) -> Result<Option<Value>, String> {
    let (context, variables) = (json!({}), Arc::default());
    let clock = Clock::default();
    let scene = Scene {
        input,
        result: None,
        error: None,
        context: &context,
        variables: &variables,
        seed: 0,
        now: 0,
        clock: &clock,
    };
    Path::parse(path).unwrap().find(&scene).map_err(|trouble| trouble.cause)
}

#[test]
fn a_path_that_would_look_at_too_much_or_find_too_much_is_refused_before_it_does() {
    let deep = |depth: usize, inner: Value| (0..depth).fold(inner, |inner, _| json!([inner]));
    let many = |of: Value| json!({ "all": vec![of; 20_000] });
    let counts = "$.all[?match(@.name, '(((a{100}){100}){100})')]";
    let begun = std::time::Instant::now();
    for (path, input) in [
        (format!("${}", "..*".repeat(12)), deep(100, json!(vec![1; 1_000]))),
        (format!("${}", "[*,*]".repeat(30)), deep(31, json!(1))),
        (format!("${}", "[0, 0 ,-1,?@]".repeat(30)), deep(31, json!(1))),
        (format!("$..{}{}", "[?@..".repeat(11) + "*", "]".repeat(11)), deep(60, json!(vec![1; 1_000]))),
        ("$.all[?count($..name) > @.name]".to_owned(), many(json!({"name": "a"}))),
        (counts.to_owned(), many(json!({"name": "a"}))),
        ("$.all[?search(@.name, @.of)]".to_owned(), many(json!({"name": "a", "of": "(((a{100}){100}){100})"}))),
    ] {
        let refused = find_in(&path, &input).expect_err(&path);
        assert!(refused.contains("takes too much work"), "{refused}");
    }
    let refused = find_in("$..*..*", &deep(110, json!("x".repeat(200_000)))).expect_err("it is too large");
    assert!(refused.contains("finds too much"), "{refused}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_path_that_people_write_is_no_work_on_a_document_as_large_as_it_may_be() {
    let item =
        |id: usize| json!({"id": id, "name": format!("item {id}"), "of": {"kind": ["a", "b"], "price": id % 20}});
    let input = json!({"wanted": 17, "all": (0..3_000).map(item).collect::<Vec<_>>()});
    assert!(input.to_string().len() < 256 << 10);
    for (path, found) in [
        ("$..price", 3_000),
        ("$.all[*].of.kind[*]", 6_000),
        ("$.all[?@.of.price < 10].name", 1_500),
        ("$..[?@.price == 3]", 150),
        ("$.all[?(@.id == $.wanted)]", 1),
        ("$.all[?@..none || @.of.kind[?@ == 'a']]", 3_000),
        ("$..of..price", 3_000),
        ("$.all[0:10, 20, -1]['id', 'name']", 24),
        ("$.all[?match(@.name, 'item 1.*')].id", 1_111),
    ] {
        let list = find_in(path, &input).expect(path).expect("a list");
        assert_eq!(list.as_array().map(Vec::len), Some(found), "{path}");
    }
}
