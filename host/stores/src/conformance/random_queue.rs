//! Random operations on queues, one after the other, on an engine and on the model.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Memory, Setup, in_group, message, queue_name, send_with};
use crate::{
    Commit, CommitError, Company, Delivery, Receipt, Receive, Receives, SendOptions, Settle, Stored, Stores, Verdict,
};

const ROUNDS: usize = 1000;
/// None with a retention: an engine gives up what was kept too long in its own time.
const QUEUES: [&str; 6] = ["jobs", "jobs/dead", "slow", "orders", "orders/dead", "small"];

/// Every answer is that of the model: which messages come, in which order, how often; what is refused.
///
/// The seed is random and comes with every failure; to run it again, put it in the place of the random one.
pub async fn an_engine_queues_as_the_model_does(setup: &Setup, stores: &Arc<dyn Stores>) {
    let seed: u64 = rand::random();
    let model: Arc<dyn Stores> = Arc::new(Memory::new(setup.catalog(), setup.clock.clone()));
    let rng = StdRng::seed_from_u64(seed);
    let mut run = Run { setup, stores, model, rng, leases: Vec::new(), at: String::new() };
    for round in 0..ROUNDS {
        run.at = format!("seed {seed}, round {round}");
        match run.rng.random_range(0..12) {
            0 => setup.clock.advance(Duration::from_millis(run.rng.random_range(0..60))),
            1..=4 => run.send().await,
            5..=7 => run.receive().await,
            8 | 9 => run.settle().await,
            10 => run.manage().await,
            _ => run.look().await,
        }
    }
}

struct Run<'a> {
    setup: &'a Setup,
    stores: &'a Arc<dyn Stores>,
    model: Arc<dyn Stores>,
    rng: StdRng,
    /// The receipts of one message of the model and of the engine.
    leases: Vec<(Receipt, Receipt)>,
    at: String,
}

impl Run<'_> {
    fn queue(&mut self) -> &'static str {
        QUEUES[self.rng.random_range(0..QUEUES.len())]
    }

    async fn send(&mut self) {
        let mut effects = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            let queue = self.queue();
            let body = "x".repeat(self.rng.random_range(0..8));
            let fifo = queue.starts_with("orders");
            let group = ["a", "b", "c"][self.rng.random_range(0..3)];
            let message = if fifo { in_group(&body, group) } else { message(body) };
            let delay = Duration::from_millis(self.rng.random_range(0..20));
            let delay = (!fifo && self.rng.random_ratio(1, 4)).then_some(delay);
            let id = self.rng.random_ratio(1, 4).then(|| self.rng.random_range(0..9).to_string());
            effects.push(send_with(queue, message, SendOptions { delay, deduplication_id: id }));
        }
        self.compare(Commit::new(effects.clone()), Commit::new(effects)).await;
    }

    async fn compare(&mut self, ours: Commit, theirs: Commit) {
        let text = format!("{}: {ours:?}", self.at);
        let expected = self.model.commit(ours).await.map(|committed| committed.outcomes);
        let found = self.stores.commit(theirs).await.map(|committed| committed.outcomes);
        assert_eq!(found, expected, "{text}");
    }

    async fn receive(&mut self) {
        let queue = queue_name(self.queue());
        let visibility = Some(Duration::from_millis(self.rng.random_range(1..60)));
        let [max, group_max] = std::array::from_fn(|_| self.rng.random_range(1..=3));
        let group_bytes_max = self.rng.random_range(1..=12);
        let receive = Receive { max, bytes_max: 12, group_max, group_bytes_max, visibility, wait: Duration::ZERO };
        let expected = self.model.queues().receive(&queue, receive).await.expect("the model receives");
        let found = self.stores.queues().receive(&queue, receive).await.expect("the engine receives");
        let plain = |deliveries: &[Delivery]| -> Vec<_> {
            deliveries.iter().map(|delivery| (delivery.until, delivery.stored.clone())).collect()
        };
        assert_eq!(plain(&found.messages), plain(&expected.messages), "{}: {queue} {receive:?}", self.at);
        assert_eq!(found.given_up, expected.given_up, "{}: {queue}", self.at);
        let receipts = |deliveries: Vec<Delivery>| deliveries.into_iter().map(|delivery| delivery.receipt);
        self.leases.extend(receipts(expected.messages).zip(receipts(found.messages)));
    }

    fn verdict(&mut self) -> Verdict {
        match self.rng.random_range(0..4) {
            0 | 1 => Verdict::Done,
            2 => Verdict::DeadLetter { reason: "x".to_owned() },
            _ => Verdict::Retry {
                after: Duration::from_millis(self.rng.random_range(0..20)),
                receives: if self.rng.random() { Receives::Count } else { Receives::Forgive },
                company: if self.rng.random() { Company::Any } else { Company::Alone },
            },
        }
    }

    async fn settle(&mut self) {
        let (mut ours, mut theirs) = (Commit::default(), Commit::default());
        for _ in 0..self.rng.random_range(1..4).min(self.leases.len()) {
            let (model, engine) = self.leases.swap_remove(self.rng.random_range(0..self.leases.len()));
            let verdict = self.verdict();
            ours.consumed.push(Settle { receipt: model, verdict: verdict.clone() });
            theirs.consumed.push(Settle { receipt: engine, verdict });
        }
        if !ours.consumed.is_empty() {
            self.compare(ours, theirs).await;
        }
    }

    async fn manage(&mut self) {
        match self.rng.random_range(0..8) {
            0 => {
                let queue = queue_name(self.queue());
                let expected = self.model.queues().purge(&queue).await;
                assert_eq!(self.stores.queues().purge(&queue).await, expected, "{}: {queue}", self.at);
            }
            1..=3 => {
                let (from, max) = (queue_name(["jobs/dead", "orders/dead"][self.rng.random_range(0..2)]), 2);
                let expected = self.model.queues().redrive(&from, None, max).await;
                assert_eq!(self.stores.queues().redrive(&from, None, max).await, expected, "{}: {from}", self.at);
            }
            _ => self.extend().await,
        }
    }

    async fn extend(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        let (model, engine) = self.leases.swap_remove(self.rng.random_range(0..self.leases.len()));
        let visibility = Duration::from_millis(self.rng.random_range(1..60));
        let expected = self.model.queues().extend(&model, visibility).await;
        let found = self.stores.queues().extend(&engine, visibility).await;
        let until = |result: &Result<(Receipt, _), CommitError>| result.clone().map(|(_, until)| until);
        assert_eq!(until(&found), until(&expected), "{}: {model:?}", self.at);
        if let (Ok((model, _)), Ok((engine, _))) = (expected, found) {
            self.leases.push((model, engine));
        }
    }

    async fn look(&mut self) {
        let queue = queue_name(self.queue());
        let expected = self.model.queues().depth(&queue).await;
        assert_eq!(self.stores.queues().depth(&queue).await, expected, "{}: {queue}", self.at);
        assert_eq!(all(self.stores, &queue).await, all(&self.model, &queue).await, "{}: {queue}", self.at);
        let _turn = self.setup;
    }
}

async fn all(stores: &Arc<dyn Stores>, queue: &flint_model::QueueName) -> Vec<Stored> {
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = stores.queues().peek(queue, cursor.as_deref(), 3).await.expect("a page");
        seen.extend(page.messages);
        cursor = page.cursor;
        if cursor.is_none() {
            return seen;
        }
    }
}
