//! `flint bench density`: how many functions and instances a host holds, and how fast it starts with them.
//!
//! Runs this very program, as `flint up`: once with many functions of different components, after they were compiled, and once
//! with many instances of one function that wait for events. Memory is what the kernel calls resident, pages of files included.

use crate::bench::host::{Host, Memory};
use crate::bench::subject::{Kind, component};
use crate::cli;
use crate::error::Error;
use crate::output::{Output, Progress};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

#[derive(Serialize)]
struct Report {
    functions: usize,
    /// From the start of the process to the line that says that it serves.
    start_ms: f64,
    resident_mib: f64,
    /// The same with one function.
    start_of_one_ms: f64,
    resident_of_one_mib: f64,
    instances: usize,
    /// Of each instance that waits, beyond what a host without any takes.
    instance_kib: f64,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::Density, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let component = component(&args.functions_folder, Kind::Http02, &progress)?;
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    // Commands run on a thread of the runtime, and this one does nothing but wait.
    let report = tokio::task::block_in_place(|| measure(&args, &component, folder.path(), &progress))?;
    drop(progress);
    output.answer(&report, || table(&report)).map_err(Error::io("print the figures"))
}

fn measure(args: &cli::Density, component: &[u8], folder: &Path, progress: &Progress) -> Result<Report, Error> {
    let written = Error::io("write a component");
    (0..args.functions).try_for_each(|n| std::fs::write(file(folder, n), marked(component, n))).map_err(written)?;
    let many = configuration(folder, args.functions, 1, args.functions)?;
    progress.step(format!("compiling {} components", args.functions));
    drop(Host::start(folder, &many)?);
    progress.step(format!("{} functions", args.functions));
    let host = Host::start(folder, &many)?;
    let (start_ms, resident_mib) = (millis(host.started), host.memory_kib(Memory::Now)? / 1024.0);
    drop(host);
    let one = |warm: usize| {
        progress.step(format!("{warm} instances"));
        Host::start(folder, &configuration(folder, 1, warm, args.instances)?)
    };
    let host = one(0)?;
    let (start_of_one_ms, without) = (millis(host.started), host.memory_kib(Memory::Now)?);
    drop(host);
    let with = one(args.instances)?.memory_kib(Memory::Now)?;
    Ok(Report {
        functions: args.functions,
        start_ms,
        resident_mib,
        start_of_one_ms,
        resident_of_one_mib: without / 1024.0,
        instances: args.instances,
        instance_kib: (with - without) / args.instances as f64,
    })
}

fn file(folder: &Path, n: usize) -> std::path::PathBuf {
    folder.join(format!("f{n}.wasm"))
}

/// The component with a custom section of its own: the same to run, another one to compile.
pub(super) fn marked(component: &[u8], n: usize) -> Vec<u8> {
    // <https://webassembly.github.io/spec/core/binary/modules.html#custom-section>; each length fits into one byte.
    let mark = format!("\x04mark{n:08}");
    let mut marked = component.to_vec();
    marked.extend([0, u8::try_from(mark.len()).unwrap_or_default()]);
    marked.extend(mark.bytes());
    marked
}

/// Writes a configuration of so many functions, each with so many instances that wait.
fn configuration(folder: &Path, functions: usize, warm: usize, spares: usize) -> Result<String, Error> {
    let mut text = format!("[limits]\nspares-max = {spares}\ntouched-max = 0\ninvocations-max = 500\n");
    for n in 0..functions {
        // Writing to a string can't fail.
        _ = write!(
            text,
            "[function.f{n}]\nsource = \"f{n}.wasm\"\nwarm = {warm}\n[[route]]\npath = \"/f{n}\"\nfunction = \"f{n}\"\n"
        );
    }
    let name = format!("platform-{functions}-{warm}.toml");
    std::fs::write(folder.join(&name), text).map_err(Error::io("write a configuration"))?;
    Ok(name)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn table(report: &Report) -> String {
    let Report { functions, start_ms, resident_mib, start_of_one_ms, resident_of_one_mib, instances, instance_kib } =
        report;
    format!(
        "{functions} functions, each with a component of its own and an instance ready\n  \
           start     {start_ms:8.0} ms    (one function: {start_of_one_ms:.0} ms)\n  \
           resident  {resident_mib:8.0} MiB   (one function: {resident_of_one_mib:.0} MiB)\n\
         {instances} instances alive at once, idle\n  \
           each      {instance_kib:8.1} KiB\n"
    )
}
