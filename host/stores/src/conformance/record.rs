//! Schedules and asynchronous invocations: each tick fires once, and what became of an invocation is known for a while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{Clock as _, InvocationId, ScheduleName, Timestamp};
use futures::future::join_all;

use super::{Setup, commit_one, depth, message, send};
use crate::{Commit, CommitError, Effect, Invalid, Invocation, InvocationState, Outcome, Stores, TooLarge, What};

const MS: Duration = Duration::from_millis(1);

pub(super) fn schedule(name: &str) -> ScheduleName {
    ScheduleName::parse(name).expect("the suite uses good names")
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

pub(super) fn tick(name: &str, expect: Option<u64>, seen: u64) -> Effect {
    Effect::ScheduleTick { schedule: schedule(name), seen: at(seen), expect: expect.map(at) }
}

async fn last(stores: &Arc<dyn Stores>, name: &str) -> Option<Timestamp> {
    stores.schedules().last(&schedule(name)).await.expect("a read")
}

/// Whoever comes with an old tick is told which one was last, and nothing of its commit happens.
pub async fn a_tick_is_the_one_after_the_last(_: &Setup, stores: &Arc<dyn Stores>) {
    assert_eq!(last(stores, "nightly").await, None);
    for (expect, seen) in [(None, 10), (Some(10), 20), (Some(20), 15)] {
        assert_eq!(commit_one(stores, tick("nightly", expect, seen)).await, Ok(Outcome::ScheduleTick));
        assert_eq!(last(stores, "nightly").await, Some(at(seen)));
    }
    for expect in [None, Some(20)] {
        let commit = Commit::new(vec![send("plain", message("")), tick("nightly", expect, 30)]);
        let ticked = CommitError::Ticked { index: 1, schedule: schedule("nightly"), last: Some(at(15)) };
        assert_eq!(stores.commit(commit).await.map(drop), Err(ticked));
    }
    assert_eq!((last(stores, "nightly").await, depth(stores, "plain").await.total()), (Some(at(15)), 0));
    assert_eq!(last(stores, "hourly").await, None, "schedules share nothing");
    let twice = Commit::new(vec![tick("hourly", None, 1), tick("hourly", None, 2)]);
    let invalid = CommitError::Invalid(Invalid::Twice { what: What::Schedule, name: "hourly".to_owned() });
    assert_eq!(stores.commit(twice).await.map(drop), Err(invalid));
}

/// Of all that race for a tick, one fires it.
pub async fn a_tick_fires_once(_: &Setup, stores: &Arc<dyn Stores>) {
    for round in 0..5 {
        let expect = Some(round).filter(|round| *round > 0);
        let racers = (0..16).map(|_| {
            let stores = Arc::clone(stores);
            let commit = Commit::new(vec![tick("nightly", expect, round + 1), send("plain", message(""))]);
            tokio::spawn(async move { stores.commit(commit).await })
        });
        let results = join_all(racers.collect::<Vec<_>>()).await;
        let won = results.iter().filter(|result| result.as_ref().is_ok_and(Result::is_ok)).count();
        assert_eq!((won, depth(stores, "plain").await.total()), (1, round + 1));
    }
}

/// From accepted to answered; what is late changes nothing, and after a while it is forgotten.
pub async fn what_became_of_an_invocation_is_known_for_a_while(setup: &Setup, stores: &Arc<dyn Stores>) {
    let id = InvocationId::now();
    let known = |state: &InvocationState, ms: u32| {
        let expires_at = setup.clock.now().saturating_add(MS * ms);
        Invocation { state: state.clone(), expires_at }
    };
    let failed = InvocationState::Failed { error: "invoke/trapped".to_owned(), message: "é".to_owned() };
    let succeeded = InvocationState::Succeeded { answer: Bytes::from_static(&[0, 255]) };
    let running = InvocationState::Running { attempt: 1 };
    assert_eq!(stores.invocations().get(id).await, Ok(None));
    for (state, ms) in [(InvocationState::Queued, 10), (running.clone(), 30), (failed, 5), (succeeded.clone(), 20)] {
        let invocation = known(&state, ms);
        let put = Effect::InvocationPut { id, invocation: invocation.clone() };
        assert_eq!(commit_one(stores, put).await, Ok(Outcome::InvocationPut { written: true }));
        assert_eq!(stores.invocations().get(id).await, Ok(Some(invocation)));
    }
    let late = Effect::InvocationPut { id, invocation: known(&running, 50) };
    assert_eq!(commit_one(stores, late.clone()).await, Ok(Outcome::InvocationPut { written: false }));
    assert_eq!(stores.invocations().get(id).await, Ok(Some(known(&succeeded, 20))));
    assert_eq!(stores.invocations().get(InvocationId::now()).await, Ok(None));
    setup.clock.advance(19 * MS);
    assert_eq!(stores.invocations().get(id).await, Ok(Some(known(&succeeded, 1))));
    setup.clock.advance(MS);
    assert_eq!(stores.invocations().get(id).await, Ok(None));
    assert_eq!(commit_one(stores, late.clone()).await, Ok(Outcome::InvocationPut { written: true }), "it is forgotten");
    let twice = stores.commit(Commit::new(vec![late.clone(), late])).await.map(drop);
    let invalid = Invalid::Twice { what: What::Invocation, name: id.to_string() };
    assert_eq!(twice, Err(CommitError::Invalid(invalid)));
    let large = InvocationState::Succeeded { answer: vec![0; (1 << 20) + 1].into() };
    let put = Effect::InvocationPut { id, invocation: known(&large, 1) };
    let too_large = TooLarge { what: What::Answer, size: (1 << 20) + 1, limit: 1 << 20 };
    assert_eq!(commit_one(stores, put).await, Err(CommitError::TooLarge(too_large)));
}
