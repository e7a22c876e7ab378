//! Live results of every query stay what a fresh execution gives, whatever mutation of whatever context runs.

mod chapters;
mod subscriptions;

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::{Kind, Who, catalogue};
use opencom_core::Role;
use opencom_core::id::WorkspaceInvitationId;
use opencom_runtime::Caller;
use opencom_schema::visitors;
use opencom_testkit::{Agent, Kit, Nobody, Probe, Visitor};
use serde_json::{Value, json};

use self::subscriptions::subscriptions;
use crate::catalogue::rows::keys_across_workspaces;
use crate::catalogue::world::{Asker, invite};
use crate::kit::kit;

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
        self.kit.invoke_json(path, arguments).await.unwrap();
        self.told.insert(path);
        self.probe.check(path).await;
    }

    /// Calls an internal function after which the operator has every process start over.
    async fn tell_everything(&mut self, path: &'static str) {
        self.kit.invoke_json(path, json!({})).await.unwrap();
        self.kit.server.topics.publish_everything();
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
    let (server, token) = (&kit.server, text(&answer["tokens"]["token"]));
    let verified = kit
        .parts
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

#[tokio::test]
async fn no_live_result_of_any_query_goes_stale_in_a_story_with_every_mutation() {
    let kit = kit().await;
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
    chapters::agents_come(&mut story, &cast).await;
    chapters::people_chat(&mut story, &cast).await;
    chapters::conversations_move(&mut story, &cast).await;
    chapters::members_work(&mut story, &cast).await;
    chapters::a_help_center_fills(&mut story, &cast).await;
    chapters::members_change(&mut story, &cast).await;
    chapters::settings_change(&mut story, &cast).await;
    // Before the last chapter deletes rows.
    assert_eq!(keys_across_workspaces(&kit).await, [""; 0]);
    chapters::everybody_leaves(&mut story, &cast).await;

    let untold: Vec<_> = (catalogue().filter(|function| function.kind != Kind::Query))
        .map(|function| function.path)
        .filter(|path| !story.told.contains(path))
        .collect();
    assert!(
        untold.is_empty(),
        "{untold:?} are new: give them a part in the story of gateway/tests/it/catalogue/live/chapters.rs"
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
    let kit = kit().await;
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
