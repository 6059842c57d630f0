//! Asks several sites at once whether they are up, and how long they take.

use std::time::{Duration, Instant};

use flint_sdk::http::client;
use flint_sdk::prelude::*;
use serde::Serialize;

/// A site that takes longer is as good as down.
const PATIENCE: Duration = Duration::from_secs(2);

/// What became of one site.
#[derive(Serialize)]
struct Report {
    site: String,
    up: bool,
    /// What it answered, or why it did not.
    answer: String,
    milliseconds: u128,
}

#[flint_sdk::http]
async fn uptime(_: Request) -> Result<Json<Vec<Report>>, Problem> {
    let sites = config::get("sites")?.unwrap_or_default();
    // All are asked at once, so that this takes as long as the slowest of them.
    let reports = flint_sdk::join_all(sites.split_whitespace().map(look_at)).await;
    Ok(Json(reports))
}

async fn look_at(site: &str) -> Report {
    let begin = Instant::now();
    let answer = client::get(site).timeout(PATIENCE).redirects(3).send().await;
    let (up, answer) = match answer {
        Ok(answer) => (!answer.status().is_server_error(), answer.status().to_string()),
        Err(error) => {
            log::warn!("a site is down", site = site, error = error.to_string());
            (false, error.to_string())
        }
    };
    Report { site: site.to_owned(), up, answer, milliseconds: begin.elapsed().as_millis() }
}
