//! `flint bench blob`: a large blob through a host that runs, beside what `dd` and `cat` reach on the same disk in the same run, and
//! how much memory the host takes meanwhile; and small blobs a second. All of them are in the folder for temporary files.

mod large;
pub(super) mod small;

use crate::bench::load;
use crate::cli;
use crate::error::Error;
use crate::output::Output;
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct Report {
    size_bytes: u64,
    large: Vec<large::Row>,
    /// What the host had more at most, while it took and gave the large blob, than before.
    memory_growth_mib: f64,
    small_bytes: usize,
    writers: usize,
    small: Vec<load::Row>,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchBlob, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let large = large::measure(args.size, args.rounds, &progress).await?;
    progress.step("small blobs");
    let small = small::rows(&args).await?;
    drop(progress);
    let report = Report {
        size_bytes: large.size,
        large: large.rows,
        memory_growth_mib: large.memory_growth_mib,
        small_bytes: small::SIZE,
        writers: small::WRITERS,
        small,
    };
    output.answer(&report, || table(&report)).map_err(Error::io("print the figures"))
}

fn table(report: &Report) -> String {
    let mut text = format!("a blob of {} MiB, on the disk before it is answered\n\n", report.size_bytes >> 20);
    // Writing to a string can't fail.
    _ = writeln!(text, "{:<34} {:>12} {:>12}  {:<22} {:>8}", "work", "flint MB/s", "MB/s", "beside", "flint is");
    for large::Row { work, mb_per_second, beside, beside_mb_per_second } in &report.large {
        let percent = 100.0 * mb_per_second / beside_mb_per_second;
        _ = writeln!(
            text,
            "{work:<34} {mb_per_second:>12.0} {beside_mb_per_second:>12.0}  {beside:<22} {percent:>6.0} %"
        );
    }
    _ = writeln!(text, "the host's memory grew by {:.0} MiB at most\n", report.memory_growth_mib);
    let title =
        format!("blobs of {} bytes, {} at once, each on the disk before it is answered", small::SIZE, small::WRITERS);
    text + &load::table(&title, &report.small)
}
