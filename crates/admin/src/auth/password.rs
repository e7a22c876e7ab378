//! The provider `password`.

use crate::limits;
use opencom_contract::auth::{Provider, SignInParams, Tokens};
use opencom_core::id::AuthAccountId;
use opencom_core::{Code, Error, Result, email};
use opencom_runtime::{ActionCx, ScopedFutureExt};

use super::limiter::{self, Attempt, Exhausted};
use super::rows::NewAccount;
use super::signup::Newcomer;
use super::{given, queries, store};
use crate::Admin;

/// The shortest password, in UTF-16 units.
const SHORTEST: usize = 8;

const NO_RESET: &str = "Password reset is not enabled for password";
const NO_VERIFICATION: &str = "Email verification is not enabled for password";
const NO_FLOW: &str = "Missing `flow` param, it must be one of \"signUp\", \"signIn\", \"reset\", \
                       \"reset-verification\" or \"email-verification\"!";

/// The bucket of failed attempts at an address.
fn attempts(email: &str) -> String {
    format!("password:{email}")
}

fn too_many(exhausted: Exhausted) -> Error {
    Error::rate_limited("TooManyFailedAttempts", exhausted.retry_after_ms)
}

fn check_rule(field: &str, password: Option<&str>) -> Result<()> {
    let long_enough = password.is_some_and(|password| password.encode_utf16().count() >= SHORTEST);
    if long_enough {
        Ok(())
    } else {
        Err(Error::invalid(field, "Invalid password"))
    }
}

impl Admin {
    /// Does what `params.flow` says. The password's rule comes first, then the address, then the flow.
    pub(super) async fn password(&self, cx: &ActionCx, params: &SignInParams) -> Result<Tokens> {
        let flow = params.flow.as_deref().unwrap_or_default();
        match flow {
            "signUp" => check_rule("params.password", params.password.as_deref())?,
            "reset-verification" => check_rule("params.newPassword", params.new_password.as_deref())?,
            _ => {}
        }
        let address = email::normalize(params.email.as_deref().unwrap_or_default());
        if params.email.is_none() || (flow == "signUp" && address.is_empty()) {
            return Err(Error::invalid("params.email", "Email is required for signup"));
        }
        match (flow, params.password.as_deref()) {
            ("signUp", Some(password)) => self.password_sign_up(cx, params, &address, password).await,
            ("signIn", Some(password)) => self.password_sign_in(cx, &address, password).await,
            ("signIn", None) => Err(Error::invalid(
                "params.password",
                "Missing `password` param for `signIn` flow",
            )),
            ("reset" | "reset-verification", _) => Err(Error::invalid("params.flow", NO_RESET)),
            ("email-verification", _) => Err(Error::invalid("params.flow", NO_VERIFICATION)),
            _ => Err(Error::invalid("params.flow", NO_FLOW)),
        }
    }

    async fn password_sign_in(&self, cx: &ActionCx, address: &str, password: &str) -> Result<Tokens> {
        cx.count_address(limits::SIGN_IN)?;
        let bucket = &attempts(address);
        let (account, attempt) = cx
            .read(|cx| {
                async move {
                    let account = queries::account(cx, Provider::Password, address).await?;
                    Ok((account, limiter::peek(cx, bucket).await?))
                }
                .scope_boxed()
            })
            .await?;
        let Some(account) = account else {
            // Takes as long as a wrong password does.
            self.hasher.verify(password, None).await?;
            return Err(Error::new(Code::NotAuthenticated, "InvalidAccountId"));
        };
        attempt.or_refuse(too_many)?;
        let user = account.user_id;
        if !self.hasher.verify(password, account.secret).await? {
            cx.transaction(|cx| async move { limiter::count(cx, bucket).await }.scope_boxed())
                .await?
                .or_refuse(too_many)?;
            return Err(Error::new(Code::NotAuthenticated, "InvalidSecret"));
        }
        let grant = cx
            .transaction(|cx| {
                async move {
                    limiter::reset(cx, bucket).await?.or_refuse(too_many)?;
                    self.start_session(cx, user).await
                }
                .scope_boxed()
            })
            .await?;
        self.tokens(cx, grant)
    }

    /// Never looks at the password of an account that exists: that would be a way to guess it.
    async fn password_sign_up(
        &self,
        cx: &ActionCx,
        params: &SignInParams,
        address: &str,
        password: &str,
    ) -> Result<Tokens> {
        cx.count_address(limits::SIGN_UP)?;
        if cx
            .read(|cx| async move { queries::is_taken(cx, address).await }.scope_boxed())
            .await?
        {
            return Err(self.taken(cx, address).await?);
        }
        let secret = &self.hasher.hash(password).await?;
        let newcomer = &Newcomer {
            email: address,
            name: given(params.name.as_deref()),
            workspace_name: given(params.workspace_name.as_deref()),
            provider: Provider::Password,
        };
        let grant = cx
            .transaction(|cx| {
                async move {
                    let Some(user) = self.sign_up(cx, newcomer).await? else {
                        return Err(exists(address));
                    };
                    let account = NewAccount {
                        id: AuthAccountId::generate(),
                        user_id: user,
                        provider: Provider::Password,
                        provider_account_id: address,
                        secret: Some(secret),
                        email_verified: false,
                        created_at: cx.now(),
                    };
                    if !store::insert_account(cx, account).await? {
                        return Err(exists(address));
                    }
                    self.start_session(cx, user).await
                }
                .scope_boxed()
            })
            .await;
        match grant {
            Ok(grant) => self.tokens(cx, grant),
            // Somebody else signed up with it meanwhile.
            Err(error) if error.code() == Code::AlreadyExists => Err(self.taken(cx, address).await?),
            Err(error) => Err(error),
        }
    }

    /// Why an address that exists cannot sign up. Counts as a failed attempt: the answer tells who has an account.
    async fn taken(&self, cx: &ActionCx, address: &str) -> Result<Error> {
        let bucket = &attempts(address);
        let counted = cx
            .transaction(|cx| async move { limiter::count(cx, bucket).await }.scope_boxed())
            .await?;
        Ok(match counted {
            Attempt::Allowed => exists(address),
            Attempt::Exhausted(exhausted) => too_many(exhausted),
        })
    }
}

fn exists(address: &str) -> Error {
    Error::already_exists(format!("Account {address} already exists"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_eight_units() {
        for (password, good) in [
            ("", false),
            ("1234567", false),
            ("12345678", true),
            ("🙂🙂🙂", false),
            ("🙂🙂🙂🙂", true),
        ] {
            assert_eq!(
                check_rule("params.password", Some(password)).is_ok(),
                good,
                "{password}"
            );
        }
        assert!(check_rule("params.password", None).is_err());
    }
}
