//! Mail that comes in: which conversation it becomes part of, once, and what is kept of it.

use crate::support::kit;
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use opencom_contract::conversations::{Channel, ConversationStatus};
use opencom_contract::email_channel::Received;
use opencom_contract::messages::SenderType;
use opencom_core::{Int, Millis};
use opencom_providers::files::FileKey;
use opencom_schema::{email_threads, inbound_emails, jobs, messages, stored_files, visitors};
use opencom_testkit::Workspace;
use serde_json::{Value, json};

use crate::chat::{open, refusal, seen};
use crate::email_support::{address, bringing, outcomes, report, stored, take_mail, thread, travelled};

fn mail(to: &str, id: &str, subject: &str, text: &str) -> Value {
    json!({
        "from": "Ada <Ada@Example.org>", "to": [to], "subject": subject, "text": text,
        "headers": { "Message-ID": format!("<{id}@example.org>") },
    })
}

fn with(mut mail: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        if name == "headers" {
            mail["headers"]
                .as_object_mut()
                .unwrap()
                .extend(value.as_object().unwrap().clone());
        } else {
            mail[name.as_str()] = value.clone();
        }
    }
    mail
}

#[tokio::test]
async fn a_mail_becomes_a_conversation_with_its_sender() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    assert_eq!(to, format!("inbox-{}@mail.opencom.app", &ws.id.to_string()[24..]));
    let body = with(
        mail(&to, "1", "Hello", "Where is my order?"),
        json!({ "cc": "b@x.com", "attachments": [{ "filename": "a.png", "content_type": "image/png", "size": 7 }, {}] }),
    );
    let (id, duplicate) = stored(&kit, &body).await;
    assert!(!duplicate);
    let conversation = seen(&kit, &ws, id).await;
    assert_eq!(
        (conversation.channel, conversation.subject.as_deref()),
        (Some(Channel::Email), Some("Hello"))
    );
    assert_eq!(
        (conversation.status, conversation.unread_by_agent),
        (ConversationStatus::Open, Some(Int(1)))
    );
    assert_eq!(conversation.last_message_at, Some(conversation.created_at));
    let messages = thread(&kit, &ws, id).await;
    assert_eq!(messages.len(), 1);
    let message = &messages[0].message;
    assert_eq!(
        (message.sender_type, message.content.as_str()),
        (SenderType::Visitor, "Where is my order?")
    );
    assert_eq!(message.sender_id, conversation.visitor_id.unwrap().to_string());
    assert_eq!(message.delivery_status, None);
    assert_eq!(
        serde_json::to_value(&message.email_metadata).unwrap(),
        json!({
            "subject": "Hello", "from": "Ada <Ada@Example.org>", "to": [to], "cc": ["b@x.com"],
            "messageId": "<1@example.org>", "attachments": [
                { "filename": "a.png", "contentType": "image/png", "size": 7.0 },
                { "filename": "attachment", "contentType": "application/octet-stream", "size": 0.0 },
            ],
        })
    );
    let visitor = kit
        .call_json(&ws.owner, "visitors:get", json!({ "id": conversation.visitor_id }))
        .await
        .unwrap();
    assert_eq!(visitor["email"], "ada@example.org");
    assert!(
        visitor["sessionId"]
            .as_str()
            .unwrap()
            .starts_with("email-ada@example.org-")
    );
    assert!(visitor["readableId"].is_string());
    for absent in ["name", "firstSeenAt", "lastSeenAt", "location"] {
        assert_eq!(visitor.get(absent), None, "{absent}");
    }
    // The members are told, in words.
    kit.run_jobs().await;
    kit.clock.advance(Millis::MINUTE);
    kit.run_jobs().await;
    let told = kit.mail.take();
    assert_eq!(told.len(), 1);
    assert!(told[0].html.contains("Where is my order?"));
}

