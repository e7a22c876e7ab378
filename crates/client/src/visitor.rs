//! Visitors: booting, and sessions that renew themselves.

use std::fmt;

use opencom_contract::Function;
use opencom_contract::widget_sessions::{Boot, Booted, Refresh, Refreshed, Revoke};
use opencom_core::{Code, Millis};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::who::{Who, now_ms};
use crate::{Client, arguments, read};

/// How long before its end a session is renewed, in milliseconds, as the mobile SDKs have it.
const EARLY: i64 = 60_000;

/// A visitor's session, as it can be kept for the next start.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisitorSession {
    /// Proves who the visitor is.
    pub session_token: String,
    /// When it ends.
    pub expires_at: Millis,
}

impl fmt::Debug for VisitorSession {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("VisitorSession")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A visitor's session and how to come back when it is over.
pub(crate) struct VisitorState {
    /// Held while it is renewed, so that it happens once.
    session: Mutex<VisitorSession>,
    /// What the visitor came in with, if this client saw it and it names the same visitor again.
    boot: Option<Boot>,
}

impl VisitorState {
    /// A token that is good, as far as is known.
    pub(crate) async fn token(&self, client: &Client, doubted: Option<&str>) -> Result<String, Error> {
        let mut session = self.session.lock().await;
        let is_doubted = doubted == Some(&session.session_token);
        if !is_doubted && session.expires_at.0 > now_ms() + EARLY {
            return Ok(session.session_token.clone());
        }
        let renewed = if is_doubted {
            self.come_back(client).await
        } else {
            match client.refresh_visitor(session.session_token.clone()).await {
                Err(error) if error.is(Code::NotAuthenticated) || error.is(Code::SessionExpired) => {
                    self.come_back(client).await
                }
                outcome => outcome,
            }
        };
        match renewed {
            Ok(renewed) => *session = renewed,
            Err(error) => {
                if matches!(error, Error::SignedOut) {
                    client.tell_visitor(None);
                }
                return Err(error);
            }
        }
        client.tell_visitor(Some(&session));
        Ok(session.session_token.clone())
    }

    /// Boots once more; the same browser or device is the same visitor.
    async fn come_back(&self, client: &Client) -> Result<VisitorSession, Error> {
        let boot = self.boot.as_ref().ok_or(Error::SignedOut)?;
        Ok(client.boot_visitor(boot).await?.0)
    }
}

impl Client {
    /// Boots a visitor, as the widget does. Gives a client that is this visitor, and who it is. `session_id` tells browsers and
    /// devices apart; with one, the client comes back as the same visitor when its session has ended.
    ///
    /// Requests of this client need no `session_token`: it is filled in, whatever stands there.
    ///
    /// # Errors
    /// [`Error::Refused`] when the workspace does not exist or the identity cannot be verified.
    pub async fn boot(&self, boot: Boot) -> Result<(Self, opencom_contract::visitors::Visitor), Error> {
        let (session, visitor) = self.boot_visitor(&boot).await?;
        self.tell_visitor(Some(&session));
        let boot = boot.session_id.is_some().then_some(boot);
        Ok((self.as_visitor(session, boot), visitor))
    }

    /// Goes on with a session that was kept.
    pub fn with_visitor_session(&self, session: VisitorSession) -> Self {
        self.as_visitor(session, None)
    }

    /// The visitor's session, to keep it; `None` for others.
    pub async fn visitor_session(&self) -> Option<VisitorSession> {
        match &*self.who {
            Who::Visitor(state) => Some(state.session.lock().await.clone()),
            Who::Nobody | Who::Agent(_) => None,
        }
    }

    /// Ends the visitor's session on the server. Nothing for others.
    ///
    /// # Errors
    /// Why the server could not be told.
    pub async fn revoke(&self) -> Result<(), Error> {
        let Some(session) = self.visitor_session().await else {
            return Ok(());
        };
        let request = Revoke::builder().session_token(session.session_token).build();
        self.http.call(&Revoke::DESCRIPTOR, &arguments(&request)?, None).await?;
        self.tell_visitor(None);
        Ok(())
    }

    fn as_visitor(&self, session: VisitorSession, boot: Option<Boot>) -> Self {
        self.with(Who::Visitor(Box::new(VisitorState {
            session: Mutex::new(session),
            boot,
        })))
    }

    async fn boot_visitor(&self, boot: &Boot) -> Result<(VisitorSession, opencom_contract::visitors::Visitor), Error> {
        let answer = self.http.call(&Boot::DESCRIPTOR, &arguments(boot)?, None).await?;
        let booted: Booted = read(Boot::DESCRIPTOR.path, &answer)?;
        let session = VisitorSession {
            session_token: booted.session_token,
            expires_at: booted.expires_at,
        };
        Ok((session, booted.visitor))
    }

    async fn refresh_visitor(&self, session_token: String) -> Result<VisitorSession, Error> {
        let request = Refresh::builder().session_token(session_token).build();
        let answer = self
            .http
            .call(&Refresh::DESCRIPTOR, &arguments(&request)?, None)
            .await?;
        let refreshed: Refreshed = read(Refresh::DESCRIPTOR.path, &answer)?;
        Ok(VisitorSession {
            session_token: refreshed.session_token,
            expires_at: refreshed.expires_at,
        })
    }

    fn tell_visitor(&self, session: Option<&VisitorSession>) {
        if let Some(told) = &self.hooks.visitor {
            told(session);
        }
    }
}
