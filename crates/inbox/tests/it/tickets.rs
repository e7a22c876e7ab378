//! Tickets: who may do what, what a change writes, attachments, lists and their plans.

use crate::support::{contexts, kit};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use opencom_contract::Kind;
use opencom_core::id::{TicketCommentId, TicketFormId, TicketId, UserId, VisitorId};
use opencom_core::{Millis, Role};
use opencom_schema::{support_attachments, ticket_comments, ticket_forms, tickets, visitors};
use opencom_testkit::{Kit, Nobody, Visitor, Workspace};
use serde_json::{Value, json};

use crate::attachments::staged_as;
use crate::chat::refusal;
use crate::statements::{observed_kit, plan, recorded};

/// A ticket that a visitor submits.
pub(crate) async fn submit(kit: &Kit, ws: &Workspace, visitor: &Visitor, subject: &str) -> TicketId {
    let create = json!({ "workspaceId": ws.id, "sessionToken": visitor.token, "subject": subject });
    let id = kit.call_json(visitor, "tickets:create", create).await.unwrap();
    id.as_str().unwrap().parse().unwrap()
}

/// A ticket as the workspace's owner sees it.
async fn seen(kit: &Kit, ws: &Workspace, id: TicketId) -> Value {
    kit.call_json(&ws.owner, "tickets:get", json!({ "id": id }))
        .await
        .unwrap()
}

