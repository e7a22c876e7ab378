//! Calls of functions from within the program, as a client makes them.

use opencom_contract::Function;
use opencom_contract::auth::Tokens;
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::{Error, Result};
use opencom_runtime::{Caller, Dispatcher};
use serde::Serialize;

use crate::compose::App;

/// Calls a function.
pub(crate) async fn call<F: Function>(
    dispatcher: &Dispatcher,
    arguments: &(impl Serialize + Sync),
    caller: Caller,
) -> Result<F::Output> {
    let arguments = serde_json::to_string(arguments).map_err(Error::internal)?;
    let value = dispatcher
        .call(F::DESCRIPTOR.kind, F::DESCRIPTOR.path, &arguments, caller)
        .await?;
    serde_json::from_str(&value).map_err(Error::internal)
}

/// Whom tokens that a sign-in gave speak for.
pub(crate) fn identity(app: &App, tokens: &Tokens) -> Result<AgentIdentity> {
    let verified = app.tokens.verify(&tokens.token);
    let verified =
        verified.map_err(|refusal| Error::internal(format!("a token that was just issued is refused: {refusal:?}")))?;
    Ok(verified.identity)
}
