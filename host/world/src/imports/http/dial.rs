//! TCP to one of several addresses: the next is tried when one is slow, or fails.

use super::error::of_connect;
use futures::stream::{FuturesUnordered, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;
use wasmtime_wasi_http::Error;

/// After so long the next address is tried besides (<https://www.rfc-editor.org/rfc/rfc8305#section-5>).
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. Exactly to these: nothing is looked up any more.
///
/// Dropping the future ends all attempts.
///
/// # Errors
/// What the last attempt failed with.
pub(crate) async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut next = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = Error::DestinationNotFound;
    loop {
        let untried = next.next();
        attempts.extend(untried.map(|address| TcpStream::connect(*address)));
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => {
                    // A request is written at once; what is not sent now waits for nobody's acknowledgement. It works without.
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = of_connect(&error),
            },
            () = sleep(NEXT_AFTER), if next.len() > 0 => {}
            else => return Err(last),
        }
    }
}