async fn list(kit: &Kit, ws: &Workspace, more: Value) -> Vec<TicketId> {
    let mut arguments = json!({ "workspaceId": ws.id });
    arguments
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let list = kit.call_json(&ws.owner, "tickets:list", arguments).await.unwrap();
    let list = list.as_array().unwrap().iter();
    list.map(|row| row["_id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn comment(kit: &Kit, ws: &Workspace, ticket: TicketId, author: &str, content: &str, is_internal: bool) {
    diesel::insert_into(ticket_comments::table)
        .values((
            ticket_comments::id.eq(TicketCommentId::generate()),
            ticket_comments::workspace_id.eq(ws.id),
            ticket_comments::ticket_id.eq(ticket),
            ticket_comments::author_id.eq(author),
            ticket_comments::author_type.eq("agent"),
            ticket_comments::content.eq(content),
            ticket_comments::is_internal.eq(is_internal),
            ticket_comments::created_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
}

async fn form(kit: &Kit, ws: &Workspace) -> TicketFormId {
    let id = TicketFormId::generate();
    diesel::insert_into(ticket_forms::table)
        .values((
            ticket_forms::id.eq(id),
            ticket_forms::workspace_id.eq(ws.id),
            ticket_forms::name.eq("form"),
            ticket_forms::fields.eq(json!([])),
            ticket_forms::is_default.eq(false),
            ticket_forms::created_at.eq(kit.clock.now()),
            ticket_forms::updated_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn a_visitor_submits_a_ticket_as_it_is() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let form = form(&kit, &ws).await;
    let data = json!({ "subject": "x", "size": 3.5, "ok": true, "none": null, "many": ["a", "b"] });
    let create = json!({
        "workspaceId": ws.id, "visitorId": visitor.id, "sessionToken": visitor.token, "subject": " Help ",
        "attachmentIds": [], "formId": form, "formData": data,
    });
    let id = kit.call_json(&Nobody, "tickets:create", create).await.unwrap();
    let ticket = kit
        .call_json(&ws.owner, "tickets:get", json!({ "id": id }))
        .await
        .unwrap();
    let now = &ticket["createdAt"];
    let person = kit
        .call_json(&ws.owner, "visitors:get", json!({ "id": visitor.id }))
        .await
        .unwrap();
    assert_eq!(
        ticket,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": ws.id, "visitorId": visitor.id, "subject": " Help ",
            "status": "submitted", "priority": "normal", "formId": form, "formData": data, "createdAt": now,
            "updatedAt": now, "attachments": [], "visitor": person, "assignee": null, "conversation": null,
            "comments": [],
        })
    );
}

#[tokio::test]
async fn a_ticket_is_somebodys_of_the_workspace() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let (visitor, second, foreign) = (
        kit.visitor(&ws).await,
        kit.visitor(&ws).await,
        kit.visitor(&other).await,
    );
    let create = |more: Value| {
        let mut arguments = json!({ "workspaceId": ws.id, "subject": "Help" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let no_form = form(&kit, &other).await;
    for (arguments, expected) in [
        (json!({}), "NOT_AUTHENTICATED: Session token required"),
        (
            json!({ "sessionToken": "wst_x" }),
            "NOT_AUTHENTICATED: Invalid session token",
        ),
        (
            json!({ "sessionToken": foreign.token }),
            "NOT_AUTHORIZED: Session token does not match workspace",
        ),
        (
            json!({ "sessionToken": visitor.token, "visitorId": second.id }),
            "NOT_AUTHORIZED: Not authorized to access this ticket",
        ),
        (
            json!({ "sessionToken": visitor.token, "formId": no_form }),
            "NOT_FOUND: Ticket form not found",
        ),
    ] {
        assert_eq!(
            refusal(kit.call_json(&Nobody, "tickets:create", create(arguments)).await),
            expected
        );
    }
    for (agent, visitor, expected) in [
        (
            &viewer,
            second.id,
            "PERMISSION_DENIED: Permission denied: conversations.reply",
        ),
        (
            &other.owner,
            second.id,
            "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
        ),
        (&ws.owner, foreign.id, "NOT_FOUND: Visitor not found in workspace"),
        (
            &ws.owner,
            VisitorId::generate(),
            "NOT_FOUND: Visitor not found in workspace",
        ),
    ] {
        let outcome = kit
            .call_json(agent, "tickets:create", create(json!({ "visitorId": visitor })))
            .await;
        assert_eq!(refusal(outcome), expected);
    }
    // An agent's ticket is whose they say, whatever token they show.
    for (arguments, visitor) in [
        (json!({ "sessionToken": visitor.token }), Value::Null),
        (
            json!({ "visitorId": second.id, "sessionToken": "wst_x" }),
            json!(second.id),
        ),
    ] {
        let id = kit
            .call_json(&ws.owner, "tickets:create", create(arguments))
            .await
            .unwrap();
        let ticket = kit
            .call_json(&ws.owner, "tickets:get", json!({ "id": id }))
            .await
            .unwrap();
        assert_eq!(ticket.get("visitorId").cloned().unwrap_or_default(), visitor);
    }
}

#[tokio::test]
async fn a_ticket_is_shown_to_its_visitor_and_to_readers() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, second, foreign) = (
        kit.visitor(&ws).await,
        kit.visitor(&ws).await,
        kit.visitor(&other).await,
    );
    let id = submit(&kit, &ws, &visitor, "Help").await;
    let get = |token: Option<&str>, visitor: Option<VisitorId>| {
        let mut arguments = json!({ "id": id, "sessionToken": token, "visitorId": visitor });
        arguments.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        arguments
    };
    let not_theirs = "NOT_AUTHORIZED: Not authorized to access this ticket";
    for (arguments, expected) in [
        (get(None, None), "NOT_AUTHENTICATED: Session token required"),
        (get(None, Some(visitor.id)), "NOT_AUTHENTICATED: Session token required"),
        (get(Some("wst_x"), None), "NOT_AUTHENTICATED: Invalid session token"),
        (
            get(Some(&foreign.token), None),
            "NOT_AUTHORIZED: Session token does not match workspace",
        ),
        (get(Some(&second.token), None), not_theirs),
        (get(Some(&visitor.token), Some(second.id)), not_theirs),
    ] {
        assert_eq!(
            refusal(kit.call_json(&Nobody, "tickets:get", arguments).await),
            expected
        );
    }
    let outsider = kit
        .call_json(&other.owner, "tickets:get", get(Some(&visitor.token), None))
        .await;
    assert_eq!(
        refusal(outsider),
        "NOT_WORKSPACE_MEMBER: Not a member of this workspace"
    );
    let shown = kit
        .call_json(&Nobody, "tickets:get", get(Some(&visitor.token), Some(visitor.id)))
        .await
        .unwrap();
    assert_eq!(shown["subject"], "Help");
    let unknown = json!({ "id": TicketId::generate(), "sessionToken": visitor.token });
    assert_eq!(
        kit.call_json(&Nobody, "tickets:get", unknown.clone()).await.unwrap(),
        Value::Null
    );
    assert_eq!(
        kit.call_json(&ws.owner, "tickets:get", unknown).await.unwrap(),
        Value::Null
    );
    // Without a visitor it is no visitor's.
    let nobodys = json!({ "workspaceId": ws.id, "subject": "x" });
    let nobodys = kit.call_json(&ws.owner, "tickets:create", nobodys).await.unwrap();
    let request = json!({ "id": nobodys, "sessionToken": visitor.token });
    assert_eq!(
        refusal(kit.call_json(&Nobody, "tickets:get", request).await),
        not_theirs
    );
    kit.clock.advance(25 * Millis::HOUR);
    let expired = kit
        .call_json(&Nobody, "tickets:get", get(Some(&visitor.token), None))
        .await;
    assert_eq!(refusal(expired), "SESSION_EXPIRED: Session expired");
}

#[tokio::test]
async fn a_visitor_sees_no_internal_comment_and_little_of_the_assignee() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = submit(&kit, &ws, &visitor, "Help").await;
    let owner = ws.owner.user_id.to_string();
    comment(&kit, &ws, id, &owner, "we look into it", false).await;
    kit.clock.advance(1);
    comment(&kit, &ws, id, &owner, "a difficult one", true).await;
    let update = json!({ "id": id, "assigneeId": owner });
    kit.call_json(&ws.owner, "tickets:update", update).await.unwrap();
    let ticket = seen(&kit, &ws, id).await;
    assert_eq!(ticket["comments"].as_array().unwrap().len(), 2);
    assert_eq!(ticket["comments"][1]["content"], "a difficult one");
    assert_eq!(ticket["assignee"]["email"], json!(ws.owner.email));
    assert_eq!(ticket["assignee"]["workspaceId"], json!(ws.id));
    let get = json!({ "id": id, "sessionToken": visitor.token });
    let shown = kit.call_json(&Nobody, "tickets:get", get).await.unwrap();
    let name = format!("Agent {owner}");
    assert_eq!(shown["assignee"], json!({ "_id": owner, "name": name }));
    let comments = shown["comments"].as_array().unwrap();
    assert_eq!(comments.len(), 1);
    let at = &comments[0]["createdAt"];
    assert_eq!(
        comments[0],
        json!({
            "_id": comments[0]["_id"], "_creationTime": at, "ticketId": id, "authorId": owner, "authorType": "agent",
            "content": "we look into it", "isInternal": false, "createdAt": at, "attachments": [],
        })
    );
}

#[tokio::test]
async fn an_update_writes_what_is_given() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let agent = kit.agent(&ws, Role::Agent).await;
    let visitor = kit.visitor(&ws).await;
    let id = submit(&kit, &ws, &visitor, "Help").await;
    let update = async |more: Value| {
        kit.clock.advance(10);
        let mut arguments = json!({ "id": id });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(
            kit.call_json(&agent, "tickets:update", arguments).await.unwrap(),
            json!(id)
        );
        seen(&kit, &ws, id).await
    };
    let submitted = seen(&kit, &ws, id).await;
    let nothing = update(json!({})).await;
    assert!(nothing["updatedAt"].as_f64() > submitted["updatedAt"].as_f64());
    let worked = update(json!({ "priority": "urgent", "teamId": "b", "assigneeId": agent.user_id })).await;
    assert_eq!(
        (
            &worked["priority"],
            &worked["teamId"],
            &worked["assigneeId"],
            &worked["status"]
        ),
        (
            &json!("urgent"),
            &json!("b"),
            &json!(agent.user_id),
            &json!("submitted")
        )
    );
    let first = update(json!({ "status": "resolved" })).await;
    assert_eq!(first["resolvedAt"], first["updatedAt"]);
    let again = update(json!({ "status": "resolved" })).await;
    assert!(
        again["resolvedAt"].as_f64() > first["resolvedAt"].as_f64(),
        "every time"
    );
    let reopened = update(json!({ "status": "submitted" })).await;
    assert_eq!(reopened["resolvedAt"], again["resolvedAt"]);
    assert_eq!(reopened["comments"], json!([]));

    let viewer = kit.agent(&ws, Role::Viewer).await;
    let unknown = json!({ "id": TicketId::generate() });
    for (person, arguments, expected) in [
        (&agent, unknown, "NOT_FOUND: Ticket not found"),
        (
            &viewer,
            json!({ "id": id }),
            "PERMISSION_DENIED: Permission denied: conversations.reply",
        ),
        (
            &other.owner,
            json!({ "id": id }),
            "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
        ),
        (
            &agent,
            json!({ "id": id, "assigneeId": other.owner.user_id }),
            "INVALID_INPUT: Assignee is not a member of this workspace",
        ),
        (
            &agent,
            json!({ "id": id, "assigneeId": UserId::generate() }),
            "INVALID_INPUT: Assignee is not a member of this workspace",
        ),
    ] {
        assert_eq!(
            refusal(kit.call_json(person, "tickets:update", arguments).await),
            expected
        );
    }
}

#[tokio::test]
async fn attachments_become_the_tickets_or_nothing_happens() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let (one, two) = (
        staged_as(&kit, &visitor, &ws, "a.png").await,
        staged_as(&kit, &visitor, &ws, "b.pdf").await,
    );
    let create = |ids: Value| json!({ "workspaceId": ws.id, "sessionToken": visitor.token, "subject": "Help", "attachmentIds": ids });
    let id = kit
        .call_json(&visitor, "tickets:create", create(json!([two, one, two])))
        .await
        .unwrap();
    let ticket = kit
        .call_json(&ws.owner, "tickets:get", json!({ "id": id }))
        .await
        .unwrap();
    assert_eq!(ticket["attachmentIds"], json!([two, one]));
    let names: Vec<_> = ticket["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["fileName"])
        .collect();
    assert_eq!(names, ["b.pdf", "a.png"]);
    assert!(
        ticket["attachments"][0]["url"]
            .as_str()
            .unwrap()
            .starts_with("http://opencom.test/api/storage/")
    );
    let listed = kit
        .call_json(&ws.owner, "tickets:list", json!({ "workspaceId": ws.id }))
        .await
        .unwrap();
    assert_eq!(listed[0]["attachments"], ticket["attachments"]);
    let third = staged_as(&kit, &visitor, &ws, "c.txt").await;
    let outcome = kit
        .call_json(&visitor, "tickets:create", create(json!([third, one])))
        .await;
    assert_eq!(refusal(outcome), "INVALID_INPUT: Attachment has already been used");
    let outcome = kit.call_json(&ws.owner, "tickets:create", create(json!([third]))).await;
    assert_eq!(
        refusal(outcome),
        "NOT_AUTHORIZED: Not authorized to use this attachment"
    );
    let status: String = support_attachments::table
        .filter(support_attachments::file_name.eq("c.txt"))
        .select(support_attachments::status)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(status, "staged");
    assert_eq!(list(&kit, &ws, json!({})).await.len(), 1);
}

#[tokio::test]
async fn lists_are_narrowed_by_both_filters_and_go_on_behind_a_cursor() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let visitor = kit.visitor(&ws).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(submit(&kit, &ws, &visitor, &n.to_string()).await);
        kit.clock.advance(1);
    }
    let [a, b, c, d] = ids[..] else { panic!() };
    for (id, more) in [
        (a, json!({ "assigneeId": agent.user_id })),
        (b, json!({ "assigneeId": agent.user_id, "status": "resolved" })),
        (c, json!({ "status": "resolved" })),
    ] {
        let mut update = json!({ "id": id });
        update
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        kit.call_json(&agent, "tickets:update", update).await.unwrap();
    }
    for (more, expected) in [
        (json!({}), vec![d, c, b, a]),
        (json!({ "status": "resolved" }), vec![c, b]),
        (json!({ "assigneeId": agent.user_id }), vec![b, a]),
        (json!({ "assigneeId": agent.user_id, "status": "resolved" }), vec![b]),
        (json!({ "assigneeId": ws.owner.user_id }), vec![]),
        (json!({ "cursor": c }), vec![b, a]),
        (json!({ "cursor": TicketId::generate() }), vec![d, c, b, a]),
    ] {
        assert_eq!(list(&kit, &ws, more.clone()).await, expected, "{more}");
    }
    // Whoever is gone is `null`.
    diesel::delete(visitors::table.find(visitor.id))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish_everything();
    let listed = kit
        .call_json(&ws.owner, "tickets:list", json!({ "workspaceId": ws.id }))
        .await
        .unwrap();
    assert_eq!(listed[3]["visitor"], Value::Null);
    assert_eq!(listed[3]["assignee"]["_id"], json!(agent.user_id));
}

