//! Values with expressions in them.

use super::*;
use crate::clock::Clock;
use crate::scene::Variables;
use serde_json::json;

fn evaluate(template: &Value, language: Language) -> Result<Value, Trouble> {
    let mut mistakes = Vec::new();
    let template = Template::parse(template, language, &Place::default(), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let (input, context) = (json!({"a": 1, "list": [1, 2]}), json!({"Execution": {"Name": "e"}}));
    let variables = Variables::new([("v".to_owned(), json!({"x": true}))].into());
    let scene = Scene {
        input: &input,
        result: None,
        error: None,
        context: &context,
        variables: &variables,
        seed: 1,
        now: 0,
        clock: &Clock::default(),
    };
    template.evaluate(&scene, "Parameters")
}

#[test]
fn fields_with_a_dollar_are_computed_and_lose_it() {
    let template = json!({"a.$": "$.a", "b": {"c.$": "$$.Execution.Name", "d": "$.a"}, "e": [{"f.$": "$v.x"}], "g.$": "States.Array($.a)"});
    let expected = json!({"a": 1, "b": {"c": "e", "d": "$.a"}, "e": [{"f": true}], "g": [1]});
    assert_eq!(evaluate(&template, Language::JsonPath), Ok(expected));
}

#[test]
fn texts_between_braces_are_computed_in_jsonata_and_others_are_not() {
    let template = json!({"a": "{% $states.input.a + 1 %}", "b": [" {% 1 %} ", "{% $v.x %}"], "c.$": "$.a"});
    let expected = json!({"a": 2, "b": [" {% 1 %} ", true], "c.$": "$.a"});
    assert_eq!(evaluate(&template, Language::Jsonata), Ok(expected));
}

#[test]
fn two_calls_that_are_alike_have_random_values_of_their_own() {
    let values =
        evaluate(&json!({"a.$": "States.UUID()", "b.$": "States.UUID()"}), Language::JsonPath).expect("values");
    assert_ne!(values["a"], values["b"]);
}

#[test]
fn a_path_that_finds_nothing_is_told_with_its_field_and_the_input() {
    let trouble = evaluate(&json!({"x": {"value.$": "$.none"}}), Language::JsonPath).expect_err("nothing is there");
    let cause = "The JSONPath '$.none' specified for the field 'value.$' could not be found in the input '{\"a\":1,\"list\":[1,2]}'";
    assert_eq!((trouble.error, trouble.cause.as_str()), ("States.Runtime", cause));
}

#[test]
fn each_wrong_expression_is_noted_with_its_place() {
    let mut mistakes = Vec::new();
    let template = json!({"a.$": "no path", "b": {"c.$": 5}, "d.$": "$.a[?"});
    Template::parse(&template, Language::JsonPath, &Place::default(), &mut mistakes);
    let places: Vec<_> = mistakes.iter().map(|(place, _)| place.to_string()).collect();
    assert_eq!(places, ["/a.$", "/b/c.$", "/d.$"]);
}

#[test]
fn expressions_that_make_too_much_together_or_take_too_long_end_soon() {
    let many = |count: usize, value: &str| (0..count).map(|at| (format!("a{at}.$"), json!(value))).collect::<Value>();
    let input = json!({"large": "x".repeat(250_000), "list": vec![json!({"a": 1}); 20_000]});
    let evaluate = |template: &Value, language: Language| {
        let template = Template::parse(template, language, &Place::default(), &mut Vec::new());
        let (context, variables) = (json!({}), Variables::default());
        let scene = Scene {
            input: &input,
            result: None,
            error: None,
            context: &context,
            variables: &variables,
            seed: 1,
            now: 0,
            clock: &Clock::default(),
        };
        template.evaluate(&scene, "Parameters").expect_err("it is refused")
    };
    let trouble = evaluate(&json!({ "all": many(50_000, "$.large") }), Language::JsonPath);
    assert_eq!(trouble.error, "States.DataLimitExceeded");
    assert!(trouble.cause.contains("'Parameters'"), "{}", trouble.cause);
}
