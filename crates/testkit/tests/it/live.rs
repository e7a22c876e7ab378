//! Live results of every query stay what a fresh execution gives, whatever mutation of whatever context runs.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::{Kind, Who, catalogue};
use opencom_core::id::WorkspaceInvitationId;
use opencom_core::{Millis, Role};
use opencom_runtime::Caller;
use opencom_schema::visitors;
use opencom_testkit::{Agent, Kit, Nobody, Probe, Visitor};
use serde_json::{Value, json};

use crate::world::{Asker, invite, stage, upload};

/// Who and what the story is about.
struct Cast {
    /// Signed up by herself; owns the workspace.
    ada: Asker,
    refresh_token: String,
    /// The workspace that Ada was born with.
    ws: String,
    eve: Agent,
    /// A user who is nowhere yet.
    newcomer: Agent,
    /// Waits for the newcomer.
    invitation: WorkspaceInvitationId,
    wanda: Visitor,
    /// Becomes Wanda by her address.
    stray: Visitor,
    /// Wanda's conversation.
    thread: String,
    /// The stray visitor's, who becomes Wanda.
    ticket: String,
    snippet: String,
    tag: String,
    /// A collection, and a draft in it.
    shelf: String,
    article: String,
}

/// What was done so far, checked after every step.
struct Story<'kit> {
    kit: &'kit Kit,
    probe: Probe<'kit>,
    told: BTreeSet<&'static str>,
}

