//! The rules as tables, and a property: the tree finds what comparing every route by hand finds.

use super::*;
use proptest::prelude::*;

fn route(text: &str) -> Route<String> {
    let parts: Vec<&str> = text.split(' ').collect();
    let [methods, host, path] = parts[..] else { panic!("write `METHODS HOST PATH`, not {text:?}") };
    let given = |text: &str| (text != "*").then(|| text.to_owned());
    Route {
        host: given(host).map(|host| HostPattern::parse(&host).expect("a host")),
        methods: given(methods).map(|list| list.split(',').map(|m| m.parse().expect("a method")).collect()),
        path: PathPattern::parse(path).expect("a path"),
        target: text.to_owned(),
    }
}

fn router(routes: &[&str]) -> Router<String> {
    Router::new(routes.iter().map(|text| route(text)).collect()).expect("no ambiguity")
}

/// What was found, as text: the target and its parameters, or the error.
fn ask(router: &Router<String>, request: &str) -> String {
    let parts: Vec<&str> = request.split(' ').collect();
    let [method, host, path] = parts[..] else { panic!("write `METHOD HOST PATH`, not {request:?}") };
    match router.find((host != "-").then_some(host), &method.parse().expect("a method"), path) {
        Found::Route(found) => found.params().fold(found.target().clone(), |text, param| match param {
            Ok((name, value)) => {
                let value = str::from_utf8(value.as_bytes()).expect("text");
                format!("{text} | {}={value}", &name.as_str()["flint-param-".len()..])
            }
            Err(NoText) => format!("{text} | 400"),
        }),
        Found::OtherMethods(allow) => format!("405 {}", allow.to_str().expect("text")),
        Found::Nothing => "404".to_owned(),
        Found::BadPath => "400".to_owned(),
    }
}

fn table(routes: &[&str], cases: &[(&str, &str)]) {
    let router = router(routes);
    for (request, expected) in cases {
        assert_eq!(ask(&router, request), *expected, "{request}");
    }
}

#[test]
fn a_host_counts_before_a_path_and_a_path_before_a_method() {
    table(
        &[
            "* api.example.com /{x}",
            "* *.example.com /{x}",
            "* *.eu.example.com /eu",
            "* * /fixed",
            "GET * /{x}",
            "* * /{x}",
            "* * /{*rest}",
        ],
        &[
            ("GET api.example.com /fixed", "* api.example.com /{x} | x=fixed"),
            ("GET API.Example.Com.:8080 /fixed", "* api.example.com /{x} | x=fixed"),
            ("GET www.example.com /fixed", "* *.example.com /{x} | x=fixed"),
            ("GET a.b.example.com /fixed", "* *.example.com /{x} | x=fixed"),
            ("GET a.eu.example.com /eu", "* *.eu.example.com /eu"),
            ("GET a.eu.example.com /other", "* *.example.com /{x} | x=other"),
            ("GET example.com /fixed", "* * /fixed"),
            ("GET example.com /other", "GET * /{x} | x=other"),
            ("POST example.com /other", "* * /{x} | x=other"),
            ("GET api.example.com /a/b", "* * /{*rest} | rest=a/b"),
            ("GET - /fixed", "* * /fixed"),
            ("GET [::1]:80 /fixed", "* * /fixed"),
        ],
    );
}

#[test]
fn literals_come_before_params_before_rests_and_a_dead_end_is_left_again() {
    table(
        &["* * /a/b/c", "* * /a/{x}/d", "* * /{x}/b/{y}", "* * /a/{*rest}", "* * /{x}/{y}/{z}/{w}"],
        &[
            ("GET - /a/b/c", "* * /a/b/c"),
            ("GET - /a/b/d", "* * /a/{x}/d | x=b"),
            ("GET - /a/b/e", "* * /a/{*rest} | rest=b/e"),
            ("GET - /z/b/e", "* * /{x}/b/{y} | x=z | y=e"),
            ("GET - /a/b/c/d", "* * /a/{*rest} | rest=b/c/d"),
            ("GET - /z/b/c/d", "* * /{x}/{y}/{z}/{w} | x=z | y=b | z=c | w=d"),
            ("GET - /z/y", "404"),
        ],
    );
}

#[test]
fn slashes_count_and_a_param_is_never_empty() {
    table(
        &["* * /a", "* * /b/", "* * /p/{x}", "* * /r/{*rest}"],
        &[
            ("GET - /a", "* * /a"),
            ("GET - /a/", "404"),
            ("GET - //a", "404"),
            ("GET - /b", "404"),
            ("GET - /b/", "* * /b/"),
            ("GET - /p/", "404"),
            ("GET - /p//", "404"),
            ("GET - /p/1/", "404"),
            ("GET - /r", "404"),
            ("GET - /r/", "* * /r/{*rest} | rest="),
            ("GET - /r//x/", "* * /r/{*rest} | rest=/x/"),
            ("GET - *", "404"),
        ],
    );
    table(&["* * /{*rest}"], &[("GET - /", "* * /{*rest} | rest="), ("GET - //", "* * /{*rest} | rest=/")]);
}

