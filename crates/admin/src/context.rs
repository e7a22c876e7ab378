//! What the program knows of the context.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_core::{Error, Result};
use opencom_runtime::access::IDENTITY_SECRETS;
use opencom_runtime::health::Finding;
use opencom_runtime::reseal::Sealed;
use opencom_runtime::{Context, Process, Registry};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::keys;
use crate::{Admin, AdminService, audit_logs, auth, limits, topics, workspace_members};

/// How often a process looks for new signing keys; well below the time after which they sign.
const RELOAD_KEYS: Duration = Duration::from_secs(5);

#[async_trait]
impl Context for Admin {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.declare_topics(topics::TOPICS);
        registry.declare_limits(limits::LIMITS);
        self.register_functions(registry);
        audit_logs::register_jobs(&self, registry)?;
        auth::register_jobs(&self, registry)?;
        workspace_members::register_jobs(&self, registry);
        Ok(())
    }

    /// Loads the signing keys, and creates the first one.
    async fn prepare(&self, process: &Process) -> Result<()> {
        if self.stored_keys {
            let (server, url) = (&process.server, &process.database_url);
            let keys = keys::load_or_create(url, &server.master_key, server.clock.now()).await?;
            self.parts.jwt_keys.replace(keys);
        }
        Ok(())
    }

    /// Reloads the signing keys as they come and go.
    fn background(self: Arc<Self>, process: &Process, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
        if self.stored_keys {
            tasks.spawn(reload_keys(self, process.clone(), stop.clone()));
        }
    }

    fn sealed_columns(&self) -> &'static [Sealed] {
        const { &[keys::SEALED, IDENTITY_SECRETS] }
    }

    async fn health(&self, process: &Process) -> Vec<Finding> {
        const ABOUT: &str = "signing key";
        if !self.stored_keys {
            return vec![Finding::good(ABOUT, "from JWT_PRIVATE_KEY")];
        }
        vec![match stored_keys(process).await.map(|keys| keys.len()) {
            Ok(0) => Finding::good(ABOUT, "none yet; the server creates one"),
            Ok(1) => Finding::good(ABOUT, "one is stored"),
            Ok(several) => Finding::good(ABOUT, format!("{several} are stored, while one replaces another")),
            Err(error) => Finding::wrong(
                ABOUT,
                error.cause().map_or_else(|| error.to_string(), ToString::to_string),
                "if it does not open: set OPENCOM_MASTER_KEY to the key that sealed it, or give that one as \
                 OPENCOM_MASTER_KEY_PREVIOUS",
            ),
        }]
    }
}

async fn reload_keys(admin: Arc<Admin>, process: Process, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RELOAD_KEYS) => {}
            _ = stop.changed() => return,
        }
        match stored_keys(&process).await {
            Ok(keys) => {
                if admin.parts.jwt_keys.replace(keys) {
                    tracing::info!("reloaded JWT signing keys");
                }
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "JWT signing keys could not be reloaded; trying again"
            ),
        }
    }
}

async fn stored_keys(process: &Process) -> Result<Vec<opencom_core::auth::jwt::JwtKey>> {
    let connection = &mut AsyncPgConnection::establish(&process.database_url)
        .await
        .map_err(Error::internal)?;
    keys::stored(connection, &process.server.master_key, process.server.clock.now()).await
}
