//! Texts, orders and sums of numbers.

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect(text)
}

/// "Leading and trailing zeroes are trimmed."
#[test]
fn a_number_has_one_text() {
    let cases = [
        ("0", "0"),
        ("-0.00", "0"),
        ("0e1000", "0"),
        ("0001.2300", "1.23"),
        (".123", "0.123"),
        ("5.", "5"),
        ("+3", "3"),
        ("-17.4E+2", "-1740"),
        ("1e3", "1000"),
        ("12e-3", "0.012"),
        ("12e-1", "1.2"),
        ("12e-2", "0.12"),
        ("100", "100"),
        ("3.1415926535897932384626433832795028841", "3.1415926535897932384626433832795028841"),
    ];
    for (text, wanted) in cases {
        assert_eq!(decimal(text).to_string(), wanted, "{text}");
    }
    assert_eq!(decimal("1e125").to_string(), format!("1{}", "0".repeat(125)));
    assert_eq!(decimal("-1e-130").to_string(), format!("-0.{}1", "0".repeat(129)));
}

/// "If your numbers are outside of the range, or have too many digits, an exception is thrown."
#[test]
fn what_is_no_number_is_refused() {
    let cases = [
        (
            "numeric",
            ["", "-", ".", "e5", "dog", "NaN", "Infinity", " 1", "1 ", "1e", "1e+", "1.2.3", "0x1", "١"].as_slice(),
        ),
        ("overflow", &["1e126", "11e125", "-1e126", "1e99999999999999999999"]),
        ("underflow", &["1e-131", "0.9e-130", "1e-99999999999999999999"]),
        ("significant", &["3.14159265358979323846264338327950288419", "314159265358979323846264338327950288419e30"]),
    ];
    for (wanted, texts) in cases {
        for text in texts {
            let message = Decimal::parse(text).expect_err(text);
            assert!(message.contains(wanted), "{text}: {message}");
        }
    }
}

#[test]
fn numbers_are_ordered_by_value() {
    let ascending = [
        "-1e125",
        "-10",
        "-9.5",
        "-9",
        "-1",
        "-0.1",
        "-1e-130",
        "0",
        "1e-130",
        "0.09",
        "0.1",
        "0.11",
        "1",
        "9",
        "10",
        "10.01",
        "99999999999999999999999999999999999998",
        "99999999999999999999999999999999999999",
        "1e38",
        "1e125",
    ];
    for (left, right) in ascending.iter().flat_map(|left| ascending.iter().map(move |right| (left, right))) {
        let wanted =
            ascending.iter().position(|text| text == left).cmp(&ascending.iter().position(|text| text == right));
        assert_eq!(decimal(left).cmp(&decimal(right)), wanted, "{left} {right}");
    }
}

#[test]
fn sums_are_exact_or_refused() {
    let nines = "9".repeat(38);
    let cases = [
        ("1", "10000000000000000000000", Some("10000000000000000000001")),
        ("0.1", "0.2", Some("0.3")),
        ("5", "-5", Some("0")),
        ("5", "-7.5", Some("-2.5")),
        ("-1", "-2", Some("-3")),
        (
            "0",
            "1e-130",
            Some(
                "0.0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
            ),
        ),
        (&nines, "1", Some("100000000000000000000000000000000000000")),
        (&nines, "2", None),
        ("1e50", "1", None),
        ("1e50", "-1", None),
        ("1e125", "1e-130", None),
        ("9e125", "9e125", None),
        // The larger one has 39 digits at this scale, the difference 38.
        ("18e37", "-99999999999999999999999999999999999999", Some("80000000000000000000000000000000000001")),
    ];
    for (left, right, wanted) in cases {
        let (left, right) = (decimal(left), decimal(right));
        for sum in [left.plus(right), right.plus(left)] {
            assert_eq!(sum.ok().map(|sum| sum.to_string()).as_deref(), wanted, "{left} + {right}");
        }
        assert_eq!(left.minus(right).ok().map(|sum| sum.plus(right)), left.minus(right).ok().map(|_| Ok(left)));
    }
    assert_eq!(decimal("1").minus(decimal("0")), Ok(decimal("1")));
    assert_eq!(decimal("0").minus(decimal("2")), Ok(decimal("-2")));
}
