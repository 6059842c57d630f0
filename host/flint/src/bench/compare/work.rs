//! What functions are asked to do, in containers and in flint alike: the events, and what their answers have to be.

use super::picture;
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// What all that say hello answer, at least.
pub(super) const GREETING: &str = "Hello, world!";

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
    Hello,
    /// JSON in and out, with a read and a write of a key-value store between.
    Deposit,
    /// A large JPEG to a small one.
    Thumbnail,
    /// An answer from a table that takes about 100 ms to compute, before the first event.
    SlowStart,
}

/// A work, with what is sent.
pub(super) struct Task {
    pub(super) work: Work,
    /// As a Lambda is given it.
    pub(super) event: Bytes,
    /// As the body of a request of HTTP, with what it is; without, it is asked for with `GET`.
    pub(super) body: Bytes,
    pub(super) body_type: Option<&'static str>,
}

impl Work {
    /// Those that every language has a handler for.
    pub(super) const ALL: [Self; 3] = [Self::Hello, Self::Deposit, Self::Thumbnail];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Deposit => "JSON with key-value",
            Self::Thumbnail => "thumbnail",
            Self::SlowStart => "100 ms of init",
        }
    }

    /// The module of a Lambda that does it.
    pub(super) fn module(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Deposit => "deposit",
            Self::Thumbnail => "thumbnail",
            Self::SlowStart => "slow_start",
        }
    }
}

impl Task {
    /// # Errors
    /// If a picture can't be made, which is a defect.
    pub(super) fn new(work: Work) -> Result<Self, Error> {
        let (event, body, body_type) = match work {
            Work::Hello => (json!({"name": "world"}).to_string(), Bytes::new(), None),
            Work::Deposit => {
                let deposit = json!({"user": "ada", "amount": 5}).to_string();
                (deposit.clone(), deposit.into(), Some("application/json"))
            }
            Work::Thumbnail => {
                let photo = picture::photo()?;
                let event = json!({"isBase64Encoded": true, "body": STANDARD.encode(&photo)});
                (event.to_string(), photo, Some("image/jpeg"))
            }
            Work::SlowStart => ("{}".to_owned(), Bytes::new(), None),
        };
        Ok(Self { work, event: event.into(), body, body_type })
    }

    /// Whether what a function of flint answered is what it was asked for.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn expect(&self, answer: &[u8]) -> Result<(), Error> {
        let is_right = match self.work {
            Work::Hello => String::from_utf8_lossy(answer).contains(GREETING),
            Work::Deposit => is_account(answer),
            Work::Thumbnail => picture::is_thumbnail(answer),
            Work::SlowStart => is_first(answer),
        };
        if is_right { Ok(()) } else { Err(self.odd(answer)) }
    }

    /// The same for what a Lambda answered: what is not text is in an object, as Base64.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn expect_of_lambda(&self, answer: &[u8]) -> Result<(), Error> {
        if self.work != Work::Thumbnail {
            return self.expect(answer);
        }
        let answered = serde_json::from_slice::<Value>(answer).unwrap_or_default();
        let body = answered["body"].as_str().and_then(|body| STANDARD.decode(body).ok());
        self.expect(&body.ok_or_else(|| self.odd(answer))?)
    }

    fn odd(&self, answer: &[u8]) -> Error {
        let text: String = String::from_utf8_lossy(answer).chars().take(SHOWN).collect();
        Error::Bug(format!("an odd answer to {}: {text}", self.work.label()))
    }
}

/// Letters of an answer that an error shows.
const SHOWN: usize = 500;

/// Whether something is there of whoever was added to.
fn is_account(answer: &[u8]) -> bool {
    let account = serde_json::from_slice::<Value>(answer).unwrap_or_default();
    account["user"] == "ada" && account["total"].as_i64().is_some_and(|total| total > 0 && total % 5 == 0)
}

/// Whether it is the first of the table.
fn is_first(answer: &[u8]) -> bool {
    serde_json::from_slice::<Value>(answer).is_ok_and(|found| found["place"] == 0 && found["number"].is_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_another_question_is_none() {
        let answers: [(Work, &[u8]); 3] = [
            (Work::Hello, b"Hello, world!\n"),
            (Work::Deposit, br#"{"user":"ada","total":15}"#),
            (Work::SlowStart, br#"{"place": 0, "number": 13255, "steps": 275}"#),
        ];
        for (work, right) in answers {
            let task = Task::new(work).expect("a task");
            task.expect(right).expect("the right answer");
            task.expect_of_lambda(right).expect("the right answer of a Lambda");
            for (_, wrong) in answers.iter().filter(|(other, _)| *other != work) {
                task.expect(wrong).expect_err("the answer to something else");
            }
            task.expect(br#"{"user":"ada","total":0}"#).expect_err("nothing was added");
        }
    }

    #[test]
    fn a_thumbnail_is_small_and_comes_from_a_lambda_as_text() {
        let task = Task::new(Work::Thumbnail).expect("a task");
        let small = picture::of_size(200, 150).expect("a picture");
        let told = json!({"statusCode": 200, "isBase64Encoded": true, "body": STANDARD.encode(&small)}).to_string();
        task.expect(&small).expect("a thumbnail");
        task.expect_of_lambda(told.as_bytes()).expect("a thumbnail of a Lambda");
        task.expect_of_lambda(&small).expect_err("no text");
        task.expect(&task.body).expect_err("as large as it was");
    }
}
