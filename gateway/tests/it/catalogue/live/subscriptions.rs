//! What is watched: for each query the subscriptions of those whom it tells something.

use opencom_testkit::Visitor;
use serde_json::{Value, json};

use super::Cast;
use crate::catalogue::world::Asker;

/// Who holds a query live, and with which arguments.
pub(super) fn subscriptions(path: &str, cast: &Cast) -> Vec<(Asker, Value)> {
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
        _ => panic!("{path} is new: hold it live in gateway/tests/it/catalogue/live.rs, and let the story change it"),
    }
}
