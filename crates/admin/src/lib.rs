//! The context `admin`: workspaces, users, members, agents' sign-in and the audit log.
//!
//! Owns the tables `workspaces`, `users`, `workspace_members`, `workspace_invitations`, `auth_*`, `signing_keys` and
//! `audit_logs`, and is the only one that writes them. Knows nothing of visitors and conversations.
//!
//! What always holds: no user, workspace or membership comes to be before a password was set or a code came back; an
//! address is stored trimmed and in lower case, and one user has it; passwords, refresh tokens and codes are stored as
//! hashes, keys and secrets sealed; a session that ended lets nobody in, whatever its tokens say.

mod audit;
pub mod auth;
pub mod discovery;
pub mod ports;
mod service;
mod users;
pub mod workspaces;

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::Registry;

pub use service::{Admin, AdminParts, DEFAULT_LIFETIME};

/// What the context promises: one method for each of its functions.
pub trait AdminService: auth::Auth + discovery::Discovery + workspaces::Workspaces {}

impl AdminService for Admin {}

/// Registers every function and job of the context.
pub fn register(registry: &mut Registry, service: &Arc<dyn AdminService>) -> Result<()> {
    let mut of = registry.of(service);
    auth::register(&mut of)?;
    discovery::register(&mut of);
    workspaces::register(&mut of);
    Ok(())
}
