//! A commit of one key, from its call until it is durable: the thread that writes included.

use crate::callgrind::counted;
use crate::site::{self, Site, TIMES, WARM_UP};
use bytes::Bytes;
use flint_stores::{Commit, Effect};
use tokio::runtime::Runtime;

pub(crate) struct Commits {
    runtime: Runtime,
    site: Site,
}

impl Commits {
    pub(crate) fn new() -> Self {
        let commits = Self { runtime: site::runtime(), site: Site::open() };
        commits.commit(WARM_UP);
        commits
    }

    pub(crate) fn run(&self) {
        counted(|| self.commit(TIMES));
    }

    fn commit(&self, times: u64) {
        let stores = self.site.stores();
        self.runtime.block_on(async {
            for number in 0..times {
                let put = Effect::KvPut {
                    store: site::store(),
                    key: format!("key/{number}"),
                    value: Bytes::from_static(&[7; 100]),
                    expires_at: None,
                    expect: None,
                };
                stores.commit(Commit::new(vec![put])).await.expect("it is durable");
            }
        });
    }
}
