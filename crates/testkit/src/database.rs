//! Databases of tests: one server for a test program, one template migrated once, one clone for each test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use opencom_embedded_postgres::{Options, Postgres};
use opencom_runtime::database::migrate;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{Mutex, OnceCell};

const TEMPLATE: &str = "template_opencom";
const DIRECTORY_PREFIX: &str = "opencom-test-";

struct Cluster {
    postgres: Postgres,
    // Dropped after the server, which lives in it.
    _directory: TempDir,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
/// PostgreSQL clones a template for one at a time.
static CLONING: Mutex<()> = Mutex::const_new(());
static NEXT: AtomicUsize = AtomicUsize::new(0);

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            sweep();
            let directory = tempfile::Builder::new()
                .prefix(DIRECTORY_PREFIX)
                .tempdir()
                .expect("a temporary directory");
            // The server's own account must get through when the tests run as root.
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("an open directory");
            let options = Options {
                binaries: std::env::var_os("OPENCOM_POSTGRES_BIN").map(Into::into),
                max_connections: 400,
                ..Options::throw_away(directory.path())
            };
            let postgres = Postgres::start(options).await.expect("a PostgreSQL for tests");
            postgres.ensure_database(TEMPLATE).await.expect("the template");
            migrate(&postgres.url(TEMPLATE)).await.expect("the migrations");
            Cluster {
                postgres,
                _directory: directory,
            }
        })
        .await
}

/// Removes what earlier test programs left: a static is never dropped, so their directories stay.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(DIRECTORY_PREFIX))
    {
        let Ok(lock) = fs::File::open(entry.path().join("opencom.lock")) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            // Another program may be quicker; then there is nothing left to do.
            let _gone = fs::remove_dir_all(entry.path());
        }
    }
}

/// Drops databases of tests that are over, on a thread of its own: a test's runtime is gone by then.
fn dropper() -> &'static UnboundedSender<(String, String)> {
    static DROPPER: OnceLock<UnboundedSender<(String, String)>> = OnceLock::new();
    DROPPER.get_or_init(|| {
        let (sender, mut receiver) = mpsc::unbounded_channel::<(String, String)>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                while let Some((admin_url, name)) = receiver.recv().await {
                    if let Ok(mut connection) = AsyncPgConnection::establish(&admin_url).await {
                        // What stays is removed with the server's directory.
                        let _dropped = connection
                            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                            .await;
                    }
                }
            });
        });
        sender
    })
}

/// A database of one test, dropped with this value.
pub struct Database {
    url: String,
    admin_url: String,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        // The thread lives as long as the program.
        let _queued = dropper().send((self.admin_url.clone(), self.name.clone()));
    }
}

impl Database {
    /// A migrated database that nobody else uses.
    pub async fn create() -> Self {
        let cluster = cluster().await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let _one_at_a_time = CLONING.lock().await;
        let mut connection = AsyncPgConnection::establish(&cluster.postgres.url("postgres"))
            .await
            .expect("a connection");
        connection
            .batch_execute(&format!(
                "CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"
            ))
            .await
            .expect("a clone of the template");
        Self {
            url: cluster.postgres.url(&name),
            admin_url: cluster.postgres.url("postgres"),
            name,
        }
    }

    /// An empty database, without any table.
    pub async fn empty() -> Self {
        let cluster = cluster().await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster
            .postgres
            .ensure_database(&name)
            .await
            .expect("an empty database");
        Self {
            url: cluster.postgres.url(&name),
            admin_url: cluster.postgres.url("postgres"),
            name,
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory with the programs of the server's version: `pg_dump`, `pg_restore` and others.
    pub async fn programs() -> PathBuf {
        cluster().await.postgres.bin_dir().to_owned()
    }

    /// Takes the database away: cuts its connections and lets nobody in.
    pub async fn go_away(&self) {
        self.administer(&format!(
            "ALTER DATABASE {0} ALLOW_CONNECTIONS false;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{0}'",
            self.name
        ))
        .await;
    }

    /// Brings it back.
    pub async fn come_back(&self) {
        self.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name))
            .await;
    }

    async fn administer(&self, statements: &str) {
        let mut connection = AsyncPgConnection::establish(&self.admin_url)
            .await
            .expect("a connection");
        // One after the other: together they would be one transaction.
        for statement in statements.split(';') {
            connection.batch_execute(statement).await.expect("the statement");
        }
    }

    /// A connection, for looking at rows.
    pub async fn connection(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.url).await.expect("a connection")
    }
}
