//! What a day of requests costs: on flint, by what it accounts of each, and as container-based Lambdas, by their price model.
//!
//! The load is described by flags, and runs for a while against a real host, at the rate of the day. What the host has accounted is
//! scaled to the day. A Lambda is reckoned with how long its container took in the same run. All that is assumed is told.

mod account;
mod bill;
mod prices;

pub(super) use prices::Prices;
pub(crate) use prices::PricesError;

use super::cold;
use super::flint::{Platform, hello};
use super::load::{self, Target};
use super::{Component, Reuse, wire};
use crate::cli::{self, DayFunction};
use crate::error::Error;
use crate::output::Progress;
use account::Usage;
use bill::{Bill, Duration as Billed, Lambda};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// How long a host has to account the last of its answers, which it does behind them.
const SETTLE: Duration = Duration::from_millis(100);

/// The load of a day, what it takes and what it costs.
#[derive(Debug, Serialize)]
pub(super) struct Day {
    function: &'static str,
    requests: u64,
    /// How long the load ran.
    measured_seconds: f64,
    measured: Usage,
    /// The same, of a whole day.
    usage: Usage,
    bills: Vec<Bill>,
    assumptions: Vec<String>,
    prices: Prices,
}

impl DayFunction {
    fn component(self) -> Component {
        match self {
            Self::HelloBuffered => Component::Buffered,
            Self::Hello02 => Component::Http02,
            Self::HelloPlain03 => Component::Http03,
        }
    }
}

/// Measures the load, and reckons.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    prices: Prices,
    platform: &Platform,
    cold: &[cold::Row],
    progress: &Progress,
) -> Result<Day, Error> {
    progress.step("the load of a day");
    let component = args.day.day_function.component();
    let per_second = args.day.requests_per_day as f64 / DAY.as_secs_f64();
    let (measured, span) = measure(platform, component, per_second, args.time * args.rounds).await?;
    let requests = args.day.requests_per_day as f64;
    let scaled = measured.scaled(requests / measured.requests.max(1.0), DAY.as_secs_f64() / span.as_secs_f64());
    let usage = Usage { requests, ..scaled };
    let lambdas = lambdas(cold, args);
    let bills = bill::all(&prices, &usage, &lambdas);
    let assumptions = assumptions(&prices, &lambdas, span);
    Ok(Day {
        function: component.function(),
        requests: args.day.requests_per_day,
        measured_seconds: span.as_secs_f64(),
        measured,
        usage,
        bills,
        assumptions,
        prices,
    })
}

/// What a host accounts of requests that come evenly, and how long they came.
async fn measure(
    platform: &Platform,
    component: Component,
    per_second: f64,
    time: Duration,
) -> Result<(Usage, Duration), Error> {
    let hello = hello(component, Reuse::Fresh);
    let host = platform.start("", std::slice::from_ref(&hello))?;
    let target = Target::new(host.http, wire::get(host.http, &hello.path));
    target.once().await?;
    tokio::time::sleep(SETTLE).await;
    let before = Usage::read(&host).await?;
    let answers = load::evenly(&target, per_second, time).await?;
    tokio::time::sleep(SETTLE).await;
    let usage = Usage::read(&host).await?.since(before);
    match answers.failed {
        0 => Ok((usage, answers.span + SETTLE)),
        failed => Err(Error::Bug(format!("{failed} requests of a day's load had no answer"))),
    }
}

/// A Lambda for each container that was measured; if there was none, one that takes the least that is billed.
fn lambdas(cold: &[cold::Row], args: &cli::BenchCompare) -> Vec<Lambda> {
    let lambda = |who: String, duration| Lambda {
        who,
        duration,
        memory: args.day.lambda_memory,
        cold_share: args.day.cold_percent / 100.0,
    };
    let measured: Vec<_> = cold::of_hello(cold)
        .filter_map(|row| Some(lambda(row.peer.variant.clone(), Billed::measured(row.warm_p50_us?, row.cold_p50_us))))
        .collect();
    if measured.is_empty() { vec![lambda("assumed".to_owned(), Billed::LEAST)] } else { measured }
}

fn assumptions(prices: &Prices, lambdas: &[Lambda], span: Duration) -> Vec<String> {
    let mut all = vec![
        format!(
            "flint: requests came evenly for {:.1} s, at the rate of the day; what was accounted is scaled, its process's CPU to 10 ms",
            span.as_secs_f64()
        ),
        "flint's machine is paid for the whole day, whatever comes; there is no other that would stand in for it"
            .to_owned(),
    ];
    all.extend(lambdas.iter().map(Lambda::assumption));
    all.push("a cold start of a container is taken whole, its creation included, which AWS does not bill".to_owned());
    let date = prices.date.as_str();
    all.push(format!("prices are in USD, of {date}, without free tiers, discounts, traffic and logs"));
    let gateway = prices.gateway.as_ref().map(|gateway| (gateway.name.as_str(), &gateway.source));
    let sources = [(prices.machine.name.as_str(), &prices.machine.source), ("Lambda", &prices.lambda.source)];
    all.extend(sources.into_iter().chain(gateway).map(|(what, source)| format!("{what}: {source}")));
    all
}

pub(super) fn table(day: &Day) -> String {
    let Day { function, requests, usage, bills, assumptions, prices, .. } = day;
    let per_second = *requests as f64 / DAY.as_secs_f64();
    let mut text = format!(
        "a day of {requests} requests of {function}, {per_second:.1} a second\n\
         flint accounts      {:>10.1} s of CPU, {:.1} GB-seconds; its whole process {:.0} s of CPU\n\n\
         {:<40} {:>10} {:>9} {:>10} {:>9}\n",
        usage.cpu_seconds,
        usage.gb_seconds,
        usage.host_cpu_seconds,
        "USD a day",
        "GB-s",
        "requests",
        "time",
        "together"
    );
    // Writing to a string can't fail.
    for bill in bills {
        let Bill { who, gb_seconds, requests_usd, time_usd, .. } = bill;
        let gb_seconds = gb_seconds.map_or(String::new(), |it| format!("{it:.1}"));
        _ = writeln!(
            text,
            "{who:<40} {gb_seconds:>10} {requests_usd:>9.2} {time_usd:>10.2} {:>9.2}{}",
            bill.together_usd,
            bill.as_much_at.map_or(String::new(), |it| format!("  as much as flint's machine at {it:.0} requests"))
        );
    }
    if let Some(gateway) = &prices.gateway {
        let usd = gateway.per_million_requests.get() * *requests as f64 / 1e6;
        _ = writeln!(text, "{:<40} {:>10} {usd:>9.2}   before a Lambda, if it is wanted", gateway.name, "");
    }
    text.push_str("assumed\n");
    assumptions.iter().for_each(|assumption| _ = writeln!(text, "- {assumption}"));
    text
}
