//! What all sections are read with: the text, the environment, and the mistakes found so far.

use crate::diagnostic::{Code, Diagnostic};
use crate::environment::Environment;
use crate::interpolate::{self, Mistake, MistakeKind};
use crate::source::{Span, slice};
use crate::suggest;
use toml::Spanned;
use toml::de::DeValue;

/// The longest piece of the file that a message quotes, in characters.
const QUOTE_MAX: usize = 60;

pub(crate) struct Reader<'a> {
    text: &'a str,
    environment: &'a dyn Environment,
    found: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, environment: &'a dyn Environment) -> Self {
        Self { text, environment, found: Vec::new() }
    }

    /// Notes a mistake.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// The mistakes found.
    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// The environment that the configuration may refer to.
    pub(crate) fn environment(&self) -> &'a dyn Environment {
        self.environment
    }

    /// A piece of the file for a message: as written, so that what came from the environment is not shown.
    pub(crate) fn quote(&self, span: &Span) -> String {
        let bare = self.written(span);
        let mut quoted: String = bare.chars().take(QUOTE_MAX).collect();
        if quoted.len() < bare.len() {
            quoted.push('…');
        }
        let replaced = if bare.contains("${") { " (its variables replaced)" } else { "" };
        format!("`{}`{replaced}", quoted.replace(['\n', '\r'], " "))
    }

    /// A piece of the file as written, without quotes.
    pub(crate) fn written(&self, span: &Span) -> &'a str {
        slice(self.text, span).trim_matches(['"', '\''])
    }

    /// Reads a text and replaces its variables. `key` is for the message: what the text is for.
    pub(crate) fn text(&mut self, value: &Spanned<DeValue<'_>>, key: &str, example: &str) -> Option<String> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, key, "a text", format!("write it in quotes: {example}"));
            return None;
        };
        match interpolate::interpolate(text, self.environment) {
            Ok(text) => Some(text.into_owned()),
            Err(mistakes) => {
                for mistake in mistakes {
                    let at = interpolate::locate(self.text, &value.span(), &mistake);
                    self.report(bad_reference(at, &mistake));
                }
                None
            }
        }
    }

    /// Reports that a value has another type than its key wants.
    pub(crate) fn wrong_type(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        wanted: &str,
        help: impl Into<Option<String>>,
    ) {
        let message = format!("`{key}` wants {wanted}, not {}", type_of(value.get_ref()));
        self.report(Diagnostic::new(Code::WrongType, value.span(), message, format!("not {wanted}")).help(help));
    }

    /// Reports a key that nobody knows.
    pub(crate) fn unknown_key(&mut self, key: &str, at: Span, section: &str, known: &[&str]) {
        let place = if section.is_empty() { "at the top".to_owned() } else { format!("in `{section}`") };
        let message = format!("there is no key `{key}` {place}");
        let help = suggest::help(key, known.iter().copied());
        self.report(Diagnostic::new(Code::UnknownKey, at, message, "unknown key").help(help));
    }
}

fn bad_reference(at: Span, mistake: &Mistake) -> Diagnostic {
    match &mistake.kind {
        MistakeKind::Missing(name) => {
            let message = format!("the environment variable `{name}` is not set");
            let help = format!("set it before flint starts, or give a default: ${{{name}:-default}}");
            Diagnostic::new(Code::NoSuchVariable, at, message, "not set").help(help)
        }
        MistakeKind::Unclosed => Diagnostic::new(Code::BadReference, at, "a `${` has no `}`", "is not closed")
            .help("write `$${` if you mean the characters themselves".to_owned()),
        MistakeKind::Name => {
            let message = format!("`{}` names no environment variable", mistake.reference);
            Diagnostic::new(Code::BadReference, at, message, "not a name")
                .help("a name has letters, digits and underscores; write `$${` if you mean the characters".to_owned())
        }
    }
}

/// Names the type of a value, with an article.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
