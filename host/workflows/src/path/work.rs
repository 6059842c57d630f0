//! How much work a path can be, which is known before it is done: whoever queries can't be stopped on the way.
//!
//! Each `..` looks at all that is below, and names a place once for each one that it lies in; each selector in brackets names it
//! once more; a filter asks its own queries of each child. So `$..*..*..*` of something deep, or `$[*,*][*,*]…`, would take more
//! time and memory than there is. What is counted here is more than what is done, and far less than what such a path would do.

use crate::size;
use serde_json::Value;

/// The most work of one query: about a place that is looked at, or a bit of text that is compared. It takes less than a second.
pub(super) const WORK_MAX: f64 = 10e6;
/// The most bytes that are found by a path which names many places.
pub(super) const FOUND_MAX: usize = 16 << 20;
/// How many bytes are compared in the time in which one place is looked at.
const BYTES: usize = 64;
/// What it costs to make a regular expression, which is done again for each value; and one that counts, which can be a large one.
const PATTERN: f64 = 1_000.0;
const PATTERN_THAT_COUNTS: f64 = 100_000.0;

/// A query, as far as it matters for how much work it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    segments: Vec<Segment>,
    /// Of one within a filter: whether it asks the whole document, rather than the child.
    is_absolute: bool,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    is_below: bool,
    /// Selectors that find one child at most.
    single: f64,
    /// Selectors that may find all children.
    many: f64,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, Default)]
struct Filter {
    queries: Vec<Query>,
    /// What its regular expressions cost, each time.
    patterns: f64,
}

/// What a query is asked of.
#[derive(Clone, Copy)]
struct Document {
    /// Its places, and its text in units of what is compared as fast.
    size: f64,
    depth: f64,
    /// The most children of one place.
    widest: f64,
}

impl Query {
    /// Reads a query that is known to be one of RFC 9535, from its `$`.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader { rest: text };
        reader.skip(1);
        reader.query(true)
    }

    /// The work of the query, at most.
    pub(super) fn work(&self, value: &Value) -> f64 {
        self.of(1.0, 1.0, Document::of(value))
    }

    /// The work of asking it of so many places, none of which is there more often than so.
    fn of(&self, mut places: f64, mut times: f64, document: Document) -> f64 {
        let Document { size, depth, widest } = document;
        let mut work = places;
        for segment in &self.segments {
            if segment.is_below {
                let visited = (places * size).min(times * size * depth);
                times = (times * depth).min(places);
                places = visited;
                work += visited;
            }
            let children = (places * widest).min(times * size);
            for filter in &segment.filters {
                work += children * (1.0 + filter.patterns);
                for query in &filter.queries {
                    work += match query.is_absolute {
                        true => children * query.of(1.0, 1.0, document),
                        false => query.of(children, times, document),
                    };
                }
            }
            times *= segment.single + segment.many;
            places = (segment.single * places + segment.many * children).min(times * size);
            work += places;
        }
        work
    }
}

impl Document {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(found) => Self { size: 1.0 + text(found), ..Self::LEAF },
            Value::Array(items) => Self::around(items.len(), items.iter().map(Self::of)),
            Value::Object(fields) => {
                let of = |(name, value): (&String, &Value)| {
                    let inner = Self::of(value);
                    Self { size: inner.size + text(name), ..inner }
                };
                Self::around(fields.len(), fields.iter().map(of))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::LEAF,
        }
    }

    const LEAF: Self = Self { size: 1.0, depth: 1.0, widest: 0.0 };

    #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
    fn around(count: usize, children: impl Iterator<Item = Self>) -> Self {
        let empty = Self { widest: count as f64, ..Self::LEAF };
        children.fold(empty, |all, child| Self {
            size: all.size + child.size,
            depth: all.depth.max(child.depth + 1.0),
            widest: all.widest.max(child.widest),
        })
    }
}

/// A text as so many places, which are looked at as fast as it is compared.
#[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
fn text(text: &str) -> f64 {
    (text.len() / BYTES) as f64
}

