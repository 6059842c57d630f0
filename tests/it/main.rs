//! The whole system, tested through the real binary.
//!
//! One test binary, so that it links once. A test is a sentence; everything that is not special to it is in [`harness`]. The
//! functions of `functions/` are the fixtures: those of `platform.toml`, and those of `tests/fixtures.toml`.

mod harness;

mod admin;
mod bench;
mod blob;
mod call;
mod change;
mod cli;
mod component;
mod config;
mod deploy;
mod disk;
mod examples;
mod heavy;
mod hostile;
mod http;
mod http2;
mod idempotent;
mod init;
mod invoke;
mod isolation;
mod kv;
mod limits;
mod message;
mod outbound;
mod queue;
mod readme;
mod routes;
mod schedule;
mod slow;
mod telemetry;
mod tidy;
mod tls;
mod topic;
mod watch;
mod workflow;
mod workflow_starts;
