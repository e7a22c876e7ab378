//! One table.

use crate::load::Outcome;

/// A row: a function, and its limit in the same run.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ours: Outcome,
    pub(crate) limit: Outcome,
    pub(crate) target: f64,
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "the table is the program's result")]
pub(crate) fn print(rows: &[Row]) {
    println!();
    println!(
        "| {:<28} | {:>9} | {:>9} | {:>9} | {:>11} | {:>9} | {:>9} | {:>6} | {:>6} |",
        "function", "calls/s", "p50 ms", "p99 ms", "pgbench/s", "p50 ms", "p99 ms", "ratio", "target"
    );
    println!(
        "|{}|",
        [
            "-".repeat(30),
            "-".repeat(11),
            "-".repeat(11),
            "-".repeat(11),
            "-".repeat(13),
            "-".repeat(11),
            "-".repeat(11),
            "-".repeat(8),
            "-".repeat(8)
        ]
        .join("|")
    );
    for Row {
        name,
        ours,
        limit,
        target,
    } in rows
    {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        println!(
            "| {:<28} | {:>9.0} | {:>9.2} | {:>9.2} | {:>11.0} | {:>9.2} | {:>9.2} | {:>6.2} | {:>6.2} |",
            name,
            ours.per_second,
            ms(ours.p50),
            ms(ours.p99),
            limit.per_second,
            ms(limit.p50),
            ms(limit.p99),
            ours.per_second / limit.per_second,
            target
        );
    }
    println!();
}
