//! Two visitors that become one.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use futures_util::future::{join, join_all};
use opencom_contract::visitors::{ChangeSource, VisitorChange};
use opencom_contract::visitors::{Get, Heartbeat, Identify, IsOnline, Location, UpdateLocation};
use opencom_contract::widget_sessions::ValidateSessionToken;
use opencom_core::auth::token::user_hash;
use opencom_core::id::{ConversationId, MessageId, VisitorId};
use opencom_core::{Millis, Result};
use opencom_schema::{conversations, messages, visitor_aliases, visitors};
use opencom_testkit::{Kit, Nobody, Probe, Visitor, Workspace};
use serde_json::json;

use crate::support::{Remembering, SECRET, boot, changed, kit, verify_identity};

fn by_email(visitor: &Visitor, email: &str) -> Identify {
    Identify::builder()
        .visitor_id(visitor.id)
        .session_token(visitor.token.clone())
        .email(email)
        .build()
}

async fn exists(kit: &Kit, ws: &Workspace, id: VisitorId) -> bool {
    kit.call(&ws.owner, &Get::builder().id(id).build())
        .await
        .unwrap()
        .is_some()
}

/// Writes a conversation and a message as a visitor's first message does: the visitor is locked against a merge.
async fn write(connection: &mut AsyncPgConnection, ws: &Workspace, visitor: VisitorId, now: Millis) -> bool {
    let (conversation, message, workspace) = (ConversationId::generate(), MessageId::generate(), ws.id);
    let written: Result<bool, diesel::result::Error> = connection
        .transaction(async |connection| {
            let there: Option<VisitorId> = visitors::table
                .find(visitor)
                .select(visitors::id)
                .for_key_share()
                .first(connection)
                .await
                .optional()?;
            if there.is_none() {
                return Ok(false);
            }
            diesel::insert_into(conversations::table)
                .values((
                    conversations::id.eq(conversation),
                    conversations::workspace_id.eq(workspace),
                    conversations::visitor_id.eq(visitor),
                    conversations::status.eq("open"),
                    conversations::created_at.eq(now),
                    conversations::updated_at.eq(now),
                ))
                .execute(connection)
                .await?;
            diesel::insert_into(messages::table)
                .values((
                    messages::id.eq(message),
                    messages::workspace_id.eq(workspace),
                    messages::conversation_id.eq(conversation),
                    messages::sender_id.eq(visitor.to_string()),
                    messages::sender_type.eq("visitor"),
                    messages::content.eq("hello"),
                    messages::created_at.eq(now),
                ))
                .execute(connection)
                .await?;
            Ok(true)
        })
        .await;
    written.unwrap()
}

