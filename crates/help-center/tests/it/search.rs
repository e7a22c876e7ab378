//! Search where no article contains the very text: words in any form and order, unfinished and misspelt ones.

use opencom_testkit::{Nobody, Settings};
use serde_json::json;

use crate::support::{Desk, call, contexts, kit, titles};

/// A help center with a few articles.
async fn shelf(desk: &Desk<'_>) {
    for (title, content) in [
        ("How to reset a password", "Open the settings and choose a new one."),
        ("Changing your e-mail address", "Your address is part of your profile."),
        (
            "Invoices and payments",
            "Download invoices as PDF. We take cards and bank transfers.",
        ),
        (
            "Inviting colleagues",
            "Members get an invitation by mail. A password is chosen on the first visit.",
        ),
        ("Exporting reports", "Reports are exported as CSV files."),
    ] {
        desk.published(title, content).await;
    }
}

async fn find(desk: &Desk<'_>, query: &str) -> Vec<String> {
    let request = json!({ "workspaceId": desk.ws.id, "query": query });
    titles(&call(desk.kit, &Nobody, "articles:search", request).await)
}

#[tokio::test]
async fn words_are_found_in_other_forms_and_orders() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    shelf(&desk).await;
    for (query, first) in [
        ("password reset", "How to reset a password"),
        ("resetting passwords", "How to reset a password"),
        ("how do I change my email address?", "Changing your e-mail address"),
        ("export report", "Exporting reports"),
        // Not typed to its end.
        ("reset pass", "How to reset a password"),
        ("download pay", "Invoices and payments"),
        // Most of the words.
        ("invite new colleagues by mail today", "Inviting colleagues"),
    ] {
        assert_eq!(
            find(&desk, query).await.first().map(String::as_str),
            Some(first),
            "{query}"
        );
    }
    // The title counts more than the text.
    assert_eq!(
        find(&desk, "passwords").await,
        ["How to reset a password", "Inviting colleagues"]
    );
}

#[tokio::test]
async fn misspelt_words_are_taken_for_what_was_meant() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    shelf(&desk).await;
    for (query, first) in [
        ("pasword", "How to reset a password"),
        ("invoces", "Invoices and payments"),
        ("pasword rest", "How to reset a password"),
        ("colleauges", "Inviting colleagues"),
        ("exportign", "Exporting reports"),
        ("tranfsers", "Invoices and payments"),
    ] {
        assert_eq!(
            find(&desk, query).await.first().map(String::as_str),
            Some(first),
            "{query}"
        );
    }
}

#[tokio::test]
async fn nothing_is_added_to_what_contains_the_text_and_nothing_made_of_what_is_no_word() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    shelf(&desk).await;
    // "password" stands in two, "passwords" would be found in them by its form.
    assert_eq!(
        find(&desk, "a password").await,
        ["Inviting colleagues", "How to reset a password"]
    );
    assert_eq!(find(&desk, "reset a").await, ["How to reset a password"]);
    for query in [
        "zzzz",
        "nothing of the kind",
        "password%",
        "pass_word",
        " password reset",
        "qq",
        "xyzzy plugh",
    ] {
        assert_eq!(find(&desk, query).await, Vec::<String>::new(), "{query}");
    }
}

#[tokio::test]
async fn words_find_no_drafts_no_other_workspaces_and_for_visitors_what_is_theirs() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    shelf(&other).await;
    desk.draft("How to reset a password", "").await;
    assert_eq!(find(&desk, "resetting passwords").await, Vec::<String>::new());
    let everything = json!({ "workspaceId": desk.ws.id, "query": "resetting passwords", "publishedOnly": false });
    assert_eq!(
        titles(&desk.call("articles:search", everything).await),
        ["How to reset a password"]
    );
    let visitor = kit.visitor(&desk.ws).await;
    let rules = json!({
        "type": "condition", "property": { "source": "custom", "key": "plan" }, "operator": "equals", "value": "pro",
    });
    let id = desk.published("Resetting a password", "").await;
    let search = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "query": "reset passwords" });
    assert_eq!(
        titles(&call(&kit, &Nobody, "articles:searchForVisitor", search.clone()).await),
        ["Resetting a password"]
    );
    desk.update(&id, json!({ "audienceRules": rules })).await;
    assert_eq!(
        call(&kit, &Nobody, "articles:searchForVisitor", search).await,
        json!([])
    );
}

