//! Diagnostics as people read them, and as programs do.

use super::{Diagnostic, Diagnostics, Related};
use crate::source::{Position, Span, slice};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};
use serde_json::{Value, json};

/// Whether to colour what people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With the escape sequences of terminals.
    Always,
    /// Plain text.
    Never,
}

impl Diagnostics {
    /// Writes the mistakes for people, one after the other, and how many they are.
    pub fn render(&self, colour: Colour) -> String {
        let renderer = match colour {
            Colour::Always => Renderer::styled(),
            Colour::Never => Renderer::plain(),
        };
        let path = normalize_untrusted_str(&self.path.to_string_lossy());
        let mut out = String::new();
        for item in &self.items {
            out.push_str(&renderer.render(&[self.group(item, &path)]));
            out.push_str("\n\n");
        }
        let plural = if self.items.len() == 1 { "" } else { "s" };
        out + &format!("{path}: {} mistake{plural}", self.items.len())
    }

    fn group<'d>(&'d self, item: &'d Diagnostic, path: &str) -> Group<'d> {
        let mut snippet = Snippet::source(self.text.as_str())
            .path(path.to_owned())
            .annotation(AnnotationKind::Primary.span(self.visible(&item.at)).label(clean(&item.label)));
        for Related { at, label } in &item.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(self.visible(at)).label(clean(label)));
        }
        let title = Level::ERROR.primary_title(clean(&item.message)).id(item.code.as_str());
        let group = title.element(snippet);
        match &item.help {
            Some(help) => group.element(Level::HELP.message(help.lines().map(clean).collect::<Vec<_>>().join("\n"))),
            None => group,
        }
    }

    /// A span of whole characters inside of the text.
    fn visible(&self, span: &Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        start..self.text.floor_char_boundary(span.end).max(start)
    }

    /// Writes the mistakes for programs: `{"file", "diagnostics": [{"code", "message", "file", "line", "column", "text",
    /// "label", "help", "related": [{"line", "column", "text", "label"}]}]}`.
    pub fn to_json(&self) -> Value {
        let file = self.path.to_string_lossy();
        let diagnostics: Vec<_> = self.items.iter().map(|item| self.item_to_json(item, &file)).collect();
        json!({ "file": file, "diagnostics": diagnostics })
    }

    fn item_to_json(&self, item: &Diagnostic, file: &str) -> Value {
        let Position { line, column } = self.position(item);
        let related: Vec<_> = item.related.iter().map(|related| self.related_to_json(related)).collect();
        json!({
            "code": item.code.as_str(),
            "message": item.message,
            "file": file,
            "line": line,
            "column": column,
            "text": self.offending(item),
            "label": item.label,
            "help": item.help,
            "related": related,
        })
    }

    fn related_to_json(&self, related: &Related) -> Value {
        let Position { line, column } = Position::of(&self.text, related.at.start);
        json!({ "line": line, "column": column, "text": slice(&self.text, &related.at), "label": related.label })
    }
}

/// One line without anything that a terminal would obey: what a configuration or a compiler wrote is not ours.
fn clean(text: &str) -> String {
    normalize_untrusted_str(text)
}
