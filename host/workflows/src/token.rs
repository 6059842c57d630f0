//! Task tokens: what a callback names its task with.

use crate::chance;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A token that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The execution's id.
    pub execution: String,
    /// The task's number in it.
    pub task: u64,
    /// What can't be guessed by who does not know the execution's seed.
    pub secret: u64,
}

impl Token {
    /// The token of a task: the same whenever it is made, so that nobody has to keep it.
    #[must_use]
    pub fn of(execution: &str, seed: u64, task: u64) -> Self {
        let secret = chance::seed_at(seed, &format!("token {task}"));
        Self { execution: execution.to_owned(), task, secret }
    }

    /// The token as text: letters, digits, `-` and `_`.
    #[must_use]
    pub fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{:x}.{:x}.{}", self.task, self.secret, self.execution))
    }

    /// Reads a token; nothing of what is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.splitn(3, '.');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (task, secret) = (number()?, number()?);
        Some(Self { execution: parts.next()?.to_owned(), task, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token { execution: "order:a.b".to_owned(), task: 7, secret: u64::MAX };
        assert_eq!(Token::read(&token.write()), Some(token));
        assert_ne!(Token::of("e", 1, 7), Token::of("e", 2, 7));
        assert_eq!(Token::read("no token"), None);
        assert_eq!(Token::read(""), None);
    }
}
