//! Who is told of tickets by push, and what stands in the rows that tell why somebody was not.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::push::{PushRecipient, Reach};
use opencom_core::Role;
use opencom_core::id::{JobId, UserId, VisitorId};
use opencom_inbox::tickets::notify::NotifyTicket;
use opencom_runtime::Job;
use opencom_schema::{jobs, notification_deliveries, notification_events, visitors};
use opencom_testkit::Kit;
use serde_json::{Value, json};

use crate::support::{Remembering, kit};
use crate::tickets::submit;

type Told = (String, Option<UserId>, Option<VisitorId>, String, Option<String>);

/// Event key, recipient, status and reason, by event key.
async fn deliveries(kit: &Kit) -> Vec<Told> {
    notification_deliveries::table
        .order((notification_deliveries::event_key, notification_deliveries::user_id))
        .select((
            notification_deliveries::dedupe_key,
            notification_deliveries::user_id,
            notification_deliveries::visitor_id,
            notification_deliveries::status,
            notification_deliveries::reason,
        ))
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

fn reasons(told: &[Told]) -> Vec<&str> {
    let mut reasons: Vec<_> = told
        .iter()
        .filter_map(|(_, _, _, _, reason)| reason.as_deref())
        .collect();
    reasons.sort_unstable();
    reasons
}

async fn bodies(kit: &Kit) -> Vec<String> {
    let bodies: Vec<Option<String>> = notification_events::table
        .order((notification_events::created_at, notification_events::id))
        .select(notification_events::body_preview)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    bodies.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_new_ticket_tells_every_member_who_has_no_device_and_that_is_noted() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let visitor = kit.visitor(&ws).await;
    let id = submit(&kit, &ws, &visitor, "Help").await;
    kit.run_jobs().await;
    let event: (String, String, String, String, Option<VisitorId>, Option<Value>) = notification_events::table
        .select((
            notification_events::event_key,
            notification_events::domain,
            notification_events::audience,
            notification_events::actor_type,
            notification_events::actor_visitor_id,
            notification_events::data,
        ))
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    let data = json!({ "ticketId": id, "type": "ticket_created" });
    let expected = [
        format!("ticket_created:{id}"),
        "ticket".into(),
        "agent".into(),
        "visitor".into(),
    ];
    let [key, domain, audience, actor] = expected;
    assert_eq!(event, (key, domain, audience, actor, Some(visitor.id), Some(data)));
    assert_eq!(bodies(&kit).await, ["A customer submitted: Help"]);
    let told = deliveries(&kit).await;
    let mut members: Vec<_> = told.iter().filter_map(|(_, user, ..)| *user).collect();
    members.sort();
    let mut expected = [ws.owner.user_id, agent.user_id];
    expected.sort();
    assert_eq!(members, expected);
    assert_eq!(reasons(&told), ["missing_push_token"; 2]);
    let key = format!("ticket_created:{id}:agent:{}:push", expected[0]);
    assert!(told.iter().any(|(dedupe, ..)| *dedupe == key), "{told:?}");
}

#[tokio::test]
async fn a_status_tells_the_visitor_and_an_assignment_the_assignee_when_they_are_new() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let visitor = kit.visitor(&ws).await;
    diesel::update(visitors::table.find(visitor.id))
        .set(visitors::name.eq("Ada"))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let id = submit(&kit, &ws, &visitor, "Help").await;
    kit.run_jobs().await;
    diesel::delete(notification_events::table)
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    for more in [
        json!({ "status": "submitted" }),
        json!({ "status": "waiting_on_customer", "priority": "low" }),
        json!({ "assigneeId": agent.user_id }),
        json!({ "assigneeId": agent.user_id, "status": "waiting_on_customer" }),
        json!({ "status": "resolved" }),
        json!({ "assigneeId": ws.owner.user_id }),
    ] {
        let mut update = json!({ "id": id });
        update
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        kit.call_json(&ws.owner, "tickets:update", update).await.unwrap();
        kit.clock.advance(1);
        kit.run_jobs().await;
    }
    assert_eq!(
        bodies(&kit).await,
        [
            "Your ticket \"Help\" moved to waiting on customer.",
            "You've been assigned a ticket from Ada: Help",
            "Your ticket \"Help\" moved to resolved.",
            "You've been assigned a ticket from Ada: Help",
        ]
    );
    let told = deliveries(&kit).await;
    let of = |user: UserId| told.iter().find(|(_, to, ..)| *to == Some(user)).unwrap().4.as_deref();
    assert_eq!(of(agent.user_id), Some("missing_push_token"));
    assert_eq!(of(ws.owner.user_id), Some("sender_excluded"));
    let visitors: Vec<_> = told.iter().filter(|(_, _, to, ..)| *to == Some(visitor.id)).collect();
    assert_eq!(visitors.len(), 2);
}