async fn owners(kit: &Kit) -> Vec<Option<VisitorId>> {
    conversations::table
        .select(conversations::visitor_id)
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_address_of_two_others_joins_the_older_one() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let source = kit.visitor(&ws).await;
    let mut others = Vec::new();
    for session in ["s1", "s2"] {
        kit.clock.advance(1000);
        others.push(boot(&kit, ws.id, json!({"sessionId": session})).await.visitor);
    }
    // Both have the address: a boot by session does not merge.
    boot(
        &kit,
        ws.id,
        json!({"sessionId": "s2", "email": "Ann@x.com", "name": "Ann Two"}),
    )
    .await;
    let arguments = json!({
        "sessionId": "s1", "email": "ann@x.com", "name": "Ann", "customAttributes": {"a": 1, "b": 1},
    });
    boot(&kit, ws.id, arguments).await;
    let connection = &mut kit.connection().await;
    for visitor in [source.id, others[0].id] {
        assert!(write(connection, &ws, visitor, kit.clock.now()).await);
    }
    let arguments = json!({
        "sessionId": source.session_id, "name": "Anonymous", "externalUserId": "u1", "currentUrl": "https://x.com/",
        "customAttributes": {"b": 0, "c": 0},
    });
    let source_row = boot(&kit, ws.id, arguments).await.visitor;
    kit.clock.advance(1000);

    let remembering = Remembering::new(&kit);
    let request = changed(by_email(&source, "ANN@x.com"), |request| {
        request.custom_attributes = Some([("d", 4)].into_iter().collect())
    });
    let merged = remembering.call(&request).await.unwrap();
    assert_eq!(merged.id, others[0].id);
    assert_eq!(
        (merged.email.as_deref(), merged.name.as_deref()),
        (Some("ann@x.com"), Some("Ann"))
    );
    assert_eq!(
        (merged.session_id.as_str(), merged.external_user_id.as_deref()),
        ("s1", Some("u1"))
    );
    assert_eq!(merged.current_url.as_deref(), Some("https://x.com/"));
    assert_eq!(
        serde_json::to_value(&merged.custom_attributes).unwrap(),
        json!({"a": 1.0, "b": 1.0, "c": 0.0, "d": 4.0})
    );
    assert_eq!(
        (merged.created_at, merged.first_seen_at),
        (source_row.created_at, source_row.first_seen_at)
    );

    assert!(!exists(&kit, &ws, source.id).await);
    assert_eq!(owners(&kit).await, [Some(merged.id); 2]);
    let senders: Vec<String> = messages::table
        .select(messages::sender_id)
        .load(connection)
        .await
        .unwrap();
    assert!(senders.contains(&source.id.to_string()), "messages keep their senders");
    let request = ValidateSessionToken::builder()
        .workspace_id(ws.id)
        .session_token(source.token.clone())
        .visitor_id(source.id)
        .build();
    let verdict = kit.call(&Nobody, &request).await.unwrap();
    assert_eq!(
        verdict.visitor_id,
        Some(merged.id),
        "the token goes on working, also beside the old id"
    );

    let entries = remembering.entries();
    let [(action, resource, id, metadata)] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(
        (action.as_str(), resource.as_str(), id.clone()),
        ("visitor.merged", "visitor", Some(merged.id.to_string()))
    );
    let shown = json!({
        "sourceVisitorId": source.id, "sourceVisitorReadableId": source_row.readable_id,
        "targetVisitorId": merged.id, "targetVisitorReadableId": merged.readable_id,
        "workspaceId": ws.id, "reason": "email_match", "mergedAt": merged.last_seen_at,
        "reassignedConversations": 1, "reassignedSessions": 2, "migratedPushTokens": 0, "reassignedEvents": 0,
    });
    assert_eq!(*metadata, shown);
    let change = |source, key: &str, to: &str| {
        (
            merged.id,
            VisitorChange {
                source,
                key: key.to_owned(),
                from: None,
                to: Some(to.to_owned()),
            },
        )
    };
    assert_eq!(
        *remembering.memory.changes.lock().unwrap(),
        [
            change(ChangeSource::State, "externalUserId", "u1"),
            change(ChangeSource::Attribute, "c", "0"),
            change(ChangeSource::Attribute, "d", "4"),
        ]
    );
}

#[tokio::test]
async fn an_id_that_was_merged_away_goes_on_working() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (first, second, third) = (kit.visitor(&ws).await, kit.visitor(&ws).await, kit.visitor(&ws).await);
    kit.call(&Nobody, &by_email(&third, "c@x.com")).await.unwrap();
    kit.call(&Nobody, &by_email(&second, "b@x.com")).await.unwrap();
    assert_eq!(
        kit.call(&Nobody, &by_email(&first, "b@x.com")).await.unwrap().id,
        second.id
    );
    assert_eq!(
        kit.call(&Nobody, &by_email(&second, "c@x.com")).await.unwrap().id,
        third.id
    );

    // With and without a token, two merges away.
    let bare = Identify::builder().visitor_id(first.id).name("Ann").build();
    assert_eq!(kit.call(&Nobody, &bare).await.unwrap().id, third.id);
    let location = Location::default();
    let request = UpdateLocation::builder()
        .visitor_id(first.id)
        .session_token(first.token.clone())
        .location(location)
        .build();
    kit.call(&Nobody, &request).await.unwrap();
    kit.clock.advance(5 * Millis::MINUTE);
    let online = async |visitor_id| {
        kit.call(&Nobody, &IsOnline::builder().visitor_id(visitor_id).build())
            .await
            .unwrap()
    };
    assert!(!online(first.id).await);
    kit.call(&Nobody, &Heartbeat::builder().visitor_id(first.id).build())
        .await
        .unwrap();
    assert!(online(first.id).await && online(third.id).await);
    let booted = boot(&kit, ws.id, json!({"sessionId": "s9", "existingVisitorId": first.id}))
        .await
        .visitor;
    assert_eq!(booted.id, third.id);
    assert!(!exists(&kit, &ws, first.id).await, "agents see that it is gone");
}

