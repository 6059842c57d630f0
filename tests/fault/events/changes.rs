//! Articles that change over and over, and the index that `functions/search-index` keeps of them.
//!
//! It adds the words that a change brought and removes those that it took, in the transaction of the change. So the index has exactly
//! the words of what is there now, unless a change was lost, told twice, or told before the one before it.

use super::book::open;
use super::look::{self, count};
use super::{Answer, Site, Work, brief};
use crate::it::harness::guest::route;
use crate::it::harness::{Client, Host};
use http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Mutex;

const WORKERS: usize = 3;

/// The articles of each worker, which nobody else writes. Many: a kill holds those up that are being followed, until a lease ends.
const ARTICLES: usize = 30;

#[derive(Default)]
pub(super) struct Changes(Mutex<BTreeMap<String, Article>>);

/// What is known of an article.
#[derive(Debug, Default, Clone, Copy)]
struct Article {
    /// How often it was written: as often as its version says, and some more if versions were lost with a host.
    written: usize,
    /// What it holds, if anything.
    version: usize,
    /// A version that no answer came to.
    open: Option<usize>,
}

impl Article {
    /// Notes what an answer says of the version that is open.
    fn settle(&mut self, is_there: bool) {
        let Some(version) = self.open.take().filter(|_| is_there) else { return };
        (self.written, self.version) = (self.written + 1, version);
    }

    /// The version that was never written before.
    fn begin(&mut self, key: &str) -> String {
        let version = self.version + 1;
        self.open = Some(version);
        text(key, version)
    }
}

/// An article has a word for each of the last bits of its version, so that most changes leave some.
fn words(version: usize) -> BTreeSet<String> {
    (0..6).filter(|bit| version >> bit & 1 == 1).map(|bit| format!("bit{bit}")).chain([format!("v{version}")]).collect()
}

fn text(key: &str, version: usize) -> String {
    let words: Vec<_> = words(version).into_iter().collect();
    json!({"title": key, "text": words.join(" ")}).to_string()
}

fn path(key: &str) -> String {
    format!("/v1/kv/articles/{key}")
}

impl Changes {
    fn article(&self, key: &str) -> Article {
        open(&self.0).get(key).copied().unwrap_or_default()
    }

    /// Looks which of two versions is there, if an answer was lost with a host.
    fn look(&self, admin: Client, key: &str) -> Result<(), Box<dyn Error>> {
        let mut article = self.article(key);
        let Some(version) = article.open else { return Ok(()) };
        let answer = admin.try_send(Method::GET, &path(key), &[], "")?;
        let found = if answer.status == 404 { Value::Null } else { answer.expect(200).json()["value"].clone() };
        let is_there = found == text(key, version);
        assert!(is_there || found == text(key, article.version) || article.version == 0, "{key}: {found}");
        article.settle(is_there);
        open(&self.0).insert(key.to_owned(), article);
        Ok(())
    }

    fn write(&self, site: &Site, key: &str) -> Answer {
        let mut article = self.article(key);
        let text = article.begin(key);
        open(&self.0).insert(key.to_owned(), article);
        let answer = site.admin.try_send(Method::PUT, &path(key), &[], text)?.expect(200);
        article.settle(true);
        open(&self.0).insert(key.to_owned(), article);
        Ok(answer)
    }
}

impl Work for Changes {
    fn sections(&self) -> String {
        let sections = [
            brief("search-index", "grants = { kv = { index = \"read-write\" } }\n"),
            route("/search", "search-index"),
            "[kv.articles]\n[kv.index]\n[[trigger]]\nkv = \"articles\"\nfunction = \"search-index\"\n".to_owned(),
            "max-receives = 200\nretry-delay = \"5ms\"\nretry-delay-max = \"20ms\"\nbatch-size = 3\nconcurrency = 4\n"
                .to_owned(),
        ];
        sections.concat()
    }

    fn workers(&self) -> usize {
        WORKERS
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        for number in 0.. {
            let key = format!("article-{worker}-{}", (round + number / 2) % ARTICLES);
            if self.look(site.admin, &key).is_err() || self.write(site, &key).is_err() {
                return;
            }
            site.acknowledged();
        }
    }

    fn queues(&self) -> &[&str] {
        &["kv%2Farticles%2Fsearch-index"]
    }

    fn check(&self, host: &Host) -> String {
        let keys: Vec<_> = open(&self.0).keys().cloned().collect();
        keys.iter().for_each(|key| self.look(host.admin(), key).expect("an answer"));
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for entry in look::entries(host, "index", "word/") {
            let (word, article) = look::key(&entry, "word/").split_once('/').expect("a word and an article");
            found.entry(article.to_owned()).or_default().insert(word.to_owned());
        }
        let mut written = 0;
        for (key, article) in open(&self.0).iter().filter(|(_, article)| article.written > 0) {
            // The title is three words more.
            let of_title = key.split('-').map(str::to_owned);
            let expected: BTreeSet<_> = words(article.version).into_iter().chain(of_title).collect();
            assert_eq!(found.get(key), Some(&expected), "{key}: {article:?}");
            let told = look::entry(host, "index", &format!("changes/{key}")).map_or(0, |entry| count(&entry));
            assert_eq!(told, article.written as i64, "{key}: each change counts once");
            written += article.written;
        }
        format!("{written} changes were followed")
    }
}
