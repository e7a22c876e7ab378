//! Snippets: shortcuts, search, the order of the list, and what those are told who learn from them.

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use opencom_contract::Kind;
use opencom_core::Role;
use opencom_core::id::{ContentFolderId, SnippetId, UserId};
use opencom_testkit::{Kit, Workspace};
use serde_json::{Value, json};

use crate::chat::refusal;
use crate::statements::{observed_kit, plan, recorded};
use crate::support::{Remembering, contexts, kit};

async fn create(kit: &Kit, ws: &Workspace, more: Value) -> String {
    let mut snippet = json!({ "workspaceId": ws.id, "name": "n", "content": "c" });
    snippet
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let id = kit.call_json(&ws.owner, "snippets:create", snippet).await.unwrap();
    id.as_str().unwrap().to_owned()
}

async fn names(kit: &Kit, ws: &Workspace, path: &str, more: Value) -> Vec<String> {
    let mut arguments = json!({ "workspaceId": ws.id });
    arguments
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let list = kit.call_json(&ws.owner, path, arguments).await.unwrap();
    let list = list.as_array().unwrap().iter();
    list.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_snippet_is_made_shown_changed_and_removed() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let id = create(
        &kit,
        &ws,
        json!({ "name": " Refund ", "shortcut": "re", "createdBy": ws.owner.user_id }),
    )
    .await;
    let get = json!({ "id": id });
    let made = kit.call_json(&ws.owner, "snippets:get", get.clone()).await.unwrap();
    let now = &made["createdAt"];
    assert_eq!(
        made,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": ws.id, "name": " Refund ", "content": "c", "shortcut": "re",
            "createdBy": ws.owner.user_id, "createdAt": now, "updatedAt": now,
        })
    );
    kit.clock.advance(5);
    // A folder that is given takes the snippet out of its folder, whichever it is.
    let folder = ContentFolderId::generate();
    let put = format!("UPDATE snippets SET folder_id = '{folder}'", folder = folder.uuid());
    kit.connection().await.batch_execute(&put).await.unwrap();
    let update = json!({ "id": id, "content": "d", "shortcut": "", "folderId": ContentFolderId::generate() });
    assert_eq!(
        kit.call_json(&ws.owner, "snippets:update", update).await.unwrap(),
        json!(id)
    );
    let changed = kit.call_json(&ws.owner, "snippets:get", get.clone()).await.unwrap();
    assert_eq!((&changed["content"], &changed["shortcut"]), (&json!("d"), &json!("")));
    assert_eq!(changed.get("folderId"), None);
    assert!(changed["updatedAt"].as_f64() > now.as_f64());
    let gone = kit.call_json(&ws.owner, "snippets:remove", get.clone()).await.unwrap();
    assert_eq!(gone, json!({ "success": true }));
    for path in ["snippets:get", "snippets:update", "snippets:remove"] {
        let outcome = kit.call_json(&ws.owner, path, get.clone()).await;
        assert_eq!(refusal(outcome), "NOT_FOUND: Snippet not found", "{path}");
    }
}

#[tokio::test]
async fn whoever_may_not_manage_snippets_does_not_read_them() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let id = create(&kit, &ws, json!({})).await;
    for (path, arguments) in [
        ("snippets:list", json!({ "workspaceId": ws.id })),
        ("snippets:get", json!({ "id": id })),
        ("snippets:search", json!({ "workspaceId": ws.id, "query": "" })),
        (
            "snippets:getByShortcut",
            json!({ "workspaceId": ws.id, "shortcut": "" }),
        ),
    ] {
        let outcome = kit.call_json(&viewer, path, arguments).await;
        assert_eq!(
            refusal(outcome),
            "PERMISSION_DENIED: Permission denied: snippets.manage",
            "{path}"
        );
    }
    let for_another = json!({ "workspaceId": ws.id, "name": "n", "content": "c", "createdBy": UserId::generate() });
    assert_eq!(
        refusal(kit.call_json(&ws.owner, "snippets:create", for_another).await),
        "NOT_AUTHORIZED: Cannot create snippet on behalf of another user"
    );
}

