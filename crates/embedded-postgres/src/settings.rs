//! Server settings.
//!
//! What opencom's access to the server hangs on goes on the command line, where nothing overrides it. The rest is a file
//! included by `postgresql.conf` and written anew at each start, so that `ALTER SYSTEM`, which is read later, wins.

use std::ffi::OsString;
use std::path::Path;

use crate::socket::PORT;

/// The included file, in the cluster.
pub(crate) const FILE: &str = "opencom.conf";

const HEADER: &str = "\
# Written by opencom at each start: changes here are lost. Use ALTER SYSTEM, which wins over this file.
";

const COMMON: &str = "
# Results and logs do not depend on where the machine stands.
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
# Compiling a plan takes longer than the short statements of a messaging server run.
jit = off
# The data directory is on an SSD, where an index read costs little more than a sequential one.
random_page_cost = 1.1
";

const DURABLE: &str = "
shared_buffers = 256MB
effective_cache_size = 768MB
maintenance_work_mem = 64MB
work_mem = 8MB
# Fewer checkpoints mean fewer full page images in the WAL; recovery after a crash still takes seconds.
checkpoint_timeout = 15min
max_wal_size = 1GB
wal_compression = on
# Live changes and jobs rewrite the same small tables all day; the default waits for a fifth of the table.
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05
";

const THROW_AWAY: &str = "
shared_buffers = 64MB
# The data need not survive anything.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = 1h
max_wal_size = 2GB
# Statistics that change on their own would change plans in the middle of a test.
autovacuum = off
log_checkpoints = off
";

/// The text of the included file.
pub(crate) fn file(durable: bool, max_connections: u16) -> String {
    let specific = if durable { DURABLE } else { THROW_AWAY };
    format!("{HEADER}\nmax_connections = {max_connections}\n{COMMON}{specific}")
}

/// Arguments after the program's name.
pub(crate) fn arguments(cluster: &Path, socket_dir: &Path) -> Vec<OsString> {
    let mut arguments = vec!["-D".into(), cluster.into()];
    let mut set = |name: &str, value: OsString| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value);
        arguments.extend(["-c".into(), setting]);
    };
    set("listen_addresses", OsString::new());
    set("port", PORT.to_string().into());
    set("unix_socket_directories", quoted(socket_dir));
    // The directory keeps others out already; this holds should its mode be changed.
    set("unix_socket_permissions", "0700".into());
    // The log goes to the file that we opened.
    set("logging_collector", "off".into());
    set("log_destination", "stderr".into());
    arguments
}

/// The setting is a list, so a path with a comma or a blank has to be quoted.
fn quoted(path: &Path) -> OsString {
    let Some(text) = path.to_str() else {
        return path.into();
    };
    format!("\"{}\"", text.replace('"', "\"\"")).into()
}
