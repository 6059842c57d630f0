//! `flint blob`.

use super::{Host, duration};
use clap::{Args, Subcommand};
use flint_model::BucketName;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder; if none does, opens the stores itself.

Examples:
  flint blob put uploads cat.png cat.png --type image/png   store a file
  tar c . | flint blob put backups today.tar                or what comes, however much it is
  flint blob get uploads cat.png > cat.png                  print it
  flint blob ls uploads --prefix 2026/ --delimiter /        what there is, by folders
  flint blob sign uploads cat.png --expires 1h              a URL for others
  flint blob rm uploads cat.png                             remove it")]
pub(crate) struct Blob {
    #[command(subcommand)]
    pub(crate) command: BlobCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlobCommand {
    /// Store a blob, durably
    Put(BlobPut),
    /// Print the content of a blob; with --json, what is known about it
    Get {
        /// The bucket
        bucket: BucketName,
        /// The key
        key: String,
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List blobs, in order of their keys
    Ls(BlobList),
    /// Remove a blob
    Rm {
        /// The bucket
        bucket: BucketName,
        /// The key
        key: String,
        /// Remove only what has this etag
        #[arg(long, value_name = "ETAG")]
        if_match: Option<String>,
    },
    /// Print a URL with which anybody may read or write one blob
    Sign {
        /// The bucket
        bucket: BucketName,
        /// The key
        key: String,
        /// The URL takes an upload, with PUT, instead
        #[arg(long)]
        put: bool,
        /// The URL is good for so long, 1 s to 7 days
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h")]
        expires: Duration,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BlobPut {
    /// The bucket
    pub(crate) bucket: BucketName,
    /// The key
    pub(crate) key: String,
    /// The file with the content; without it, standard input is the content
    pub(crate) file: Option<PathBuf>,
    /// What kind of content it is, such as image/png
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Store only if there is no such blob
    #[arg(long, conflicts_with = "if_match")]
    pub(crate) if_absent: bool,
    /// Store only in the place of what has this etag
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BlobList {
    /// The bucket
    pub(crate) bucket: BucketName,
    /// Only keys that start so
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Roll up keys in which this comes again behind the prefix
    #[arg(long)]
    pub(crate) delimiter: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}
