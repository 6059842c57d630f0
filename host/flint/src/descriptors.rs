//! Lets the process have as many file descriptors as the system allows: each connection is one, and each file that is being sent.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are neither connections nor files on their way to a client: stores, listeners, what functions open outwards.
const OTHERS: u64 = 1000;

/// Raises the soft limit to the hard one, and warns if that is too low for so many connections and files.
pub(crate) fn raise(connections_max: usize, files_open_max: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of file descriptors stays as it is");
        }
    }
    let wanted = (connections_max as u64).saturating_add(files_open_max as u64).saturating_add(OTHERS);
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            allowed,
            connections_max,
            files_open_max,
            "the system allows fewer file descriptors than `connections-max` and `files-open-max` need: raise `ulimit -n`, or lower them"
        );
    }
}
