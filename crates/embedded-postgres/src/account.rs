//! The account the server runs under, which differs from ours only when we are root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User};

use crate::error::Error;

const PREFERRED: [&str; 3] = ["opencom", "postgres", "nobody"];

/// Who runs the server and owns its files.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    gid: Gid,
    /// We are root and become this account for every program we start.
    pub(crate) switched: bool,
}

impl Account {
    /// Ourselves, or as root: the wanted account, else the owner of the existing cluster, else a usual one.
    pub(crate) fn choose(wanted: Option<&str>, data_dir: &Path) -> Result<Self, Error> {
        let cluster = data_dir.join("postgres");
        // Follows the link that stands there for a cluster that had to move elsewhere.
        let owner = fs::metadata(&cluster).ok().map(|meta| Uid::from_raw(meta.uid()));
        let us = Uid::effective();
        if !us.is_root() {
            let current = name_of(us);
            return match owner {
                Some(owner) if owner != us => Err(Error::ForeignCluster {
                    dir: cluster,
                    owner: name_of(owner),
                    current,
                }),
                _ => Ok(Self {
                    name: current,
                    uid: us,
                    gid: Gid::effective(),
                    switched: false,
                }),
            };
        }

        let names: &[&str] = wanted.as_ref().map_or(&PREFERRED, std::slice::from_ref);
        let user = match owner.filter(|owner| wanted.is_none() && !owner.is_root()) {
            Some(owner) => User::from_uid(owner).ok().flatten(),
            None => None,
        }
        .or_else(|| names.iter().find_map(|name| User::from_name(name).ok().flatten()))
        .filter(|user| !user.uid.is_root())
        .ok_or_else(|| Error::NoAccount {
            tried: names.join(", "),
        })?;
        let account = Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            switched: true,
        };
        match account.run_nothing_in(Path::new("/")) {
            Ok(()) => Ok(account),
            // A container without the right to change users, for one.
            Err(source) => Err(Error::Account {
                name: account.name,
                source,
            }),
        }
    }

    /// A command that runs as this account, in English, out of reach of the terminal's signals.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        // The account may have no access to our own working directory, and PostgreSQL's programs fail without one.
        command.current_dir("/").stdin(Stdio::null());
        // Ctrl-C goes to the whole foreground group; the server has to live until we have drained and stop it.
        command.process_group(0);
        if self.switched {
            // Drops root's supplementary groups too.
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        // PGDATA, PGPORT, PGOPTIONS and their like are meant for the operator's other servers.
        for (key, _) in std::env::vars_os() {
            if key.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(key);
            }
        }
        // We read what the programs say.
        command.env("LC_ALL", "C");
        command
    }

    /// Whether the account can get at things inside `dir`. Asked by trying, as modes alone do not tell: there are ACLs,
    /// mount options and security modules.
    pub(crate) fn can_enter(&self, dir: &Path) -> bool {
        !self.switched || self.run_nothing_in(dir).is_ok()
    }

    fn run_nothing_in(&self, dir: &Path) -> io::Result<()> {
        let status = self
            .command("/bin/sh")
            .args(["-c", ":"])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("/bin/sh: {status}")))
        }
    }

    /// Hands a file or directory to the account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        if !self.switched {
            return Ok(());
        }
        lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(Error::directory("change the owner of", path))
    }

    /// Hands over a directory with all it contains, never following links out of it.
    pub(crate) fn own_tree(&self, dir: &Path) -> Result<(), Error> {
        self.own(dir)?;
        let entries = fs::read_dir(dir).map_err(Error::directory("read", dir))?;
        for entry in entries {
            let entry = entry.map_err(Error::directory("read", dir))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.own_tree(&entry.path())?;
            } else {
                self.own(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}
