//! Talking to the server: its URL, whether it answers, and the one statement we need.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::Error;
use crate::socket::PORT;

/// Superuser of the cluster; fixed, so that the account's name does not matter.
pub(crate) const USER: &str = "opencom";

/// Without a sign of life.
const SILENCE: Duration = Duration::from_secs(60);
/// While the server says that it replays its log after a crash.
const RECOVERY: Duration = Duration::from_secs(30 * 60);
const PROGRESS: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);

pub(crate) fn url(socket_dir: &Path, database: &str) -> String {
    let mut url = format!("postgresql://{USER}@");
    encode(&mut url, socket_dir.as_os_str().as_bytes());
    url.push('/');
    encode(&mut url, database.as_bytes());
    url
}

/// Percent-encodes everything that is not plain in all parts of a URL.
fn encode(url: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

async fn connect(socket_dir: &Path) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host_path(socket_dir)
        .port(PORT)
        .user(USER)
        .dbname("postgres")
        .application_name("opencom supervisor")
        .connect(NoTls)
        .await?;
    // Ends when the client is dropped; errors reach the client too.
    tokio::spawn(connection);
    Ok(client)
}

/// Returns when the server has answered a query; fails when it stays silent for too long.
pub(crate) async fn until_ready(socket_dir: &Path) -> Result<(), Error> {
    let began = Instant::now();
    let mut reported = began;
    let mut pause = Duration::from_millis(10);
    loop {
        let probe = async { connect(socket_dir).await?.simple_query("SELECT 1").await };
        let starting = match timeout(PROBE, probe).await {
            Ok(Ok(_)) => return Ok(()),
            // The one thing it says while it recovers.
            Ok(Err(error)) => error.code() == Some(&SqlState::CANNOT_CONNECT_NOW),
            Err(_) => false,
        };
        let waited = began.elapsed();
        if waited > if starting { RECOVERY } else { SILENCE } {
            return Err(Error::NotReady {
                socket_dir: socket_dir.to_path_buf(),
                waited,
                log: String::new(),
            });
        }
        if reported.elapsed() > PROGRESS {
            reported = Instant::now();
            tracing::info!(
                recovering = starting,
                "still waiting for PostgreSQL after {} s",
                waited.as_secs()
            );
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}

/// Creates a database unless it exists, also when another process is about to do the same.
pub(crate) async fn ensure_database(socket_dir: &Path, name: &str) -> Result<(), Error> {
    let run = async {
        let client = connect(socket_dir).await?;
        let exists = client
            .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
            .await?;
        if exists.is_some() {
            return Ok(());
        }
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        match client.batch_execute(&statement).await {
            Err(error)
                if [Some(&SqlState::DUPLICATE_DATABASE), Some(&SqlState::UNIQUE_VIOLATION)].contains(&error.code()) =>
            {
                Ok(())
            }
            other => other,
        }
    };
    run.await.map_err(|source| Error::Database {
        name: name.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_survives_any_path_and_name() {
        let url = url(Path::new("/srv/my data/é,%"), "a/b?c");
        assert_eq!(url, "postgresql://opencom@%2Fsrv%2Fmy%20data%2F%C3%A9%2C%25/a%2Fb%3Fc");
        let config: Config = url.parse().unwrap();
        assert_eq!(config.get_dbname(), Some("a/b?c"));
        assert_eq!(
            config.get_hosts(),
            [tokio_postgres::config::Host::Unix("/srv/my data/é,%".into())]
        );
    }
}
