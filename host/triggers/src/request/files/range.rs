//! Which part of a file is asked for (RFC 9110, section 14). Pure.

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::request) enum Part {
    /// All of it: nothing else is asked for, or something that does not have to be understood, such as several parts.
    All,
    /// A part that is there.
    Some {
        /// Its first byte.
        start: u64,
        /// At least one.
        length: u64,
    },
    /// A part that is not there.
    None,
}

/// Reads a header `range` for a file of a size.
pub(in crate::request) fn parse(text: &str, size: u64) -> Part {
    let Some(range) = text.trim().strip_prefix("bytes=") else { return Part::All };
    let Some((first, last)) = range.split_once('-') else { return Part::All };
    let number = |text: &str| {
        let text = text.trim();
        // Digits only: a sign is not allowed, though a number could be parsed with one.
        if text.bytes().all(|b| b.is_ascii_digit()) { text.parse::<u64>().ok() } else { None }
    };
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            None => Part::All,
            Some(_) if size == 0 => Part::None,
            Some(0) => Part::None,
            Some(count) => Part::Some { start: size.saturating_sub(count), length: count.min(size) },
        },
        (first, last) => {
            let Some(start) = number(first) else { return Part::All };
            let end = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match end {
                Some(end) if end < start => Part::All,
                Some(_) if start >= size => Part::None,
                Some(end) => Part::Some { start, length: end.min(size - 1) - start + 1 },
                None => Part::All,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_part_lies_within_its_file(text in "(bytes=)?[0-9 ,+-]{0,45}", size: u64) {
            if let Part::Some { start, length } = parse(&text, size) {
                assert!(length > 0 && start.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }

    #[test]
    fn a_range_is_the_part_that_is_there_or_is_not_understood() {
        let part = |start, length| Part::Some { start, length };
        for (text, size, expected) in [
            ("bytes=0-4", 10, part(0, 5)),
            ("bytes=5-", 10, part(5, 5)),
            ("bytes=5-99", 10, part(5, 5)),
            ("bytes=9-9", 10, part(9, 1)),
            ("bytes=-3", 10, part(7, 3)),
            ("bytes=-30", 10, part(0, 10)),
            ("bytes= 1 - 2 ", 10, part(1, 2)),
            ("bytes=10-", 10, Part::None),
            ("bytes=-0", 10, Part::None),
            ("bytes=0-", 0, Part::None),
            ("bytes=-1", 0, Part::None),
            ("bytes=4-2", 10, Part::All),
            ("bytes=0-1,3-4", 10, Part::All),
            ("bytes=x-", 10, Part::All),
            ("bytes=+1-2", 10, Part::All),
            ("bytes=-", 10, Part::All),
            ("bytes=99999999999999999999-", 10, Part::All),
            ("lines=1-2", 10, Part::All),
            ("", 10, Part::All),
        ] {
            assert_eq!(parse(text, size), expected, "{text} of {size}");
        }
    }
}
