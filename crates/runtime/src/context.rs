//! The door of a context: all that the program knows of it.

use std::sync::Arc;

use async_trait::async_trait;
use opencom_core::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::health::Finding;
use crate::reseal::Sealed;
use crate::{Registry, Server};

/// A context as the program sees it. Everything but [`register`](Self::register) has a default.
#[async_trait]
pub trait Context: Send + Sync + 'static {
    /// Registers functions, jobs, listeners, topics and limits.
    ///
    /// # Errors
    /// An internal error if a scheduled job has no JSON form.
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()>;

    /// Loads and checks what the context needs before the first call. Runs after the migrations, in every process.
    ///
    /// # Errors
    /// Says what the operator has to change.
    async fn prepare(&self, process: &Process) -> Result<()> {
        let _ = process;
        Ok(())
    }

    /// Builds what takes long and is not needed to serve, like an index over existing rows. `serve` runs it beside the
    /// calls, `migrate` waits for it. Interrupted, it starts over the next time.
    async fn build_indexes(&self, process: &Process) {
        let _ = process;
    }

    /// Spawns the tasks that run as long as the process. Each ends when `stop` turns true.
    fn background(self: Arc<Self>, process: &Process, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
        let _ = (process, stop, tasks);
    }

    /// The columns that hold secrets sealed under the master key.
    fn sealed_columns(&self) -> &'static [Sealed] {
        &[]
    }

    /// Checks what the context depends on, for `opencom doctor`. Changes nothing.
    async fn health(&self, process: &Process) -> Vec<Finding> {
        let _ = process;
        Vec::new()
    }
}

/// What a context may use outside of any call.
#[derive(Clone)]
pub struct Process {
    /// The address of the database.
    pub database_url: String,
    /// What all functions share.
    pub server: Arc<Server>,
}
