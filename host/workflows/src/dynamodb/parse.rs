//! What all expressions have in common: the text, from left to right, and the paths in it.

use super::attribute::Attribute;
use super::fault::invalid;
use super::path::{ELEMENTS_MAX, Element, Path};
use super::selection::Selection;
use super::terms::Terms;
use super::token::{Kind, Token, syntax_error, tokens};
use crate::failure::Failure;
use std::sync::Arc;

/// The bytes of an expression ("Expression string length" of DynamoDB's limits: 4 KB).
const LENGTH_MAX: usize = 4_096;

/// The operators and functions of an expression ("Operator or function count").
const OPERATORS_MAX: usize = 300;

/// How deep parentheses, `NOT` and functions may be nested. DynamoDB tells no limit; this one keeps the stack small.
const DEPTH_MAX: usize = 64;

/// The words of all grammars. DynamoDB has hundreds more that are reserved, which mean nothing here.
const KEYWORDS: [&str; 9] = ["and", "or", "not", "between", "in", "set", "remove", "add", "delete"];

/// A sentence that says what is wrong with an expression.
pub(super) type Parsed<T> = Result<T, String>;

/// Parses a text that is one expression and nothing else; `field` is the parameter that it is of.
///
/// # Errors
/// What is wrong with it, as DynamoDB says it.
pub(super) fn whole<T>(
    field: &str,
    text: &str,
    terms: &mut Terms,
    read: impl FnOnce(&mut Parser) -> Parsed<T>,
) -> Result<T, Failure> {
    let parsed = Parser::new(text, terms).and_then(|mut parser| {
        let expression = read(&mut parser)?;
        parser.end()?;
        Ok(expression)
    });
    parsed.map_err(|message| invalid(format!("Invalid {field}: {message}")))
}

/// Reads a `ProjectionExpression`: paths with commas between.
pub(super) fn projection(parser: &mut Parser) -> Parsed<Selection> {
    let mut paths = vec![parser.path()?];
    while parser.takes(",") {
        paths.push(parser.path()?);
    }
    Selection::of(&paths)
}

/// A text, how far it is read, and what its names mean.
pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    terms: &'t mut Terms,
    depth: usize,
    operators: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, terms: &'t mut Terms) -> Parsed<Self> {
        if text.len() > LENGTH_MAX {
            return Err(format!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            ));
        }
        let tokens = tokens(text)?;
        if tokens.len() == 1 {
            return Err("The expression can not be empty;".to_owned());
        }
        Ok(Self { text, tokens, at: 0, terms, depth: 0, operators: 0 })
    }

    /// The token that comes next, or the one behind it.
    fn peek(&self, ahead: usize) -> Token<'t> {
        let end = Token { kind: Kind::End, text: "", start: self.text.len() };
        self.tokens.get(self.at + ahead).copied().unwrap_or(end)
    }

    /// The word that comes next, if one does.
    pub(super) fn word(&self) -> Option<&'t str> {
        Some(self.peek(0)).filter(|token| token.kind == Kind::Word).map(|token| token.text)
    }

    /// Whether this sign comes next. If it does, it is read.
    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let token = self.peek(0);
        let is_next = token.kind == Kind::Sign && token.text == sign;
        self.at += usize::from(is_next);
        is_next
    }

    /// Whether this keyword comes next, in whatever case. If it does, it is read.
    pub(super) fn takes_word(&mut self, keyword: &str) -> bool {
        let is_next = self.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads a sign that has to come.
    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn end(&self) -> Parsed<()> {
        if self.peek(0).kind == Kind::End { Ok(()) } else { Err(self.unexpected()) }
    }

    /// What comes next can't.
    pub(super) fn unexpected(&self) -> String {
        let token = self.peek(0);
        syntax_error(token.text, self.text, token.start)
    }

    /// Counts an operator or a function.
    pub(super) fn operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(format!("The expression contains too many operators and functions: at most {OPERATORS_MAX}"));
        }
        Ok(())
    }

    /// Reads something that is nested one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(format!("The expression is nested more than {DEPTH_MAX} levels deep"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads the name of a function and its opening parenthesis, if they come next.
    pub(super) fn function(&mut self) -> Parsed<Option<&'t str>> {
        let Some(name) = self.word().filter(|_| self.peek(1).text == "(") else { return Ok(None) };
        if KEYWORDS.iter().any(|keyword| name.eq_ignore_ascii_case(keyword)) {
            return Ok(None);
        }
        self.at += 2;
        self.operator()?;
        Ok(Some(name))
    }

    /// Reads the operands of a function, behind its opening parenthesis, and the closing one.
    pub(super) fn operands<T>(
        &mut self,
        name: &str,
        counts: std::ops::RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut operands = vec![self.deeper(&mut read)?];
        while self.takes(",") {
            operands.push(self.deeper(&mut read)?);
        }
        self.expect(")")?;
        if !counts.contains(&operands.len()) {
            return Err(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, \
                 number of operands: {}",
                operands.len()
            ));
        }
        Ok(operands)
    }

    /// Reads `:value`, if one comes next.
    pub(super) fn value(&mut self) -> Parsed<Option<Arc<Attribute>>> {
        let token = self.peek(0);
        if token.kind != Kind::Value {
            return Ok(None);
        }
        self.at += 1;
        self.terms.value(token.text).map(Some)
    }

    /// Reads a document path.
    pub(super) fn path(&mut self) -> Parsed<Path> {
        let mut path = Path { head: self.name()?, tail: Vec::new() };
        loop {
            if self.takes(".") {
                path.tail.push(Element::Name(self.name()?));
            } else if self.takes("[") {
                path.tail.push(Element::Index(self.index()?));
                self.expect("]")?;
            } else {
                return Ok(path);
            }
            if path.tail.len() == ELEMENTS_MAX {
                return Err(format!("The document path has too many nesting elements; at most {ELEMENTS_MAX}"));
            }
        }
    }

    fn name(&mut self) -> Parsed<Arc<str>> {
        let token = self.peek(0);
        let name = match token.kind {
            Kind::Name => self.terms.name(token.text)?,
            Kind::Word if KEYWORDS.iter().any(|keyword| token.text.eq_ignore_ascii_case(keyword)) => {
                return Err(format!("Attribute name is a reserved keyword; reserved keyword: {}", token.text));
            }
            Kind::Word => Arc::from(token.text),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    fn index(&mut self) -> Parsed<usize> {
        let token = self.peek(0);
        if token.kind != Kind::Index {
            return Err(self.unexpected());
        }
        self.at += 1;
        let index = token.text.parse::<u32>().ok().and_then(|index| usize::try_from(index).ok());
        index.ok_or_else(|| format!("List index is not within the allowable range; index: [{}]", token.text))
    }
}

/// What DynamoDB says of an operand of a type that an operator or a function can't take.
pub(super) fn wrong_type(what: &str, name: &str, tag: &str) -> String {
    format!("Incorrect operand type for operator or function; {what}: {name}, operand type: {tag}")
}

/// What DynamoDB says of a function that it has, but not here.
pub(super) fn misplaced(name: &str) -> String {
    format!("The function is not allowed to be used this way in an expression; function: {name}")
}