#[tokio::test]
async fn a_merge_brings_the_tickets_along() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (survivor, visitor) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let id = submit(&kit, &ws, &visitor, "Help").await;
    for one in [&survivor, &visitor] {
        let arguments = json!({ "visitorId": one.id, "sessionToken": one.token, "email": "ada@example.com" });
        kit.call_json(&Nobody, "visitors:identify", arguments).await.unwrap();
    }
    let owner: Option<VisitorId> = tickets::table
        .find(id)
        .select(tickets::visitor_id)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(owner, Some(survivor.id));
    // The widget goes on with the old id and the old token.
    let get = json!({ "id": id, "visitorId": visitor.id, "sessionToken": visitor.token });
    assert_eq!(
        kit.call_json(&Nobody, "tickets:get", get).await.unwrap()["subject"],
        "Help"
    );
}

/// Tickets of a busy workspace.
const FILL: &str = "
    INSERT INTO visitors (id, workspace_id, session_id, created_at)
    SELECT gen_random_uuid(), '{ws}', 'v' || n, now() FROM generate_series(1, 2000) n;
    INSERT INTO tickets (id, workspace_id, visitor_id, assignee_id, subject, status, priority, created_at, updated_at)
    SELECT gen_random_uuid(), '{ws}', v.id, CASE WHEN n % 5 = 0 THEN '{agent}'::uuid ELSE gen_random_uuid() END, 'Help',
           (ARRAY['submitted', 'in_progress', 'waiting_on_customer', 'resolved'])[1 + n % 4], 'normal',
           now() - n * interval '1 minute', now()
    FROM generate_series(1, 20000) n
    JOIN (SELECT id, row_number() OVER () AS r FROM visitors WHERE workspace_id = '{ws}') v ON v.r = 1 + n % 2000;
    ANALYZE;";