#[tokio::test]
async fn a_known_visitor_writes_under_any_letter_case() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let ada = kit.visitor(&ws).await;
    diesel::update(visitors::table.find(ada.id))
        .set((
            visitors::email.eq("ADA@example.org"),
            visitors::readable_id.eq(None::<String>),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let (id, _) = stored(&kit, &mail(&to, "1", "Hello", "hi")).await;
    assert_eq!(seen(&kit, &ws, id).await.visitor_id, Some(ada.id));
    let readable: Option<String> = visitors::table
        .find(ada.id)
        .select(visitors::readable_id)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(readable.is_some());
}

#[tokio::test]
async fn answers_find_their_conversation_within_the_workspace() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (to, foreign) = (take_mail(&kit, &ws).await, take_mail(&kit, &other).await);
    let (first, _) = stored(&kit, &mail(&to, "1", "Hello", "one")).await;
    kit.clock.advance(1000);
    let answer =
        |id: &str, headers: Value| with(mail(&to, id, "Something else", "more"), json!({ "headers": headers }));
    let by_reply = answer("2", json!({ "In-Reply-To": " <1@example.org> " }));
    let by_reference = answer("3", json!({ "references": "<unknown@x>\n <1@example.org>" }));
    let by_subject = mail(&to, "4", "RE: hello", "again");
    let by_repeated = mail(&to, "5", "Re: Fwd: Re: Hello", "and again");
    for body in [&by_reply, &by_reference, &by_subject] {
        assert_eq!(stored(&kit, body).await.0, first, "{body}");
    }
    assert_eq!(stored(&kit, &by_repeated).await.0, first);
    let conversation = seen(&kit, &ws, first).await;
    assert_eq!(conversation.unread_by_agent, Some(Int(5)));
    assert!(conversation.last_message_at > Some(conversation.created_at));
    // The same ids at another workspace's address are strangers there.
    let stranger = with(
        mail(&foreign, "6", "x", "hi"),
        json!({ "headers": { "In-Reply-To": "<1@example.org>" } }),
    );
    let (elsewhere, _) = stored(&kit, &stranger).await;
    assert_ne!(elsewhere, first);
    assert_eq!(seen(&kit, &other, elsewhere).await.workspace_id, other.id);
    // Another sender of the same subject, an empty subject and an old one begin anew.
    let another = with(mail(&to, "7", "Hello", "me too"), json!({ "from": "bob@example.org" }));
    assert_ne!(stored(&kit, &another).await.0, first);
    let (empty, _) = stored(&kit, &mail(&to, "8", "", "x")).await;
    assert_ne!(stored(&kit, &mail(&to, "9", "Re:", "y")).await.0, empty);
    kit.clock.advance(91 * Millis::DAY);
    assert_ne!(stored(&kit, &mail(&to, "10", "Hello", "long ago")).await.0, first);
}

#[tokio::test]
async fn a_closed_conversation_opens_again_and_a_snoozed_one_does_not() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let (id, _) = stored(&kit, &mail(&to, "1", "Hello", "one")).await;
    for (n, (status, after)) in [("closed", "open"), ("snoozed", "snoozed")].into_iter().enumerate() {
        let update = json!({ "id": id, "status": status });
        kit.call_json(&ws.owner, "conversations:updateStatus", update)
            .await
            .unwrap();
        let resolved = seen(&kit, &ws, id).await.resolved_at;
        stored(&kit, &mail(&to, &format!("again {n}"), "Hello", "more")).await;
        let conversation = seen(&kit, &ws, id).await;
        assert_eq!(
            (conversation.status.as_str(), conversation.resolved_at),
            (after, resolved)
        );
    }
}

#[tokio::test]
async fn a_mail_is_taken_in_once_however_often_it_comes() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (to, foreign) = (take_mail(&kit, &ws).await, take_mail(&kit, &other).await);
    let body = mail(&to, "1", "Hello", "one");
    let taken = join_all((0..10).map(|_| stored(&kit, &body))).await;
    assert!(taken.iter().all(|(id, _)| *id == taken[0].0));
    assert_eq!(taken.iter().filter(|(_, duplicate)| !duplicate).count(), 1);
    // By the provider's id where the mail has none of its own.
    let nameless = json!({ "email_id": "e1", "from": "a@x.com", "to": to, "subject": "x", "text": "y" });
    assert!(!stored(&kit, &nameless).await.1);
    assert!(stored(&kit, &nameless).await.1);
    let without = json!({ "from": "a@x.com", "to": to, "subject": "", "text": "no id at all" });
    assert!(!stored(&kit, &without).await.1);
    assert!(!stored(&kit, &without).await.1);
    assert!(
        !stored(&kit, &mail(&foreign, "1", "Hello", "one")).await.1,
        "another workspace's"
    );
    let rows: i64 = messages::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(rows, 5);
    let made: Vec<String> = email_threads::table
        .filter(email_threads::subject.eq(""))
        .select(email_threads::message_id)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(
        made.iter().all(|id| id.ends_with("@inbound") && !id.starts_with('<')),
        "{made:?}"
    );
}

