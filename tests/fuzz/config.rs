//! The text of a configuration: a platform, or mistakes that can be shown.

use crate::{fuzz, text};
use flint_config::platform::{Function, HostLimits};
use flint_config::{Colour, Components, DescribeError, HttpVersion, Secrets, Shape, Source, load};
use flint_model::FunctionName;
use std::collections::BTreeMap;
use std::path::PathBuf;

const PIECES: &[&str] = &[
    "[function.a]\n",
    "[function.",
    "[[route]]\n",
    "[listener]\n",
    "[limits]\n",
    "[outbound]\n",
    "[kv.s]\n",
    "]",
    "\n",
    "\r\n",
    " = ",
    "\"",
    "'''",
    "\"\"\"",
    "{ ",
    " }",
    "[",
    ",",
    "source",
    "memory",
    "path",
    "secrets",
    "grants",
    "outbound",
    "outbound-internal",
    "method",
    "isolation",
    "uses",
    "warm",
    "timeout",
    "\".\"",
    "\"/{a}/{*b}\"",
    "\"${SECRET}\"",
    "\"${\"",
    "\"$${x}\"",
    "\"\\u0024{X}\"",
    "1",
    "-1",
    "0x1f",
    "1.5",
    "true",
    "1979-05-27",
    "\"64MiB\"",
    "\"30s\"",
    "é",
    "\u{202e}",
    "\u{0}",
    "#",
    ".",
    "\"*.a:1\"",
    "\"10.0.0.0/8\"",
    "env",
    "file",
    "host",
    "function",
    "\u{1b}[31m",
    "界",
    "ca",
    "\"a\"",
];

/// What a variable holds, and no message may show.
const SECRET: &str = "hunter2-is-a-secret";

/// Every component is one that answers HTTP.
struct Plain;

impl Components for Plain {
    fn prepare(&self, _: &BTreeMap<&FunctionName, &Function>, _: &HostLimits) {}

    fn describe(&self, _: &FunctionName, _: &Function) -> Result<Shape, DescribeError> {
        Ok(Shape { http: Some(HttpVersion::V03), ..Shape::default() })
    }
}

#[test]
fn a_text_is_a_platform_or_a_list_of_mistakes_without_secrets() {
    let environment = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    fuzz!("config", |input| {
        let source = Source { path: PathBuf::from("platform.toml"), text: text(input, PIECES) };
        if let Err(mistakes) = load(&source, &environment, &Plain, Secrets::Read) {
            let shown = mistakes.render(Colour::Always) + &mistakes.to_json().to_string();
            assert!(!shown.contains(SECRET) || source.text.contains(SECRET), "{shown}");
        }
    });
}
