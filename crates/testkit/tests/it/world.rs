//! A small world that every function of the catalogue has something to do in: two workspaces with their people, and
//! for each function one valid argument object.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::conversations::AiWorkflowState;
use opencom_core::id::{
    AuditLogId, ContentFolderId, StoredFileId, TicketFormId, UserId, WorkspaceId, WorkspaceInvitationId,
    WorkspaceMemberId,
};
use opencom_core::{Result, Role};
use opencom_runtime::files::{self, StoredFile};
use opencom_runtime::{Caller, MutationCx, ScopedFutureExt};
use opencom_schema::{
    audit_logs, conversations, ticket_forms, users, workspace_invitations, workspace_members, workspaces,
};
use opencom_testkit::{Agent, Kit, Nobody, Person, Visitor, Workspace};
use serde_json::{Value, json};

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
            kit.visitor(&ws).await,
            kit.visitor(&ws).await,
            kit.visitor(&other).await,
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

    /// A valid argument object with every argument that there is, for a caller who may call or, where the caller may
    /// not, with what somebody else may name. What is used up by a call is made anew.
    pub(crate) async fn arguments(&self, path: &str, asker: &Asker) -> Value {
        let ws = self.ws.id;
        let visitor = self.visitor.id;
        let token = asker.token.as_deref();
        let conversation = &self.thread.conversation;
        let someone = UserId::generate();
        let location = json!({ "city": "Paris", "region": "IDF", "country": "France", "countryCode": "FR" });
        let device = json!({
            "browser": "Firefox", "os": "Linux", "deviceType": "desktop", "platform": "web", "appVersion": "1.0",
        });
        let Library { top, shelf, article } = &self.library;
        let mut arguments = match path {
            "auth:signIn" => json!({
                "provider": "resend-otp",
                "params": {
                    "flow": "signIn", "email": format!("{someone}@example.com"), "password": "correct horse",
                    "newPassword": "correct horses", "name": "Ada", "workspaceName": "Engines", "redirectTo": "/inbox",
                },
                "verifier": "v", "refreshToken": "r", "calledBy": "tests",
            }),
            "auth:signOut" | "auth:isAuthenticated" | "auth:currentUser" | "auth:getUserWorkspaces" => json!({}),
            "auth:switchWorkspace" => json!({ "workspaceId": ws }),
            "auth:completeSignupProfile" => json!({ "name": "Ada", "workspaceName": "Engines" }),
            "workspaces:get" => json!({ "id": ws }),
            "workspaces:getPublicWorkspaceContext" => json!({ "workspaceId": ws, "articleSlug": "hello" }),
            "workspaces:getByName" => json!({ "name": format!("Workspace {ws}") }),
            "workspaces:create" => json!({ "name": "Engines" }),
            "workspaces:getOrCreateDefault" => json!({}),
            "workspaces:validateOrigin" => json!({ "workspaceId": ws, "origin": "https://example.com" }),
            "widgetSessions:boot" => json!({
                "workspaceId": ws, "sessionId": format!("session_{someone}"), "email": format!("{someone}@example.com"),
                "name": "Wanda", "externalUserId": "wanda", "userHash": "00", "location": location, "device": device,
                "referrer": "https://example.com/", "currentUrl": "https://example.com/", "customAttributes": {},
                "existingVisitorId": visitor, "origin": "https://example.com", "clientType": "web_widget",
                "clientVersion": "1.0", "clientIdentifier": "widget",
            }),
            "widgetSessions:refresh" | "widgetSessions:revoke" => {
                json!({ "sessionToken": self.token_of(asker).await, "workspaceId": ws })
            }
            "widgetSessions:validateSessionToken" => {
                json!({ "workspaceId": ws, "sessionToken": self.token_of(asker).await, "visitorId": visitor })
            }
            "widgetSessions:cleanupExpiredSessions" => json!({}),
            "visitors:get" => json!({ "id": visitor }),
            "visitors:getBySession" => json!({ "sessionId": self.visitor.session_id }),
            "visitors:identify" => json!({
                "visitorId": visitor, "sessionToken": token, "email": format!("{someone}@example.com"),
                "name": "Wanda", "externalUserId": "wanda", "userHash": "00", "location": location, "device": device,
                "referrer": "https://example.com/", "currentUrl": "https://example.com/",
                "customAttributes": { "plan": "pro" }, "origin": "https://example.com", "workspaceId": ws,
            }),
            "visitors:updateLocation" => {
                json!({ "visitorId": visitor, "sessionToken": token, "location": location })
            }
            "visitors:heartbeat" => json!({
                "visitorId": visitor, "sessionToken": token, "origin": "https://example.com", "workspaceId": ws,
            }),
            "visitors:list" => json!({ "workspaceId": ws, "limit": 10, "cursor": self.second.id }),
            "visitors:search" => json!({ "workspaceId": ws, "query": "Wanda", "limit": 10 }),
            "visitors:isOnline" => json!({ "visitorId": visitor }),
            "conversations:list" => {
                json!({ "workspaceId": ws, "status": "open", "cursor": self.later.conversation })
            }
            "conversations:get" => {
                json!({ "id": conversation, "visitorId": token.map(|_| visitor), "sessionToken": token })
            }
            "conversations:create" => {
                json!({ "workspaceId": ws, "visitorId": visitor, "userId": self.ws.owner.user_id })
            }
            "conversations:createForVisitor" | "conversations:getOrCreateForVisitor" => {
                json!({ "workspaceId": ws, "visitorId": visitor, "sessionToken": token.unwrap_or_default() })
            }
            "conversations:updateStatus" => json!({ "id": conversation, "status": "open" }),
            "conversations:assign" => json!({ "id": conversation, "agentId": self.agent.user_id }),
            "conversations:markAsRead" => json!({
                "id": conversation, "readerType": asker.side(), "visitorId": token.map(|_| visitor),
                "sessionToken": token,
            }),
            "conversations:getTotalUnreadForVisitor" | "conversations:listByVisitor" => {
                json!({ "visitorId": visitor, "sessionToken": token, "workspaceId": ws })
            }
            "conversations:listForInbox" => json!({
                "workspaceId": ws, "status": "open", "aiWorkflowState": "ai_handled", "limit": 10,
                "cursor": self.later.conversation,
            }),
            "messages:list" => json!({
                "conversationId": conversation, "visitorId": token.map(|_| visitor), "sessionToken": token,
                "before": self.thread.message,
            }),
            "messages:send" => json!({
                "conversationId": conversation, "senderId": "me", "senderType": asker.side(), "content": "hello",
                "attachmentIds": [self.attachment(asker).await], "visitorId": token.map(|_| visitor),
                "sessionToken": token,
            }),
            "messages:internalSendBotMessage" => {
                json!({ "conversationId": conversation, "content": "beep", "senderId": "ai-agent" })
            }
            "supportAttachments:generateUploadUrl" => {
                json!({ "workspaceId": ws, "visitorId": token.map(|_| visitor), "sessionToken": token })
            }
            "supportAttachments:finalizeUpload" => json!({
                "workspaceId": ws, "visitorId": token.map(|_| visitor), "sessionToken": token,
                "storageId": self.file(asker).await, "fileName": "a.png",
            }),
            "workspaces:updateAllowedOrigins" => json!({ "workspaceId": ws, "allowedOrigins": [] }),
            "workspaces:updateSignupSettings" => json!({
                "workspaceId": ws, "signupMode": "domain-allowlist", "allowedDomains": ["example.com"],
                "authMethods": ["password", "otp"],
            }),
            "workspaces:updateHelpCenterAccessPolicy" => json!({ "workspaceId": ws, "policy": "public" }),
            "workspaceMembers:listByWorkspace" | "workspaceMembers:getMemberRole" => json!({ "workspaceId": ws }),
            "workspaceMembers:listByUser" | "workspaceMembers:getPendingInvitations" => json!({}),
            "workspaceMembers:add" => {
                json!({ "workspaceId": ws, "userId": self.kit.user(None).await.user_id, "role": "agent" })
            }
            "workspaceMembers:updateRole" => json!({ "membershipId": self.membership().await, "role": "viewer" }),
            "workspaceMembers:updatePermissions" => {
                json!({ "membershipId": self.membership().await, "permissions": ["conversations.read"] })
            }
            "workspaceMembers:remove" => json!({ "membershipId": self.membership().await }),
            "workspaceMembers:transferOwnership" => json!({ "workspaceId": ws, "newOwnerId": self.agent.user_id }),
            "workspaceMembers:inviteToWorkspace" => json!({
                "workspaceId": ws, "email": format!("{someone}@example.com"), "role": "agent",
                "baseUrl": "https://app.example.com",
            }),
            "workspaceMembers:getWorkspacePendingInvitations" => {
                invite(self.kit, ws, &format!("{someone}@example.com")).await;
                json!({ "workspaceId": ws })
            }
            "workspaceMembers:cancelInvitation" => {
                json!({ "invitationId": invite(self.kit, ws, &format!("{someone}@example.com")).await })
            }
            "workspaceMembers:acceptInvitation" => json!({ "invitationId": self.invitation_of(asker).await }),
            "identityVerification:getSettings"
            | "identityVerification:getSecret"
            | "identityVerification:isRequired" => json!({ "workspaceId": ws }),
            "identityVerification:enable" => json!({ "workspaceId": ws, "mode": "optional" }),
            "identityVerification:disable" => json!({ "workspaceId": ws, "confirmDisable": true }),
            "identityVerification:rotateSecret" => {
                self.as_owner_call("identityVerification:enable", json!({ "workspaceId": ws }))
                    .await;
                json!({ "workspaceId": ws })
            }
            "identityVerification:updateMode" => {
                self.as_owner_call("identityVerification:enable", json!({ "workspaceId": ws }))
                    .await;
                json!({ "workspaceId": ws, "mode": "optional" })
            }
            "identityVerification:getVisitorStatus" => json!({ "visitorId": visitor, "sessionToken": token }),
            "auditLogs:list" | "auditLogs:exportLogs" => {
                let policy = json!({ "workspaceId": ws, "policy": "public" });
                for _ in 0..2 {
                    self.as_owner_call("workspaces:updateHelpCenterAccessPolicy", policy.clone())
                        .await;
                }
                let newest = self
                    .as_owner_call("auditLogs:list", json!({ "workspaceId": ws, "limit": 1 }))
                    .await;
                let mut request = json!({
                    "workspaceId": ws, "action": "workspace.settings.changed", "actorId": self.ws.owner.user_id,
                    "resourceType": "workspace", "resourceId": ws, "startTime": 0, "endTime": 1e15,
                    "cursor": newest[0]["_id"],
                });
                if path == "auditLogs:list" {
                    request["limit"] = json!(10);
                } else {
                    request["format"] = json!("csv");
                }
                request
            }
            "auditLogs:getActions" | "auditLogs:getSettings" | "auditLogs:getAccess" => json!({ "workspaceId": ws }),
            "auditLogs:updateSettings" => json!({ "workspaceId": ws, "retentionDays": 30 }),
            "auditLogs:logExport" => json!({ "workspaceId": ws, "exportType": "auditLogs", "recordCount": 3 }),
            "auditLogs:cleanupOldLogs" => json!({ "workspaceId": ws, "batchSize": 10 }),
            "aiAgent:getSettings" => {
                self.as_owner_call("aiAgent:updateSettings", json!({ "workspaceId": ws }))
                    .await;
                json!({ "workspaceId": ws })
            }
            "aiAgent:getPublicSettings" => json!({ "workspaceId": ws }),
            "aiAgent:updateSettings" => json!({
                "workspaceId": ws, "enabled": true, "knowledgeSources": ["snippets"], "confidenceThreshold": 0.5,
                "personality": "kind", "handoffMessage": "bye", "model": "a/b", "suggestionsEnabled": true,
                "workingHours": { "start": "09:00", "end": "17:00", "timezone": "Europe/Paris" },
                "embeddingModel": "text-embedding-ada-002",
            }),
            "automationSettings:get" => {
                self.as_owner_call("automationSettings:upsert", json!({ "workspaceId": ws }))
                    .await;
                json!({ "workspaceId": ws })
            }
            "automationSettings:getOrCreate" => json!({ "workspaceId": ws }),
            "automationSettings:upsert" => json!({
                "workspaceId": ws, "suggestArticlesEnabled": true, "showReplyTimeEnabled": true,
                "collectEmailEnabled": false, "askForRatingEnabled": true,
            }),
            "discovery:getMetadata" => json!({}),
            "emailChannel:getEmailConfig" => json!({ "workspaceId": ws }),
            "emailChannel:upsertEmailConfig" => json!({
                "workspaceId": ws, "enabled": true, "fromName": "Us", "fromEmail": "us@example.com", "signature": "Yours",
            }),
            "emailChannel:sendEmailReply" => json!({
                "conversationId": conversation, "agentId": asker.user().unwrap_or(someone), "to": ["ada@example.com"],
                "cc": ["bob@example.com"], "bcc": ["eve@example.com"], "subject": "Re: Hi", "htmlBody": "<p>Hi</p>",
                "textBody": "Hi", "replyToMessageId": "<1@example.com>",
            }),
            "snippets:list" => json!({ "workspaceId": ws, "cursor": self.work.snippet }),
            "snippets:get" => json!({ "id": self.work.snippet }),
            "snippets:search" => json!({ "workspaceId": ws, "query": "hello" }),
            "snippets:getByShortcut" => json!({ "workspaceId": ws, "shortcut": "hi" }),
            "snippets:create" => json!({
                "workspaceId": ws, "name": "Greeting", "content": "hello", "shortcut": someone, "createdBy": asker.user(),
            }),
            "snippets:update" => json!({
                "id": self.work.snippet, "name": "Greeting", "content": "hello", "shortcut": someone,
                "folderId": ContentFolderId::generate(),
            }),
            "snippets:remove" => json!({ "id": self.snippet().await }),
            "tags:list" => json!({ "workspaceId": ws, "cursor": self.work.first_tag }),
            "tags:get" => json!({ "id": self.work.tag }),
            "tags:create" => json!({ "workspaceId": ws, "name": someone, "color": "#ff0000" }),
            "tags:update" => json!({ "id": self.work.tag, "name": someone, "color": "#ff0000" }),
            "tags:remove" => json!({ "id": tag(self.kit, &self.ws).await }),
            "tags:addToConversation" => json!({
                "conversationId": conversation, "tagId": self.work.tag, "appliedBy": "manual",
                "appliedByUserId": asker.user(),
            }),
            "tags:removeFromConversation" => {
                json!({ "conversationId": self.later.conversation, "tagId": self.work.tag })
            }
            "tags:getConversationTags" => json!({ "conversationId": conversation }),
            "tickets:list" => json!({
                "workspaceId": ws, "status": "submitted", "assigneeId": self.agent.user_id, "cursor": self.work.ticket,
            }),
            "tickets:get" => json!({
                "id": self.work.ticket, "visitorId": token.map(|_| visitor), "sessionToken": token,
            }),
            "tickets:create" => json!({
                "workspaceId": ws, "subject": "Help", "visitorId": visitor, "sessionToken": token,
                "description": "Please", "attachmentIds": [self.attachment(asker).await], "priority": "high",
                "formId": self.work.form, "formData": { "field": "value" },
            }),
            "tickets:update" => json!({
                "id": self.work.ticket, "status": "in_progress", "priority": "low", "assigneeId": self.agent.user_id,
                "teamId": "team",
            }),
            "articles:list" => json!({
                "workspaceId": ws, "status": "published", "collectionId": shelf, "visibility": "public",
            }),
            "articles:get" => json!({
                "id": article, "slug": "hello", "workspaceId": ws, "visibility": "public", "includeHtml": true,
            }),
            "articles:search" => json!({
                "workspaceId": ws, "query": "hello", "publishedOnly": true, "visibility": "public",
            }),
            "articles:create" => json!({
                "workspaceId": ws, "title": "hello", "content": "# hello", "collectionId": shelf, "visibility": "public",
                "tags": ["a"], "authorId": self.ws.owner.user_id,
            }),
            "articles:update" => json!({
                "id": article, "title": "hello", "content": "# hello", "widgetLargeScreen": true, "collectionId": shelf,
                "folderId": ContentFolderId::generate(), "visibility": "public", "tags": ["a"], "audienceRules": everybody(),
            }),
            "articles:remove" | "articles:publish" | "articles:unpublish" | "articles:archive" => {
                json!({ "id": write(self.kit, &self.ws, "spare", shelf).await })
            }
            "articles:submitFeedback" => json!({ "articleId": article, "helpful": true, "visitorId": visitor }),
            "articles:getFeedbackStats" => json!({ "articleId": article }),
            "articles:listForVisitor" => json!({
                "workspaceId": ws, "visitorId": visitor, "sessionToken": token, "collectionId": shelf,
            }),
            "articles:searchForVisitor" => json!({
                "workspaceId": ws, "visitorId": visitor, "sessionToken": token, "query": "hello",
            }),
            "articles:getForVisitor" => json!({
                "workspaceId": ws, "visitorId": visitor, "sessionToken": token, "id": article, "includeHtml": true,
            }),
            "collections:list" => json!({ "workspaceId": ws, "parentId": top, "publicOnly": true }),
            "collections:listHierarchy" => json!({ "workspaceId": ws, "publicOnly": true }),
            "collections:listHierarchyForVisitor" => {
                json!({ "workspaceId": ws, "visitorId": visitor, "sessionToken": token })
            }
            "collections:get" => json!({ "id": shelf, "slug": "hello", "workspaceId": ws }),
            "collections:create" => json!({
                "workspaceId": ws, "name": "new", "description": "d", "icon": "i", "parentId": top,
            }),
            "collections:update" => json!({
                "id": shelf, "name": "shelf", "description": "d", "icon": "i", "parentId": top,
            }),
            "collections:remove" => json!({ "id": collect(self.kit, &self.ws, None).await }),
            "collections:reorder" => json!({ "id": shelf, "newOrder": 2 }),
            _ => panic!("{path} is new: add a valid argument object for it to crates/testkit/tests/it/world.rs"),
        };
        // What this asker does not have is absent.
        arguments.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        arguments
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
                panic!("ids of `{table}` are new: add a row of the other workspace to crates/testkit/tests/it/world.rs")
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

/// An id of the same table that no row has.
pub(crate) fn unknown_like(id: &str) -> String {
    let (random, tag) = id.split_at(30);
    random.chars().rev().chain(tag.chars()).collect()
}

/// Invites an address, whoever's it is, in place of an invitation that it has.
pub(crate) async fn invite(kit: &Kit, workspace: WorkspaceId, address: &str) -> WorkspaceInvitationId {
    let connection = &mut kit.connection().await;
    let id = WorkspaceInvitationId::generate();
    diesel::delete(workspace_invitations::table)
        .filter(workspace_invitations::workspace_id.eq(workspace))
        .filter(workspace_invitations::email.eq(address))
        .execute(connection)
        .await
        .unwrap();
    diesel::insert_into(workspace_invitations::table)
        .values((
            workspace_invitations::id.eq(id),
            workspace_invitations::workspace_id.eq(workspace),
            workspace_invitations::email.eq(address),
            workspace_invitations::role.eq("agent"),
            workspace_invitations::status.eq("pending"),
            workspace_invitations::created_at.eq(kit.clock.now()),
        ))
        .execute(connection)
        .await
        .unwrap();
    id
}

async fn name(kit: &Kit, visitor: &Visitor, name: &str) {
    let identify = json!({ "visitorId": visitor.id, "sessionToken": visitor.token, "name": name });
    kit.call_json(&Nobody, "visitors:identify", identify).await.unwrap();
}

/// Rules that everybody meets, with everything that rules may have.
fn everybody() -> Value {
    json!({
        "type": "condition",
        "property": {
            "source": "system", "key": "name",
            "eventFilter": { "name": "page_view", "countOperator": "at_least", "count": 1, "withinDays": 7 },
        },
        "operator": "not_equals", "value": "nobody",
    })
}

/// A collection in another one, or at the top.
async fn collect(kit: &Kit, ws: &Workspace, parent: Option<&str>) -> String {
    let mut create = json!({ "workspaceId": ws.id, "name": "Shelf" });
    if let Some(parent) = parent {
        create["parentId"] = json!(parent);
    }
    let id = kit.call_json(&ws.owner, "collections:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// A draft in a collection.
async fn write(kit: &Kit, ws: &Workspace, text: &str, shelf: &str) -> String {
    let create = json!({ "workspaceId": ws.id, "title": text, "content": text, "collectionId": shelf });
    let id = kit.call_json(&ws.owner, "articles:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// A help center with one draft.
async fn stock(kit: &Kit, ws: &Workspace, text: &str) -> Library {
    let top = collect(kit, ws, None).await;
    let shelf = collect(kit, ws, Some(&top)).await;
    let article = write(kit, ws, text, &shelf).await;
    Library { top, shelf, article }
}

/// Opens a conversation and writes to it.
async fn open(kit: &Kit, ws: WorkspaceId, visitor: &Visitor, text: &str) -> Thread {
    let create = json!({ "workspaceId": ws, "sessionToken": visitor.token });
    let conversation = kit
        .call_json(&Nobody, "conversations:createForVisitor", create)
        .await
        .unwrap()["_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let send = json!({
        "conversationId": conversation, "senderId": "me", "senderType": "visitor", "content": text,
        "sessionToken": visitor.token,
    });
    let message = kit.call_json(&Nobody, "messages:send", send).await.unwrap();
    let message = message.as_str().unwrap().to_owned();
    Thread { conversation, message }
}

/// A ticket, a form, a snippet and tags of a workspace.
async fn work_of(kit: &Kit, ws: &Workspace, visitor: &Visitor, thread: &Thread, text: &str) -> Work {
    let form = TicketFormId::generate();
    let now = kit.clock.now();
    diesel::insert_into(ticket_forms::table)
        .values((
            ticket_forms::id.eq(form),
            ticket_forms::workspace_id.eq(ws.id),
            ticket_forms::name.eq(text),
            ticket_forms::fields.eq(json!([])),
            ticket_forms::is_default.eq(true),
            ticket_forms::created_at.eq(now),
            ticket_forms::updated_at.eq(now),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let create = json!({ "workspaceId": ws.id, "sessionToken": visitor.token, "subject": text });
    let ticket = kit.call_json(&Nobody, "tickets:create", create).await.unwrap();
    let (first_tag, tag) = (tag(kit, ws).await, tag(kit, ws).await);
    let add = json!({ "conversationId": thread.conversation, "tagId": tag });
    kit.call_json(&ws.owner, "tags:addToConversation", add).await.unwrap();
    Work {
        ticket: ticket.as_str().unwrap().to_owned(),
        form: form.to_string(),
        snippet: snippet(kit, ws, text).await,
        first_tag,
        tag,
    }
}

async fn tag(kit: &Kit, ws: &Workspace) -> String {
    let create = json!({ "workspaceId": ws.id, "name": UserId::generate() });
    let id = kit.call_json(&ws.owner, "tags:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

async fn snippet(kit: &Kit, ws: &Workspace, text: &str) -> String {
    let create = json!({ "workspaceId": ws.id, "name": text, "content": text });
    let id = kit.call_json(&ws.owner, "snippets:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// Uploads a file as the gateway does.
pub(crate) async fn upload(kit: &Kit, ws: WorkspaceId, asker: &Asker) -> Result<StoredFileId> {
    let mut request = json!({ "workspaceId": ws });
    if let Some(token) = &asker.token {
        request["sessionToken"] = json!(token);
    }
    let url = kit
        .call_json(asker, "supportAttachments:generateUploadUrl", request)
        .await?;
    let token = url.as_str().unwrap().rsplit_once("token=").unwrap().1.to_owned();
    let id = StoredFileId::generate();
    kit.dispatcher
        .transaction(Caller::Anonymous, |cx| complete(cx, token.clone(), id).scope_boxed())
        .await?;
    Ok(id)
}

async fn complete(cx: &mut MutationCx, token: String, id: StoredFileId) -> Result<()> {
    let upload = files::open_upload(cx, &token).await?;
    let file = StoredFile {
        id,
        workspace_id: upload.workspace_id,
        size: 7,
        content_type: "application/octet-stream".to_owned(),
        sha256: "00".to_owned(),
        created_at: cx.now(),
    };
    files::complete_upload(cx, upload.id, &file).await
}

/// Stages an uploaded file.
pub(crate) async fn stage(kit: &Kit, ws: WorkspaceId, asker: &Asker, file: StoredFileId) -> Result<String> {
    let mut request = json!({ "workspaceId": ws, "storageId": file, "fileName": "a.png" });
    if let Some(token) = &asker.token {
        request["sessionToken"] = json!(token);
    }
    let staged = kit
        .call_json(asker, "supportAttachments:finalizeUpload", request)
        .await?;
    Ok(staged["attachmentId"].as_str().unwrap().to_owned())
}
