//! The cluster on disk: which version made it, and making a new one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::account::Account;
use crate::binaries::{Binaries, Version};
use crate::client::USER;
use crate::error::Error;
use crate::files::ServerLog;
use crate::settings;

/// All that is needed to run the server, now and again.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) dir: PathBuf,
    pub(crate) binaries: Binaries,
    pub(crate) account: Account,
    pub(crate) socket_dir: PathBuf,
    pub(crate) log: ServerLog,
    pub(crate) durable: bool,
}

/// The major version of the cluster in `dir`, or `None` if there is none yet.
pub(crate) fn major_version(dir: &Path) -> Result<Option<u16>, Error> {
    let path = dir.join("PG_VERSION");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::directory("read", path)(source)),
    };
    // 9.6 and older count as 9, which is too old either way.
    let major = text.trim().split('.').next().and_then(|major| major.parse().ok());
    major.map(Some).ok_or_else(|| Error::Unusable {
        dir: dir.to_path_buf(),
        problem: format!("its PG_VERSION reads {:?}; restore it from a backup", text.trim()),
    })
}

impl Cluster {
    /// Makes the cluster if there is none, and writes its settings.
    pub(crate) async fn prepare(&self, max_connections: u16) -> Result<(), Error> {
        if major_version(&self.dir)?.is_none() {
            self.create().await?;
        } else if self.owner()? != self.account.uid.as_raw() {
            tracing::info!(
                account = self.account.name,
                "handing the database over to another account"
            );
            self.account.own_tree(&self.dir)?;
        }
        let path = self.dir.join(settings::FILE);
        fs::write(&path, settings::file(self.durable, max_connections)).map_err(Error::directory("write", &path))?;
        self.account.own(&path)
    }

    fn owner(&self) -> Result<u32, Error> {
        let meta = fs::metadata(&self.dir).map_err(Error::directory("read", &self.dir))?;
        Ok(meta.uid())
    }

    /// Works beside the final place and moves there at the end, so that a start cut short leaves no half a cluster.
    async fn create(&self) -> Result<(), Error> {
        // An empty directory is fine: the operator's, who linked to one on another disk.
        match fs::remove_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                return Err(Error::Unusable {
                    dir: self.dir.clone(),
                    problem: "it holds files but no database (no PG_VERSION); move them away".to_owned(),
                });
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::directory("use", &self.dir)(error));
            }
            _ => {}
        }
        let new = self.working_dir();
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&new)
            .map_err(Error::directory("create", &new))?;
        self.account.own(&new)?;

        tracing::info!(
            version = %self.binaries.version,
            account = self.account.name,
            "initialising a database in {}",
            self.dir.display()
        );
        let began = Instant::now();
        if let Err(error) = self.initdb(&new).await {
            let _ = fs::remove_dir_all(&new);
            return Err(error);
        }
        let conf = new.join("postgresql.conf");
        File::options()
            .append(true)
            .open(&conf)
            .and_then(|mut file| writeln!(file, "\ninclude_if_exists = '{}'", settings::FILE))
            .map_err(Error::directory("write", &conf))?;
        fs::rename(&new, &self.dir).map_err(Error::directory("create", &self.dir))?;
        if let (true, Some(parent)) = (self.durable, self.dir.parent()) {
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(Error::directory("write", parent))?;
        }
        tracing::info!("initialised in {} ms", began.elapsed().as_millis());
        Ok(())
    }

    /// A fresh name beside the cluster; clears away what earlier starts left. That may not succeed right after a start
    /// was called off, when a process of its initdb is still ending, hence the ever new name.
    fn working_dir(&self) -> PathBuf {
        const PREFIX: &str = "postgres.new.";
        let parent = self.dir.parent().unwrap_or(&self.dir);
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        parent.join(format!("{PREFIX}{:x}", now.as_micros()))
    }

    async fn initdb(&self, dir: &Path) -> Result<(), Error> {
        let mut last = None;
        for locale in locales(self.binaries.version) {
            let mark = self.log.len();
            let status = self.run_initdb(dir, locale).await?;
            if status.success() {
                return Ok(());
            }
            let output = self.log.tail(mark);
            let unknown_locale = output.contains("locale");
            last = Some((status, output));
            if !unknown_locale {
                break;
            }
        }
        let (status, output) = last.unwrap_or_default();
        Err(Error::Initdb {
            dir: self.dir.clone(),
            status,
            output,
        })
    }

    async fn run_initdb(&self, dir: &Path, locale: &[&str]) -> Result<ExitStatus, Error> {
        let program = self.binaries.dir.join("initdb");
        let mut arguments: Vec<OsString> = vec!["-D".into(), dir.into()];
        arguments.extend([format!("--username={USER}").into()]);
        // Trust: see `socket`. Sorting by bytes never changes with the system's libraries, which would break indexes.
        arguments.extend(["--auth=trust", "--encoding=UTF8", "--locale=C", "--lc-messages=C"].map(OsString::from));
        arguments.extend(locale.iter().map(OsString::from));
        if !self.durable {
            arguments.push("--no-sync".into());
        }
        let mut command = self.account.command(&program);
        command
            .args(arguments)
            .stdout(self.log.writer()?)
            .stderr(self.log.writer()?);
        // Should the start be called off, initdb ends too; the next start clears what it left.
        let child = tokio::process::Command::from(command).kill_on_drop(true).spawn();
        let spawn_error = |source| Error::Spawn {
            program: program.clone(),
            account: self.account.name.clone(),
            source,
        };
        child.map_err(spawn_error)?.wait().await.map_err(spawn_error)
    }
}

/// Ways to tell letters of all scripts apart from signs, so that `ILIKE` and `lower` work beyond ASCII, best first. Plain
/// C knows ASCII alone, but every system has it.
fn locales(version: Version) -> &'static [&'static [&'static str]] {
    const BUILT_IN: &[&str] = &["--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const SYSTEM: &[&str] = &["--lc-ctype=C.UTF-8"];
    if version.major >= 17 {
        &[BUILT_IN, SYSTEM, &[]]
    } else {
        &[SYSTEM, &[]]
    }
}
