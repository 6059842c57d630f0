//! Triggers of stores that are new: what is there is told to those that start at the beginning, beside everything else.

use flint_stores::Stores;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many entries one step looks at. Writers wait for a step, so it is a short one.
const STEP: usize = 500;

/// How long it rests while a queue is full, or the stores can't serve.
const REST: Duration = Duration::from_millis(500);

/// Has them come further whenever somebody says that there may be new ones.
pub(super) struct Beginnings {
    look: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Beginnings {
    /// Starts, and looks for none yet.
    pub(super) fn start(stores: Arc<dyn Stores>) -> Self {
        let (look, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let work = run(stores, Arc::clone(&look));
        let stopped = stop.clone();
        let task = tokio::spawn(async move { stopped.run_until_cancelled(work).await.unwrap_or_default() });
        Self { look, stop, task }
    }

    /// Says that there may be new ones.
    pub(super) fn look(&self) {
        self.look.notify_one();
    }

    /// Ends. How far each has come is durable: the next start goes on there.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "telling new triggers what is there failed");
        }
    }
}

async fn run(stores: Arc<dyn Stores>, look: Arc<Notify>) {
    loop {
        look.notified().await;
        tell(&*stores).await;
    }
}

/// Tells all that is there, however long it takes.
async fn tell(stores: &dyn Stores) {
    let (mut told, mut is_failing) = (0, false);
    loop {
        match stores.backfill(STEP).await {
            Ok(step) => {
                told += step.told;
                is_failing = false;
                if !step.more {
                    break;
                }
                if step.full {
                    tokio::time::sleep(REST).await;
                }
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "new triggers can't be told what is there, for now");
                }
                is_failing = true;
                tokio::time::sleep(REST).await;
            }
        }
    }
    if told > 0 {
        tracing::info!(entries = told, "new triggers were told what was there");
    }
}
