//! JSONPath, as the fields of states use it (RFC 9535, with what Amazon States Language adds).
//!
//! A path starts with `$` (the input), `$$` (the context object) or `$name` (a variable). The crate `serde_json_path`
//! does the query; what definitions made for Step Functions use beyond RFC 9535 is translated before: names with
//! hyphens and other characters after a dot, the operators `in`, `nin` and `=~` of filters, and the functions
//! `length()`, `min()`, `max()`, `avg()`, `sum()`, `first()`, `last()`, `keys()` at the end. *Absent:* script
//! expressions, and the other operators of Jayway's filters, such as `subsetof` and `size`.

pub(crate) mod dialect;
mod filter;
mod tail;
mod work;

use crate::scene::{Scene, Trouble};
use serde_json::Value;
use serde_json_path::JsonPath;
use tail::Tail;
use work::WORK_MAX;

/// The longest path, in bytes.
const LENGTH_MAX: usize = 4_096;
/// How deep brackets and parentheses are within one another at most, those in quotes too.
const DEPTH_MAX: usize = 12;

/// What a path starts at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(String),
}

/// A path that was parsed.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    root: Root,
    /// `None`: the root itself.
    query: Option<JsonPath>,
    /// `None`: it means one place at most.
    many: Option<work::Query>,
    tail: Option<Tail>,
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_size(text)?;
        let (root, rest) = root(text)?;
        let (rest, tail) = tail::split(rest);
        if rest.is_empty() {
            return Ok(Self { text: text.to_owned(), root, query: None, many: None, tail });
        }
        let standard = dialect::translate(rest);
        let query = JsonPath::parse(&standard).map_err(|error| format!("`{text}` is not a JSONPath: {error}"))?;
        let many = (!dialect::is_definite(rest)).then(|| work::Query::read(&standard));
        Ok(Self { text: text.to_owned(), root, query: Some(query), many, tail })
    }

    /// The path `$`.
    #[must_use]
    pub fn whole() -> Self {
        Self { text: "$".to_owned(), root: Root::Input, query: None, many: None, tail: None }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it starts at.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it means one place at most, so that its value is not a list.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        self.many.is_none()
    }

    /// Whether it is made of names and indices only, without a function at its end ("Reference Paths").
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.is_definite() && self.tail.is_none()
    }

    /// The value at a path: of one that means many places, the list of what is there. `None`: there is nothing.
    ///
    /// # Errors
    /// `States.Runtime` if it takes too much work, or too much is found.
    pub fn find(&self, scene: &Scene) -> Result<Option<Value>, Trouble> {
        let root = match &self.root {
            Root::Input => scene.input,
            Root::Context => scene.context,
            Root::Variable(name) => match scene.variables.get(name) {
                Some(variable) => variable,
                None => return Ok(None),
            },
        };
        let found = match (&self.query, &self.many) {
            (None, _) => root.clone(),
            (Some(query), None) => match query.query(root).first() {
                Some(found) => found.clone(),
                None => return Ok(None),
            },
            (Some(query), Some(many)) => {
                let work = many.work(root);
                if work > WORK_MAX || !scene.clock.has_room_for_path(work) {
                    return Err(self.too_much("takes too much work"));
                }
                let found = query.query(root).all();
                if work::is_too_large(&found) {
                    return Err(self.too_much("finds too much"));
                }
                Value::Array(found.into_iter().cloned().collect())
            }
        };
        Ok(match self.tail {
            Some(tail) => tail.apply(&found),
            None => Some(found),
        })
    }

    fn too_much(&self, what: &str) -> Trouble {
        Trouble::runtime(format!("The JSONPath '{}' {what} in a document that is so large or so deep.", self.text))
    }

    /// The value at the path.
    ///
    /// # Errors
    /// `States.Runtime` where there is nothing, in AWS's words.
    pub fn get(&self, scene: &Scene) -> Result<Value, Trouble> {
        self.find(scene)?.ok_or_else(|| Trouble::runtime(self.missing(scene)))
    }

    /// That nothing is there: which property is missing on the way, or that there is no result at the end of it.
    fn missing(&self, scene: &Scene) -> String {
        let steps: Vec<_> =
            self.text.trim_start_matches('$').split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
        let shown = |steps: &[&str]| -> String {
            steps.iter().map(|step| format!("['{}']", step.trim_matches(['\'', '"']))).collect()
        };
        let mut at = Some(scene.input).filter(|_| self.root == Root::Input);
        for (index, step) in steps.iter().enumerate().take(steps.len().saturating_sub(1)) {
            let Some(value) = at else { break };
            at = value.get(step.trim_matches(['\'', '"']));
            if at.is_none() {
                return format!("Invalid path '{}' : Missing property in path ${}", self.text, shown(&steps[..=index]));
            }
        }
        format!("Invalid path '{}' : No results for path: ${}", self.text, shown(&steps))
    }
}

/// Refuses what would take the parser long, or more stack than there is: it goes back at each bracket within a bracket,
/// and once more for each of them.
fn check_size(text: &str) -> Result<(), String> {
    if text.len() > LENGTH_MAX {
        return Err(format!("a path has {LENGTH_MAX} bytes at most, and this one has {}", text.len()));
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for letter in text.chars() {
        match letter {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    match deepest {
        0..=DEPTH_MAX => Ok(()),
        _ => Err(format!("`{text}` has brackets within brackets {deepest} deep, and {DEPTH_MAX} are read at most")),
    }
}

/// What a path starts at, and the rest of it.
fn root(text: &str) -> Result<(Root, &str), String> {
    let rest = text.strip_prefix('$').ok_or_else(|| format!("`{text}` is not a path: a path starts with `$`"))?;
    if let Some(rest) = rest.strip_prefix('$') {
        return Ok((Root::Context, rest));
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    match name {
        "" => Ok((Root::Input, rest)),
        name if is_variable(name) => Ok((Root::Variable(name.to_owned()), rest)),
        name => Err(format!("`{text}` is not a path: `{name}` is not the name of a variable")),
    }
}

/// Whether a name is one that a variable may have: a Unicode identifier of 80 characters at most, which does not start
/// with `_` ("State Machine Variables").
pub(crate) fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(char::is_alphabetic)
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
        && name.chars().count() <= 80
}

#[cfg(test)]
mod tests;
