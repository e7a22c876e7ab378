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

use async_trait::async_trait;
use opencom_contract::auth::{
    CompleteSignupProfile, CompletedProfile, CurrentUser, GetUserWorkspaces, IsAuthenticated, Me, MyWorkspace,
    Provider, SignIn, SignInResult, SignOut, SwitchWorkspace, SwitchedWorkspace,
};
use opencom_core::{Error, Result};
use opencom_runtime::registry::Registration;
use opencom_runtime::{ActionCx, MutationCx, QueryCx};

pub use self::clean_up::CleanUp;
pub(crate) use self::profile::workspaces_of;
pub use self::session::end_all as end_all_sessions;
pub(crate) use self::signup::{acceptance, admits_address};
use crate::{Admin, AdminService};

/// Agents' sign-in, and who is signed in.
#[async_trait]
pub trait Auth: Send + Sync {
    /// Signs in or up by password, sends or verifies an e-mail code, or trades a refresh token for new tokens. Everyone
    /// may call. A sign-in ends the session that the caller comes with.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED` for an unknown account, a wrong password and a wrong code, `RATE_LIMITED` after ten of them and for
    /// too many calls from one address,
    /// `ALREADY_EXISTS` for a sign-up with an address that somebody has, `INVALID_INPUT` for everything else. A refresh
    /// token that is not good is no error but `tokens: null`.
    async fn auth_sign_in(&self, cx: &mut ActionCx, req: SignIn) -> Result<SignInResult>;

    /// Ends the caller's session at once, on all replicas. Everyone may call.
    async fn auth_sign_out(&self, cx: &mut ActionCx, req: SignOut) -> Result<()>;

    /// Whether the caller comes with a token of a session that stands.
    async fn auth_is_authenticated(&self, cx: &mut QueryCx, req: IsAuthenticated) -> Result<bool>;

    /// The signed-in user and their workspaces, secrets only of those that they own or administer.
    async fn auth_current_user(&self, cx: &mut QueryCx, req: CurrentUser) -> Result<Option<Me>>;

    /// Makes another of the caller's workspaces the active one.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED` or `NOT_WORKSPACE_MEMBER`.
    async fn auth_switch_workspace(&self, cx: &mut MutationCx, req: SwitchWorkspace) -> Result<SwitchedWorkspace>;

    /// Fills in the caller's name and renames their workspace, as far as both are still as the sign-up left them.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, or `NOT_FOUND` for a user without an address or an active workspace.
    async fn auth_complete_signup_profile(
        &self,
        cx: &mut MutationCx,
        req: CompleteSignupProfile,
    ) -> Result<CompletedProfile>;

    /// The caller's workspaces, in the order in which they joined.
    async fn auth_get_user_workspaces(&self, cx: &mut QueryCx, req: GetUserWorkspaces) -> Result<Vec<MyWorkspace>>;

    /// Removes sessions, codes and limiter buckets that no longer mean anything.
    async fn auth_clean_up(&self, cx: &mut ActionCx, job: CleanUp) -> Result<()>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn AdminService>) -> Result<()> {
    of.action::<SignIn>(|s, cx, req| s.auth_sign_in(cx, req))
        .action::<SignOut>(|s, cx, req| s.auth_sign_out(cx, req))
        .query::<IsAuthenticated>(|s, cx, req| s.auth_is_authenticated(cx, req))
        .query::<CurrentUser>(|s, cx, req| s.auth_current_user(cx, req))
        .mutation::<SwitchWorkspace>(|s, cx, req| s.auth_switch_workspace(cx, req))
        .mutation::<CompleteSignupProfile>(|s, cx, req| s.auth_complete_signup_profile(cx, req))
        .query::<GetUserWorkspaces>(|s, cx, req| s.auth_get_user_workspaces(cx, req))
        .job::<CleanUp>(|s, cx, job| s.auth_clean_up(cx, job))
        .every(clean_up::EVERY_MS, &CleanUp {})?;
    Ok(())
}

#[async_trait]
impl Auth for Admin {
    async fn auth_sign_in(&self, cx: &mut ActionCx, req: SignIn) -> Result<SignInResult> {
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

    async fn auth_sign_out(&self, cx: &mut ActionCx, _: SignOut) -> Result<()> {
        session::end(cx).await
    }

    async fn auth_is_authenticated(&self, cx: &mut QueryCx, _: IsAuthenticated) -> Result<bool> {
        Ok(cx.user().await?.is_some())
    }

    async fn auth_current_user(&self, cx: &mut QueryCx, _: CurrentUser) -> Result<Option<Me>> {
        profile::me(cx).await
    }

    async fn auth_switch_workspace(&self, cx: &mut MutationCx, req: SwitchWorkspace) -> Result<SwitchedWorkspace> {
        profile::switch(cx, req.workspace_id).await
    }

    async fn auth_complete_signup_profile(
        &self,
        cx: &mut MutationCx,
        req: CompleteSignupProfile,
    ) -> Result<CompletedProfile> {
        profile::complete(cx, req).await
    }

    async fn auth_get_user_workspaces(&self, cx: &mut QueryCx, _: GetUserWorkspaces) -> Result<Vec<MyWorkspace>> {
        profile::my_workspaces(cx).await
    }

    async fn auth_clean_up(&self, cx: &mut ActionCx, _: CleanUp) -> Result<()> {
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