impl Story<'_> {
    /// Calls a function and compares all live results.
    async fn tell(&mut self, asker: &Asker, path: &'static str, arguments: Value) -> Value {
        let answer = self.kit.call_json(asker, path, arguments).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        self.told.insert(path);
        self.probe.check(path).await;
        answer
    }

    /// Calls a function that callers cannot.
    async fn tell_inside(&mut self, path: &'static str, arguments: Value) {
        let dispatcher = &self.kit.dispatcher;
        dispatcher
            .internal_mutation(path, &arguments.to_string(), Caller::Anonymous)
            .await
            .unwrap();
        self.told.insert(path);
        self.probe.check(path).await;
    }

    /// Lets time pass.
    async fn wait(&mut self, ms: i64) {
        self.kit.clock.advance(ms);
        self.probe.check("time that passed").await;
    }

    /// Runs what is due.
    async fn run_jobs(&mut self) {
        self.kit.run_jobs().await;
        self.probe.check("jobs").await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Signs up by password; the caller and the refresh token.
async fn sign_up(kit: &Kit, name: &str) -> (Asker, String) {
    let params = json!({ "flow": "signUp", "email": format!("{name}@example.com"), "password": "correct horse" });
    let request = json!({ "provider": "password", "params": params });
    let answer = kit.call_json(&Nobody, "auth:signIn", request).await.unwrap();
    let (server, token) = (&kit.app.server, text(&answer["tokens"]["token"]));
    let verified = kit
        .app
        .jwt_keys
        .verify(&token, &server.public_url, kit.clock.now())
        .unwrap();
    let asker = Asker {
        caller: Caller::Agent(verified.identity),
        token: None,
    };
    (asker, text(&answer["tokens"]["refreshToken"]))
}

async fn boot(kit: &Kit, ws: &str, session_id: &str) -> Visitor {
    let request = json!({ "workspaceId": ws, "sessionId": session_id });
    let booted = kit.call_json(&Nobody, "widgetSessions:boot", request).await.unwrap();
    Visitor {
        id: text(&booted["visitor"]["_id"]).parse().unwrap(),
        token: text(&booted["sessionToken"]),
        session_id: session_id.to_owned(),
    }
}

async fn cast(kit: &Kit) -> Cast {
    let (ada, refresh_token) = sign_up(kit, "ada").await;
    let workspace = kit
        .call_json(&ada, "workspaces:getOrCreateDefault", json!({}))
        .await
        .unwrap();
    let ws = text(&workspace["_id"]);
    let eve = kit.user(Some(ws.parse().unwrap())).await;
    kit.join(&eve, ws.parse().unwrap(), Role::Agent).await;
    let newcomer = kit.user(None).await;
    let invitation = invite(kit, ws.parse().unwrap(), &newcomer.email).await;
    let (wanda, stray) = (boot(kit, &ws, "wanda").await, boot(kit, &ws, "stray").await);
    let open = json!({ "workspaceId": ws, "sessionToken": wanda.token });
    let conversation = kit
        .call_json(&Nobody, "conversations:createForVisitor", open)
        .await
        .unwrap();
    let tag = json!({ "workspaceId": ws, "name": "vip" });
    let tag = kit.call_json(&ada, "tags:create", tag).await.unwrap();
    let snippet = json!({ "workspaceId": ws, "name": "Refund", "content": "We pay back.", "shortcut": "re" });
    let snippet = kit.call_json(&ada, "snippets:create", snippet).await.unwrap();
    let ticket = json!({ "workspaceId": ws, "sessionToken": stray.token, "subject": "Lost" });
    let ticket = kit.call_json(&Nobody, "tickets:create", ticket).await.unwrap();
    let collection = json!({ "workspaceId": ws, "name": "Shelf" });
    let shelf = kit.call_json(&ada, "collections:create", collection).await.unwrap();
    let draft = json!({ "workspaceId": ws, "title": "Hello", "content": "hello", "collectionId": shelf });
    let article = kit.call_json(&ada, "articles:create", draft).await.unwrap();
    Cast {
        shelf: text(&shelf),
        article: text(&article),
        ada,
        refresh_token,
        eve,
        newcomer,
        invitation,
        wanda,
        stray,
        thread: text(&conversation["_id"]),
        ticket: text(&ticket),
        snippet: text(&snippet),
        tag: text(&tag),
        ws,
    }
}

/// Who holds a query live, and with which arguments.
fn subscriptions(path: &str, cast: &Cast) -> Vec<(Asker, Value)> {
    let Cast {
        ws,
        thread,
        shelf,
        article,
        ..
    } = cast;
    let visitors = [&cast.wanda, &cast.stray];
    let agents = [cast.ada.clone(), Asker::from(&cast.eve), Asker::from(&cast.newcomer)];
    let everybody = || agents.iter().cloned().chain([Asker::NOBODY]);
    let by_agents = |arguments: Value| everybody().map(|asker| (asker, arguments.clone())).collect();
    let by_all = |all: &[Value]| {
        everybody()
            .flat_map(|asker| all.iter().map(move |arguments| (asker.clone(), arguments.clone())))
            .collect()
    };
    let by_visitors = |arguments: &dyn Fn(&Visitor) -> Value| -> Vec<(Asker, Value)> {
        visitors
            .iter()
            .map(|visitor| (Asker::NOBODY, arguments(visitor)))
            .collect()
    };
    match path {
        "auth:isAuthenticated" | "auth:currentUser" | "auth:getUserWorkspaces" => by_agents(json!({})),
        "workspaces:get" => by_agents(json!({ "id": ws })),
        "workspaces:getPublicWorkspaceContext" => by_all(&[json!({}), json!({ "workspaceId": ws })]),
        "workspaces:getByName" => by_all(&[json!({ "name": "Engines" }), json!({ "name": "Second" })]),
        "workspaces:validateOrigin" => by_agents(json!({ "workspaceId": ws, "origin": "https://example.com" })),
        "widgetSessions:validateSessionToken" => {
            by_visitors(&|visitor| json!({ "workspaceId": ws, "sessionToken": visitor.token, "visitorId": visitor.id }))
        }
        "visitors:get" => by_all(&[json!({ "id": cast.wanda.id }), json!({ "id": cast.stray.id })]),
        "visitors:getBySession" => by_all(&["wanda", "stray", "third"].map(|session| json!({ "sessionId": session }))),
        "visitors:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "limit": 1 }),
            json!({ "workspaceId": ws, "cursor": cast.stray.id }),
        ]),
        "visitors:search" => {
            by_all(&["Wanda", "wanda@example.com", "th"].map(|query| json!({ "workspaceId": ws, "query": query })))
        }
        "visitors:isOnline" => by_all(&[
            json!({ "visitorId": cast.wanda.id }),
            json!({ "visitorId": cast.stray.id }),
        ]),
        "conversations:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "status": "closed" }),
            json!({ "workspaceId": ws, "cursor": thread }),
        ]),
        "conversations:get" => {
            let mut all = by_visitors(&|visitor| json!({ "id": thread, "sessionToken": visitor.token }));
            all.extend(by_visitors(&|visitor| json!({ "id": thread, "visitorId": visitor.id })));
            all.extend(everybody().map(|asker| (asker, json!({ "id": thread }))));
            all
        }
        "conversations:getTotalUnreadForVisitor" | "conversations:listByVisitor" => {
            by_visitors(&|visitor| json!({ "workspaceId": ws, "sessionToken": visitor.token }))
        }
        "conversations:listForInbox" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "status": "closed" }),
            json!({ "workspaceId": ws, "aiWorkflowState": "handoff" }),
            json!({ "workspaceId": ws, "limit": 1 }),
            json!({ "workspaceId": ws, "cursor": thread }),
        ]),
        "messages:list" => {
            let mut all = by_visitors(&|visitor| json!({ "conversationId": thread, "sessionToken": visitor.token }));
            all.extend(everybody().map(|asker| (asker, json!({ "conversationId": thread }))));
            all
        }
        "workspaceMembers:listByWorkspace"
        | "workspaceMembers:getMemberRole"
        | "workspaceMembers:getWorkspacePendingInvitations"
        | "identityVerification:getSettings"
        | "identityVerification:getSecret"
        | "identityVerification:isRequired"
        | "auditLogs:getActions"
        | "auditLogs:getSettings"
        | "auditLogs:getAccess"
        | "aiAgent:getSettings"
        | "aiAgent:getPublicSettings"
        | "automationSettings:get"
        | "automationSettings:getOrCreate" => by_agents(json!({ "workspaceId": ws })),
        "workspaceMembers:listByUser" | "workspaceMembers:getPendingInvitations" => by_agents(json!({})),
        "identityVerification:getVisitorStatus" => {
            let mut all = by_visitors(&|visitor| json!({ "visitorId": visitor.id, "sessionToken": visitor.token }));
            all.extend(everybody().map(|asker| (asker, json!({ "visitorId": cast.wanda.id }))));
            all
        }
        "auditLogs:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "limit": 1 }),
            json!({ "workspaceId": ws, "action": "user.role.changed", "resourceType": "workspaceMember" }),
            json!({ "workspaceId": ws, "actorId": cast.eve.user_id }),
        ]),
        "auditLogs:exportLogs" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "startTime": 0, "format": "csv" }),
        ]),
        "discovery:getMetadata" => by_all(&[json!({})]),
        "emailChannel:getEmailConfig" => by_all(&[json!({ "workspaceId": ws })]),
        "snippets:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "cursor": cast.snippet }),
        ]),
        "snippets:get" => by_all(&[json!({ "id": cast.snippet })]),
        "snippets:search" => by_all(&[
            json!({ "workspaceId": ws, "query": "refund" }),
            json!({ "workspaceId": ws, "query": "" }),
        ]),
        "snippets:getByShortcut" => by_all(&[json!({ "workspaceId": ws, "shortcut": "re" })]),
        "tags:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "cursor": cast.tag }),
        ]),
        "tags:get" => by_all(&[json!({ "id": cast.tag })]),
        "tags:getConversationTags" => by_all(&[json!({ "conversationId": thread })]),
        "tickets:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "status": "resolved" }),
            json!({ "workspaceId": ws, "assigneeId": cast.eve.user_id }),
            json!({ "workspaceId": ws, "cursor": cast.ticket }),
        ]),
        "tickets:get" => {
            let mut all = by_visitors(&|visitor| json!({ "id": cast.ticket, "sessionToken": visitor.token }));
            all.extend(everybody().map(|asker| (asker, json!({ "id": cast.ticket }))));
            all
        }
        "articles:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "status": "published", "visibility": "public" }),
            json!({ "workspaceId": ws, "collectionId": shelf }),
        ]),
        "articles:get" => by_all(&[
            json!({ "id": article }),
            json!({ "workspaceId": ws, "slug": "hello" }),
            json!({ "workspaceId": ws, "slug": "good-bye" }),
        ]),
        "articles:search" => by_all(&["hello", "bye", ""].map(|query| json!({ "workspaceId": ws, "query": query }))),
        "articles:getFeedbackStats" => by_agents(json!({ "articleId": article })),
        "articles:listForVisitor" | "collections:listHierarchyForVisitor" => {
            by_visitors(&|visitor| json!({ "workspaceId": ws, "sessionToken": visitor.token }))
        }
        "articles:searchForVisitor" => {
            by_visitors(&|visitor| json!({ "workspaceId": ws, "sessionToken": visitor.token, "query": "hello" }))
        }
        "articles:getForVisitor" => {
            by_visitors(&|visitor| json!({ "workspaceId": ws, "sessionToken": visitor.token, "id": article }))
        }
        "collections:list" => by_all(&[
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "parentId": shelf }),
        ]),
        "collections:listHierarchy" => by_agents(json!({ "workspaceId": ws })),
        "collections:get" => by_all(&[json!({ "id": shelf }), json!({ "workspaceId": ws, "slug": "shelves" })]),
        _ => panic!("{path} is new: hold it live in crates/testkit/tests/it/live.rs, and let the story change it"),
    }
}

