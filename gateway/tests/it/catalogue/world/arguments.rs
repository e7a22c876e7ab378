//! For each function one valid argument object.

use opencom_core::id::{ContentFolderId, UserId};
use serde_json::{Value, json};

use super::make::{collect, everybody, invite, tag, write};
use super::{Asker, Library, World};

impl World<'_> {
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
            "auth:internalRotateSigningKey" => json!({ "atOnce": false }),
            "auth:internalEndAllSessions"
            | "widgetSessions:internalEndAllSessions"
            | "articles:internalOldestPublicWorkspace" => json!({}),
            "auditLogs:internalRecord" => json!({ "workspaceId": ws, "action": "a", "resourceType": "t" }),
            "articles:internalWorkspacesWithSlug" => json!({ "slug": "a" }),
            "emailChannel:internalReceive" | "emailChannel:internalNoteDelivery" => json!({ "body": [] }),
            _ => panic!(
                "{path} is new: add a valid argument object for it to gateway/tests/it/catalogue/world/arguments.rs"
            ),
        };
        // What this asker does not have is absent.
        arguments.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        arguments
    }
}
