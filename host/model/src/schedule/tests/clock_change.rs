//! The nights in which clocks are changed.
//!
//! Berlin leaves out 2:00 to 3:00 on 2026-03-29 and has it twice on 10-25; New York the same hour on 03-08, and 1:00 to 2:00 twice
//! on 11-01. Lord Howe has half an hour: it has 1:30 to 2:00 twice on 04-05, and leaves out 2:00 to 2:30 on 10-04.

use super::*;

#[test]
fn a_fixed_time_ticks_once_a_day_and_right_after_the_gap_if_it_falls_into_it() {
    for (expression, zone, after, expected) in [
        // Into the gap: 2:30 is not there, and 3:00 comes at 1:00 UTC.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"][..],
        ),
        ("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        // Beside the gap.
        ("0 1 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &["2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"]),
        ("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"]),
        // All of the gap is one tick, the time right after it too; a list of hours is no interval.
        (
            "0,30 2,3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"],
        ),
        // Twice: the first one ticks.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T00:00:00Z",
            &["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        ("30 2,14 * * *", "Europe/Berlin", "2026-10-24T20:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-25T13:30:00Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-04T00:00:00Z",
            &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
        // From within the second hour nothing of the first comes again.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", &["2026-10-26T01:30:00Z"]),
    ] {
        let schedule = schedule(expression, zone);
        assert_eq!(ticks(&schedule, after, expected.len()), expected, "{expression} {zone} {after}");
    }
}

#[test]
fn an_interval_follows_the_clock_on_the_wall() {
    for (expression, zone, after, expected) in [
        // The gap has none, and what follows is in step.
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:20:00Z",
            &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"][..],
        ),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &["2026-03-30T00:00:00Z"]),
        ("0 */2 * * *", "America/New_York", "2026-03-08T04:30:00Z", &["2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z"]),
        (
            "*/20 * * * *",
            "Australia/Lord_Howe",
            "2026-10-03T15:10:00Z",
            &["2026-10-03T15:40:00Z", "2026-10-03T16:00:00Z"],
        ),
        // Both hours have all of them.
        (
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-26T01:00:00Z",
            ],
        ),
        (
            "30 * * * *",
            "America/New_York",
            "2026-11-01T05:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"],
        ),
        (
            "*/20 * * * *",
            "Australia/Lord_Howe",
            "2026-04-04T14:30:00Z",
            &["2026-04-04T14:40:00Z", "2026-04-04T15:10:00Z", "2026-04-04T15:30:00Z"],
        ),
    ] {
        let schedule = schedule(expression, zone);
        assert_eq!(ticks(&schedule, after, expected.len()), expected, "{expression} {zone} {after}");
    }
}

#[test]
fn passed_ticks_are_counted_across_a_change() {
    let (daily, hourly) = (schedule("30 2 * * *", "Europe/Berlin"), schedule("@hourly", "Europe/Berlin"));
    let due = |schedule: &Schedule, after, until| schedule.latest(at(after), at(until)).map(|due| due.count);
    assert_eq!(due(&daily, "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z"), Some(3));
    assert_eq!(due(&daily, "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z"), Some(3));
    assert_eq!(due(&hourly, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), Some(23));
    assert_eq!(due(&hourly, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), Some(25));
}

/// The last one left out a whole day once.
const ZONES: &[&str] =
    &["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"];

/// Years in which each of the zones changed its clocks.
fn moments() -> impl Strategy<Value = Timestamp> {
    let (from, until) = (at("2008-01-01T00:00:00Z").as_millis(), at("2027-01-01T00:00:00Z").as_millis());
    (from..until).prop_map(Timestamp::from_millis)
}

proptest! {
    #[test]
    fn an_interval_ticks_whenever_the_wall_shows_it(
        zone in proptest::sample::select(ZONES), after in moments(), minute in 1_u64..30, near in -200_i64..200,
    ) {
        let after = near_a_change(zone, after, near);
        let schedule = schedule(&format!("*/{minute} * * * *"), zone);
        let zone = TimeZone::get(zone).expect("a zone");
        let shows = |moment: &Timestamp| {
            let moment = jiff::Timestamp::from_millisecond(moment.as_millis() as i64).expect("a moment");
            let wall = moment.to_zoned(zone.clone());
            wall.second() == 0 && (wall.minute() as u64).is_multiple_of(minute)
        };
        let first = after.as_millis() / 1000 + 1;
        let expected = (first..).map(|second| Timestamp::from_millis(second * 1000)).find(shows);
        prop_assert_eq!(schedule.next(after), expected, "{} {}", schedule, text(after));
    }

    #[test]
    fn a_fixed_time_ticks_once_on_each_day_that_there_is(
        zone in proptest::sample::select(&ZONES[..4]), after in moments(), hour in 0..24, minute in 0..60, near in -200_i64..200,
    ) {
        let after = near_a_change(zone, after, near);
        let schedule = schedule(&format!("{minute} {hour} * * *"), zone);
        let ticks: Vec<_> = std::iter::successors(schedule.next(after), |tick| schedule.next(*tick)).take(5).collect();
        prop_assert!(ticks[0] > after);
        for pair in ticks.windows(2) {
            let hours = (pair[1].as_millis() - pair[0].as_millis()) as f64 / 3_600_000.0;
            prop_assert!((22.0..=26.0).contains(&hours), "{schedule} {}: {hours} hours", text(pair[0]));
        }
    }
}

/// Some minutes from the next change of the zone, if there is one.
fn near_a_change(zone: &str, moment: Timestamp, minutes: i64) -> Timestamp {
    let zone = TimeZone::get(zone).expect("a zone");
    let after = jiff::Timestamp::from_millisecond(moment.as_millis() as i64).expect("a moment");
    let change = zone.following(after).next().map_or(after, |change| change.timestamp());
    Timestamp::from_millis((change.as_millisecond() + minutes * 60_000) as u64)
}
