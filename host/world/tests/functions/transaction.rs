//! Transactions of an invocation, through the function `transfer`.

use super::harness::{component, world};
use bytes::Bytes;
use flint_engine::Isolation;
use flint_model::{Access, Capability, FunctionName, StoreName, SystemClock};
use flint_stores::conformance::Memory;
use flint_stores::{Catalog, Commit, Effect, KvLimits, Stores};
use flint_world::{Failure, Function, FunctionSpec, Init, Invocation};
use std::sync::Arc;

/// The function, and its accounts.
struct Bank {
    stores: Arc<Memory>,
    function: Function,
}

impl Bank {
    /// Opens with what some accounts hold.
    async fn open(isolation: Isolation, accounts: &[(&str, u64)]) -> Self {
        let catalog = Catalog { stores: [(store(), KvLimits::default())].into(), ..Catalog::default() };
        let stores = Arc::new(Memory::new(catalog, Arc::new(SystemClock)));
        let put = |(key, balance): &(&str, u64)| {
            let (key, value) = ((*key).to_owned(), Bytes::from(balance.to_string()));
            Effect::KvPut { store: store(), key, value, expires_at: None, expect: None }
        };
        stores.commit(Commit::new(accounts.iter().map(put).collect())).await.unwrap();
        let world = world(stores.clone());
        let mut spec = FunctionSpec::new(FunctionName::parse("transfer").unwrap());
        (spec.warm, spec.spares_max, spec.isolation) = (0, 0, isolation);
        spec.grants.add(Capability::Kv, "accounts", Access::ReadWrite);
        let compiled =
            flint_world::compile(world.engine(), None, &component("transfer"), Init::Snapshot).await.unwrap();
        Self { stores, function: world.load(spec, &compiled).unwrap() }
    }

    async fn transfer(&self, from: &str, to: &str, amount: u64) -> Result<Bytes, Failure> {
        let order = format!(r#"{{"from": "{from}", "to": "{to}", "amount": {amount}}}"#);
        self.function.invoke(Invocation::accept(None), order.into()).await
    }

    async fn bytes(&self, key: &str) -> Option<Bytes> {
        self.stores.kv().get(&store(), key).await.unwrap().map(|entry| entry.value)
    }

    async fn balance(&self, account: &str) -> Option<u64> {
        self.bytes(account).await.map(|value| str::from_utf8(&value).unwrap().parse().unwrap())
    }

    async fn receipts(&self) -> Option<i64> {
        self.bytes("receipts").await.map(|value| i64::from_le_bytes(value.as_ref().try_into().unwrap()))
    }
}

fn store() -> StoreName {
    StoreName::parse("accounts").unwrap()
}

/// The name of a failure of the guest.
fn name(answer: Result<Bytes, Failure>) -> String {
    match answer {
        Err(Failure::Handler { name, .. }) => name,
        other => panic!("expected a failure of the guest, found {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changes_of_a_transaction_happen_together_or_not_at_all() {
    let bank = Bank::open(Isolation::Fresh, &[("alice", 100)]).await;
    assert_eq!(bank.transfer("alice", "bob", 30).await, Ok(r#"{"from":70,"to":30}"#.into()));
    assert_eq!(name(bank.transfer("bob", "eve", 31).await), "NotCovered");
    assert_eq!((bank.balance("alice").await, bank.balance("bob").await), (Some(70), Some(30)));
    assert_eq!((bank.balance("eve").await, bank.receipts().await), (None, Some(1)));
    // What it reads is what it wrote.
    assert_eq!(bank.transfer("bob", "bob", 30).await, Ok(r#"{"from":30,"to":60}"#.into()));
}

/// All meet in one counter, so each but one is done again; nothing is lost, and nothing happens twice.
/// What one of them answers `Ok` for would be up to the other one.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_beside_another_one_is_refused() {
    let bank = Bank::open(Isolation::Fresh, &[("alice", 100)]).await;
    let order =
        r#"{"from": "alice", "to": "bob", "amount": 30, "beside": {"from": "alice", "to": "eve", "amount": 1}}"#;
    let answer = bank.function.invoke(Invocation::accept(None), order.into()).await;
    assert_eq!(name(answer), "TransactionError");
    assert_eq!((bank.balance("alice").await, bank.balance("bob").await), (Some(70), Some(30)), "the first is well");
    assert_eq!((bank.balance("eve").await, bank.receipts().await), (None, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_meet_are_done_again() {
    let bank = Arc::new(Bank::open(Isolation::Fresh, &[("alice", 100), ("bob", 100)]).await);
    let transfers = (0..40).map(|n| {
        let bank = Arc::clone(&bank);
        tokio::spawn(async move {
            let (from, to) = if n % 2 == 0 { ("alice", "bob") } else { ("bob", "alice") };
            bank.transfer(from, to, 1).await
        })
    });
    let mut done = 0;
    for transfer in transfers.collect::<Vec<_>>() {
        match transfer.await.unwrap() {
            Ok(_) => done += 1,
            // Ten attempts may not be enough, if so many others were done meanwhile: then nothing happened.
            failed => assert_eq!(name(failed), "TransactionError"),
        }
    }
    assert!(done >= 10, "only {done} of 40 were done");
    assert_eq!(bank.receipts().await, Some(done));
    let sum = bank.balance("alice").await.unwrap() + bank.balance("bob").await.unwrap();
    assert_eq!(sum, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_does_not_outlive_its_invocation() {
    let bank = Bank::open(Isolation::Serial { uses: 100 }, &[("alice", 100)]).await;
    for _ in 0..3 {
        assert_eq!(name(bank.transfer("eve", "bob", 1).await), "NotCovered");
        assert_eq!(bank.receipts().await, None);
    }
    assert!(bank.transfer("alice", "bob", 1).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_instance_begins_no_transaction() {
    let bank = Bank::open(Isolation::Shared { uses: 100 }, &[("alice", 100)]).await;
    assert_eq!(name(bank.transfer("alice", "bob", 1).await), "TransactionError");
    assert_eq!(bank.balance("alice").await, Some(100));
}
