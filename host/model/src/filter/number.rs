//! Numbers in attributes and policies.
//!
//! They are decimals of up to 28 digits and not floating point, which takes 9007199254740993 for its neighbour 9007199254740992, and
//! a bound of `0.3` for what is a little less. Nothing is rounded: what does not fit is no number, and passes no numeric condition.
//!
//! A number of a policy went through JSON, which has integers of 64 bits and, for the rest, doubles. The shortest decimal that
//! stands for a double is the one that was written, up to 15 digits. With more it may be another, so they are refused.

use super::error::Fault;
use rust_decimal::Decimal;
use serde_json::Number;

/// The digits that survive in a double, whatever they are (`f64::DIGITS`).
const DIGITS_MAX: u32 = f64::DIGITS;

/// Reads the text of an attribute: digits with a sign, a point and an exponent, if need be.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    // The library takes `1_000` too, which is Rust and no number elsewhere.
    let written = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.bytes().all(written) {
        return None;
    }
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let number = Decimal::from_str_exact(digits).ok()?;
    if digits.len() == text.len() { Some(number) } else { Decimal::from_scientific(text).ok() }
}

/// Reads a number of a policy.
pub(super) fn of_policy(number: &Number) -> Result<Decimal, Fault> {
    let decimal = parse(&number.to_string()).ok_or(Fault::Number)?;
    let is_double = !(number.is_i64() || number.is_u64());
    if is_double && digits(decimal) > DIGITS_MAX { Err(Fault::Number) } else { Ok(decimal) }
}

/// How many digits there are between the zeros in front and those behind.
fn digits(number: Decimal) -> u32 {
    let mut digits = number.mantissa().unsigned_abs();
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    digits.checked_ilog10().map_or(0, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (text, same) in [
            ("0.1", "0.10"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.5E-7", "0.00000015"),
            ("12e+2", "1200"),
            ("9007199254740993", "9007199254740993.0"),
            ("0.3000000000000000000000000001", "0.3000000000000000000000000001"),
        ] {
            assert!(parse(text).is_some(), "{text}");
            assert_eq!(parse(text), parse(same), "{text}");
        }
        assert_ne!(parse("9007199254740993"), parse("9007199254740992"), "which are one double");
        for bad in
            ["", "-", "e", "1e", "e1", "1 ", "1_000", "0x1", "NaN", "inf", "1.2.3", "1e99", "1e-99", &"9".repeat(40)]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_a_number_panic(text in "[-+0-9.eE]{0,40}|.*") {
            let _whatever = parse(&text);
        }

        #[test]
        fn decimals_compare_as_the_integers_that_they_are_a_part_of(a in -100_000_i64..100_000, b in -100_000_i64..100_000) {
            let thousandth = |n: i64| format!("{n}e-3");
            proptest::prop_assert_eq!(parse(&thousandth(a)).cmp(&parse(&thousandth(b))), a.cmp(&b));
        }
    }
}
