//! A small world that every function of the catalogue has something to do in: two workspaces with their people, and
//! for each function one valid argument object.

mod arguments;
mod make;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::conversations::AiWorkflowState;
use opencom_core::Role;
use opencom_core::id::{
    AuditLogId, ContentFolderId, StoredFileId, UserId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId,
};
use opencom_runtime::Caller;
use opencom_schema::{audit_logs, conversations, users, workspace_members, workspaces};
use opencom_testkit::{Agent, Kit, Nobody, Person, Visitor, Workspace};
use serde_json::{Value, json};

use self::make::{booted, name, open, snippet, stock, work_of};
pub(crate) use self::make::{invite, stage, unknown_like, upload};

/// Stands in everything of the other workspace that its members alone may see.
pub(crate) const FOREIGN: &str = "foreign-marker";

/// Somebody who calls, and the visitor's token that they show, if any.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) token: Option<String>,
}

impl Person for Asker {
    fn caller(&self) -> Caller {
        self.caller
    }
}

impl From<&Agent> for Asker {
    fn from(agent: &Agent) -> Self {
        Self {
            caller: agent.caller(),
            token: None,
        }
    }
}

impl From<&Visitor> for Asker {
    fn from(visitor: &Visitor) -> Self {
        Self::with_token(&visitor.token)
    }
}

impl Asker {
    /// Somebody without any token.
    pub(crate) const NOBODY: Self = Self {
        caller: Caller::Anonymous,
        token: None,
    };

    /// The user, for signed-in ones.
    pub(crate) fn user(&self) -> Option<UserId> {
        match self.caller {
            Caller::Agent(identity) => Some(identity.user),
            Caller::Anonymous => None,
        }
    }

    /// Somebody who shows this token as a visitor.
    pub(crate) fn with_token(token: &str) -> Self {
        Self {
            caller: Caller::Anonymous,
            token: Some(token.to_owned()),
        }
    }

    /// Who the conversation's side is called in `readerType` and `senderType`.
    fn side(&self) -> &'static str {
        if self.token.is_some() { "visitor" } else { "agent" }
    }
}

/// A conversation and the newest message in it.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) conversation: String,
    pub(crate) message: String,
}

/// What members work with beside conversations.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) ticket: String,
    pub(crate) form: String,
    pub(crate) snippet: String,
    /// Older than the other one.
    pub(crate) first_tag: String,
    /// On the thread's conversation.
    pub(crate) tag: String,
}

/// What there is.
pub(crate) struct World<'kit> {
    pub(crate) kit: &'kit Kit,
    pub(crate) ws: Workspace,
    pub(crate) agent: Agent,
    pub(crate) visitor: Visitor,
    pub(crate) second: Visitor,
    /// The visitor's first conversation.
    pub(crate) thread: Thread,
    /// A later one.
    pub(crate) later: Thread,
    pub(crate) other: Workspace,
    pub(crate) foreign: Visitor,
    pub(crate) foreign_thread: Thread,
    pub(crate) work: Work,
    pub(crate) foreign_work: Work,
    pub(crate) library: Library,
    pub(crate) foreign_library: Library,
}

/// A help center: a collection in another one, and an article in it.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) top: String,
    pub(crate) shelf: String,
    pub(crate) article: String,
}

impl<'kit> World<'kit> {
    pub(crate) async fn new(kit: &'kit Kit) -> Self {
        let (ws, other) = (kit.workspace().await, kit.workspace().await);
        let agent = kit.agent(&ws, Role::Agent).await;
        let (visitor, second, foreign) = (
            booted(kit, &ws).await,
            booted(kit, &ws).await,
            booted(kit, &other).await,
        );
        name(kit, &visitor, "Wanda Visitor").await;
        name(kit, &foreign, FOREIGN).await;
        let thread = open(kit, ws.id, &visitor, "hello").await;
        let later = open(kit, ws.id, &visitor, "hello again").await;
        let foreign_thread = open(kit, other.id, &foreign, FOREIGN).await;
        let work = work_of(kit, &ws, &visitor, &thread, "hello").await;
        for ws in [&ws, &other] {
            let config = json!({ "workspaceId": ws.id, "enabled": true, "fromName": FOREIGN });
            kit.call_json(&ws.owner, "emailChannel:upsertEmailConfig", config)
                .await
                .unwrap();
        }
        let foreign_work = work_of(kit, &other, &foreign, &foreign_thread, FOREIGN).await;
        let library = stock(kit, &ws, "hello").await;
        let foreign_library = stock(kit, &other, FOREIGN).await;
        let publish = json!({ "id": library.article });
        kit.call_json(&ws.owner, "articles:publish", publish).await.unwrap();
        let connection = &mut kit.connection().await;
        diesel::update(conversations::table)
            .set(conversations::ai_workflow_state.eq(AiWorkflowState::AiHandled.as_str()))
            .execute(connection)
            .await
            .unwrap();
        diesel::update(workspaces::table.find(other.id))
            .set(workspaces::allowed_domains.eq(vec![FOREIGN]))
            .execute(connection)
            .await
            .unwrap();
        Self {
            kit,
            ws,
            agent,
            visitor,
            second,
            thread,
            later,
            other,
            foreign,
            foreign_thread,
            work,
            foreign_work,
            library,
            foreign_library,
        }
    }

