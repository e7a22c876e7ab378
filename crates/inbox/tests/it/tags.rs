//! Tags: names, links to conversations, and who may do what.

use crate::support::kit;
use futures_util::future::join_all;
use opencom_core::Role;
use opencom_core::id::{ConversationId, TagId, UserId};
use opencom_testkit::{Agent, Kit, Workspace};
use serde_json::{Value, json};

use crate::chat::{open, refusal};

async fn create(kit: &Kit, ws: &Workspace, name: &str) -> String {
    let tag = json!({ "workspaceId": ws.id, "name": name });
    let id = kit.call_json(&ws.owner, "tags:create", tag).await.unwrap();
    id.as_str().unwrap().to_owned()
}

async fn names(kit: &Kit, agent: &Agent, ws: &Workspace) -> Vec<String> {
    let list = kit
        .call_json(agent, "tags:list", json!({ "workspaceId": ws.id }))
        .await
        .unwrap();
    texts(&list, "name")
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_tag_is_made_shown_changed_and_removed() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let tag = json!({ "workspaceId": ws.id, "name": " VIP ", "color": "red" });
    let id = kit.call_json(&ws.owner, "tags:create", tag).await.unwrap();
    let get = json!({ "id": id });
    let made = kit.call_json(&ws.owner, "tags:get", get.clone()).await.unwrap();
    let now = &made["createdAt"];
    assert_eq!(
        made,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": ws.id, "name": " VIP ", "color": "red", "createdAt": now,
            "updatedAt": now,
        })
    );
    kit.clock.advance(5);
    let update = json!({ "id": id, "name": "vip" });
    assert_eq!(kit.call_json(&ws.owner, "tags:update", update).await.unwrap(), id);
    let changed = kit.call_json(&ws.owner, "tags:get", get.clone()).await.unwrap();
    assert_eq!((&changed["name"], &changed["color"]), (&json!("vip"), &json!("red")));
    assert!(changed["updatedAt"].as_f64() > now.as_f64());
    let gone = kit.call_json(&ws.owner, "tags:remove", get.clone()).await.unwrap();
    assert_eq!(gone, Value::Null);
    assert_eq!(
        kit.call_json(&ws.owner, "tags:get", get.clone()).await.unwrap(),
        Value::Null
    );
    for path in ["tags:update", "tags:remove"] {
        let outcome = kit.call_json(&ws.owner, path, get.clone()).await;
        assert_eq!(refusal(outcome), "NOT_FOUND: Tag not found", "{path}");
    }
}

#[tokio::test]
async fn a_workspace_has_one_tag_of_a_name() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let vip = create(&kit, &ws, "vip").await;
    let second = create(&kit, &ws, "VIP").await;
    create(&kit, &other, "vip").await;
    let taken = "ALREADY_EXISTS: Tag \"vip\" already exists";
    let again = json!({ "workspaceId": ws.id, "name": "vip" });
    assert_eq!(refusal(kit.call_json(&ws.owner, "tags:create", again).await), taken);
    let rename = json!({ "id": second, "name": "vip" });
    assert_eq!(refusal(kit.call_json(&ws.owner, "tags:update", rename).await), taken);
    let same = json!({ "id": vip, "name": "vip", "color": "blue" });
    kit.call_json(&ws.owner, "tags:update", same).await.unwrap();
    assert_eq!(names(&kit, &ws.owner, &ws).await, ["vip", "VIP"]);
}

#[tokio::test]
async fn of_ten_who_make_a_tag_at_once_one_does() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let tag = json!({ "workspaceId": ws.id, "name": "vip" });
    let made = join_all((0..10).map(|_| kit.call_json(&ws.owner, "tags:create", tag.clone()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 9));
    for outcome in refused {
        assert_eq!(refusal(outcome), "ALREADY_EXISTS: Tag \"vip\" already exists");
    }
}

#[tokio::test]
async fn lists_go_on_behind_a_cursor() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let first = create(&kit, &ws, "z").await;
    create(&kit, &ws, "a").await;
    assert_eq!(names(&kit, &ws.owner, &ws).await, ["z", "a"], "in order of creation");
    let rest = json!({ "workspaceId": ws.id, "cursor": first });
    let rest = kit.call_json(&ws.owner, "tags:list", rest).await.unwrap();
    assert_eq!(texts(&rest, "name"), ["a"]);
}

