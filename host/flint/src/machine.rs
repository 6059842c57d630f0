//! What the machine has of memory for this process, and how it is taken.

use flint_model::ByteSize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are, of both versions.
const GROUPS: &str = "/sys/fs/cgroup";

/// Has the kernel give no huge pages to this process.
///
/// The allocator asks for them, and where the system gives them unasked, the memories of guests get them too; each is zeroed whole
/// when the first byte of it is touched. Without them, a host of nine functions takes 41 instead of 80 MiB, and 72 instead of 120
/// after a burst of 1,000 connections; with huge pages for all (`always`) 45 instead of 95, and 60 instead of 160 to 300. The rates at
/// 1 to 256 connections are the same. Who is started from here, such as a compiler, gets none either.
pub(crate) fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the kernel goes on to give huge pages");
    }
}

/// What guests may have together, unless the configuration says otherwise: three quarters, so that stores, connections and the
/// system have the rest. None: the kernel does not tell.
pub(crate) fn memory_for_guests() -> Option<ByteSize> {
    let machine = total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(Path::new(GROUPS), &groups).into_iter().filter_map(|file| {
        // A group without a limit says `max`, or has no such file.
        fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
    });
    let least = limits.fold(machine, u64::min);
    Some(ByteSize::bytes(least / 4 * 3))
}

/// The machine's memory, in bytes: <https://docs.kernel.org/filesystems/proc.html#meminfo>.
fn total(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"))?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The files that hold the limits of a process's groups and of those that they are in, outermost last:
/// <https://docs.kernel.org/admin-guide/cgroup-v2.html>, and version 1, where memory has a tree of its own.
fn limit_files(root: &Path, groups: &str) -> Vec<PathBuf> {
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (tree, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let own = tree.join(path.trim_start_matches('/'));
        let within = own.ancestors().take_while(|folder| folder.starts_with(&tree));
        Some(within.map(|folder| folder.join(file)).collect::<Vec<_>>())
    };
    groups.lines().filter_map(group).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_and_the_groups_of_both_versions_are_asked() {
        assert_eq!(total("MemTotal:       24689764 kB\nMemFree:  1 kB\n"), Some(24_689_764 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        let files = limit_files(Path::new("/g"), "9:cpu,memory:/a\n3:pids:/a\n0::/b/c\nnonsense\n");
        let expected = [
            "/g/memory/a/memory.limit_in_bytes",
            "/g/memory/memory.limit_in_bytes",
            "/g/b/c/memory.max",
            "/g/b/memory.max",
            "/g/memory.max",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
        assert!(memory_for_guests().is_some_and(|memory| memory.as_u64() > 1 << 20));
    }
}
