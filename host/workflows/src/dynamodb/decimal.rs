//! Numbers as DynamoDB has them: exact, with up to 38 significant decimal digits.
//!
//! "Numbers can have up to 38 digits of precision; … positive range 1E-130 to 9.99…E+125; … leading and trailing zeroes are
//! trimmed" ("Data types" of DynamoDB's developer guide). 38 digits fit a `u128`, so no number is ever rounded: a sum that
//! would need more digits is refused, as there.

use std::cmp::Ordering;
use std::fmt;

/// How many significant digits a number has at most.
const DIGITS_MAX: usize = 38;

/// The power of ten of the first digit, at most and at least.
const MAGNITUDE_MAX: i64 = 125;
const MAGNITUDE_MIN: i64 = -130;

/// A number: plus or minus `digits` times ten to the power of `exponent`. The last digit is not zero, and zero itself is
/// positive and has no exponent, so that equal numbers have equal fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: u128,
    exponent: i32,
}

impl Decimal {
    const ZERO: Self = Self { is_negative: false, digits: 0, exponent: 0 };

    /// Reads such as `-12.5e3`, `.5` and `+007`.
    ///
    /// # Errors
    /// A sentence of DynamoDB's: it is no number, too large, too small, or has too many digits.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts =
            Parts::of(text).ok_or_else(|| format!("The parameter cannot be converted to a numeric value: {text}"))?;
        Self::of_digits(parts.is_negative, &format!("{}{}", parts.whole, parts.fraction), parts.exponent())
    }

    /// The number with these digits, of which the last counts ten to the power of `exponent`.
    fn of_digits(is_negative: bool, digits: &str, exponent: i64) -> Result<Self, String> {
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        let exponent = exponent.saturating_add(length(digits) - length(significant));
        let magnitude = exponent.saturating_add(length(significant) - 1);
        if magnitude > MAGNITUDE_MAX {
            return Err(out_of_range("overflow", "larger"));
        }
        if magnitude < MAGNITUDE_MIN {
            return Err(out_of_range("underflow", "smaller"));
        }
        let exponent = i32::try_from(exponent).ok();
        match (significant.parse().ok().filter(|_| significant.len() <= DIGITS_MAX), exponent) {
            (Some(digits), Some(exponent)) => Ok(Self { is_negative, digits, exponent }),
            _ => Err(imprecise()),
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// It is too large, or has too many digits.
    pub(super) fn plus(self, other: Self) -> Result<Self, String> {
        if self.digits == 0 || other.digits == 0 {
            return Ok(if self.digits == 0 { other } else { self });
        }
        let exponent = self.exponent.min(other.exponent);
        // Whatever overflows here is larger than 3.4e38, and its last digit is not zero: the sum has 39 digits or more.
        let (left, right) = (self.at(exponent).ok_or_else(imprecise)?, other.at(exponent).ok_or_else(imprecise)?);
        let (is_negative, digits) = if self.is_negative == other.is_negative {
            (self.is_negative, left.checked_add(right).ok_or_else(imprecise)?)
        } else if left >= right {
            (self.is_negative, left - right)
        } else {
            (other.is_negative, right - left)
        };
        Self::of_digits(is_negative, &digits.to_string(), i64::from(exponent))
    }

    /// The difference.
    ///
    /// # Errors
    /// As [`Self::plus`].
    pub(super) fn minus(self, other: Self) -> Result<Self, String> {
        self.plus(Self { is_negative: !other.is_negative && other.digits != 0, ..other })
    }

    /// The digits when the last of them is to count ten to the power of `exponent`, which is not larger than its own.
    fn at(self, exponent: i32) -> Option<u128> {
        let shift = u32::try_from(self.exponent - exponent).ok()?;
        10_u128.checked_pow(shift)?.checked_mul(self.digits)
    }

    /// How many digits it is written with: DynamoDB counts two a byte.
    pub(super) fn digit_count(self) -> usize {
        self.digits.to_string().len()
    }

    /// The sign, then what orders numbers of this sign that are not negative: where the first digit is, and all digits as
    /// if there were 38.
    fn rank(self) -> (i8, i32, u128) {
        let count = self.digits.to_string().len();
        let (length, fill) = (i32::try_from(count).unwrap_or(0), DIGITS_MAX.saturating_sub(count));
        let fill = u32::try_from(fill).unwrap_or(0);
        let sign = if self.digits == 0 { 0 } else { 1 - 2 * i8::from(self.is_negative) };
        (sign, self.exponent + length, self.digits.saturating_mul(10_u128.saturating_pow(fill)))
    }
}

impl From<usize> for Decimal {
    fn from(count: usize) -> Self {
        // A count has 20 digits at most.
        Self::of_digits(false, &count.to_string(), 0).unwrap_or(Self::ZERO)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.rank(), other.rank());
        left.0.cmp(&right.0).then_with(|| {
            let magnitudes = (left.1, left.2).cmp(&(right.1, right.2));
            if self.is_negative { magnitudes.reverse() } else { magnitudes }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All digits, without an exponent, as DynamoDB answers it.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = self.digits.to_string();
        let places = usize::try_from(-self.exponent).unwrap_or(0);
        let zeros = usize::try_from(self.exponent).unwrap_or(0);
        match digits.len().checked_sub(places) {
            _ if places == 0 => write!(formatter, "{sign}{digits}{:0<zeros$}", ""),
            Some(point) if point > 0 => write!(formatter, "{sign}{}.{}", &digits[..point], &digits[point..]),
            _ => write!(formatter, "{sign}0.{digits:0>places$}"),
        }
    }
}

/// The parts of a number's text.
struct Parts<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    power: i64,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (is_negative, rest) = signed(text);
        let (mantissa, power) = rest.split_once(['e', 'E']).map_or((rest, "0"), |(mantissa, power)| (mantissa, power));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = !(whole.is_empty() && fraction.is_empty()) && are_digits(whole) && are_digits(fraction);
        let power = self::power(power).filter(|_| is_number)?;
        Some(Self { is_negative, whole, fraction, power })
    }

    fn exponent(&self) -> i64 {
        self.power.saturating_sub(length(self.fraction))
    }
}

/// The power of ten behind an `e`; of one that no number has, one that no number has either.
fn power(text: &str) -> Option<i64> {
    let (is_negative, digits) = signed(text);
    let power = digits.parse().unwrap_or(i64::MAX);
    (!digits.is_empty() && are_digits(digits)).then_some(if is_negative { -power } else { power })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

fn out_of_range(what: &str, than: &str) -> String {
    format!("Number {what}. Attempting to store a number with magnitude {than} than supported range")
}

fn imprecise() -> String {
    "Attempting to store more than 38 significant digits in a Number".to_owned()
}

#[cfg(test)]
mod tests;
