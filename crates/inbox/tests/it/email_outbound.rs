//! Answers that go out as mail, through a mail server on this machine, and how far they got.

use crate::support::{changed, kit, kit_with};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mail_parser::MessageParser;
use opencom_contract::conversations::Channel;
use opencom_contract::email_channel::{InternalNoteDelivery, Received};
use opencom_contract::messages::{DeliveryStatus, Message};
use opencom_core::id::{ConversationId, MessageId, UserId};
use opencom_core::{Int, Millis, Role};
use opencom_schema::{early_mail_reports, jobs, messages};
use opencom_testkit::{Kit, Settings, Workspace};
use serde_json::{Value, json};

use crate::attachments::staged_by_agent;
use crate::chat::{answer, message, refusal, seen};
use crate::email_support::{bringing, report, stored, take_mail, thread, travelled};
use crate::smtp::{Mood, SmtpServer};

/// Services that send through a mail server, a workspace that takes mail, and a conversation by mail in it.
struct Office {
    kit: Kit,
    smtp: SmtpServer,
    ws: Workspace,
    address: String,
    conversation: ConversationId,
}

impl Office {
    async fn open() -> Self {
        let smtp = SmtpServer::start().await;
        let kit = kit_with(Settings {
            email: Some(smtp.adapter()),
            ..Settings::default()
        })
        .await;
        let ws = kit.workspace().await;
        let address = take_mail(&kit, &ws).await;
        let raw = travelled(include_bytes!("mails/plain_thunderbird.eml"), &[("inbox", &address)]);
        let (conversation, _) = stored(&kit, &bringing(&raw)).await;
        Self {
            kit,
            smtp,
            ws,
            address,
            conversation,
        }
    }

    async fn newest(&self) -> Message {
        thread(&self.kit, &self.ws, self.conversation).await.pop().unwrap()
    }

    async fn status(&self) -> Option<DeliveryStatus> {
        self.newest().await.message.delivery_status
    }

    async fn delivery_error(&self, id: MessageId) -> Option<String> {
        messages::table
            .find(id)
            .select(messages::delivery_error)
            .first(&mut self.kit.connection().await)
            .await
            .unwrap()
    }

    fn reply(&self, more: Value) -> Value {
        let mut reply = json!({
            "conversationId": self.conversation, "agentId": self.ws.owner.user_id, "to": ["ada@example.org"],
            "subject": "Re: Your order", "htmlBody": "<p>On its <b>way</b></p>",
        });
        reply.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        reply
    }
}

/// What the provider reports about the mail that it calls `id`.
async fn reported(kit: &Kit, kind: &str, id: &str) {
    let body = json!({ "type": kind, "created_at": "x", "data": { "email_id": id } }).to_string();
    let body = body.into_bytes();
    kit.invoke(InternalNoteDelivery::builder().body(body).build())
        .await
        .unwrap();
}

const FIRST: &str = "<5f1c2d3e-1111-4a4a-9b9b-0c0c0c0c0c0c@example.org>";