#[tokio::test]
async fn lists_of_many_tickets_follow_an_index() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = submit(&kit, &ws, &visitor, "Help").await;
    let agent = ws.owner.user_id;
    let fill = FILL
        .replace("{ws}", &ws.id.uuid().to_string())
        .replace("{agent}", &agent.uuid().to_string());
    let connection = &mut kit.connection().await;
    connection.batch_execute(&fill).await.unwrap();
    let mut plans = String::new();
    for filter in [
        json!({}),
        json!({ "cursor": id }),
        json!({ "status": "resolved" }),
        json!({ "assigneeId": agent }),
        json!({ "assigneeId": agent, "status": "resolved", "cursor": id }),
    ] {
        let mut arguments = json!({ "workspaceId": ws.id });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(filter.as_object().unwrap().clone());
        let request = arguments.to_string();
        let (outcome, statements) = recorded(kit.call_text(&ws.owner, Kind::Query, "tickets:list", &request)).await;
        outcome.unwrap();
        let lists: Vec<_> = statements.iter().filter(|sql| sql.contains("LIMIT 1000")).collect();
        assert_eq!(lists.len(), 1, "{statements:#?}");
        let plan = plan(connection, lists[0]).await;
        assert!(
            !plan.contains("Seq Scan on tickets") && !plan.contains("Sort"),
            "{}\n{plan}",
            lists[0]
        );
        plans.push_str(&plan);
    }
    for index in [
        "tickets_workspace",
        "tickets_workspace_status",
        "tickets_workspace_assignee",
    ] {
        assert!(plans.contains(index), "no statement goes by {index}:\n{plans}");
    }
}
