//! Every refusal of the contract's error table, as it comes over the wire: code and text.

use opencom_core::id::{ConversationId, UserId, VisitorId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId};
use opencom_core::{Millis, Role};
use opencom_testkit::Settings;
use serde_json::{Value, json};

use crate::wire::Wire;

struct Table {
    wire: Wire,
    /// The codes that were seen.
    seen: std::collections::BTreeSet<String>,
}

impl Table {
    /// Calls a function that refuses, and compares code and text.
    async fn refuses(&mut self, call: (&str, &str, Value), token: Option<&str>, code: &str, text: &str) -> Value {
        let (route, path, arguments) = call;
        let envelope = self.wire.call(route, path, arguments, token).await;
        assert_eq!(envelope["status"], "error", "{path}: {envelope}");
        assert_eq!(envelope["errorMessage"], text, "{path}");
        assert_eq!(envelope["errorData"]["code"], code, "{path}");
        assert_eq!(envelope["errorData"]["message"], text, "{path}");
        self.seen.insert(code.to_owned());
        envelope
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_its_text() {
    let quotas = "sign-up=2/1".parse().unwrap();
    let wire = Wire::start_with(Settings {
        quotas,
        ..Settings::default()
    })
    .await;
    let kit = &wire.kit;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (agent, viewer) = (kit.agent(&ws, Role::Agent).await, kit.agent(&ws, Role::Viewer).await);
    let (visitor, second) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let foreign = kit.visitor(&other).await;
    let [owner, outsider, viewers, agents] =
        [&ws.owner, &other.owner, &viewer, &agent].map(|person| wire.token(person));
    let (owner, outsider, viewers) = (Some(owner.as_str()), Some(outsider.as_str()), Some(viewers.as_str()));
    let id = ws.id;
    let mut table = Table {
        wire,
        seen: Default::default(),
    };
    let of_ws = || json!({ "workspaceId": id });
    let open = |token: &str| {
        let arguments = json!({ "workspaceId": id, "sessionToken": token });
        ("mutation", "conversations:createForVisitor", arguments)
    };
    let retention = |days: i32| {
        let arguments = json!({ "workspaceId": id, "retentionDays": days });
        ("mutation", "auditLogs:updateSettings", arguments)
    };
    let rotate = || ("mutation", "identityVerification:rotateSecret", of_ws());

    // Nobody is signed in, or a credential is unknown.
    table
        .refuses(rotate(), None, "NOT_AUTHENTICATED", "Not authenticated")
        .await;
    table
        .refuses(retention(30), None, "NOT_AUTHENTICATED", "Unauthorized")
        .await;
    table
        .refuses(open(""), None, "NOT_AUTHENTICATED", "Session token required")
        .await;
    table
        .refuses(open("wst_x"), None, "NOT_AUTHENTICATED", "Invalid session token")
        .await;
    let upload = ("mutation", "supportAttachments:generateUploadUrl", of_ws());
    table
        .refuses(upload, None, "NOT_AUTHENTICATED", "Authentication required")
        .await;
    let with_password = |flow: &str, email: &str, password: &str| {
        let params = json!({ "flow": flow, "email": email, "password": password });
        (
            "action",
            "auth:signIn",
            json!({ "provider": "password", "params": params }),
        )
    };
    let (route, path, arguments) = with_password("signUp", "pat@example.com", "correct horse");
    table.wire.value(route, path, arguments, None).await;
    let unknown = with_password("signIn", "nobody@example.com", "correct horse");
    table
        .refuses(unknown, None, "NOT_AUTHENTICATED", "InvalidAccountId")
        .await;
    for _ in 0..10 {
        let wrong = with_password("signIn", "pat@example.com", "wrong horse");
        table.refuses(wrong, None, "NOT_AUTHENTICATED", "InvalidSecret").await;
    }
    let right = with_password("signIn", "pat@example.com", "correct horse");
    let limited = table
        .refuses(right, None, "RATE_LIMITED", "TooManyFailedAttempts")
        .await;
    assert!(limited["errorData"]["retryAfterMs"].as_f64().unwrap() > 0.0);
    // Known, but not theirs.
    table
        .refuses(
            open(&foreign.token),
            None,
            "NOT_AUTHORIZED",
            "Session token does not match workspace",
        )
        .await;
    let transfer = json!({ "workspaceId": id, "newOwnerId": agent.user_id });
    table
        .refuses(
            ("mutation", "workspaceMembers:transferOwnership", transfer),
            viewers,
            "NOT_AUTHORIZED",
            "Only the workspace owner can transfer ownership",
        )
        .await;
    let (route, path, arguments) = open(&visitor.token);
    let conversation = table.wire.value(route, path, arguments, None).await["_id"].take();
    let read = json!({ "id": conversation, "readerType": "visitor", "sessionToken": second.token });
    let read = ("mutation", "conversations:markAsRead", read);
    table.refuses(read, None, "NOT_AUTHORIZED", "Not authorized").await;
    // No member, or a member without the permission.
    table
        .refuses(
            rotate(),
            outsider,
            "NOT_WORKSPACE_MEMBER",
            "Not a member of this workspace",
        )
        .await;
    let switch = ("mutation", "auth:switchWorkspace", of_ws());
    let text = "You are not a member of this workspace";
    table.refuses(switch, outsider, "NOT_WORKSPACE_MEMBER", text).await;
    let denied = table
        .refuses(
            rotate(),
            viewers,
            "PERMISSION_DENIED",
            "Permission denied: settings.security",
        )
        .await;
    assert_eq!(denied["errorData"]["permission"], "settings.security");
    let read = ("query", "auditLogs:list", of_ws());
    let text = "Permission denied: audit.read";
    table.refuses(read, Some(&agents), "PERMISSION_DENIED", text).await;
    // Not there.
    let gone = json!({ "membershipId": WorkspaceMemberId::generate(), "role": "agent" });
    let gone = ("mutation", "workspaceMembers:updateRole", gone);
    table.refuses(gone, owner, "NOT_FOUND", "Membership not found").await;
    let nobody = json!({ "workspaceId": id, "userId": UserId::generate(), "role": "agent" });
    let nobody = ("mutation", "workspaceMembers:add", nobody);
    table.refuses(nobody, owner, "NOT_FOUND", "User not found").await;
    let accept = |id: Value| {
        (
            "mutation",
            "workspaceMembers:acceptInvitation",
            json!({ "invitationId": id }),
        )
    };
    let unknown = accept(json!(WorkspaceInvitationId::generate()));
    table.refuses(unknown, owner, "NOT_FOUND", "Invitation not found").await;
    let close = json!({ "id": ConversationId::generate(), "status": "closed" });
    let close = ("mutation", "conversations:updateStatus", close);
    table.refuses(close, owner, "NOT_FOUND", "Conversation not found").await;
    let text = "Could not find public function for 'no:thing'.";
    table
        .refuses(("query", "no:thing", json!({})), None, "NOT_FOUND", text)
        .await;
    // There already.
    let invite = |email: &str| {
        let arguments = json!({ "workspaceId": id, "email": email, "role": "agent", "baseUrl": "https://a.com" });
        ("action", "workspaceMembers:inviteToWorkspace", arguments)
    };
    let text = "User is already a member of this workspace";
    table.refuses(invite(&agent.email), owner, "ALREADY_EXISTS", text).await;
    let (route, path, arguments) = invite("ada@example.com");
    table.wire.value(route, path, arguments, owner).await;
    let text = "Invitation already sent to this email";
    table
        .refuses(invite("ADA@example.com"), owner, "ALREADY_EXISTS", text)
        .await;
    let waiting = "workspaceMembers:getWorkspacePendingInvitations";
    let waiting = table.wire.value("query", waiting, of_ws(), owner).await;
    let text = "This invitation is not for you";
    let not_mine = accept(waiting[0]["_id"].clone());
    table.refuses(not_mine, outsider, "NOT_AUTHORIZED", text).await;
    for (path, what, text) in [
        ("tags:create", "name", "Tag \"urgent\" already exists"),
        ("snippets:create", "shortcut", "Shortcut already exists"),
    ] {
        let mut arguments = of_ws();
        arguments[what] = json!("urgent");
        if path == "snippets:create" {
            arguments["name"] = json!("n");
            arguments["content"] = json!("c");
        }
        table.wire.value("mutation", path, arguments.clone(), owner).await;
        let again = ("mutation", path, arguments);
        table.refuses(again, owner, "ALREADY_EXISTS", text).await;
    }
    let sign_up = |email: &str| with_password("signUp", email, "correct horse");
    let text = format!("Account {} already exists", agent.email);
    table
        .refuses(sign_up(&agent.email), None, "ALREADY_EXISTS", &text)
        .await;
    // The words that some functions have of their own.
    for (route, path, arguments) in [
        ("query", "auditLogs:exportLogs", of_ws()),
        (
            "mutation",
            "auditLogs:logExport",
            json!({ "workspaceId": id, "exportType": "auditLogs", "recordCount": 1 }),
        ),
    ] {
        table
            .refuses((route, path, arguments), None, "NOT_AUTHENTICATED", "Unauthorized")
            .await;
    }
    let article = json!({ "workspaceId": id, "title": "t", "content": "c" });
    let article = ("mutation", "articles:create", article);
    table
        .refuses(article, None, "NOT_AUTHENTICATED", "Authentication required")
        .await;
    let upload = |workspace: WorkspaceId, named: VisitorId| {
        let arguments = json!({ "workspaceId": workspace, "visitorId": named, "sessionToken": second.token });
        ("mutation", "supportAttachments:generateUploadUrl", arguments)
    };
    let text = "Not authorized to upload files for this visitor";
    table
        .refuses(upload(id, visitor.id), None, "NOT_AUTHORIZED", text)
        .await;
    let nowhere = upload(WorkspaceId::generate(), second.id);
    table.refuses(nowhere, None, "NOT_FOUND", "Workspace not found").await;
    let send = json!({ "conversationId": conversation, "senderId": second.id, "senderType": "visitor", "content": "x",
                       "sessionToken": second.token });
    let text = "Not authorized to send messages to this conversation";
    table
        .refuses(("mutation", "messages:send", send), None, "NOT_AUTHORIZED", text)
        .await;
    let ticket = json!({ "workspaceId": id, "subject": "s", "visitorId": visitor.id, "sessionToken": visitor.token });
    let ticket = table.wire.value("mutation", "tickets:create", ticket, None).await;
    let look = json!({ "id": ticket, "sessionToken": second.token });
    let text = "Not authorized to access this ticket";
    table
        .refuses(("query", "tickets:get", look), None, "NOT_AUTHORIZED", text)
        .await;
    // Wrong arguments.
    let text = "Retention days must be 30, 90, or 365";
    let wrong = table.refuses(retention(31), owner, "INVALID_INPUT", text).await;
    assert_eq!(wrong["errorData"]["field"], "retentionDays");
    let disable = json!({ "workspaceId": id, "confirmDisable": false });
    let text = "Confirmation required to disable identity verification";
    let disable = ("mutation", "identityVerification:disable", disable);
    table.refuses(disable, owner, "INVALID_INPUT", text).await;
    let text = "Identity verification must be enabled to rotate secret";
    table.refuses(rotate(), owner, "INVALID_INPUT", text).await;
    let envelope = table
        .wire
        .call(
            "query",
            "auditLogs:list",
            json!({ "workspaceId": agent.user_id }),
            owner,
        )
        .await;
    let text = envelope["errorMessage"].as_str().unwrap();
    assert!(
        text.starts_with("ArgumentValidationError: ") && text.contains("v.id(\"workspaces\")"),
        "{text}"
    );
    // Too often: the address, and the account.
    let text = "Too many requests, please try again later";
    let limited = table
        .refuses(sign_up("eve@example.com"), None, "RATE_LIMITED", text)
        .await;
    assert!(limited["errorData"]["retryAfterMs"].as_f64().unwrap() > 0.0);
    let code = |code: &str| {
        let params = json!({ "email": "eve@example.com", "code": code });
        (
            "action",
            "auth:signIn",
            json!({ "provider": "resend-otp", "params": params }),
        )
    };
    for _ in 0..10 {
        table
            .refuses(code("000000"), None, "NOT_AUTHENTICATED", "Could not verify code")
            .await;
    }
    let limited = table
        .refuses(code("000000"), None, "RATE_LIMITED", "Could not verify code")
        .await;
    assert!(limited["errorData"]["retryAfterMs"].as_f64().unwrap() > 0.0);
    // Run out.
    table.wire.kit.clock.advance(2 * Millis::DAY);
    table
        .refuses(open(&visitor.token), None, "SESSION_EXPIRED", "Session expired")
        .await;
    let refresh = json!({ "sessionToken": visitor.token });
    let refresh = ("mutation", "widgetSessions:refresh", refresh);
    let text = "Session expired: please re-boot";
    table.refuses(refresh, None, "SESSION_EXPIRED", text).await;

    let codes = [
        "ALREADY_EXISTS",
        "INVALID_INPUT",
        "NOT_AUTHENTICATED",
        "NOT_AUTHORIZED",
        "NOT_FOUND",
        "NOT_WORKSPACE_MEMBER",
        "PERMISSION_DENIED",
        "RATE_LIMITED",
        "SESSION_EXPIRED",
    ];
    assert!(table.seen.iter().map(String::as_str).eq(codes), "{:?}", table.seen);
}
