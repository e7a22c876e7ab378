//! What several tests need: settings of a workspace, boots with arguments, and services whose audit trail and listeners
//! a test can read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use diesel::prelude::*;
use opencom_contract::Function;
use opencom_contract::audit_logs::InternalRecord;
use opencom_contract::push::{InternalReach, InternalSend, PushRecipient, Reach};
use opencom_contract::snippets::{SnippetRemoved, SnippetSaved};
use opencom_contract::visitors::{VisitorChange, VisitorChanged};
use opencom_contract::widget_sessions::Booted;
use opencom_core::Result;
use opencom_core::id::{SnippetId, VisitorId, WorkspaceId};
use opencom_inbox::{Inbox, InboxParts};
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_runtime::worker::run_due;
use opencom_runtime::{
    Caller, Context, Dispatcher, Handle, Listen, MutationCx, Pool, QueryCx, Registry, RunQueryDsl, topic,
};
use opencom_schema::workspaces;
use opencom_testkit::{Contexts, Kit, Nobody, Person, Settings, Visitor, Workspace};
use serde_json::{Value, json};

/// The secret of [`verify_identity`].
pub(crate) const SECRET: &str = "s3cret";

/// Returns `request` after `change`.
pub(crate) fn changed<T>(mut request: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut request);
    request
}

/// Restricts a workspace to these origins.
pub(crate) async fn allow_origins(kit: &Kit, workspace: WorkspaceId, origins: &[&str]) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::allowed_origins.eq(origins))
        .execute(&kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::workspace(workspace)]);
}

/// Lets a workspace check user hashes under [`SECRET`]; `mode` is `optional` or `required`.
pub(crate) async fn verify_identity(kit: &Kit, workspace: WorkspaceId, mode: &str) {
    let sealed = kit.server.master_key.seal_text(IDENTITY_SECRET, SECRET).unwrap();
    diesel::update(workspaces::table.find(workspace))
        .set((
            workspaces::identity_verification_enabled.eq(true),
            workspaces::identity_verification_mode.eq(mode),
            workspaces::identity_secret_sealed.eq(sealed),
        ))
        .execute(&kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::workspace(workspace)]);
}

/// Sets how long sessions last.
pub(crate) async fn set_lifetime(kit: &Kit, workspace: WorkspaceId, ms: i64) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::session_lifetime_ms.eq(ms))
        .execute(&kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::workspace(workspace)]);
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

/// A visitor whose session lasts as long as the workspace says.
pub(crate) async fn booted(kit: &Kit, workspace: &Workspace) -> Visitor {
    let session_id = "booted".to_owned();
    let booted = boot(kit, workspace.id, json!({ "sessionId": session_id })).await;
    Visitor {
        id: booted.visitor.id,
        token: booted.session_token,
        session_id,
    }
}

/// Code and text of a refusal.
pub(crate) fn refusal<T>(result: Result<T>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => (error.code().as_str(), error.message().to_owned()),
    }
}

/// Remembers audit entries and visitors' changes.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Mutex<Vec<InternalRecord>>,
    pub(crate) changes: Mutex<Vec<(VisitorId, VisitorChange)>>,
    /// Snippets, and whether each was saved or removed.
    pub(crate) snippets: Mutex<Vec<(SnippetId, bool)>>,
    /// How people can be told by push; without an entry by no device.
    pub(crate) reach: Mutex<HashMap<PushRecipient, Reach>>,
    pub(crate) pushes: Mutex<Vec<InternalSend>>,
}

/// The inbox, with a memory in place of its neighbours.
pub(crate) fn contexts_with(memory: &Arc<Memory>) -> Contexts {
    let memory = Arc::clone(memory);
    Arc::new(move |parts| {
        let inbox = Inbox::new(InboxParts {
            email: Arc::clone(&parts.email),
            mail_from: parts.mail_from.clone(),
            received_mails: parts.settings.received_mails.clone(),
            mail_domain: parts.settings.mail_domain.clone(),
            web_app_url: parts.settings.web_app_url.clone(),
            files: Arc::clone(&parts.files),
        });
        vec![Arc::new(inbox), Arc::new(Neighbours(Arc::clone(&memory)))]
    })
}

/// The inbox, with neighbours whose memory no test reads.
pub(crate) fn contexts() -> Contexts {
    contexts_with(&Arc::default())
}

