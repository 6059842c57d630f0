//! What the head of an answer may be, whichever handler gave it.

use crate::failure::Failure;
use flint_model::ByteSize;
use http::HeaderMap;

/// How large heads may be.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// All names and values together, as HTTP/1.1 writes them.
    pub size: ByteSize,
    /// How many headers there are.
    pub count: usize,
}

impl Default for HeadLimits {
    /// The limits of the configuration's reference.
    fn default() -> Self {
        Self { size: ByteSize::kib(64), count: 100 }
    }
}

/// The colon, the space behind it and the end of the line.
const AROUND: usize = ": \r\n".len();

impl HeadLimits {
    /// # Errors
    /// [`Failure::NoAnswer`], if an answer has more.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        if headers.len() > self.count {
            return Err(Failure::NoAnswer(format!("it has more than {} headers", self.count)));
        }
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum();
        if size > self.size.as_usize() {
            return Err(Failure::NoAnswer(format!("its headers are larger than {}", self.size)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn a_head_is_limited_in_number_and_in_size() {
        let limits = HeadLimits { size: ByteSize::bytes(40), count: 3 };
        let head = |lengths: &[usize]| {
            let header = |(n, length): (usize, &usize)| {
                let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
                (name, HeaderValue::try_from("v".repeat(*length)).expect("a value"))
            };
            lengths.iter().enumerate().map(header).collect::<HeaderMap>()
        };
        assert_eq!(limits.check(&head(&[])), Ok(()));
        assert_eq!(limits.check(&head(&[10, 9, 0])), Ok(()));
        assert!(limits.check(&head(&[10, 10, 0])).is_err(), "41 bytes");
        assert!(limits.check(&head(&[0, 0, 0, 0])).is_err(), "4 headers");
    }
}
