//! Names to addresses, by the system's resolver: bounded in number and in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime_wasi_http::Error;

/// So many addresses of a name are looked at.
const ADDRESSES_MAX: usize = 16;

/// Looks names up.
pub(crate) struct Lookup {
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Lookup {
    /// Runs so many look-ups at once, and gives each up after a time.
    pub(crate) fn new(at_once: usize, timeout: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), timeout }
    }

    /// Finds the addresses of a name, in the resolver's order.
    ///
    /// # Errors
    /// `DnsTimeout` if there is no answer in time, `DnsError` if the name does not exist or can't be looked up now,
    /// `DestinationNotFound` if it has no address.
    pub(crate) async fn find(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let failed = || Error::DnsError { rcode: None, info_code: None };
        let find = async {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| failed())?;
            let owned = name.to_owned();
            // The resolver blocks a thread and can't be called off: it keeps its place until it is done, whoever waits.
            let found = tokio::spawn(async move {
                let found = tokio::net::lookup_host((owned.as_str(), port)).await;
                drop(place);
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
