//! The demo: a workspace whose agent everybody who opens `/demo` is signed in as. Made through the ordinary functions, and
//! only where nobody but the people at this machine can open it.

use opencom_contract::auth::{CurrentUser, SignIn, SignInParams, SignInResult, Tokens};
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Error, Result};
use opencom_runtime::{Caller, Dispatcher};
use serde::Serialize;
use url::{Host, Url};

use crate::compose::App;
use crate::config::Config;
use crate::internal_calls::{call, identity};

/// The agent's address: a name below `.invalid` belongs to nobody and never will.
const EMAIL: &str = "ada@demo.invalid";

/// What the page has to know, as it is served to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    workspace_id: WorkspaceId,
    agent: Credentials,
}

#[derive(Serialize)]
struct Credentials {
    email: &'static str,
    password: String,
}

/// Refuses the demo where others could open it: its page gives an agent's password away.
pub(crate) fn check(config: &Config, public_url: &str) -> std::result::Result<(), String> {
    if !config.listen.ip().is_loopback() {
        return Err(format!(
            "OPENCOM_DEMO signs in everybody who opens it, so it wants a loopback address: OPENCOM_LISTEN is {}",
            config.listen
        ));
    }
    if !is_this_machine(public_url) {
        return Err(format!(
            "OPENCOM_DEMO signs in everybody who opens it, so it is for this machine alone: OPENCOM_PUBLIC_URL is {public_url}"
        ));
    }
    Ok(())
}

/// Whether an address can only mean the machine that asks.
pub(crate) fn is_this_machine(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    })
}

impl Demo {
    /// Finds the demo's agent and workspace, and makes them the first time.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when the agent was made under another master key.
    pub async fn prepare(app: &App) -> Result<Self> {
        let server = app.server();
        let dispatcher = &app.dispatcher;
        // Known to whoever has the master key, or the one before it, so that it outlives a restart and is kept nowhere.
        let derived = server.master_key.derivations("the demo's agent", &[]);
        let mut passwords: Vec<String> = derived.iter().map(hex::encode).collect();
        let mut known = None;
        for (place, password) in passwords.iter().enumerate() {
            match sign_in(dispatcher, "signIn", password).await {
                Err(error) if error.code() == Code::NotAuthenticated => {}
                outcome => {
                    known = Some((place, outcome?));
                    break;
                }
            }
        }
        let signed_in = match known {
            Some(known) => Ok(known),
            None => sign_in(dispatcher, "signUp", &passwords[0])
                .await
                .map(|tokens| (0, tokens)),
        };
        let (place, tokens) = signed_in.map_err(|error| match error.code() {
            Code::AlreadyExists => Error::already_exists(format!(
                "{EMAIL} has another password: the demo was made under another OPENCOM_MASTER_KEY"
            )),
            _ => error,
        })?;
        let agent = identity(app, &tokens)?;
        let me = call::<CurrentUser>(dispatcher, &CurrentUser::default(), Caller::Agent(agent)).await?;
        let workspace_id = me
            .and_then(|me| me.user.workspace_id)
            .ok_or_else(|| Error::not_found("The demo's workspace"))?;
        Ok(Self {
            workspace_id,
            agent: Credentials {
                email: EMAIL,
                password: passwords.swap_remove(place),
            },
        })
    }
}

async fn sign_in(dispatcher: &Dispatcher, flow: &str, password: &str) -> Result<Tokens> {
    let request = SignIn::builder()
        .provider("password")
        .params(SignInParams {
            flow: Some(flow.to_owned()),
            email: Some(EMAIL.to_owned()),
            password: Some(password.to_owned()),
            name: Some("Ada".to_owned()),
            workspace_name: Some("Demo".to_owned()),
            ..SignInParams::default()
        })
        .build();
    match call::<SignIn>(dispatcher, &request, Caller::Anonymous).await? {
        SignInResult::Tokens { tokens: Some(tokens) } => Ok(tokens),
        SignInResult::Tokens { tokens: None } | SignInResult::Started { .. } => {
            Err(Error::internal("the demo's agent was not signed in"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn this_machine_has_few_names() {
        for (address, expected) in [
            ("http://127.0.0.1:3210", true),
            ("http://localhost:8080", true),
            ("http://[::1]", true),
            ("http://127.8.9.10/x", true),
            ("http://0.0.0.0", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("https://chat.example.com", false),
            ("localhost", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(address), expected, "{address}");
        }
    }
}