/// Agents sign up, in and out, and move between workspaces.
async fn agents_come(story: &mut Story<'_>, cast: &Cast) {
    let (nobody, ada) = (Asker::NOBODY, &cast.ada);
    let params = json!({ "flow": "signUp", "email": "bob@example.com", "password": "correct horse" });
    story
        .tell(
            &nobody,
            "auth:signIn",
            json!({ "provider": "password", "params": params }),
        )
        .await;
    story
        .tell(&nobody, "auth:signIn", json!({ "refreshToken": cast.refresh_token }))
        .await;
    let profile = json!({ "name": "Ada", "workspaceName": "Engines" });
    story.tell(ada, "auth:completeSignupProfile", profile).await;
    let second = story.tell(ada, "workspaces:create", json!({ "name": "Second" })).await;
    story
        .tell(ada, "auth:switchWorkspace", json!({ "workspaceId": second }))
        .await;
    story
        .tell(ada, "auth:switchWorkspace", json!({ "workspaceId": cast.ws }))
        .await;
    story
        .tell(&Asker::from(&cast.newcomer), "workspaces:getOrCreateDefault", json!({}))
        .await;
}

/// Visitors come, say who they are and write; agents answer.
async fn people_chat(story: &mut Story<'_>, cast: &Cast) {
    let (ada, eve) = (&cast.ada, Asker::from(&cast.eve));
    let Cast { ws, thread, wanda, .. } = cast;
    let visitor = Asker::from(wanda);
    let token = &wanda.token;
    for session in ["wanda", "third"] {
        let boot = json!({ "workspaceId": ws, "sessionId": session, "name": session, "currentUrl": "https://a.com/" });
        story.tell(&visitor, "widgetSessions:boot", boot).await;
    }
    let identify = json!({
        "visitorId": wanda.id, "sessionToken": token, "name": "Wanda", "email": "wanda@example.com",
        "customAttributes": { "plan": "pro" },
    });
    story.tell(&visitor, "visitors:identify", identify).await;
    let location = json!({ "visitorId": wanda.id, "sessionToken": token, "location": { "city": "Paris" } });
    story.tell(&visitor, "visitors:updateLocation", location).await;
    let location = json!({ "visitorId": cast.stray.id, "location": { "city": "Rome" } });
    story.tell(ada, "visitors:updateLocation", location).await;
    story.wait(10 * Millis::SECOND).await;
    let beat = json!({ "visitorId": wanda.id, "sessionToken": token });
    story.tell(&visitor, "visitors:heartbeat", beat).await;

    let say = json!({
        "conversationId": thread, "senderId": "me", "senderType": "visitor", "content": "hello", "sessionToken": token,
    });
    story.tell(&visitor, "messages:send", say).await;
    for kind in ["agent", "user"] {
        let answer = json!({ "conversationId": thread, "senderId": "me", "senderType": kind, "content": "hi" });
        story.tell(ada, "messages:send", answer).await;
    }
    story.run_jobs().await;
    for asker in [&visitor, &eve] {
        let file = upload(story.kit, ws.parse().unwrap(), asker).await.unwrap();
        story.told.insert("supportAttachments:generateUploadUrl");
        story.probe.check("an upload").await;
        let attachment = stage(story.kit, ws.parse().unwrap(), asker, file).await.unwrap();
        story.told.insert("supportAttachments:finalizeUpload");
        story.probe.check("a staged file").await;
        let mut send = json!({
            "conversationId": thread, "senderId": "me", "content": "", "attachmentIds": [attachment],
            "senderType": if asker.token.is_some() { "visitor" } else { "agent" },
        });
        if let Some(token) = &asker.token {
            send["sessionToken"] = json!(token);
        }
        story.tell(asker, "messages:send", send).await;
    }
    let beep = json!({ "conversationId": thread, "content": "beep", "senderId": "ai-agent" });
    story.tell_inside("messages:internalSendBotMessage", beep).await;
    // The second time nothing changes.
    for _ in 0..2 {
        let read = json!({ "id": thread, "readerType": "visitor", "sessionToken": token });
        story.tell(&visitor, "conversations:markAsRead", read).await;
        let read = json!({ "id": thread, "readerType": "agent" });
        story.tell(ada, "conversations:markAsRead", read).await;
    }
}

