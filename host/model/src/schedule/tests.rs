//! Expressions, and the ticks that they make.

mod clock_change;

use super::*;
use proptest::prelude::*;

pub(super) fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp::from_millis(moment.as_millisecond().try_into().expect("after 1970"))
}

pub(super) fn text(moment: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(moment.as_millis().try_into().expect("a moment"));
    moment.expect("a moment").to_string()
}

pub(super) fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, zone).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The first ticks after a moment, as texts.
fn ticks(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let first = schedule.next(at(after));
    std::iter::successors(first, |tick| schedule.next(*tick)).take(count).map(text).collect()
}

#[test]
fn an_expression_ticks_when_it_says() {
    // A Wednesday.
    let after = "2026-07-01T12:00:00Z";
    for (expression, expected) in [
        ("* * * * *", ["2026-07-01T12:01:00Z", "2026-07-01T12:02:00Z"]),
        ("30 3 * * *", ["2026-07-02T03:30:00Z", "2026-07-03T03:30:00Z"]),
        (" */20  9-17 * * mon-FRI ", ["2026-07-01T12:20:00Z", "2026-07-01T12:40:00Z"]),
        ("0 0 * * 6,0", ["2026-07-04T00:00:00Z", "2026-07-05T00:00:00Z"]),
        ("0 0 * * 7", ["2026-07-05T00:00:00Z", "2026-07-12T00:00:00Z"]),
        ("0 12 ? JAN,dec ?", ["2026-12-01T12:00:00Z", "2026-12-02T12:00:00Z"]),
        ("0 0 L * *", ["2026-07-31T00:00:00Z", "2026-08-31T00:00:00Z"]),
        ("0 0 15W 8 *", ["2026-08-14T00:00:00Z", "2027-08-16T00:00:00Z"]),
        ("0 0 * * FRI#2", ["2026-07-10T00:00:00Z", "2026-08-14T00:00:00Z"]),
        ("0 0 * * 5L", ["2026-07-31T00:00:00Z", "2026-08-28T00:00:00Z"]),
        ("0 0 * * 5#L", ["2026-07-31T00:00:00Z", "2026-08-28T00:00:00Z"]),
        ("0 0 13 * FRI", ["2026-07-03T00:00:00Z", "2026-07-10T00:00:00Z"]),
        ("0 0 13 * +FRI", ["2026-11-13T00:00:00Z", "2027-08-13T00:00:00Z"]),
        ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("*/15 * * * * *", ["2026-07-01T12:00:15Z", "2026-07-01T12:00:30Z"]),
        ("5 0 0 1 1 *", ["2027-01-01T00:00:05Z", "2028-01-01T00:00:05Z"]),
        ("@hourly", ["2026-07-01T13:00:00Z", "2026-07-01T14:00:00Z"]),
        ("@Daily", ["2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z"]),
        ("@weekly", ["2026-07-05T00:00:00Z", "2026-07-12T00:00:00Z"]),
        ("@monthly", ["2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z"]),
        ("@annually", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("cron(0 12 * * ? *)", ["2026-07-02T12:00:00Z", "2026-07-03T12:00:00Z"]),
        ("cron(0/25 12 ? * 5 2026)", ["2026-07-02T12:00:00Z", "2026-07-02T12:25:00Z"]),
        ("cron(0 0 ? * MON-FRI *)", ["2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z"]),
        ("every 30s", ["2026-07-01T12:00:30Z", "2026-07-01T12:01:00Z"]),
        ("every 1s 500ms", ["2026-07-01T12:00:01.5Z", "2026-07-01T12:00:03Z"]),
        ("rate(5 minutes)", ["2026-07-01T12:05:00Z", "2026-07-01T12:10:00Z"]),
        ("rate(1 day)", ["2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z"]),
        // Anchored in 1970, and not at a midnight.
        ("every 7h", ["2026-07-01T17:00:00Z", "2026-07-02T00:00:00Z"]),
    ] {
        let schedule = schedule(expression, ZONE_DEFAULT);
        assert_eq!(ticks(&schedule, after, 2), expected, "{expression}");
        assert_eq!(schedule.to_string(), expression.trim());
    }
}

#[test]
fn a_zone_moves_cron_and_not_a_pace() {
    for (expression, zone, expected) in [
        ("0 9 * * *", "Europe/Berlin", "2026-07-02T07:00:00Z"),
        ("0 9 * * *", "america/new_york", "2026-07-01T13:00:00Z"),
        ("0 9 * * *", "Asia/Kathmandu", "2026-07-02T03:15:00Z"),
        ("every 1d", "Asia/Kathmandu", "2026-07-02T00:00:00Z"),
    ] {
        assert_eq!(ticks(&schedule(expression, zone), "2026-07-01T12:00:00Z", 1), [expected], "{expression} {zone}");
    }
}

#[test]
fn a_schedule_that_can_not_be_is_refused_with_the_field_that_is_wrong() {
    use Field::{Day, Hour, Minute, Month, Second, Weekday, Year};
    for (expression, field, found) in [
        ("60 * * * *", Minute, "60"),
        ("* 24 * * *", Hour, "24"),
        ("61 * * * * *", Second, "61"),
        ("* * 0 * *", Day, "0"),
        ("* * 32 * *", Day, "32"),
        ("* * * 13 *", Month, "13"),
        ("* * * * 8", Weekday, "8"),
        ("* * * * MONDAY", Weekday, "MONDAY"),
        ("* * * MON *", Month, "MON"),
        ("* JAN * * *", Hour, "JAN"),
        ("? * * * *", Minute, "?"),
        ("*/0 * * * *", Minute, "*/0"),
        ("0/10 * * * *", Minute, "0/10"),
        ("30-10 * * * *", Minute, "30-10"),
        ("1,,2 * * * *", Minute, "1,,2"),
        ("* * ſ * *", Day, "ſ"),
        ("* * * * \u{17f}UN", Weekday, "\u{17f}UN"),
        ("a b c d e", Minute, "a"),
        ("*/90 * * * *", Minute, "*/90"),
        ("0 */24 * * *", Hour, "*/24"),
        ("* * * * L", Weekday, "L"),
        ("* * * * +", Weekday, "+"),
        ("* * * * FRI-MON", Weekday, "FRI-MON"),
        ("cron(0 12 * * 8 *)", Weekday, "8"),
        ("cron(0 12 * * ? x)", Year, "x"),
    ] {
        let expected = Error::Field { field, found: found.to_owned() };
        assert_eq!(Schedule::parse(expression, ZONE_DEFAULT).err(), Some(expected), "{expression}");
    }
}

#[test]
fn a_schedule_that_is_none_is_refused_with_what_it_could_be() {
    for (expression, zone, expected) in [
        (
            "",
            "UTC",
            "a cron expression has 5 fields, or 6 with seconds in front, and there are 0 fields; a pace is written as `every 30s` or `rate(5 minutes)`",
        ),
        (
            "5 minutes",
            "UTC",
            "a cron expression has 5 fields, or 6 with seconds in front, and there are 2 fields; a pace is written as `every 30s` or `rate(5 minutes)`",
        ),
        (
            "cron(* * * * *)",
            "UTC",
            "cron() has 6 fields: minute, hour, day, month, day of the week and year, and there are 5 fields; a pace is written as `every 30s` or `rate(5 minutes)`",
        ),
        (
            "@reboot",
            "UTC",
            "there is no `@reboot`; there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually",
        ),
        ("every 999ms", "UTC", "a pace is one second or more, in whole milliseconds"),
        ("every 1s 1us", "UTC", "a pace is one second or more, in whole milliseconds"),
        ("rate(5)", "UTC", "a duration is a number with a unit, such as `30s`, `250ms` or `5m`"),
        ("0 0 30 2 *", "UTC", "there is no such date"),
        ("* * * 30 2 *", "UTC", "there is no such date"),
        ("cron(0 0 1 1 ? 1969)", "UTC", "there is no such date"),
        (
            "@daily",
            "Europe/Atlantis",
            "there is no time zone `Europe/Atlantis`; names are such as `UTC` and `Europe/Berlin`",
        ),
        ("@daily", "", "there is no time zone ``; names are such as `UTC` and `Europe/Berlin`"),
    ] {
        let error = Schedule::parse(expression, zone).expect_err(expression);
        assert_eq!(error.to_string(), expected, "{expression}");
    }
    assert_eq!(Schedule::parse(&"* ".repeat(TEXT_MAX), "UTC"), Err(Error::TooLong));
    let error = Schedule::parse("* 25 * * *", "UTC").expect_err("25");
    assert_eq!(
        error.to_string(),
        "the hour can't be `25`: 0 to 23, with `*`, lists (1,2), ranges (1-5) and steps within them (*/2)"
    );
}

#[test]
fn a_tick_comes_strictly_after_and_the_last_one_is_followed_by_none() {
    let daily = schedule("@daily", ZONE_DEFAULT);
    for (after, next) in [
        ("2026-07-01T23:59:59.999Z", "2026-07-02T00:00:00Z"),
        ("2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z"),
        ("2026-07-02T00:00:00.001Z", "2026-07-03T00:00:00Z"),
    ] {
        assert_eq!(daily.next(at(after)), Some(at(next)), "{after}");
    }
    let once = schedule("cron(0 0 1 1 ? 2027)", ZONE_DEFAULT);
    assert_eq!(ticks(&once, "2026-07-01T12:00:00Z", 9), ["2027-01-01T00:00:00Z"]);
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!((daily.next(end), schedule("every 1s", "UTC").next(end)), (None, None));
}

#[test]
fn passed_ticks_are_counted_up_to_a_bound_and_the_newest_is_right_beyond_it() {
    for (expression, after, until, expected) in [
        ("@daily", "2026-07-01T12:00:00Z", "2026-07-01T23:59:59.999Z", None),
        ("@daily", "2026-07-01T12:00:00Z", "2026-07-02T00:00:00Z", Some(("2026-07-02T00:00:00Z", 1))),
        ("@daily", "2026-07-02T00:00:00Z", "2026-07-04T12:00:00Z", Some(("2026-07-04T00:00:00Z", 2))),
        ("@daily", "2026-07-02T00:00:00Z", "2026-07-01T00:00:00Z", None),
        ("* * * * * *", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00.5Z", Some(("2026-08-01T00:00:00Z", COUNT_MAX))),
        ("* * * 1 * *", "2026-07-01T00:00:00Z", "2026-07-09T00:00:00Z", Some(("2026-07-01T23:59:59Z", COUNT_MAX))),
        ("every 2s", "2026-07-01T00:00:00Z", "2026-07-01T00:33:20Z", Some(("2026-07-01T00:33:20Z", COUNT_MAX))),
        ("every 1s", "1970-01-01T00:00:00Z", "2026-07-01T00:00:00.9Z", Some(("2026-07-01T00:00:00Z", COUNT_MAX))),
    ] {
        let expected = expected.map(|(latest, count)| Due { latest: at(latest), count });
        let schedule = schedule(expression, ZONE_DEFAULT);
        assert_eq!(schedule.latest(at(after), at(until)), expected, "{expression} {after} {until}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_makes_parsing_panic(text in ".*", zone in ".*", fields in "(cron\\()?([-*?,/#LW+0-9]{1,5}|[A-Z]{3}){5,7}\\)?") {
        let _whatever = (Schedule::parse(&text, "UTC"), Schedule::parse("@daily", &zone), Schedule::parse(&fields, "UTC"));
    }
}