#[tokio::test]
async fn a_mail_goes_to_the_first_workspace_that_it_names() {
    let kit = kit().await;
    let (ws, off) = (kit.workspace().await, kit.workspace().await);
    let to = take_mail(&kit, &ws).await;
    let disabled = json!({ "workspaceId": off.id, "enabled": false });
    kit.call_json(&off.owner, "emailChannel:upsertEmailConfig", disabled)
        .await
        .unwrap();
    let closed = address(&kit, &off).await;
    let to_nobody = mail("nobody@example.com", "0", "x", "y");
    assert_eq!(report(&kit, &to_nobody).await.unwrap(), Received::UnknownRecipient);
    assert_eq!(
        report(&kit, &mail(&closed, "0", "x", "y")).await.unwrap(),
        Received::Disabled
    );
    let upper = format!("Support <{}>", to.to_uppercase());
    for (n, more) in [
        json!({ "to": ["nobody@x.com", upper] }),
        json!({ "to": "nobody@x.com", "cc": [to] }),
        json!({ "to": "nobody@x.com", "bcc": [to] }),
        json!({ "to": [], "received_for": [to] }),
        json!({ "to": null, "headers": { "Delivered-To": to } }),
        json!({ "to": "support@acme.com", "headers": { "X-Forwarded-To": format!("a@x.com, {to}") } }),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(mail(&to, &format!("r{n}"), &format!("subject {n}"), "y"), more);
        let (id, _) = stored(&kit, &body).await;
        assert_eq!(seen(&kit, &ws, id).await.workspace_id, ws.id);
    }
}

#[tokio::test]
async fn a_forwarded_mail_is_a_conversation_with_whoever_wrote_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let (first, _) = stored(&kit, &mail(&to, "1", "Broken", "mine")).await;
    let text = "See below.\n\n---------- Forwarded message ---------\nFrom: Grace <Grace@Customer.example>\n\nIt is broken.\n> quoted";
    let body = with(
        mail(&to, "2", "Fwd: Re: Broken", text),
        json!({ "cc": ["b@x.com"], "headers": { "In-Reply-To": "<1@example.org>" } }),
    );
    let (id, _) = stored(&kit, &body).await;
    assert_ne!(id, first);
    let conversation = seen(&kit, &ws, id).await;
    assert_eq!(conversation.subject.as_deref(), Some("Fwd: Re: Broken"));
    let messages = thread(&kit, &ws, id).await;
    assert_eq!(messages[0].message.content, text, "what was passed on is the point");
    assert_eq!(
        serde_json::to_value(&messages[0].message.email_metadata).unwrap(),
        json!({
            "subject": "Fwd: Re: Broken", "from": "Grace <Grace@Customer.example>", "to": [to],
            "messageId": "<2@example.org>",
        })
    );
    let row: (String, String, Option<String>) = email_threads::table
        .filter(email_threads::conversation_id.eq(id))
        .select((
            email_threads::sender_email,
            email_threads::normalized_subject,
            email_threads::in_reply_to,
        ))
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(row, ("grace@customer.example".to_owned(), "broken".to_owned(), None));
    let waiting: i64 = jobs::table
        .filter(jobs::kind.eq("inbox.notify_new_message"))
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(waiting, 1, "of the first mail alone");
}

#[tokio::test]
async fn what_nobody_wrote_is_dropped_and_noted() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let own = format!("Support <{to}>");
    let alias = to.replace('@', "+token@");
    for more in [
        json!({ "from": own }),
        json!({ "from": alias }),
        json!({ "from": "noreply@opencom.test" }),
        json!({ "headers": { "Auto-Submitted": "auto-replied" } }),
    ] {
        let body = with(mail(&to, &more.to_string().len().to_string(), "x", "y"), more);
        assert_eq!(report(&kit, &body).await.unwrap(), Received::Dropped, "{body}");
        assert_eq!(report(&kit, &body).await.unwrap(), Received::Dropped, "again");
    }
    let dropped = |reason: &str| ("dropped".to_owned(), Some(reason.to_owned()));
    let own = dropped("own_address");
    assert_eq!(
        outcomes(&kit).await,
        [own.clone(), own.clone(), own, dropped("automatic")]
    );
    let rows: i64 = messages::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    let kept: Option<Value> = inbound_emails::table
        .select(inbound_emails::original)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(kept.unwrap()["text"], "y", "what it said is kept");
    stored(
        &kit,
        &with(
            mail(&to, "no", "x", "y"),
            json!({ "headers": { "Auto-Submitted": "no" } }),
        ),
    )
    .await;
}