/// Conversations open, change hands and close.
async fn conversations_move(story: &mut Story<'_>, cast: &Cast) {
    let (ada, eve) = (&cast.ada, Asker::from(&cast.eve));
    let stray = Asker::from(&cast.stray);
    let session = json!({ "workspaceId": cast.ws, "sessionToken": cast.stray.token });
    let opened = story
        .tell(&stray, "conversations:getOrCreateForVisitor", session.clone())
        .await;
    story
        .tell(&stray, "conversations:getOrCreateForVisitor", session.clone())
        .await;
    story.tell(&stray, "conversations:createForVisitor", session).await;
    let create = json!({ "workspaceId": cast.ws, "visitorId": cast.stray.id });
    story.tell(ada, "conversations:create", create).await;
    for agent in [cast.eve.user_id, cast.eve.user_id] {
        let assign = json!({ "id": cast.thread, "agentId": agent });
        story.tell(ada, "conversations:assign", assign).await;
    }
    for status in ["closed", "closed", "snoozed", "open", "closed"] {
        for id in [json!(cast.thread), opened["_id"].clone()] {
            let update = json!({ "id": id, "status": status });
            story.tell(&eve, "conversations:updateStatus", update).await;
        }
    }
    story.run_jobs().await;
}

/// Members come and go and change what they are.
async fn members_change(story: &mut Story<'_>, cast: &Cast) {
    let (ada, eve, newcomer) = (&cast.ada, Asker::from(&cast.eve), Asker::from(&cast.newcomer));
    let ws = json!({ "workspaceId": cast.ws });
    let list = "workspaceMembers:listByWorkspace";
    let members = story.kit.call_json(ada, list, ws.clone()).await.unwrap();
    let eves = members[1]["_id"].clone();
    for role in ["viewer", "admin", "agent"] {
        let update = json!({ "membershipId": eves, "role": role });
        story.tell(ada, "workspaceMembers:updateRole", update).await;
    }
    for permissions in [json!(["conversations.read", "users.read"]), json!([])] {
        let update = json!({ "membershipId": eves, "permissions": permissions });
        story.tell(ada, "workspaceMembers:updatePermissions", update).await;
    }
    let frank = story.kit.user(None).await;
    let add = json!({ "workspaceId": cast.ws, "userId": frank.user_id, "role": "viewer" });
    let franks = story.tell(ada, "workspaceMembers:add", add).await;
    let remove = json!({ "membershipId": franks });
    story.tell(ada, "workspaceMembers:remove", remove).await;
    for address in ["gina@example.com", frank.email.as_str()] {
        let invite = json!({ "workspaceId": cast.ws, "email": address, "role": "agent", "baseUrl": "https://a.com" });
        story.tell(ada, "workspaceMembers:inviteToWorkspace", invite).await;
    }
    story.run_jobs().await;
    let accept = json!({ "invitationId": cast.invitation });
    story.tell(&newcomer, "workspaceMembers:acceptInvitation", accept).await;
    let waiting = "workspaceMembers:getWorkspacePendingInvitations";
    let waiting = story.kit.call_json(ada, waiting, ws).await.unwrap();
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    let cancel = json!({ "invitationId": waiting[0]["_id"] });
    story.tell(ada, "workspaceMembers:cancelInvitation", cancel).await;
    let invite =
        json!({ "workspaceId": cast.ws, "email": "hal@example.com", "role": "agent", "baseUrl": "https://a.com" });
    story.tell(ada, "workspaceMembers:inviteToWorkspace", invite).await;
    let params = json!({ "flow": "signUp", "email": "hal@example.com", "password": "correct horse" });
    let sign_up = json!({ "provider": "password", "params": params });
    story.tell(&Asker::NOBODY, "auth:signIn", sign_up).await;
    let transfer = json!({ "workspaceId": cast.ws, "newOwnerId": cast.eve.user_id });
    story.tell(ada, "workspaceMembers:transferOwnership", transfer).await;
    let back = json!({ "workspaceId": cast.ws, "newOwnerId": members[0]["userId"] });
    story.tell(&eve, "workspaceMembers:transferOwnership", back).await;
}