#[tokio::test]
async fn an_agents_message_goes_out_as_mail_and_its_answer_comes_back() {
    let mut office = Office::open().await;
    let id = answer(&office.kit, &office.ws.owner, office.conversation, "On its way\n<soon>")
        .await
        .unwrap();
    let pending = office.newest().await.message;
    assert_eq!(
        (pending.channel, pending.delivery_status),
        (Some(Channel::Email), Some(DeliveryStatus::Pending))
    );
    assert_eq!(pending.content, "On its way\n<soon>");
    office.kit.run_jobs().await;
    let mail = office.smtp.next().await;
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        (office.address.as_str(), &["ada@example.org".to_owned()][..])
    );
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    let header = |name: &'static str| parsed.header_raw(name).unwrap().trim().to_owned();
    assert_eq!(parsed.subject(), Some("Re: Where is my order?"));
    assert_eq!(header("In-Reply-To"), FIRST);
    assert_eq!(header("References"), FIRST);
    let metadata = pending.email_metadata.unwrap();
    assert_eq!(Some(header("Message-ID")), metadata.message_id);
    assert!(header("Message-ID").ends_with(&format!(".{}@mail.opencom.app>", office.ws.id)));
    assert_eq!(metadata.in_reply_to.as_deref(), Some(FIRST));
    assert_eq!(parsed.body_text(0).unwrap().trim(), "On its way\r\n<soon>");
    let html = parsed.body_html(0).unwrap();
    assert!(html.contains("On its way<br>&lt;soon&gt;"), "{html}");
    let alias = parsed
        .reply_to()
        .unwrap()
        .first()
        .unwrap()
        .address()
        .unwrap()
        .to_owned();
    assert_ne!(alias, office.address);
    assert_eq!(office.status().await, Some(DeliveryStatus::Sent));
    let row = seen(&office.kit, &office.ws, office.conversation).await;
    assert!(row.first_response_at.is_some() && row.unread_by_visitor == Some(Int(1)));

    // By the address alone: id, subject and sender are others, as some programs have it.
    let rewritten = json!({
        "from": "Ada <ada@elsewhere.example>", "to": [format!("Support <{}>", alias.to_uppercase())],
        "subject": "thanks", "text": "Thank you!", "headers": { "Message-ID": "<rewritten@x>" },
    });
    assert_eq!(stored(&office.kit, &rewritten).await, (office.conversation, false));
    // By the ids alone, as most have it; our own mail's id has become one of a thread.
    let usual = json!({
        "from": "ada@example.org", "to": [office.address], "subject": "x", "text": "usual",
        "headers": { "Message-ID": "<usual@x>", "In-Reply-To": header("Message-ID") },
    });
    assert_eq!(stored(&office.kit, &usual).await.0, office.conversation);
    // A name that nobody signed opens nothing.
    let forged = json!({
        "from": "eve@example.org", "to": [office.address.replace('@', "+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@")],
        "subject": "y", "text": "forged", "headers": { "Message-ID": "<forged@x>" },
    });
    assert_ne!(stored(&office.kit, &forged).await.0, office.conversation);
    // The next answer goes to whoever wrote last, and carries the whole thread.
    let next = answer(&office.kit, &office.ws.owner, office.conversation, "You are welcome")
        .await
        .unwrap();
    assert_ne!(next, id);
    office.kit.run_jobs().await;
    let mail = office.smtp.next().await;
    assert_eq!(mail.to, ["ada@example.org"]);
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    assert_eq!(parsed.header_raw("In-Reply-To").unwrap().trim(), "<usual@x>");
    assert!(office.smtp.is_idle());
}

#[tokio::test]
async fn a_reply_carries_what_it_is_given() {
    let mut office = Office::open().await;
    let config = json!({
        "workspaceId": office.ws.id, "enabled": true, "fromName": "Acme Support", "fromEmail": "help@acme.example",
        "signature": "<i>Acme</i>",
    });
    let owner = office.ws.owner.clone();
    office
        .kit
        .call_json(&owner, "emailChannel:upsertEmailConfig", config)
        .await
        .unwrap();
    let reply = office.reply(json!({
        "cc": ["Bob <bob@example.org>"], "bcc": ["eve@example.org"], "textBody": "On its way", "replyToMessageId": FIRST,
    }));
    let sent = office
        .kit
        .call_json(&owner, "emailChannel:sendEmailReply", reply)
        .await
        .unwrap();
    let message = office.newest().await.message;
    assert_eq!(sent["messageId"], json!(message.id));
    let metadata = message.email_metadata.unwrap();
    assert_eq!(sent["emailMessageId"], json!(metadata.message_id));
    assert_eq!(
        serde_json::to_value(&metadata).unwrap(),
        json!({
            "subject": "Re: Your order", "from": "help@acme.example", "to": ["ada@example.org"],
            "cc": ["Bob <bob@example.org>"], "bcc": ["eve@example.org"], "messageId": sent["emailMessageId"],
            "inReplyTo": FIRST, "references": [FIRST],
        })
    );
    office.kit.run_jobs().await;
    let mail = office.smtp.next().await;
    assert_eq!(mail.to, ["ada@example.org", "bob@example.org", "eve@example.org"]);
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    let from = parsed.from().unwrap().first().unwrap().clone();
    assert_eq!(
        (from.name(), from.address()),
        (Some("Acme Support"), Some("help@acme.example"))
    );
    assert!(parsed.bcc().is_none() && !String::from_utf8_lossy(&mail.data).contains("eve@"));
    let html = parsed.body_html(0).unwrap();
    assert!(
        html.contains("<p>On its <b>way</b></p><br><br>--<br><i>Acme</i>"),
        "{html}"
    );
    assert_eq!(parsed.body_text(0).unwrap().trim(), "On its way");
    // Our own mail that comes back, as a copy would, goes round no further.
    let back = bringing(&mail.data);
    let mut back = back;
    back["to"] = json!([office.address]);
    assert_eq!(report(&office.kit, &back).await.unwrap(), Received::Dropped);
}

