//! One store, and what is done to single keys.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::{Batch, Outcome};
use super::error::Error;
use super::scan::Scan;
use crate::bindings::imports::flint::platform::kv as wit;
use crate::time;

/// A key-value store. Made by [`open`]; cheap to make and to clone.
///
/// ```
/// use flint_sdk::kv::{self, Store};
///
/// let [links, visits]: [Store; 2] = ["links", "visits"].map(kv::open);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    name: String,
}

/// Grows with every write to a store, and is never used twice. Only good for comparing.
///
/// ```
/// use flint_sdk::kv::{Error, Store, Version};
///
/// /// Whether somebody wrote a key since it was read.
/// async fn has_changed(store: &Store, key: &str, seen: Version) -> Result<bool, Error> {
///     let entry = store.entry_bytes(key).await?;
///     Ok(entry.is_none_or(|entry| entry.version != seen))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

/// A stored value.
///
/// ```
/// use flint_sdk::kv::Entry;
///
/// fn is_kept(session: &Entry<String>) -> bool {
///     session.expires_at.is_none()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// The value.
    pub value: T,
    /// What to expect for a compare-and-set.
    pub version: Version,
    /// When it will be gone, if it was put with a time to live.
    pub expires_at: Option<SystemTime>,
}

/// What a key has to be for a write to happen.
///
/// ```
/// use flint_sdk::kv::{Entry, Expect};
///
/// /// What a write may replace: what was read, or nothing.
/// fn as_read<T>(entry: Option<&Entry<T>>) -> Expect {
///     entry.map_or(Expect::Absent, |entry| Expect::Version(entry.version))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The key does not exist.
    Absent,
    /// The key exists, at this very version.
    Version(Version),
}

/// How to put a value: for how long, and on which condition.
///
/// ```
/// use std::time::Duration;
/// use flint_sdk::kv::{Expect, Put};
///
/// let put = Put::new().ttl(Duration::from_secs(3600)).expect(Expect::Absent);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Put {
    ttl: Option<Duration>,
    expect: Option<Expect>,
}

/// Opens a store by the name that platform.toml gives it.
///
/// Nothing happens yet: a store that does not exist, or is not granted, is an error of the first call.
///
/// ```
/// let links = flint_sdk::kv::open("links");
/// assert_eq!(links.name(), "links");
/// ```
pub fn open(name: impl Into<String>) -> Store {
    Store { name: name.into() }
}

