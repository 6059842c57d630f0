//! What becomes of versions, case by case.

use super::*;

fn made(content: &str) -> Made {
    Made { sum: Sum::of(content.as_bytes()), size: content.len() as u64, at_ms: 7, from: "here".to_owned() }
}

/// Versions 1 to 3; the last one is in service.
fn three() -> Record {
    Record::new(made("a")).with_deployed(made("b"), 100).with_deployed(made("c"), 100)
}

#[test]
fn a_deployed_version_stays_until_the_source_changes() {
    let record = Record::new(made("a")).with_deployed(made("b"), 100);
    assert_eq!(record.active(), 2);
    let same = record.with_source(made("a"));
    assert_eq!(same, record, "the source is as it was");
    let newer = record.with_source(made("a2"));
    assert_eq!((newer.active(), newer.version(3).map(|version| version.origin)), (3, Some(Origin::Source)));
    let caught_up = record.with_source(made("b"));
    assert_eq!((caught_up.active(), caught_up.versions().len()), (2, 2), "the source is what is in service");
    assert_eq!(caught_up.with_source(made("a")).active(), 3, "and back again is a change");
}

#[test]
fn what_was_deployed_from_the_source_is_no_change_of_it() {
    // The folder was changed, deployed, and taken back or made a canary; then the host is started again.
    let canary = Record::new(made("a")).with_deployed(made("b"), 10);
    assert_eq!(canary.with_source(made("b")).serving(), [(1, 90), (2, 10)]);
    let back = Record::new(made("a")).with_deployed(made("b"), 100).rolled_back(None).expect("there is one");
    let again = back.with_source(made("b"));
    assert_eq!(again.active(), 1);
    // The next change is one.
    let changed = again.with_source(made("c"));
    assert_eq!((changed.active(), changed.serving().len()), (3, 1));
    assert_eq!(changed.with_source(made("b")).active(), 4, "it was deployed before the source was c");
    // A record of a version that did not know.
    let text = serde_json::to_string(&canary).expect("JSON").replacen("\"source_at\":2,", "", 1);
    assert_eq!(Record::parse(text.as_bytes()).expect("it is whole").with_source(made("b")).serving().len(), 2);
}

#[test]
fn a_rollback_goes_to_what_served_before_and_not_to_what_was_rolled_back() {
    let back = three().rolled_back(None).expect("there is one");
    assert_eq!(back.active(), 2);
    let again = back.with_deployed(made("d"), 100);
    assert_eq!((again.active(), again.rolled_back(None).expect("there is one").active()), (4, 2));
    let first = back.rolled_back(None).expect("there is one");
    assert_eq!((first.active(), first.rolled_back(None)), (1, Err(ChangeError::Oldest(1))));
    assert_eq!(three().rolled_back(Some(1)).map(|record| record.active()), Ok(1));
    assert_eq!(first.rolled_back(Some(3)).map(|record| record.active()), Ok(3));
    assert_eq!(three().rolled_back(Some(3)), Err(ChangeError::InService(3)));
    assert_eq!(three().rolled_back(Some(9)), Err(ChangeError::NoSuchVersion(9)));
}

#[test]
fn a_canary_is_promoted_aborted_or_rolled_back() {
    let canary = three().with_deployed(made("d"), 10);
    assert_eq!(canary.serving(), [(3, 90), (4, 10)]);
    assert_eq!(canary.split(None, 25).map(|record| record.serving()), Ok(vec![(3, 75), (4, 25)]));
    assert_eq!(canary.split(None, 100).map(|record| record.serving()), Ok(vec![(4, 100)]));
    assert_eq!(canary.split(None, 0).map(|record| record.serving()), Ok(vec![(3, 100)]));
    assert_eq!(canary.rolled_back(None).map(|record| record.serving()), Ok(vec![(3, 100)]));
    assert_eq!(canary.rolled_back(Some(3)).map(|record| record.serving()), Ok(vec![(3, 100)]));
    assert_eq!(three().split(Some(1), 5).map(|record| record.serving()), Ok(vec![(3, 95), (1, 5)]));
    assert_eq!(three().split(None, 5), Err(ChangeError::NoCanary));
    assert_eq!(three().split(Some(1), 0), Err(ChangeError::NoCanary));
    assert_eq!(three().split(Some(3), 5), Err(ChangeError::InService(3)));
    assert_eq!(three().split(Some(9), 5), Err(ChangeError::NoSuchVersion(9)));
    assert_eq!(canary.with_source(made("e")).serving(), [(5, 100)]);
}

