//! `flint blob`: stores and reads blobs, through the host that runs, or, if none does, by itself.

use super::kv::{millis_up, running};
use crate::admin::api::blob::{BlobInfo, BlobPage, Condition, List, Removed, Sign, SignMethod, SignedUrl};
use crate::admin::blob::{self, Content};
use crate::admin::client::Client;
use crate::cli::{self, BlobCommand};
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::{signing, wire};
use bytes::BytesMut;
use flint_model::BucketName;
use flint_stores::blob::sign::Signer;
use flint_stores_embedded::Embedded;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// What is read of a file at once, in bytes.
const PIECE: usize = 256 << 10;

/// Runs a command on a bucket.
pub(crate) async fn run(args: cli::Blob, output: Output) -> Result<(), Error> {
    let buckets = Access::open(&args.host).await?;
    let done = work(&buckets, args.command, output).await;
    buckets.close().await;
    done
}

async fn work(buckets: &Access, command: BlobCommand, output: Output) -> Result<(), Error> {
    let printed = match command {
        BlobCommand::Put(put) => {
            let content = source(put.file.as_deref()).await?;
            let condition = Condition { if_absent: put.if_absent, if_match: put.if_match };
            let info = buckets.put(&put.bucket, &put.key, content, put.kind, &condition).await?;
            output.answer(&info, || format!("{} {}: {} bytes", put.bucket, info.key.escape_debug(), info.size))
        }
        BlobCommand::Get { bucket, key, out } => return get(buckets, &bucket, &key, out.as_deref(), output).await,
        BlobCommand::Ls(list) => {
            let cli::BlobList { bucket, prefix, delimiter, limit, cursor } = list;
            let page = buckets.list(&bucket, &List { prefix, delimiter, cursor, limit: Some(limit) }).await?;
            let printed = output.answer(&page, || lines(&page));
            if let (Some(cursor), false) = (&page.cursor, output.is_json()) {
                output.note(format_args!("there may be more: --cursor {cursor}"));
            }
            printed
        }
        BlobCommand::Rm { bucket, key, if_match } => {
            let removed = buckets.remove(&bucket, &key, &Condition { if_absent: false, if_match }).await?;
            let text = if removed.existed { "it is removed" } else { "there was none" };
            output.answer(&removed, || text.to_owned())
        }
        BlobCommand::Sign { bucket, key, put, expires } => {
            let method = if put { SignMethod::Put } else { SignMethod::Get };
            let sign = Sign { bucket: bucket.to_string(), key, method, expires_in_ms: millis_up(expires) };
            let signed = buckets.sign(&sign).await?;
            output.answer(&signed, || signed.url.clone())
        }
    };
    printed.map_err(Error::io("write the answer"))
}

/// Prints content as it is, or writes it to a file. As JSON, what is known about it is printed beside the file, or alone.
async fn get(
    buckets: &Access,
    bucket: &BucketName,
    key: &str,
    out: Option<&Path>,
    output: Output,
) -> Result<(), Error> {
    if let Some(path) = out {
        let mut content = buckets.get(bucket, key).await?;
        let mut file = tokio::fs::File::create(path).await.map_err(Error::io("write the file"))?;
        while let Some(piece) = content.try_next().await.map_err(Error::io("read the blob"))? {
            file.write_all(&piece).await.map_err(Error::io("write the file"))?;
        }
        file.flush().await.map_err(Error::io("write the file"))?;
    }
    if output.is_json() {
        // In order of bytes, the key itself comes first of those that start with it.
        let list = List { prefix: key.to_owned(), limit: Some(1), ..List::default() };
        let first = buckets.list(bucket, &list).await?.blobs.into_iter().next();
        let info = first.filter(|info| info.key == key).ok_or_else(|| blob::missing(bucket, key))?;
        return output.answer(&info, String::new).map_err(Error::io("write the answer"));
    }
    if out.is_none() {
        let mut content = buckets.get(bucket, key).await?;
        while let Some(piece) = content.try_next().await.map_err(Error::io("read the blob"))? {
            output.raw(&piece).map_err(Error::io("write the answer"))?;
        }
    }
    Ok(())
}

/// One line a blob or a common prefix, whatever is in it.
fn lines(page: &BlobPage) -> String {
    let blob = |info: &BlobInfo| {
        let kind = info.content_type.as_deref().unwrap_or("-");
        (info.key.clone(), format!("{}\t{}\t{kind}\n", info.key.escape_debug(), info.size))
    };
    let prefix = |prefix: &String| (prefix.clone(), format!("{}\t-\t-\n", prefix.escape_debug()));
    let mut lines: Vec<_> = page.blobs.iter().map(blob).chain(page.prefixes.iter().map(prefix)).collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The content of a file, or of standard input.
async fn source(file: Option<&Path>) -> Result<Content, Error> {
    match file {
        Some(path) => Ok(pieces(tokio::fs::File::open(path).await.map_err(Error::io("read the file"))?)),
        None => Ok(pieces(tokio::io::stdin())),
    }
}

fn pieces<R: AsyncRead + Unpin + Send + 'static>(reader: R) -> Content {
    let next = |mut reader: R| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let count = reader.read_buf(&mut piece).await?;
        Ok::<_, io::Error>((count > 0).then(|| (piece.freeze(), reader)))
    };
    stream::try_unfold(reader, next).boxed()
}

/// The way to the buckets.
enum Access {
    Host(Client),
    Here { stores: Arc<Embedded>, signer: Signer },
}

impl Access {
    async fn open(host: &cli::Host) -> Result<Self, Error> {
        if let Some(client) = running(host).await? {
            return Ok(Self::Host(client));
        }
        let platform = load::stores(&host.config)?;
        tokio::task::block_in_place(|| {
            Ok(Self::Here { stores: wire::open_stores(&platform)?, signer: signing::signer(&platform)? })
        })
    }

    async fn get(&self, bucket: &BucketName, key: &str) -> Result<Content, Error> {
        Ok(match self {
            Self::Host(client) => client.blob(bucket, key).await?,
            Self::Here { stores, .. } => {
                blob::get(&**stores, bucket, key).await?.body.bytes.map_err(io::Error::other).boxed()
            }
        })
    }

    async fn put(
        &self,
        bucket: &BucketName,
        key: &str,
        content: Content,
        kind: Option<String>,
        condition: &Condition,
    ) -> Result<BlobInfo, Error> {
        Ok(match self {
            Self::Host(client) => client.put_blob(bucket, key, content, kind.as_deref(), condition).await?,
            Self::Here { stores, .. } => blob::put(&**stores, bucket, key, content, kind, condition).await?,
        })
    }

    async fn remove(&self, bucket: &BucketName, key: &str, condition: &Condition) -> Result<Removed, Error> {
        Ok(match self {
            Self::Host(client) => client.remove_blob(bucket, key, condition).await?,
            Self::Here { stores, .. } => blob::remove(&**stores, bucket, key, condition).await?,
        })
    }

    async fn list(&self, bucket: &BucketName, list: &List) -> Result<BlobPage, Error> {
        Ok(match self {
            Self::Host(client) => client.blobs(bucket, list).await?,
            Self::Here { stores, .. } => blob::list(&**stores, bucket, list).await?,
        })
    }

    async fn sign(&self, sign: &Sign) -> Result<SignedUrl, Error> {
        Ok(match self {
            Self::Host(client) => client.sign(sign).await?,
            Self::Here { stores, signer } => blob::sign(&**stores, signer, sign).await?,
        })
    }

    async fn close(&self) {
        if let Self::Here { stores, .. } = self {
            stores.close().await;
        }
    }
}
