//! What can be seen from the settings and this machine.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use opencom_providers::http::client;

use super::Finding;
use crate::config::{Config, Role};
use crate::demo;
use crate::secrets::KeyFile;

/// How long the public address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// With less room than this, in bytes, a database is soon in trouble.
const ROOM: u64 = 2 << 30;
/// Files that are open beside the sockets.
const OTHER_FILES: u64 = 300;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![data_dir(config), master_key(config)];
    findings.extend(public_url(config).await);
    if config.role != Role::Worker {
        findings.push(listen(config).await);
        findings.push(open_files(config));
    }
    findings.push(dashboard(config));
    findings
}

/// Whether there is a database already: a doctor does not make one.
pub(super) fn has_database(config: &Config) -> bool {
    config.database_url.is_some() || config.data_dir.join("postgres").exists()
}

fn data_dir(config: &Config) -> Finding {
    const ABOUT: &str = "data directory";
    let dir = &config.data_dir;
    let place = dir.display();
    if !dir.exists() {
        return Finding::good(ABOUT, format!("{place} is not there yet; the server makes it"));
    }
    let probe = dir.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe));
    if let Err(error) = written {
        let remedy = "let the account of this program write there, or set OPENCOM_DATA_DIR to another directory";
        return Finding::wrong(ABOUT, format!("{place} cannot be written: {error}"), remedy);
    }
    match room(dir) {
        Some(room) if room < ROOM => Finding::warning(
            ABOUT,
            format!("{place} has {} MiB left", room >> 20),
            "make room: a database that finds none stops",
        ),
        Some(room) => Finding::good(ABOUT, format!("{place}, {} GiB left", room >> 30)),
        None => Finding::good(ABOUT, place.to_string()),
    }
}

#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "the counts are smaller elsewhere")
)]
fn room(dir: &Path) -> Option<u64> {
    let stat = statvfs(dir).ok()?;
    Some(u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size())))
}

/// Whether there is one; what it opens is seen in the database.
fn master_key(config: &Config) -> Finding {
    const ABOUT: &str = "master key";
    if config.master_key.is_some() {
        return Finding::good(ABOUT, "from OPENCOM_MASTER_KEY");
    }
    let file = KeyFile::of(&config.data_dir);
    let remedy = "replicas need the same key: give it to them as OPENCOM_MASTER_KEY";
    match file.lines() {
        Ok(_) if config.database_url.is_some() => Finding::warning(
            ABOUT,
            format!("from {}, while the database is elsewhere", file.place()),
            format!("back it up with the database; {remedy}"),
        ),
        Ok(_) => Finding::good(ABOUT, format!("from {}; back it up with the database", file.place())),
        Err(_) if config.database_url.is_some() => Finding::warning(
            ABOUT,
            format!("none; the server makes one in {}", file.place()),
            format!("set OPENCOM_MASTER_KEY if the database is in use already; {remedy}"),
        ),
        Err(_) => Finding::good(ABOUT, "none yet; the server makes one"),
    }
}

async fn public_url(config: &Config) -> Vec<Finding> {
    const ABOUT: &str = "public address";
    let url = match config.public_url() {
        Ok(url) => url,
        Err(error) => {
            let remedy = "set OPENCOM_PUBLIC_URL to the address that browsers use, as https://chat.example.com";
            return vec![Finding::wrong(ABOUT, error, remedy)];
        }
    };
    let mut findings = Vec::new();
    if config.demo
        && let Err(error) = demo::check(config, &url)
    {
        findings.push(Finding::wrong("demo", error, "take OPENCOM_DEMO away"));
    }
    findings.push(if demo::is_this_machine(&url) {
        Finding::good(ABOUT, format!("{url}, for this machine alone"))
    } else if !url.starts_with("https://") {
        Finding::warning(
            ABOUT,
            format!("{url} is not protected"),
            "put a proxy with a certificate in front and set OPENCOM_PUBLIC_URL to https://…: pages on https reach nothing \
             else, and tokens travel in the open",
        )
    } else if is_answered(&url).await {
        Finding::good(ABOUT, format!("{url} answers"))
    } else {
        Finding::warning(
            ABOUT,
            format!("nothing of this program answers at {url}"),
            "of no concern while the server is down; else look at the proxy in front, at names and at certificates",
        )
    });
    findings
}

async fn is_answered(url: &str) -> bool {
    let Ok(client) = client(PATIENCE) else { return false };
    // Nothing else has this document in this place.
    let asked = client.get(format!("{url}/.well-known/opencom.json")).send().await;
    asked.is_ok_and(|answer| answer.status().is_success())
}

async fn listen(config: &Config) -> Finding {
    const ABOUT: &str = "listening";
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(ABOUT, format!("{address} is free")),
        Err(_) if is_answered(&format!("http://{address}")).await => {
            Finding::good(ABOUT, format!("a server listens on {address}"))
        }
        Err(error) => Finding::wrong(
            ABOUT,
            format!("cannot listen on {address}: {error}"),
            "end what uses it, or set OPENCOM_LISTEN to another address",
        ),
    }
}

fn open_files(config: &Config) -> Finding {
    const ABOUT: &str = "open files";
    let wanted = u64::try_from(config.max_sockets)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_FILES);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, most)) if most >= wanted => Finding::good(ABOUT, format!("{most} at most")),
        Ok((_, most)) => Finding::warning(
            ABOUT,
            format!("{most} at most, for up to {} sockets", config.max_sockets),
            format!("raise the limit to {wanted} (LimitNOFILE of systemd, ulimits of containers)"),
        ),
        Err(error) => Finding::skipped(ABOUT, error.to_string()),
    }
}

fn dashboard(config: &Config) -> Finding {
    const ABOUT: &str = "dashboard";
    match &config.web_app_url {
        Some(url) => Finding::good(ABOUT, format!("links in mails lead to {url}")),
        None => Finding::warning(
            ABOUT,
            "links in mails lead to where those who invite say",
            "set OPENCOM_WEB_APP_URL to the dashboard's address",
        ),
    }
}
