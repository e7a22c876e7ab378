//! The limit: pgbench running the same statements on the same server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::Fault;
use crate::load::Outcome;

/// Runs a script with prepared statements and as many clients as the load had.
pub(crate) async fn run(
    bin_dir: &Path,
    url: &str,
    script: &str,
    variables: &[(&str, String)],
    clients: usize,
    time: Duration,
) -> Result<Outcome, Fault> {
    let directory = TempDir::new()?;
    let file = directory.path().join("script.sql");
    std::fs::write(&file, script)?;
    let mut command = Command::new(bin_dir.join("pgbench"));
    command.args([
        "--no-vacuum",
        "--protocol=prepared",
        "--log",
        "--log-prefix=times",
        "--jobs=1",
    ]);
    command
        .arg(format!("--client={clients}"))
        .arg(format!("--time={}", time.as_secs()));
    for (name, value) in variables {
        command.arg(format!("--define={name}={value}"));
    }
    let output = command
        .arg(format!("--file={}", file.display()))
        .arg(url)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut times = Vec::new();
    for entry in std::fs::read_dir(directory.path())?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("times") {
            // client, transaction, microseconds, …
            times.extend(
                std::fs::read_to_string(entry.path())?
                    .lines()
                    .filter_map(|line| line.split(' ').nth(2)?.parse().ok())
                    .map(Duration::from_micros),
            );
        }
    }
    Outcome::of(times, time)
}
