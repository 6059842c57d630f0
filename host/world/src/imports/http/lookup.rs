//! Names to addresses, by the system's resolver: bounded in number and in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime_wasi_http::Error;

/// So many addresses of a name are looked at.
const ADDRESSES_MAX: usize = 16;

/// One function takes at most one in so many of the places: names that are slow to find are no other function's trouble.
const SHARE: usize = 4;

/// Looks names up.
pub(crate) struct Lookup {
    places: Arc<Semaphore>,
    /// Of these, places of one function.
    share: usize,
    timeout: Duration,
}

/// Look-ups of one function.
pub(crate) type Share = Arc<Semaphore>;

impl Lookup {
    /// Runs so many look-ups at once, and gives each up after a time.
    pub(crate) fn new(at_once: usize, timeout: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), share: at_once.div_ceil(SHARE), timeout }
    }

    /// The places that one function may take at once.
    pub(crate) fn share(&self) -> Share {
        Arc::new(Semaphore::new(self.share))
    }

    /// Finds the addresses of a name, in the resolver's order.
    ///
    /// # Errors
    /// `DnsTimeout` if there is no answer in time, `DnsError` if the name does not exist or can't be looked up now,
    /// `DestinationNotFound` if it has no address.
    pub(crate) async fn find(&self, share: &Share, name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let failed = || Error::DnsError { rcode: None, info_code: None };
        let find = async {
            // The function's own first: it waits for its turn without a place of the others.
            let own = Arc::clone(share).acquire_owned().await.map_err(|_| failed())?;
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| failed())?;
            let owned = name.to_owned();
            // The resolver blocks a thread and can't be called off: it keeps its place until it is done, whoever waits.
            let found = tokio::spawn(async move {
                let found = tokio::net::lookup_host((owned.as_str(), port)).await;
                drop((own, place));
                found.map(|addresses| addresses.take(ADDRESSES_MAX).collect::<Vec<_>>())
            });
            found.await.map_err(|_| failed())?.map_err(|error| {
                tracing::debug!(name, %error, "a name was not found");
                failed()
            })
        };
        match timeout(self.timeout, find).await {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(Error::DestinationNotFound),
            Ok(found) => found,
            Err(_) => Err(Error::DnsTimeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_function_that_looks_many_names_up_waits_for_itself_alone() {
        let lookup = Lookup::new(5, Duration::from_millis(500));
        let [greedy, other] = [(); 2].map(|()| lookup.share());
        let slow: Vec<_> = std::iter::from_fn(|| Arc::clone(&greedy).try_acquire_owned().ok()).collect();
        assert_eq!(slow.len(), 2);
        assert!(matches!(lookup.find(&greedy, "localhost", 80).await, Err(Error::DnsTimeout)));
        assert!(lookup.find(&other, "localhost", 80).await.is_ok_and(|addresses| !addresses.is_empty()));
        assert_eq!(lookup.places.available_permits(), 5);
    }
}
