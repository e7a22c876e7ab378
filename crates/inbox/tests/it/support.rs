//! What several tests need: settings of a workspace, boots with arguments, and services whose audit trail and listeners
//! a test can read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::Function;
use opencom_contract::widget_sessions::Booted;
use opencom_core::id::{SnippetId, VisitorId, WorkspaceId};
use opencom_core::{Error, Result};
use opencom_inbox::ports::{
    PushAttempt, PushDevices, PushRecipient, Reach, SnippetKnowledge, VisitorChange, VisitorChanges,
};
use opencom_inbox::{Inbox, InboxParts, InboxService};
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_runtime::audit::{AuditTrail, Entry};
use opencom_runtime::worker::run_due;
use opencom_runtime::{Caller, Dispatcher, MutationCx, Pool, Registry, Topic};
use opencom_schema::workspaces;
use opencom_testkit::{Kit, Nobody, Person};
use serde_json::{Value, json};

/// The secret of [`verify_identity`].
pub(crate) const SECRET: &str = "s3cret";

/// Restricts a workspace to these origins.
pub(crate) async fn allow_origins(kit: &Kit, workspace: WorkspaceId, origins: &[&str]) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::allowed_origins.eq(origins))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.app.server.topics.publish(&[Topic::Workspace(workspace)]);
}

/// Lets a workspace check user hashes under [`SECRET`]; `mode` is `optional` or `required`.
pub(crate) async fn verify_identity(kit: &Kit, workspace: WorkspaceId, mode: &str) {
    let sealed = kit.app.server.master_key.seal_text(IDENTITY_SECRET, SECRET).unwrap();
    diesel::update(workspaces::table.find(workspace))
        .set((
            workspaces::identity_verification_enabled.eq(true),
            workspaces::identity_verification_mode.eq(mode),
            workspaces::identity_secret_sealed.eq(sealed),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.app.server.topics.publish(&[Topic::Workspace(workspace)]);
}

/// Sets how long sessions last.
pub(crate) async fn set_lifetime(kit: &Kit, workspace: WorkspaceId, ms: i64) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::session_lifetime_ms.eq(ms))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.app.server.topics.publish(&[Topic::Workspace(workspace)]);
}

/// A boot in a workspace with more arguments.
pub(crate) async fn try_boot(kit: &Kit, workspace: WorkspaceId, more: Value) -> Result<Booted> {
    let mut arguments = json!({ "workspaceId": workspace });
    arguments
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let booted = kit.call_json(&Nobody, "widgetSessions:boot", arguments).await?;
    Ok(serde_json::from_value(booted).unwrap())
}

/// A boot that succeeds.
pub(crate) async fn boot(kit: &Kit, workspace: WorkspaceId, more: Value) -> Booted {
    try_boot(kit, workspace, more).await.unwrap()
}

/// Code and text of a refusal.
pub(crate) fn refusal<T>(result: Result<T>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => (error.code().as_str(), error.message().to_owned()),
    }
}

/// Title and text.
type Text = (String, String);

/// Remembers audit entries and visitors' changes.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) changes: Mutex<Vec<(VisitorId, VisitorChange)>>,
    /// Snippets that were saved, or are gone.
    pub(crate) snippets: Mutex<Vec<(SnippetId, Option<Text>)>>,
    /// How people can be told by push; without an entry by no device.
    pub(crate) reach: Mutex<HashMap<PushRecipient, Reach>>,
    pub(crate) pushes: Mutex<Vec<PushAttempt>>,
}

#[async_trait]
impl AuditTrail for Memory {
    async fn record(&self, _: &mut MutationCx, entry: Entry) -> Result<()> {
        self.entries.lock().unwrap().push(entry);
        Ok(())
    }
}

#[async_trait]
impl VisitorChanges for Memory {
    async fn visitor_changed(&self, _: &mut MutationCx, visitor: VisitorId, changes: &[VisitorChange]) -> Result<()> {
        self.changes
            .lock()
            .unwrap()
            .extend(changes.iter().map(|change| (visitor, change.clone())));
        Ok(())
    }
}

#[async_trait]
impl SnippetKnowledge for Memory {
    async fn snippet_saved(
        &self,
        _: &mut MutationCx,
        _: WorkspaceId,
        id: SnippetId,
        title: &str,
        content: &str,
    ) -> Result<()> {
        let said = (id, Some((title.to_owned(), content.to_owned())));
        self.snippets.lock().unwrap().push(said);
        Ok(())
    }

    async fn snippet_removed(&self, _: &mut MutationCx, id: SnippetId) -> Result<()> {
        self.snippets.lock().unwrap().push((id, None));
        Ok(())
    }
}

#[async_trait]
impl PushDevices for Memory {
    async fn reach(&self, _: &mut MutationCx, _: WorkspaceId, recipients: &[PushRecipient]) -> Result<Vec<Reach>> {
        let reach = self.reach.lock().unwrap();
        let of = |recipient| reach.get(recipient).cloned().unwrap_or(Reach::Devices(Vec::new()));
        Ok(recipients.iter().map(of).collect())
    }

    async fn push(&self, _: &mut MutationCx, attempt: PushAttempt) -> Result<()> {
        self.pushes.lock().unwrap().push(attempt);
        Ok(())
    }
}

/// The context by itself, on the database of a kit, with a memory in place of its neighbours.
pub(crate) struct Remembering {
    pub(crate) memory: Arc<Memory>,
    dispatcher: Dispatcher,
}

impl Remembering {
    pub(crate) fn new(kit: &Kit) -> Self {
        let memory = Arc::new(Memory::default());
        let service: Arc<dyn InboxService> = Arc::new(Inbox::new(InboxParts {
            audit: Arc::clone(&memory) as _,
            email: Arc::clone(&kit.mail) as _,
            mail_from: "Opencom <noreply@opencom.test>".parse().unwrap(),
            web_app_url: None,
            files: Arc::clone(&kit.files),
            visitor_changes: vec![Arc::clone(&memory) as _],
            snippet_knowledge: Some(Arc::clone(&memory) as _),
            push: Some(Arc::clone(&memory) as _),
        }));
        let mut registry = Registry::default();
        opencom_inbox::register(&mut registry, &service).unwrap();
        let pool = Pool::new(kit.database.url(), 2).unwrap();
        let dispatcher = Dispatcher::new(Arc::new(registry), Arc::clone(&kit.app.server), pool);
        Self { memory, dispatcher }
    }

    /// Calls a function as nobody.
    pub(crate) async fn call<F: Function>(&self, request: &F) -> Result<F::Output> {
        let arguments = serde_json::to_string(request).map_err(Error::internal)?;
        let text = self
            .dispatcher
            .call_any(F::DESCRIPTOR.path, &arguments, Caller::Anonymous)
            .await?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    /// Calls a function by path.
    pub(crate) async fn call_json(&self, person: &impl Person, path: &str, arguments: Value) -> Result<Value> {
        let text = self
            .dispatcher
            .call_any(path, &arguments.to_string(), person.caller())
            .await?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    /// Runs every job that is due.
    pub(crate) async fn run_jobs(&self) {
        run_due(&self.dispatcher).await.unwrap();
    }

    /// What the entries say: action, resource and metadata.
    pub(crate) fn entries(&self) -> Vec<(&'static str, &'static str, Option<String>, Value)> {
        let entries = self.memory.entries.lock().unwrap();
        let told = entries.iter().map(|entry| {
            let metadata = entry.metadata.clone().unwrap_or_default();
            (entry.action, entry.resource_type, entry.resource_id.clone(), metadata)
        });
        told.collect()
    }
}