#[tokio::test]
async fn the_same_address_in_other_letters_or_another_workspace_merges_nothing() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (ann, stranger) = (kit.visitor(&ws).await, kit.visitor(&other).await);
    kit.call(&Nobody, &by_email(&stranger, "ann@x.com")).await.unwrap();
    assert_eq!(
        kit.call(&Nobody, &by_email(&ann, "ann@x.com")).await.unwrap().id,
        ann.id
    );
    let again = kit.call(&Nobody, &by_email(&ann, "ANN@x.com")).await.unwrap();
    assert_eq!((again.id, again.email.as_deref()), (ann.id, Some("ANN@x.com")));
    let aliases: i64 = visitor_aliases::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(aliases, 0);
}

#[tokio::test]
async fn where_verification_is_required_only_a_proven_visitor_merges() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    verify_identity(&kit, ws.id, "required").await;
    let (ann, source) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    kit.call(&Nobody, &by_email(&ann, "ann@x.com")).await.unwrap();
    let unproven = kit.call(&Nobody, &by_email(&source, "ann@x.com")).await.unwrap();
    assert_eq!(unproven.id, source.id);
    let other = kit.visitor(&ws).await;
    let proof = changed(by_email(&other, "ann@x.com"), |request| {
        request.external_user_id = Some("u1".to_owned());
        request.user_hash = Some(user_hash(SECRET, "u1"));
    });
    let merged = kit.call(&Nobody, &proof).await.unwrap();
    assert_eq!(merged.id, ann.id);
    assert_eq!(
        (merged.identity_verified, merged.external_user_id.as_deref()),
        (Some(true), Some("u1"))
    );
}

#[tokio::test]
async fn a_proof_of_the_source_carries_to_a_survivor_with_the_same_external_id() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    verify_identity(&kit, ws.id, "optional").await;
    let prove = async |session: &str| {
        let arguments = json!({"sessionId": session, "externalUserId": "u1", "userHash": user_hash(SECRET, "u1")});
        let booted = boot(&kit, ws.id, arguments).await;
        let (id, token, session_id) = (booted.visitor.id, booted.session_token, booted.visitor.session_id);
        (Visitor { id, token, session_id }, booted.visitor.identity_verified_at)
    };
    boot(&kit, ws.id, json!({"sessionId": "plain", "email": "a@x.com"})).await;
    boot(
        &kit,
        ws.id,
        json!({"sessionId": "other", "email": "b@x.com", "externalUserId": "u2"}),
    )
    .await;
    let (source, proven_at) = prove("s1").await;
    kit.clock.advance(1000);
    let merged = kit.call(&Nobody, &by_email(&source, "a@x.com")).await.unwrap();
    assert_eq!(
        (merged.identity_verified, merged.identity_verified_at),
        (Some(true), proven_at)
    );
    let (source, _) = prove("s2").await;
    let merged = kit.call(&Nobody, &by_email(&source, "b@x.com")).await.unwrap();
    assert_eq!(
        (merged.external_user_id.as_deref(), merged.identity_verified),
        (Some("u2"), None)
    );
}

#[tokio::test]
async fn too_many_attributes_together_refuse_the_merge() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let half = "x".repeat(150 * 1024);
    let source = kit.visitor(&ws).await;
    boot(
        &kit,
        ws.id,
        json!({"sessionId": source.session_id, "customAttributes": {"a": half}}),
    )
    .await;
    boot(
        &kit,
        ws.id,
        json!({"sessionId": "s", "email": "a@x.com", "customAttributes": {"b": half}}),
    )
    .await;
    let Err(error) = kit.call(&Nobody, &by_email(&source, "a@x.com")).await else {
        panic!("merged")
    };
    assert_eq!(error.data().field.as_deref(), Some("customAttributes"));
    assert!(exists(&kit, &ws, source.id).await);
}

