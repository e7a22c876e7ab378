//! Agents: signing in, and tokens that renew themselves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencom_contract::Function;
use opencom_contract::auth::{SignIn, SignInParams, SignInResult, SignOut};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::error::Error;
use crate::who::{Who, now_ms};
use crate::{Client, arguments, read};

pub use opencom_contract::auth::Tokens;

/// How long before its end a token is renewed, in milliseconds: longer than a call takes and clocks differ.
const EARLY: i64 = 60_000;

/// An agent's tokens.
pub(crate) struct AgentSession {
    /// `None` once the session is over. Held while they are renewed, so that it happens once.
    tokens: Mutex<Option<Tokens>>,
}

impl AgentSession {
    /// A token that is good, as far as is known.
    pub(crate) async fn token(&self, client: &Client, doubted: Option<&str>) -> Result<String, Error> {
        let mut tokens = self.tokens.lock().await;
        let Some(current) = tokens.as_ref() else {
            return Err(Error::SignedOut);
        };
        let is_good = doubted != Some(&current.token) && expires_at(&current.token) > now_ms() + EARLY;
        if is_good {
            return Ok(current.token.clone());
        }
        let renewed = client.trade(current.refresh_token.clone()).await?;
        *tokens = renewed;
        client.tell_tokens(tokens.as_ref());
        tokens
            .as_ref()
            .map(|tokens| tokens.token.clone())
            .ok_or(Error::SignedOut)
    }
}

/// When a token ends, in milliseconds since 1970; never for one that does not say.
fn expires_at(token: &str) -> i64 {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    claims.map_or(i64::MAX, |claims| claims.exp.saturating_mul(1000))
}

impl Client {
    /// Signs an agent in by address and password.
    ///
    /// # Errors
    /// [`Error::Refused`] when they do not fit, or [`Error::SignedOut`] when the server wants more proof first.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Self, Error> {
        let params = SignInParams {
            flow: Some("signIn".to_owned()),
            email: Some(email.to_owned()),
            password: Some(password.to_owned()),
            ..SignInParams::default()
        };
        self.sign_in_by("password", params).await?.ok_or(Error::SignedOut)
    }

    /// Signs an agent up, with a workspace of their own.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address has an account or the password is too short.
    pub async fn sign_up(&self, email: &str, password: &str, name: &str) -> Result<Self, Error> {
        let params = SignInParams {
            flow: Some("signUp".to_owned()),
            email: Some(email.to_owned()),
            password: Some(password.to_owned()),
            name: Some(name.to_owned()),
            ..SignInParams::default()
        };
        self.sign_in_by("password", params).await?.ok_or(Error::SignedOut)
    }

    /// Has a code sent to an agent's address.
    ///
    /// # Errors
    /// [`Error::Refused`] when too many were asked for.
    pub async fn send_code(&self, email: &str) -> Result<(), Error> {
        let params = SignInParams {
            email: Some(email.to_owned()),
            ..SignInParams::default()
        };
        self.sign_in_by("resend-otp", params).await.map(|_| ())
    }

    /// Signs an agent in by the code that was sent.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is not good.
    pub async fn sign_in_with_code(&self, email: &str, code: &str) -> Result<Self, Error> {
        let params = SignInParams {
            email: Some(email.to_owned()),
            code: Some(code.to_owned()),
            ..SignInParams::default()
        };
        self.sign_in_by("resend-otp", params).await?.ok_or(Error::SignedOut)
    }

    /// Goes on with tokens that were kept. They are not looked at before the first call.
    pub fn with_tokens(&self, tokens: Tokens) -> Self {
        self.with(Who::Agent(AgentSession {
            tokens: Mutex::new(Some(tokens)),
        }))
    }

    /// The agent's tokens, to keep them; `None` for others and once the session is over.
    pub async fn tokens(&self) -> Option<Tokens> {
        match &*self.who {
            Who::Agent(session) => session.tokens.lock().await.clone(),
            Who::Nobody | Who::Visitor(_) => None,
        }
    }

    /// Ends the agent's session, here and on the server. Nothing for others.
    ///
    /// # Errors
    /// Why the server could not be told; here the session is over all the same.
    pub async fn sign_out(&self) -> Result<(), Error> {
        let Who::Agent(session) = &*self.who else {
            return Ok(());
        };
        let Some(tokens) = session.tokens.lock().await.take() else {
            return Ok(());
        };
        self.tell_tokens(None);
        let request = arguments(&SignOut::default())?;
        self.http
            .call(&SignOut::DESCRIPTOR, &request, Some(&tokens.token))
            .await?;
        Ok(())
    }

    async fn sign_in_by(&self, provider: &str, params: SignInParams) -> Result<Option<Self>, Error> {
        let request = SignIn::builder().provider(provider).params(params).build();
        let tokens = self.ask(&request).await?;
        Ok(tokens.map(|tokens| {
            self.tell_tokens(Some(&tokens));
            self.with_tokens(tokens)
        }))
    }

    /// Trades a refresh token for new tokens; `None` when it is not good any more.
    async fn trade(&self, refresh_token: String) -> Result<Option<Tokens>, Error> {
        let request = SignIn::builder().refresh_token(refresh_token).build();
        self.ask(&request).await
    }

    /// Asks as nobody, whoever this client is.
    async fn ask(&self, request: &SignIn) -> Result<Option<Tokens>, Error> {
        let answer = self.http.call(&SignIn::DESCRIPTOR, &arguments(request)?, None).await?;
        Ok(match read(SignIn::DESCRIPTOR.path, &answer)? {
            SignInResult::Tokens { tokens } => tokens,
            SignInResult::Started { .. } => None,
        })
    }

    fn tell_tokens(&self, tokens: Option<&Tokens>) {
        if let Some(told) = &self.hooks.tokens {
            told(tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_off_it() {
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"exp":1767225600,"sub":"a"}"#));
        assert_eq!(expires_at(&token), 1_767_225_600_000);
        assert_eq!(expires_at("no token"), i64::MAX);
    }
}
