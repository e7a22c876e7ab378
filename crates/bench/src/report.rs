//! The tables.

use std::time::Duration;

use crate::load::Outcome;

/// A row: a function, and its limit in the same run.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ours: Outcome,
    pub(crate) limit: Outcome,
    pub(crate) target: f64,
}

/// A row of the live table.
pub(crate) struct LiveRow {
    pub(crate) name: String,
    pub(crate) per_second: Option<f64>,
    /// Median and 99th percentile.
    pub(crate) times: Option<(Duration, Duration)>,
    /// What is compared with the target.
    pub(crate) result: String,
    pub(crate) target: String,
}

/// Prints the table of functions.
pub(crate) fn print(rows: &[Row]) {
    let columns = [
        ("function", 28),
        ("calls/s", 9),
        ("p50 ms", 9),
        ("p99 ms", 9),
        ("pgbench/s", 11),
        ("p50 ms", 9),
        ("p99 ms", 9),
        ("ratio", 6),
        ("target", 6),
    ];
    let cells = |row: &Row| {
        [
            row.name.to_owned(),
            format!("{:.0}", row.ours.per_second),
            ms(row.ours.p50),
            ms(row.ours.p99),
            format!("{:.0}", row.limit.per_second),
            ms(row.limit.p50),
            ms(row.limit.p99),
            format!("{:.2}", row.ours.per_second / row.limit.per_second),
            format!("{:.2}", row.target),
        ]
    };
    table(&columns, rows.iter().map(cells));
}

/// Prints the live table.
pub(crate) fn print_live(rows: &[LiveRow]) {
    let columns = [
        ("live", 46),
        ("per second", 10),
        ("p50 ms", 9),
        ("p99 ms", 9),
        ("result", 10),
        ("target", 10),
    ];
    let cells = |row: &LiveRow| {
        let per_second = row.per_second.map(|rate| format!("{rate:.0}"));
        let (p50, p99) = row.times.map(|(p50, p99)| (ms(p50), ms(p99))).unzip();
        [
            row.name.clone(),
            per_second.unwrap_or_default(),
            p50.unwrap_or_default(),
            p99.unwrap_or_default(),
            row.result.clone(),
            row.target.clone(),
        ]
    };
    table(&columns, rows.iter().map(cells));
}

/// A time in milliseconds.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

/// Prints a table: names to the left, figures to the right.
#[expect(clippy::print_stdout, reason = "the table is the program's result")]
fn table<const N: usize>(columns: &[(&str, usize); N], rows: impl Iterator<Item = [String; N]>) {
    let line = |cells: [&str; N]| {
        let mut line = String::from("|");
        for (at, (cell, (_, width))) in cells.into_iter().zip(columns).enumerate() {
            line += &match at {
                0 => format!(" {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            };
        }
        line
    };
    println!();
    println!("{}", line(columns.map(|(name, _)| name)));
    println!("|{}|", columns.map(|(_, width)| "-".repeat(width + 2)).join("|"));
    for row in rows {
        println!("{}", line(row.each_ref().map(String::as_str)));
    }
    println!();
}