/// Everything that a workspace can set is set.
async fn settings_change(story: &mut Story<'_>, cast: &Cast) {
    let (ada, ws) = (&cast.ada, &cast.ws);
    for (path, arguments) in [
        ("identityVerification:enable", json!({ "mode": "required" })),
        ("identityVerification:updateMode", json!({ "mode": "optional" })),
        ("identityVerification:rotateSecret", json!({})),
        ("identityVerification:disable", json!({ "confirmDisable": true })),
        (
            "workspaces:updateAllowedOrigins",
            json!({ "allowedOrigins": ["https://example.com"] }),
        ),
        ("workspaces:updateAllowedOrigins", json!({ "allowedOrigins": [] })),
        (
            "workspaces:updateSignupSettings",
            json!({ "signupMode": "invite-only" }),
        ),
        (
            "workspaces:updateHelpCenterAccessPolicy",
            json!({ "policy": "restricted" }),
        ),
        ("auditLogs:updateSettings", json!({ "retentionDays": 30 })),
        (
            "auditLogs:logExport",
            json!({ "exportType": "auditLogs", "recordCount": 1 }),
        ),
        ("aiAgent:updateSettings", json!({ "enabled": true })),
        ("aiAgent:updateSettings", json!({ "workingHours": null })),
        ("automationSettings:upsert", json!({ "askForRatingEnabled": true })),
        ("automationSettings:upsert", json!({ "askForRatingEnabled": false })),
    ] {
        let mut arguments = arguments;
        arguments["workspaceId"] = json!(ws);
        story.tell(ada, path, arguments).await;
        // What is made up where nothing is set does not depend on when it is asked for.
        story.wait(1).await;
    }
}

