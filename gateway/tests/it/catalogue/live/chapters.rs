//! What happens, in chapters: every mutation once at least.

use opencom_core::Millis;
use serde_json::json;

use super::{Cast, Story};
use crate::catalogue::world::{Asker, stage, upload};

/// Agents sign up, in and out, and move between workspaces.
pub(super) async fn agents_come(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn people_chat(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn conversations_move(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn members_change(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn settings_change(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn members_work(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn a_help_center_fills(story: &mut Story<'_>, cast: &Cast) {
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
pub(super) async fn everybody_leaves(story: &mut Story<'_>, cast: &Cast) {
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
    let record = json!({ "workspaceId": cast.ws, "action": "story.told", "resourceType": "story" });
    story.tell_inside("auditLogs:internalRecord", record).await;
    let report = json!({ "type": "email.delivered", "data": { "email_id": "unknown" } }).to_string();
    for path in ["emailChannel:internalReceive", "emailChannel:internalNoteDelivery"] {
        story.tell_inside(path, json!({ "body": report.as_bytes() })).await;
    }
    story
        .tell_inside("auth:internalRotateSigningKey", json!({ "atOnce": false }))
        .await;
    story.tell(&cast.ada, "auth:signOut", json!({})).await;
    // Eve's session runs out by itself.
    story.wait(31 * Millis::DAY).await;
    story.run_jobs().await;
    for path in ["auth:internalEndAllSessions", "widgetSessions:internalEndAllSessions"] {
        story.tell_everything(path).await;
    }
}
