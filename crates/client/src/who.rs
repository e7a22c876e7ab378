//! Who calls, and how that is proven.

use std::fmt;

use opencom_contract::Descriptor;
use opencom_core::Code;
use serde_json::Value;

use crate::Client;
use crate::agent::AgentSession;
use crate::error::Error;
use crate::visitor::VisitorState;

/// The argument by which visitors prove who they are.
const SESSION_TOKEN: &str = "sessionToken";

/// Who calls.
pub(crate) enum Who {
    Nobody,
    Agent(AgentSession),
    Visitor(Box<VisitorState>),
}

impl fmt::Debug for Who {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Nobody => "nobody",
            Self::Agent(_) => "an agent",
            Self::Visitor(_) => "a visitor",
        })
    }
}

/// What proves who calls.
#[derive(Clone)]
pub(crate) enum Proof {
    None,
    /// Goes into the header.
    Agent(String),
    /// Goes into the arguments.
    Visitor(String),
}

impl Proof {
    /// What goes into the header.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Agent(token) => Some(token),
            Self::None | Self::Visitor(_) => None,
        }
    }

    /// The secret itself.
    pub(crate) fn secret(&self) -> Option<&str> {
        match self {
            Self::Agent(secret) | Self::Visitor(secret) => Some(secret),
            Self::None => None,
        }
    }

    /// Puts a visitor's token into the arguments of a function that takes it.
    pub(crate) fn fill_in(&self, function: &Descriptor, arguments: &mut Value) {
        if let (Self::Visitor(token), Value::Object(arguments)) = (self, arguments)
            && function.takes_session_token
        {
            arguments.insert(SESSION_TOKEN.to_owned(), token.as_str().into());
        }
    }

    /// Whether a call failed because this is not good any more.
    pub(crate) fn is_doubted_by(&self, error: &Error) -> bool {
        match self {
            Self::None => false,
            Self::Agent(_) => matches!(error, Error::Rejected { status: 401, code, .. } if code == "Unauthenticated"),
            Self::Visitor(_) => error.is(Code::NotAuthenticated) || error.is(Code::SessionExpired),
        }
    }
}

impl Client {
    /// What proves who calls. `doubted` is what was not good; whoever comes first renews it, the others wait.
    pub(crate) async fn proof(&self, doubted: Option<&Proof>) -> Result<Proof, Error> {
        let doubted = doubted.and_then(Proof::secret);
        match &*self.who {
            Who::Nobody => Ok(Proof::None),
            Who::Agent(session) => session.token(self, doubted).await.map(Proof::Agent),
            Who::Visitor(session) => session.token(self, doubted).await.map(Proof::Visitor),
        }
    }
}

/// Milliseconds since 1970 on this machine.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use opencom_contract::{Function, auth, messages};

    use super::*;

    #[test]
    fn a_token_goes_where_it_is_taken() {
        let (proof, mut arguments) = (Proof::Visitor("wst_1".to_owned()), serde_json::json!({}));
        proof.fill_in(&auth::CurrentUser::DESCRIPTOR, &mut arguments);
        assert_eq!(arguments, serde_json::json!({}));
        proof.fill_in(&messages::List::DESCRIPTOR, &mut arguments);
        assert_eq!(arguments, serde_json::json!({ "sessionToken": "wst_1" }));
    }
}
