//! The context `admin`: workspaces, users, members, agents' sign-in, settings and the audit log.
//!
//! Owns the tables `workspaces`, `users`, `workspace_members`, `workspace_invitations`, `auth_*`, `signing_keys`,
//! `audit_logs`, `audit_log_settings`, `ai_agent_settings` and `automation_settings`, and is the only one that writes them.
//! Knows nothing of conversations.
//!
//! What always holds: no user, workspace or membership comes to be before a password was set or a code came back; an
//! address is stored trimmed and in lower case, and one user has it; passwords, refresh tokens and codes are stored as
//! hashes, keys and secrets sealed; a session that ended lets nobody in, whatever its tokens say; a workspace that has an
//! owner keeps one, and nobody gives himself more than he has.

pub mod ai_agent;
mod audit;
pub mod audit_logs;
pub mod auth;
pub mod automation_settings;
pub mod discovery;
pub mod identity_verification;
pub mod ports;
mod service;
mod users;
pub mod workspace_members;
pub mod workspaces;

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::Registry;

pub use service::{Admin, AdminParts, DEFAULT_LIFETIME};

/// What the context promises: one method for each of its functions.
pub trait AdminService:
    auth::Auth
    + discovery::Discovery
    + workspaces::Workspaces
    + workspace_members::WorkspaceMembers
    + identity_verification::IdentityVerification
    + audit_logs::AuditLogs
    + ai_agent::AiAgentSettings
    + automation_settings::AutomationSettings
{
}

impl AdminService for Admin {}

/// Registers every function and job of the context.
pub fn register(registry: &mut Registry, service: &Arc<dyn AdminService>) -> Result<()> {
    let mut of = registry.of(service);
    auth::register(&mut of)?;
    discovery::register(&mut of);
    workspaces::register(&mut of);
    workspace_members::register(&mut of);
    identity_verification::register(&mut of);
    audit_logs::register(&mut of)?;
    ai_agent::register(&mut of);
    automation_settings::register(&mut of);
    Ok(())
}
