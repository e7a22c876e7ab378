//! `seed-demo`.

use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::conversations::{ConversationStatus, ListForInbox};
use opencom_client::contract::{articles, tickets};
use opencom_client::core::Millis;

use super::Place;

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_a_demo_find_a_month_of_work() {
    let place = Place::new().await;
    let _server = place.serve().await;
    let told = place.told(&["seed-demo", "--conversations", "20"]);
    let password = told.split("the password ").nth(1).unwrap().split(' ').next().unwrap();
    let address_of = |role: &str| {
        let line = told.lines().find(|line| line.trim().starts_with(role)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };

    let agent = place.client().sign_in(&address_of("admin"), password).await.unwrap();
    let me = agent.query(&CurrentUser::default()).await.unwrap().unwrap();
    let workspace_id = me.user.workspace_id.unwrap();
    let inbox = ListForInbox::builder().workspace_id(workspace_id).build();
    let page = agent.query(&inbox).await.unwrap();
    assert_eq!(page.conversations.len(), 20);
    let open = (page.conversations.iter())
        .filter(|conversation| conversation.conversation.status == ConversationStatus::Open)
        .count();
    assert_eq!(open, 4);
    let times: Vec<Millis> = (page.conversations.iter())
        .map(|conversation| conversation.conversation.created_at)
        .collect();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(last.0 - first.0 > 20 * Millis::DAY, "{first:?} {last:?}");
    let tickets = agent
        .query(&tickets::List::builder().workspace_id(workspace_id).build())
        .await;
    assert!(!tickets.unwrap().is_empty());
    let search = articles::Search::builder()
        .workspace_id(workspace_id)
        .query("brake")
        .build();
    let found = agent.query(&search).await.unwrap();
    assert_eq!(found[0].title, "Adjust a disc brake");

    // Everybody else is a member too, and nobody was written to.
    let viewer = place.client().sign_in(&address_of("viewer"), password).await.unwrap();
    assert_eq!(viewer.query(&inbox).await.unwrap().conversations.len(), 20);
    let mails = std::fs::read_dir(place.directory.path().join("mail")).unwrap();
    assert_eq!(mails.count(), 0);

    // Another one stands beside it.
    let other = place.told(&["seed-demo", "--conversations", "1"]);
    assert!(other.contains("with 1 conversations"), "{other}");
}
