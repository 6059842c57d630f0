//! `flint:platform/blob`: blobs that a guest reads, writes and hands out URLs of. `wasi_draft.rs` is the same for
//! `wasi:blobstore`.
//!
//! Content streams: in the host lies a piece or two of each transfer, however large the blob is.

mod convert;
mod incoming;
mod outgoing;
pub(crate) mod wasi_draft;

use super::stores::{Account, Turn};
use crate::bindings::platform::blob as wit;
use crate::state::{Platform, State};
use flint_model::{Access, BucketName, Capability};
use flint_stores::blob::sign::SignedMethod;
use flint_stores::{BlobExpectation, BlobInfo, Effect, Etag, Invalid, Listing, Outcome, ReadError, Unavailable};
use std::time::Duration;
use wasmtime::component::{Accessor, FutureReader, StreamReader};

impl wit::Host for &mut State {}

impl<T> wit::HostWithStore<T> for Platform {
    async fn get(
        accessor: &Accessor<T, Self>,
        bucket: String,
        key: String,
        range: Option<wit::Range>,
    ) -> Result<(wit::Info, StreamReader<u8>, FutureReader<Result<(), wit::Error>>), wit::Error> {
        let client = client(accessor);
        let bucket = client.open(&bucket, Access::Read)?;
        let blob = {
            let _turn = client.enter(key.len()).await?;
            client.account.stores.blobs().read(&bucket, &key, convert::range(range)).await?
        };
        let Some(blob) = blob else { return Err(wit::Error::NoSuchBlob(key)) };
        client.account.spend(convert::size(&blob.info))?;
        let (stream, whole) = outgoing::streams(accessor, client.account, blob.body.bytes)?;
        Ok((blob.info.into(), stream, whole))
    }

    async fn head(accessor: &Accessor<T, Self>, bucket: String, key: String) -> Result<Option<wit::Info>, wit::Error> {
        let client = client(accessor);
        let bucket = client.open(&bucket, Access::Read)?;
        let info = client.head(&bucket, &key).await?;
        Ok(info.map(wit::Info::from))
    }

    async fn put(
        accessor: &Accessor<T, Self>,
        bucket: String,
        key: String,
        content: StreamReader<u8>,
        whole: FutureReader<bool>,
        options: wit::PutOptions,
    ) -> Result<wit::Info, wit::Error> {
        let client = client(accessor);
        let incoming = incoming::streams(accessor, content, whole)?;
        let bucket = client.open(&bucket, Access::ReadWrite)?;
        client.account.spend(key.len() + convert::options_size(&options))?;
        let content = incoming.write(&client.account, &bucket).await?;
        let wit::PutOptions { content_type, metadata, expect } = options;
        let metadata = convert::metadata(metadata)?;
        let expect = expect.map(BlobExpectation::try_from).transpose()?;
        let effect = Effect::BlobLink {
            bucket,
            key: key.clone(),
            content,
            content_type: content_type.clone(),
            metadata: metadata.clone(),
            expect,
        };
        match client.change(effect).await? {
            Outcome::BlobLink { linked } => Ok(convert::linked(linked, key, content_type, metadata)),
            _ => Err(unexpected()),
        }
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        bucket: String,
        key: String,
        expect: Option<wit::Expectation>,
    ) -> Result<bool, wit::Error> {
        let client = client(accessor);
        let bucket = client.open(&bucket, Access::ReadWrite)?;
        let expect = expect.map(BlobExpectation::try_from).transpose()?;
        match client.change(Effect::BlobUnlink { bucket, key, expect }).await? {
            Outcome::BlobUnlink { existed } => Ok(existed),
            _ => Err(unexpected()),
        }
    }

