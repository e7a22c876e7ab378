//! The provider `resend-otp`: a code by e-mail. Asking for one keeps its hash and nothing else; the user comes to be
//! when the code comes back.

use crate::limits;
use opencom_contract::auth::{Provider, SignInParams, Tokens};
use opencom_core::auth::seal::MasterKey;
use opencom_core::auth::token;
use opencom_core::id::{AuthAccountId, AuthVerificationCodeId, UserId};
use opencom_core::{Code, Error, Json, Millis, Result, email};
use opencom_providers::email::Mailbox;
use opencom_runtime::{ActionCx, MutationCx, ScopedFutureExt};

use super::limiter::{self, Exhausted};
use super::rows::{NewAccount, NewCode};
use super::session::Grant;
use super::signup::Newcomer;
use super::{mail, queries, store};
use crate::{Admin, users};

/// How many digits a code has.
const DIGITS: u32 = 6;
/// How long a code is good.
const LIFETIME: i64 = mail::MINUTES * Millis::MINUTE;

const TOO_MANY_REQUESTS: &str = "Too many requests, please try again later";
const NOT_VERIFIED: &str = "Could not verify code";

/// What the hashes of codes are for.
const PURPOSE: &str = "auth.code";

/// The hash under which a code is kept, bound to its address.
fn code_hash(key: &MasterKey, address: &str, code: &str) -> [u8; 32] {
    key.derive(PURPOSE, &[address.as_bytes(), code.as_bytes()])
}

/// The hashes under which a code may be kept: the master key may have been changed since it was sent.
fn code_hashes(key: &MasterKey, address: &str, code: &str) -> Vec<Vec<u8>> {
    let hashes = key.derivations(PURPOSE, &[address.as_bytes(), code.as_bytes()]);
    hashes.into_iter().map(Vec::from).collect()
}

fn limited(exhausted: Exhausted) -> Error {
    Error::rate_limited(NOT_VERIFIED, exhausted.retry_after_ms)
}

impl Admin {
    /// Sends a code, in place of the one that was sent before.
    pub(super) async fn send_code(&self, cx: &ActionCx, params: &SignInParams) -> Result<()> {
        let address = &email::normalize(params.email.as_deref().unwrap_or_default());
        if address.is_empty() {
            return Err(Error::invalid("params.email", "Email is required for signup"));
        }
        check_redirect(params.redirect_to.as_ref(), &cx.server().public_url)?;
        let to = Mailbox::new(None, address)
            .map_err(|_| Error::invalid("params.email", "The e-mail address is not valid"))?;
        cx.count_address(limits::EMAIL_CODE)?;
        let code = token::numeric_code(DIGITS)?;
        let hash = code_hash(&cx.server().master_key, address, &code);
        let bucket = &format!("code-request:{address}");
        cx.transaction(|cx| {
            async move {
                limiter::count(cx, bucket)
                    .await?
                    .or_refuse(|exhausted| Error::rate_limited(TOO_MANY_REQUESTS, exhausted.retry_after_ms))?;
                let row = NewCode {
                    id: AuthVerificationCodeId::generate(),
                    email: address,
                    code_hash: hash.to_vec(),
                    expires_at: cx.now().plus(LIFETIME),
                    created_at: cx.now(),
                };
                store::replace_code(cx, row).await
            }
            .scope_boxed()
        })
        .await?;
        let mail = mail::code(self.parts.mail_from.clone(), to, &code);
        self.parts.email.send(&mail).await.map(drop).map_err(Error::internal)
    }

    /// Signs in with a code, by the address that it was sent to.
    pub(super) async fn verify_code(&self, cx: &ActionCx, params: &SignInParams) -> Result<Tokens> {
        let address = &email::normalize(params.email.as_deref().unwrap_or_default());
        if address.is_empty() {
            let text = "Token verification requires an `email` in params of `signIn`.";
            return Err(Error::invalid("params.email", text));
        }
        cx.count_address(limits::SIGN_IN)?;
        let code = params.code.as_deref().unwrap_or_default().trim();
        let hashes = &code_hashes(&cx.server().master_key, address, code);
        let grant = cx
            .transaction(|cx| async move { self.use_code(cx, address, hashes).await }.scope_boxed())
            .await?
            .ok_or_else(|| Error::new(Code::NotAuthenticated, NOT_VERIFIED))?;
        self.tokens(cx, grant)
    }

