//! Many tasks at once.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;

use super::{Setup, commit_one, increment, keys, put, put_if, read, store, value, written};
use crate::{Commit, CommitError, Expectation, Outcome, Stores};

const TASKS: usize = 32;

/// In each round all try to replace the same version; one does.
pub async fn one_of_many_compare_and_sets_wins(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let mut version = written(stores, put(&s, "k", "start")).await;
    for round in 0..10 {
        let tries = (0..TASKS).map(|task| {
            let (stores, s) = (Arc::clone(stores), s.clone());
            let effect = put_if(&s, "k", format!("{round}/{task}"), Expectation::Version(version));
            async move { (task, commit_one(&stores, effect).await) }
        });
        let results = spawn_all(tries).await;
        let mut won = results.iter().filter_map(|(task, result)| Some((*task, result.as_ref().ok()?)));
        let (winner, outcome) = won.next().expect("one wins");
        assert!(won.next().is_none(), "and only one");
        let Outcome::KvPut { version: next } = *outcome else { panic!("a put came to {outcome:?}") };
        let conflict = CommitError::Conflict { index: 0, key: "k".to_owned(), current: Some(next) };
        let lost = results.iter().filter_map(|(_, result)| result.as_ref().err());
        assert!(lost.clone().all(|error| *error == conflict), "{:?}", lost.collect::<Vec<_>>());
        let read = value(stores, &s, "k").await;
        assert_eq!(read.as_deref(), Some(format!("{round}/{winner}").as_bytes()));
        version = next;
    }
}

/// No increment is lost, and no two see the same sum.
pub async fn increments_from_many_tasks_sum_up(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let tasks = (0..TASKS).map(|_| {
        let (stores, s) = (Arc::clone(stores), s.clone());
        async move {
            let mut sums = Vec::new();
            for _ in 0..20 {
                match commit_one(&stores, increment(&s, "n", 1)).await {
                    Ok(Outcome::KvIncrement { sum }) => sums.push(sum),
                    other => panic!("an increment came to {other:?}"),
                }
            }
            sums
        }
    });
    let mut sums: Vec<_> = spawn_all(tasks).await.into_iter().flatten().collect();
    sums.sort_unstable();
    assert!(sums.into_iter().eq(1..=(TASKS as i64 * 20)));
}

/// A writer reads its own write at once, while others write around it.
pub async fn what_was_answered_is_read(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let tasks = (0..TASKS).map(|task| {
        let (stores, s) = (Arc::clone(stores), s.clone());
        async move {
            let key = format!("k{task}");
            for n in 0..20 {
                let version = written(&stores, put(&s, &key, format!("{n}"))).await;
                let entry = read(&stores, &s, &key).await.expect("it was answered");
                assert_eq!((entry.version, &entry.value[..]), (version, format!("{n}").as_bytes()));
            }
        }
    });
    spawn_all(tasks).await;
    assert_eq!(keys(stores, &s, "", 1000).await.len(), TASKS);
}

/// A future that is dropped right after it was polled leaves both keys of its batch, or none.
pub async fn a_dropped_commit_is_whole_or_absent(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    for n in 0..50 {
        let batch = vec![put(&s, &format!("a{n}"), ""), put(&s, &format!("b{n}"), "")];
        let mut commit = stores.commit(Commit::new(batch));
        if n % 2 == 0 {
            // Polled once, so that the engine has it.
            let _answer = (&mut commit).now_or_never();
        }
        drop(commit);
    }
    written(stores, put(&s, "last", "")).await;
    for n in 0..50 {
        let there =
            [read(stores, &s, &format!("a{n}")).await.is_some(), read(stores, &s, &format!("b{n}")).await.is_some()];
        assert_eq!(there[0], there[1], "batch {n}");
    }
}

/// Commits that fail, between commits that don't: each gets its own answer.
pub async fn a_failing_commit_does_not_disturb_its_neighbours(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    written(stores, put(&s, "taken", "")).await;
    let tasks = (0..TASKS * 4).map(|task| {
        let (stores, s) = (Arc::clone(stores), s.clone());
        async move {
            let mut effects = vec![put(&s, &format!("k{task:03}"), "")];
            if task % 3 == 0 {
                effects.push(put_if(&s, "taken", "", Expectation::Absent));
            }
            (task, stores.commit(Commit::new(effects)).await)
        }
    });
    let mut expected = Vec::new();
    for (task, result) in spawn_all(tasks).await {
        match task % 3 {
            0 => assert!(matches!(result, Err(CommitError::Conflict { index: 1, .. })), "{result:?}"),
            _ => {
                result.expect("its neighbour's conflict is not its own");
                expected.push(format!("k{task:03}"));
            }
        }
    }
    assert_eq!(keys(stores, &s, "k", 1000).await, expected);
}

async fn spawn_all<T: Send + 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = tasks.map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(|task| task.expect("a task of the suite")).collect()
}