#[tokio::test]
async fn a_shortcut_is_one_snippets_and_the_empty_one_nobodys() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let first = create(&kit, &ws, json!({ "name": "a", "shortcut": "re" })).await;
    let second = create(&kit, &ws, json!({ "name": "b", "shortcut": "RE" })).await;
    create(&kit, &other, json!({ "shortcut": "re" })).await;
    for _ in 0..2 {
        create(&kit, &ws, json!({ "name": "c", "shortcut": "" })).await;
    }
    let taken = "ALREADY_EXISTS: Shortcut already exists";
    let again = json!({ "workspaceId": ws.id, "name": "n", "content": "c", "shortcut": "re" });
    assert_eq!(refusal(kit.call_json(&ws.owner, "snippets:create", again).await), taken);
    let steal = json!({ "id": second, "shortcut": "re" });
    assert_eq!(refusal(kit.call_json(&ws.owner, "snippets:update", steal).await), taken);
    let keep = json!({ "id": first, "shortcut": "re" });
    kit.call_json(&ws.owner, "snippets:update", keep).await.unwrap();
    for (shortcut, name) in [("re", Some("a")), ("RE", Some("b")), ("", Some("c")), ("Re", None)] {
        let get = json!({ "workspaceId": ws.id, "shortcut": shortcut });
        let found = kit.call_json(&ws.owner, "snippets:getByShortcut", get).await.unwrap();
        assert_eq!(found["name"].as_str(), name, "{shortcut:?}");
    }
}

#[tokio::test]
async fn of_ten_who_take_a_shortcut_at_once_one_gets_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let snippet = json!({ "workspaceId": ws.id, "name": "n", "content": "c", "shortcut": "re" });
    let made = join_all((0..10).map(|_| kit.call_json(&ws.owner, "snippets:create", snippet.clone()))).await;
    assert_eq!(made.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in made.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(outcome), "ALREADY_EXISTS: Shortcut already exists");
    }
}

#[tokio::test]
async fn the_list_is_sorted_as_english_readers_sort() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let sorted = [" x", "-x", "10", "2", "a", "A", "á", "b", "B", "z"];
    let mut ids = Vec::new();
    for name in ["z", "B", "á", "2", "-x", "A", "b", " x", "10", "a"] {
        ids.push((name, create(&kit, &ws, json!({ "name": name })).await));
        kit.clock.advance(1);
    }
    assert_eq!(names(&kit, &ws, "snippets:list", json!({})).await, sorted);
    for (place, name) in sorted.iter().enumerate() {
        let cursor = &ids.iter().find(|(other, _)| other == name).unwrap().1;
        let rest = names(&kit, &ws, "snippets:list", json!({ "cursor": cursor })).await;
        assert_eq!(rest, sorted[place + 1..], "behind {name:?}");
    }
    let twins = [
        create(&kit, &ws, json!({ "name": "a", "content": "younger" })).await,
        ids.iter().find(|(name, _)| *name == "a").unwrap().1.clone(),
    ];
    let list = kit
        .call_json(&ws.owner, "snippets:list", json!({ "workspaceId": ws.id }))
        .await
        .unwrap();
    let place = |id: &String| list.as_array().unwrap().iter().position(|row| row["_id"] == json!(id));
    assert!(place(&twins[0]) > place(&twins[1]), "those of one name by age");
}