/// The inbox with the default settings.
pub(crate) async fn kit() -> Kit {
    kit_with(Settings::default()).await
}

/// The inbox with these settings.
pub(crate) async fn kit_with(settings: Settings) -> Kit {
    Kit::start_with(settings, contexts()).await
}

/// What other contexts serve and hear, kept in a memory.
struct Neighbours(Arc<Memory>);

impl Context for Neighbours {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.function::<InternalRecord, _>(&self);
        registry.function::<InternalReach, _>(&self);
        registry.function::<InternalSend, _>(&self);
        registry.listen::<VisitorChanged, _>(&self);
        registry.listen::<SnippetSaved, _>(&self);
        registry.listen::<SnippetRemoved, _>(&self);
        Ok(())
    }
}

impl Handle<InternalRecord> for Neighbours {
    async fn handle(&self, _: &mut MutationCx, req: InternalRecord) -> Result<()> {
        self.0.entries.lock().unwrap().push(req);
        Ok(())
    }
}

impl Handle<InternalReach> for Neighbours {
    async fn handle(&self, _: &mut QueryCx, req: InternalReach) -> Result<Vec<Reach>> {
        let reach = self.0.reach.lock().unwrap();
        let of = |recipient| reach.get(recipient).cloned().unwrap_or(Reach::Devices(Vec::new()));
        Ok(req.recipients.iter().map(of).collect())
    }
}

impl Handle<InternalSend> for Neighbours {
    async fn handle(&self, _: &mut MutationCx, req: InternalSend) -> Result<()> {
        self.0.pushes.lock().unwrap().push(req);
        Ok(())
    }
}

impl Listen<VisitorChanged> for Neighbours {
    async fn on(&self, _: &mut MutationCx, event: &VisitorChanged) -> Result<()> {
        let changes = event.changes.iter().map(|change| (event.visitor_id, change.clone()));
        self.0.changes.lock().unwrap().extend(changes);
        Ok(())
    }
}

impl Listen<SnippetSaved> for Neighbours {
    async fn on(&self, _: &mut MutationCx, event: &SnippetSaved) -> Result<()> {
        self.0.snippets.lock().unwrap().push((event.id, true));
        Ok(())
    }
}

impl Listen<SnippetRemoved> for Neighbours {
    async fn on(&self, _: &mut MutationCx, event: &SnippetRemoved) -> Result<()> {
        self.0.snippets.lock().unwrap().push((event.id, false));
        Ok(())
    }
}

/// The context on the database and server of a kit, with a memory that the test reads.
pub(crate) struct Remembering {
    pub(crate) memory: Arc<Memory>,
    dispatcher: Dispatcher,
}

impl Remembering {
    pub(crate) fn new(kit: &Kit) -> Self {
        let memory = Arc::default();
        let registry = Registry::of(&contexts_with(&memory)(&kit.parts)).unwrap();
        let pool = Pool::new(kit.database.url(), 2).unwrap();
        let dispatcher = Dispatcher::new(Arc::new(registry), Arc::clone(&kit.server), pool);
        Self { memory, dispatcher }
    }

    /// Calls a function as nobody.
    pub(crate) async fn call<F: Function>(&self, request: &F) -> Result<F::Output> {
        let function = self.dispatcher.resolve(F::DESCRIPTOR.path)?;
        let arguments = request.to_json()?;
        let text = self.dispatcher.call(&function, &arguments, Caller::Anonymous).await?;
        F::output_from_json(&text)
    }

    /// Calls a function by path.
    pub(crate) async fn call_json(&self, person: &impl Person, path: &str, arguments: Value) -> Result<Value> {
        let function = self.dispatcher.resolve(path)?;
        let text = self
            .dispatcher
            .call(&function, &arguments.to_string(), person.caller())
            .await?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    /// Runs every job that is due.
    pub(crate) async fn run_jobs(&self) {
        run_due(&self.dispatcher).await.unwrap();
    }

    /// What the entries say: action, resource and metadata.
    pub(crate) fn entries(&self) -> Vec<(String, String, Option<String>, Value)> {
        let entries = self.memory.entries.lock().unwrap();
        let told = entries.iter().cloned().map(|entry| {
            (
                entry.action,
                entry.resource_type,
                entry.resource_id,
                entry.metadata.unwrap_or_default(),
            )
        });
        told.collect()
    }
}
