//! Who may do what: the checks that stand on the first line of every service method.
//!
//! Sessions, users and memberships come from the cache; an entry dies when its topic is published. The SQL reads
//! tables of the context `admin` (agents) and `inbox` (visitors' sessions), which own and write them.

use std::sync::Arc;

use crate::RunQueryDsl;
use diesel::prelude::*;
use opencom_core::auth::token;
use opencom_core::id::{AuthSessionId, UserId, VisitorId, WorkspaceId};
use opencom_core::{Code, Error, Millis, Permission, Result, Role, permission};
use opencom_schema::{auth_sessions, users, widget_sessions, workspace_members};

use crate::reseal::Sealed;
use crate::topic::Hashed;
use crate::{Caller, QueryCx, topic};

/// The purpose under which the secret of a workspace's identity verification is sealed.
pub const IDENTITY_SECRET: &str = "workspace.identity_secret";
/// The column of those secrets.
pub const IDENTITY_SECRETS: Sealed = Sealed {
    table: "workspaces",
    by: "id",
    column: "identity_secret_sealed",
    purpose: IDENTITY_SECRET,
};

/// How long a live query goes on after the visitor's session that it was opened with was rotated or ran out, in
/// milliseconds: the widget has no error boundary, and subscribes anew with its new token a moment later.
pub const LIVE_GRACE_MS: i64 = 60 * Millis::SECOND;

/// A signed-in user's row, as far as access and names go.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// The user.
    pub id: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// The active workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// The legacy role, as text.
    pub role: Option<String>,
}

/// What a user is in a workspace.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = workspace_members)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Membership {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The role.
    pub role: Role,
    /// Decides alone when not empty.
    pub permissions: Vec<String>,
}

impl Membership {
    /// Whether the member may do something.
    pub fn allows(&self, permission: Permission) -> bool {
        permission::allows(self.role, &self.permissions, permission)
    }
}

/// A visitor's session, as its token tells.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = widget_sessions)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct VisitorSession {
    /// The visitor.
    pub visitor_id: VisitorId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether the external id was verified at boot.
    pub identity_verified: bool,
    /// Good until then, that moment included.
    pub expires_at: Millis,
}

impl VisitorSession {
    /// Returns the session if it is valid in this workspace at this time.
    ///
    /// # Errors
    /// [`SessionError::OtherWorkspace`] or [`SessionError::Expired`].
    pub fn in_workspace(self, workspace: WorkspaceId, now: Millis) -> Result<Self, SessionError> {
        if self.workspace_id != workspace {
            Err(SessionError::OtherWorkspace)
        } else if self.expires_at < now {
            Err(SessionError::Expired)
        } else {
            Ok(self)
        }
    }
}

/// Why a visitor's token is invalid. The texts are the contract's; clients search for parts of them.
#[derive(Debug)]
pub enum SessionError {
    /// No token, or an empty one.
    Missing,
    /// Unknown, revoked or rotated.
    Unknown,
    /// Of another workspace.
    OtherWorkspace,
    /// Expired.
    Expired,
    /// The check itself failed.
    Failed(Error),
}

impl SessionError {
    /// The text of the contract; `None` if the check itself failed.
    pub const fn message(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Session token required"),
            Self::Unknown => Some("Invalid session token"),
            Self::OtherWorkspace => Some("Session token does not match workspace"),
            Self::Expired => Some("Session expired"),
            Self::Failed(_) => None,
        }
    }
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for SessionError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        let code = match &error {
            SessionError::Missing | SessionError::Unknown => Code::NotAuthenticated,
            SessionError::OtherWorkspace => Code::NotAuthorized,
            SessionError::Expired => Code::SessionExpired,
            SessionError::Failed(_) => Code::InternalError,
        };
        match (error.message(), error) {
            (_, SessionError::Failed(error)) => error,
            (message, _) => Self::new(code, message.unwrap_or_default()),
        }
    }
}

impl QueryCx {
    /// The user behind a token whose session still stands; `None` for everybody else.
    pub async fn user(&mut self) -> Result<Option<Arc<User>>> {
        let Caller::Agent(identity) = self.caller() else {
            return Ok(None);
        };
        if !self.session_stands(identity.session, identity.user).await? {
            return Ok(None);
        }
        self.user_by_id(identity.user).await
    }

    /// The signed-in agent: a user with an address, a workspace and a role.
    pub async fn agent_if_any(&mut self) -> Result<Option<Arc<User>>> {
        let complete = |user: &Arc<User>| {
            user.email.as_ref().is_some_and(|email| !email.is_empty())
                && user.workspace_id.is_some()
                && user.role.is_some()
        };
        Ok(self.user().await?.filter(complete))
    }

    /// The signed-in agent.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`.
    pub async fn agent(&mut self) -> Result<Arc<User>> {
        self.agent_if_any().await?.ok_or_else(Error::not_authenticated)
    }

    /// The signed-in agent and what they are in the workspace, whatever that is.
    pub async fn member_if_any(&mut self, workspace: WorkspaceId) -> Result<Option<(Arc<User>, Membership)>> {
        let Some(agent) = self.agent_if_any().await? else {
            return Ok(None);
        };
        let membership = self.membership(agent.id, workspace).await?;
        Ok(membership.map(|membership| (agent, membership)))
    }

    /// Whether the caller is a member of the workspace with this permission. Never an error.
    pub async fn has(&mut self, permission: Permission, workspace: WorkspaceId) -> Result<bool> {
        let member = self.member_if_any(workspace).await?;
        Ok(member.is_some_and(|(_, membership)| membership.allows(permission)))
    }