#[tokio::test]
async fn a_reply_is_refused_where_it_cannot_be() {
    let office = Office::open().await;
    let (kit, ws) = (&office.kit, &office.ws);
    let (viewer, stranger) = (kit.agent(ws, Role::Viewer).await, kit.workspace().await);
    let as_themselves = |user: UserId| office.reply(json!({ "agentId": user }));
    for (agent, reply, expected) in [
        (
            &ws.owner,
            as_themselves(viewer.user_id),
            "NOT_AUTHORIZED: Cannot send email as another agent",
        ),
        (
            &ws.owner,
            office.reply(json!({ "conversationId": ConversationId::generate() })),
            "NOT_FOUND: Conversation not found",
        ),
        (
            &viewer,
            as_themselves(viewer.user_id),
            "PERMISSION_DENIED: Permission denied: conversations.reply",
        ),
        (
            &stranger.owner,
            as_themselves(stranger.owner.user_id),
            "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
        ),
        (
            &ws.owner,
            office.reply(json!({ "to": ["no address"] })),
            "INVALID_INPUT: to must be 1 to 50 e-mail addresses, copies included",
        ),
        (
            &ws.owner,
            office.reply(json!({ "subject": "a\r\nBcc: eve@x.com" })),
            "INVALID_INPUT: subject must be one line",
        ),
    ] {
        assert_eq!(
            refusal(kit.call_json(agent, "emailChannel:sendEmailReply", reply).await),
            expected
        );
    }
    let off = json!({ "workspaceId": ws.id, "enabled": false });
    kit.call_json(&ws.owner, "emailChannel:upsertEmailConfig", off)
        .await
        .unwrap();
    let outcome = kit
        .call_json(&ws.owner, "emailChannel:sendEmailReply", office.reply(json!({})))
        .await;
    assert_eq!(
        refusal(outcome),
        "INVALID_INPUT: Email channel not configured for this workspace"
    );
    // What an agent writes there is a chat message then.
    answer(kit, &ws.owner, office.conversation, "hello").await.unwrap();
    let message = office.newest().await.message;
    assert_eq!((message.channel, message.delivery_status), (None, None));
}

#[tokio::test]
async fn a_failure_stands_on_the_message_until_the_mail_is_sent() {
    let mut office = Office::open().await;
    office.smtp.is(Mood::Busy);
    let id = answer(&office.kit, &office.ws.owner, office.conversation, "hello")
        .await
        .unwrap();
    office.kit.run_jobs().await;
    assert_eq!(office.status().await, Some(DeliveryStatus::Failed));
    let error = office.delivery_error(id).await.unwrap();
    assert!(error.contains("busy"), "{error}");
    office.smtp.is(Mood::Accepts);
    office.kit.clock.advance(Millis::MINUTE);
    office.kit.run_jobs().await;
    // The members are told of the first message by then.
    let mut to = [office.smtp.next().await.to, office.smtp.next().await.to].concat();
    to.sort();
    let mut expected = ["ada@example.org".to_owned(), office.ws.owner.email.clone()];
    expected.sort();
    assert_eq!(to, expected);
    assert_eq!(
        (office.status().await, office.delivery_error(id).await),
        (Some(DeliveryStatus::Sent), None)
    );

    office.smtp.is(Mood::Refuses);
    let id = answer(&office.kit, &office.ws.owner, office.conversation, "again")
        .await
        .unwrap();
    office.kit.run_jobs().await;
    assert_eq!(office.status().await, Some(DeliveryStatus::Failed));
    assert!(office.delivery_error(id).await.unwrap().contains("no such user"));
    let waiting: i64 = jobs::table
        .filter(jobs::kind.eq("inbox.send_email"))
        .count()
        .get_result(&mut office.kit.connection().await)
        .await
        .unwrap();
    assert_eq!(waiting, 0, "refused for good");
    assert!(office.smtp.is_idle());
}

