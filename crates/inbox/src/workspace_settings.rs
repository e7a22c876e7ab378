//! What a workspace says about its visitors: from where they come, who vouches for them, how long sessions last.

use crate::topics;
use std::sync::Arc;

use diesel::prelude::*;
use opencom_contract::workspaces::IdentityVerificationMode;
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::WorkspaceId;
use opencom_core::origin::{self, Verdict};
use opencom_core::{Error, Millis, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_schema::workspaces;

const DEFAULT_LIFETIME: i64 = Millis::DAY;
const SHORTEST_LIFETIME: i64 = Millis::HOUR;
const LONGEST_LIFETIME: i64 = 7 * Millis::DAY;

/// The settings of one workspace; the secret stays sealed in the cache.
#[derive(Clone, Debug, Default, HasQuery)]
#[diesel(table_name = workspaces)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct WorkspaceSettings {
    allowed_origins: Option<Vec<String>>,
    identity_secret_sealed: Option<Vec<u8>>,
    identity_verification_enabled: Option<bool>,
    identity_verification_mode: Option<IdentityVerificationMode>,
    session_lifetime_ms: Option<i64>,
}

/// Reads the settings of a workspace, mostly from the cache.
pub(crate) async fn of_workspace(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<Arc<WorkspaceSettings>>> {
    let settings = cx
        .cached(topics::workspace(workspace), move |connection| {
            Box::pin(async move {
                let row = WorkspaceSettings::query()
                    .find(workspace)
                    .first(connection)
                    .await
                    .optional()?;
                Ok(row.map(Arc::new))
            })
        })
        .await?;
    Ok((*settings).clone())
}

/// The settings of a workspace whose list of origins admits `origin`.
///
/// # Errors
/// `NOT_AUTHORIZED` with the contract's reason, also when there is no such workspace.
pub(crate) async fn admitting_origin(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    origin: Option<&str>,
) -> Result<Arc<WorkspaceSettings>> {
    let settings = of_workspace(cx, workspace)
        .await?
        .ok_or_else(|| origin_refused("Workspace not found"))?;
    match origin::judge(settings.allowed_origins.as_deref().unwrap_or_default(), origin) {
        Verdict::Unrestricted | Verdict::Allowed => Ok(settings),
        Verdict::Missing => Err(origin_refused(
            "Origin header is required when allowed origins are configured",
        )),
        Verdict::Malformed => Err(origin_refused("Origin must be a valid http(s) origin")),
        Verdict::NotListed => Err(origin_refused("Origin not in allowed list")),
    }
}

fn origin_refused(reason: &str) -> Error {
    Error::not_authorized(format!("Origin validation failed: {reason}"))
}

impl WorkspaceSettings {
    /// Whether user hashes are checked at all.
    pub(crate) fn verifies_identity(&self) -> bool {
        self.identity_verification_enabled == Some(true)
    }

    /// Whether an external id is accepted with a right hash only.
    pub(crate) fn requires_verified_identity(&self) -> bool {
        self.verifies_identity() && self.identity_verification_mode == Some(IdentityVerificationMode::Required)
    }

    /// The secret under which customers' servers hash external ids.
    pub(crate) fn identity_secret(&self, key: &MasterKey) -> Result<Option<String>> {
        let secret = self
            .identity_secret_sealed
            .as_ref()
            .map(|sealed| key.open_text(IDENTITY_SECRET, sealed));
        Ok(secret.transpose()?.filter(|secret| !secret.is_empty()))
    }

    /// How long a visitor's session lasts.
    pub(crate) fn session_lifetime(&self) -> i64 {
        match self.session_lifetime_ms {
            None | Some(0) => DEFAULT_LIFETIME,
            Some(ms) => ms.clamp(SHORTEST_LIFETIME, LONGEST_LIFETIME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_stay_between_an_hour_and_a_week() {
        for (configured, lifetime) in [
            (None, Millis::DAY),
            (Some(0), Millis::DAY),
            (Some(1000), Millis::HOUR),
            (Some(-5), Millis::HOUR),
            (Some(2 * Millis::DAY), 2 * Millis::DAY),
            (Some(30 * Millis::DAY), 7 * Millis::DAY),
        ] {
            let settings = WorkspaceSettings {
                session_lifetime_ms: configured,
                ..WorkspaceSettings::default()
            };
            assert_eq!(settings.session_lifetime(), lifetime, "{configured:?}");
        }
    }

    #[test]
    fn a_mode_counts_only_where_verification_is_on() {
        let settings = |enabled, mode| WorkspaceSettings {
            identity_verification_enabled: enabled,
            identity_verification_mode: mode,
            ..WorkspaceSettings::default()
        };
        assert!(settings(Some(true), Some(IdentityVerificationMode::Required)).requires_verified_identity());
        assert!(!settings(Some(true), Some(IdentityVerificationMode::Optional)).requires_verified_identity());
        assert!(!settings(Some(true), None).requires_verified_identity());
        assert!(!settings(Some(false), Some(IdentityVerificationMode::Required)).requires_verified_identity());
        assert!(!settings(None, Some(IdentityVerificationMode::Required)).requires_verified_identity());
    }
}