#[test]
fn segments_are_decoded_after_the_split_and_a_parameter_that_is_no_text_is_refused() {
    table(
        &["* * /caf%C3%A9", "* * /p/{x}", "* * /r/{*rest}"],
        &[
            ("GET - /caf%c3%a9", "* * /caf%C3%A9"),
            ("GET - /c%61f%c3%a9", "* * /caf%C3%A9"),
            ("GET - /p/a%2Fb", "* * /p/{x} | x=a/b"),
            ("GET - /p/a%20b", "* * /p/{x} | x=a b"),
            ("GET - /p/%20b", "* * /p/{x} | x= b"),
            ("GET - /p/b%20", "* * /p/{x} | x=b "),
            ("GET - /p/b%2520", "* * /p/{x} | x=b%20"),
            ("GET - /p/%C3%A9", "* * /p/{x} | x=é"),
            ("GET - /p/a%0D%0Ab", "* * /p/{x} | 400"),
            ("GET - /p/%00", "* * /p/{x} | 400"),
            ("GET - /p/%ff", "* * /p/{x} | 400"),
            ("GET - /p/%25ff", "* * /p/{x} | x=%ff"),
            ("GET - /p/a+b", "* * /p/{x} | x=a+b"),
            ("GET - /r/a%2Fb/c", "* * /r/{*rest} | rest=a/b/c"),
        ],
    );
}

#[test]
fn dot_segments_and_broken_escapes_are_refused() {
    let refused = [
        "/../a",
        "/a/..",
        "/a/./b",
        "/.",
        "/%2e%2E/a",
        "/a/.%2e",
        "/%",
        "/a%2",
        "/%zz",
        "/a%2F..%2Fb",
        "/%2E%2F",
        "/a%2f..",
    ];
    let router = router(&["* * /{*rest}"]);
    for path in refused {
        assert_eq!(ask(&router, &format!("GET - {path}")), "400", "{path}");
    }
    for path in ["/...", "/.a", "/a..", "/a%2e.b"] {
        assert!(ask(&router, &format!("GET - {path}")).starts_with("* * /{*rest}"), "{path}");
    }
}

