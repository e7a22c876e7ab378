//! How good search is, on a small help center and queries with judged answers: nDCG over the first ten, which is 1 when the
//! best answers come first. The figures are printed; what is asserted is only that nothing got worse than looking for the
//! very text.

use std::sync::Arc;

use opencom_help_center::{HelpCenter, HelpCenterParts};
use opencom_providers::embeddings::LocalNgrams;
use opencom_runtime::{Caller, Pool, QueryCx};
use opencom_testkit::{Kit, Nobody};
use serde_json::json;

use crate::support::{Desk, call, titles};

const ARTICLES: &[(&str, &str)] = &[
    (
        "Reset your password",
        "Forgot it? Choose 'Forgot password' on the sign-in page. A link to set a new one is mailed to you.",
    ),
    (
        "Change your e-mail address",
        "Open your profile, choose Edit next to the address, and confirm the new one by the mail we send.",
    ),
    (
        "Two-factor authentication",
        "Protect your account by a second step at login: an app on your phone shows a code.",
    ),
    (
        "Invite teammates",
        "Owners and admins invite colleagues by e-mail. Each invitation is good for a week.",
    ),
    (
        "Roles and permissions",
        "Owners, admins, agents and viewers may do different things. Change a member's role in the team settings.",
    ),
    (
        "Remove a team member",
        "Deleting somebody from the team ends their sessions. Their conversations stay.",
    ),
    (
        "Understand your invoice",
        "Each invoice lists seats, usage and taxes. Download it as PDF under Billing.",
    ),
    (
        "Update your credit card",
        "Replace the card under Billing, Payment method. Failed payments are tried again.",
    ),
    (
        "Cancel your subscription",
        "You may cancel the plan at any time; it runs until the end of the paid month.",
    ),
    (
        "Get a refund",
        "Write to us within 14 days of a payment to get your money back.",
    ),
    (
        "Install the messenger on your website",
        "Copy the snippet of JavaScript before the closing body tag of each page.",
    ),
    (
        "Install the iOS SDK",
        "Add the package in Xcode and call initialize when the app starts.",
    ),
    (
        "Change the messenger's colors",
        "Pick a primary color and a background in the messenger's appearance settings.",
    ),
    (
        "Set your office hours",
        "Visitors see when you are back. Set opening times and the time zone of your team.",
    ),
    (
        "Assign conversations",
        "Give a conversation to a teammate by hand, or let rules assign it.",
    ),
    (
        "Snooze and close conversations",
        "A snoozed conversation leaves the inbox until you reopen it.",
    ),
    (
        "Write saved replies",
        "Snippets are answers that you write once and insert by a shortcut.",
    ),
    (
        "Send a survey",
        "Ask visitors how likely they are to recommend you, and see the score in reports.",
    ),
    (
        "Build a product tour",
        "Guide new users through your product step by step, with pointers on the page.",
    ),
    (
        "Export your data",
        "Owners download conversations, visitors and articles as CSV or JSON files.",
    ),
    (
        "Connect webhooks",
        "We call your server when a conversation opens, changes or closes. Verify the signature.",
    ),
    (
        "Use the REST API",
        "Create a token under Integrations, and send it with each request. Rate limits apply.",
    ),
    (
        "Import articles from Markdown",
        "Upload a folder of Markdown files; folders become collections.",
    ),
    (
        "Turn on push notifications",
        "Allow notifications in the browser or the mobile app to hear of new messages.",
    ),
];