#[tokio::test]
async fn a_conversation_has_a_tag_once_and_in_the_order_of_application() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let visitor = kit.visitor(&ws).await;
    let conversation = open(&kit, &ws, &visitor).await;
    let (one, two) = (create(&kit, &ws, "one").await, create(&kit, &ws, "two").await);
    let link = |tag: &str| json!({ "conversationId": conversation.id, "tagId": tag });
    kit.clock.advance(5);
    let first = kit
        .call_json(&agent, "tags:addToConversation", link(&two))
        .await
        .unwrap();
    kit.clock.advance(5);
    let mut by_rule = link(&one);
    by_rule["appliedBy"] = json!("auto");
    kit.call_json(&agent, "tags:addToConversation", by_rule).await.unwrap();
    let again = kit
        .call_json(&ws.owner, "tags:addToConversation", link(&two))
        .await
        .unwrap();
    assert_eq!(again, first, "unchanged");
    let get = json!({ "conversationId": conversation.id });
    let applied = kit
        .call_json(&agent, "tags:getConversationTags", get.clone())
        .await
        .unwrap();
    assert_eq!(texts(&applied, "name"), ["two", "one"]);
    assert_eq!(texts(&applied, "appliedBy"), ["manual", "auto"]);
    assert_eq!(applied[0]["appliedByUserId"], json!(agent.user_id));
    assert!(applied[0]["appliedAt"].as_f64() < applied[1]["appliedAt"].as_f64());
    let seen = kit
        .call_json(&agent, "conversations:get", json!({ "id": conversation.id }))
        .await
        .unwrap();
    assert_eq!(
        seen["updatedAt"],
        json!(conversation.updated_at),
        "tagging is no activity"
    );
    for _ in 0..2 {
        let gone = kit
            .call_json(&agent, "tags:removeFromConversation", link(&two))
            .await
            .unwrap();
        assert_eq!(gone, Value::Null);
    }
    kit.call_json(&ws.owner, "tags:remove", json!({ "id": one }))
        .await
        .unwrap();
    assert_eq!(
        kit.call_json(&agent, "tags:getConversationTags", get).await.unwrap(),
        json!([])
    );
}

#[tokio::test]
async fn ten_who_tag_at_once_make_one_link() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let link = json!({ "conversationId": id, "tagId": create(&kit, &ws, "vip").await });
    let made = join_all((0..10).map(|_| kit.call_json(&ws.owner, "tags:addToConversation", link.clone()))).await;
    let mut made: Vec<_> = made.into_iter().map(|id| id.unwrap().to_string()).collect();
    made.dedup();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn tagging_names_what_is_wrong() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let visitor = kit.visitor(&ws).await;
    let conversation = open(&kit, &ws, &visitor).await.id;
    let tag = create(&kit, &ws, "vip").await;
    let foreign = create(&kit, &other, "vip").await;
    let link = |conversation: ConversationId, tag: &str| json!({ "conversationId": conversation, "tagId": tag });
    let unknown = TagId::generate().to_string();
    for path in ["tags:addToConversation", "tags:removeFromConversation"] {
        for (agent, arguments, expected) in [
            (
                &ws.owner,
                link(ConversationId::generate(), &unknown),
                "NOT_FOUND: Conversation not found",
            ),
            (&ws.owner, link(conversation, &unknown), "NOT_FOUND: Tag not found"),
            (
                &ws.owner,
                link(conversation, &foreign),
                "INVALID_INPUT: Tag and conversation belong to different workspaces",
            ),
            (
                &other.owner,
                link(conversation, &tag),
                "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
            ),
            (
                &viewer,
                link(conversation, &tag),
                "PERMISSION_DENIED: Permission denied: conversations.assign",
            ),
        ] {
            assert_eq!(refusal(kit.call_json(agent, path, arguments).await), expected, "{path}");
        }
    }
    let mut for_another = link(conversation, &tag);
    for_another["appliedByUserId"] = json!(UserId::generate());
    assert_eq!(
        refusal(kit.call_json(&ws.owner, "tags:addToConversation", for_another).await),
        "NOT_AUTHORIZED: Cannot apply tag on behalf of another user"
    );
    let denied = json!({ "workspaceId": ws.id, "name": "x" });
    assert_eq!(
        refusal(kit.call_json(&viewer, "tags:create", denied).await),
        "PERMISSION_DENIED: Permission denied: checklists.manage"
    );
    assert_eq!(names(&kit, &viewer, &ws).await, ["vip"]);
    assert_eq!(names(&kit, &other.owner, &ws).await, Vec::<String>::new());
}