    /// The signed-in agent, who has this permission in the workspace.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER` (also when there is no such workspace) or `PERMISSION_DENIED`.
    pub async fn require(&mut self, permission: Permission, workspace: WorkspaceId) -> Result<Arc<User>> {
        let agent = self.agent().await?;
        let membership = self
            .membership(agent.id, workspace)
            .await?
            .ok_or_else(Error::not_workspace_member)?;
        if membership.allows(permission) {
            Ok(agent)
        } else {
            Err(Error::permission_denied(permission))
        }
    }

    /// What a user is in a workspace.
    pub async fn membership(&mut self, user: UserId, workspace: WorkspaceId) -> Result<Option<Membership>> {
        let memberships = self
            .cached(topic::memberships_of_user(user), move |connection| {
                Box::pin(async move {
                    let rows = Membership::query()
                        .filter(workspace_members::user_id.eq(user))
                        .order((workspace_members::created_at, workspace_members::id))
                        .load(connection)
                        .await?;
                    Ok::<Vec<Membership>, Error>(rows)
                })
            })
            .await?;
        Ok(memberships
            .iter()
            .find(|membership| membership.workspace_id == workspace)
            .cloned())
    }

    /// A user's row, as far as access and names go.
    pub async fn user_by_id(&mut self, id: UserId) -> Result<Option<Arc<User>>> {
        let user = self
            .cached(topic::user(id), move |connection| {
                Box::pin(async move { Ok(User::query().find(id).first(connection).await.optional()?) })
            })
            .await?;
        Ok((*user).clone().map(Arc::new))
    }

    async fn session_stands(&mut self, session: AuthSessionId, user: UserId) -> Result<bool> {
        let row = self
            .cached(topic::auth_session(session), move |connection| {
                Box::pin(async move {
                    let row = auth_sessions::table
                        .find(session)
                        .select((auth_sessions::user_id, auth_sessions::expires_at))
                        .first::<(UserId, Millis)>(connection)
                        .await
                        .optional()?;
                    Ok(row)
                })
            })
            .await?;
        let Some((owner, expires_at)) = *row else {
            return Ok(false);
        };
        self.holds_until(expires_at);
        Ok(owner == user && expires_at > self.now())
    }

    /// Returns the session of a visitor's token, of any workspace and possibly expired. For functions that learn the
    /// workspace from a row: checked first, it hides from anonymous callers whether the row exists.
    ///
    /// # Errors
    /// [`SessionError::Missing`], [`SessionError::Unknown`], [`SessionError::Failed`].
    pub async fn session_by_token(&mut self, token: Option<&str>) -> Result<VisitorSession, SessionError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(SessionError::Missing);
        };
        let hash = token::sha256(token);
        let session = self
            .cached(topic::widget_session(Hashed::digest(&hash)), move |connection| {
                Box::pin(async move {
                    let row = VisitorSession::query()
                        .filter(widget_sessions::token_hash.eq(hash.as_slice()))
                        .first(connection)
                        .await
                        .optional()?;
                    Ok::<Option<VisitorSession>, Error>(row)
                })
            })
            .await?;
        let now = self.now();
        let session = match *session {
            Some(session) if session.expires_at >= now || !self.is_resumed() => session,
            Some(session) => self.with_grace(session, session.expires_at),
            None if self.is_resumed() => match self.replaced_session(hash).await? {
                Some((session, replaced_at)) => self.with_grace(session, replaced_at),
                None => return Err(SessionError::Unknown),
            },
            None => return Err(SessionError::Unknown),
        };
        self.holds_until(session.expires_at.plus(1));
        Ok(session)
    }

    /// A session that ended at `ended_at`, as good for a live query that was open then as it is for the time of grace.
    fn with_grace(&mut self, session: VisitorSession, ended_at: Millis) -> VisitorSession {
        self.rest_on_grace();
        VisitorSession {
            expires_at: ended_at.plus(LIVE_GRACE_MS),
            ..session
        }
    }

    /// The session that had this token before its last rotation, and when that was.
    async fn replaced_session(&mut self, hash: [u8; 32]) -> Result<Option<(VisitorSession, Millis)>> {
        let replaced = widget_sessions::table
            .filter(widget_sessions::replaced_token_hash.eq(hash.as_slice()))
            .filter(widget_sessions::replaced_at.ge(self.now().plus(-LIVE_GRACE_MS)))
            .order(widget_sessions::replaced_at.desc())
            .select((
                VisitorSession::as_select(),
                widget_sessions::replaced_at.assume_not_null(),
            ))
            .first(self.connection().await?)
            .await
            .optional()?;
        Ok(replaced)
    }

    /// Returns the session of a visitor's token in a workspace.
    ///
    /// # Errors
    /// Why the token is invalid, see [`SessionError`].
    pub async fn visitor(
        &mut self,
        token: Option<&str>,
        workspace: WorkspaceId,
    ) -> Result<VisitorSession, SessionError> {
        let now = self.now();
        self.session_by_token(token).await?.in_workspace(workspace, now)
    }

    /// Returns the session of a visitor's token in a workspace; `None` if the token is invalid.
    ///
    /// # Errors
    /// An internal error if the check fails.
    pub async fn visitor_if_valid(
        &mut self,
        token: Option<&str>,
        workspace: WorkspaceId,
    ) -> Result<Option<VisitorSession>> {
        match self.visitor(token, workspace).await {
            Ok(session) => Ok(Some(session)),
            Err(SessionError::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}