#[test]
fn the_oldest_are_forgotten_and_never_what_is_in_service() {
    let mut record = three().rolled_back(Some(1)).expect("it is kept").with_deployed(made("d"), 10);
    record.prune(2);
    let kept: Vec<_> = record.versions().iter().map(|version| version.version).collect();
    assert_eq!((kept, record.serving()), (vec![1, 4], vec![(1, 90), (4, 10)]));
    record.prune(1);
    assert_eq!(record.versions().len(), 2);
    let mut record = three();
    record.prune(1);
    assert_eq!(record.rolled_back(None), Err(ChangeError::Oldest(3)));
    assert_eq!(record.with_deployed(made("z"), 100).active(), 4, "no number is given twice");
}

#[test]
fn what_is_deployed_already_stays_as_it_is() {
    let record = three();
    assert_eq!(record.with_deployed(made("c"), 100), record);
    assert_eq!(record.with_deployed(made("c"), 10), record);
    assert_eq!(record.with_deployed(made("b"), 100).active(), 4, "an older one is a new version");
}

#[test]
fn a_record_that_does_not_hold_together_is_refused() {
    let text = serde_json::to_string(&three().with_deployed(made("d"), 10)).expect("JSON");
    assert!(Record::parse(text.as_bytes()).is_some());
    for (from, to) in [
        ("\"format\":1", "\"format\":2"),
        ("\"trail\":[1,2,3]", "\"trail\":[]"),
        ("\"trail\":[1,2,3]", "\"trail\":[1,9]"),
        ("\"weight\":10", "\"weight\":100"),
        ("\"canary\":{\"version\":4", "\"canary\":{\"version\":3"),
        ("\"next\":5", "\"next\":4"),
        ("\"next\":5", "\"next\":18446744073709551615"),
        ("\"version\":2", "\"version\":1"),
        ("\"sum\":\"", "\"sum\":\"../"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        assert_eq!(Record::parse(broken.as_bytes()), None, "{to}");
    }
    assert_eq!(Record::parse(&text.as_bytes()[..text.len() / 2]), None);
}

#[test]
fn whatever_a_record_says_it_is_refused_or_can_be_changed() {
    let right = serde_json::to_value(three().with_deployed(made("d"), 10)).expect("JSON");
    let numbers = [0, 1, 2, 3, 4, 5, 99, 100, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
    let places =
        ["/format", "/next", "/trail/0", "/trail/2", "/canary/version", "/canary/weight", "/versions/0/version"];
    let places = places.into_iter().chain(["/versions/3/version", "/versions/1/size", "/canary", "/trail"]);
    let places: Vec<&str> = places.chain(["/source", "/versions/2", "/versions/0/sum"]).collect();
    bolero::check!(name = "record")
        .with_test_time(std::time::Duration::from_secs(1))
        .with_iterations(100_000)
        .with_max_len(64)
        .for_each(|input: &[u8]| {
            let mut json = right.clone();
            // More changes than these make a record that is refused, nearly always.
            for change in input.chunks_exact(2).take(3) {
                let place = json.pointer_mut(places[usize::from(change[0]) % places.len()]);
                let Some(place) = place else { continue };
                *place = match usize::from(change[1]) % (numbers.len() + 3) {
                    0 => serde_json::Value::Null,
                    1 => serde_json::json!([]),
                    2 => serde_json::json!("../../x"),
                    number => numbers[number - 3].into(),
                };
            }
            let Some(record) = Record::parse(json.to_string().as_bytes()) else { return };
            let serving = |record: &Record| {
                let serving = record.serving();
                assert!(serving.iter().all(|(version, _)| record.version(*version).is_some()), "{record:?}");
                assert_eq!(serving.iter().map(|(_, weight)| u32::from(*weight)).sum::<u32>(), 100, "{record:?}");
            };
            let mut changed = vec![record.with_source(made("e")), record.of_source_alone(made("e"))];
            changed.extend([record.with_deployed(made("e"), 100), record.with_deployed(made("e"), 10)]);
            changed.extend(record.rolled_back(None).into_iter().chain(record.split(None, 100)));
            for mut changed in changed {
                serving(&changed);
                changed.prune(1);
                serving(&changed);
                // What is written is read again.
                let written = serde_json::to_vec(&changed).expect("JSON");
                assert_eq!(Record::parse(&written), Some(changed));
            }
        });
}
