//! The words and signs of an expression.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a function.
    Word,
    /// Such as `#name`.
    Name,
    /// Such as `:value`.
    Value,
    /// Digits.
    Index,
    /// An operator or a bracket.
    Sign,
    /// Nothing follows.
    End,
}

/// A token, and where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

/// Signs, those of two letters first.
const SIGNS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];

/// All tokens of a text, the last being [`Kind::End`].
///
/// # Errors
/// A letter that starts none.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut start = 0;
    loop {
        let rest = &text[start..];
        start += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let (kind, length) = first(&text[start..]).ok_or_else(|| unknown(text, start))?;
        tokens.push(Token { kind, text: &text[start..start + length], start });
        if kind == Kind::End {
            return Ok(tokens);
        }
        start += length;
    }
}

/// What a text starts with, and how long that is.
fn first(text: &str) -> Option<(Kind, usize)> {
    let run = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    match text.as_bytes().first() {
        None => Some((Kind::End, 0)),
        Some(b'#') => Some((Kind::Name, 1 + run(&text[1..]))).filter(|(_, length)| *length > 1),
        Some(b':') => Some((Kind::Value, 1 + run(&text[1..]))).filter(|(_, length)| *length > 1),
        Some(byte) if byte.is_ascii_alphabetic() => Some((Kind::Word, run(text))),
        Some(byte) if byte.is_ascii_digit() => Some((Kind::Index, text.bytes().take_while(u8::is_ascii_digit).count())),
        Some(_) => SIGNS.iter().find(|sign| text.starts_with(**sign)).map(|sign| (Kind::Sign, sign.len())),
    }
}

fn unknown(text: &str, start: usize) -> String {
    let letter = text[start..].chars().next().unwrap_or_default();
    syntax_error(&letter.to_string(), text, start)
}

/// What DynamoDB says of a token that can't stand where it does: with the text around it.
pub(super) fn syntax_error(token: &str, text: &str, start: usize) -> String {
    let from = text[..start].trim_end().rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let behind = &text[start + token.len()..];
    let word = behind.len() - behind.trim_start().len();
    let word = word + behind[word..].find(char::is_whitespace).unwrap_or(behind.len() - word);
    let token = if token.is_empty() { "<EOF>" } else { token };
    format!("Syntax error; token: \"{token}\", near: \"{}\"", &text[from..text.len() - behind.len() + word])
}