/// Tickets are worked on; snippets and tags come, change and go.
async fn members_work(story: &mut Story<'_>, cast: &Cast) {
    let (ada, eve) = (&cast.ada, Asker::from(&cast.eve));
    let Cast { ws, thread, ticket, .. } = cast;
    let submit = json!({ "workspaceId": ws, "sessionToken": cast.wanda.token, "subject": "Broken" });
    story.tell(&Asker::from(&cast.wanda), "tickets:create", submit).await;
    for status in ["in_progress", "resolved", "waiting_on_customer"] {
        let update = json!({ "id": ticket, "status": status, "assigneeId": cast.eve.user_id });
        story.tell(&eve, "tickets:update", update).await;
        story.run_jobs().await;
    }
    let snippet = json!({ "workspaceId": ws, "name": "Refund again", "content": "Later." });
    let second = story.tell(&eve, "snippets:create", snippet).await;
    let update = json!({ "id": cast.snippet, "name": "refunds", "content": "We do.", "shortcut": "rf" });
    story.tell(ada, "snippets:update", update).await;
    let tag = json!({ "workspaceId": ws, "name": "soon gone" });
    let soon_gone = story.tell(ada, "tags:create", tag).await;
    for tag in [&json!(cast.tag), &soon_gone, &soon_gone] {
        let add = json!({ "conversationId": thread, "tagId": tag });
        story.tell(&eve, "tags:addToConversation", add).await;
    }
    story
        .tell(ada, "tags:update", json!({ "id": cast.tag, "name": "very important" }))
        .await;
    story.tell(ada, "tags:remove", json!({ "id": soon_gone })).await;
    for _ in 0..2 {
        let remove = json!({ "conversationId": thread, "tagId": cast.tag });
        story.tell(&eve, "tags:removeFromConversation", remove).await;
    }
    story.tell(ada, "snippets:remove", json!({ "id": second })).await;
    for enabled in [false, true] {
        let config = json!({ "workspaceId": ws, "enabled": enabled });
        story.tell(ada, "emailChannel:upsertEmailConfig", config).await;
    }
    let answer = json!({
        "conversationId": thread, "agentId": cast.eve.user_id, "to": ["wanda@example.com"], "subject": "Hi",
        "htmlBody": "<p>Hi</p>",
    });
    story.tell(&eve, "emailChannel:sendEmailReply", answer).await;
    story.run_jobs().await;
}