#[tokio::test]
async fn files_go_along() {
    let mut office = Office::open().await;
    let file = staged_by_agent(&office.kit, &office.ws.owner, &office.ws, "invoice.pdf").await;
    let send = changed(
        message(
            office.conversation,
            opencom_contract::messages::SenderType::Agent,
            "attached",
        ),
        |request| request.attachment_ids = Some(vec![file]),
    );
    office.kit.call(&office.ws.owner, &send).await.unwrap();
    office.kit.run_jobs().await;
    let mail = office.smtp.next().await;
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    let attached = parsed.attachment(0).unwrap();
    use mail_parser::MimeHeaders as _;
    assert_eq!(
        (attached.attachment_name(), attached.contents()),
        (Some("invoice.pdf"), &b"content"[..])
    );
}

#[tokio::test]
async fn reports_and_mails_that_come_back_say_how_far_a_mail_got() {
    let mut office = Office::open().await;
    let id = answer(&office.kit, &office.ws.owner, office.conversation, "hello")
        .await
        .unwrap();
    office.kit.run_jobs().await;
    office.smtp.next().await;
    diesel::update(messages::table.find(id))
        .set(messages::provider_mail_id.eq("e1"))
        .execute(&mut office.kit.connection().await)
        .await
        .unwrap();
    for (kind, mail, expected) in [
        ("email.delivered", "unknown", DeliveryStatus::Sent),
        ("email.complained", "e1", DeliveryStatus::Sent),
        ("email.delivered", "e1", DeliveryStatus::Delivered),
        ("email.sent", "e1", DeliveryStatus::Delivered),
        ("email.bounced", "e1", DeliveryStatus::Bounced),
        ("email.opened", "e1", DeliveryStatus::Bounced),
    ] {
        reported(&office.kit, kind, mail).await;
        assert_eq!(office.status().await, Some(expected), "{kind} {mail}");
    }

    let second = answer(&office.kit, &office.ws.owner, office.conversation, "again")
        .await
        .unwrap();
    office.kit.run_jobs().await;
    office.smtp.next().await;
    let sent = office
        .newest()
        .await
        .message
        .email_metadata
        .unwrap()
        .message_id
        .unwrap();
    let raw = travelled(
        include_bytes!("mails/bounce.eml"),
        &[("inbox", &office.address), ("sent", &sent)],
    );
    let count = thread(&office.kit, &office.ws, office.conversation).await.len();
    assert_eq!(report(&office.kit, &bringing(&raw)).await.unwrap(), Received::Dropped);
    assert_eq!(office.status().await, Some(DeliveryStatus::Bounced));
    assert!(office.delivery_error(second).await.is_some());
    assert_eq!(
        thread(&office.kit, &office.ws, office.conversation).await.len(),
        count,
        "and is no message"
    );
    let raw = travelled(include_bytes!("mails/auto_reply.eml"), &[("inbox", &office.address)]);
    assert_eq!(report(&office.kit, &bringing(&raw)).await.unwrap(), Received::Dropped);
    office.kit.run_jobs().await;
    assert!(office.smtp.is_idle(), "and nobody answers it");
}

#[tokio::test]
async fn a_mail_that_was_sent_is_not_sent_again() {
    let mut office = Office::open().await;
    answer(&office.kit, &office.ws.owner, office.conversation, "hello")
        .await
        .unwrap();
    let payload: Value = jobs::table
        .filter(jobs::kind.eq("inbox.send_email"))
        .select(jobs::payload)
        .first(&mut office.kit.connection().await)
        .await
        .unwrap();
    office.kit.run_jobs().await;
    office.smtp.next().await;
    diesel::insert_into(jobs::table)
        .values((
            jobs::id.eq(opencom_core::id::JobId::generate()),
            jobs::kind.eq("inbox.send_email"),
            jobs::payload.eq(payload),
            jobs::state.eq("ready"),
            jobs::run_at.eq(office.kit.clock.now()),
            jobs::created_at.eq(office.kit.clock.now()),
        ))
        .execute(&mut office.kit.connection().await)
        .await
        .unwrap();
    office.kit.run_jobs().await;
    assert!(office.smtp.is_idle());
}

