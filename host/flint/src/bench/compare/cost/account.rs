//! What a host has accounted so far, as its metrics tell.

use crate::bench::compare::load::Target;
use crate::bench::compare::wire;
use crate::bench::host::Host;
use crate::error::Error;
use serde::Serialize;

/// What is priced of requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Usage {
    pub(super) requests: f64,
    /// Of the function, and of the host on its behalf.
    pub(super) cpu_seconds: f64,
    /// Memory that was used by the time it was used for; one GB is 1,024 MiB.
    pub(super) gb_seconds: f64,
    /// Of the whole process: what the function takes, connections, and idleness.
    pub(super) host_cpu_seconds: f64,
}

impl Usage {
    /// What a host with one function has accounted since it was started.
    ///
    /// # Errors
    /// If it does not tell.
    pub(super) async fn read(host: &Host) -> Result<Self, Error> {
        let page = Target::new(host.admin, wire::get(host.admin, "/metrics")).once().await?;
        Ok(Self { host_cpu_seconds: host.cpu_time()?.as_secs_f64(), ..Self::of_page(&String::from_utf8_lossy(&page)) })
    }

    fn of_page(page: &str) -> Self {
        Self {
            requests: total(page, "flint_invocations_total"),
            cpu_seconds: total(page, "flint_invocation_cpu_seconds_total"),
            gb_seconds: total(page, "flint_gb_seconds_total"),
            host_cpu_seconds: 0.0,
        }
    }

    /// What came after another moment.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            gb_seconds: self.gb_seconds - before.gb_seconds,
            host_cpu_seconds: self.host_cpu_seconds - before.host_cpu_seconds,
        }
    }

    /// So many times as much: the function's so often as there are requests, the host's so often as there is time.
    pub(super) fn scaled(self, requests: f64, time: f64) -> Self {
        Self {
            requests: self.requests * requests,
            cpu_seconds: self.cpu_seconds * requests,
            gb_seconds: self.gb_seconds * requests,
            host_cpu_seconds: self.host_cpu_seconds * time,
        }
    }
}

/// The sum of a metric's values, whatever their labels (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
fn total(page: &str, metric: &str) -> f64 {
    let of_metric = page.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
    of_metric.filter_map(|line| line.rsplit_once("} ")?.1.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP flint_invocations Invocations that are over, by how they ended.
flint_invocations_total{function=\"hello\",trigger=\"http\",outcome=\"ok\"} 40
flint_invocations_total{function=\"hello\",trigger=\"http\",outcome=\"function/trapped\"} 2
flint_invocation_cpu_seconds_total{function=\"hello\"} 0.25
flint_gb_seconds_total{function=\"hello\"} 1.5e-3
flint_gb_seconds_total_of_others{function=\"hello\"} 9
";

    #[test]
    fn a_metric_is_summed_over_its_labels_and_others_are_not_counted() {
        let usage = Usage::of_page(PAGE);
        assert_eq!((usage.requests, usage.cpu_seconds, usage.gb_seconds), (42.0, 0.25, 0.0015));
    }

    #[test]
    fn a_day_is_so_many_times_what_was_measured() {
        let before = Usage { requests: 2.0, cpu_seconds: 1.0, gb_seconds: 0.5, host_cpu_seconds: 3.0 };
        let after = Usage { requests: 12.0, cpu_seconds: 2.0, gb_seconds: 1.0, host_cpu_seconds: 5.0 };
        let day = after.since(before).scaled(100.0, 50.0);
        assert_eq!(day, Usage { requests: 1000.0, cpu_seconds: 100.0, gb_seconds: 50.0, host_cpu_seconds: 100.0 });
    }
}
