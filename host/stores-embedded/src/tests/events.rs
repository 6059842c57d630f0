//! What leads to messages, over a restart.

use bytes::Bytes;
use flint_model::{QueueName, StoreName};
use flint_stores::conformance::Setup;
use flint_stores::{Backfill, Commit, Effect, Stores as _};

use super::{dir, folder, options};
use crate::Embedded;

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
    assert_eq!(stores.backfill(4).await, Ok(Backfill { told: 4, more: true }));
    stores.close().await;

    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    stores.commit(write("b/9".to_owned()).into()).await.expect("a put ahead of it, which it does not hear");
    stores.commit(write("b/0".to_owned()).into()).await.expect("a put behind it, which it hears");
    assert_eq!(told(&stores).await, 5);
    assert_eq!(stores.backfill(100).await, Ok(Backfill { told: 6, more: false }));
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
    assert_eq!(stores.backfill(100).await, Ok(Backfill { told: 10, more: false }), "it is new");
}