/// Articles are written, published, read and put away.
async fn a_help_center_fills(story: &mut Story<'_>, cast: &Cast) {
    let (ada, nobody) = (&cast.ada, Asker::NOBODY);
    let Cast { ws, shelf, article, .. } = cast;
    let rules = json!({
        "type": "condition", "property": { "source": "custom", "key": "plan" }, "operator": "equals", "value": "pro",
    });
    for (path, arguments) in [
        ("articles:publish", json!({ "id": article })),
        ("articles:update", json!({ "id": article, "title": "Good bye" })),
        (
            "articles:update",
            json!({ "id": article, "title": "Hello", "audienceRules": rules }),
        ),
        (
            "articles:create",
            json!({ "workspaceId": ws, "title": "Bye", "content": "" }),
        ),
        (
            "collections:create",
            json!({ "workspaceId": ws, "name": "Box", "parentId": shelf }),
        ),
        ("collections:update", json!({ "id": shelf, "name": "Shelves" })),
        ("collections:reorder", json!({ "id": shelf, "newOrder": 7 })),
    ] {
        story.tell(ada, path, arguments).await;
    }
    let voice = json!({ "articleId": article, "helpful": true });
    story.tell(&nobody, "articles:submitFeedback", voice).await;
    let box_ = story
        .tell(
            ada,
            "collections:create",
            json!({ "workspaceId": ws, "name": "Second box" }),
        )
        .await;
    story
        .tell(ada, "articles:update", json!({ "id": article, "collectionId": box_ }))
        .await;
    story.run_jobs().await;
    for path in [
        "articles:unpublish",
        "articles:publish",
        "articles:archive",
        "articles:remove",
    ] {
        story.tell(ada, path, json!({ "id": article })).await;
        story.run_jobs().await;
    }
    story.tell(ada, "collections:remove", json!({ "id": box_ })).await;
}

