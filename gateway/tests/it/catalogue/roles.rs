//! Every role and every permission of the contract's table, and lists of permissions of one's own.

use std::sync::Arc;

use opencom_contract::function::{Access, Descriptor, Who};
use opencom_contract::{Function, Kind};
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Permission, Result, Role};
use opencom_runtime::Registry;
use opencom_testkit::{Agent, Kit, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::kit::kit_with;

/// The contract's table: permission, and whether owner, admin, agent and viewer have it.
const TABLE: [(&str, [bool; 4]); 23] = {
    const X: bool = true;
    const O: bool = false;
    [
        ("conversations.read", [X, X, X, X]),
        ("conversations.reply", [X, X, X, O]),
        ("conversations.assign", [X, X, X, O]),
        ("conversations.close", [X, X, X, O]),
        ("conversations.delete", [X, X, O, O]),
        ("users.read", [X, X, X, X]),
        ("users.invite", [X, X, O, O]),
        ("users.manage", [X, X, O, O]),
        ("users.remove", [X, X, O, O]),
        ("articles.read", [X, X, X, X]),
        ("articles.create", [X, X, O, O]),
        ("articles.publish", [X, X, O, O]),
        ("articles.delete", [X, X, O, O]),
        ("snippets.manage", [X, X, X, O]),
        ("tours.manage", [X, X, O, O]),
        ("checklists.manage", [X, X, X, O]),
        ("settings.workspace", [X, X, O, O]),
        ("settings.security", [X, X, O, O]),
        ("settings.integrations", [X, X, O, O]),
        ("settings.billing", [X, O, O, O]),
        ("data.export", [X, X, O, O]),
        ("data.delete", [X, X, O, O]),
        ("audit.read", [X, X, O, X]),
    ]
};
const ROLES: [Role; 4] = [Role::Owner, Role::Admin, Role::Agent, Role::Viewer];

/// A function for whoever has a permission: not every permission has one yet.
#[derive(Clone, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Guarded {
    workspace_id: WorkspaceId,
    permission: Permission,
}

impl Function for Guarded {
    type Output = ();
    type Kind = opencom_contract::function::Query;
    const DESCRIPTOR: Descriptor = Descriptor {
        path: "tests:guarded",
        kind: Kind::Query,
        access: Access::only(Who::Member),
        nulls_in: &[],
        takes_session_token: false,
        arguments_schema: |generator| generator.subschema_for::<Self>(),
        output_schema: |generator| generator.subschema_for::<()>(),
    };
}

fn register(registry: &mut Registry) -> Result<()> {
    registry.answer::<Guarded>(|cx, req| {
        Box::pin(async move { cx.require(req.permission, req.workspace_id).await.map(drop) })
    });
    Ok(())
}

async fn kit() -> Kit {
    kit_with(Settings {
        functions: Some(Arc::new(register)),
        ..Settings::default()
    })
    .await
}

/// Compares what a member may do with what they should.
async fn assert_may(kit: &Kit, ws: WorkspaceId, member: &Agent, wanted: impl Fn(&str) -> bool, who: &str) {
    for (name, _) in TABLE {
        let permission = Permission::from_text(name).unwrap();
        let request = Guarded {
            workspace_id: ws,
            permission,
        };
        match kit.call(member, &request).await {
            Ok(()) => assert!(wanted(name), "{who} has {name}"),
            Err(error) => {
                assert!(!wanted(name), "{who} lacks {name}");
                let text = format!("Permission denied: {name}");
                assert_eq!((error.code(), error.message()), (Code::PermissionDenied, &*text));
                assert_eq!(error.data().permission.as_deref(), Some(name));
            }
        }
    }
}

#[tokio::test]
async fn roles_may_what_the_table_says() {
    let names: Vec<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    assert_eq!(names, TABLE.map(|(name, _)| name));
    let kit = kit().await;
    let ws = kit.workspace().await;
    for (column, role) in ROLES.into_iter().enumerate() {
        let member = kit.agent(&ws, role).await;
        let by_role = |name: &str| TABLE.iter().any(|(known, roles)| *known == name && roles[column]);
        assert_may(&kit, ws.id, &member, by_role, role.as_str()).await;
        // An empty list says nothing.
        kit.set_permissions(&member, ws.id, &[]).await;
        assert_may(&kit, ws.id, &member, by_role, role.as_str()).await;
    }
}

#[tokio::test]
async fn a_list_of_ones_own_counts_alone_whatever_the_role() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    for role in ROLES {
        let member = kit.agent(&ws, role).await;
        for (name, _) in TABLE {
            kit.set_permissions(&member, ws.id, &[name]).await;
            assert_may(&kit, ws.id, &member, |other| other == name, role.as_str()).await;
        }
        let all_but_one: Vec<_> = TABLE[1..].iter().map(|(name, _)| *name).collect();
        kit.set_permissions(&member, ws.id, &all_but_one).await;
        assert_may(&kit, ws.id, &member, |name| name != TABLE[0].0, role.as_str()).await;
        // Words that mean nothing are no empty list.
        kit.set_permissions(&member, ws.id, &["nothing.known", "AUDIT.READ"])
            .await;
        assert_may(&kit, ws.id, &member, |_| false, role.as_str()).await;
    }
}
