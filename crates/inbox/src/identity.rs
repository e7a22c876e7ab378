//! Identity verification: whether the customer's own server vouches for the external id that a visitor names.

use opencom_core::auth::token;
use opencom_core::{Error, Result};
use opencom_runtime::QueryCx;

use crate::workspace_settings::WorkspaceSettings;

/// What a user hash is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nothing was checked; what is known of the visitor stays.
    Unchecked,
    /// The hash is right.
    Verified,
    /// The hash is wrong, and the workspace accepts that.
    Wrong,
}

/// Why a workspace that requires verification refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HashError {
    /// An external id without a hash.
    HashMissing,
    /// The hash is wrong, or there is no secret to check it with.
    HashWrong,
}

impl HashError {
    /// The error; `wrong` is how the function at hand words a wrong hash.
    fn into_error(self, wrong: &'static str) -> Error {
        Error::not_authorized(match self {
            Self::HashMissing => "Identity verification failed: userHash is required",
            Self::HashWrong => wrong,
        })
    }
}

/// How a workspace checks, with its secret.
#[derive(Clone, Copy, Debug)]
struct Policy<'a> {
    enabled: bool,
    required: bool,
    secret: Option<&'a str>,
}

/// Checks a visitor's external id against its hash by the rules of the workspace. Absent texts are `None`.
///
/// # Errors
/// `NOT_AUTHORIZED` if the workspace requires verification and it fails; `wrong` is the caller's text for a wrong hash.
pub(crate) fn check(
    cx: &QueryCx,
    settings: &WorkspaceSettings,
    external_user_id: Option<&str>,
    user_hash: Option<&str>,
    wrong: &'static str,
) -> Result<Identity> {
    let secret = if external_user_id.is_some() && user_hash.is_some() && settings.verifies_identity() {
        settings.identity_secret(&cx.server().master_key)?
    } else {
        None
    };
    let policy = Policy {
        enabled: settings.verifies_identity(),
        required: settings.requires_verified_identity(),
        secret: secret.as_deref(),
    };
    judge(policy, external_user_id, user_hash).map_err(|error| error.into_error(wrong))
}

fn judge(policy: Policy<'_>, external_user_id: Option<&str>, user_hash: Option<&str>) -> Result<Identity, HashError> {
    let Some(external_user_id) = external_user_id else {
        return Ok(Identity::Unchecked);
    };
    if !policy.enabled {
        return Ok(Identity::Unchecked);
    }
    let outcome = match (user_hash, policy.secret) {
        (None, _) => {
            return if policy.required {
                Err(HashError::HashMissing)
            } else {
                Ok(Identity::Unchecked)
            };
        }
        (Some(_), None) => Identity::Unchecked,
        (Some(hash), Some(secret)) if token::is_user_hash(secret, external_user_id, hash) => Identity::Verified,
        (Some(_), Some(_)) => Identity::Wrong,
    };
    if policy.required && outcome != Identity::Verified {
        Err(HashError::HashWrong)
    } else {
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_judged_by_the_rules_of_the_workspace() {
        let right = token::user_hash("s3cret", "ünï");
        let upper = right.to_uppercase();
        let (off, optional, required) = ((false, false), (true, false), (true, true));
        let (id, secret) = (Some("ünï"), Some("s3cret"));
        for ((enabled, required), secret, id, hash, expected) in [
            (required, secret, None, Some("x"), Ok(Identity::Unchecked)),
            (required, secret, None, None, Ok(Identity::Unchecked)),
            (off, secret, id, Some(right.as_str()), Ok(Identity::Unchecked)),
            (off, secret, id, None, Ok(Identity::Unchecked)),
            (optional, secret, id, Some(right.as_str()), Ok(Identity::Verified)),
            (optional, secret, id, Some(upper.as_str()), Ok(Identity::Verified)),
            (optional, secret, id, Some("00"), Ok(Identity::Wrong)),
            (optional, None, id, Some(right.as_str()), Ok(Identity::Unchecked)),
            (optional, secret, id, None, Ok(Identity::Unchecked)),
            (required, secret, id, Some(right.as_str()), Ok(Identity::Verified)),
            (required, secret, id, Some("00"), Err(HashError::HashWrong)),
            (required, None, id, Some(right.as_str()), Err(HashError::HashWrong)),
            (required, secret, id, None, Err(HashError::HashMissing)),
        ] {
            let outcome = judge(
                Policy {
                    enabled,
                    required,
                    secret,
                },
                id,
                hash,
            );
            assert_eq!(outcome, expected, "{enabled} {required} {secret:?} {id:?} {hash:?}");
        }
    }
}