/// Two visitors turn out to be one, sessions end, time passes.
async fn everybody_leaves(story: &mut Story<'_>, cast: &Cast) {
    let Cast {
        thread, wanda, stray, ..
    } = cast;
    let (visitor, other) = (Asker::from(wanda), Asker::from(stray));
    let identify = json!({ "visitorId": stray.id, "sessionToken": stray.token, "email": "wanda@example.com" });
    let survivor = story.tell(&other, "visitors:identify", identify).await;
    assert_eq!(survivor["_id"], json!(wanda.id), "the merge is part of the story");
    let say = json!({
        "conversationId": thread, "senderId": "me", "senderType": "visitor", "content": "it is me",
        "sessionToken": stray.token,
    });
    story.tell(&other, "messages:send", say).await;
    let beat = json!({ "visitorId": stray.id, "sessionToken": stray.token });
    story.tell(&other, "visitors:heartbeat", beat).await;
    let location = json!({ "visitorId": stray.id, "sessionToken": stray.token, "location": {} });
    story.tell(&other, "visitors:updateLocation", location).await;
    let answer = json!({ "conversationId": thread, "senderId": "me", "senderType": "agent", "content": "welcome" });
    story.tell(&cast.ada, "messages:send", answer).await;
    story
        .tell(
            &visitor,
            "widgetSessions:refresh",
            json!({ "sessionToken": wanda.token }),
        )
        .await;
    // To the millisecond: still online, and no longer.
    story.wait(2 * Millis::MINUTE - Millis::SECOND).await;
    story.wait(2 * Millis::SECOND).await;
    story
        .tell(&other, "widgetSessions:revoke", json!({ "sessionToken": stray.token }))
        .await;
    story.wait(2 * Millis::DAY).await;
    story.tell_inside("auditLogs:cleanupOldLogs", json!({})).await;
    story
        .tell_inside("widgetSessions:cleanupExpiredSessions", json!({}))
        .await;
    story.run_jobs().await;
    story.tell(&cast.ada, "auth:signOut", json!({})).await;
    // Eve's session runs out by itself.
    story.wait(31 * Millis::DAY).await;
    story.run_jobs().await;
}

#[tokio::test]
async fn no_live_result_of_any_query_goes_stale_in_a_story_with_every_mutation() {
    let kit = Kit::start().await;
    let cast = cast(&kit).await;
    let mut story = Story {
        kit: &kit,
        probe: Probe::new(&kit),
        told: BTreeSet::new(),
    };
    for query in catalogue().filter(|function| function.kind == Kind::Query && function.access.who != Who::Internal) {
        for (asker, arguments) in subscriptions(query.path, &cast) {
            story.probe.subscribe(&asker, query.path, arguments).await;
        }
    }
    agents_come(&mut story, &cast).await;
    people_chat(&mut story, &cast).await;
    conversations_move(&mut story, &cast).await;
    members_work(&mut story, &cast).await;
    a_help_center_fills(&mut story, &cast).await;
    members_change(&mut story, &cast).await;
    settings_change(&mut story, &cast).await;
    everybody_leaves(&mut story, &cast).await;

    let untold: Vec<_> = (catalogue().filter(|function| function.kind != Kind::Query))
        .map(|function| function.path)
        .filter(|path| !story.told.contains(path))
        .collect();
    assert!(
        untold.is_empty(),
        "{untold:?} are new: give them a part in the story of crates/testkit/tests/it/live.rs"
    );
    assert!(
        story.probe.idle().is_empty(),
        "nothing in the story changes {:?}: let something do",
        story.probe.idle()
    );
}

/// The probe finds what it is there for: here a write that tells nobody.
#[tokio::test]
#[should_panic(expected = "is stale")]
async fn a_write_that_publishes_nothing_is_found() {
    let kit = Kit::start().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let mut probe = Probe::new(&kit);
    probe
        .subscribe(&ws.owner, "visitors:get", json!({ "id": visitor.id }))
        .await;
    diesel::update(visitors::table.find(visitor.id))
        .set(visitors::name.eq("Nobody was told"))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    probe.check("a write around the services").await;
}
