//! Decides at start whether `PAGEMAP_SCAN` may be used to reset memory between two instances.
//!
//! With it, dropping an instance rewrites just the pages that were written, which makes a cold start 2.5 to 3 times
//! cheaper. But a dirty page that the kernel has swapped out is not seen by the scan and so not reset: the next instance
//! in the slot could read the last one's data (wasmtime pull request 14357). So it is used only where no page of this
//! process can be swapped out, and the decision and its reason are logged.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether memory is reset by scanning for written pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Residency {
    /// Written pages are found by `PAGEMAP_SCAN` and rewritten; they stay resident.
    Scan(Reason),
    /// Memory is given back to the kernel and faulted in again.
    Decommit(Reason),
}

/// Why it was decided so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The kernel has no active swap area.
    NoSwap,
    /// The control group of this process may not swap (`memory.swap.max` is 0).
    SwapForbidden,
    /// The machine swaps, and nothing keeps this process from being swapped.
    SwapActive,
    /// The kernel does not say whether it swaps.
    SwapUnknown,
    /// The kernel has no `PAGEMAP_SCAN` (it came with Linux 6.7).
    NoPagemapScan,
    /// The settings say so.
    Configured,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSwap => "no swap is active",
            Self::SwapForbidden => "the control group forbids swap",
            Self::SwapActive => "swap is active and a page that was swapped out would not be reset",
            Self::SwapUnknown => "the kernel does not say whether it swaps",
            Self::NoPagemapScan => "the kernel has no PAGEMAP_SCAN",
            Self::Configured => "the settings say so",
        })
    }
}

impl fmt::Display for Residency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(reason) => write!(f, "instance memory is reset page by page: {reason}"),
            Self::Decommit(reason) => write!(f, "instance memory is given back and faulted in again: {reason}"),
        }
    }
}

impl Residency {
    /// Asks the kernel.
    pub fn detect() -> Self {
        let swaps = fs::read_to_string("/proc/swaps").ok();
        let swap_max = control_group().and_then(|group| strictest_swap_max(&group));
        Self::decide(
            wasmtime::PoolingAllocationConfig::is_pagemap_scan_available(),
            swaps.as_deref(),
            swap_max.as_deref(),
        )
    }

    /// Decides from what the kernel says: `/proc/swaps`, and the `memory.swap.max` that binds this process.
    fn decide(scan_available: bool, swaps: Option<&str>, swap_max: Option<&str>) -> Self {
        if !scan_available {
            return Self::Decommit(Reason::NoPagemapScan);
        }
        // The first line of /proc/swaps is the header, each other line is an active area.
        match swaps.map(|text| text.lines().skip(1).filter(|line| !line.trim().is_empty()).count()) {
            Some(0) => Self::Scan(Reason::NoSwap),
            _ if swap_max.is_some_and(|max| max.trim() == "0") => Self::Scan(Reason::SwapForbidden),
            Some(_) => Self::Decommit(Reason::SwapActive),
            None => Self::Decommit(Reason::SwapUnknown),
        }
    }

    /// Whether the scan is used.
    pub fn scans(&self) -> bool {
        matches!(self, Self::Scan(_))
    }
}

/// The folder of this process's control group, version 2.
fn control_group() -> Option<PathBuf> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = membership.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/')))
}

/// The limit of swap of a group is that of the strictest group above it.
fn strictest_swap_max(group: &Path) -> Option<String> {
    let limits = group.ancestors().take_while(|dir| dir.starts_with("/sys/fs/cgroup"));
    let mut read = limits.filter_map(|dir| fs::read_to_string(dir.join("memory.swap.max")).ok());
    read.find(|max| max.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Filename\tType\tSize\tUsed\tPriority\n";

    #[test]
    fn the_scan_is_used_only_where_nothing_can_be_swapped_out() {
        let active = format!("{HEADER}/dev/sda2 partition 1000 0 -2\n");
        for (scan, swaps, max, expected) in [
            (true, Some(HEADER), None, Residency::Scan(Reason::NoSwap)),
            (true, Some(active.as_str()), None, Residency::Decommit(Reason::SwapActive)),
            (true, Some(active.as_str()), Some("max"), Residency::Decommit(Reason::SwapActive)),
            (true, Some(active.as_str()), Some("0\n"), Residency::Scan(Reason::SwapForbidden)),
            (true, None, None, Residency::Decommit(Reason::SwapUnknown)),
            (false, Some(HEADER), None, Residency::Decommit(Reason::NoPagemapScan)),
        ] {
            assert_eq!(Residency::decide(scan, swaps, max), expected);
        }
    }
}
