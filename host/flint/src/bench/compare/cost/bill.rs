//! The arithmetic of prices.

use super::account::Usage;
use super::prices::Prices;
use flint_model::ByteSize;
use serde::Serialize;

/// One GB, as AWS bills it.
const GB: f64 = (1_u64 << 30) as f64;

/// What somebody asks for a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bill {
    pub(super) who: String,
    /// What is billed; none of a machine.
    pub(super) gb_seconds: Option<f64>,
    pub(super) requests_usd: f64,
    /// Of GB-seconds, or of a machine's hours.
    pub(super) time_usd: f64,
    pub(super) together_usd: f64,
    /// At how many requests a day it is as much as flint's machine.
    pub(super) as_much_at: Option<f64>,
}

/// A Lambda that would answer the requests.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lambda {
    pub(super) who: String,
    pub(super) duration: Duration,
    pub(super) memory: ByteSize,
    /// Of one, so many requests have a container created.
    pub(super) cold_share: f64,
}

/// How long is billed, in whole milliseconds (<https://aws.amazon.com/lambda/pricing/>).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Duration {
    warm_ms: f64,
    cold_ms: f64,
    is_measured: bool,
}

impl Duration {
    /// Of a function that takes no time, and has no cold starts.
    pub(super) const LEAST: Self = Self { warm_ms: 1.0, cold_ms: 1.0, is_measured: false };

    /// Of one that takes so many microseconds.
    pub(super) fn measured(warm_us: f64, cold_us: f64) -> Self {
        let billed = |us: f64| (us / 1000.0).ceil().max(1.0);
        Self { warm_ms: billed(warm_us), cold_ms: billed(cold_us), is_measured: true }
    }
}

impl Lambda {
    /// What is billed of so many requests.
    fn gb_seconds(&self, requests: f64) -> f64 {
        let Duration { warm_ms, cold_ms, .. } = self.duration;
        let ms = warm_ms * (1.0 - self.cold_share) + cold_ms * self.cold_share;
        requests * ms / 1000.0 * self.memory.as_u64() as f64 / GB
    }

    /// What is assumed of it, for people.
    pub(super) fn assumption(&self) -> String {
        let Self { who, duration: Duration { warm_ms, cold_ms, is_measured }, memory, cold_share } = self;
        let from = if *is_measured {
            "the p50 of its container in this run, in whole ms"
        } else {
            "no container was measured: this is the least that is billed"
        };
        let cold = cold_share * 100.0;
        format!("Lambda, {who}: {memory}, {warm_ms} ms a request, {cold_ms} ms for {cold} % of them ({from})")
    }
}

/// flint's machine first, then the Lambdas, then what flint has accounted at the prices of a Lambda.
pub(super) fn all(prices: &Prices, usage: &Usage, lambdas: &[Lambda]) -> Vec<Bill> {
    let machine = prices.machine.per_hour.get() * 24.0;
    let flint = Bill {
        who: format!("flint, {}", prices.machine.name),
        gb_seconds: None,
        requests_usd: 0.0,
        time_usd: machine,
        together_usd: machine,
        as_much_at: None,
    };
    let of_lambdas = lambdas.iter().map(|lambda| {
        let bill = priced(format!("Lambda, {}", lambda.who), lambda.gb_seconds(usage.requests), usage.requests, prices);
        Bill { as_much_at: as_much_at(machine, bill.together_usd, usage.requests), ..bill }
    });
    let accounted = priced("flint's account at Lambda's prices".to_owned(), usage.gb_seconds, usage.requests, prices);
    std::iter::once(flint).chain(of_lambdas).chain([accounted]).collect()
}

/// By the price model of a Lambda.
fn priced(who: String, gb_seconds: f64, requests: f64, prices: &Prices) -> Bill {
    let requests_usd = requests / 1e6 * prices.lambda.per_million_requests.get();
    let time_usd = gb_seconds * prices.lambda.per_gb_second.get();
    Bill {
        who,
        gb_seconds: Some(gb_seconds),
        requests_usd,
        time_usd,
        together_usd: requests_usd + time_usd,
        as_much_at: None,
    }
}

/// At how many requests what costs so much for some costs as much as a machine; none if it costs nothing.
fn as_much_at(machine_usd: f64, usd: f64, requests: f64) -> Option<f64> {
    (usd > 0.0).then(|| machine_usd / usd * requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lambda(duration: Duration, memory: u64, cold_share: f64) -> Lambda {
        Lambda { who: "Python".to_owned(), duration, memory: ByteSize::mib(memory), cold_share }
    }

    #[track_caller]
    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
    }

    #[test]
    fn durations_are_billed_in_whole_milliseconds_and_one_at_least() {
        let Duration { warm_ms, cold_ms, .. } = Duration::measured(400.0, 140_000.1);
        assert_eq!((warm_ms, cold_ms), (1.0, 141.0));
        assert_eq!(Duration::measured(2000.0, 0.0).warm_ms, 2.0);
    }

    #[test]
    fn a_lambda_is_billed_by_its_memory_and_its_share_of_cold_starts() {
        let duration = Duration::measured(10_000.0, 110_000.0);
        assert_near(lambda(duration, 1024, 0.0).gb_seconds(1e6), 10_000.0);
        assert_near(lambda(duration, 128, 0.0).gb_seconds(1e6), 1250.0);
        assert_near(lambda(duration, 1024, 0.1).gb_seconds(1e6), 20_000.0);
    }

    #[test]
    fn a_day_is_priced_by_requests_gb_seconds_and_hours() {
        let prices = Prices::read(None).expect("prices");
        let usage = Usage { requests: 10e6, cpu_seconds: 0.0, gb_seconds: 6000.0, host_cpu_seconds: 0.0 };
        // A GB for 0.3 s, of ten million: an example of three million seconds.
        let lambdas = [lambda(Duration::measured(300_000.0, 300_000.0), 1024, 0.5)];
        let [flint, lambda, accounted] = &all(&prices, &usage, &lambdas)[..] else { panic!("three bills") };
        assert_near(flint.together_usd, 24.0 * 0.085);
        assert_near(lambda.requests_usd, 2.0);
        assert_near(lambda.time_usd, 3e6 * 0.000_016_666_7);
        assert_near(lambda.together_usd, 52.0001);
        assert_near(lambda.as_much_at.expect("it costs"), 2.04 / 52.0001 * 10e6);
        assert_near(accounted.together_usd, 2.0 + 6000.0 * 0.000_016_666_7);
    }

    #[test]
    fn what_is_free_never_costs_as_much_as_a_machine() {
        assert_eq!(as_much_at(2.0, 0.0, 10.0), None);
        assert_eq!(as_much_at(2.0, 4.0, 10.0), Some(5.0));
    }
}
