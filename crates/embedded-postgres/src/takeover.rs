//! Stops a server that an earlier process left behind.
//!
//! When opencom is killed outright, its server goes on. We hold the lock, so nobody uses that server; it is stopped
//! rather than adopted, because a server that is not our child cannot be supervised and may run other settings.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::error::Error;

/// Ends a running server of this cluster, and clears a note of one that would keep the next from starting.
pub(crate) async fn clear(cluster: &Cluster) -> Result<(), Error> {
    let note = cluster.dir.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&note).ok().and_then(|text| first_number(&text)) else {
        return Ok(());
    };
    let process = Pid::from_raw(pid);
    if kill(process, None).is_err() {
        // Nobody of that number that could be ours: PostgreSQL sees that itself, and uses what else the note says to
        // find sessions that outlived it. It refuses to start beside those.
        end_sessions(&cluster.dir);
        return Ok(());
    }
    if !is_server(pid, &cluster.dir) {
        // The number was given to another process, or the note comes from another container. PostgreSQL would refuse
        // to start because of it.
        return fs::remove_file(&note).map_err(Error::directory("remove", note));
    }
    tracing::warn!(
        pid,
        "stopping the PostgreSQL server that an earlier opencom left behind"
    );
    for (signal, patience) in [(Signal::SIGINT, 30), (Signal::SIGQUIT, 15)] {
        let _ = kill(process, signal);
        let deadline = Instant::now() + Duration::from_secs(patience);
        while Instant::now() < deadline {
            if !is_server(pid, &cluster.dir) {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Err(Error::LeftBehind {
        pid,
        dir: cluster.dir.clone(),
    })
}

pub(crate) fn first_number(text: &str) -> Option<i32> {
    // Zero and negative numbers mean process groups to `kill`.
    text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)
}

/// Ends sessions whose postmaster was killed. Idle ones end by themselves, but one in the middle of a long statement would
/// keep the database down until it is through. Where there is no `/proc` we wait for that.
fn end_sessions(dir: &Path) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(first_number) else {
            continue;
        };
        // By name as well, since an operator's shell may stand in the directory.
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if name.trim() == "postgres" && is_server(pid, dir) {
            tracing::warn!(pid, "ending a session whose PostgreSQL server is gone");
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
    }
}

/// Whether the process is a server of this cluster: those work in the cluster's directory.
pub(crate) fn is_server(pid: i32, dir: &Path) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        return fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir);
    }
    // Elsewhere, by the `-D` that we start it with.
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output();
    output.is_ok_and(|output| {
        let command = String::from_utf8_lossy(&output.stdout);
        command.contains("postgres") && command.contains(&*dir.to_string_lossy())
    })
}