/// A query, and which articles answer it: 2 for what is asked for, 1 for what helps.
const JUDGED: &[(&str, &[(usize, u32)])] = &[
    ("reset password", &[(0, 2)]),
    ("password", &[(0, 2)]),
    ("forgot my password", &[(0, 2)]),
    ("pasword reset", &[(0, 2)]),
    ("resetting passwords", &[(0, 2)]),
    ("change email", &[(1, 2)]),
    ("how do I change my email address", &[(1, 2)]),
    ("2 factor login code", &[(2, 2)]),
    ("autentication", &[(2, 2)]),
    ("invite teammates", &[(3, 2)]),
    ("inviting a colleague", &[(3, 2)]),
    ("team member permissions", &[(4, 2), (5, 1)]),
    ("delete member", &[(5, 2)]),
    ("download invoices", &[(6, 2)]),
    ("invioce", &[(6, 2)]),
    ("credit crad", &[(7, 2)]),
    ("payment method", &[(7, 2)]),
    ("cancelling a subscription", &[(8, 2)]),
    ("get money back", &[(9, 2)]),
    ("refunds", &[(9, 2)]),
    ("install messenger", &[(10, 2), (11, 1)]),
    ("website javascript snippet", &[(10, 2)]),
    ("ios", &[(11, 2)]),
    ("messenger colours appearance", &[(12, 2)]),
    ("opening hours", &[(13, 2)]),
    ("office hour", &[(13, 2)]),
    ("assigning conversation to teammate", &[(14, 2)]),
    ("snooze", &[(15, 2)]),
    ("saved reply shortcuts", &[(16, 2)]),
    ("surveys", &[(17, 2)]),
    ("guide users step by step tour", &[(18, 2)]),
    ("export csv", &[(19, 2)]),
    ("webhok signature", &[(20, 2)]),
    ("api token", &[(21, 2)]),
    ("markdown import", &[(22, 2)]),
    ("notifications mobile app", &[(23, 2)]),
    ("push notif", &[(23, 2)]),
];

/// nDCG over the first ten.
fn ndcg(found: &[String], judged: &[(usize, u32)]) -> f64 {
    let discount = |place: usize| f64::from(u32::try_from(place + 2).unwrap()).log2();
    let gain = |grade: u32| f64::from(2_u32.pow(grade) - 1);
    let grade = |title: &String| {
        let judged = judged.iter().find(|(article, _)| ARTICLES[*article].0 == title);
        judged.map_or(0, |(_, grade)| *grade)
    };
    let got: f64 = found
        .iter()
        .take(10)
        .enumerate()
        .map(|(place, title)| gain(grade(title)) / discount(place))
        .sum();
    let mut grades: Vec<u32> = judged.iter().map(|(_, grade)| *grade).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = grades
        .iter()
        .enumerate()
        .map(|(place, grade)| gain(*grade) / discount(place))
        .sum();
    got / best
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

#[tokio::test]
async fn search_and_similarity_on_the_judged_queries() {
    let kit = Kit::start().await;
    let desk = Desk::new(&kit).await;
    for (title, content) in ARTICLES {
        desk.published(title, content).await;
    }
    kit.run_jobs().await;
    let service = HelpCenter::new(HelpCenterParts {
        search_language: "english".to_owned(),
        events: None,
        embeddings: Arc::new(LocalNgrams),
    });
    let (mut searched, mut exact, mut near) = (Vec::new(), Vec::new(), Vec::new());
    for (query, judged) in JUDGED {
        let request = json!({ "workspaceId": desk.ws.id, "query": query });
        let found = titles(&call(&kit, &Nobody, "articles:search", request).await);
        searched.push(ndcg(&found, judged));
        let lower = query.to_lowercase();
        let contains = |(title, content): &&(&str, &str)| {
            title.to_lowercase().contains(&lower) || content.to_lowercase().contains(&lower)
        };
        let found: Vec<String> = ARTICLES
            .iter()
            .rev()
            .filter(contains)
            .map(|(title, _)| (*title).to_owned())
            .collect();
        exact.push(ndcg(&found, judged));
        let pool = Pool::new(kit.database.url(), 1).unwrap();
        let cx = &mut QueryCx::new(Arc::clone(&kit.app.server), pool, Caller::Anonymous);
        let vector = service.embed(query).await.unwrap();
        let found = service.nearest(cx, desk.ws.id, &vector, &[], 10).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|near| near.title).collect();
        near.push(ndcg(&found, judged));
    }
    eprintln!(
        "nDCG@10 over {} queries: search {:.3}, the very text alone {:.3}, nearest by the local vectors {:.3}",
        JUDGED.len(),
        mean(&searched),
        mean(&exact),
        mean(&near)
    );
    for ((query, _), (searched, exact)) in JUDGED.iter().zip(searched.iter().zip(&exact)) {
        assert!(searched >= exact, "{query}: {searched} is worse than {exact}");
    }
}