#[tokio::test]
async fn the_very_text_is_found_beyond_the_articles_that_are_gone_through_one_by_one() {
    use diesel_async::SimpleAsyncConnection;
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    desk.published("First of all: NEEDLE", "").await;
    let ws = desk.ws.id.uuid();
    let crowd = format!(
        "INSERT INTO articles (id, workspace_id, title, slug, content, content_html, title_lower, content_lower, status,
                sort_order, created_at, updated_at)
            SELECT gen_random_uuid(), '{ws}', 'Hay ' || n, 'hay-' || n, 'hay', 'hay', 'hay ' || n, 'hay', 'published', n,
                now() + interval '1 day' + n * interval '1 second', now() + interval '1 day' + n * interval '1 second'
            FROM generate_series(1, 3000) n"
    );
    kit.connection().await.batch_execute(&crowd).await.unwrap();
    desk.published("Last of all: needle", "").await;
    assert_eq!(
        find(&desk, "needle").await,
        ["Last of all: needle", "First of all: NEEDLE"]
    );
    assert_eq!(find(&desk, "hay").await[..2], ["Hay 3000", "Hay 2999"]);
    // Nineteen of these are among the first thousand.
    let with_fives = (1..=3000_u32).rev().filter(|n| n.to_string().contains("55"));
    let with_fives: Vec<String> = with_fives.take(20).map(|n| format!("Hay {n}")).collect();
    assert_eq!(find(&desk, "55").await, with_fives);
    let search = |query: &str| json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "query": query });
    let found = titles(&call(&kit, &Nobody, "articles:searchForVisitor", search("needle")).await);
    assert_eq!(found, ["First of all: NEEDLE", "Last of all: needle"]);
    let found = titles(&call(&kit, &Nobody, "articles:searchForVisitor", search("hay 2999")).await);
    assert_eq!(found, ["Hay 2999"]);
    // Beyond those that are gone through: gathered pieces, after a change of the title too; none in a long article.
    let far = desk.published("Far away", "behind the seven mountains").await;
    let long = desk
        .published("Long", &format!("{} mountains", "word ".repeat(25_000)))
        .await;
    kit.connection()
        .await
        .batch_execute("UPDATE articles SET updated_at = '2001-01-01', created_at = '2001-01-01' WHERE title IN ('Far away', 'Long')")
        .await
        .unwrap();
    assert_eq!(find(&desk, "n mount").await, ["Far away"]);
    assert_eq!(find(&desk, " mountains").await.len(), 2);
    desk.update(&far, json!({ "title": "Faraway lands" })).await;
    desk.update(&long, json!({ "title": "Longer" })).await;
    kit.connection()
        .await
        .batch_execute("UPDATE articles SET updated_at = '2001-01-01' WHERE title IN ('Faraway lands', 'Longer')")
        .await
        .unwrap();
    assert_eq!(find(&desk, "raway l").await, ["Faraway lands"]);
    assert_eq!(find(&desk, "n mount").await, ["Faraway lands"]);
    assert_eq!(find(&desk, "longer").await, ["Longer"]);
}

#[tokio::test]
async fn another_language_has_other_forms_and_takes_over_articles_that_are_there() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    desk.published("Wie lieblich", "").await;
    assert_eq!(find(&desk, "lieblichere").await, Vec::<String>::new());
    let settings = Settings {
        search_language: "german".to_owned(),
        ..Settings::default()
    };
    let german = kit.replica_with(settings, contexts()).await;
    german.run_jobs().await;
    let request = json!({ "workspaceId": desk.ws.id, "query": "lieblichere" });
    let found = german.call_json(&Nobody, "articles:search", request).await.unwrap();
    assert_eq!(titles(&found), ["Wie lieblich"]);
}

/// A change of the text that leaves the fragments as they are, such as by a program that does not know the column.
#[tokio::test]
async fn a_change_without_fragments_resets_them() {
    use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    desk.published("Opening hours", "From nine to five.").await;
    let connection = &mut kit.connection().await;
    let fragments = "SELECT fragments FROM articles";
    #[derive(diesel::QueryableByName, Debug, PartialEq)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Array<diesel::sql_types::BigInt>>)]
        fragments: Option<Vec<i64>>,
    }
    let before: Row = diesel::sql_query(fragments).get_result(connection).await.unwrap();
    assert!(before.fragments.is_some());
    let change = "UPDATE articles SET title = 'Closed', title_lower = 'closed'";
    connection.batch_execute(change).await.unwrap();
    let after: Row = diesel::sql_query(fragments).get_result(connection).await.unwrap();
    assert_eq!(after, Row { fragments: None });
    assert_eq!(find(&desk, "closed").await, ["Closed"]);
}
