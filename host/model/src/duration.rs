//! Durations as people write them: `30s`, `250ms`, `1h 30m`.

use std::time::Duration;

/// Says that a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number with a unit, such as `30s`, `250ms` or `5m`")]
pub struct DurationError;

/// Reads a duration.
///
/// # Errors
/// [`DurationError`] if the text has no unit, or another that is not known.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    humantime::parse_duration(text).map_err(|_| DurationError)
}

/// Writes a duration so that [`parse`] reads the same one.
pub fn display(duration: Duration) -> impl std::fmt::Display {
    humantime::format_duration(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them_and_written_alike() {
        for (text, millis) in [("30s", 30_000), ("250ms", 250), ("1h 30m", 5_400_000)] {
            let duration = parse(text).expect(text);
            assert_eq!(duration, Duration::from_millis(millis));
            assert_eq!(display(duration).to_string(), text);
        }
        for bad in ["", "30", "s", "-1s", "1 fortnight"] {
            assert_eq!(parse(bad), Err(DurationError), "{bad}");
        }
    }
}
