//! The database, and what is in it.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_core::Millis;
use opencom_runtime::database::{Inspection, inspect};
use opencom_runtime::reseal::Sealed;
use opencom_runtime::{Clock, Pool, worker};

use super::Finding;
use crate::compose::App;
use crate::config::Config;
use crate::rotate::{self, sealed_columns};
use crate::secrets;
use crate::setup::{Fault, assemble, check, with_causes};

/// By how much clocks may differ, in milliseconds, before what servers tell each other is off.
const CLOCKS_DIFFER: i64 = 2 * Millis::SECOND;
/// By how much before tokens and signatures are refused.
const CLOCKS_WRONG: i64 = Millis::MINUTE;
/// For how many seconds due jobs may wait.
const JOBS_WAIT: f64 = 60.0;

pub(super) async fn look(config: &Config, url: &str) -> Vec<Finding> {
    let asked = Clock::system().now();
    let found = match inspect(url).await {
        Ok(found) => found,
        Err(error) => {
            let remedy = "set DATABASE_URL to a PostgreSQL that runs and lets this program in";
            return vec![Finding::wrong("database", with_causes(&error), remedy)];
        }
    };
    let now = Clock::system().now();
    let mut findings = vec![
        server(&found),
        clock(found.time, asked, now),
        connections(config, &found),
    ];
    findings.push(migrations(&found));
    if found.pending > 0 {
        findings.push(Finding::skipped("stored secrets", "not before the migrations"));
        return findings;
    }
    match composed(config, url).await {
        Ok(app) => {
            match stored_secrets(config, url, &sealed_columns(&app.contexts)).await {
                Ok(found) => findings.push(found),
                Err(error) => findings.push(Finding::wrong(
                    "stored secrets",
                    with_causes(&*error),
                    "give the key that sealed them as OPENCOM_MASTER_KEY",
                )),
            }
            let process = app.process(url);
            for context in app.contexts.iter() {
                findings.extend(context.health(&process).await);
            }
        }
        Err(error) => findings.push(Finding::wrong(
            "settings",
            with_causes(&*error),
            "change the setting that the text names",
        )),
    }
    match jobs(url, now).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::skipped("jobs", with_causes(&*error))),
    }
    findings
}

fn server(found: &Inspection) -> Finding {
    const ABOUT: &str = "database";
    let version = &found.version;
    if !found.new_enough {
        return Finding::wrong(ABOUT, format!("PostgreSQL {version} is too old"), "use 14 or newer");
    }
    if !found.trigrams {
        let remedy = "install the contributed modules on its machine (postgresql-contrib in most distributions)";
        return Finding::wrong(ABOUT, format!("PostgreSQL {version} has no extension pg_trgm"), remedy);
    }
    if found.encoding != "UTF8" {
        let remedy = "make the database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0";
        return Finding::wrong(ABOUT, format!("its encoding is {}, not UTF8", found.encoding), remedy);
    }
    Finding::good(ABOUT, format!("PostgreSQL {version}"))
}

/// Their time was read between two looks at ours; as far as it lies outside of them, the clocks differ.
fn clock(theirs: Millis, asked: Millis, answered: Millis) -> Finding {
    const ABOUT: &str = "clock";
    let apart = (asked.0 - theirs.0).max(theirs.0 - answered.0).max(0);
    let remedy = "let both machines keep time (systemd-timesyncd, chrony)";
    let found = match apart {
        0 => "as the database's".to_owned(),
        apart => format!("{apart} ms from the database's"),
    };
    if apart > CLOCKS_WRONG {
        Finding::wrong(ABOUT, found, remedy)
    } else if apart > CLOCKS_DIFFER {
        Finding::warning(ABOUT, found, remedy)
    } else {
        Finding::good(ABOUT, found)
    }
}

fn connections(config: &Config, found: &Inspection) -> Finding {
    const ABOUT: &str = "connections";
    // As `serve` opens them: for calls, a quarter each for jobs and live queries, and a few single ones.
    let ours = config.database_connections + 2 * config.database_connections.div_ceil(4).max(2) + 5;
    let most = usize::try_from(found.connections).unwrap_or(0);
    if ours > most {
        return Finding::wrong(
            ABOUT,
            format!("up to {ours} of this process, and the database allows {most}"),
            "lower OPENCOM_DATABASE_CONNECTIONS, or raise max_connections of PostgreSQL",
        );
    }
    Finding::good(
        ABOUT,
        format!("up to {ours} of each process; the database allows {most}"),
    )
}

fn migrations(found: &Inspection) -> Finding {
    const ABOUT: &str = "migrations";
    match (found.pending, found.unknown) {
        (0, 0) => Finding::good(ABOUT, "the database is up to date"),
        (0, unknown) => Finding::warning(
            ABOUT,
            format!("the database has {unknown} that this program does not know"),
            "use the newest version of this program on every machine",
        ),
        (pending, _) => Finding::warning(
            ABOUT,
            format!("{pending} to come"),
            "run `opencom migrate`, or start the server, which does it",
        ),
    }
}

async fn composed(config: &Config, url: &str) -> Result<App, Fault> {
    assemble(config, check(config)?, url).await
}

async fn stored_secrets(config: &Config, url: &str, columns: &[Sealed]) -> Result<Finding, Fault> {
    const ABOUT: &str = "stored secrets";
    let connection = &mut AsyncPgConnection::establish(url).await?;
    if config.master_key.is_none() && !config.data_dir.join("master.key").exists() {
        return Ok(Finding::skipped(ABOUT, "there is no master key yet"));
    }
    let key = secrets::master_key(config)?;
    let found = rotate::look(connection, columns, &key).await?;
    Ok(if found.unknown > 0 {
        Finding::wrong(
            ABOUT,
            format!("{} open under none of the keys given", found.unknown),
            "set OPENCOM_MASTER_KEY to the key that this database was used with, or give it as OPENCOM_MASTER_KEY_PREVIOUS",
        )
    } else if found.earlier > 0 {
        Finding::warning(
            ABOUT,
            format!("{} are under an earlier master key", found.earlier),
            "run `opencom rotate master-key`",
        )
    } else {
        Finding::good(
            ABOUT,
            format!("{} open under the master key {}", found.current, key.fingerprint()),
        )
    })
}

async fn jobs(url: &str, now: Millis) -> Result<Vec<Finding>, Fault> {
    const ABOUT: &str = "jobs";
    let queue = worker::queue(&Pool::new(url, 1)?, now).await?;
    let mut findings = Vec::new();
    if queue.overdue_seconds > JOBS_WAIT {
        findings.push(Finding::warning(
            ABOUT,
            format!("{} are due, the oldest for {:.0} s", queue.due, queue.overdue_seconds),
            "of no concern while the server is down; else run more of them with OPENCOM_ROLE=worker",
        ));
    }
    if queue.dead > 0 {
        findings.push(Finding::warning(
            ABOUT,
            format!("{} were given up", queue.dead),
            "see docs/operations.md for how to look at them and run them again",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::good(ABOUT, format!("{} are due", queue.due)));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn clocks_are_compared_however_long_the_question_took() {
        for (theirs, severity) in [
            (1_000, Severity::Good),
            (5_000, Severity::Good),
            (11_500, Severity::Good),
            (-1_500, Severity::Warning),
            (12_500, Severity::Warning),
            (-70_000, Severity::Wrong),
            (80_000, Severity::Wrong),
        ] {
            let found = clock(Millis(theirs), Millis(1_000), Millis(10_000));
            assert_eq!(found.severity, severity, "{theirs}");
        }
    }
}
