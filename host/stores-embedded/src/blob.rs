//! The side of the buckets that looks up, reads and lists, and where content begins to be written.
//!
//! A look-up is one redb read transaction. Small content is read in it; a file is opened after it, and whoever has it open
//! can read it to its end. If it is gone by then, the key was changed meanwhile, and is looked up again.

use bytes::Bytes;
use flint_model::BucketName;
use flint_stores::blob::{common_prefix, past};
use flint_stores::{
    Blob, BlobInfo, Blobs, Body, BoxFuture, Content, ContentWriter, Invalid, ListPage, Listing, Range, ReadError,
    Unavailable, WriteError, check, cursor,
};
use redb::{ReadOnlyTable, ReadTransaction};

use crate::Embedded;
use crate::blob_read::{self, Missed};
use crate::blob_write::Writer;
use crate::database::{Chain, Failure};
use crate::table::Corrupt;
use crate::table::blob::{BLOB, BODY, Link, Place, blob_key_of, blob_row};

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Blobs for Embedded {
    fn write<'a>(&'a self, bucket: &'a BucketName) -> BoxFuture<'a, Result<Box<dyn ContentWriter>, WriteError>> {
        Box::pin(async move {
            let rules = *self.catalog.load().bucket(bucket)?;
            let writer: Box<dyn ContentWriter> = Box::new(Writer::new(self.contents.clone(), bucket.clone(), rules));
            Ok(writer)
        })
    }

    fn head<'a>(&'a self, bucket: &'a BucketName, key: &'a str) -> BoxFuture<'a, Result<Option<BlobInfo>, ReadError>> {
        Box::pin(async move {
            check::blob_key(&self.catalog.load(), bucket, key)?;
            let link = self.look_up(|transaction| find(&transaction.open_table(BLOB)?, bucket, key))?;
            Ok(link.map(|link| link.info(key)))
        })
    }

    fn read<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Option<Blob>, ReadError>> {
        Box::pin(async move {
            check::blob_key(&self.catalog.load(), bucket, key)?;
            let mut gone = None;
            loop {
                let found = self.look_up(|transaction| find_body(transaction, bucket, key, &range))?;
                let Some((link, body)) = found else { return Ok(None) };
                if let Some(body) = body {
                    return Ok(Some(Blob { info: link.info(key), body }));
                }
                let (id, size) = (link.content(), link.size());
                match blob_read::open(&self.contents, Some(bucket.clone()), (id, size), range.of(size)).await {
                    Ok(body) => return Ok(Some(Blob { info: link.info(key), body })),
                    Err(Missed::Failed(error)) => return Err(error),
                    Err(Missed::Gone) if gone == Some(id) => {
                        tracing::error!(content = %id, bucket = %bucket, "the content of a blob is lost");
                        return Err(Unavailable::Failed.into());
                    }
                    Err(Missed::Gone) => gone = Some(id),
                }
            }
        })
    }

    fn read_content<'a>(&'a self, content: &'a Content, range: Range) -> BoxFuture<'a, Result<Body, ReadError>> {
        Box::pin(async move {
            let span = range.of(content.size());
            if span.is_empty() {
                return Ok(blob_read::whole(Bytes::new(), span));
            }
            if let Some(bytes) = content.bytes() {
                return Ok(blob_read::whole(bytes.slice(span.start as usize..span.end as usize), span));
            }
            match blob_read::open(&self.contents, None, (content.id(), content.size()), span).await {
                Ok(body) => Ok(body),
                Err(Missed::Failed(error)) => Err(error),
                // Whoever holds it keeps it: it is of another engine.
                Err(Missed::Gone) => Err(Invalid::Content.into()),
            }
        })
    }

    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        listing: Listing<'a>,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<ListPage, ReadError>> {
        Box::pin(async move {
            let items_max = check::list(&self.catalog.load(), bucket, listing, limit)?;
            let after = cursor.map(|cursor| cursor::decode_blob(bucket, listing, cursor)).transpose()?;
            let list = List { bucket, listing, items_max };
            self.look_up(|transaction| list.page(&transaction.open_table(BLOB)?, after))
        })
    }
}

