//! The pattern *stream sync*: an index of words follows the articles of another store, and an HTTP endpoint searches it.
//!
//! Keys of the index: `word/WORD/ARTICLE` holds the title, `changes/ARTICLE` counts how often an article changed.

use std::collections::{BTreeMap, BTreeSet};

use flint_sdk::kv::{Change, Put};
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// So many words of an article are found: those before and those after a change fit into one batch.
const WORDS_MAX: usize = 400;

/// The longest word that is told from others, in bytes.
const WORD_SIZE_MAX: usize = 64;

/// So many articles are answered.
const FOUND_MAX: usize = 100;

#[derive(Deserialize)]
struct Article {
    title: String,
    text: String,
}

impl Article {
    fn words(&self) -> BTreeSet<String> {
        words(&self.title).chain(words(&self.text)).take(WORDS_MAX).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| (1..=WORD_SIZE_MAX).contains(&word.len()));
    words.map(str::to_lowercase)
}

/// Follows a change: the words that are gone, and those that are there.
#[flint_sdk::kv_change]
async fn follow(change: Change<Article>) -> Result<(), Failure> {
    let key = |word: &String| format!("word/{word}/{}", change.key);
    let before = change.old.map(|entry| entry.value.words()).unwrap_or_default();
    let after = change.new.map(|entry| (entry.value.words(), entry.value.title));
    let mut write = kv::Batch::new().increment(&format!("changes/{}", change.key), 1);
    let (now, title) = after.unwrap_or_default();
    for word in before.difference(&now) {
        write = write.delete(&key(word));
    }
    for word in &now {
        write = write.put(&key(word), &title, Put::new())?;
    }
    kv::open("index").batch(write).await?;
    Ok(())
}

/// An article that has all the words.
#[derive(Serialize)]
struct Found {
    article: String,
    title: String,
}

#[flint_sdk::http(buffered)]
async fn search(request: Request) -> Result<Json<Vec<Found>>, Problem> {
    let asked = request.query_param("q").unwrap_or_default();
    let mut found: Option<BTreeMap<String, String>> = None;
    for word in words(&asked).collect::<BTreeSet<_>>() {
        let with_word = with_word(&word).await?;
        found = Some(match found {
            Some(found) => found.into_iter().filter(|(article, _)| with_word.contains_key(article)).collect(),
            None => with_word,
        });
    }
    let found = found
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST).code("search/no-word").detail("`q` has to have a word"))?;
    Ok(Json(found.into_iter().take(FOUND_MAX).map(|(article, title)| Found { article, title }).collect()))
}

/// The articles that have a word, with their titles.
async fn with_word(word: &str) -> Result<BTreeMap<String, String>, Problem> {
    let prefix = format!("word/{word}/");
    let mut scan = kv::open("index").scan(&prefix).page_size(1_000);
    let mut found = BTreeMap::new();
    while let Some(item) = scan.next().await? {
        found.insert(item.key[prefix.len()..].to_owned(), item.entry.value);
    }
    Ok(found)
}