    /// Uses a code up; `None` when it is not good, which counts as a failed attempt. When there are no attempts left
    /// nothing happens at all, not even to a good code.
    async fn use_code(&self, cx: &mut MutationCx, address: &str, hashes: &[Vec<u8>]) -> Result<Option<Grant>> {
        let bucket = format!("code:{address}");
        limiter::peek(cx, &bucket).await?.or_refuse(limited)?;
        let good = store::take_code(cx, address, hashes)
            .await?
            .is_some_and(|expires_at| expires_at > cx.now());
        if !good {
            limiter::count(cx, &bucket).await?.or_refuse(limited)?;
            return Ok(None);
        }
        limiter::reset(cx, &bucket).await?.or_refuse(limited)?;
        let user = self.user_of_proven_address(cx, address).await?;
        self.start_session(cx, user).await.map(Some)
    }

    /// The account's user; else the one with this address, who gets the account; else a new one.
    async fn user_of_proven_address(&self, cx: &mut MutationCx, address: &str) -> Result<UserId> {
        if let Some(account) = queries::account(cx, Provider::Otp, address).await? {
            return Ok(account.user_id);
        }
        let newcomer = Newcomer {
            email: address,
            name: None,
            workspace_name: None,
            provider: Provider::Otp,
        };
        let user = match users::by_email(cx, address).await? {
            Some(user) => user,
            None => match self.sign_up(cx, &newcomer).await? {
                Some(user) => user,
                // They signed up with a password at this very moment.
                None => users::by_email(cx, address)
                    .await?
                    .ok_or_else(|| Error::internal("the user is gone again"))?,
            },
        };
        let account = NewAccount {
            id: AuthAccountId::generate(),
            user_id: user,
            provider: Provider::Otp,
            provider_account_id: address,
            secret: None,
            email_verified: true,
            created_at: cx.now(),
        };
        store::insert_account(cx, account).await?;
        Ok(user)
    }
}

/// A code that came by a link and is not good is no error. Such a link may just as well not be ours: its `code` then
/// comes without an address.
pub(super) fn none_if_refused(verified: Result<Tokens>) -> Result<Option<Tokens>> {
    match verified {
        Ok(tokens) => Ok(Some(tokens)),
        Err(error) if error.code() == Code::InternalError => Err(error),
        Err(_) => Ok(None),
    }
}

/// Where a link in the mail may lead: to a path of the site or to the site itself.
fn check_redirect(redirect_to: Option<&Json>, site: &str) -> Result<()> {
    let Some(value) = redirect_to else { return Ok(()) };
    let text = value.value().as_str();
    let good = text.is_some_and(|text| {
        text.starts_with(['/', '?'])
            || text
                .strip_prefix(site)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    });
    if good {
        return Ok(());
    }
    let shown = text.map_or_else(|| value.value().to_string(), str::to_owned);
    Err(Error::invalid(
        "params.redirectTo",
        format!("Invalid `redirectTo` {shown} for configured SITE_URL: {site}"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn json_of(value: Value) -> Json {
        Json::new(value).unwrap()
    }

    #[test]
    fn redirects_stay_on_the_site() {
        let site = "https://chat.example.com";
        assert!(check_redirect(None, site).is_ok());
        for good in [
            "/inbox",
            "?a=b",
            site,
            "https://chat.example.com/x",
            "https://chat.example.com?x",
        ] {
            assert!(check_redirect(Some(&json_of(json!(good))), site).is_ok(), "{good}");
        }
        for bad in [
            json!("https://chat.example.com.evil.com"),
            json!("https://evil.com/"),
            json!(""),
            json!(7),
        ] {
            assert!(check_redirect(Some(&json_of(bad.clone())), site).is_err(), "{bad}");
        }
        let text = check_redirect(Some(&json_of(json!("https://evil.com"))), site).unwrap_err();
        assert_eq!(
            text.message(),
            "Invalid `redirectTo` https://evil.com for configured SITE_URL: https://chat.example.com"
        );
    }

    #[test]
    fn a_code_counts_for_its_address_alone() {
        let key = MasterKey::new(&[7; 32]).unwrap();
        let hashes = code_hashes(&key, "a@example.com", "123456");
        assert_eq!(hashes, code_hashes(&key, "a@example.com", "123456"));
        assert_ne!(hashes, code_hashes(&key, "b@example.com", "123456"));
        let changed = MasterKey::new(&[8; 32]).unwrap().and_previous(&[7; 32]).unwrap();
        assert_eq!(code_hashes(&changed, "a@example.com", "123456")[1], hashes[0]);
    }
}
