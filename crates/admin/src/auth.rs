//! Agents' sign-in: which way in a call asks for, and who the caller is.

mod clean_up;
mod code;
pub(crate) mod hashing;
pub mod keys;
mod limiter;
mod mail;
mod password;
mod profile;
mod queries;
mod rows;
mod session;
mod signup;
mod store;

use std::sync::Arc;

use opencom_contract::auth::{
    CompleteSignupProfile, CompletedProfile, CurrentUser, GetUserWorkspaces, InternalEndAllSessions,
    InternalRotateSigningKey, IsAuthenticated, Me, MyWorkspace, Provider, SignIn, SignInResult, SignOut,
    SwitchWorkspace, SwitchedWorkspace,
};
use opencom_core::{Error, Int, Result};
use opencom_runtime::{ActionCx, Handle, MutationCx, Perform, QueryCx, Registry};

pub use self::clean_up::CleanUp;
pub(crate) use self::profile::workspaces_of;
pub(crate) use self::signup::{acceptance, admits_address};
use crate::Admin;

pub(crate) fn register_jobs(service: &Arc<Admin>, registry: &mut Registry) -> Result<()> {
    registry.job::<CleanUp, _>(service);
    registry.every(clean_up::EVERY_MS, &CleanUp {})
}

impl Handle<SignIn> for Admin {
    async fn handle(&self, cx: &mut ActionCx, req: SignIn) -> Result<SignInResult> {
        tracing::debug!(client = req.called_by, provider = req.provider, "a sign-in");
        let params = req.params.unwrap_or_default();
        let provider = given(req.provider.as_deref()).map(provider).transpose()?;
        let has_code = params.code.is_some();
        let tokens = match provider {
            Some(Provider::Password) => Some(self.password(cx, &params).await?),
            Some(Provider::Otp) if has_code => Some(self.verify_code(cx, &params).await?),
            Some(Provider::Otp) => {
                self.send_code(cx, &params).await?;
                return Ok(SignInResult::Started { started: true });
            }
            None => match given(req.refresh_token.as_deref()) {
                Some(token) => self.refresh(cx, token).await?,
                None if has_code => code::none_if_refused(self.verify_code(cx, &params).await)?,
                None => {
                    let text = "Cannot sign in: Missing `provider`, `params.code` or `refreshToken`";
                    return Err(Error::invalid("provider", text));
                }
            },
        };
        Ok(SignInResult::Tokens { tokens })
    }
}

impl Handle<SignOut> for Admin {
    async fn handle(&self, cx: &mut ActionCx, _: SignOut) -> Result<()> {
        session::end(cx).await
    }
}

impl Handle<IsAuthenticated> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: IsAuthenticated) -> Result<bool> {
        Ok(cx.user().await?.is_some())
    }
}

impl Handle<CurrentUser> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: CurrentUser) -> Result<Option<Me>> {
        profile::me(cx).await
    }
}

impl Handle<SwitchWorkspace> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: SwitchWorkspace) -> Result<SwitchedWorkspace> {
        profile::switch(cx, req.workspace_id).await
    }
}

impl Handle<CompleteSignupProfile> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: CompleteSignupProfile) -> Result<CompletedProfile> {
        profile::complete(cx, req).await
    }
}

impl Handle<GetUserWorkspaces> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: GetUserWorkspaces) -> Result<Vec<MyWorkspace>> {
        profile::my_workspaces(cx).await
    }
}

impl Perform<CleanUp> for Admin {
    async fn perform(&self, cx: &mut ActionCx, _: CleanUp) -> Result<()> {
        clean_up::run(cx).await
    }
}

fn provider(name: &str) -> Result<Provider> {
    Provider::from_text(name).ok_or_else(|| {
        let known: Vec<_> = Provider::ALL.iter().map(|provider| format!("`{provider}`")).collect();
        let text = format!(
            "Provider `{name}` is not configured, available providers are {}.",
            known.join(", ")
        );
        Error::invalid("provider", text)
    })
}

/// A text without the space around it; `None` when nothing is left.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

impl Handle<InternalRotateSigningKey> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: InternalRotateSigningKey) -> Result<()> {
        keys::rotate(cx, req.at_once).await
    }
}

impl Handle<InternalEndAllSessions> for Admin {
    async fn handle(&self, cx: &mut MutationCx, _: InternalEndAllSessions) -> Result<Int> {
        session::end_all(cx).await
    }
}
