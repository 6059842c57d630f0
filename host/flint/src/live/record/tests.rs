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
        ("\"sum\":\"", "\"sum\":\"../"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        assert_eq!(Record::parse(broken.as_bytes()), None, "{to}");
    }
    assert_eq!(Record::parse(&text.as_bytes()[..text.len() / 2]), None);
}