impl Embedded {
    /// Looks at the tables of blobs at one moment.
    fn look_up<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, Failure>) -> Result<T, ReadError> {
        self.database.read(look).map_err(|failure| match failure {
            Failure::Unavailable(reason) => reason.into(),
            failure => {
                tracing::error!(error = %Chain(&failure), "a read of the buckets failed");
                Unavailable::Failed.into()
            }
        })
    }
}

fn find(table: &Rows, bucket: &BucketName, key: &str) -> Result<Option<Link>, Failure> {
    let row = table.get(blob_row(bucket, key.as_bytes()).as_slice())?;
    Ok(row.map(|row| Link::parse(row.value())).transpose()?)
}

/// A part of what is kept of a content.
fn part(bytes: &[u8], span: std::ops::Range<u64>) -> Result<Body, Failure> {
    let part = bytes.get(span.start as usize..span.end as usize).ok_or(LOST)?;
    Ok(blob_read::whole(Bytes::copy_from_slice(part), span))
}

const LOST: Corrupt = Corrupt("blob, which names content that is not there,");

/// Finds what a key leads to, and the part of its content that is asked for, unless that is in a file.
fn find_body(
    transaction: &ReadTransaction,
    bucket: &BucketName,
    key: &str,
    range: &Range,
) -> Result<Option<(Link, Option<Body>)>, Failure> {
    let Some(row) = transaction.open_table(BLOB)?.get(blob_row(bucket, key.as_bytes()).as_slice())? else {
        return Ok(None);
    };
    let (link, bytes) = Link::parse_with_bytes(row.value())?;
    let span = range.of(link.size());
    let body = match link.place {
        _ if span.is_empty() => Some(blob_read::whole(Bytes::new(), span)),
        Place::File => None,
        Place::Body => {
            let row = transaction.open_table(BODY)?.get(link.content().to_bytes().as_slice())?.ok_or(LOST)?;
            Some(part(row.value(), span)?)
        }
        Place::Row => Some(part(bytes, span)?),
    };
    Ok(Some((link, body)))
}

/// A list of a bucket, a page of it at a time.
struct List<'a> {
    bucket: &'a BucketName,
    listing: Listing<'a>,
    items_max: usize,
}

impl List<'_> {
    fn page(&self, table: &Rows, after: Option<String>) -> Result<ListPage, Failure> {
        let (all, mut page, mut last) = (self.row(self.listing.prefix.as_bytes()), ListPage::default(), after);
        // Where the next run of rows begins: all of one are blobs, and behind each there is something rolled up.
        let mut from = last.as_deref().map_or_else(|| all.clone(), |last| self.behind(last));
        'runs: loop {
            for row in table.range::<&[u8]>(from.as_slice()..)? {
                let (row, value) = row?;
                if !row.value().starts_with(&all) {
                    return Ok(page);
                }
                if page.blobs.len() + page.prefixes.len() == self.items_max {
                    page.cursor = last.map(|last| cursor::encode_blob(self.bucket, self.listing, &last));
                    return Ok(page);
                }
                let key = blob_key_of(self.bucket, row.value())?;
                if let Some(prefix) = common_prefix(self.listing, key) {
                    page.prefixes.push(prefix.to_owned());
                    last = Some(prefix.to_owned());
                    from = self.row(&past(prefix));
                    continue 'runs;
                }
                page.blobs.push(Link::parse(value.value())?.info(key));
                last = Some(key.to_owned());
            }
            return Ok(page);
        }
    }

    /// Where it goes on behind a key or a common prefix.
    fn behind(&self, last: &str) -> Vec<u8> {
        match common_prefix(self.listing, last) {
            Some(prefix) => self.row(&past(prefix)),
            // No key is between this one and itself with a NUL.
            None => self.row(&[last.as_bytes(), &[0]].concat()),
        }
    }

    fn row(&self, key: &[u8]) -> Vec<u8> {
        blob_row(self.bucket, key)
    }
}