#[tokio::test]
async fn a_search_finds_parts_of_texts_letter_case_aside() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    create(&kit, &ws, json!({ "name": "Refund POLICY", "content": "We pay back." })).await;
    kit.clock.advance(1);
    create(
        &kit,
        &ws,
        json!({ "name": "Größe", "content": "100% ÄPFEL_BAUM", "shortcut": "gRo" }),
    )
    .await;
    create(&kit, &other, json!({ "name": "Refund POLICY" })).await;
    for (query, found) in [
        ("refund", vec!["Refund POLICY"]),
        ("policy", vec!["Refund POLICY"]),
        (" PAY ", vec!["Refund POLICY"]),
        ("GRÖSSE", vec![]),
        ("größe", vec!["Größe"]),
        ("äpfel", vec!["Größe"]),
        ("GRO", vec!["Größe"]),
        ("0% ä", vec!["Größe"]),
        ("l_b", vec!["Größe"]),
        ("lxb", vec![]),
        ("e_u", vec![]),
        ("%", vec!["Größe"]),
        ("\\", vec![]),
        ("b", vec!["Refund POLICY", "Größe"]),
        ("", vec!["Refund POLICY", "Größe"]),
        ("policywe", vec![]),
    ] {
        assert_eq!(
            names(&kit, &ws, "snippets:search", json!({ "query": query })).await,
            found,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn a_search_finds_the_twenty_oldest() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    for n in 0..25 {
        create(&kit, &ws, json!({ "name": format!("snippet {n:02}") })).await;
        kit.clock.advance(1);
    }
    for query in ["", "snip"] {
        let found = names(&kit, &ws, "snippets:search", json!({ "query": query })).await;
        assert_eq!(found.len(), 20);
        assert_eq!((found[0].as_str(), found[19].as_str()), ("snippet 00", "snippet 19"));
    }
}

#[tokio::test]
async fn those_who_learn_from_snippets_are_told() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let alone = Remembering::new(&kit);
    let call = async |path, arguments: Value| alone.call_json(&ws.owner, path, arguments).await.unwrap();
    let snippet = json!({ "workspaceId": ws.id, "name": "a", "content": "b" });
    let id = call("snippets:create", snippet).await;
    call("snippets:update", json!({ "id": id, "shortcut": "s" })).await;
    call("snippets:update", json!({ "id": id, "content": "c" })).await;
    call("snippets:update", json!({ "id": id, "name": "a" })).await;
    call("snippets:remove", json!({ "id": id })).await;
    let id: SnippetId = id.as_str().unwrap().parse().unwrap();
    let told = alone.memory.snippets.lock().unwrap().clone();
    assert_eq!(told, [(id, true), (id, true), (id, true), (id, false)]);
}

/// A hundred thousand snippets of twenty workspaces, half of them in one.
const FILL: &str = "
    INSERT INTO workspaces (id, name, created_at)
    SELECT ('00000000-0000-0000-0000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'w', now() FROM generate_series(1, 20) n;
    INSERT INTO snippets (id, workspace_id, name, content, shortcut, created_at, updated_at)
    SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN '{ws}'::uuid
               ELSE ('00000000-0000-0000-0000-0000000000' || lpad((n % 20 + 1)::text, 2, '0'))::uuid END,
           'Snippet ' || n, 'Dear customer, ' || md5(n::text) || ' kind regards', 's' || n, now(), now()
    FROM generate_series(1, 100000) n;
    ANALYZE;";

#[tokio::test]
async fn a_hundred_thousand_snippets_are_found_by_index() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let fill = FILL.replace("{ws}", &ws.id.uuid().to_string());
    let connection = &mut kit.connection().await;
    connection.batch_execute(&fill).await.unwrap();
    let cursor = create(&kit, &ws, json!({ "name": "Snippet 4" })).await;
    let mut plans = String::new();
    for (path, arguments) in [
        (
            "snippets:search",
            json!({ "workspaceId": ws.id, "query": "8f14e45fceea" }),
        ),
        ("snippets:search", json!({ "workspaceId": ws.id, "query": "ar" })),
        ("snippets:list", json!({ "workspaceId": ws.id })),
        ("snippets:list", json!({ "workspaceId": ws.id, "cursor": cursor })),
        (
            "snippets:getByShortcut",
            json!({ "workspaceId": ws.id, "shortcut": "s4" }),
        ),
    ] {
        let request = arguments.to_string();
        let (outcome, statements) = recorded(kit.call_text(&ws.owner, Kind::Query, path, &request)).await;
        outcome.unwrap();
        for sql in statements.iter().filter(|sql| sql.contains("snippets")) {
            let plan = plan(connection, sql).await;
            assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
            let sorts = path == "snippets:list" && plan.contains("Sort");
            assert!(!sorts, "{sql}\n{plan}");
            plans.push_str(&plan);
        }
    }
    for index in [
        "snippets_search",
        "snippets_by_creation",
        "snippets_by_name",
        "snippets_shortcut",
    ] {
        assert!(plans.contains(index), "no statement goes by {index}:\n{plans}");
    }
}
