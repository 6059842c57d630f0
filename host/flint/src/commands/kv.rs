//! `flint kv`: looks into stores and writes to them, through the host that runs, or, if none does, by itself.

use crate::admin::api::{Item, Page, Printable, Put, Scan, Written};
use crate::admin::client::Client;
use crate::admin::kv;
use crate::cli::{self, KvCommand};
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::wire;
use bytes::Bytes;
use flint_model::{Secret, StoreName};
use flint_stores_embedded::Embedded;
use std::io::{IsTerminal, Read};
use std::sync::Arc;
use std::time::Duration;

/// Runs a command on a store.
pub(crate) async fn run(args: cli::Kv, output: Output) -> Result<(), Error> {
    let stores = Access::open(&args.host).await?;
    let done = work(&stores, args.command, output).await;
    stores.close().await;
    done
}

async fn work(stores: &Access, command: KvCommand, output: Output) -> Result<(), Error> {
    let printed = match command {
        KvCommand::Get { store, key } => {
            let item = stores.get(&store, &key).await?;
            print_value(&item, output)
        }
        KvCommand::Put(put) => {
            let value = match &put.value {
                Some(value) => Bytes::copy_from_slice(value.as_bytes()),
                None => standard_input()?,
            };
            let how = Put { ttl_ms: put.ttl.map(millis_up), if_absent: put.if_absent, if_version: put.if_version };
            let written = stores.put(&put.store, &put.key, value, &how).await?;
            output.answer(&written, || format!("{} {} is at version {}", put.store, written.key, written.version))
        }
        KvCommand::Scan(scan) => {
            let query = Scan { prefix: scan.prefix, cursor: scan.cursor, limit: Some(scan.limit) };
            let page = stores.scan(&scan.store, &query).await?;
            let printed = output.answer(&page, || page.items.iter().map(line).collect());
            if let (Some(cursor), false) = (&page.cursor, output.is_json()) {
                output.note(format_args!("there may be more: --cursor {cursor}"));
            }
            printed
        }
    };
    printed.map_err(Error::io("write the answer"))
}

/// Whole milliseconds: rather a little longer than not at all.
pub(super) fn millis_up(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The variable with the token of the host.
const TOKEN: &str = "FLINT_TOKEN";

/// The host that a command talks to, if one runs. An address that is given is used without asking.
///
/// # Errors
/// If the file with the token can't be read.
pub(crate) async fn running(host: &cli::Host) -> Result<Option<Client>, Error> {
    let token = match &host.token_file {
        Some(file) => Some(std::fs::read(file).map_err(Error::io("read the token"))?),
        None => std::env::var_os(TOKEN).map(std::ffi::OsString::into_encoded_bytes),
    };
    let token = token.map(|token| Secret::new(token.trim_ascii())).filter(|token| !token.expose().is_empty());
    Ok(match host.admin {
        Some(address) => Some(Client::new(address, token)),
        None => Client::find(&load::data_dir(&host.config), token).await,
    })
}

/// The way to the stores.
enum Access {
    Host(Client),
    Here(Arc<Embedded>),
}

impl Access {
    async fn open(host: &cli::Host) -> Result<Self, Error> {
        if let Some(client) = running(host).await? {
            return Ok(Self::Host(client));
        }
        let platform = load::stores(&host.config)?;
        Ok(Self::Here(tokio::task::block_in_place(|| wire::open_stores(&platform))?))
    }

    async fn get(&self, store: &StoreName, key: &str) -> Result<Item, Error> {
        Ok(match self {
            Self::Host(client) => client.get(store, key).await?,
            Self::Here(stores) => kv::get(&**stores, store, key).await?,
        })
    }

    async fn put(&self, store: &StoreName, key: &str, value: Bytes, put: &Put) -> Result<Written, Error> {
        Ok(match self {
            Self::Host(client) => client.put(store, key, value, put).await?,
            Self::Here(stores) => kv::put(&**stores, store, key, value, put).await?,
        })
    }

    async fn scan(&self, store: &StoreName, scan: &Scan) -> Result<Page, Error> {
        Ok(match self {
            Self::Host(client) => client.scan(store, scan).await?,
            Self::Here(stores) => kv::scan(&**stores, store, scan).await?,
        })
    }

    async fn close(&self) {
        if let Self::Here(stores) = self {
            stores.close().await;
        }
    }
}

pub(super) fn standard_input() -> Result<Bytes, Error> {
    let mut value = Vec::new();
    std::io::stdin().lock().read_to_end(&mut value).map_err(Error::io("read the value from standard input"))?;
    Ok(value.into())
}

/// A value is bytes and is printed as it is; on a terminal, with a line break behind it.
fn print_value(item: &Item, output: Output) -> std::io::Result<()> {
    let bytes = item.value.bytes();
    let Some(bytes) = bytes.filter(|_| !output.is_json()) else {
        return output.answer(item, String::new);
    };
    output.raw(&bytes)?;
    if std::io::stdout().is_terminal() && !bytes.ends_with(b"\n") { output.raw(b"\n") } else { Ok(()) }
}

/// One line an item, whatever is in it.
fn line(item: &Item) -> String {
    let value = match &item.value {
        Printable::Text(text) => text.escape_debug().to_string(),
        Printable::Base64(text) => format!("base64:{text}"),
    };
    format!("{}\t{value}\n", item.key.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_never_rounded_to_nothing() {
        for (nanos, millis) in [(1, 1), (1_000_000, 1), (1_000_001, 2), (5_000_000_000, 5000)] {
            assert_eq!(millis_up(Duration::from_nanos(nanos)), millis, "{nanos}");
        }
        assert_eq!(millis_up(Duration::MAX), u64::MAX);
    }
}