/// A conversation by mail whose answers a provider takes that calls the first one `recorded-1`, the next `recorded-2`.
async fn recorded() -> (Kit, Workspace, ConversationId) {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let address = take_mail(&kit, &ws).await;
    let raw = travelled(include_bytes!("mails/plain_thunderbird.eml"), &[("inbox", &address)]);
    let (conversation, _) = stored(&kit, &bringing(&raw)).await;
    (kit, ws, conversation)
}

/// How far the mail of a message got, and why not further.
async fn delivery(kit: &Kit, id: MessageId) -> (Option<DeliveryStatus>, bool) {
    messages::table
        .find(id)
        .select((messages::delivery_status, messages::delivery_error.is_not_null()))
        .first(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn waiting_reports(kit: &Kit) -> i64 {
    early_mail_reports::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn reports_count_whether_they_come_before_the_mail_is_known_or_after() {
    let (kit, ws, conversation) = recorded().await;
    let cases: [(&[&str], DeliveryStatus, bool); 5] = [
        (&["email.sent"], DeliveryStatus::Sent, false),
        (&["email.sent", "email.delivered"], DeliveryStatus::Delivered, false),
        (&["email.bounced", "email.delivered"], DeliveryStatus::Bounced, true),
        (&["email.failed"], DeliveryStatus::Failed, true),
        (&["email.complained"], DeliveryStatus::Sent, false),
    ];
    let mut mails = 0;
    for (kinds, status, is_wrong) in cases {
        for before in 0..=kinds.len() {
            let id = answer(&kit, &ws.owner, conversation, "hello").await.unwrap();
            mails += 1;
            let mail = format!("recorded-{mails}");
            let (early, late) = kinds.split_at(before);
            for kind in early {
                reported(&kit, kind, &mail).await;
                reported(&kit, kind, &mail).await;
            }
            kit.run_jobs().await;
            for kind in late {
                reported(&kit, kind, &mail).await;
            }
            assert_eq!(delivery(&kit, id).await, (Some(status), is_wrong), "{early:?} {late:?}");
            assert_eq!(waiting_reports(&kit).await, 0);
        }
    }
    assert_eq!(kit.mail.sent().len(), mails);
}

#[tokio::test]
async fn a_report_that_comes_while_the_mail_is_written_down_counts() {
    let (kit, ws, conversation) = recorded().await;
    for n in 1..=20 {
        let id = answer(&kit, &ws.owner, conversation, "hello").await.unwrap();
        let mail = format!("recorded-{n}");
        tokio::join!(kit.run_jobs(), async {
            while kit.mail.sent().len() < n {
                tokio::task::yield_now().await;
            }
            reported(&kit, "email.delivered", &mail).await;
        });
        assert_eq!(delivery(&kit, id).await, (Some(DeliveryStatus::Delivered), false));
    }
}

#[tokio::test]
async fn what_is_reported_by_the_mails_own_id_before_it_is_written_down_stays() {
    let (kit, ws, conversation) = recorded().await;
    let id = answer(&kit, &ws.owner, conversation, "hello").await.unwrap();
    let metadata = thread(&kit, &ws, conversation)
        .await
        .pop()
        .unwrap()
        .message
        .email_metadata;
    let message_id = metadata.unwrap().message_id.unwrap();
    tokio::join!(kit.run_jobs(), async {
        while kit.mail.sent().is_empty() {
            tokio::task::yield_now().await;
        }
        reported(&kit, "email.bounced", &message_id).await;
    });
    assert_eq!(delivery(&kit, id).await, (Some(DeliveryStatus::Bounced), true));
}

#[tokio::test]
async fn reports_of_mails_that_are_no_messages_wait_for_a_day() {
    let kit = kit().await;
    reported(&kit, "email.delivered", "of a code").await;
    reported(&kit, "email.opened", &"x".repeat(5000)).await;
    reported(&kit, "email.sent", "of another").await;
    reported(&kit, "email.delivered", "a\0b").await;
    assert_eq!(waiting_reports(&kit).await, 2);
    kit.clock.advance(Millis::DAY - Millis::HOUR);
    kit.run_jobs().await;
    assert_eq!(waiting_reports(&kit).await, 2);
    reported(&kit, "email.delivered", "of a later one").await;
    kit.clock.advance(2 * Millis::HOUR);
    kit.run_jobs().await;
    assert_eq!(waiting_reports(&kit).await, 1);
}