    async fn copy(
        accessor: &Accessor<T, Self>,
        bucket: String,
        key: String,
        to_bucket: String,
        to_key: String,
        expect: Option<wit::Expectation>,
    ) -> Result<wit::Info, wit::Error> {
        let client = client(accessor);
        let from_bucket = client.open(&bucket, Access::Read)?;
        let bucket = client.allowed(&to_bucket, Access::ReadWrite)?;
        let source = client.head(&from_bucket, &key).await?;
        let Some(source) = source else { return Err(wit::Error::NoSuchBlob(key)) };
        let expect = expect.map(BlobExpectation::try_from).transpose()?;
        let from_expect = Some(source.etag);
        let key = to_key.clone();
        let copy = Effect::BlobCopy { from_bucket, from_key: source.key, from_expect, bucket, key, expect };
        match client.change(copy).await? {
            Outcome::BlobCopy { linked } => Ok(convert::linked(linked, to_key, source.content_type, source.metadata)),
            _ => Err(unexpected()),
        }
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        bucket: String,
        prefix: String,
        delimiter: Option<String>,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<wit::Page, wit::Error> {
        let client = client(accessor);
        let bucket = client.open(&bucket, Access::Read)?;
        let texts = [Some(&prefix), delimiter.as_ref(), cursor.as_ref()];
        let _turn = client.enter(texts.into_iter().flatten().map(String::len).sum()).await?;
        let listing = Listing { prefix: &prefix, delimiter: delimiter.as_deref() };
        let page = client.account.stores.blobs().list(&bucket, listing, cursor.as_deref(), limit).await?;
        let prefixes = page.prefixes.iter().map(String::len).sum::<usize>();
        client.account.spend(page.blobs.iter().map(convert::size).sum::<usize>() + prefixes)?;
        let blobs = page.blobs.into_iter().map(wit::Info::from).collect();
        Ok(wit::Page { blobs, common_prefixes: page.prefixes, cursor: page.cursor })
    }

    async fn sign_url(
        accessor: &Accessor<T, Self>,
        bucket: String,
        key: String,
        method: wit::SignedMethod,
        expires_in: u64,
    ) -> Result<String, wit::Error> {
        let client = client(accessor);
        let (method, access) = match method {
            wit::SignedMethod::Get => (SignedMethod::Get, Access::Read),
            wit::SignedMethod::Put => (SignedMethod::Put, Access::ReadWrite),
        };
        let bucket = client.open(&bucket, access)?;
        let function = &client.account.function;
        let expires_in = Duration::from_millis(expires_in);
        Ok(function.signer.url(function.clock.now(), method, &bucket, &key, expires_in)?)
    }
}

/// The buckets, as one invocation may use them.
struct Client {
    account: Account,
}

impl State {
    fn blobs(&mut self) -> Client {
        Client { account: self.account() }
    }
}

fn client<T>(accessor: &Accessor<T, Platform>) -> Client {
    accessor.with(|mut access| access.get().blobs())
}

impl Client {
    /// Checks the grant, and counts the call.
    fn open(&self, bucket: &str, access: Access) -> Result<BucketName, wit::Error> {
        let bucket = self.allowed(bucket, access)?;
        self.account.count()?;
        Ok(bucket)
    }

    fn allowed(&self, bucket: &str, access: Access) -> Result<BucketName, wit::Error> {
        if !self.account.allows(Capability::Blob, bucket, access) {
            return Err(wit::Error::Denied(format!("the function has no {access} grant for the bucket {bucket:?}")));
        }
        BucketName::parse(bucket).map_err(|_| wit::Error::NoSuchBucket(bucket.to_owned()))
    }

    async fn enter(&self, arguments: usize) -> Result<Turn<'_>, wit::Error> {
        Ok(self.account.enter(arguments).await.map_err(ReadError::from)?)
    }

    async fn head(&self, bucket: &BucketName, key: &str) -> Result<Option<BlobInfo>, wit::Error> {
        let _turn = self.enter(key.len()).await?;
        let info = self.account.stores.blobs().head(bucket, key).await?;
        self.account.spend(info.as_ref().map_or(0, convert::size))?;
        Ok(info)
    }

    async fn change(&self, effect: Effect) -> Result<Outcome, wit::Error> {
        self.change_all(vec![effect]).await?.into_iter().next().ok_or_else(unexpected)
    }

    /// Makes all the changes or none.
    async fn change_all(&self, effects: Vec<Effect>) -> Result<Vec<Outcome>, wit::Error> {
        let _turn = self.enter(effects.iter().map(|effect| effect.size() as usize).sum()).await?;
        Ok(self.account.commit(effects).await?.outcomes)
    }
}

/// A store engine answered a change with the outcome of another: nothing is known of what was written.
fn unexpected() -> wit::Error {
    wit::Error::Unavailable(Unavailable::Failed.to_string())
}

impl TryFrom<wit::Expectation> for BlobExpectation {
    type Error = wit::Error;

    fn try_from(expectation: wit::Expectation) -> Result<Self, wit::Error> {
        match expectation {
            wit::Expectation::Absent => Ok(Self::Absent),
            wit::Expectation::Etag(etag) => match etag.parse::<Etag>() {
                Ok(etag) => Ok(Self::Etag(etag)),
                Err(error) => Err(wit::Error::Invalid(error.to_string())),
            },
        }
    }
}

impl From<Invalid> for wit::Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid.to_string())
    }
}
