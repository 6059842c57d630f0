//! Whatever the text is: an answer, and one that can be shown.

use super::Fixture;
use crate::Colour;
use proptest::prelude::*;

/// Pieces that a configuration is made of, to get further than arbitrary characters do.
const PIECES: &[&str] = &[
    "[function.a]",
    "[function.",
    "[[route]]",
    "[listener]",
    "[limits]",
    "[kv.s]",
    "[kv]",
    "]",
    "\n",
    "\r\n",
    " = ",
    "\"",
    "'''",
    "\"\"\"",
    "{",
    "}",
    "[",
    ",",
    "source",
    "memory",
    "path",
    "secrets",
    "grants",
    "outbound",
    "[outbound]",
    "outbound-internal",
    "\"10.0.0.0/8\"",
    "method",
    "isolation",
    "uses",
    "warm",
    "\"crate\"",
    "\"/{a}/{*b}\"",
    "\"${API_KEY}\"",
    "\"${\"",
    "\"$${x}\"",
    "\"\\u0024{X}\"",
    "1",
    "-1",
    "0x1f",
    "1.5",
    "true",
    "inf",
    "1979-05-27",
    "\"64MiB\"",
    "\"30s\"",
    "é",
    "\u{202e}",
    "\u{0}",
    "\t",
    "#",
    ".",
    "\"*.a:1\"",
    "env",
    "file",
    "\u{1b}[31m",
    "界",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn loading_arbitrary_text_never_panics(text in any::<String>()) {
        show(&text);
    }

    #[test]
    fn loading_arbitrary_pieces_never_panics(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        show(&pieces.concat());
    }
}

fn show(text: &str) {
    if let Err(found) = Fixture::new().load(text) {
        assert!(found.len() > 0);
        found.render(Colour::Always);
        assert!(!found.render(Colour::Never).contains('\u{1b}'), "a terminal would obey {text:?}");
        for diagnostic in &found {
            let position = found.position(diagnostic);
            assert!(position.line > 0 && position.column > 0);
        }
        found.to_json();
    }
}