    pub(crate) fn as_owner(&self) -> Asker {
        Asker::from(&self.ws.owner)
    }

    pub(crate) fn as_visitor(&self) -> Asker {
        Asker::from(&self.visitor)
    }

    /// A row of the other workspace, by the table's name on the wire.
    pub(crate) async fn foreign_id(&self, table: &str) -> String {
        match table {
            "workspaces" => self.other.id.to_string(),
            "users" => self.other.owner.user_id.to_string(),
            "visitors" => self.foreign.id.to_string(),
            "conversations" => self.foreign_thread.conversation.clone(),
            "messages" => self.foreign_thread.message.clone(),
            "articles" => self.foreign_library.article.clone(),
            "collections" => self.foreign_library.shelf.clone(),
            // Nothing stores folders yet.
            "contentFolders" => ContentFolderId::generate().to_string(),
            "supportAttachments" => {
                let file = upload(self.kit, self.other.id, &Asker::from(&self.foreign))
                    .await
                    .unwrap();
                stage(self.kit, self.other.id, &Asker::from(&self.foreign), file)
                    .await
                    .unwrap()
            }
            "workspaceMembers" => self.membership_of(&self.other.owner, self.other.id).await,
            "workspaceInvitations" => {
                let address = format!("{FOREIGN}-{}@example.com", UserId::generate());
                invite(self.kit, self.other.id, &address).await.to_string()
            }
            "auditLogs" => audit_logs::table
                .filter(audit_logs::workspace_id.eq(self.other.id))
                .select(audit_logs::id)
                .first::<AuditLogId>(&mut self.kit.connection().await)
                .await
                .unwrap()
                .to_string(),
            "tickets" => self.foreign_work.ticket.clone(),
            "ticketForms" => self.foreign_work.form.clone(),
            "snippets" => self.foreign_work.snippet.clone(),
            "tags" => self.foreign_work.tag.clone(),
            "_storage" => upload(self.kit, self.other.id, &Asker::from(&self.foreign))
                .await
                .unwrap()
                .to_string(),
            _ => {
                panic!(
                    "ids of `{table}` are new: add a row of the other workspace to gateway/tests/it/catalogue/world.rs"
                )
            }
        }
    }

    /// An id of the same table that no row has.
    pub(crate) async fn unknown_id(&self, table: &str) -> String {
        unknown_like(&self.foreign_id(table).await)
    }

    /// Another session of the visitor.
    pub(crate) async fn session(&self) -> String {
        let boot = json!({ "workspaceId": self.ws.id, "sessionId": self.visitor.session_id });
        let booted = self.kit.call_json(&Nobody, "widgetSessions:boot", boot).await.unwrap();
        booted["sessionToken"].as_str().unwrap().to_owned()
    }

    /// Calls a function as the owner.
    async fn as_owner_call(&self, path: &str, arguments: Value) -> Value {
        self.kit.call_json(&self.ws.owner, path, arguments).await.unwrap()
    }

    async fn membership_of(&self, agent: &Agent, workspace: WorkspaceId) -> String {
        workspace_members::table
            .filter(workspace_members::user_id.eq(agent.user_id))
            .filter(workspace_members::workspace_id.eq(workspace))
            .select(workspace_members::id)
            .first::<WorkspaceMemberId>(&mut self.kit.connection().await)
            .await
            .unwrap()
            .to_string()
    }

    /// The membership of an agent who came for the occasion.
    async fn membership(&self) -> String {
        let agent = self.kit.agent(&self.ws, Role::Agent).await;
        self.membership_of(&agent, self.ws.id).await
    }

    /// An invitation for the asker, when they are somebody.
    async fn invitation_of(&self, asker: &Asker) -> WorkspaceInvitationId {
        let address = match asker.caller {
            Caller::Agent(identity) => users::table
                .find(identity.user)
                .select(users::email.assume_not_null())
                .first::<String>(&mut self.kit.connection().await)
                .await
                .unwrap(),
            Caller::Anonymous => format!("{}@example.com", UserId::generate()),
        };
        invite(self.kit, self.ws.id, &address).await
    }

    /// A snippet that may be removed.
    async fn snippet(&self) -> String {
        snippet(self.kit, &self.ws, "gone soon").await
    }

    /// The asker's token; for agents one that they got hold of.
    async fn token_of(&self, asker: &Asker) -> String {
        match &asker.token {
            Some(token) => token.clone(),
            None => self.session().await,
        }
    }

    /// A file that the asker uploaded, or the visitor when the asker may not.
    async fn file(&self, asker: &Asker) -> StoredFileId {
        match upload(self.kit, self.ws.id, asker).await {
            Ok(file) => file,
            Err(_) => upload(self.kit, self.ws.id, &self.as_session().await).await.unwrap(),
        }
    }

    /// An attachment that the asker staged, or the visitor when the asker may not.
    async fn attachment(&self, asker: &Asker) -> String {
        let file = self.file(asker).await;
        match stage(self.kit, self.ws.id, asker, file).await {
            Ok(attachment) => attachment,
            Err(_) => stage(self.kit, self.ws.id, &self.as_session().await, file)
                .await
                .unwrap(),
        }
    }

    /// The visitor with a session of its own, which no test ends.
    async fn as_session(&self) -> Asker {
        Asker::with_token(&self.session().await)
    }
}