impl Store {
    /// The store's name.
    ///
    /// ```
    /// assert_eq!(flint_sdk::kv::open("links").name(), "links");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a value. None if the key does not exist, or its time has passed.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let target: Option<String> = links.get("abc").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Json`] if the value is of another form; [`Error::NoSuchStore`], [`Error::Denied`], [`Error::Invalid`],
    /// [`Error::Unavailable`].
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.entry(key).await?.map(|entry| entry.value))
    }

    /// Reads a value with its version, for a compare-and-set.
    ///
    /// ```no_run
    /// use flint_sdk::kv::{Error, Expect, Put, Store};
    ///
    /// /// Adds a name to a list, whoever else does so at this moment.
    /// async fn add(store: &Store, name: &str) -> Result<(), Error> {
    ///     loop {
    ///         let (mut names, expect) = match store.entry::<Vec<String>>("names").await? {
    ///             Some(entry) => (entry.value, Expect::Version(entry.version)),
    ///             None => (Vec::new(), Expect::Absent),
    ///         };
    ///         names.push(name.to_owned());
    ///         match store.put_with("names", &names, Put::new().expect(expect)).await {
    ///             Err(error) if error.is_conflict() => continue,
    ///             done => return done.map(|_version| ()),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn entry<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Entry<T>>, Error> {
        self.entry_bytes(key).await?.map(|entry| entry.decode(key)).transpose()
    }

    /// Reads a value as it is stored, with its version.
    ///
    /// ```no_run
    /// # async fn example(images: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// if let Some(icon) = images.entry_bytes("icon").await? {
    ///     println!("{} bytes", icon.value.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::get`], without [`Error::Json`].
    pub async fn entry_bytes(&self, key: &str) -> Result<Option<Entry<Vec<u8>>>, Error> {
        let entry = wit::get(self.name.clone(), key.to_owned()).await?;
        Ok(entry.map(Entry::from))
    }

    /// Reads several values at one moment, in the order asked for. At most 1,000 keys.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let targets: Vec<Option<String>> = links.get_many(&["abc", "def"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::get`], and [`Error::TooLarge`].
    pub async fn get_many<T: DeserializeOwned>(&self, keys: &[&str]) -> Result<Vec<Option<T>>, Error> {
        let owned = keys.iter().map(|key| (*key).to_owned()).collect();
        let entries = wit::get_many(self.name.clone(), owned).await?;
        let decode = |(entry, key): (Option<wit::Entry>, &&str)| match entry {
            Some(entry) => decode(key, &entry.value).map(Some),
            None => Ok(None),
        };
        entries.into_iter().zip(keys).map(decode).collect()
    }

    /// Says whether a key exists, without reading its value.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let taken = links.exists("abc").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::get`], without [`Error::Json`].
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        Ok(wit::exists(self.name.clone(), key.to_owned()).await?)
    }

    /// Writes a value, whatever is there. Durable when it is acknowledged.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// links.put("abc", &"https://example.com").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Json`] if the value has no JSON form; [`Error::NoSuchStore`], [`Error::Denied`], [`Error::TooLarge`],
    /// [`Error::Invalid`], [`Error::Unavailable`].
    pub async fn put<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<Version, Error> {
        self.put_with(key, value, Put::new()).await
    }

    /// Writes a value with a time to live, on a condition, or both.
    ///
    /// ```no_run
    /// use flint_sdk::kv::{Error, Expect, Put, Store};
    ///
    /// /// Whether the code was free, and is ours now.
    /// async fn claim(links: &Store, code: &str, url: &str) -> Result<bool, Error> {
    ///     match links.put_with(code, url, Put::new().expect(Expect::Absent)).await {
    ///         Ok(_version) => Ok(true),
    ///         Err(error) if error.is_conflict() => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put`], and [`Error::Conflict`].
    pub async fn put_with<T: Serialize + ?Sized>(&self, key: &str, value: &T, put: Put) -> Result<Version, Error> {
        self.put_bytes(key, encode(key, value)?, put).await
    }

    /// Writes bytes as they are.
    ///
    /// ```no_run
    /// use flint_sdk::kv::Put;
    ///
    /// # async fn example(images: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// images.put_bytes("icon", [0x89, b'P', b'N', b'G'], Put::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put_with`], without [`Error::Json`].
    pub async fn put_bytes(&self, key: &str, value: impl Into<Vec<u8>>, put: Put) -> Result<Version, Error> {
        let version = wit::put(self.name.clone(), key.to_owned(), value.into(), put.into()).await?;
        Ok(Version(version))
    }

    /// Writes a value only if the key is as expected, and answers the new version.
    ///
    /// ```no_run
    /// use flint_sdk::kv::Expect;
    ///
    /// # async fn example(orders: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let version = orders.compare_and_set("o-1", Expect::Absent, &"new").await?;
    /// orders.compare_and_set("o-1", Expect::Version(version), &"paid").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put_with`]; [`Error::Conflict`] if somebody else was faster.
    pub async fn compare_and_set<T: Serialize + ?Sized>(
        &self,
        key: &str,
        expect: Expect,
        value: &T,
    ) -> Result<Version, Error> {
        self.put_with(key, value, Put::new().expect(expect)).await
    }

    /// Deletes a key. Answers whether there was something to delete.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let existed = links.delete("abc").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put`], without [`Error::Json`].
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        Ok(wit::delete(self.name.clone(), key.to_owned(), None).await?)
    }

    /// Deletes a key only if it is at this version.
    ///
    /// ```no_run
    /// # async fn example(jobs: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// if let Some(job) = jobs.entry::<String>("next").await? {
    ///     jobs.delete_if("next", job.version).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::delete`], and [`Error::Conflict`].
    pub async fn delete_if(&self, key: &str, version: Version) -> Result<(), Error> {
        let expect = Some(wit::Expectation::Version(version.0));
        wit::delete(self.name.clone(), key.to_owned(), expect).await?;
        Ok(())
    }

    /// Adds to a counter, which starts at 0, and answers the sum. Atomic: concurrent increments all count.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let visits = links.increment("abc/visits", 1).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::delete`], and [`Error::NotACounter`].
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        Ok(wit::increment(self.name.clone(), key.to_owned(), delta).await?)
    }

    /// Reads a counter: 0 if it does not exist.
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let visits = links.counter("abc/visits").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::entry_bytes`], and [`Error::NotACounter`].
    pub async fn counter(&self, key: &str) -> Result<i64, Error> {
        let Some(entry) = self.entry_bytes(key).await? else {
            return Ok(0);
        };
        match entry.value.try_into() {
            Ok(bytes) => Ok(i64::from_le_bytes(bytes)),
            Err(_) => Err(Error::NotACounter(key.to_owned())),
        }
    }

    /// Reads the keys that start with a prefix, in ascending order, page by page or one by one. See [`Scan`].
    ///
    /// ```no_run
    /// # async fn example(links: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let mut scan = links.scan("user/");
    /// while let Some(item) = scan.next::<String>().await? {
    ///     println!("{} = {}", item.key, item.entry.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan(&self, prefix: impl Into<String>) -> Scan {
        Scan::new(self.name.clone(), prefix.into())
    }

    /// Makes all the changes of a batch, or none. At most 1,000, each key once, 4 MiB in all.
    ///
    /// ```no_run
    /// use flint_sdk::kv::{Batch, Put};
    ///
    /// # async fn example(accounts: flint_sdk::kv::Store) -> Result<(), flint_sdk::kv::Error> {
    /// let batch = Batch::new().increment("alice", -10).increment("bob", 10);
    /// let outcomes = accounts.batch(batch).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put_with`], and [`Error::NotACounter`].
    pub async fn batch(&self, batch: Batch) -> Result<Vec<Outcome>, Error> {
        let outcomes = wit::batch(self.name.clone(), batch.into_mutations()).await?;
        Ok(outcomes.into_iter().map(Outcome::from).collect())
    }
}

