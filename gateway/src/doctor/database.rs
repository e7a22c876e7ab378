//! The database, and what is in it.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_admin::auth::keys::stored;
use opencom_core::Millis;
use opencom_runtime::database::{Inspection, inspect};
use opencom_runtime::{Clock, Pool, worker};

use super::Finding;
use crate::config::Config;
use crate::setup::{Fault, with_causes};
use crate::{rotate, secrets};

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
    findings.push(vectors(&found));
    findings.push(migrations(&found));
    if found.pending > 0 {
        findings.push(Finding::skipped("stored secrets", "not before the migrations"));
        return findings;
    }
    findings.push(Finding::of(
        "search language",
        search_language(config, url).await,
        "set OPENCOM_SEARCH_LANGUAGE to one of those that `\\dF` of psql lists",
    ));
    match stored_secrets(config, url, now).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::wrong(
            "stored secrets",
            with_causes(&*error),
            "give the key that sealed them as OPENCOM_MASTER_KEY",
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

fn vectors(found: &Inspection) -> Finding {
    const ABOUT: &str = "pgvector";
    match &found.vectors {
        Some(version) => Finding::good(ABOUT, format!("{version}; 0.8 and newer is used")),
        None => Finding::good(
            ABOUT,
            "not installed; of use beyond some hundred thousand chunks of text",
        ),
    }
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

async fn search_language(config: &Config, url: &str) -> Result<String, Fault> {
    opencom_help_center::check_search_language(&Pool::new(url, 1)?, &config.search_language).await?;
    Ok(config.search_language.clone())
}

async fn stored_secrets(config: &Config, url: &str, now: Millis) -> Result<Vec<Finding>, Fault> {
    const ABOUT: &str = "stored secrets";
    let connection = &mut AsyncPgConnection::establish(url).await?;
    if config.master_key.is_none() && !config.data_dir.join("master.key").exists() {
        return Ok(vec![Finding::skipped(ABOUT, "there is no master key yet")]);
    }
    let key = secrets::master_key(config)?;
    let found = rotate::look(connection, &key).await?;
    let mut findings = vec![if found.unknown > 0 {
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
    }];
    findings.push(match &config.jwt_private_key {
        Some(pem) => Finding::of(
            "signing key",
            opencom_core::auth::jwt::JwtKey::from_pem(pem)
                .map(|_| "from JWT_PRIVATE_KEY".to_owned())
                .map_err(Fault::from),
            "make another: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        ),
        None => match stored(connection, &key, now).await?.len() {
            0 => Finding::good("signing key", "none yet; the server makes one"),
            1 => Finding::good("signing key", "one is stored"),
            several => Finding::good(
                "signing key",
                format!("{several} are stored, while one takes another's place"),
            ),
        },
    });
    Ok(findings)
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
    use crate::doctor::State;

    #[test]
    fn clocks_are_compared_however_long_the_question_took() {
        for (theirs, state) in [
            (1_000, State::Good),
            (5_000, State::Good),
            (11_500, State::Good),
            (-1_500, State::Warning),
            (12_500, State::Warning),
            (-70_000, State::Wrong),
            (80_000, State::Wrong),
        ] {
            let found = clock(Millis(theirs), Millis(1_000), Millis(10_000));
            assert_eq!(found.state, state, "{theirs}");
        }
    }
}
