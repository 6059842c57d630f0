//! Clocks that run, stand, and jump.

use super::super::tests::{at, schedule, text};
use super::*;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Decides at one moment until nothing fires; answers the ticks that fired and how many were skipped.
fn settle(schedule: &Schedule, seen: &mut Option<Timestamp>, now: Timestamp, missed: Missed) -> (Vec<Timestamp>, u64) {
    let (mut fired, mut skipped) = (Vec::new(), 0);
    loop {
        assert!(fired.len() < 1000, "fires without an end");
        let decision = schedule.decide(*seen, now, missed, MINUTE);
        *seen = Some(decision.seen);
        skipped += decision.skipped;
        match decision.fire {
            Some(tick) => fired.push(tick),
            None => return (fired, skipped),
        }
    }
}

#[test]
fn each_tick_fires_once_whatever_the_clock_does() {
    let day = |time: &str| at(&format!("2026-07-01T{time}Z"));
    // Every ten minutes; at each moment what fires then with `Skip` and with `RunOnce`, and how many each passes over.
    type Step = (&'static str, &'static [&'static str], u64, &'static [&'static str], u64);
    let cases: &[(&str, &[Step])] = &[
        (
            "a clock that runs",
            &[
                ("12:00:00", &[], 0, &[], 0),
                ("12:09:59", &[], 0, &[], 0),
                ("12:10:00", &["12:10:00"], 0, &["12:10:00"], 0),
                ("12:10:00", &[], 0, &[], 0),
                ("12:20:59", &["12:20:00"], 0, &["12:20:00"], 0),
                ("12:30:00", &["12:30:00"], 0, &["12:30:00"], 0),
            ],
        ),
        (
            "a tick is on time up to the grace, and missed after it",
            &[
                ("12:00:00", &[], 0, &[], 0),
                ("12:11:00", &["12:10:00"], 0, &["12:10:00"], 0),
                ("12:21:01", &[], 1, &["12:20:00"], 0),
                ("12:21:02", &[], 0, &[], 0),
            ],
        ),
        (
            "of several that were missed the newest fires, once",
            &[
                ("12:00:00", &[], 0, &[], 0),
                ("12:45:00", &[], 4, &["12:40:00"], 3),
                ("12:46:00", &[], 0, &[], 0),
                ("12:50:00", &["12:50:00"], 0, &["12:50:00"], 0),
            ],
        ),
        (
            "one that is on time stands for those that were missed",
            &[("12:00:00", &[], 0, &[], 0), ("12:40:30", &["12:40:00"], 3, &["12:40:00"], 3)],
        ),
        (
            "a clock that jumps back and runs again",
            &[
                ("12:05:00", &[], 0, &[], 0),
                ("12:20:00", &["12:20:00"], 1, &["12:20:00"], 1),
                ("11:00:00", &[], 0, &[], 0),
                ("12:10:00", &[], 0, &[], 0),
                ("12:20:00", &[], 0, &[], 0),
                ("12:30:00", &["12:30:00"], 0, &["12:30:00"], 0),
            ],
        ),
        (
            "a clock that jumps ahead and comes back",
            &[
                ("12:00:00", &[], 0, &[], 0),
                ("15:00:30", &["15:00:00"], 17, &["15:00:00"], 17),
                ("12:10:00", &[], 0, &[], 0),
                ("15:00:00", &[], 0, &[], 0),
                ("15:10:00", &["15:10:00"], 0, &["15:10:00"], 0),
            ],
        ),
    ];
    let every = schedule("*/10 * * * *", "UTC");
    for (case, steps) in cases {
        let (mut skip, mut once) = (None, None);
        for (now, skip_fires, skip_skips, once_fires, once_skips) in *steps {
            let moments = |times: &[&str]| times.iter().map(|time| day(time)).collect::<Vec<_>>();
            let skipping = settle(&every, &mut skip, day(now), Missed::Skip);
            assert_eq!(skipping, (moments(skip_fires), *skip_skips), "{case}, skip, at {now}");
            let running = settle(&every, &mut once, day(now), Missed::RunOnce);
            assert_eq!(running, (moments(once_fires), *once_skips), "{case}, run once, at {now}");
        }
    }
}

#[test]
fn all_that_are_on_time_fire_oldest_first() {
    let every = schedule("every 20s", "UTC");
    let mut seen = Some(at("2026-07-01T12:00:00Z"));
    let (fired, skipped) = settle(&every, &mut seen, at("2026-07-01T12:02:05Z"), Missed::RunOnce);
    let fired: Vec<_> = fired.into_iter().map(text).collect();
    assert_eq!(fired, ["2026-07-01T12:01:20Z", "2026-07-01T12:01:40Z", "2026-07-01T12:02:00Z"]);
    assert_eq!(skipped, 3);
}

#[test]
fn the_next_decision_is_due_at_the_next_tick_and_never_after_the_last() {
    let once = schedule("cron(0 12 1 7 ? 2026)", "UTC");
    let noon = at("2026-07-01T12:00:00Z");
    let new = once.decide(None, at("2026-07-01T11:00:00Z"), Missed::Skip, MINUTE);
    assert_eq!((new.fire, new.next), (None, Some(noon)));
    let fires = once.decide(Some(new.seen), noon, Missed::Skip, MINUTE);
    assert_eq!(fires, Decision { fire: Some(noon), next: None, skipped: 0, seen: noon });
    let over = once.decide(Some(noon), at("2027-07-01T12:00:00Z"), Missed::RunOnce, MINUTE);
    assert_eq!(over, Decision { fire: None, next: None, skipped: 0, seen: noon });
}

#[test]
fn a_schedule_that_was_away_for_years_fires_at_once() {
    let every = schedule("* * * * * *", "Europe/Berlin");
    let decision = every.decide(Some(at("1971-01-01T00:00:00Z")), at("2026-07-01T12:00:00Z"), Missed::RunOnce, MINUTE);
    assert_eq!(decision.fire, Some(at("2026-07-01T11:59:00Z")), "the oldest that is on time");
    assert_eq!(decision.skipped, super::super::COUNT_MAX);
}

proptest! {
    #[test]
    fn no_tick_fires_twice_and_none_that_is_no_tick(
        jumps in proptest::collection::vec(-600_000_i64..900_000, 1..30),
        expression in proptest::sample::select(&["*/5 * * * *", "every 7s", "30 2 * * *", "0,30 2,3 * * *"][..]),
        missed in proptest::sample::select(&[Missed::Skip, Missed::RunOnce][..]),
    ) {
        let schedule = schedule(expression, "Europe/Berlin");
        let (mut now, mut seen, mut last) = (at("2026-10-25T00:00:00Z"), None, Timestamp::default());
        for jump in jumps {
            now = Timestamp::from_millis(now.as_millis().saturating_add_signed(jump));
            for tick in settle(&schedule, &mut seen, now, missed).0 {
                prop_assert!(last < tick && tick <= now, "{} after {} at {}", text(tick), text(last), text(now));
                prop_assert_eq!(schedule.next(Timestamp::from_millis(tick.as_millis() - 1)), Some(tick));
                last = tick;
            }
        }
    }
}

#[test]
fn a_moment_is_ahead_if_it_is_more_than_a_day() {
    let now = at("2026-07-01T12:00:00Z");
    for (last, ahead) in
        [("2026-07-02T12:00:00Z", false), ("2026-07-02T12:00:01Z", true), ("2026-06-01T00:00:00Z", false)]
    {
        assert_eq!(is_ahead(at(last), now), ahead, "{last}");
    }
}
