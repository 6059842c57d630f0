//! Moments as text: RFC 3339 as the Amazon States Language restricts it ("Timestamps": a capital `T`, and a capital `Z` or a
//! numeric offset), and milliseconds since 1970.

use jiff::Timestamp;

/// The longest fraction of a second that counts, in digits; further ones are cut off.
const FRACTION_MAX: usize = 9;

/// Reads a moment as milliseconds since 1970; one before is 0, which is just as past.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let ms = instant(text)?.as_nanosecond().div_euclid(1_000_000);
    Some(u64::try_from(ms).unwrap_or(0))
}

/// Writes a moment, such as `2026-01-02T03:04:05.678Z`; one after the year 9999 as its last millisecond.
#[must_use]
pub fn format(ms: u64) -> String {
    let moment = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX);
    format!("{moment:.3}")
}

/// The exact moment that a text means.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let (whole, fraction, offset) = split(text)?;
    let fraction = &fraction[..fraction.len().min(FRACTION_MAX)];
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction}{offset}").parse().ok()
}

/// The date with its time, the digits of the fraction, and the offset, if a text has the shape of a moment.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (whole, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let rest_of_fraction = rest.strip_prefix('.').unwrap_or(rest);
    let end = rest_of_fraction.find(|letter: char| !letter.is_ascii_digit())?;
    let (fraction, offset) = rest_of_fraction.split_at(end);
    let is_fraction = rest.starts_with('.') != fraction.is_empty();
    let is_offset = offset == "Z" || has_shape(offset, "+00:00") || has_shape(offset, "-00:00");
    (has_shape(whole, "0000-00-00T00:00:00") && is_fraction && is_offset).then_some((whole, fraction, offset))
}

/// Whether a text has a digit where a shape has `0`, and the shape's other letters where they are.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(is, wanted): (u8, u8)| if wanted == b'0' { is.is_ascii_digit() } else { is == wanted };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[cfg(test)]
mod tests;
