//! The figures as a page to look at: the tables, and plots of them.

use super::peer::{Broken, Missing, Peer};
use super::{Report, burst, cold, cost, deploy, memory, neighbours, slow_start, steady, verdict};
use crate::error::Error;
use maud::{DOCTYPE, PreEscaped, html};
use plotters::prelude::{
    ChartBuilder, IntoDrawingArea as _, IntoLogRange as _, LineSeries, PathElement, SVGBackend, Text,
};
use plotters::style::{BLACK, Color as _, Palette as _, Palette99, WHITE};
use std::error::Error as StdError;

const SIZE: (u32, u32) = (960, 480);
/// What the names of the curves take of the width.
const LEGEND: u32 = 250;
/// Beside how many connections distributions are drawn.
const DISTRIBUTIONS: usize = 64;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    pre{overflow-x:auto;font-size:12px;line-height:1.35}svg{max-width:100%;height:auto}";

/// A curve, and whose it is.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// A plot whose vertical axis is logarithmic.
struct Plot<'a> {
    title: String,
    across: &'a str,
    up: &'a str,
    /// What is written at a place of the horizontal axis.
    label: &'a dyn Fn(&f64) -> String,
    curves: Vec<Curve>,
}

/// The whole page.
///
/// # Errors
/// If a plot can't be drawn, which is a defect.
pub(super) fn html(report: &Report) -> Result<String, Error> {
    let title = "flint, compared";
    let tables = [
        ("Cold starts", cold::table(&report.cold)),
        ("A heavy start", slow_start::table(&report.slow_start)),
        ("To the first answer", deploy::table(&report.deploy)),
        ("Steady load", steady::table(&report.steady)),
        ("A burst", burst::table(&report.burst)),
        ("In company", neighbours::table(&report.neighbours)),
        ("Memory", memory::table(&report.memory)),
        ("What a day costs", cost::table(&report.day)),
        ("Verdicts", verdict::table(&report.verdicts)),
    ];
    let plots =
        [throughput(&report.steady)?, distribution(&report.steady)?, bursts(&report.burst)?, memories(&report.memory)?];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { (report.machine) ", " (report.date) }
                @for plot in &plots { (PreEscaped(plot)) }
                @for (name, table) in &tables {
                    h2 { (name) }
                    pre { (table) }
                }
                h2 { "Who was compared" }
                dl {
                    @for Peer { system, variant, version, command, settings } in report.peers() {
                        dt { (system) " " (version) ", " (variant) " (" (settings) ")" }
                        dd { code { (command) } }
                    }
                    @for Missing { system, install } in &report.missing {
                        dt { "not on this machine: " (system) }
                        dd { code { (install) } }
                    }
                    @for Broken { system, reason } in &report.broken {
                        dt { "does not run here: " (system) }
                        dd { (reason) }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn name(peer: &Peer) -> String {
    let tuned = if peer.settings.starts_with("the pool") { ", tuned" } else { "" };
    format!("{}, {}{tuned}", peer.system, peer.variant)
}

/// Answers a second, over connections, as SVG.
///
/// # Errors
/// If it can't be drawn, which is a defect.
pub(super) fn throughput(rows: &[steady::Row]) -> Result<String, Error> {
    let first = rows.iter().filter(|row| row.connections == steady::CONNECTIONS[0]);
    let curves = first.map(|first| {
        let same = rows.iter().filter(|row| row.peer == first.peer);
        let points = same.map(|row| ((row.connections as f64).log2(), row.figures.per_second)).collect();
        Curve { name: name(&first.peer), points }
    });
    let title = "Answers a second, over connections".to_owned();
    let label = |place: &f64| format!("{:.0}", place.exp2());
    draw(&Plot { title, across: "connections", up: "answers a second", label: &label, curves: curves.collect() })
}

/// How long answers take under steady load.
fn distribution(rows: &[steady::Row]) -> Result<String, Error> {
    let rows = rows.iter().filter(|row| row.connections == DISTRIBUTIONS);
    let curves = rows.map(|row| Curve { name: name(&row.peer), points: nines(&row.figures.percentiles) });
    let title = format!("How long answers take, with {DISTRIBUTIONS} connections");
    draw(&Plot { title, across: PERCENT, up: "µs", label: &percent, curves: curves.collect() })
}

/// How long answers take in a burst.
fn bursts(rows: &[burst::Row]) -> Result<String, Error> {
    let curves =
        rows.iter().map(|row| Curve { name: name(&row.peer), points: nines(&row.figures.percentiles) }).collect();
    let requests = rows.first().map_or(0, |row| row.requests);
    let title = format!("How long answers take, of {requests} requests at once");
    draw(&Plot { title, across: PERCENT, up: "µs", label: &percent, curves })
}

/// Resident memory, over functions.
fn memories(rows: &[memory::Row]) -> Result<String, Error> {
    let curve = |row: &memory::Row| {
        let points = row.sizes.iter().map(|size| ((size.functions as f64).log10(), size.mib)).collect();
        Curve { name: format!("{}, {}", name(&row.peer), row.how.label()), points }
    };
    let title = "Resident memory, over functions".to_owned();
    let label = |place: &f64| format!("{:.0}", 10_f64.powf(*place));
    draw(&Plot { title, across: "functions", up: "MiB", label: &label, curves: rows.iter().map(curve).collect() })
}

const PERCENT: &str = "percent of the answers that took no longer";

/// Percentiles at places that leave room for the last of them: one further for each nine.
fn nines(percentiles: &[(f64, f64)]) -> Vec<(f64, f64)> {
    percentiles.iter().map(|(percent, micros)| (-(1.0 - percent / 100.0).log10(), *micros)).collect()
}

fn percent(place: &f64) -> String {
    let percent = (1.0 - 10_f64.powf(-place)) * 100.0;
    if percent < 99.0 { format!("{percent:.0}") } else { format!("{percent:.2}") }
}

fn draw(plot: &Plot<'_>) -> Result<String, Error> {
    if plot.curves.iter().all(|curve| curve.points.is_empty()) {
        return Ok(String::new());
    }
    let mut svg = String::new();
    draw_on(&mut svg, plot).map_err(|error| Error::Bug(format!("a plot: {error}")))?;
    Ok(svg)
}

fn draw_on(svg: &mut String, plot: &Plot<'_>) -> Result<(), Box<dyn StdError>> {
    let whole = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    whole.fill(&WHITE)?;
    let (area, legend) = whole.split_horizontally(SIZE.0 - LEGEND);
    let points = || plot.curves.iter().flat_map(|curve| &curve.points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let least = points().map(|(_, up)| *up).fold(f64::MAX, f64::min).max(1e-3);
    let mut chart = ChartBuilder::on(&area)
        .caption(&plot.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..most(|point| point.0), (least * 0.8..most(|point| point.1) * 1.2).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(plot.across)
        .y_desc(plot.up)
        .x_label_formatter(plot.label)
        .y_label_formatter(&|up: &f64| format!("{up:.0}"))
        .light_line_style(BLACK.mix(0.05))
        .draw()?;
    for ((number, curve), row) in plot.curves.iter().enumerate().zip(0..) {
        let style = Palette99::pick(number).stroke_width(2);
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), style))?;
        let up = 40 + row * 20;
        legend.draw(&PathElement::new([(0, up), (16, up)], style))?;
        legend.draw(&Text::new(curve.name.as_str(), (24, up - 6), ("sans-serif", 13)))?;
    }
    whole.present()?;
    Ok(())
}
