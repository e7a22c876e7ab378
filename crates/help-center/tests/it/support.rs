//! What several tests need: a desk to write articles at, and short forms for calls.

use opencom_runtime::topic;
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_help_center::{HelpCenter, HelpCenterParts};
use opencom_schema::workspaces;
use opencom_testkit::{Contexts, Kit, Person, Settings, Workspace};
use serde_json::{Value, json};

use crate::neighbours::Neighbours;

/// The context, with substitutes for what others serve.
pub(crate) fn contexts() -> Contexts {
    Arc::new(|parts| {
        let help_center = HelpCenter::new(HelpCenterParts {
            search_language: parts.settings.search_language.clone(),
            embeddings: Arc::clone(&parts.settings.embeddings),
        });
        vec![Arc::new(help_center), Arc::new(Neighbours)]
    })
}

/// The context with the default settings.
pub(crate) async fn kit() -> Kit {
    kit_with(Settings::default()).await
}

/// The context with these settings.
pub(crate) async fn kit_with(settings: Settings) -> Kit {
    Kit::start_with(settings, contexts()).await
}

/// A workspace whose owner writes.
pub(crate) struct Desk<'kit> {
    pub(crate) kit: &'kit Kit,
    pub(crate) ws: Workspace,
}

impl<'kit> Desk<'kit> {
    pub(crate) async fn new(kit: &'kit Kit) -> Self {
        let ws = kit.workspace().await;
        Self { kit, ws }
    }

    /// Calls as the owner.
    pub(crate) async fn try_call(&self, path: &str, arguments: Value) -> Result<Value> {
        self.kit.call_json(&self.ws.owner, path, arguments).await
    }

    /// Calls as the owner, and it works.
    pub(crate) async fn call(&self, path: &str, arguments: Value) -> Value {
        let answer = self.try_call(path, arguments).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// A draft with this title and content.
    pub(crate) async fn draft(&self, title: &str, content: &str) -> Value {
        let draft = json!({ "workspaceId": self.ws.id, "title": title, "content": content });
        self.call("articles:create", draft).await
    }

    /// The same, published a second after whatever was before.
    pub(crate) async fn published(&self, title: &str, content: &str) -> Value {
        let id = self.draft(title, content).await;
        self.kit.clock.advance(1000);
        self.call("articles:publish", json!({ "id": id })).await
    }

    /// Changes an article.
    pub(crate) async fn update(&self, id: &Value, mut changes: Value) {
        changes["id"] = id.clone();
        self.call("articles:update", changes).await;
    }

    /// A collection in another one, or at the top.
    pub(crate) async fn collection(&self, name: &str, parent: Option<&Value>) -> Value {
        let mut create = json!({ "workspaceId": self.ws.id, "name": name });
        if let Some(parent) = parent {
            create["parentId"] = parent.clone();
        }
        self.call("collections:create", create).await
    }

    /// The article as the owner sees it.
    pub(crate) async fn article(&self, id: &Value) -> Value {
        self.call("articles:get", json!({ "id": id })).await
    }

    /// The collection as the owner sees it.
    pub(crate) async fn shelf(&self, id: &Value) -> Value {
        self.call("collections:get", json!({ "id": id })).await
    }

    pub(crate) async fn set_policy(&self, policy: &str) {
        set_policy(self.kit, self.ws.id, policy).await;
    }
}

/// Opens or restricts a help center.
pub(crate) async fn set_policy(kit: &Kit, workspace: WorkspaceId, policy: &str) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::help_center_access_policy.eq(policy))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::workspace(workspace)]);
}

/// Calls as somebody, and it works.
pub(crate) async fn call(kit: &Kit, person: &impl Person, path: &str, arguments: Value) -> Value {
    let answer = kit.call_json(person, path, arguments).await;
    answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
}

/// Code and text of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, String) {
    let error = result.unwrap_err();
    (error.code().as_str(), error.message().to_owned())
}

/// One field of every row.
pub(crate) fn each<'a>(rows: &'a Value, field: &str) -> Vec<&'a Value> {
    rows.as_array().unwrap().iter().map(|row| &row[field]).collect()
}

/// The titles of articles, or the names of collections, in order.
pub(crate) fn titles(rows: &Value) -> Vec<String> {
    let title = |row: &Value| {
        row.get("title")
            .or(row.get("name"))
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    rows.as_array().unwrap().iter().map(title).collect()
}
