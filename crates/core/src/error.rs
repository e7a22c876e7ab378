//! The one error type: a code of the specification, the text that people see, data for programs, and a private cause
//! that never reaches the wire.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Permission;

/// What the functions of this workspace return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes of the specification, and one for our own faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Nobody is signed in, or a credential is unknown.
    NotAuthenticated,
    /// The credential was good and has run out.
    SessionExpired,
    /// Signed in, but this is not the caller's.
    NotAuthorized,
    /// A named permission is missing.
    PermissionDenied,
    /// Not a member of the workspace.
    NotWorkspaceMember,
    /// No such row, or not in this workspace.
    NotFound,
    /// Only one of these may exist.
    AlreadyExists,
    /// The arguments are wrong.
    InvalidInput,
    /// Too many calls; try again after `retryAfterMs`.
    RateLimited,
    /// Our fault. The cause is in the log under the request id.
    InternalError,
}

impl Code {
    /// The code as it stands in `errorData.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NOT_AUTHENTICATED",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::NotAuthorized => "NOT_AUTHORIZED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotWorkspaceMember => "NOT_WORKSPACE_MEMBER",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::InvalidInput => "INVALID_INPUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

/// A refusal or a fault. Small enough to be returned everywhere.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    data: ErrorData,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What `errorData` carries beside code and message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// The argument that is wrong, as a dotted path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// When another try may succeed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub retry_after_ms: Option<crate::Int>,
}

impl Error {
    /// An error with a text of its own.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            data: ErrorData::default(),
            source: None,
        }))
    }

    /// `Not authenticated`: no agent is signed in.
    pub fn not_authenticated() -> Self {
        Self::new(Code::NotAuthenticated, "Not authenticated")
    }

    /// `Not a member of this workspace`.
    pub fn not_workspace_member() -> Self {
        Self::new(Code::NotWorkspaceMember, "Not a member of this workspace")
    }

    /// `Permission denied: <permission>`.
    pub fn permission_denied(permission: Permission) -> Self {
        let mut error = Self::new(Code::PermissionDenied, format!("Permission denied: {permission}"));
        error.0.data.permission = Some(permission.as_str().to_owned());
        error
    }

    /// The caller is known, but this is not theirs.
    pub fn not_authorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotAuthorized, message)
    }

    /// `<thing> not found`.
    pub fn not_found(thing: &str) -> Self {
        Self::new(Code::NotFound, format!("{thing} not found"))
    }

    /// Only one of these may exist; the text says of what.
    pub fn already_exists(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::AlreadyExists, message)
    }

    /// The argument `field` is wrong; the text says why.
    pub fn invalid(field: &str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::InvalidInput, message);
        error.0.data.field = Some(field.to_owned());
        error
    }

    /// Too many calls; another may succeed after `retry_after_ms`.
    pub fn rate_limited(message: impl Into<Cow<'static, str>>, retry_after_ms: i64) -> Self {
        let mut error = Self::new(Code::RateLimited, message);
        error.0.data.retry_after_ms = Some(retry_after_ms.into());
        error
    }

    /// Our own fault: the caller sees a request id and nothing else, the log sees `source`.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::InternalError, "Server Error");
        error.0.source = Some(source.into());
        error
    }

    /// The code of the specification.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text that people see.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Data for programs.
    pub fn data(&self) -> &ErrorData {
        &self.0.data
    }

    /// The private cause.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            code,
            message,
            data,
            source,
        } = &*self.0;
        f.debug_struct("Error")
            .field("code", code)
            .field("message", message)
            .field("data", data)
            .field("source", source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A database error that no rule expected is our own fault. Where one means something to the caller, the place that
/// knows what it means says so.
#[cfg(feature = "diesel")]
impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::internal(error)
    }
}

/// An absent row becomes the refusal that the contract names.
pub trait OrNotFound<T> {
    /// `<thing> not found` when there is none.
    fn or_not_found(self, thing: &str) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    fn or_not_found(self, thing: &str) -> Result<T> {
        self.ok_or_else(|| Error::not_found(thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_spelled_as_the_wire_spells_it() {
        let codes = [
            Code::NotAuthenticated,
            Code::SessionExpired,
            Code::NotAuthorized,
            Code::PermissionDenied,
            Code::NotWorkspaceMember,
            Code::NotFound,
            Code::AlreadyExists,
            Code::InvalidInput,
            Code::RateLimited,
            Code::InternalError,
        ];
        for code in codes {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }

    #[test]
    fn a_cause_is_never_displayed() {
        let error = Error::internal("password=hunter2");
        assert_eq!(error.to_string(), "Server Error");
        assert_eq!(error.message(), "Server Error");
    }
}
