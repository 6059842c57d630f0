//! Cases of paths and of routes that overlap.

use super::*;
use proptest::prelude::*;

fn route(host: &str, methods: &[&str], path: &str) -> Route {
    Route {
        host: (!host.is_empty()).then(|| HostPattern::parse(host).expect(host)),
        methods: match methods {
            [] => Methods::Any,
            names => Methods::Only(names.iter().map(|name| name.parse().expect(name)).collect()),
        },
        path: PathPattern::parse(path).expect(path),
        target: Target::Function(FunctionName::parse("f").expect("a name")),
        compress: false,
        cors: None,
        rate: None,
        idempotency: None,
    }
}

#[test]
fn paths_have_literals_parameters_and_a_rest() {
    let path = PathPattern::parse("/a%2Fb/{id}/{*rest}").expect("a path");
    let literal = Segment::Literal(b"a/b".to_vec());
    assert_eq!(path.segments(), [literal, Segment::Param("id".to_owned()), Segment::Rest("rest".to_owned())]);
    for (text, error) in [
        ("", PathError::NoSlash),
        ("a", PathError::NoSlash),
        ("/a//b", PathError::EmptySegment),
        ("/a/%2e./b", PathError::DotSegment),
        ("/a{b}", PathError::Braces("a{b}".to_owned())),
        ("/{a}{b}", PathError::Braces("{a}{b}".to_owned())),
        ("/{}", PathError::Name(String::new())),
        ("/{a b}", PathError::Name("a b".to_owned())),
        ("/{a}/{A}", PathError::DuplicateName("A".to_owned())),
        ("/{*a}/b", PathError::AfterRest("a".to_owned())),
        ("/a?b", PathError::Character("a?b".to_owned())),
        ("/é", PathError::Character("é".to_owned())),
        ("/%4", PathError::Character("%4".to_owned())),
        ("/%é", PathError::Character("%é".to_owned())),
    ] {
        assert_eq!(PathPattern::parse(text), Err(error), "{text}");
    }
    assert_eq!(PathPattern::parse(&"/a".repeat(1000)), Err(PathError::TooLong));
}

#[test]
fn more_specific_routes_come_first() {
    let sorted = [
        route("api.example.com", &[], "/{*rest}"),
        route("*.web.example.com", &[], "/a"),
        route("*.example.com", &["GET"], "/a"),
        route("", &["GET"], "/a"),
        route("", &[], "/a"),
        route("", &["GET"], "/a/b"),
        route("", &[], "/a/{x}"),
        route("", &["GET"], "/a/{*x}"),
        route("", &[], "/{x}/b"),
        route("", &[], "/{x}/{y}"),
        route("", &["GET"], "/{*x}"),
        route("", &[], "/{*x}"),
    ];
    for (i, one) in sorted.iter().enumerate() {
        for other in &sorted[i + 1..] {
            assert!(one.precedence() < other.precedence(), "{one:?} before {other:?}");
            assert!(!one.is_ambiguous_with(other), "{one:?} and {other:?}");
        }
    }
}

#[test]
fn routes_are_ambiguous_if_no_rule_decides() {
    let base = route("api.example.com", &["GET", "POST"], "/a/{x}");
    for (other, ambiguous) in [
        (route("API.example.com", &["POST", "PUT"], "/a/{y}"), true),
        (route("api.example.com", &["GET"], "/%61/{y}"), true),
        (route("api.example.com", &["PUT"], "/a/{x}"), false),
        (route("api.example.com", &[], "/a/{x}"), false),
        (route("", &["GET"], "/a/{x}"), false),
        (route("*.example.com", &["GET"], "/a/{x}"), false),
        (route("api.example.com", &["GET"], "/a/{*x}"), false),
        (route("api.example.com", &["GET"], "/a/{x}/"), false),
    ] {
        assert_eq!(base.is_ambiguous_with(&other), ambiguous, "{other:?}");
        assert_eq!(other.is_ambiguous_with(&base), ambiguous, "{other:?}");
    }
    assert!(route("", &[], "/{*a}").is_ambiguous_with(&route("", &[], "/{*b}")));
}

proptest! {
    #[test]
    fn ambiguity_is_symmetric_and_implies_no_difference_but_of_methods(one in "/(a|\\{b\\}|%61)(/(c|\\{\\*d\\}|))?", other in "/(a|\\{b\\}|%61)(/(c|\\{\\*d\\}|))?") {
        let (one, other) = (route("", &[], &one), route("", &[], &other));
        prop_assert_eq!(one.is_ambiguous_with(&other), other.is_ambiguous_with(&one));
        prop_assert_eq!(one.is_ambiguous_with(&other), one.precedence() == other.precedence());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|/[{}*a%/.]{0,20}") {
        if let Ok(path) = PathPattern::parse(&text) {
            prop_assert_eq!(path.as_str(), text);
        }
    }
}