#[tokio::test]
async fn a_status_of_a_ticket_without_a_visitor_tells_nobody() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let create = json!({ "workspaceId": ws.id, "subject": "Help" });
    let id = kit.call_json(&ws.owner, "tickets:create", create).await.unwrap();
    kit.call_json(&ws.owner, "tickets:update", json!({ "id": id, "status": "resolved" }))
        .await
        .unwrap();
    kit.run_jobs().await;
    assert_eq!(
        bodies(&kit).await,
        ["A customer submitted: Help"],
        "the owner is told like the others"
    );
    assert_eq!(reasons(&deliveries(&kit).await), ["missing_push_token"]);
}

#[tokio::test]
async fn whoever_has_devices_is_told_once_for_each_event() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (agent, muted, leaver) = (
        kit.agent(&ws, Role::Agent).await,
        kit.agent(&ws, Role::Agent).await,
        kit.agent(&ws, Role::Agent).await,
    );
    let visitor = kit.visitor(&ws).await;
    let alone = Remembering::new(&kit);
    let device = |name: &str| Reach::Devices(vec![name.to_owned(), format!("{name} 2")]);
    alone.memory.reach.lock().unwrap().extend([
        (PushRecipient::Agent(agent.user_id), device("agent")),
        (PushRecipient::Agent(leaver.user_id), device("leaver")),
        (PushRecipient::Agent(muted.user_id), Reach::Muted),
        (PushRecipient::Visitor(visitor.id), device("visitor")),
    ]);
    let id = submit(&kit, &ws, &visitor, "Help").await;
    alone.run_jobs().await;
    let update = async |more: Value| {
        let mut update = json!({ "id": id });
        update
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        alone.call_json(&ws.owner, "tickets:update", update).await.unwrap();
        kit.clock.advance(1);
    };
    // The same agent a second time: the event is another one, its key is not.
    for assignee in [agent.user_id, muted.user_id, agent.user_id] {
        update(json!({ "assigneeId": assignee })).await;
        alone.run_jobs().await;
    }
    update(json!({ "assigneeId": leaver.user_id })).await;
    let leave = format!(
        "DELETE FROM workspace_members WHERE user_id = '{}'",
        leaver.user_id.uuid()
    );
    diesel::sql_query(leave)
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    update(json!({ "status": "in_progress" })).await;
    alone.run_jobs().await;
    let pushes = alone.memory.pushes.lock().unwrap().clone();
    let told: Vec<_> = pushes
        .iter()
        .map(|push| (push.recipient, push.title.as_str(), push.tokens.len()))
        .collect();
    let created: Vec<_> = told
        .iter()
        .filter(|(_, title, _)| *title == "New ticket created")
        .collect();
    assert_eq!(created.len(), 2, "{told:?}");
    assert_eq!(
        told[2..],
        [
            (PushRecipient::Agent(agent.user_id), "Ticket assigned", 2),
            (PushRecipient::Visitor(visitor.id), "Ticket update", 2),
        ]
    );
    let data = json!({
        "ticketId": id, "type": "ticket_status_changed", "oldStatus": "submitted", "newStatus": "in_progress",
    });
    assert_eq!(pushes[3].data, data);
    assert_eq!(
        reasons(&deliveries(&kit).await),
        [
            "duplicate_event_recipient_channel",
            "missing_push_token",
            "preference_muted",
            "preference_muted",
            "recipient_out_of_workspace",
        ]
    );
}

#[tokio::test]
async fn a_job_that_runs_again_tells_nobody_again() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    submit(&kit, &ws, &visitor, "Help").await;
    let payload: Value = jobs::table
        .filter(jobs::kind.eq(NotifyTicket::KIND))
        .select(jobs::payload)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    kit.run_jobs().await;
    diesel::insert_into(jobs::table)
        .values((
            jobs::id.eq(JobId::generate()),
            jobs::kind.eq(NotifyTicket::KIND),
            jobs::payload.eq(payload),
            jobs::state.eq("ready"),
            jobs::run_at.eq(kit.clock.now()),
            jobs::created_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.run_jobs().await;
    assert_eq!((bodies(&kit).await.len(), deliveries(&kit).await.len()), (1, 1));
}

#[tokio::test]
async fn ten_who_move_a_ticket_at_once_tell_of_it_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = submit(&kit, &ws, &visitor, "Help").await;
    let update = json!({ "id": id, "status": "resolved" });
    let updated = join_all((0..10).map(|_| kit.call_json(&ws.owner, "tickets:update", update.clone()))).await;
    assert!(updated.iter().all(Result::is_ok));
    kit.run_jobs().await;
    assert_eq!(bodies(&kit).await.len(), 2, "submitted and resolved");
}
