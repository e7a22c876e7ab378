//! What readers say about articles.

use crate::neighbours::merge;
use opencom_core::id::{ArticleId, VisitorId};
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use crate::support::{Desk, call, kit, refusal};

async fn stats(desk: &Desk<'_>, id: &Value) -> (f64, f64, f64) {
    let stats = call(
        desk.kit,
        &Nobody,
        "articles:getFeedbackStats",
        json!({ "articleId": id }),
    )
    .await;
    let of = |field: &str| stats[field].as_f64().unwrap();
    (of("helpful"), of("notHelpful"), of("total"))
}

#[tokio::test]
async fn everybody_has_a_voice_and_a_visitor_one() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let (ann, bob) = (kit.visitor(&desk.ws).await, kit.visitor(&desk.ws).await);
    let id = desk.published("A", "").await;
    desk.set_policy("restricted").await;
    assert_eq!(stats(&desk, &id).await, (0.0, 0.0, 0.0));
    let mut voices = Vec::new();
    for (helpful, visitor, expected) in [
        (true, None, (1.0, 0.0, 1.0)),
        (true, None, (2.0, 0.0, 2.0)),
        (false, Some(ann.id), (2.0, 1.0, 3.0)),
        (true, Some(bob.id), (3.0, 1.0, 4.0)),
        // The last opinion counts.
        (true, Some(ann.id), (4.0, 0.0, 4.0)),
    ] {
        let mut vote = json!({ "articleId": id, "helpful": helpful });
        if let Some(visitor) = visitor {
            vote["visitorId"] = json!(visitor);
        }
        voices.push(call(&kit, &Nobody, "articles:submitFeedback", vote).await);
        assert_eq!(stats(&desk, &id).await, expected);
    }
    assert_eq!(voices[2], voices[4]);
    assert_ne!(voices[0], voices[1]);
    desk.call("articles:remove", json!({ "id": id })).await;
    assert_eq!(stats(&desk, &id).await, (0.0, 0.0, 0.0));
    assert_eq!(stats(&desk, &json!(ArticleId::generate())).await, (0.0, 0.0, 0.0));
}

#[tokio::test]
async fn nobody_votes_on_what_they_cannot_read_or_as_whom_the_workspace_does_not_know() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let draft = desk.draft("Draft", "").await;
    let internal = desk.published("Internal", "").await;
    desk.update(&internal, json!({ "visibility": "internal" })).await;
    for id in [draft, internal, json!(ArticleId::generate())] {
        let answer = desk
            .try_call("articles:submitFeedback", json!({ "articleId": id, "helpful": true }))
            .await;
        assert_eq!(refusal(answer), ("NOT_FOUND", "Article not found".to_owned()));
    }
    let public = desk.published("Public", "").await;
    let stranger = kit.visitor(&other.ws).await;
    for visitor in [stranger.id, VisitorId::generate()] {
        let vote = json!({ "articleId": public, "helpful": true, "visitorId": visitor });
        let answer = kit.call_json(&Nobody, "articles:submitFeedback", vote).await;
        assert_eq!(refusal(answer), ("NOT_FOUND", "Visitor not found".to_owned()));
    }
    assert_eq!(stats(&desk, &public).await, (0.0, 0.0, 0.0));
}

#[tokio::test]
async fn a_visitor_who_was_merged_away_votes_as_the_one_they_became() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.published("A", "").await;
    let (ann, again) = (kit.visitor(&desk.ws).await, kit.visitor(&desk.ws).await);
    merge(&kit, &again, &ann).await;
    for visitor in [&ann, &again] {
        let vote = json!({ "articleId": id, "helpful": true, "visitorId": visitor.id });
        call(&kit, &Nobody, "articles:submitFeedback", vote).await;
    }
    assert_eq!(stats(&desk, &id).await, (1.0, 0.0, 1.0));
}