#[tokio::test]
async fn nothing_is_lost_that_arrives_while_visitors_merge() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let survivor = kit.visitor(&ws).await;
    kit.call(&Nobody, &by_email(&survivor, "ann@x.com")).await.unwrap();
    let source = kit.visitor(&ws).await;
    let writers = join_all((0..4).map(|_| async {
        let mut connection = kit.connection().await;
        let mut written = 0;
        while written < 40 && write(&mut connection, &ws, source.id, kit.clock.now()).await {
            written += 1;
        }
        written
    }));
    let request = by_email(&source, "ann@x.com");
    let (written, merged) = join(writers, kit.call(&Nobody, &request)).await;
    assert_eq!(merged.unwrap().id, survivor.id);
    let owners = owners(&kit).await;
    assert_eq!(owners.len(), written.into_iter().sum::<usize>());
    assert!(owners.iter().all(|owner| *owner == Some(survivor.id)));
}

#[tokio::test]
async fn visitors_that_take_one_address_at_once_end_as_one() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let people = join_all((0..8).map(|_| kit.visitor(&ws))).await;
    let requests: Vec<_> = people.iter().map(|visitor| by_email(visitor, "ann@x.com")).collect();
    for outcome in join_all(requests.iter().map(|request| kit.call(&Nobody, request))).await {
        outcome.unwrap();
    }
    let left: Vec<VisitorId> = visitors::table
        .select(visitors::id)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    let [left] = left[..] else { panic!("{left:?}") };
    for visitor in &people {
        let request = ValidateSessionToken::builder()
            .workspace_id(ws.id)
            .session_token(visitor.token.clone())
            .visitor_id(visitor.id)
            .build();
        assert_eq!(kit.call(&Nobody, &request).await.unwrap().visitor_id, Some(left));
    }
}

#[tokio::test]
async fn merges_in_opposite_directions_take_turns() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    for round in 0..5 {
        let (a, b) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
        let (of_a, of_b) = (format!("a{round}@x.com"), format!("b{round}@x.com"));
        kit.call(&Nobody, &by_email(&a, &of_a)).await.unwrap();
        kit.call(&Nobody, &by_email(&b, &of_b)).await.unwrap();
        let (to_b, to_a) = (by_email(&a, &of_b), by_email(&b, &of_a));
        let (one, other) = join(kit.call(&Nobody, &to_b), kit.call(&Nobody, &to_a)).await;
        one.unwrap();
        other.unwrap();
        assert!(exists(&kit, &ws, a.id).await != exists(&kit, &ws, b.id).await);
    }
}

#[tokio::test]
async fn live_results_follow_a_merge() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (survivor, source) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    kit.call(&Nobody, &by_email(&survivor, "ann@x.com")).await.unwrap();
    let mut probe = Probe::new(&kit);
    for visitor in [&survivor, &source] {
        probe
            .subscribe(&ws.owner, "visitors:get", json!({"id": visitor.id}))
            .await;
        probe
            .subscribe(&Nobody, "visitors:isOnline", json!({"visitorId": visitor.id}))
            .await;
        probe
            .subscribe(
                &Nobody,
                "visitors:getBySession",
                json!({"sessionId": visitor.session_id}),
            )
            .await;
        let arguments = json!({"workspaceId": ws.id, "sessionToken": visitor.token, "visitorId": visitor.id});
        probe
            .subscribe(&Nobody, "widgetSessions:validateSessionToken", arguments)
            .await;
    }
    probe
        .subscribe(&ws.owner, "visitors:list", json!({"workspaceId": ws.id}))
        .await;
    kit.clock.advance(1000);
    kit.call(&Nobody, &by_email(&source, "ann@x.com")).await.unwrap();
    probe.check("a merge").await;
    kit.call(&Nobody, &Heartbeat::builder().visitor_id(source.id).build())
        .await
        .unwrap();
    probe.check("a heartbeat of the old id").await;
}
