//! Work that may take the processor for long, beside the threads that serve everybody.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{block_in_place, yield_now};

/// How long a long piece of work goes on before others have their turn.
const TURN: Duration = Duration::from_millis(50);

/// Where long work is done: by as many threads at once as there are processors, so that what has a limit of time gets that much
/// of a processor, however much waits. All who share one get a clone of it.
#[derive(Clone, Debug)]
pub struct Aside {
    turns: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))) }
    }
}

impl Aside {
    /// Does work. If it may be long, it waits for its turn, and the other tasks of its thread go on elsewhere meanwhile.
    pub async fn run<T>(&self, is_long: bool, work: impl FnOnce() -> T) -> T {
        if !is_long {
            return work();
        }
        // Nobody closes it.
        let _turn = self.turns.acquire().await;
        beside(work)
    }

    /// The same, unless its turn does not come in time.
    pub async fn run_soon<T>(&self, is_long: bool, patience: Duration, work: impl FnOnce() -> T) -> Option<T> {
        if !is_long {
            return Some(work());
        }
        // What has begun can't be given up: it ends before anybody looks at the time again.
        tokio::time::timeout(patience, self.run(true, work)).await.ok()
    }

    /// Does something again and again until it says that nothing is left, with others in between.
    pub async fn repeat<E>(&self, is_long: bool, mut each: impl FnMut() -> Result<bool, E>) -> Result<(), E> {
        loop {
            let turn = || {
                let began = Instant::now();
                while began.elapsed() < TURN {
                    if !each()? {
                        return Ok(false);
                    }
                }
                Ok(true)
            };
            if !self.run(is_long, turn).await? {
                return Ok(());
            }
            yield_now().await;
        }
    }
}

/// Does work that blocks its thread, where another thread can take over what else it had to do.
fn beside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn who_works_for_long_holds_nobody_up_and_no_more_than_there_are_processors_do_so_at_once() {
        let aside = Aside { turns: Arc::new(Semaphore::new(1)) };
        let long = |aside: Aside| async move { aside.run(true, || sleep(Duration::from_millis(400))).await };
        let long = tokio::spawn(long(aside.clone()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        assert_eq!(tokio::spawn(std::future::ready(7)).await.expect("it ends"), 7);
        assert_eq!(aside.run(false, || 8).await, 8);
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        assert_eq!(aside.run_soon(true, Duration::from_millis(1), || 9).await, None);
        assert_eq!(aside.run_soon(true, Duration::from_secs(60), || 9).await, Some(9));
        long.await.expect("it ends");
    }

    #[tokio::test]
    async fn where_there_is_one_thread_it_does_the_work_itself() {
        let (mut left, aside) = (3, Aside::default());
        let each = || {
            left -= 1;
            Ok::<_, ()>(left > 0)
        };
        assert_eq!(aside.repeat(true, each).await, Ok(()));
        assert_eq!(left, 0);
    }
}
