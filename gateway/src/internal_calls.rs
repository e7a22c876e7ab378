//! Calls of functions from inside the program, with the checks of a client's call.

use opencom_contract::Function;
use opencom_contract::auth::Tokens;
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::{Error, Result};
use opencom_runtime::handle::UnitOfWork;
use opencom_runtime::{Caller, Dispatcher};
use serde::Serialize;

use crate::compose::App;

/// Calls a function with arguments that have the shape of its JSON.
pub(crate) async fn call<F: Function<Kind: UnitOfWork>>(
    dispatcher: &Dispatcher,
    arguments: &(impl Serialize + Sync),
    caller: Caller,
) -> Result<F::Output> {
    let arguments = serde_json::to_string(arguments).map_err(Error::internal)?;
    dispatcher.invoke(F::from_json(&arguments)?, caller).await
}

/// Returns the agent of the tokens that a sign-in returned.
pub(crate) fn identity(app: &App, tokens: &Tokens) -> Result<AgentIdentity> {
    let verified = app.tokens.verify(&tokens.token);
    let verified =
        verified.map_err(|error| Error::internal(format!("a token that was just issued is invalid: {error:?}")))?;
    Ok(verified.identity)
}