#[test]
fn methods_fall_back_to_what_fits_and_else_say_what_would() {
    table(
        &[
            "GET * /a",
            "POST,PUT * /a",
            "HEAD * /h",
            "GET * /h",
            "DELETE * /{x}",
            "GET * /any",
            "* * /any",
            "PUT h.org /a",
        ],
        &[
            ("HEAD - /a", "GET * /a"),
            ("HEAD - /h", "HEAD * /h"),
            ("HEAD - /any", "GET * /any"),
            ("POST - /any", "* * /any"),
            ("OPTIONS - /any", "* * /any"),
            ("DELETE - /a", "DELETE * /{x} | x=a"),
            ("PATCH - /a", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT"),
            ("OPTIONS - /a", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT"),
            ("PATCH - /z", "405 DELETE, OPTIONS"),
            ("HEAD - /z", "405 DELETE, OPTIONS"),
            ("PATCH h.org /a", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT"),
            ("get - /a", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ],
    );
}

#[test]
fn two_routes_for_the_same_requests_are_refused() {
    for (routes, first, second) in [
        (&["* * /a", "GET * /a", "* * /a"][..], 0, 2),
        (&["GET,PUT * /{x}", "POST * /{y}", "PUT * /{z}"], 0, 2),
        (&["* a.org /{*x}", "* A.org /{*y}"], 0, 1),
        (&["* * /%61", "* * /a"], 0, 1),
    ] {
        let built = Router::new(routes.iter().map(|text| route(text)).collect());
        assert_eq!(built.err(), Some(Ambiguous { first, second }), "{routes:?}");
    }
    router(&["GET * /a", "POST * /a", "* * /a", "GET a.org /a", "GET *.a.org /a", "GET * /a/"]);
}

#[test]
fn what_is_no_pattern_is_told_why() {
    use PatternError as E;
    for (path, why) in [
        ("", E::NoSlash),
        ("a", E::NoSlash),
        ("/a//b", E::EmptySegment),
        ("//", E::EmptySegment),
        ("/a/../b", E::DotSegment),
        ("/%2e", E::DotSegment),
        ("/a{b}", E::Braces("a{b}".into())),
        ("/{}", E::Braces("{}".into())),
        ("/{*}", E::Braces("{*}".into())),
        ("/{a}{b}", E::Braces("{a}{b}".into())),
        ("/{a b}", E::Name("a b".into())),
        ("/{a}/{A}", E::DuplicateName("A".into())),
        ("/{*a}/b", E::AfterRest("a".into())),
        ("/a?b", E::Character("a?b".into())),
        ("/a%2", E::Character("a%2".into())),
        ("/é", E::Character("é".into())),
    ] {
        assert_eq!(PathPattern::parse(path).err(), Some(why), "{path}");
    }
    for host in ["", "*", "*.", "a..b", "a:80", "*.*.a", "a b", "[zz]", "http://a"] {
        assert_eq!(HostPattern::parse(host).err(), Some(E::Host(host.into())), "{host}");
    }
    assert_eq!(HostPattern::parse("*.Example.COM"), Ok(HostPattern::Below(".example.com".into())));
    assert!(HostPattern::parse("[::1]").is_ok());
    let long = format!("/{}", "a".repeat(PATTERN_LENGTH_MAX));
    assert_eq!(PathPattern::parse(&long).err(), Some(E::TooLong(PATTERN_LENGTH_MAX + 1)));
}

/// A route's rank for a request, from text alone: the bigger one wins. Shares nothing with the tree.
fn rank(text: &str, host: &str, method: &str, path: &str) -> Option<(usize, Vec<u8>, u8)> {
    let parts: Vec<&str> = text.split(' ').collect();
    let host_rank = match parts[1] {
        "*" => 0,
        below if below.starts_with("*.") => {
            (host.len() >= below.len() && host.ends_with(&below[1..])).then_some(below.len())?
        }
        exact => (exact == host).then_some(usize::MAX)?,
    };
    let method_rank = match parts[0] {
        "*" => 0,
        list if list.split(',').any(|m| m == method) => 2,
        list => (method == "HEAD" && list.split(',').any(|m| m == "GET")).then_some(1)?,
    };
    let (mut ranks, mut segments) = (Vec::new(), path[1..].split('/'));
    for pattern in parts[2][1..].split('/') {
        if pattern.starts_with("{*") {
            segments.next()?;
            ranks.push(1);
            return Some((host_rank, ranks, method_rank));
        }
        let segment = segments.next()?;
        ranks.push(match pattern.starts_with('{') {
            true => (!segment.is_empty()).then_some(2)?,
            false => (pattern == segment).then_some(3)?,
        });
    }
    segments.next().is_none().then_some((host_rank, ranks, method_rank))
}

proptest! {
    #[test]
    fn the_tree_finds_what_comparing_every_route_finds(
        texts in proptest::collection::vec(
            r"(\*|GET|POST|GET,POST|HEAD) (\*|a\.b|\*\.b|\*\.a\.b) (/[ab]|/\{x\}){1,3}(/|/\{\*r\})?", 1..12),
        requests in proptest::collection::vec(("GET|POST|HEAD|PUT", r"a\.b|b|c\.b|c\.a\.b", "(/[abc]?){1,4}"), 1..20),
    ) {
        let mut kept: Vec<String> = Vec::new();
        for text in texts {
            // Parameters of one name are refused, so each gets its own.
            let mut named = text.clone();
            for name in ["{p0}", "{p1}", "{p2}"] {
                named = named.replacen("{x}", name, 1);
            }
            kept.push(named);
            if Router::new(kept.iter().map(|text| route(text)).collect()).is_err() {
                kept.pop();
            }
        }
        let router = Router::new(kept.iter().map(|text| route(text)).collect()).expect("checked");
        for (method, host, path) in requests {
            let best = kept.iter().filter_map(|text| rank(text, &host, &method, &path).map(|rank| (rank, text))).max();
            let found = ask(&router, &format!("{method} {host} {path}"));
            match best {
                Some((_, text)) => prop_assert_eq!(found.split(" | ").next(), Some(text.as_str())),
                None => prop_assert!(found.starts_with("40"), "{found}"),
            }
        }
    }

    #[test]
    fn no_path_and_no_host_makes_the_router_panic(path in r"\PC*|(/|%|\.|2e|\PC)*", host in r"\PC*|[a:.\[\]0-9]*") {
        let router = router(&["GET a.org /{x}/b", "* *.org /{*rest}", "POST * /a/{x}", "* * /a/{*rest}"]);
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            if let Found::Route(found) = router.find(Some(&host), &method, &path) {
                prop_assert_eq!(found.params().count(), 1);
            }
        }
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in r"\PC*|/(\{|\}|\*|/|a|%|\.)*") {
        let _ = PathPattern::parse(&text);
        let _ = HostPattern::parse(&text);
    }
}