/// Whether what was found is more than may be.
pub(super) fn is_too_large(found: &[&Value]) -> bool {
    let mut bytes = 0_usize;
    found.iter().any(|value| {
        bytes = bytes.saturating_add(size::of(value));
        bytes > FOUND_MAX
    })
}

/// Reads what is known to be right, so it need not find mistakes.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.skip(letter.len_utf8());
        Some(letter)
    }

    fn takes(&mut self, prefix: &str) -> bool {
        let takes = self.rest.starts_with(prefix);
        if takes {
            self.skip(prefix.len());
        }
        takes
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// A name without quotes.
    fn name(&mut self) -> &str {
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii();
        let end = self.rest.find(|letter| !is_of_name(letter)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    /// What is left of a text in quotes, whose first quote was read.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(letter) = self.next() {
            match letter {
                '\\' => text.extend(self.next()),
                letter if letter == quote => break,
                letter => text.push(letter),
            }
        }
        text
    }

    /// Segments, after the root.
    fn query(&mut self, is_absolute: bool) -> Query {
        let mut segments = Vec::new();
        loop {
            let before = self.rest;
            self.blanks();
            let is_below = self.takes("..");
            let mut segment = Segment { is_below, ..Segment::default() };
            let is_dotted = !is_below && self.takes(".");
            if self.takes("[") {
                self.selectors(&mut segment);
            } else if !is_below && !is_dotted {
                self.rest = before;
                return Query { segments, is_absolute };
            } else if self.takes("*") {
                segment.many = 1.0;
            } else {
                self.name();
                segment.single = 1.0;
            }
            segments.push(segment);
        }
    }

    /// Selectors, up to the bracket that closes them.
    fn selectors(&mut self, segment: &mut Segment) {
        let mut is_slice = false;
        loop {
            match self.next() {
                None => return,
                Some('?') => {
                    let filter = self.filter();
                    segment.filters.push(filter);
                    is_slice = true;
                }
                Some('*' | ':') => is_slice = true,
                Some(quote @ ('\'' | '"')) => _ = self.quoted(quote),
                Some(end @ (',' | ']')) => {
                    match std::mem::take(&mut is_slice) {
                        true => segment.many += 1.0,
                        false => segment.single += 1.0,
                    }
                    if end == ']' {
                        return;
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// A filter, up to what ends it.
    fn filter(&mut self) -> Filter {
        let (mut filter, mut depth) = (Filter::default(), 0_usize);
        loop {
            match self.rest.chars().next() {
                None => return filter,
                Some(',' | ']') if depth == 0 => return filter,
                Some(root @ ('@' | '$')) => {
                    self.skip(1);
                    filter.queries.push(self.query(root == '$'));
                }
                Some(quote @ ('\'' | '"')) => {
                    self.skip(1);
                    self.quoted(quote);
                }
                Some(letter) if letter.is_ascii_lowercase() => {
                    let is_pattern = matches!(self.name(), "match" | "search");
                    if is_pattern {
                        filter.patterns += self.pattern();
                    }
                }
                Some(letter) => {
                    match letter {
                        '(' => depth += 1,
                        ')' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    self.skip(letter.len_utf8());
                }
            }
        }
    }

    /// What the regular expression costs that the second argument of a call is; the call is read by who goes on.
    fn pattern(&self) -> f64 {
        let mut call = Reader { rest: self.rest };
        let (mut depth, mut last) = (0_usize, None);
        while let Some(letter) = call.next() {
            match letter {
                '(' | '[' => depth += 1,
                ')' | ']' if depth <= 1 => break,
                ')' | ']' => depth -= 1,
                ',' if depth == 1 => last = None,
                '\'' | '"' if depth == 1 => last = Some(call.quoted(letter)),
                '\'' | '"' => _ = call.quoted(letter),
                _ => {}
            }
        }
        match last {
            Some(pattern) if !pattern.contains('{') => PATTERN,
            // What it is comes from the document, or is known to count.
            _ => PATTERN_THAT_COUNTS,
        }
    }
}
