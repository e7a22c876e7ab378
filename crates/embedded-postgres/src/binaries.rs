//! Finds the PostgreSQL programs to run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Options;
use crate::account::Account;
use crate::cluster;
use crate::error::Error;
use crate::fetch;
use crate::home::Home;

/// Oldest major version that opencom's SQL works with.
const OLDEST: u16 = 14;

/// Where packages put the programs; `*` stands for anything.
const USUAL: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/lib64/postgresql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// A PostgreSQL version: the major one decides which clusters it can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 16 in 16.4.
    pub major: u16,
    /// 4 in 16.4.
    pub minor: u16,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0)`, also `17beta1`.
    fn parse(text: &str) -> Option<Self> {
        let number = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
        let mut parts = number.split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0);
        Some(Self { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A directory with a complete server.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    pub(crate) dir: PathBuf,
    pub(crate) version: Version,
}

/// The newest suitable programs, or those of the existing cluster's very version; fetched if there are none.
pub(crate) async fn find(options: &Options, home: &Home, account: &Account) -> Result<Binaries, Error> {
    let cluster = cluster::major_version(&home.cluster)?;
    let (dirs, searched) = match &options.binaries {
        // `bin` is easily forgotten.
        Some(dir) => (vec![dir.clone(), dir.join("bin")], dir.display().to_string()),
        None => {
            let fetched = home.root.join(fetch::DIRECTORY);
            (
                everywhere(&fetched),
                format!("PATH, pg_config --bindir, {}, {}", USUAL.join(", "), fetched.display()),
            )
        }
    };
    let (usable, unsuitable) = inspect(dirs, cluster, account);
    if let Some(newest) = usable.into_iter().max_by_key(|binaries| binaries.version) {
        return Ok(newest);
    }

    let found = if unsuitable.is_empty() {
        "none was found".to_owned()
    } else {
        unsuitable.join("; ")
    };
    let fetch = if options.binaries.is_some() {
        "nothing is fetched while a directory is set".to_owned()
    } else if !options.allow_fetch {
        "fetching is switched off".to_owned()
    } else if cluster.is_some_and(|major| major < OLDEST) {
        format!("nothing older than {OLDEST} is fetched")
    } else {
        match fetch::fetch(&home.root, cluster).await {
            Ok(dir) => match inspect(vec![dir], cluster, account) {
                (mut usable, _) if !usable.is_empty() => return Ok(usable.swap_remove(0)),
                (_, problems) => format!("what was fetched does not run here ({})", problems.join("; ")),
            },
            Err(error) => format!("fetching it failed ({error})"),
        }
    };
    Err(match cluster {
        None => Error::NoBinaries { found, searched, fetch },
        Some(major) => Error::ClusterVersion {
            dir: home.cluster.clone(),
            major,
            found,
            searched,
            fetch,
        },
    })
}

/// Sorts directories into usable ones and a word on each other one that has a server in it.
fn inspect(dirs: Vec<PathBuf>, cluster: Option<u16>, account: &Account) -> (Vec<Binaries>, Vec<String>) {
    let mut usable = Vec::new();
    let mut unsuitable = Vec::new();
    let mut seen = BTreeSet::new();
    for dir in dirs.iter().filter_map(|dir| real_directory(dir)) {
        if !seen.insert(dir.clone()) {
            continue;
        }
        match version_in(&dir, account) {
            Ok(version) if version.major < OLDEST => {
                unsuitable.push(format!("{version} in {} is too old", dir.display()));
            }
            Ok(version) if cluster.is_some_and(|major| major != version.major) => {
                unsuitable.push(format!("{version} in {} is another version", dir.display()));
            }
            Ok(version) => usable.push(Binaries { dir, version }),
            Err(problem) => unsuitable.push(problem),
        }
    }
    (usable, unsuitable)
}

/// Where the programs really are: what stands in PATH is often a link, or one program of several. `None` if there is
/// no server at all.
fn real_directory(dir: &Path) -> Option<PathBuf> {
    let server = ["postgres", "pg_ctl"]
        .iter()
        .find_map(|name| fs::canonicalize(dir.join(name)).ok())?;
    let real = server.parent()?;
    let complete = |dir: &Path| dir.join("postgres").exists() && dir.join("initdb").exists();
    if !complete(real) && complete(dir) {
        return fs::canonicalize(dir).ok();
    }
    real.join("postgres").exists().then(|| real.to_path_buf())
}

fn version_in(dir: &Path, account: &Account) -> Result<Version, String> {
    if !dir.join("initdb").exists() {
        return Err(format!("{} has no initdb", dir.display()));
    }
    let program = dir.join("postgres");
    // Under the account, so that programs it cannot reach drop out here.
    match account
        .command(&program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
    {
        Ok(output) => Version::parse(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| format!("{} does not tell its version ({})", program.display(), output.status)),
        Err(error) => Err(format!(
            "account {} cannot run {} ({error})",
            account.name,
            program.display()
        )),
    }
}

fn everywhere(fetched: &Path) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|dir| dir.is_absolute())
        .collect();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        dirs.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    dirs.extend(USUAL.iter().flat_map(|pattern| expand(Path::new(pattern))));
    dirs.extend(expand(&fetched.join("*/bin")));
    dirs.retain(|dir| dir.is_absolute());
    dirs
}

/// Existing directories for a path in which `*` may occur once in a component.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let Some((before, after)) = part.to_str().and_then(|part| part.split_once('*')) else {
            found.iter_mut().for_each(|dir| dir.push(part));
            continue;
        };
        let fits = |name: &OsStr| {
            name.to_str()
                .and_then(|name| name.strip_prefix(before))
                .is_some_and(|rest| rest.ends_with(after))
        };
        found = found
            .iter()
            .filter_map(|dir| fs::read_dir(dir).ok())
            .flat_map(|entries| entries.flatten())
            .filter(|entry| fits(&entry.file_name()))
            .map(|entry| entry.path())
            .collect();
    }
    found.retain(|dir| dir.is_dir());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some((15, 14))),
            ("postgres (PostgreSQL) 17beta1", Some((17, 0))),
            ("postgres (PostgreSQL) 18devel", Some((18, 0))),
            ("postgres (PostgreSQL) 9.6.24", Some((9, 6))),
            ("no such thing 15", None),
        ] {
            let expected = expected.map(|(major, minor)| Version { major, minor });
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn expands_one_star_in_a_component() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["pgsql-14/bin", "pgsql-15/bin", "pgsql-16", "other/bin"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let mut found = expand(&root.path().join("pgsql-*/bin"));
        found.sort();
        let expected = ["pgsql-14/bin", "pgsql-15/bin"].map(|dir| root.path().join(dir));
        assert_eq!(found, expected);
    }
}