#[tokio::test]
async fn a_mail_without_a_sender_is_kept_for_the_members_and_makes_no_visitor() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    for (n, from) in [json!(null), json!(""), json!(" "), json!("Ada <>"), json!(7)]
        .into_iter()
        .enumerate()
    {
        let senderless = with(
            mail(&to, &n.to_string(), "Hello", "Nobody & me"),
            json!({ "from": from }),
        );
        let (id, duplicate) = stored(&kit, &senderless).await;
        assert!(!duplicate);
        assert_eq!(stored(&kit, &senderless).await, (id, true), "{from}");
        let conversation = seen(&kit, &ws, id).await;
        assert_eq!(
            (conversation.visitor_id, conversation.unread_by_agent),
            (None, Some(Int(1))),
            "{from}"
        );
        let message = thread(&kit, &ws, id).await.remove(0).message;
        assert_eq!(
            (message.sender_type, message.content.as_str()),
            (
                SenderType::Bot,
                "A mail came that does not say whom it is from:\n\nNobody & me"
            )
        );
    }
    assert_eq!(
        outcomes(&kit).await,
        vec![("unreadable".to_owned(), Some("unreadable".to_owned())); 5]
    );
    let originals: Vec<Option<Value>> = inbound_emails::table
        .select(inbound_emails::original)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(originals.iter().flatten().all(|kept| kept["text"] == "Nobody & me") && !originals.contains(&None));
    let visitors: i64 = visitors::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(visitors, 0);
}

#[tokio::test]
async fn files_that_no_mail_took_are_deleted() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let raw = travelled(include_bytes!("mails/winmail.eml"), &[("inbox", &to)]);
    // The second one's files are in the store before it turns out to be known.
    for _ in 0..2 {
        stored(&kit, &bringing(&raw)).await;
    }
    let announced: Vec<Value> = jobs::table
        .filter(jobs::kind.eq("inbox.drop_unclaimed_files"))
        .order(jobs::created_at)
        .select(jobs::payload)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    let keys: Vec<_> = announced
        .iter()
        .map(|job| FileKey::new(job["files"][0].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(keys.len(), 2);
    kit.clock.advance(Millis::HOUR);
    kit.run_jobs().await;
    assert!(kit.files.open(&keys[0], None).await.is_ok());
    assert!(kit.files.open(&keys[1], None).await.is_err());
    let rows: i64 = stored_files::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_workspace_sets_up_its_mail() {
    let kit = kit().await;
    let (ws, stranger) = (kit.workspace().await, kit.workspace().await);
    let agent = kit.agent(&ws, opencom_core::Role::Agent).await;
    let get = json!({ "workspaceId": ws.id });
    assert_eq!(
        kit.call_json(&ws.owner, "emailChannel:getEmailConfig", get.clone())
            .await
            .unwrap(),
        Value::Null
    );
    let config = json!({
        "workspaceId": ws.id, "enabled": true, "fromName": "Us", "fromEmail": "us@x.com", "signature": "<b>Us</b>",
    });
    assert_eq!(
        refusal(
            kit.call_json(&agent, "emailChannel:upsertEmailConfig", config.clone())
                .await
        ),
        "PERMISSION_DENIED: Permission denied: settings.integrations"
    );
    let made =
        join_all((0..5).map(|_| kit.call_json(&ws.owner, "emailChannel:upsertEmailConfig", config.clone()))).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|id| id.as_ref().unwrap() == first));
    let before = kit
        .call_json(&ws.owner, "emailChannel:getEmailConfig", get.clone())
        .await
        .unwrap();
    assert_eq!((&before["fromName"], &before["enabled"]), (&json!("Us"), &json!(true)));
    let less = json!({ "workspaceId": ws.id, "enabled": false });
    kit.call_json(&ws.owner, "emailChannel:upsertEmailConfig", less)
        .await
        .unwrap();
    let after = kit
        .call_json(&ws.owner, "emailChannel:getEmailConfig", get.clone())
        .await
        .unwrap();
    assert_eq!(after.get("fromName").or(after.get("signature")), None);
    assert_eq!(after["forwardingAddress"], before["forwardingAddress"]);
    assert_eq!(
        kit.call_json(&agent, "emailChannel:getEmailConfig", get).await.unwrap(),
        Value::Null
    );
    // Whoever has an address that ends alike gets a longer one.
    let taken = format!(
        "UPDATE email_configs SET forwarding_address = 'inbox-{}@mail.opencom.app'",
        &stranger.id.to_string()[24..]
    );
    kit.connection().await.batch_execute(&taken).await.unwrap();
    let longer = take_mail(&kit, &stranger).await;
    assert_eq!(
        longer,
        format!("inbox-{}@mail.opencom.app", &stranger.id.to_string()[20..])
    );
}

#[tokio::test]
async fn mail_in_a_chat_is_no_chat() {
    let kit = kit().await;
    let ws: Workspace = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let visitor = kit.visitor(&ws).await;
    let chat = open(&kit, &ws, &visitor).await;
    let (id, _) = stored(&kit, &mail(&to, "1", "Hello", "one")).await;
    assert_ne!(id, chat.id);
}
