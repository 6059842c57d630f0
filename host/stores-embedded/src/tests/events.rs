//! What leads to messages, over a restart.

use std::time::Duration;

use bytes::Bytes;
use flint_model::{Clock as _, InvocationId, QueueName, ScheduleName, StoreName, Timestamp};
use flint_stores::conformance::Setup;
use flint_stores::{Backfill, Commit, Effect, Invocation, InvocationState, Stores as _};
use redb::ReadableTableMetadata as _;

use super::restarts::until;
use super::{dir, folder, options};
use crate::table::record::{INVOCATION, INVOCATION_EXPIRY};
use crate::{CollectOptions, Embedded, Options};

fn write(key: String) -> Effect {
    let store = StoreName::parse("history").expect("a name");
    Effect::KvPut { store, key, value: Bytes::new(), expires_at: None, expect: None }
}

async fn told(stores: &Embedded) -> u64 {
    let queue = QueueName::parse("changes/history").expect("a name");
    stores.queues().depth(&queue).await.expect("a depth").total()
}

#[tokio::test]
async fn a_subscription_goes_on_after_a_restart_and_is_new_if_it_was_gone() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let effects = (0..10).map(|n| write(format!("b/{n}"))).collect();
    stores.commit(Commit::new(effects)).await.expect("a batch");
    assert_eq!(stores.backfill(4).await, Ok(Backfill { told: 4, more: true, full: false }));
    stores.close().await;

    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    stores.commit(write("b/9".to_owned()).into()).await.expect("a put ahead of it, which it does not hear");
    stores.commit(write("b/0".to_owned()).into()).await.expect("a put behind it, which it hears");
    assert_eq!(told(&stores).await, 5);
    assert_eq!(stores.backfill(100).await, Ok(Backfill { told: 6, more: false, full: false }));
    stores.close().await;

    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    assert_eq!(stores.backfill(100).await, Ok(Backfill::default()), "it is not new");
    let mut without = setup.catalog();
    without.changes.clear();
    stores.set_catalog(without);
    assert_eq!(stores.backfill(100).await, Ok(Backfill::default()), "it is gone");
    stores.commit(write("b/0".to_owned()).into()).await.expect("a put that nobody hears");
    assert_eq!(told(&stores).await, 11);
    stores.set_catalog(setup.catalog());
    assert_eq!(stores.backfill(100).await, Ok(Backfill { told: 10, more: false, full: false }), "it is new");
}

#[tokio::test]
async fn ticks_and_invocations_survive_a_restart_until_they_are_over() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let (schedule, id) = (ScheduleName::parse("nightly").expect("a name"), InvocationId::now());
    let seen = Timestamp::from_millis(7);
    let tick = Effect::ScheduleTick { schedule: schedule.clone(), seen, expect: None };
    let expires_at = setup.clock.now().saturating_add(Duration::from_millis(10));
    let invocation = Invocation { state: InvocationState::Running { attempt: 2 }, expires_at };
    let put = Effect::InvocationPut { id, invocation: invocation.clone() };
    stores.commit(Commit::new(vec![tick.clone(), put])).await.expect("a commit");
    stores.close().await;

    let collect = CollectOptions { every: Duration::from_millis(5), ..CollectOptions::default() };
    let stores = Embedded::open(dir(&folder), Options { collect, ..options(&setup) }).expect("open");
    assert_eq!(stores.schedules().last(&schedule).await, Ok(Some(seen)));
    assert!(stores.commit(tick.into()).await.is_err(), "it fired before");
    assert_eq!(stores.invocations().get(id).await, Ok(Some(invocation)));
    let rows = || {
        let count = |tables: &redb::ReadTransaction| {
            Ok((tables.open_table(INVOCATION)?.len()?, tables.open_table(INVOCATION_EXPIRY)?.len()?))
        };
        stores.database.read(count).expect("a read")
    };
    assert_eq!(rows(), (1, 1));
    setup.clock.advance(Duration::from_millis(10));
    until(|| rows() == (0, 0)).await;
}