impl Put {
    /// Puts for good, whatever is there.
    ///
    /// ```
    /// let put = flint_sdk::kv::Put::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry is gone so long after the write. Counted in milliseconds, at least one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let put = flint_sdk::kv::Put::new().ttl(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Writes only if the key is as expected.
    ///
    /// ```
    /// # use flint_sdk::kv::{Expect, Put};
    /// let put = Put::new().expect(Expect::Absent);
    /// ```
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = Some(expect);
        self
    }
}

impl From<Put> for wit::PutOptions {
    fn from(put: Put) -> Self {
        Self { ttl: put.ttl.map(time::to_millis), expect: put.expect.map(wit::Expectation::from) }
    }
}

impl From<Expect> for wit::Expectation {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Absent => Self::Absent,
            Expect::Version(version) => Self::Version(version.0),
        }
    }
}

impl Entry<Vec<u8>> {
    pub(super) fn decode<T: DeserializeOwned>(self, key: &str) -> Result<Entry<T>, Error> {
        Ok(Entry { value: decode(key, &self.value)?, version: self.version, expires_at: self.expires_at })
    }
}

impl From<wit::Entry> for Entry<Vec<u8>> {
    fn from(entry: wit::Entry) -> Self {
        Self {
            value: entry.value,
            version: Version(entry.version),
            expires_at: entry.expires_at.map(time::from_timestamp),
        }
    }
}

pub(super) fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|source| json(key, source))
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|source| json(key, source))
}

fn json(key: &str, source: serde_json::Error) -> Error {
    Error::Json { key: key.to_owned(), source }
}
